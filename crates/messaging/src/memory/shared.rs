use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use pip_services_commons::errors::ApplicationError;
use tokio_util::sync::CancellationToken;

use super::{
    delivery::Delivery,
    options::Options,
    storage::Storage,
    waiters::{Waiters, Waiting},
};
use crate::{Readiness, wait::sleep_until_or_forever};

/// What a listener waits on while it does not hold the queue.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Notified when a message becomes ready, or a lock is the first to expire.
    pub(super) receivers: Arc<Waiters>,
}

/// What each operation needs, so that one mutex does for all.
pub(super) struct State {
    /// There while the queue is open.
    pub(super) session: Option<Arc<Session>>,
    pub(super) storage: Messages,
}

/// Messages are shared with whoever copies or logs them, so that nobody else waits for that.
pub(super) type Messages = Storage<Arc<Delivery>>;

/// What lasts from an `open` to the next `close`.
pub(super) struct Session {
    pub(super) options: Options,
    pub(super) closed: CancellationToken,
}

impl Shared {
    pub(super) fn new(options: &Options) -> Arc<Self> {
        let state = State { session: None, storage: Storage::new(options.limits) };
        Arc::new(Self { state: Mutex::new(state), receivers: Arc::default() })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn readiness(self: &Arc<Self>, session: &Session) -> SharedReadiness {
        let waiting = self.receivers.enter();
        SharedReadiness { shared: self.clone(), closed: session.closed.clone(), waiting }
    }
}

pub(super) struct SharedReadiness {
    shared: Arc<Shared>,
    closed: CancellationToken,
    /// Also between two calls, so that no notification is missed.
    waiting: Waiting,
}

#[async_trait]
impl Readiness for SharedReadiness {
    async fn ready(&mut self) -> Result<(), ApplicationError> {
        let changed = self.waiting.changed().notified();
        let expiry = self.shared.lock().storage.next_deadline();
        tokio::select! {
            () = changed => {}
            () = self.closed.cancelled() => {}
            () = sleep_until_or_forever(expiry) => {}
        }
        Ok(())
    }
}
