use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use pip_services_commons::run::ICleanable;
use pip_services_messaging::{IMessageQueue, MessageEnvelope, MessagingCapabilities, conformance::Profile};
use tokio::time::sleep;

use crate::suite::broken::{Broken, Fault, Inner, Received, Result, fixture};
use crate::suite::run::{fails, fails_only};

/// Does not tell when a message was sent.
#[derive(Default)]
struct Timeless;

#[async_trait]
impl Fault for Timeless {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let mut received = queue.receive(None, wait).await?;
        if let Some(envelope) = &mut received {
            envelope.sent_time = None;
        }
        Ok(received)
    }
}

#[test]
fn a_message_has_the_time_of_its_send() {
    fails_only(fixture::<Timeless>, &[("envelope_fields_round_trip", "'full' has no sent time")]);
}

/// Peeks nothing.
#[derive(Default)]
struct Blind;

#[async_trait]
impl Fault for Blind {
    async fn peek(&self, queue: &Inner) -> Received {
        queue.peek(None).await.map(|_| None)
    }
}

/// Peeks a message with another payload.
#[derive(Default)]
struct PeeksWrong;

#[async_trait]
impl Fault for PeeksWrong {
    async fn peek(&self, queue: &Inner) -> Received {
        let mut peeked = queue.peek(None).await?;
        if let Some(envelope) = &mut peeked {
            envelope.set_message("something else");
        }
        Ok(peeked)
    }
}

/// Peeks for ever what it has peeked once.
#[derive(Default)]
struct PeeksTheOld(Mutex<Option<MessageEnvelope>>);

#[async_trait]
impl Fault for PeeksTheOld {
    async fn peek(&self, queue: &Inner) -> Received {
        let peeked = queue.peek(None).await?;
        let mut old = self.0.lock().unwrap();
        if old.is_none() {
            *old = peeked;
        }
        Ok(old.clone())
    }
}

#[test]
fn a_peek_shows_the_message_that_waits_and_only_that() {
    let case = "peek_leaves_message";
    fails(&fixture::<Blind>(), case, "peek found no message within");
    fails(&fixture::<PeeksWrong>(), case, "instead of the only message");
    let expected = [(case, "peek still finds"), ("model_walk", "was peeked although")];
    fails_only(fixture::<PeeksTheOld>, &expected);
}

/// Locks what a batch shows.
#[derive(Default)]
struct LocksBatch;

#[async_trait]
impl Fault for LocksBatch {
    async fn peek_batch(&self, queue: &Inner, count: usize) -> Result<Vec<MessageEnvelope>> {
        let mut batch = queue.peek_batch(None, count).await?;
        batch.iter_mut().for_each(|envelope| envelope.set_reference(Some(Arc::new(()))));
        Ok(batch)
    }
}

/// Shows the head of a batch in place of each message.
#[derive(Default)]
struct RepeatsHead;

#[async_trait]
impl Fault for RepeatsHead {
    async fn peek_batch(&self, queue: &Inner, count: usize) -> Result<Vec<MessageEnvelope>> {
        let batch = queue.peek_batch(None, count).await?;
        Ok(batch.iter().map(|_| batch[0].clone()).collect())
    }
}

#[test]
fn a_batch_shows_each_message_once_and_without_a_lock() {
    let case = "peek_batch_is_bounded";
    fails_only(fixture::<LocksBatch>, &[(case, "peek_batch of 1 gave a message with a lock")]);
    let unordered = Profile { ordered: false, ..Profile::strict() };
    fails_only(
        || fixture::<RepeatsHead>().profile(unordered),
        &[(case, "peek_batch of 3 gave a message twice")],
    );
}

/// Clears a while later.
#[derive(Default)]
struct ClearsLate {
    counts: bool,
}

#[async_trait]
impl Fault for ClearsLate {
    fn get_capabilities(&self, queue: &Inner) -> MessagingCapabilities {
        MessagingCapabilities { can_message_count: self.counts, ..queue.get_capabilities() }
    }

    async fn clear(&self, queue: &Inner) -> Result<()> {
        let queue = queue.clone();
        tokio::spawn(async move {
            sleep(Duration::from_millis(50)).await;
            queue.clear(None).await
        });
        Ok(())
    }
}

#[test]
fn a_clear_is_done_when_it_ends() {
    let case = "clear_empties_all";
    fails(&Broken::fixture(|| ClearsLate { counts: true }), case, "3 messages wait after clear");
    fails(&Broken::fixture(|| ClearsLate { counts: false }), case, "after clear");
}
