//! Message queues of the pip-services toolkit.
//!
//! * [`MessageEnvelope`]: a message with its id, type, correlation id and time;
//! * [`IMessageQueue`]: the contract of all queues, and [`MessagingCapabilities`], what one can do;
//! * [`IMessageReceiver`] and [`CallbackMessageReceiver`]: who handles messages;
//! * [`MemoryMessageQueue`]: a queue within the process;
//! * [`IMessageQueueExt`]: what any queue can do in terms of these: send values, receive them, send batches, stream;
//! * [`MemoryMessageQueueFactory`]: makes queues by name, as [`IMessageQueueFactory`];
//! * [`MessageQueue`], [`CachedMessageQueue`] and [`MessageQueueFactory`]: what a queue of your own is built from;
//! * `TestMessageReceiver` (feature `test-util`): a receiver for tests;
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
pub use factory::{
    DefaultMessagingFactory, IMessageQueueFactory, MemoryMessageQueueFactory, MessageQueueFactory,
};
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

/// For the macros of this crate, which expand where these may not be named.
#[doc(hidden)]
pub use pip_services_commons as __commons;
#[doc(hidden)]
pub use pip_services_components as __components;
