/// Makes a struct around a [`Factory`](crate::build::Factory) a factory itself: an
/// [`IFactory`](crate::build::IFactory), a component, and `Default` by its `new`.
///
/// ```
/// use std::sync::Arc;
/// use pip_services_commons::{component, refer::Descriptor};
/// use pip_services_components::{build::{Factory, IFactory}, factory};
///
/// struct Handler;
/// component!(Handler);
///
/// /// Makes the components of this service.
/// pub struct ServiceFactory(Factory);
/// factory!(ServiceFactory);
///
/// impl ServiceFactory {
///     /// A factory of all of them.
///     pub fn new() -> Self {
///         let mut factory = Factory::new();
///         factory.register(Descriptor::new("shop", "handler", "orders", "*", "1.0"), |_| Ok(Arc::new(Handler)));
///         Self(factory)
///     }
/// }
///
/// assert!(ServiceFactory::default().create(&"shop:handler:orders:main:1.0".parse()?).is_ok());
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
#[macro_export]
macro_rules! factory {
    ($ty:ty) => {
        $crate::__commons::component!($ty: dyn $crate::build::IFactory);

        impl ::std::default::Default for $ty {
            fn default() -> Self {
                Self::new()
            }
        }

        impl $crate::build::IFactory for $ty {
            fn can_create(
                &self,
                locator: &$crate::__commons::refer::Descriptor,
            ) -> ::std::option::Option<$crate::__commons::refer::Descriptor> {
                self.0.can_create(locator)
            }

            fn create(
                &self,
                locator: &$crate::__commons::refer::Descriptor,
            ) -> ::std::result::Result<
                ::std::sync::Arc<dyn $crate::__commons::refer::Component>,
                $crate::__commons::errors::ApplicationError,
            > {
                self.0.create(locator)
            }
        }
    };
}
