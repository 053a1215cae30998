use std::{
    convert::Infallible,
    future::poll_fn,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};

use pip_services_commons::errors::ApplicationError;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use super::{
    MemoryMessageQueue,
    alarm::Alarm,
    options::Options,
    receivers::Place,
    senders::Answer,
    shared::{Session, Shared},
    work::take,
};
use crate::{
    MessageEnvelope,
    wait::{after, sleep_until_or_forever},
};

/// Gives what a future gives, or `None` once it is that time. The timer is large, and mostly there is none.
async fn until<T>(deadline: Option<Instant>, future: impl Future<Output = T>) -> Option<T> {
    match deadline {
        None => Some(future.await),
        Some(deadline) => Box::pin(timeout_at(deadline, future)).await.ok(),
    }
}

/// One who waits for a message, until it is dropped.
pub(super) struct Waiting<'a> {
    shared: &'a Shared,
    pub(super) place: Place,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { shared, place: Place::default() }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.place.is_taken() {
            // Where it was called, another has to come instead.
            drop(self.shared.change(|state| state.receivers.leave(&mut self.place)));
        }
    }
}

/// One whose message waits for room, until it is dropped.
struct InLine<'a> {
    shared: &'a Shared,
    place: Option<u64>,
}

impl InLine<'_> {
    fn leave(&mut self) -> Option<MessageEnvelope> {
        let place = self.place.take()?;
        // Dropped when the mutex is free: a sender's waker can be any code.
        let left = self.shared.lock().senders.leave(place);
        left.map(|waiting| waiting.message)
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// How an operation waits for others.
impl MemoryMessageQueue {
    /// Waits for a message and takes it; `None` when `timeout` has passed or the session is over. Nothing is taken but
    /// in the poll that returns it, so dropping the future loses nothing.
    pub(super) async fn wait_for_message(
        &self,
        correlation_id: Option<&str>,
        session: Arc<Session>,
        timeout: Duration,
    ) -> Option<MessageEnvelope> {
        let deadline = after(timeout);
        let mut waiting = Waiting::new(&self.shared);
        let mut alarm = Alarm::default();
        let taking = poll_fn(|context| {
            loop {
                // Outside, so that they are dropped when the mutex is free.
                let (mut taken, mut former) = (None, None);
                let attempt = self.work(|state, clock| {
                    if !state.is_in(&session) {
                        return Ok(None);
                    }
                    if let Some(lock) = take(&session.options, &mut state.storage, clock, &mut taken) {
                        former = state.receivers.leave(&mut waiting.place);
                        return Ok(Some(lock));
                    }
                    let expiry = state.storage.next_deadline();
                    let (until, waker) = state.receivers.wait(&mut waiting.place, context.waker(), expiry);
                    former = waker;
                    Err(until)
                });
                drop(former);
                match attempt {
                    Ok(lock) => return Poll::Ready(lock.zip(taken)),
                    Err(expiry) => ready!(alarm.poll_at(expiry, context)),
                };
            }
        });
        let (lock, mut envelope) = until(deadline, taking).await??;
        self.deliver(correlation_id, lock, &mut envelope);
        Some(envelope)
    }

    /// Waits until the message at that place has room. Gives it back where it got none.
    pub(super) async fn wait_for_room(
        &self,
        correlation_id: Option<&str>,
        options: Options,
        (place, mut answer): (u64, oneshot::Receiver<Answer>),
    ) -> Option<(ApplicationError, MessageEnvelope)> {
        let deadline = after(options.send_timeout.unwrap_or(Duration::MAX));
        let mut in_line = InLine { shared: &self.shared, place: Some(place) };
        let answer = match options.limits.max_deliveries {
            None => until(deadline, &mut answer).await,
            Some(_) => {
                let answered_or_expired = async {
                    tokio::select! {
                        biased;
                        answer = &mut answer => answer,
                        never = self.watch_expiries() => match never {},
                    }
                };
                Box::pin(until(deadline, answered_or_expired)).await
            }
        };
        let answer = answer.and_then(Result::ok);
        if answer == Some(Answer::Sent) {
            in_line.place = None;
            return None;
        }
        let error = match answer {
            Some(_) => self.base.not_opened(correlation_id),
            None => self.full(correlation_id, &options),
        };
        // Without it, it was sent just now.
        in_line.leave().map(|message| (error, message))
    }

    /// Sees to it that locks expire in time, as a message that is a dead letter then makes room. Never ends.
    async fn watch_expiries(&self) -> Infallible {
        loop {
            let sooner = self.shared.sooner.notified();
            let expiry = self.shared.lock().storage.next_deadline();
            tokio::select! {
                () = sooner => {}
                () = sleep_until_or_forever(expiry) => self.work(|_, _| ()),
            }
        }
    }
}
