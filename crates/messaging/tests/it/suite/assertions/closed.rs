use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use pip_services_commons::run::{IClosable, IOpenable};
use pip_services_messaging::{IMessageQueue, MessageEnvelope, SendError};
use tokio::time::sleep;

use super::wrong;
use crate::suite::broken::{Broken, Fault, Inner, Received, Result, Sending, fixture};
use crate::suite::run::fails;

/// Tells the contrary of whether it is open, at one moment of its life.
struct Inverted {
    at: usize,
    /// How often it was opened and closed.
    moment: AtomicUsize,
}

#[async_trait]
impl Fault for Inverted {
    fn is_open(&self, queue: &Inner) -> bool {
        queue.is_open() ^ (self.moment.load(Ordering::Acquire) == self.at)
    }

    async fn open(&self, queue: &Inner) -> Result<()> {
        self.moment.fetch_add(1, Ordering::AcqRel);
        queue.open(None).await
    }

    async fn close(&self, queue: &Inner) -> Result<()> {
        self.moment.fetch_add(1, Ordering::AcqRel);
        queue.close(None).await
    }
}

#[test]
fn a_queue_must_not_lie_about_whether_it_is_open_at_any_time() {
    let moments = [
        (0, "it is open before open"),
        (1, "it is open after a close without open"),
        (3, "it is not open after open"),
        (4, "it is open after close"),
        (5, "it is open after the second close"),
    ];
    for (at, text) in moments {
        let fixture = Broken::fixture(move || Inverted { at, moment: AtomicUsize::new(0) });
        fails(&fixture, "open_and_close_are_idempotent", text);
    }
}

/// Takes its time to refuse what it does while it is closed.
#[derive(Default)]
struct RefusesLate;

#[async_trait]
impl Fault for RefusesLate {
    async fn peek(&self, queue: &Inner) -> Received {
        if !queue.is_open() {
            sleep(Duration::from_secs(5)).await;
        }
        queue.peek(None).await
    }
}

/// Refuses with an error of its own.
#[derive(Default)]
struct RefusesStrangely;

#[async_trait]
impl Fault for RefusesStrangely {
    async fn peek(&self, queue: &Inner) -> Received {
        queue.peek(None).await.map_err(|_| wrong())
    }
}

/// Refuses to send with an error of its own.
#[derive(Default)]
struct RefusesSendStrangely;

#[async_trait]
impl Fault for RefusesSendStrangely {
    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        let sent = queue.send(None, envelope).await;
        sent.map_err(|failed| SendError::new(wrong(), failed.into_envelope()))
    }
}

/// Keeps what it does not send.
#[derive(Default)]
struct KeepsRefused;

#[async_trait]
impl Fault for KeepsRefused {
    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        let sent = queue.send(None, envelope).await;
        sent.map_err(|failed| SendError::new(failed.into_parts().0, MessageEnvelope::new(None, None, "")))
    }
}

/// Sends while it is closed.
#[derive(Default)]
struct SendsClosed;

#[async_trait]
impl Fault for SendsClosed {
    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        match queue.is_open() {
            true => queue.send(None, envelope).await,
            false => Ok(()),
        }
    }
}

#[test]
fn a_refusal_is_prompt_and_has_its_code_and_gives_the_message_back() {
    let case = "closed_queue_refuses_work";
    fails(&fixture::<RefusesLate>(), case, "before open: peek did not end within 1s");
    fails(
        &fixture::<RefusesStrangely>(),
        case,
        "peek failed with WRONG: another error instead of NOT_OPENED",
    );
    fails(
        &fixture::<RefusesSendStrangely>(),
        case,
        "send failed with WRONG: another error instead of NOT_OPENED",
    );
    fails(&fixture::<KeepsRefused>(), case, "send gave [---,---,] back instead of");
    fails(&fixture::<SendsClosed>(), case, "send was Ok instead of NOT_OPENED");
}
