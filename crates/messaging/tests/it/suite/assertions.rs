use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use pip_services_commons::{
    errors::ApplicationError,
    run::{ICleanable, IClosable, IOpenable},
};
use pip_services_messaging::{
    IMessageQueue, IMessageReceiver, MemoryMessageQueue, MessageEnvelope, MessagingCapabilities, SendError,
    conformance::Profile,
};
use tokio::time::sleep;

use super::{
    broken::{Broken, Fault, Inner, Received, Receiver, Result, Sending, fixture},
    remote::{Flaw, Hub},
    run::{fails, fails_only},
};

fn wrong() -> ApplicationError {
    ApplicationError::unknown(None, "WRONG", "another error")
}

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

/// Renews for ever.
#[derive(Default)]
struct RenewsForEver;

#[async_trait]
impl Fault for RenewsForEver {
    async fn renew_lock(&self, queue: &Inner, envelope: &MessageEnvelope, _: Duration) -> Result<()> {
        queue.renew_lock(envelope, Duration::from_secs(3600)).await
    }
}

/// Takes a message from its holder when a former one wants to renew its lock.
#[derive(Default)]
struct RenewalSteals(Mutex<Option<MessageEnvelope>>);

#[async_trait]
impl Fault for RenewalSteals {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let received = queue.receive(None, wait).await?;
        if let Some(envelope) = &received {
            *self.0.lock().unwrap() = Some(envelope.clone());
        }
        Ok(received)
    }

    async fn renew_lock(&self, queue: &Inner, envelope: &MessageEnvelope, wait: Duration) -> Result<()> {
        let renewed = queue.renew_lock(envelope, wait).await;
        let held = self.0.lock().unwrap().take();
        if let (Err(_), Some(held)) = (&renewed, held) {
            // It expires at once.
            queue.renew_lock(&held, Duration::ZERO).await?;
        }
        renewed
    }
}

#[test]
fn a_renewed_lock_ends_and_a_lost_one_takes_nothing_from_its_new_holder() {
    let case = "renew_lock_extends";
    let never = "the message did not come back after its renewed lock had expired";
    fails_only(fixture::<RenewsForEver>, &[(case, never)]);
    fails(&fixture::<RenewalSteals>(), case, "complete failed after a former holder's renewal: LOCK_LOST");
}

/// Lets a former holder complete what another holds, in a queue that cannot abandon.
#[derive(Default)]
struct CompletesForFormer(Mutex<Vec<MessageEnvelope>>);

#[async_trait]
impl Fault for CompletesForFormer {
    fn get_capabilities(&self, queue: &Inner) -> MessagingCapabilities {
        MessagingCapabilities { can_abandon: false, ..queue.get_capabilities() }
    }

    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let received = queue.receive(None, wait).await?;
        self.0.lock().unwrap().extend(received.clone());
        Ok(received)
    }

    async fn complete(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        let id = envelope.message_id.clone();
        let held = self.0.lock().unwrap().iter().rfind(|held| held.message_id == id).cloned();
        envelope.set_reference(None);
        queue.complete(&mut held.unwrap_or_else(|| envelope.clone())).await
    }
}

#[test]
fn what_a_former_holder_completed_is_still_there_also_where_nothing_can_be_abandoned() {
    let gone = "the message is gone: its former holder could settle it";
    fails(&fixture::<CompletesForFormer>(), "lock_expiry_redelivers", gone);
}

/// Gives the receiver another queue than its own.
struct GivesOther(fn(&Inner) -> Arc<dyn IMessageQueue>);

/// A receiver with a queue to give to it.
struct WithOther(Arc<dyn IMessageQueue>, Receiver);

#[async_trait]
impl IMessageReceiver for WithOther {
    async fn receive_message(&self, envelope: MessageEnvelope, _: &dyn IMessageQueue) -> Result<()> {
        self.1.receive_message(envelope, &*self.0).await
    }
}

impl Fault for GivesOther {
    fn receiver(&self, queue: &Inner, receiver: Receiver) -> Result<Receiver> {
        Ok(Arc::new(WithOther((self.0)(queue), receiver)))
    }
}

/// Cannot complete.
#[derive(Default)]
struct Stubborn;

#[async_trait]
impl Fault for Stubborn {
    async fn complete(&self, _: &Inner, _: &mut MessageEnvelope) -> Result<()> {
        Err(wrong())
    }
}

