use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use super::storage::Message;
use crate::MessageEnvelope;

/// A message on its way to one receiver, with its lock there: the reference of the received envelope and of all
/// clones of it.
///
/// When the message is delivered again, that is another delivery. So who held it before has nothing of the new lock.
pub(super) struct Delivery {
    pub(super) envelope: MessageEnvelope,
    /// The queue: locks of others mean nothing here.
    queue: QueueId,
    /// The number of the lock, once it is received.
    lock: AtomicU64,
    /// Set by the holder's first settlement, so that a second one is known from a lost lock.
    settled: AtomicBool,
}

/// Tells queues apart, also those of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct QueueId(u64);

impl QueueId {
    pub(super) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// All atomics are used under the queue's mutex.
impl Delivery {
    pub(super) fn new(queue: QueueId, envelope: MessageEnvelope) -> Arc<Self> {
        Arc::new(Self { envelope, queue, lock: AtomicU64::new(0), settled: AtomicBool::new(false) })
    }

    /// What an envelope that was received from this queue refers to.
    pub(super) fn of(queue: QueueId, envelope: &MessageEnvelope) -> Option<&Self> {
        let delivery = envelope.get_reference()?.downcast_ref::<Self>()?;
        (delivery.queue == queue).then_some(delivery)
    }

    pub(super) fn lock(&self) -> u64 {
        self.lock.load(Ordering::Relaxed)
    }

    pub(super) fn set_lock(&self, lock: u64) {
        self.lock.store(lock, Ordering::Relaxed);
    }

    /// Marks it as settled, and tells whether it was before.
    pub(super) fn settle(&self) -> bool {
        let settled = self.settled.load(Ordering::Relaxed);
        self.settled.store(true, Ordering::Relaxed);
        settled
    }

    /// The envelope for the receiver.
    pub(super) fn receive(self: Arc<Self>) -> MessageEnvelope {
        let mut envelope = self.envelope.clone();
        envelope.set_reference(Some(self));
        envelope
    }

    /// The envelope of a message that was not sent.
    pub(super) fn into_envelope(self: Arc<Self>) -> MessageEnvelope {
        Arc::try_unwrap(self).map_or_else(|shared| shared.envelope.clone(), |delivery| delivery.envelope)
    }
}

impl Message for Arc<Delivery> {
    fn again(self) -> Self {
        Delivery::new(self.queue, self.into_envelope())
    }
}
