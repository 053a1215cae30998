use std::{
    collections::HashSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use pip_services_commons::{errors::ApplicationError, run::IOpenable};
use pip_services_messaging::{
    IMessageQueue, MessageEnvelope, SendError,
    conformance::{Profile, run_case},
};

use super::{
    broken::{Fault, Inner, Received, Result, Sending, fixture},
    run::fails_only,
};

/// Loses each hundredth message after the first hundred, and says Ok.
#[derive(Default)]
struct Lossy(AtomicUsize);

#[async_trait]
impl Fault for Lossy {
    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        let number = if queue.is_open() { self.0.fetch_add(1, Ordering::AcqRel) + 1 } else { 0 };
        match number % 100 {
            0 if number > 100 => Ok(()),
            _ => queue.send(None, envelope).await,
        }
    }
}

#[test]
fn a_lossy_queue_fails_the_cases_that_send_many_messages() {
    let lost = "did not arrive within";
    let expected = [
        ("order_is_kept", "no message came within"),
        ("dropped_receive_loses_nothing", lost),
        ("concurrent_senders_lose_nothing", lost),
        ("competing_receivers_share", "1 lost"),
        ("burst_of_sends_is_all_or_error", lost),
        ("slow_consumer_backlog", "19 are lost, and queue.<name>.dropped_messages is 0"),
    ];
    fails_only(fixture::<Lossy>, &expected);
}

/// Loses messages of a crowd, once many have been sent.
#[derive(Default)]
struct LosesInTheCrowd {
    sending: AtomicUsize,
    sent: AtomicUsize,
}

#[async_trait]
impl Fault for LosesInTheCrowd {
    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        let others = self.sending.fetch_add(1, Ordering::AcqRel);
        let many = self.sent.fetch_add(1, Ordering::AcqRel) > 200;
        tokio::task::yield_now().await;
        let sent = match many && others >= 12 {
            true => Ok(()),
            false => queue.send(None, envelope).await,
        };
        self.sending.fetch_sub(1, Ordering::AcqRel);
        sent
    }
}

#[test]
fn a_queue_that_loses_what_many_send_at_once_fails_the_cases_about_that() {
    let lost = "did not arrive within";
    let expected = [("concurrent_senders_lose_nothing", lost), ("burst_of_sends_is_all_or_error", lost)];
    fails_only(fixture::<LosesInTheCrowd>, &expected);
}

/// Refuses what is too much, without telling that it is.
#[derive(Default)]
struct RefusesCrowds(AtomicUsize);

#[async_trait]
impl Fault for RefusesCrowds {
    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        let others = self.0.fetch_add(1, Ordering::AcqRel);
        tokio::task::yield_now().await;
        let sent = match queue.is_open() && others >= 50 {
            true => Err(SendError::new(ApplicationError::unknown(None, "ERROR", "an error"), envelope)),
            false => queue.send(None, envelope).await,
        };
        self.0.fetch_sub(1, Ordering::AcqRel);
        sent
    }
}

#[test]
fn an_error_that_does_not_tell_that_it_is_too_much_fails_the_case_about_bursts() {
    let problem = "failed with ERROR: an error, which does not tell that it was too many";
    fails_only(fixture::<RefusesCrowds>, &[("burst_of_sends_is_all_or_error", problem)]);
}

/// Gives a message to two receives that come at the same time.
#[derive(Default)]
struct Doubles {
    receiving: AtomicUsize,
    last: Mutex<Option<MessageEnvelope>>,
}

/// A receive that is under way.
struct Receives<'a>(&'a AtomicUsize);

impl Drop for Receives<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[async_trait]
impl Fault for Doubles {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let others = self.receiving.fetch_add(1, Ordering::AcqRel);
        let _receives = Receives(&self.receiving);
        let received = queue.receive(None, wait).await?;
        let mut last = self.last.lock().unwrap();
        match received {
            Some(envelope) => {
                *last = Some(envelope.clone());
                Ok(Some(envelope))
            }
            None if others >= 2 => Ok(last.take()),
            None => Ok(None),
        }
    }
}

#[test]
fn receives_that_get_the_same_message_fail_the_case_about_tasks_that_share() {
    fails_only(fixture::<Doubles>, &[("competing_receivers_share", "repeated")]);
}

/// Drops what is too much, and tells nobody.
#[derive(Default)]
struct DropsInSilence;

#[async_trait]
impl Fault for DropsInSilence {
    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        match queue.read_message_count().await {
            Ok(1200..) => Ok(()),
            _ => queue.send(None, envelope).await,
        }
    }
}

#[test]
fn a_full_queue_that_drops_messages_in_silence_fails_the_case_about_backlogs() {
    let expected = [("slow_consumer_backlog", "are lost, and queue.<name>.dropped_messages is 0")];
    fails_only(fixture::<DropsInSilence>, &expected);
    // It is no better where it keeps as many as it says.
    let profile = Profile { max_backlog: Some(1200), ..Profile::strict() };
    fails_only(|| fixture::<DropsInSilence>().profile(profile), &expected);
}

/// Refuses what is too much.
#[derive(Default)]
struct RefusesTooMuch;

#[async_trait]
impl Fault for RefusesTooMuch {
    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        match queue.read_message_count().await {
            Ok(1200..) => Err(SendError::new(
                ApplicationError::invalid_state(None, "QUEUE_FULL", "1200 messages wait"),
                envelope,
            )),
            _ => queue.send(None, envelope).await,
        }
    }
}

#[test]
fn a_full_queue_that_refuses_messages_passes_where_it_keeps_as_many_as_it_says() {
    let profile = Profile { max_backlog: Some(1200), ..Profile::strict() };
    fails_only(|| fixture::<RefusesTooMuch>().profile(profile), &[]);
    let expected = [("slow_consumer_backlog", "failed: QUEUE_FULL: 1200 messages wait")];
    fails_only(fixture::<RefusesTooMuch>, &expected);
}

/// Loses a message that is abandoned while three others are held.
#[derive(Default)]
struct LosesRarely(Mutex<HashSet<String>>);

impl LosesRarely {
    /// How many are held besides this one, which is not any more.
    fn settle(&self, envelope: &MessageEnvelope) -> usize {
        let mut held = self.0.lock().unwrap();
        held.remove(&envelope.message_id);
        held.len()
    }
}

#[async_trait]
impl Fault for LosesRarely {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let received = queue.receive(None, wait).await?;
        if let Some(envelope) = &received {
            self.0.lock().unwrap().insert(envelope.message_id.clone());
        }
        Ok(received)
    }

    async fn complete(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        self.settle(envelope);
        queue.complete(envelope).await
    }

    async fn abandon(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        match self.settle(envelope) >= 3 && queue.is_open() {
            true => queue.complete(envelope).await,
            false => queue.abandon(envelope).await,
        }
    }
}

#[test]
fn a_rare_fault_is_found_by_a_walk_at_random() {
    let failure = run_case("model_walk", &fixture::<LosesRarely>()).unwrap_err();
    assert!(failure.message().starts_with("seed 1 (CONFORMANCE_SEED), "), "{failure}");
    fails_only(fixture::<LosesRarely>, &[("model_walk", "seed 1")]);
}
