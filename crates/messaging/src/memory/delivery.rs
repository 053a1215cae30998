use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use crate::MessageEnvelope;

/// A message's lock: the reference of the received envelope and of all clones of it.
///
/// When the message is delivered again, that is another delivery. So who held it before has nothing of the new lock.
pub(super) struct Delivery {
    /// The queue: locks of others mean nothing here.
    queue: QueueId,
    /// The number of the lock.
    pub(super) lock: u64,
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

impl Delivery {
    /// Makes an envelope the one that holds the lock.
    pub(super) fn begin(queue: QueueId, lock: u64, envelope: &mut MessageEnvelope) {
        envelope.set_reference(Some(Arc::new(Self { queue, lock, settled: AtomicBool::new(false) })));
    }

    /// What an envelope that was received from this queue refers to.
    pub(super) fn of(queue: QueueId, envelope: &MessageEnvelope) -> Option<&Self> {
        let delivery = envelope.get_reference()?.downcast_ref::<Self>()?;
        (delivery.queue == queue).then_some(delivery)
    }

    /// Marks it as settled, and tells whether it was before. Used under the queue's mutex.
    pub(super) fn settle(&self) -> bool {
        let settled = self.settled.load(Ordering::Relaxed);
        self.settled.store(true, Ordering::Relaxed);
        settled
    }
}
