use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pip_services_commons::{errors::ApplicationError, run::IOpenable};

use super::SendError;
use crate::{IMessageReceiver, MessageEnvelope, MessagingCapabilities};

/// A message queue; ports `IMessageQueue`.
///
/// Every operation on a queue that is not open fails with `NOT_OPENED` (InvalidState), and one that the queue
/// cannot do ([`get_capabilities`](Self::get_capabilities)) with `NOT_SUPPORTED` (Unsupported), but for
/// `complete`, which then does nothing. Dropping any future midway loses no message.
///
/// [`IMessageQueueExt`](crate::IMessageQueueExt) adds what can be said in terms of these: sending values and
/// batches, receiving values, a stream of messages.
///
/// A queue with locks hides a received message from others until it is completed, abandoned or its lock
/// expires, which puts it back. A queue without locks forgets a message when it is received.
///
/// How to write a queue of one's own is shown by the package `examples/channel-queue` of the repository.
#[async_trait]
pub trait IMessageQueue: IOpenable {
    /// The queue's name; empty when it has none.
    fn get_name(&self) -> String;

    /// What the queue can do. The same at any time.
    fn get_capabilities(&self) -> MessagingCapabilities;

    /// How many messages wait for delivery; locked ones do not count.
    ///
    /// # Errors
    /// `NOT_OPENED`, `NOT_SUPPORTED`, or those of the broker.
    async fn read_message_count(&self) -> Result<u64, ApplicationError>;

    /// Sends a message, with the time of sending set in the copy that is sent.
    ///
    /// `correlation_id` is for errors, and for log lines where the envelope has none; the message carries its envelope's own.
    ///
    /// # Errors
    /// `NOT_OPENED`, `NOT_SUPPORTED`, or those of the broker, with the message as it was given.
    async fn send(&self, correlation_id: Option<&str>, envelope: MessageEnvelope) -> Result<(), SendError>;

    /// The oldest waiting message, which stays; `None` when none waits.
    ///
    /// # Errors
    /// `NOT_OPENED`, `NOT_SUPPORTED`, or those of the broker.
    async fn peek(&self, correlation_id: Option<&str>) -> Result<Option<MessageEnvelope>, ApplicationError>;

    /// Up to `message_count` of the oldest waiting messages, which stay.
    ///
    /// # Errors
    /// `NOT_OPENED`, `NOT_SUPPORTED`, or those of the broker.
    async fn peek_batch(
        &self,
        correlation_id: Option<&str>,
        message_count: usize,
    ) -> Result<Vec<MessageEnvelope>, ApplicationError>;

    /// Takes the oldest waiting message, waiting up to `wait_timeout` for one; `None` when none came.
    ///
    /// A timeout of zero takes what is there; [`Duration::MAX`] waits for ever. When the queue is closed, a
    /// waiting receive ends with `None`.
    ///
    /// # Errors
    /// `NOT_OPENED`, `NOT_SUPPORTED`, or those of the broker.
    async fn receive(
        &self,
        correlation_id: Option<&str>,
        wait_timeout: Duration,
    ) -> Result<Option<MessageEnvelope>, ApplicationError>;

    /// Keeps a received message hidden for `lock_timeout` from now.
    ///
    /// # Errors
    /// `LOCK_LOST` (InvalidState) when the message is not locked by this envelope any more, `NOT_OPENED`,
    /// `NOT_SUPPORTED`.
    async fn renew_lock(
        &self,
        envelope: &MessageEnvelope,
        lock_timeout: Duration,
    ) -> Result<(), ApplicationError>;

    /// Removes a received message for good, and the lock from its envelope. Does nothing to an envelope
    /// without a lock.
    ///
    /// # Errors
    /// `LOCK_LOST` (InvalidState) when the lock had expired: the message is delivered again. `NOT_OPENED`.
    async fn complete(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError>;

    /// Puts a received message back into the queue, and removes the lock from its envelope.
    ///
    /// # Errors
    /// `LOCK_LOST` (InvalidState) when it is not locked by this envelope, `NOT_OPENED`, `NOT_SUPPORTED`.
    async fn abandon(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError>;

    /// Moves a received message to the dead letters, and removes the lock from its envelope.
    ///
    /// # Errors
    /// `LOCK_LOST` (InvalidState) when it is not locked by this envelope, `NOT_OPENED`, `NOT_SUPPORTED`.
    async fn move_to_dead_letter(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError>;

    /// Gives each message to the receiver until [`end_listen`](Self::end_listen), `close` or the drop of the
    /// future.
    ///
    /// One after another, in order, or up to `options.concurrency` at once: all on the task that listens, so
    /// that a receiver which computes for long should do so on a thread of its own. The time of each handling
    /// is measured as `queue.<name>.process_time`.
    ///
    /// A message that the receiver handled with `Ok` is completed; one whose handling failed or panicked is
    /// logged, counted, and abandoned where the queue can do that; one that the receiver settled itself is left
    /// alone. In other ports the receiver has to settle each message.
    ///
    /// A receiver that closes a queue with locks has to complete its message before: closing makes locked messages
    /// ready again, so that an `Ok` after it comes too late, and the message comes again when the queue is open again.
    ///
    /// A message whose handling is cut off, as the future is dropped, comes again: at once where the queue can do
    /// that without waiting, else when its lock expires. A queue without locks does not know what the receiver
    /// has settled, so there it comes again in any case.
    ///
    /// # Errors
    /// `ALREADY_LISTENING` (InvalidState) while another listener is active, `NOT_OPENED`, `NOT_SUPPORTED`, or
    /// those of the broker.
    async fn listen(
        &self,
        correlation_id: Option<&str>,
        receiver: Arc<dyn IMessageReceiver>,
    ) -> Result<(), ApplicationError>;

    /// Starts [`listen`](Self::listen) on a task of its own. An `end_listen` that comes after it ends it, however
    /// soon. An error that ends the listening later is logged.
    ///
    /// The task does not keep the queue: it holds it only while it takes and handles a message, so that
    /// dropping the last handle of the queue ends the listening. A receiver that holds the queue itself keeps
    /// it until `end_listen` or `close`.
    ///
    /// # Errors
    /// `ALREADY_LISTENING` (InvalidState) while another listener is active, `NO_RUNTIME` (InvalidState) outside of a
    /// tokio runtime, `NOT_OPENED`, `NOT_SUPPORTED`.
    fn begin_listen(
        self: Arc<Self>,
        correlation_id: Option<&str>,
        receiver: Arc<dyn IMessageReceiver>,
    ) -> Result<(), ApplicationError>;

    /// Ends the listening: no handling starts after it returns. It waits up to five seconds for those that run,
    /// which no parameter changes. One that takes longer is left to itself: it finishes in its own time, unless the
    /// process ends before. How many there are is a warning with the queue's name, and counted in
    /// `queue.<name>.unfinished_handlers`. A `close` does the same, and can have less time for it.
    ///
    /// Called from a handling, it does not wait for that one, nor for others that call it as well.
    async fn end_listen(&self, correlation_id: Option<&str>);
}
