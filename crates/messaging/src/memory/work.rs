use std::{sync::Arc, time::Duration};

use pip_services_commons::errors::ApplicationError;

use super::{
    MemoryMessageQueue,
    clock::Clock,
    delivery::Delivery,
    options::Options,
    shared::{Messages, Session, State},
    storage::Events,
};
use crate::{IMessageQueue, MessageEnvelope, wait::Attempt};

/// What the operations are made of.
impl MemoryMessageQueue {
    /// Works on the state as of now, with the messages back whose locks have expired, and tells all who wait for
    /// what has changed.
    pub(super) fn work<T>(&self, work: impl FnOnce(&mut State, &mut Clock) -> T) -> T {
        let mut clock = Clock::default();
        let mut state = self.shared.lock();
        let State { storage, .. } = &mut *state;
        let (count, total, deadline) = (storage.count(), storage.total(), storage.next_deadline());
        if deadline.is_some() {
            storage.expire(clock.now());
        }
        let result = work(&mut state, &mut clock);
        let State { storage, .. } = &mut *state;
        let events = storage.take_events();
        // One notification stands for any number of messages, so whoever takes one passes it on.
        let ready = storage.count() > 0 && (storage.count() != count || events.is_some());
        let freed = storage.total() < total;
        // Those who wait sleep until the first lock expires that they know of.
        let sooner =
            storage.next_deadline().is_some_and(|next| deadline.is_none_or(|deadline| next < deadline));
        // Wakers, counters and loggers are other people's code, so not under the lock.
        drop(state);
        if sooner {
            self.shared.receivers.notify_all();
        }
        if ready {
            self.shared.receivers.notify_one();
        }
        if freed || sooner {
            self.senders.notify();
        }
        if let Some(events) = events {
            self.observe(&events);
        }
        result
    }

    fn observe(&self, events: &Events<Arc<Delivery>>) {
        if events.expired > 0 {
            self.base.expired(events.expired);
        }
        events.dead.iter().for_each(|message| self.base.dead(&message.envelope));
        events.dropped.iter().for_each(|message| self.base.dead_dropped(&message.envelope));
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

    /// Work of an open queue that finds nothing to take, or no room, until something changes.
    ///
    /// # Errors
    /// `NOT_OPENED`.
    pub(super) fn attempt<T>(
        &self,
        correlation_id: Option<&str>,
        work: impl FnOnce(&Options, &mut Messages, &mut Clock) -> Option<T>,
    ) -> Result<Attempt<T>, ApplicationError> {
        self.work_open(correlation_id, |options, storage, clock| match work(options, storage, clock) {
            Some(taken) => Attempt::Taken(taken),
            None => Attempt::Nothing(storage.next_deadline()),
        })
    }

    pub(super) fn session(&self, correlation_id: Option<&str>) -> Result<Arc<Session>, ApplicationError> {
        self.shared.lock().session.clone().ok_or_else(|| self.base.not_opened(correlation_id))
    }

    /// Puts a message in behind all that wait for room already, and leaves `None`.
    pub(super) async fn push_in_line(
        &self,
        correlation_id: Option<&str>,
        message: &mut Option<Arc<Delivery>>,
    ) -> Result<(), ApplicationError> {
        let session = self.session(correlation_id)?;
        let timeout = session.options.send_timeout.unwrap_or(Duration::MAX);
        let push = || {
            let pushed = self.attempt(correlation_id, |_, storage, _| push(storage, message).then_some(()));
            pushed.unwrap_or(Attempt::Nothing(None))
        };
        if self.senders.enter(&session.closed, timeout, push).await {
            Ok(())
        } else if session.closed.is_cancelled() {
            Err(self.base.not_opened(correlation_id))
        } else {
            Err(self.full(correlation_id, &session.options))
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
                settle(storage, delivery.lock())
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

/// Takes the message where there is room for it.
pub(super) fn push(storage: &mut Messages, message: &mut Option<Arc<Delivery>>) -> bool {
    *message = message.take().and_then(|message| storage.push(message).err());
    message.is_none()
}

/// Envelopes that others can have.
pub(super) fn copies(messages: Vec<Arc<Delivery>>) -> Vec<MessageEnvelope> {
    messages.into_iter().map(|message| message.envelope.clone()).collect()
}
