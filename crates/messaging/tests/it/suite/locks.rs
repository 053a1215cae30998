use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use pip_services_commons::run::{ICleanable, IOpenable};
use pip_services_messaging::{IMessageQueue, MessageEnvelope};

use super::{
    broken::{Fault, Inner, Received, Result, fixture},
    run::fails_only,
};

/// Shows others what somebody holds.
#[derive(Default)]
struct ShowsHeld(Mutex<Option<MessageEnvelope>>);

#[async_trait]
impl Fault for ShowsHeld {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let received = queue.receive(None, wait).await?;
        if let Some(envelope) = &received {
            *self.0.lock().unwrap() = Some(envelope.clone());
        }
        Ok(received)
    }

    async fn complete(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        *self.0.lock().unwrap() = None;
        queue.complete(envelope).await
    }

    async fn abandon(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        *self.0.lock().unwrap() = None;
        queue.abandon(envelope).await
    }

    async fn clear(&self, queue: &Inner) -> Result<()> {
        *self.0.lock().unwrap() = None;
        queue.clear(None).await
    }

    async fn peek(&self, queue: &Inner) -> Received {
        let peeked = queue.peek(None).await?;
        Ok(peeked.or_else(|| self.0.lock().unwrap().clone()))
    }
}

#[test]
fn a_queue_that_shows_what_is_held_fails_the_cases_about_that() {
    let expected = [("received_message_is_invisible", "peek shows the message that a receive holds")];
    fails_only(fixture::<ShowsHeld>, &expected);
}

/// Forgets that a message was completed.
#[derive(Default)]
struct ForgetsCompletion;

#[async_trait]
impl Fault for ForgetsCompletion {
    async fn complete(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        match queue.is_open() {
            true => envelope.set_reference(None),
            false => queue.complete(envelope).await?,
        }
        Ok(())
    }
}

#[test]
fn a_queue_that_forgets_completions_fails_the_cases_that_end_a_lock() {
    // A close puts back what is locked.
    let expected = [
        ("reopen_starts_clean", "repeated: 'cycle 1'"),
        ("complete_is_final", "'only' came after it was completed"),
        ("settle_twice_is_harmless", "came after it was"),
        ("close_flushes_acked_sends", "repeated"),
    ];
    fails_only(fixture::<ForgetsCompletion>, &expected);
}

/// Leaves its lock on a completed envelope.
#[derive(Default)]
struct LeavesLock;

#[async_trait]
impl Fault for LeavesLock {
    async fn complete(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        queue.complete(&mut envelope.clone()).await
    }
}

#[test]
fn a_lock_on_a_completed_envelope_fails_the_case_about_that() {
    let expected = [("complete_is_final", "the envelope has still a lock after Complete")];
    fails_only(fixture::<LeavesLock>, &expected);
}

/// Says Ok to abandon and keeps the message locked.
#[derive(Default)]
struct AbandonsNothing;

#[async_trait]
impl Fault for AbandonsNothing {
    async fn abandon(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        match queue.is_open() {
            true => Ok(()),
            false => queue.abandon(envelope).await,
        }
    }
}

#[test]
fn an_abandon_that_does_nothing_fails_the_cases_that_abandon() {
    let expected = [
        ("sent_envelope_is_a_copy", "'kept' did not arrive"),
        ("message_count_tracks", "after it was abandoned: 4 messages wait"),
        ("abandon_redelivers", "abandoned 1 times: no message came within"),
        ("settle_twice_is_harmless", "Abandon, then Complete: 'Abandon Complete' did not arrive"),
        ("foreign_envelope_is_ignored", "did not arrive"),
        ("model_walk", "0 messages wait after"),
    ];
    fails_only(fixture::<AbandonsNothing>, &expected);
}

/// Sends an abandoned message anew, whoever abandons it.
#[derive(Default)]
struct AbandonSends;

