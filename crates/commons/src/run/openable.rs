use async_trait::async_trait;

use crate::errors::ApplicationError;

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
