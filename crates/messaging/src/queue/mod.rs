mod base;
mod cached;
mod connection;
mod guarded;
mod limit;
mod message_queue;
mod send_error;

pub use base::MessageQueue;
pub use cached::{CachedMessageQueue, ISubscription, MessageInbox};
pub use connection::IMessageQueueConnection;
pub use message_queue::IMessageQueue;
pub use send_error::SendError;
