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
    run::{IClosable, IOpenable},
};
use pip_services_messaging::{
    IMessageQueue, IMessageReceiver, MessageEnvelope, MessagingCapabilities, conformance::Profile,
};
use tokio::time::{Instant, sleep};

use tokio_util::sync::CancellationToken;

use super::{
    broken::{Fault, Inner, Nothing, Received, Receiver, Result, fixture},
    run::fails_only,
};

/// Says Ok to what it cannot do.
#[derive(Default)]
struct SwallowsErrors;

#[async_trait]
impl Fault for SwallowsErrors {
    fn get_capabilities(&self, queue: &Inner) -> MessagingCapabilities {
        MessagingCapabilities { can_dead_letter: false, ..queue.get_capabilities() }
    }

    async fn move_to_dead_letter(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        match queue.is_open() {
            true => Ok(()),
            false => queue.move_to_dead_letter(envelope).await,
        }
    }
}

#[test]
fn a_queue_that_does_nothing_in_silence_fails_the_cases_about_that() {
    let problem = "move_to_dead_letter was Ok instead of NOT_SUPPORTED";
    let expected = [("absent_capability_is_refused", problem), ("dead_letter_is_final", problem)];
    fails_only(fixture::<SwallowsErrors>, &expected);
}

/// Counts even while it is closed.
#[derive(Default)]
struct NeverClosed;

#[async_trait]
impl Fault for NeverClosed {
    async fn read_message_count(&self, queue: &Inner) -> Result<u64> {
        Ok(queue.read_message_count().await.unwrap_or_default())
    }
}

#[test]
fn an_operation_that_works_on_a_closed_queue_fails_the_case_about_that() {
    let problem = "before open: read_message_count was Ok instead of NOT_OPENED";
    fails_only(fixture::<NeverClosed>, &[("closed_queue_refuses_work", problem)]);
}

/// Promises more before it is open.
#[derive(Default)]
struct Boastful;

impl Fault for Boastful {
    fn get_capabilities(&self, queue: &Inner) -> MessagingCapabilities {
        let capabilities = queue.get_capabilities();
        MessagingCapabilities { can_dead_letter: !queue.is_open(), ..capabilities }
    }
}

#[test]
fn capabilities_that_change_fail_the_case_about_that() {
    fails_only(fixture::<Boastful>, &[("capabilities_are_stable", "while open, but")]);
}

/// A receive that has begun goes on although the queue is closed.
#[derive(Default)]
struct DeafToClose;

#[async_trait]
impl Fault for DeafToClose {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let deadline = Instant::now() + wait;
        let mut received = queue.receive(None, Duration::ZERO).await?;
        while received.is_none() && Instant::now() < deadline {
            sleep(Duration::from_millis(2)).await;
            received = queue.receive(None, Duration::ZERO).await.unwrap_or_default();
        }
        Ok(received)
    }
}

#[test]
fn a_queue_deaf_to_close_fails_the_case_about_that() {
    fails_only(
        fixture::<DeafToClose>,
        &[("close_wakes_pending_receive", "the waiting receive did not end within 1s")],
    );
}

/// Closes only when nobody receives any more.
#[derive(Default)]
struct CloseWaitsForReceive(tokio::sync::RwLock<()>);

#[async_trait]
impl Fault for CloseWaitsForReceive {
    async fn close(&self, queue: &Inner) -> Result<()> {
        let _nobody_receives = self.0.write().await;
        queue.close(None).await
    }

    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let _receives = self.0.read().await;
        queue.receive(None, wait).await
    }
}

#[test]
fn a_close_that_waits_for_a_receive_fails_the_case_about_that() {
    fails_only(
        fixture::<CloseWaitsForReceive>,
        &[("close_wakes_pending_receive", "close did not end within")],
    );
}

/// Fails when it is open already.
#[derive(Default)]
struct OpensOnce;

#[async_trait]
impl Fault for OpensOnce {
    async fn open(&self, queue: &Inner) -> Result<()> {
        match queue.is_open() {
            true => Err(ApplicationError::invalid_state(None, "OPENED", "it is open already")),
            false => queue.open(None).await,
        }
    }
}

#[test]
fn a_queue_that_cannot_be_opened_twice_fails_the_case_about_that() {
    let problem = "open failed: OPENED: it is open already";
    fails_only(fixture::<OpensOnce>, &[("open_and_close_are_idempotent", problem)]);
}