#[async_trait]
impl Fault for AbandonSends {
    async fn abandon(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        let original = envelope.clone();
        match queue.abandon(envelope).await {
            Err(error) if error.code() == "LOCK_LOST" => Ok(queue.send(None, original).await?),
            other => other,
        }
    }
}

#[test]
fn an_abandon_of_what_is_not_held_that_doubles_it_fails_the_cases_about_that() {
    let expected = [
        ("clear_empties_all", "came after a clear"),
        ("settle_twice_is_harmless", "came after it was completed"),
        ("lock_expiry_redelivers", "the message came twice, or its former holder put it back"),
        ("foreign_envelope_is_ignored", "sent to foreign_envelope_is_ignored"),
    ];
    fails_only(fixture::<AbandonSends>, &expected);
}

/// Keeps what was received for ever.
#[derive(Default)]
struct LocksForEver;

#[async_trait]
impl Fault for LocksForEver {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let received = queue.receive(None, wait).await?;
        if let Some(envelope) = &received {
            queue.renew_lock(envelope, Duration::from_secs(3600)).await?;
        }
        Ok(received)
    }
}

#[test]
fn a_lock_that_never_expires_fails_the_case_about_expiry() {
    let expected = [("lock_expiry_redelivers", "the message did not come back after its lock had expired")];
    fails_only(fixture::<LocksForEver>, &expected);
}

/// Lets a lock expire in half the time, where the case has set it.
#[derive(Default)]
struct LocksShortly;

#[async_trait]
impl Fault for LocksShortly {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let received = queue.receive(None, wait).await?;
        let name = queue.get_name();
        let set = name.rsplit_once('-').and_then(|(_, time)| time.strip_suffix("ms")?.parse::<u64>().ok());
        if let (Some(envelope), Some(milliseconds)) = (&received, set) {
            queue.renew_lock(envelope, Duration::from_millis(milliseconds / 2)).await?;
        }
        Ok(received)
    }
}

#[test]
fn a_lock_that_expires_too_early_fails_the_cases_that_rely_on_it() {
    let expected = [
        ("lock_expiry_redelivers", "before its lock of"),
        ("renew_lock_extends", "renew_lock failed: LOCK_LOST"),
    ];
    fails_only(fixture::<LocksShortly>, &expected);
}

/// Settles a message for whoever has an envelope of it.
#[derive(Default)]
struct SettlesById(Mutex<HashMap<String, MessageEnvelope>>);

#[async_trait]
impl Fault for SettlesById {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let received = queue.receive(None, wait).await?;
        if let Some(envelope) = &received {
            self.0.lock().unwrap().insert(envelope.message_id.clone(), envelope.clone());
        }
        Ok(received)
    }

    async fn complete(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        let held = self.0.lock().unwrap().get(&envelope.message_id).cloned();
        envelope.set_reference(None);
        match held {
            Some(mut held) => queue.complete(&mut held).await,
            None => queue.complete(envelope).await,
        }
    }
}

#[test]
fn a_queue_that_lets_a_former_holder_complete_fails_the_case_about_that() {
    let expected = [("lock_expiry_redelivers", "abandon failed: LOCK_LOST")];
    fails_only(fixture::<SettlesById>, &expected);
}

/// Renews nothing, and says Ok.
#[derive(Default)]
struct RenewsNothing;

#[async_trait]
impl Fault for RenewsNothing {
    async fn renew_lock(&self, queue: &Inner, envelope: &MessageEnvelope, wait: Duration) -> Result<()> {
        match queue.is_open() {
            true => Ok(()),
            false => queue.renew_lock(envelope, wait).await,
        }
    }
}

/// Renews for the time that locks have, whatever it is asked.
#[derive(Default)]
struct RenewsByDefault;

#[async_trait]
impl Fault for RenewsByDefault {
    async fn renew_lock(&self, queue: &Inner, envelope: &MessageEnvelope, _: Duration) -> Result<()> {
        queue.renew_lock(envelope, Duration::from_millis(250)).await
    }
}

