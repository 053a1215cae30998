mod base;
mod connection;
mod message_queue;
mod send_error;

pub use base::MessageQueue;
pub use connection::IMessageQueueConnection;
pub use message_queue::IMessageQueue;
pub use send_error::SendError;
