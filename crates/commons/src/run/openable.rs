use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    errors::ApplicationError,
    refer::{Component, cast},
};

/// A component that holds resources until it is closed; ports `IClosable`.
#[async_trait]
pub trait IClosable: Send + Sync {
    /// Frees what the component holds. Closing twice, or what was never open, is Ok.
    ///
    /// # Errors
    /// Those of the component. It is closed all the same.
    async fn close(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError>;
}

/// A component that must be opened before use; ports `IOpenable`.
///
/// What can be opened can be closed, whether or not it offers `dyn IClosable` by itself; see [`closable`].
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use async_trait::async_trait;
/// use pip_services_commons::{component, errors::ApplicationError, run::{IClosable, IOpenable}};
///
/// #[derive(Default)]
/// struct Door { is_open: AtomicBool }
/// component!(Door: dyn IOpenable, dyn IClosable);
///
/// #[async_trait]
/// impl IOpenable for Door {
///     fn is_open(&self) -> bool { self.is_open.load(Ordering::Acquire) }
///
///     async fn open(&self, _correlation_id: Option<&str>) -> Result<(), ApplicationError> {
///         self.is_open.store(true, Ordering::Release);
///         Ok(())
///     }
/// }
///
/// #[async_trait]
/// impl IClosable for Door {
///     async fn close(&self, _correlation_id: Option<&str>) -> Result<(), ApplicationError> {
///         self.is_open.store(false, Ordering::Release);
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait IOpenable: IClosable {
    /// Whether `open` succeeded and `close` has not been called since.
    fn is_open(&self) -> bool;

    /// Makes the component ready. Opening twice is Ok.
    ///
    /// # Errors
    /// Those of the component; it is then closed, with nothing left behind.
    async fn open(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError>;
}

/// The component as what can be closed: by `dyn IClosable`, or else by `dyn IOpenable`, which is closable too.
///
/// ```
/// use std::sync::Arc;
/// use async_trait::async_trait;
/// use pip_services_commons::{
///     component,
///     errors::ApplicationError,
///     refer::Component,
///     run::{IClosable, closable},
/// };
///
/// struct Door;
/// component!(Door: dyn IClosable);
///
/// #[async_trait]
/// impl IClosable for Door {
///     async fn close(&self, _correlation_id: Option<&str>) -> Result<(), ApplicationError> { Ok(()) }
/// }
///
/// struct Wall;
/// component!(Wall);
///
/// let (door, wall): (Arc<dyn Component>, Arc<dyn Component>) = (Arc::new(Door), Arc::new(Wall));
/// assert!(closable(&door).is_some() && closable(&wall).is_none());
/// ```
pub fn closable(component: &Arc<dyn Component>) -> Option<Arc<dyn IClosable>> {
    cast::<dyn IClosable>(component).or_else(|| Some(cast::<dyn IOpenable>(component)?))
}
