use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// Those who wait for a change. To notify nobody costs next to nothing.
///
/// Whoever waits has to [`enter`](Self::enter) before looking whether there is something to wait for, and whoever
/// changes something has to notify after that. The mutex in between sees to it that one of them sees the other.
#[derive(Default)]
pub(super) struct Waiters {
    count: AtomicUsize,
    changed: Notify,
}

impl Waiters {
    pub(super) fn nobody(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    pub(super) fn notify_one(&self) {
        if !self.nobody() {
            self.changed.notify_one();
        }
    }

    pub(super) fn notify_all(&self) {
        if !self.nobody() {
            self.changed.notify_waiters();
        }
    }

    /// Somebody waits until this is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> Waiting {
        self.count.fetch_add(1, Ordering::AcqRel);
        Waiting(self.clone())
    }
}

pub(super) struct Waiting(Arc<Waiters>);

impl Waiting {
    /// What is notified.
    pub(super) fn changed(&self) -> &Notify {
        &self.0.changed
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
    }
}
