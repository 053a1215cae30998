use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use pip_services_commons::run::IOpenable;
use pip_services_messaging::{
    IMessageQueue, MessageEnvelope,
    conformance::{Delivery, Profile},
};
use tokio::time::sleep;

use super::{
    broken::{Fault, Inner, Received, Sending, fixture},
    run::{fails_only, passes_only},
};

/// Looks for a message only after a while, so never without a wait.
#[derive(Default)]
struct NeedsAWait;

#[async_trait]
impl Fault for NeedsAWait {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        match wait {
            Duration::ZERO if queue.is_open() => Ok(None),
            wait => queue.receive(None, wait).await,
        }
    }
}

#[test]
fn a_queue_that_gives_nothing_without_a_wait_fails_the_case_about_that() {
    fails_only(
        fixture::<NeedsAWait>,
        &[("zero_timeout_receive", "no receive without a wait gave the message")],
    );
}

/// Waits for each message as if the timeout were half of it.
#[derive(Default)]
struct Impatient;

#[async_trait]
impl Fault for Impatient {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        queue.receive(None, wait / 2).await
    }
}

#[test]
fn a_receive_that_ends_too_early_fails_the_case_about_that() {
    fails_only(
        fixture::<Impatient>,
        &[("empty_receive_times_out_on_time", "a receive of 300ms ended after")],
    );
}

/// Sleeps through the whole timeout before it looks again.
#[derive(Default)]
struct Sleepy;

#[async_trait]
impl Fault for Sleepy {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        if let Some(envelope) = queue.receive(None, Duration::ZERO).await? {
            return Ok(Some(envelope));
        }
        sleep(wait).await;
        queue.receive(None, Duration::ZERO).await
    }
}

#[test]
fn a_receive_that_sleeps_through_fails_the_cases_about_waiting() {
    let expected = [
        ("close_wakes_pending_receive", "the waiting receive did not end within 1s"),
        ("receive_then_send", "the waiting receive did not end within"),
    ];
    fails_only(fixture::<Sleepy>, &expected);
}

/// Takes its time even when it need not wait.
#[derive(Default)]
struct Slow;

#[async_trait]
impl Fault for Slow {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let received = queue.receive(None, wait).await?;
        if received.is_none() {
            sleep(Duration::from_millis(350)).await;
        }
        Ok(received)
    }
}

#[test]
fn a_receive_that_ends_too_late_fails_the_cases_about_that() {
    let expected = [
        ("empty_receive_times_out_on_time", "receives of 300ms from an empty queue took"),
        ("zero_timeout_receive", "receives of 0ns from an empty queue took"),
    ];
    fails_only(fixture::<Slow>, &expected);
}

/// Sends every message twice.
#[derive(Default)]
struct Duplicating;

#[async_trait]
impl Fault for Duplicating {
    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        queue.send(None, envelope.clone()).await?;
        queue.send(None, envelope).await
    }
}

#[test]
fn a_duplicating_queue_passes_no_case_that_counts_copies() {
    let unaffected = [
        "capabilities_are_stable",
        "closed_queue_refuses_work",
        "close_wakes_pending_receive",
        "close_stops_listener",
        "send_then_receive",
        "receive_then_send",
        "envelope_fields_round_trip",
        "binary_payload",
        "unicode_everywhere",
        "send_as_object",
        "empty_receive_times_out_on_time",
        "zero_timeout_receive",
        "listener_receives",
        "receiver_may_use_queue",
    ];
    passes_only(fixture::<Duplicating>, &unaffected);
}

#[test]
fn a_queue_that_may_repeat_messages_must_not_repeat_each() {
    let profile = Profile { delivery: Delivery::AtLeastOnce, ..Profile::strict() };
    let copies = "the message arrived 2 times";
    let (got, more) = ("the receiver got", "10 messages wait after");
    let expected = [
        ("open_and_close_are_idempotent", copies),
        ("drop_without_close_is_clean", got),
        ("repeated_reads_do_not_multiply", copies),
        ("peek_batch_is_bounded", more),
        ("message_count_tracks", more),
        ("clear_empties_all", more),
        ("clear_does_not_touch_listener", got),
        ("received_message_is_invisible", "a second receive gave the message"),
        ("complete_is_final", "came after it was completed"),
        // The other copy has another time.
        ("abandon_redelivers", "the message was sent at"),
        ("settle_twice_is_harmless", "came after it was completed"),
        ("lock_expiry_redelivers", "the message came back after"),
        ("renew_lock_extends", "the message came back"),
        ("dead_letter_is_final", "came after it was moved to the dead letters"),
        ("listener_gets_backlog_once", "the whole backlog came several times"),
        ("end_listen_stops", got),
        ("relisten_after_end", got),
        ("model_walk", "messages wait after"),
    ];
    fails_only(|| fixture::<Duplicating>().profile(profile), &expected);
}