/// Says Ok to the renewal of a lock that is lost.
#[derive(Default)]
struct RenewsTheLost;

#[async_trait]
impl Fault for RenewsTheLost {
    async fn renew_lock(&self, queue: &Inner, envelope: &MessageEnvelope, wait: Duration) -> Result<()> {
        match queue.renew_lock(envelope, wait).await {
            Err(error) if error.code() == "LOCK_LOST" => Ok(()),
            other => other,
        }
    }
}

#[test]
fn renewals_that_do_not_do_what_they_say_fail_the_case_about_them() {
    let case = "renew_lock_extends";
    fails_only(fixture::<RenewsNothing>, &[(case, "after its lock was renewed for")]);
    fails_only(fixture::<RenewsByDefault>, &[(case, "after its lock was renewed for")]);
    fails_only(fixture::<RenewsTheLost>, &[(case, "renew_lock was Ok although another holds")]);
}

/// Numbers its locks, so that those of other queues fit as well.
#[derive(Default)]
struct NumbersLocks(Mutex<Vec<MessageEnvelope>>);

/// The number of a lock.
struct Number(usize);

#[async_trait]
impl Fault for NumbersLocks {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let mut received = queue.receive(None, wait).await?;
        if let Some(envelope) = &mut received {
            let mut held = self.0.lock().unwrap();
            held.push(envelope.clone());
            envelope.set_reference(Some(Arc::new(Number(held.len() - 1))));
        }
        Ok(received)
    }

    async fn renew_lock(&self, queue: &Inner, envelope: &MessageEnvelope, wait: Duration) -> Result<()> {
        queue.renew_lock(&self.held(envelope), wait).await
    }

    async fn complete(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        let mut held = self.held(envelope);
        envelope.set_reference(None);
        queue.complete(&mut held).await
    }

    async fn abandon(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        let mut held = self.held(envelope);
        envelope.set_reference(None);
        queue.abandon(&mut held).await
    }

    async fn move_to_dead_letter(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        let mut held = self.held(envelope);
        envelope.set_reference(None);
        queue.move_to_dead_letter(&mut held).await
    }
}

impl NumbersLocks {
    fn held(&self, envelope: &MessageEnvelope) -> MessageEnvelope {
        let number = envelope.get_reference().and_then(|lock| lock.downcast_ref::<Number>());
        let held = number.and_then(|number| self.0.lock().unwrap().get(number.0).cloned());
        held.unwrap_or_else(|| envelope.clone())
    }
}

#[test]
fn locks_that_fit_other_queues_fail_the_case_about_that() {
    // The lock is gone when its holder wants to settle it.
    fails_only(fixture::<NumbersLocks>, &[("foreign_envelope_is_ignored", "abandon failed: LOCK_LOST")]);
}

/// Puts a dead letter back into the queue.
#[derive(Default)]
struct RevivesTheDead;

#[async_trait]
impl Fault for RevivesTheDead {
    async fn move_to_dead_letter(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        queue.abandon(envelope).await
    }
}

/// Drops a dead letter.
#[derive(Default)]
struct ForgetsTheDead;

#[async_trait]
impl Fault for ForgetsTheDead {
    async fn move_to_dead_letter(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        // It is told from one that is not locked.
        queue.renew_lock(envelope, Duration::from_secs(1)).await?;
        queue.complete(envelope).await
    }
}

#[test]
fn dead_letters_that_come_back_or_vanish_fail_the_cases_about_them() {
    let back = "came after it was moved to the dead letters";
    let expected = [("settle_twice_is_harmless", back), ("dead_letter_is_final", back)];
    fails_only(fixture::<RevivesTheDead>, &expected);
    let expected = [("dead_letter_is_final", "0 dead letters are there instead of one")];
    fails_only(fixture::<ForgetsTheDead>, &expected);
}
