mod base;
mod cached;
mod connection;
mod extension;
mod guarded;
mod limit;
mod message_queue;
mod receive_error;
mod send_batch_error;
mod send_error;

pub use base::MessageQueue;
pub use cached::{CachedMessageQueue, ISubscription, MessageInbox};
pub use connection::IMessageQueueConnection;
pub use extension::IMessageQueueExt;
pub use message_queue::IMessageQueue;
pub use receive_error::ReceiveError;
pub use send_batch_error::SendBatchError;
pub use send_error::SendError;
