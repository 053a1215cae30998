use std::{
    ops::Deref,
    sync::{Arc, Weak},
    time::Duration,
};

use pip_services_commons::errors::ApplicationError;

use super::{ListenedQueue, Readiness};
use crate::MessageEnvelope;

/// Where a listening takes its messages from.
pub(super) trait Source: Send {
    type Queue: ListenedQueue;
    /// Holds the queue while a message is handled.
    type Held: Deref<Target = Self::Queue> + Send;

    /// The next message, as soon as there is one; `None` when the queue is closed or gone. Dropping the future
    /// loses nothing.
    fn next(&mut self, correlation_id: Option<&str>) -> impl Future<Output = Next<Self::Held>> + Send;
}

pub(super) type Next<Held> = Result<Option<(Held, MessageEnvelope)>, ApplicationError>;

/// What a receive gave.
enum Received {
    Message(MessageEnvelope),
    Nothing,
    Closed,
}

async fn receive<Q: ListenedQueue>(
    queue: &Q,
    correlation_id: Option<&str>,
    wait_timeout: Duration,
) -> Result<Received, ApplicationError> {
    match queue.receive(correlation_id, wait_timeout).await {
        Ok(Some(envelope)) => Ok(Received::Message(envelope)),
        Ok(None) if queue.is_open() => Ok(Received::Nothing),
        Ok(None) => Ok(Received::Closed),
        // `NOT_OPENED`: it was closed just now.
        Err(_) if !queue.is_open() => Ok(Received::Closed),
        Err(error) => Err(error),
    }
}

/// Whoever listens holds the queue.
impl<'a, Q: ListenedQueue> Source for &'a Q {
    type Queue = Q;
    type Held = &'a Q;

    async fn next(&mut self, correlation_id: Option<&str>) -> Next<&'a Q> {
        loop {
            match receive(*self, correlation_id, Duration::MAX).await? {
                Received::Message(envelope) => return Ok(Some((*self, envelope))),
                Received::Nothing => {}
                Received::Closed => return Ok(None),
            }
        }
    }
}

/// Holds the queue only while a message is taken and handled.
pub(super) struct Unheld<Q> {
    pub(super) queue: Weak<Q>,
    pub(super) readiness: Box<dyn Readiness>,
}

impl<Q: ListenedQueue> Source for Unheld<Q> {
    type Queue = Q;
    type Held = Arc<Q>;

    async fn next(&mut self, correlation_id: Option<&str>) -> Next<Arc<Q>> {
        loop {
            let Some(queue) = self.queue.upgrade() else { return Ok(None) };
            match receive(&*queue, correlation_id, Duration::ZERO).await? {
                Received::Message(envelope) => return Ok(Some((queue, envelope))),
                Received::Nothing => {}
                Received::Closed => return Ok(None),
            }
            drop(queue);
            self.readiness.ready().await?;
        }
    }
}