/// Repeats a message now and then.
#[derive(Default)]
struct RepeatsRarely;

#[async_trait]
impl Fault for RepeatsRarely {
    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        static SENT: AtomicUsize = AtomicUsize::new(0);
        if SENT.fetch_add(1, Ordering::AcqRel).is_multiple_of(97) {
            queue.send(None, envelope.clone()).await?;
        }
        queue.send(None, envelope).await
    }
}

#[test]
fn a_queue_that_may_repeat_messages_and_does_so_rarely_passes() {
    let profile = Profile { delivery: Delivery::AtLeastOnce, ..Profile::strict() };
    fails_only(|| fixture::<RepeatsRarely>().profile(profile), &[]);
}

/// Puts the message at the head behind the one that was sent.
#[derive(Default)]
struct Reordering;

#[async_trait]
impl Fault for Reordering {
    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        queue.send(None, envelope).await?;
        if let Ok(Some(mut head)) = queue.receive(None, Duration::ZERO).await {
            let _ = queue.abandon(&mut head).await;
        }
        Ok(())
    }
}

#[test]
fn a_reordering_queue_fails_the_cases_about_order_unless_it_promises_none() {
    let expected = [
        ("order_is_kept", "came in this order"),
        ("peek_leaves_message", "the second peek gave"),
        ("peek_batch_is_bounded", "peek_batch of 1 gave"),
        ("listener_gets_backlog_once", "they came in the order"),
        ("model_walk", "came before"),
    ];
    fails_only(fixture::<Reordering>, &expected);
    fails_only(|| fixture::<Reordering>().profile(Profile { ordered: false, ..Profile::strict() }), &[]);
}

/// Holds each five hundredth message back until the next one.
#[derive(Default)]
struct Overtaking {
    sent: AtomicUsize,
    held: Mutex<Option<MessageEnvelope>>,
}

#[async_trait]
impl Fault for Overtaking {
    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        if self.sent.fetch_add(1, Ordering::AcqRel) == 500 {
            *self.held.lock().unwrap() = Some(envelope);
            return Ok(());
        }
        queue.send(None, envelope).await?;
        let held = self.held.lock().unwrap().take();
        match held {
            Some(held) => queue.send(None, held).await,
            None => Ok(()),
        }
    }
}

#[test]
fn a_message_that_overtakes_another_now_and_then_fails_the_case_about_order() {
    fails_only(fixture::<Overtaking>, &[("order_is_kept", "'502', '501' came in this order")]);
}

/// Takes a message and has still something to do before it gives it.
#[derive(Default)]
struct TakesEarly;

#[async_trait]
impl Fault for TakesEarly {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let mut received = queue.receive(None, wait).await?;
        if let Some(envelope) = received.as_mut() {
            let _ = envelope;
            sleep(Duration::from_millis(1)).await;
        }
        Ok(received)
    }
}

#[test]
fn a_receive_that_loses_a_message_when_it_is_dropped_fails_the_case_about_that() {
    fails_only(fixture::<TakesEarly>, &[("dropped_receive_loses_nothing", "did not arrive within")]);
}

/// Subscribes anew at each read that finds nothing.
#[derive(Default)]
struct Subscribing(AtomicUsize);

#[async_trait]
impl Fault for Subscribing {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let received = queue.receive(None, wait).await?;
        if received.is_none() {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
        Ok(received)
    }

    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        for _ in 0..self.0.load(Ordering::Acquire) / 20 {
            queue.send(None, envelope.clone()).await?;
        }
        queue.send(None, envelope).await
    }
}

#[test]
fn a_queue_that_subscribes_again_and_again_fails_the_case_about_that() {
    fails_only(fixture::<Subscribing>, &[("repeated_reads_do_not_multiply", "2 repeated")]);
}
