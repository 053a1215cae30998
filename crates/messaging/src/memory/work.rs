use std::{any::Any, pin::Pin, sync::Arc};

use chrono::{DateTime, Utc};
use pip_services_commons::errors::ApplicationError;
use pip_services_components::log::LogLevel;
use tokio::sync::oneshot;

use super::{
    MemoryMessageQueue,
    clock::Clock,
    delivery::Delivery,
    options::Options,
    senders::Answer,
    shared::{Messages, Session, State},
    storage::Events,
};
use crate::{IMessageQueue, MessageEnvelope, SendError};

/// What is left to do about a message, and tells how it went.
pub(super) type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send + 'a>>;

/// A message that is not in the queue yet, or not at all.
struct Unsent {
    why: Why,
    /// What the envelope was given with.
    sent_time: Option<DateTime<Utc>>,
    reference: Option<Arc<dyn Any + Send + Sync>>,
    /// A copy for a logger.
    shown: Option<MessageEnvelope>,
}

enum Why {
    /// It waits for room at a place in line.
    InLine(Options, (u64, oneshot::Receiver<Answer>)),
    Refused(ApplicationError, MessageEnvelope),
}

/// What the operations are made of.
impl MemoryMessageQueue {
    /// Works on the state as of now, with the messages back whose locks have expired, and tells all who wait for
    /// what has changed.
    pub(super) fn work<T>(&self, work: impl FnOnce(&mut State, &mut Clock) -> T) -> T {
        self.work_at(Clock::default(), work)
    }

    /// Does [`work`](Self::work) by that clock.
    #[inline]
    pub(super) fn work_at<T>(&self, mut clock: Clock, work: impl FnOnce(&mut State, &mut Clock) -> T) -> T {
        let mut events = None;
        let result = self.shared.change(|state| {
            if state.storage.next_deadline().is_some() {
                state.storage.expire(clock.now());
            }
            let result = work(state, &mut clock);
            events = state.storage.take_events();
            result
        });
        // Counters and loggers are other people's code, so not under the lock.
        if let Some(events) = events {
            self.observe(&events);
        }
        result
    }

    #[cold]
    fn observe(&self, events: &Events<MessageEnvelope>) {
        if events.expired > 0 {
            self.base.expired(events.expired);
        }
        events.dead.iter().for_each(|message| self.base.dead(message));
        events.dropped.iter().for_each(|message| self.base.dead_dropped(message));
    }

    /// Work of an open queue.
    ///
    /// # Errors
    /// `NOT_OPENED`.
    pub(super) fn work_open<T>(
        &self,
        correlation_id: Option<&str>,
        clock: Clock,
        work: impl FnOnce(&Options, &mut Messages, &mut Clock) -> T,
    ) -> Result<T, ApplicationError> {
        let done = self.work_at(clock, |state, clock| {
            let options = &state.session.as_ref()?.options;
            Some(work(options, &mut state.storage, clock))
        });
        done.ok_or_else(|| self.base.not_opened(correlation_id))
    }

    pub(super) fn session(&self, correlation_id: Option<&str>) -> Result<Arc<Session>, ApplicationError> {
        self.shared.lock().session.clone().ok_or_else(|| self.base.not_opened(correlation_id))
    }

    /// Takes a message that is there. If there is none and the call may wait, gives the session to wait in.
    pub(super) fn take_now(
        &self,
        correlation_id: Option<&str>,
        session: &mut Option<Arc<Session>>,
        may_wait: bool,
    ) -> Result<Option<MessageEnvelope>, ApplicationError> {
        let mut taken = None;
        let lock = self.work_at(Clock::read(), |state, clock| {
            let current = state.session.as_ref()?;
            let lock = take(&current.options, &mut state.storage, clock, &mut taken);
            if lock.is_none() && may_wait {
                *session = Some(current.clone());
            }
            Some(lock)
        });
        let Some(lock) = lock else { return Err(self.base.not_opened(correlation_id)) };
        if let (Some(lock), Some(envelope)) = (lock, &mut taken) {
            self.deliver(correlation_id, lock, envelope);
        }
        Ok(taken)
    }

    /// Makes a message the one that has the lock.
    pub(super) fn deliver(&self, correlation_id: Option<&str>, lock: u64, envelope: &mut MessageEnvelope) {
        Delivery::begin(self.id, lock, envelope);
        self.base.received(correlation_id, envelope);
    }

