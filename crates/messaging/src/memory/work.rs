use std::sync::Arc;

use pip_services_commons::errors::ApplicationError;
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
use crate::{IMessageQueue, MessageEnvelope};

/// Where a message is that was sent.
pub(super) enum Pushed {
    In,
    /// It waits for room at a place in line.
    InLine(Options, (u64, oneshot::Receiver<Answer>)),
    Refused(ApplicationError, MessageEnvelope),
}

/// What the operations are made of.
impl MemoryMessageQueue {
    /// Works on the state as of now, with the messages back whose locks have expired, and tells all who wait for
    /// what has changed.
    pub(super) fn work<T>(&self, work: impl FnOnce(&mut State, &mut Clock) -> T) -> T {
        let mut clock = Clock::default();
        let (result, events) = self.shared.change(|state| {
            if state.storage.next_deadline().is_some() {
                state.storage.expire(clock.now());
            }
            (work(state, &mut clock), state.storage.take_events())
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
        work: impl FnOnce(&Options, &mut Messages, &mut Clock) -> T,
    ) -> Result<T, ApplicationError> {
        let done = self.work(|state, clock| {
            let options = &state.session.as_ref()?.options;
            Some(work(options, &mut state.storage, clock))
        });
        done.ok_or_else(|| self.base.not_opened(correlation_id))
    }

    pub(super) fn session(&self, correlation_id: Option<&str>) -> Result<Arc<Session>, ApplicationError> {
        self.shared.lock().session.clone().ok_or_else(|| self.base.not_opened(correlation_id))
    }

    /// Puts a message in, or in line behind all that wait for room already.
    pub(super) fn push(&self, correlation_id: Option<&str>, envelope: MessageEnvelope) -> Pushed {
        let mut envelope = Some(envelope);
        let in_line = self.work(|state, _| {
            let Some(session) = &state.session else { return Err(None) };
            if state.storage.has_room() && state.senders.is_empty() {
                envelope.take().into_iter().for_each(|envelope| state.storage.push(envelope));
                Ok(None)
            } else if session.options.wait_when_full {
                Ok(envelope.take().map(|envelope| (session.options, state.senders.wait(envelope))))
            } else {
                Err(Some(session.options))
            }
        });
        match (in_line, envelope) {
            (Ok(Some((options, place))), _) => Pushed::InLine(options, place),
            (Err(Some(options)), Some(envelope)) => Pushed::Refused(self.full(correlation_id, &options), envelope),
            (Err(None), Some(envelope)) => Pushed::Refused(self.base.not_opened(correlation_id), envelope),
            (_, None) | (Ok(None), _) => Pushed::In,
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
        let settled = self.work_open(envelope.correlation_id.as_deref(), |_, storage, _| {
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

/// Takes the next message and locks it.
pub(super) fn take(
    options: &Options,
    storage: &mut Messages,
    clock: &mut Clock,
) -> Option<(u64, MessageEnvelope)> {
    // The clock is not read in vain.
    if storage.count() == 0 {
        return None;
    }
    storage.take(clock.after(options.lock_timeout))
}
