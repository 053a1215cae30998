use async_trait::async_trait;
use pip_services_commons::errors::ApplicationError;

use crate::{IMessageQueue, MessageEnvelope, MessageQueue};

/// What a queue tells the loop that listens to it, which is the same for all queues:
/// [`MessageQueue::listen`] and [`MessageQueue::begin_listen`].
///
/// A queue that holds a [`CachedMessageQueue`](crate::CachedMessageQueue) passes each method on to it. One with a
/// store of its own is the package `examples/channel-queue` of the repository.
pub trait ListenedQueue: IMessageQueue + Sized + 'static {
    /// The queue's base.
    fn base(&self) -> &MessageQueue;

    /// What the listener waits on while it holds no queue. A queue that subscribes begins to do so.
    ///
    /// # Errors
    /// Those of the queue.
    fn readiness(&self, correlation_id: Option<&str>) -> Result<Box<dyn Readiness>, ApplicationError>;

    /// Takes a message back whose handling was cut off, or could not begin: a queue with locks unless the
    /// receiver has settled it, and one without in any case. It is the next one to be received.
    ///
    /// A queue that can do this only by waiting does nothing: its lock expires.
    fn put_back(&self, envelope: MessageEnvelope);
}

/// Tells a listener when to look for a message, without holding the queue; see [`ListenedQueue::readiness`].
///
/// The listener receives without waiting, and asks this when there was nothing, again and again.
#[async_trait]
pub trait Readiness: Send {
    /// Returns when there may be a message that came since the last receive, or when the queue was closed. It
    /// may return too early, but misses nothing that happens between the receive and the call, and nothing when
    /// the future is dropped.
    ///
    /// # Errors
    /// Those of the queue. They end the listening.
    async fn ready(&mut self) -> Result<(), ApplicationError>;
}