    /// Sends a message, and leaves `None`. Where that cannot be done at once, gives what tells how it went.
    pub(super) fn push<'a>(
        &'a self,
        correlation_id: Option<&'a str>,
        message: &mut Option<MessageEnvelope>,
    ) -> Option<Sending<'a>> {
        let envelope = message.as_mut()?;
        let (sent_time, reference) = (envelope.sent_time.replace(Utc::now()), envelope.take_reference());
        // A copy for a logger that wants it.
        let shown = self.base.logger().is_enabled(LogLevel::Debug).then(|| envelope.clone());
        let in_line = self.work(|state, _| {
            let Some(session) = &state.session else { return Err(None) };
            if state.storage.has_room() && state.senders.is_empty() {
                if let Some(message) = message.take() {
                    state.storage.push(message);
                }
                Ok(None)
            } else if session.options.wait_when_full {
                Ok(message.take().map(|message| (session.options, state.senders.wait(message))))
            } else {
                Err(Some(session.options))
            }
        });
        let why = match (in_line, message.take()) {
            (Ok(Some((options, place))), _) => Why::InLine(options, place),
            (Err(Some(options)), Some(envelope)) => {
                Why::Refused(self.full(correlation_id, &options), envelope)
            }
            (Err(None), Some(envelope)) => Why::Refused(self.base.not_opened(correlation_id), envelope),
            _ => {
                self.sent(correlation_id, shown.as_ref());
                return None;
            }
        };
        // On the heap, so that a send that need not wait is small.
        Some(Box::pin(self.settle_unsent(correlation_id, Unsent { why, sent_time, reference, shown })))
    }

    /// Waits for room where that is what a message waits for, or gives it back as it was.
    async fn settle_unsent(&self, correlation_id: Option<&str>, unsent: Unsent) -> Result<(), SendError> {
        let Unsent { why, sent_time, reference, shown } = unsent;
        let refused = match why {
            Why::InLine(options, place) => self.wait_for_room(correlation_id, options, place).await,
            Why::Refused(error, envelope) => Some((error, envelope)),
        };
        if let Some((error, mut envelope)) = refused {
            envelope.sent_time = sent_time;
            envelope.set_reference(reference);
            return Err(SendError::new(error, envelope));
        }
        self.sent(correlation_id, shown.as_ref());
        Ok(())
    }

    fn sent(&self, correlation_id: Option<&str>, shown: Option<&MessageEnvelope>) {
        match shown {
            Some(shown) => self.base.sent(correlation_id, shown),
            None => self.base.count_sent(),
        }
    }

    pub(super) fn full(&self, correlation_id: Option<&str>, options: &Options) -> ApplicationError {
        let max = options.limits.max_messages.unwrap_or(usize::MAX);
        let name = self.get_name();
        let mut message =
            format!("queue '{name}' holds {max} messages, as many as options.max_messages allows");
        if let Some(timeout) = options.send_timeout.filter(|_| options.wait_when_full) {
            let timeout = timeout.as_millis();
            message += &format!(", and had no room within the {timeout} ms of options.send_timeout");
        }
        ApplicationError::invalid_state(correlation_id, "QUEUE_FULL", message)
    }

    /// Settles a message in another way than by completing it.
    pub(super) fn settle(
        &self,
        envelope: &mut MessageEnvelope,
        settle: impl FnOnce(&mut Messages, u64) -> bool,
    ) -> Result<(), ApplicationError> {
        let delivery = Delivery::of(self.id, envelope);
        let settled =
            self.work_open(envelope.correlation_id.as_deref(), Clock::default(), |_, storage, _| {
                delivery.map(|delivery| {
                    delivery.settle();
                    settle(storage, delivery.lock)
                })
            })?;
        if settled.is_some() {
            envelope.set_reference(None);
        }
        if settled == Some(true) { Ok(()) } else { Err(self.lock_lost(envelope)) }
    }

    pub(super) fn lock_lost(&self, envelope: &MessageEnvelope) -> ApplicationError {
        let message = format!("message {} is not locked by this envelope any more", envelope.message_id);
        ApplicationError::invalid_state(envelope.correlation_id.as_deref(), "LOCK_LOST", message)
    }
}

/// Takes the next message and locks it, where there is one.
#[inline]
pub(super) fn take(
    options: &Options,
    storage: &mut Messages,
    clock: &mut Clock,
    taken: &mut Option<MessageEnvelope>,
) -> Option<u64> {
    // The clock is not read in vain.
    if storage.count() == 0 {
        return None;
    }
    storage.take(clock.after(options.lock_timeout), taken)
}
