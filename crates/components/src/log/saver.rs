use async_trait::async_trait;
use pip_services_commons::errors::ApplicationError;

use super::LogMessage;

/// Where a [`CachedLogger`](super::CachedLogger) brings its messages; ports `ICachedLogSaver`, in other ports
/// the abstract method `save` of `CachedLogger`.
#[async_trait]
pub trait ICachedLogSaver: Send + Sync {
    /// Saves messages, at least one, the oldest first.
    ///
    /// It is called again only after it has ended. It may log, and be dropped before it has ended.
    ///
    /// # Errors
    /// Whatever kept it from saving. All of the messages are then given to it again.
    async fn save(&self, messages: &[LogMessage]) -> Result<(), ApplicationError>;
}
