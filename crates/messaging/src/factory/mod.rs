mod default;
mod kept;
mod macros;
mod memory;
mod queue_factory;

pub use default::DefaultMessagingFactory;
pub use memory::MemoryMessageQueueFactory;
pub use queue_factory::{IMessageQueueFactory, MessageQueueFactory};
