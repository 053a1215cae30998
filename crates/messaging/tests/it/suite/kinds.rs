use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt;
use pip_services_commons::{
    errors::ApplicationError,
    run::{ICleanable, IOpenable},
};
use pip_services_messaging::{
    IMessageQueue, IMessageReceiver, MessageEnvelope, MessagingCapabilities, SendError,
    conformance::{Content, Fixture, Profile},
};
use tokio::time::sleep;

use super::{
    broken::{Broken, Fault, Inner, Received, Receiver, Result, Sending, fixture},
    run::fails_only,
};

const ALL: MessagingCapabilities = MessagingCapabilities {
    can_message_count: true,
    can_send: true,
    can_receive: true,
    can_peek: true,
    can_peek_batch: true,
    can_renew_lock: true,
    can_abandon: true,
    can_dead_letter: true,
    can_clear: true,
};
const WITHOUT_LOCKS: MessagingCapabilities =
    MessagingCapabilities { can_renew_lock: false, can_abandon: false, can_dead_letter: false, ..ALL };

/// A queue that can do no more than this, and refuses the rest.
struct Only(MessagingCapabilities);

impl Only {
    fn fixture(capabilities: MessagingCapabilities) -> Fixture {
        Broken::fixture(move || Self(capabilities))
    }
}

fn allowed(flag: bool, queue: &Inner) -> Result<()> {
    match flag || !queue.is_open() {
        true => Ok(()),
        false => Err(ApplicationError::unsupported(None, "NOT_SUPPORTED", "this queue cannot do that")),
    }
}

#[async_trait]
impl Fault for Only {
    fn get_capabilities(&self, _: &Inner) -> MessagingCapabilities {
        self.0
    }

    async fn read_message_count(&self, queue: &Inner) -> Result<u64> {
        allowed(self.0.can_message_count, queue)?;
        queue.read_message_count().await
    }

    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        match allowed(self.0.can_send, queue) {
            Ok(()) => queue.send(None, envelope).await,
            Err(error) => Err(SendError::new(error, envelope)),
        }
    }

    async fn peek(&self, queue: &Inner) -> Received {
        allowed(self.0.can_peek, queue)?;
        queue.peek(None).await
    }

    async fn peek_batch(&self, queue: &Inner, count: usize) -> Result<Vec<MessageEnvelope>> {
        allowed(self.0.can_peek_batch, queue)?;
        queue.peek_batch(None, count).await
    }

    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        allowed(self.0.can_receive, queue)?;
        let mut received = queue.receive(None, wait).await?;
        if let Some(envelope) = received.as_mut().filter(|_| !self.0.can_renew_lock) {
            queue.complete(envelope).await?;
        }
        Ok(received)
    }

    async fn renew_lock(&self, queue: &Inner, envelope: &MessageEnvelope, wait: Duration) -> Result<()> {
        allowed(self.0.can_renew_lock, queue)?;
        queue.renew_lock(envelope, wait).await
    }

    async fn abandon(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        allowed(self.0.can_abandon, queue)?;
        queue.abandon(envelope).await
    }

    async fn move_to_dead_letter(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        allowed(self.0.can_dead_letter, queue)?;
        queue.move_to_dead_letter(envelope).await
    }

    async fn clear(&self, queue: &Inner) -> Result<()> {
        allowed(self.0.can_clear, queue)?;
        queue.clear(None).await
    }

    fn receiver(&self, queue: &Inner, receiver: Receiver) -> Result<Receiver> {
        allowed(self.0.can_receive, queue)?;
        Ok(if self.0.can_abandon { receiver } else { Arc::new(Forgetful(receiver)) })
    }
}

/// A receiver whose failed messages are gone.
struct Forgetful(Receiver);

#[async_trait]
impl IMessageReceiver for Forgetful {
    async fn receive_message(&self, envelope: MessageEnvelope, queue: &dyn IMessageQueue) -> Result<()> {
        let _ = AssertUnwindSafe(self.0.receive_message(envelope, queue)).catch_unwind().await;
        Ok(())
    }
}

#[test]
fn queues_that_refuse_what_they_cannot_do_pass() {
    let none = MessagingCapabilities::default();
    for capabilities in [
        none,
        MessagingCapabilities { can_send: true, ..none },
        MessagingCapabilities { can_receive: true, can_peek: true, ..none },
        MessagingCapabilities { can_send: true, can_receive: true, ..none },
        WITHOUT_LOCKS,
    ] {
        fails_only(|| Only::fixture(capabilities), &[]);
    }
}

/// A queue that can peek and says that it cannot.
#[derive(Default)]
struct Modest;

impl Fault for Modest {
    fn get_capabilities(&self, _: &Inner) -> MessagingCapabilities {
        MessagingCapabilities { can_peek: false, ..ALL }
    }
}

#[test]
fn an_operation_that_works_without_its_capability_fails_the_cases_about_it() {
    let problem = "peek was Ok instead of NOT_SUPPORTED";
    let expected = [("absent_capability_is_refused", problem), ("peek_leaves_message", problem)];
    fails_only(fixture::<Modest>, &expected);
}

/// Delivers a while after the send, in no order.
#[derive(Default)]
struct Delayed;

#[async_trait]
impl Fault for Delayed {
    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        if !queue.is_open() {
            return queue.send(None, envelope).await;
        }
        let queue = queue.clone();
        tokio::spawn(async move {
            sleep(Duration::from_millis(30)).await;
            let _ = queue.send(None, envelope).await;
        });
        Ok(())
    }
}

#[test]
fn a_queue_that_delivers_later_and_in_no_order_passes_but_for_the_time() {
    // The wrapped queue sets the time, and gets the message only then.
    let expected = [("envelope_fields_round_trip", "'full' was sent at")];
    fails_only(|| fixture::<Delayed>().profile(Profile { ordered: false, ..Profile::strict() }), &expected);
}

/// Delivers payloads, each in an envelope of its own.
#[derive(Default)]
struct PayloadOnly;

#[async_trait]
impl Fault for PayloadOnly {
    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        let bare = MessageEnvelope::new(None, None, envelope.get_message().cloned());
        let sent = queue.send(None, bare).await;
        sent.map_err(|failed| SendError::new(failed.into_parts().0, envelope))
    }
}

#[test]
fn a_queue_for_payloads_passes_where_it_promises_no_more() {
    fails_only(
        || fixture::<PayloadOnly>().profile(Profile { content: Content::Payload, ..Profile::strict() }),
        &[],
    );
    let expected = [
        ("envelope_fields_round_trip", "id, type and correlation id are"),
        ("sent_envelope_is_a_copy", "id, type and correlation id are"),
        ("unicode_everywhere", "id, type and correlation id are"),
        ("send_as_object", "came with None and None"),
        ("abandon_redelivers", "id, type and correlation id are"),
    ];
    fails_only(fixture::<PayloadOnly>, &expected);
}