/// Works for three times that it is opened.
#[derive(Default)]
struct WearsOut(AtomicUsize);

#[async_trait]
impl Fault for WearsOut {
    async fn open(&self, queue: &Inner) -> Result<()> {
        if !queue.is_open() {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
        queue.open(None).await
    }

    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let received = queue.receive(None, wait).await?;
        Ok(received.filter(|_| self.0.load(Ordering::Acquire) <= 3))
    }
}

#[test]
fn a_queue_that_stops_to_work_when_it_is_reopened_fails_the_case_about_that() {
    fails_only(fixture::<WearsOut>, &[("reopen_starts_clean", "'cycle 4' did not arrive within")]);
}

#[test]
fn messages_that_outlive_a_close_against_the_profile_fail_the_case_about_that() {
    let profile = Profile { durable: false, ..Profile::strict() };
    let expected = [
        ("reopen_starts_clean", "'left in cycle 1' came after the close of a queue that is not durable"),
        // Nobody else has them, as each memory queue has its own messages.
        ("close_flushes_acked_sends", "a close right after sends: 20 lost"),
    ];
    fails_only(|| fixture::<Nothing>().profile(profile), &expected);
}

/// Listens again when it is opened again.
#[derive(Default)]
struct ListensAgain(Mutex<Option<Receiver>>);

#[async_trait]
impl Fault for ListensAgain {
    fn begin_listen(&self, queue: &Inner, receiver: Receiver) -> Result<()> {
        queue.clone().begin_listen(None, receiver.clone())?;
        *self.0.lock().unwrap() = Some(receiver);
        Ok(())
    }

    async fn open(&self, queue: &Inner) -> Result<()> {
        queue.open(None).await?;
        match self.0.lock().unwrap().clone() {
            Some(receiver) => queue.clone().begin_listen(None, receiver),
            None => Ok(()),
        }
    }

    async fn end_listen(&self, queue: &Inner) {
        *self.0.lock().unwrap() = None;
        queue.end_listen(None).await;
    }
}

#[test]
fn a_queue_whose_listener_rises_again_fails_the_case_about_close() {
    let expected = [("close_stops_listener", "handlings started after close")];
    fails_only(fixture::<ListensAgain>, &expected);
}

/// Gives up the handling that runs when it is closed.
#[derive(Default)]
struct CutsHandling(CancellationToken);

/// A receiver whose handlings can be given up.
struct Cuttable(CancellationToken, Receiver);

#[async_trait]
impl IMessageReceiver for Cuttable {
    async fn receive_message(&self, envelope: MessageEnvelope, queue: &dyn IMessageQueue) -> Result<()> {
        tokio::select! {
            handled = self.1.receive_message(envelope, queue) => handled,
            () = self.0.cancelled() => Ok(()),
        }
    }
}

#[async_trait]
impl Fault for CutsHandling {
    fn receiver(&self, _: &Inner, receiver: Receiver) -> Result<Receiver> {
        Ok(Arc::new(Cuttable(self.0.clone(), receiver)))
    }

    async fn close(&self, queue: &Inner) -> Result<()> {
        self.0.cancel();
        queue.close(None).await
    }
}

#[test]
fn a_close_that_gives_up_a_handling_fails_the_case_about_that() {
    let expected = [("close_stops_listener", "the handling that ran at close")];
    fails_only(fixture::<CutsHandling>, &expected);
}

/// Its listener keeps it.
#[derive(Default)]
struct KeptByItsListener;

/// A receiver that has the queue.
struct Keeping(Inner, Receiver);

#[async_trait]
impl IMessageReceiver for Keeping {
    async fn receive_message(&self, envelope: MessageEnvelope, _: &dyn IMessageQueue) -> Result<()> {
        self.1.receive_message(envelope, &*self.0).await
    }
}

impl Fault for KeptByItsListener {
    fn receiver(&self, queue: &Inner, receiver: Receiver) -> Result<Receiver> {
        Ok(Arc::new(Keeping(queue.clone(), receiver)))
    }
}

#[test]
fn a_queue_that_its_listener_keeps_fails_the_case_about_dropping_it() {
    let expected = [("drop_without_close_is_clean", "the receiver was not dropped within")];
    fails_only(fixture::<KeptByItsListener>, &expected);
}
