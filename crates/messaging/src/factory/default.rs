use std::sync::Arc;

use pip_services_commons::refer::Descriptor;
use pip_services_components::{build::Factory, factory};

use crate::{MemoryMessageQueue, MemoryMessageQueueFactory};

/// Creates the components of this crate by descriptor; ports `DefaultMessagingFactory`.
///
/// | descriptor | component |
/// |---|---|
/// | `pip-services:message-queue:memory:*:1.0` | [`MemoryMessageQueue`], named as the descriptor |
/// | `pip-services:queue-factory:memory:*:1.0` | [`MemoryMessageQueueFactory`] |
/// | `pip-services:factory:message-queue:memory:1.0`, as in the Python port | [`MemoryMessageQueueFactory`] |
///
/// ```
/// use pip_services_commons::refer::cast;
/// use pip_services_components::build::IFactory;
/// use pip_services_messaging::{DefaultMessagingFactory, IMessageQueue};
///
/// let component = DefaultMessagingFactory::new().create(&"pip-services:message-queue:memory:orders:1.0".parse()?)?;
/// let queue = cast::<dyn IMessageQueue>(&component);
/// assert_eq!(queue.map(|queue| queue.get_name()).as_deref(), Some("orders"));
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
pub struct DefaultMessagingFactory(Factory);
factory!(DefaultMessagingFactory);

impl DefaultMessagingFactory {
    /// The factory.
    pub fn new() -> Self {
        let mut factory = Factory::new();
        let queue = Descriptor::new("pip-services", "message-queue", "memory", "*", "1.0");
        factory.register(queue, |locator| {
            Ok(Arc::new(MemoryMessageQueue::new(locator.name().unwrap_or_default())))
        });
        for queue_factory in [
            Descriptor::new("pip-services", "queue-factory", "memory", "*", "1.0"),
            Descriptor::new("pip-services", "factory", "message-queue", "memory", "1.0"),
        ] {
            factory.register(queue_factory, |_| Ok(Arc::new(MemoryMessageQueueFactory::new())));
        }
        Self(factory)
    }
}
