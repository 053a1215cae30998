use std::{any::Any, sync::Arc};

use crate::errors::ApplicationError;

/// Anything that the references container can hold.
///
/// Implement it by [`component!`](crate::component), never by hand: the macro lists the interfaces that the
/// component offers, and listing one that the type does not implement fails to compile.
pub trait Component: Any + Send + Sync {
    /// Puts the component into the slot as the interface that the slot asks for, where it offers that one.
    fn offer(self: Arc<Self>, slot: &mut InterfaceSlot<'_>);

    /// The name of the component's type, for messages.
    fn type_name(&self) -> &'static str;
}

/// A question for one interface, which a component answers in [`Component::offer`].
pub struct InterfaceSlot<'a> {
    /// An `Option<Arc<I>>` of the interface asked for.
    slot: &'a mut dyn Any,
}

impl InterfaceSlot<'_> {
    /// Fills the slot with what `make` gives, if it asks for `I`.
    pub fn offer<I: ?Sized + 'static>(&mut self, make: impl FnOnce() -> Arc<I>) {
        if let Some(slot) = self.slot.downcast_mut::<Option<Arc<I>>>() {
            *slot = Some(make());
        }
    }
}

/// The component as the interface or concrete type `I`, or `None` where it does not offer that.
///
/// ```
/// use std::sync::Arc;
/// use pip_services_commons::{component, refer::{Component, cast}};
///
/// trait IGreeter: Send + Sync {}
/// struct Greeter;
/// impl IGreeter for Greeter {}
/// component!(Greeter: dyn IGreeter);
///
/// let component: Arc<dyn Component> = Arc::new(Greeter);
/// assert!(cast::<dyn IGreeter>(&component).is_some());
/// assert!(cast::<Greeter>(&component).is_some());
/// assert!(cast::<String>(&component).is_none());
/// ```
pub fn cast<I: ?Sized + 'static>(component: &Arc<dyn Component>) -> Option<Arc<I>> {
    let mut found: Option<Arc<I>> = None;
    component.clone().offer(&mut InterfaceSlot { slot: &mut found });
    found
}

/// A component's error, with the component's type in its message and in the detail `component`.
pub(crate) fn of_component(component: &dyn Component, error: ApplicationError) -> ApplicationError {
    let name = component.type_name();
    let message = format!("{name}: {error}");
    error.with_message(message).with_details("component", name)
}

/// Makes a type a [`Component`](crate::refer::Component) that offers the listed interfaces.
///
/// The concrete type itself is always offered too, so that `get_one_required::<MyQueue>` works.
///
/// ```
/// use pip_services_commons::{component, config::{ConfigParams, IConfigurable}, errors::ApplicationError};
///
/// struct Plain;
/// component!(Plain);
///
/// struct Configured;
/// impl IConfigurable for Configured {
///     fn configure(&self, _config: &ConfigParams) -> Result<(), ApplicationError> { Ok(()) }
/// }
/// component!(Configured: dyn IConfigurable);
/// ```
///
/// An interface that the type lacks is refused:
///
/// ```compile_fail
/// # use pip_services_commons::{component, config::IConfigurable};
/// struct Wrong;
/// component!(Wrong: dyn IConfigurable);
/// ```
#[macro_export]
macro_rules! component {
    ($ty:ty $(: $($interface:ty),+ $(,)?)?) => {
        impl $crate::refer::Component for $ty {
            fn offer(self: ::std::sync::Arc<Self>, slot: &mut $crate::refer::InterfaceSlot<'_>) {
                $($(slot.offer::<$interface>(|| self.clone());)+)?
                slot.offer::<Self>(|| self);
            }

            fn type_name(&self) -> &'static str {
                ::std::any::type_name::<Self>()
            }
        }
    };
}