/// Does not close.
#[derive(Default)]
struct StaysOpen;

#[async_trait]
impl Fault for StaysOpen {
    async fn close(&self, _: &Inner) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_receiver_gets_its_own_queue_as_it_is() {
    let gives = |other| Broken::fixture(move || GivesOther(other));
    let case = "listener_receives";
    let elsewhere = gives(|_| Arc::new(MemoryMessageQueue::new("elsewhere")));
    fails(&elsewhere, case, "the receiver got the queue 'elsewhere' instead of");
    let closed = gives(|queue| Arc::new(MemoryMessageQueue::new(&queue.get_name())));
    fails(&closed, case, "the receiver got a queue that is not open");
    let stubborn = gives(|queue| Arc::new(Broken::over(queue.clone(), Stubborn)));
    fails(&stubborn, case, "complete failed in the receiver: WRONG");
    let open = gives(|queue| Arc::new(Broken::over(queue.clone(), StaysOpen)));
    fails(&open, "receiver_may_use_queue", "the queue is open after close in the receiver");
    fails(&closed, "receiver_may_use_queue", "send failed in the receiver: NOT_OPENED");
}

/// Says that it is not open where it has too much to do.
#[derive(Default)]
struct Overwhelmed(AtomicUsize);

#[async_trait]
impl Fault for Overwhelmed {
    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        let others = self.0.fetch_add(1, Ordering::AcqRel);
        tokio::task::yield_now().await;
        let sent = match others >= 50 {
            true => {
                let error = ApplicationError::invalid_state(None, "NOT_OPENED", "it is not open");
                Err(SendError::new(error, envelope))
            }
            false => queue.send(None, envelope).await,
        };
        self.0.fetch_sub(1, Ordering::AcqRel);
        sent
    }
}

#[test]
fn an_error_of_too_many_sends_is_about_that() {
    let problem = "does not tell that it was too many";
    fails_only(fixture::<Overwhelmed>, &[("burst_of_sends_is_all_or_error", problem)]);
}

/// Gives the last message again where there is no other.
#[derive(Default)]
struct GivesAgain(Mutex<Option<MessageEnvelope>>);

#[async_trait]
impl Fault for GivesAgain {
    fn get_capabilities(&self, queue: &Inner) -> MessagingCapabilities {
        MessagingCapabilities { can_clear: false, ..queue.get_capabilities() }
    }

    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let received = queue.receive(None, wait).await?;
        let mut last = self.0.lock().unwrap();
        if received.is_none() {
            return Ok(last.take());
        }
        *last = received.clone();
        Ok(received)
    }
}

#[test]
fn a_walk_tells_at_which_step_something_came_that_was_gone() {
    fails(&fixture::<GivesAgain>(), "model_walk", "came although it does not wait");
}

#[test]
fn a_queue_that_fans_out_passes_and_must_not_repeat_to_one_of_its_instances() {
    fails_only(|| Hub::fans_out(Flaw::None), &[]);
    let problem = "the other of the instances: ";
    fails_only(|| Hub::fans_out(Flaw::RepeatsToOne), &[("two_instances_share_or_fan_out", problem)]);
}

#[test]
fn what_is_no_message_is_logged_and_not_only_counted() {
    let problem = "no warning and no error was logged of malformed input";
    fails_only(|| Hub::fixture(Flaw::OnlyCounts), &[("malformed_input_is_skipped", problem)]);
}

#[test]
fn a_broker_that_hangs_delays_neither_send_nor_close_and_does_not_make_a_receive_give_up() {
    let case = "stalled_broker_honours_timeouts";
    for (flaw, problem) in [
        (Flaw::SendHangs, "send of 'during the stall' did not end within"),
        (Flaw::CloseHangs, "close while the broker hangs did not end within"),
        (Flaw::GivesUpAtOnce, "a receive of 1s ended after"),
    ] {
        fails(&Hub::fixture(flaw), case, problem);
    }
}

#[test]
fn a_queue_that_did_not_open_does_not_send_and_can_be_closed() {
    let case = "open_failure_is_reported";
    let sends = "send after an open that failed was Ok instead of NOT_OPENED";
    fails(&Hub::fixture(Flaw::SendsUnopened), case, sends);
    fails(&Hub::fixture(Flaw::ClosesBadly), case, "close after an open that failed failed: NOT_OPENED");
}
