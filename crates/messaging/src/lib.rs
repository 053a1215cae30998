//! Message queues of the pip-services toolkit.
//!
//! * [`MessageEnvelope`]: a message with its id, type, correlation id and time;
//! * [`IMessageQueue`]: the contract of all queues, and [`MessagingCapabilities`], what one can do;
//! * [`IMessageReceiver`] and [`CallbackMessageReceiver`]: who handles messages;
//! * [`MemoryMessageQueue`]: a queue within the process;
//! * [`MessageQueue`] and [`MessageBuffer`]: what a queue is built from;
//! * `conformance` (a feature): the suite that any queue's author can run.
//!
//! ```
//! use std::time::Duration;
//! use pip_services_commons::{config::{ConfigParams, IConfigurable}, run::{IClosable, IOpenable}};
//! use pip_services_messaging::{IMessageQueue, MemoryMessageQueue, MessageEnvelope};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
//! let queue = MemoryMessageQueue::new("orders");
//! queue.configure(&ConfigParams::from_tuples([("options.lock_timeout", 10_000)]))?;
//! queue.open(None).await?;
//!
//! queue.send(None, MessageEnvelope::new(Some("123"), "order", "one pizza")).await?;
//!
//! if let Some(mut envelope) = queue.receive(None, Duration::from_secs(1)).await? {
//!     assert_eq!(envelope.get_message_as_string().as_deref(), Some("one pizza"));
//!     queue.complete(&mut envelope).await?;
//! }
//! queue.close(None).await?;
//! # Ok(()) }
//! ```

mod capabilities;
mod envelope;
mod factory;
mod listen;
mod memory;
mod queue;
mod wait;

pub use capabilities::MessagingCapabilities;
pub use envelope::{IntoPayload, MessageEnvelope};
pub use factory::DefaultMessagingFactory;
#[cfg(feature = "test-util")]
pub use listen::TestMessageReceiver;
pub use listen::{CallbackMessageReceiver, IMessageReceiver, ListenedQueue, Readiness};
pub use memory::MemoryMessageQueue;
pub use queue::{
    CachedMessageQueue, IMessageQueue, IMessageQueueConnection, IMessageQueueExt, ISubscription,
    MessageInbox, MessageQueue, ReceiveError, SendBatchError, SendError,
};

#[cfg(feature = "conformance")]
pub mod conformance;
