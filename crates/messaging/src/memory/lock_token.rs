use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use crate::MessageEnvelope;

/// The lock of a received message, shared by all clones of its envelope.
pub(super) struct LockToken {
    /// The queue that gave it: tokens of other queues mean nothing here.
    queue: QueueId,
    /// Which lock of that queue.
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

impl LockToken {
    /// Marks the envelope as locked.
    pub(super) fn attach(queue: QueueId, lock: u64, envelope: &mut MessageEnvelope) {
        envelope.set_reference(Some(Arc::new(Self { queue, lock, settled: AtomicBool::new(false) })));
    }

    /// The token of an envelope that was received from this queue.
    pub(super) fn of(queue: QueueId, envelope: &MessageEnvelope) -> Option<&Self> {
        let token = envelope.get_reference()?.downcast_ref::<Self>()?;
        (token.queue == queue).then_some(token)
    }

    /// Marks it as settled, and tells whether it was before. The queue's mutex keeps two of these apart.
    pub(super) fn settle(&self) -> bool {
        let settled = self.settled.load(Ordering::Relaxed);
        self.settled.store(true, Ordering::Relaxed);
        settled
    }
}
