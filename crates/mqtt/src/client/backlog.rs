use std::{
    mem::size_of,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use super::Delivery;

/// How many bytes of messages may wait before the relay reads no more from the broker.
const LIMIT: usize = 1024 * 1024;

/// The messages that a client pushed to its channel and nobody has taken yet.
///
/// The client's thread must not wait, so the channel has no bound. Here the relay sees that it fills, and leaves what
/// comes from the broker where it is: so memory stays bounded, and the broker knows.
#[derive(Default)]
pub(super) struct Backlog {
    bytes: AtomicUsize,
    shrunk: Notify,
}

/// A message's part of the backlog, until it is dropped.
pub(crate) struct Waiting {
    backlog: Arc<Backlog>,
    bytes: usize,
}

impl Backlog {
    pub(super) fn add(self: &Arc<Self>, delivery: &Delivery) -> Waiting {
        self.add_bytes(size_of::<Delivery>() + delivery.topic.len() + delivery.payload.len())
    }

    pub(super) fn add_bytes(self: &Arc<Self>, bytes: usize) -> Waiting {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
        Waiting { backlog: self.clone(), bytes }
    }

    /// Waits until more may come.
    pub(super) async fn room(&self) {
        loop {
            // Before looking: it hears of what happens from here on.
            let shrunk = self.shrunk.notified();
            if self.bytes.load(Ordering::Acquire) < LIMIT {
                return;
            }
            shrunk.await;
        }
    }

    /// Waits until nothing waits.
    pub(super) async fn empty(&self) {
        loop {
            let shrunk = self.shrunk.notified();
            if self.bytes.load(Ordering::Acquire) == 0 {
                return;
            }
            shrunk.await;
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let before = self.backlog.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        let after = before - self.bytes;
        if after == 0 || (before >= LIMIT && after < LIMIT) {
            self.backlog.shrunk.notify_waiters();
        }
    }
}
