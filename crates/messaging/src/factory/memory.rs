use pip_services_commons::refer::Descriptor;

use crate::{MemoryMessageQueue, MessageQueueFactory, message_queue_factory};

/// Makes memory queues with its own configuration and references; ports `MemoryMessageQueueFactory`.
///
/// It makes `pip-services:message-queue:memory:*:1.0`, named as the descriptor; see [`MessageQueueFactory`]. Its
/// parameters are those of a [`MemoryMessageQueue`].
///
/// ```
/// use pip_services_commons::{config::{ConfigParams, IConfigurable}, run::IOpenable};
/// use pip_services_messaging::{IMessageQueue, IMessageQueueExt, IMessageQueueFactory, MemoryMessageQueueFactory};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
/// let factory = MemoryMessageQueueFactory::new();
/// factory.configure(&ConfigParams::from_tuples([("options.max_messages", 1)]))?;
///
/// let orders = factory.create_queue("orders")?;
/// orders.open(None).await?;
/// orders.send_text(None, "order", "one pizza").await?;
/// assert!(orders.send_text(None, "order", "soup").await.is_err());
/// # Ok(()) }
/// ```
pub struct MemoryMessageQueueFactory(MessageQueueFactory);
message_queue_factory!(MemoryMessageQueueFactory);

impl MemoryMessageQueueFactory {
    /// A factory that is not configured.
    pub fn new() -> Self {
        let locator = Descriptor::new("pip-services", "message-queue", "memory", "*", "1.0");
        Self(MessageQueueFactory::new(locator, MemoryMessageQueue::new))
    }
}
