use std::{
    future::poll_fn,
    iter,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use async_trait::async_trait;
use pip_services_commons::errors::ApplicationError;
use tokio::{sync::Notify, time::Instant};

use super::{
    alarm::Alarm,
    options::Options,
    receivers::Receivers,
    senders::{Senders, Told},
    storage::Storage,
    waiting::Waiting,
};
use crate::{MessageEnvelope, Readiness};

/// All that operations on the queue share, and the futures that wait for them.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Told to senders that wait: a lock is the first to expire, and may make room.
    pub(super) sooner: Notify,
}

/// What each operation needs, so that one mutex does for all.
pub(super) struct State {
    /// There while the queue is open.
    pub(super) session: Option<Arc<Session>>,
    pub(super) storage: Messages,
    pub(super) receivers: Receivers,
    pub(super) senders: Senders,
}

pub(super) type Messages = Storage<MessageEnvelope>;

/// What lasts from an `open` to the next `close`.
pub(super) struct Session {
    pub(super) options: Options,
}

impl State {
    fn somebody_waits(&self) -> bool {
        !self.receivers.is_empty() || !self.senders.is_empty()
    }

    /// Ends the session. False: there was none. Those who wait in it are to be woken up.
    pub(super) fn end_session(&mut self) -> (bool, Vec<Waker>) {
        self.storage.release_all();
        (self.session.take().is_some(), self.receivers.give_up())
    }

    pub(super) fn is_in(&self, session: &Arc<Session>) -> bool {
        self.session.as_ref().is_some_and(|current| Arc::ptr_eq(current, session))
    }
}

impl Shared {
    pub(super) fn new(options: &Options) -> Arc<Self> {
        let state = State {
            session: None,
            storage: Storage::new(options.limits),
            receivers: Receivers::default(),
            senders: Senders::default(),
        };
        Arc::new(Self { state: Mutex::new(state), sooner: Notify::new() })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and then tells those who wait for what has changed.
    #[inline]
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let expiry = state.storage.next_deadline();
        let result = change(&mut state);
        if state.somebody_waits() {
            self.tell(state, expiry);
        }
        result
    }

    /// Tells those who wait for what has changed. The first lock expired at `expiry` before.
    fn tell(&self, mut state: MutexGuard<'_, State>, expiry: Option<Instant>) {
        let State { session, storage, receivers, senders } = &mut *state;
        // Mostly there is room for one.
        let (mut first, mut others, mut sooner) = (None, Vec::new(), false);
        if !senders.is_empty() {
            if session.is_some() {
                first = senders.admit(storage);
                others.extend(iter::from_fn(|| senders.admit(storage)));
            } else {
                others = senders.close();
            }
            sooner = storage.next_deadline().is_some_and(|next| expiry.is_none_or(|expiry| next < expiry));
        }
        let called = receivers.call(storage.count(), storage.next_deadline());
        // Wakers are other people's code, so not under the lock.
        drop(state);
        called.into_iter().for_each(Waker::wake);
        first.into_iter().chain(others).for_each(Told::tell);
        if sooner {
            self.sooner.notify_waiters();
        }
    }
}

pub(super) struct SharedReadiness {
    pub(super) shared: Arc<Shared>,
    pub(super) session: Arc<Session>,
}

#[async_trait]
impl Readiness for SharedReadiness {
    async fn ready(&mut self) -> Result<(), ApplicationError> {
        let mut waiting = Waiting::new(&self.shared);
        let mut alarm = Alarm::default();
        poll_fn(|context| {
            let (ready, until, former) = self.shared.change(|state| {
                if !state.is_in(&self.session) || state.storage.count() > 0 {
                    return (true, None, state.receivers.leave(&mut waiting.place));
                }
                let expiry = state.storage.next_deadline();
                let (until, former) = state.receivers.wait(&mut waiting.place, context.waker(), expiry);
                (false, until, former)
            });
            // A waker can be any code, so not under the lock.
            drop(former);
            match ready {
                true => Poll::Ready(()),
                // Whoever receives then sees that a lock has expired.
                false => alarm.poll_at(until, context),
            }
        })
        .await;
        Ok(())
    }
}
