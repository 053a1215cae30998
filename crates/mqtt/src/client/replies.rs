use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// How many bytes may wait before the relay reads no more from the broker.
const LIMIT: usize = 64 * 1024;

/// What is to be written to the broker besides what the client writes, between two packets of it.
#[derive(Default)]
pub(super) struct Replies {
    waiting: Mutex<Vec<u8>>,
    added: Notify,
    taken: Notify,
}

impl Replies {
    fn waiting(&self) -> MutexGuard<'_, Vec<u8>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, packet: &[u8]) {
        self.waiting().extend_from_slice(packet);
        self.added.notify_one();
    }

    pub(super) fn take(&self) -> Vec<u8> {
        let taken = std::mem::take(&mut *self.waiting());
        if !taken.is_empty() {
            self.taken.notify_waiters();
        }
        taken
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    /// Waits until something is added.
    pub(super) async fn added(&self) {
        self.added.notified().await;
    }

    /// Waits until more may be added.
    pub(super) async fn room(&self) {
        self.below(LIMIT).await;
    }

    /// Waits until all are taken that were added.
    pub(super) async fn all_taken(&self) {
        self.below(1).await;
    }

    async fn below(&self, bytes: usize) {
        loop {
            // Before looking: it hears of what happens from here on.
            let taken = self.taken.notified();
            if self.waiting().len() < bytes {
                return;
            }
            taken.await;
        }
    }
}
