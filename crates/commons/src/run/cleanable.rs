use async_trait::async_trait;

use crate::errors::ApplicationError;

/// A component whose data can be wiped, mostly between tests; ports `ICleanable`.
#[async_trait]
pub trait ICleanable: Send + Sync {
    /// Removes all data that the component holds.
    ///
    /// # Errors
    /// Those of the component.
    async fn clear(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError>;
}
