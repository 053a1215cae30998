use async_trait::async_trait;
use pip_services_commons::errors::ApplicationError;

/// A connection that several queues can share; ports `IMessageQueueConnection`.
///
/// Queues look it up as `*:connection:<broker>:*:1.0`.
#[async_trait]
pub trait IMessageQueueConnection: Send + Sync {
    /// The names of the queues that the broker has; none where the broker knows no queues.
    ///
    /// # Errors
    /// Those of the broker.
    async fn read_queue_names(&self) -> Result<Vec<String>, ApplicationError>;

    /// Creates a queue, or does nothing where the broker needs none to be created.
    ///
    /// # Errors
    /// Those of the broker.
    async fn create_queue(&self, name: &str) -> Result<(), ApplicationError>;

    /// Deletes a queue, or does nothing where the broker knows no queues.
    ///
    /// # Errors
    /// Those of the broker.
    async fn delete_queue(&self, name: &str) -> Result<(), ApplicationError>;
}
