use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::FutureExt;
use pip_services_commons::{
    errors::ApplicationError,
    run::{ICleanable, IOpenable},
};
use pip_services_messaging::{IMessageQueue, IMessageReceiver, MessageEnvelope, conformance::Fixture};
use tokio::{sync::mpsc, time::sleep};

use super::{
    broken::{Broken, Fault, Inner, Receiver, Result, Sending, fixture, memory_queue},
    run::fails_only,
};

/// Handles a message by the receiver, and then by itself.
struct Listened<Then> {
    receiver: Receiver,
    then: Then,
}

#[async_trait]
impl<Then> IMessageReceiver for Listened<Then>
where
    Then: Fn(Result<()>) -> Result<()> + Send + Sync,
{
    async fn receive_message(&self, envelope: MessageEnvelope, queue: &dyn IMessageQueue) -> Result<()> {
        (self.then)(self.receiver.receive_message(envelope, queue).await)
    }
}

/// Takes a failed handling for a good one.
#[derive(Default)]
struct CompletesFailed;

impl Fault for CompletesFailed {
    fn receiver(&self, _: &Inner, receiver: Receiver) -> Result<Receiver> {
        Ok(Arc::new(Listened { receiver, then: |_| Ok(()) }))
    }
}

/// Handles its third message once more.
#[derive(Default)]
struct NeverCompletes;

impl Fault for NeverCompletes {
    fn receiver(&self, _: &Inner, receiver: Receiver) -> Result<Receiver> {
        let handled = AtomicUsize::new(0);
        let third = move || handled.fetch_add(1, Ordering::AcqRel) == 2;
        let then = move |outcome| match third() {
            true => Err(ApplicationError::unknown(None, "AGAIN", "handled once more")),
            false => outcome,
        };
        Ok(Arc::new(Listened { receiver, then }))
    }
}

/// Stops listening at an error.
#[derive(Default)]
struct StopsAtError;

/// A receiver that ends the listening when its handling fails.
struct EndsAtError(Receiver);

#[async_trait]
impl IMessageReceiver for EndsAtError {
    async fn receive_message(&self, envelope: MessageEnvelope, queue: &dyn IMessageQueue) -> Result<()> {
        let handled = self.0.receive_message(envelope, queue).await;
        if handled.is_err() {
            queue.end_listen(None).await;
        }
        handled
    }
}

impl Fault for StopsAtError {
    fn receiver(&self, _: &Inner, receiver: Receiver) -> Result<Receiver> {
        Ok(Arc::new(EndsAtError(receiver)))
    }
}

#[test]
fn listeners_that_mishandle_errors_fail_the_case_about_that() {
    let case = "failing_receiver_keeps_listening";
    fails_only(fixture::<StopsAtError>, &[(case, "the queue dropped the receiver of its listener")]);
    fails_only(fixture::<CompletesFailed>, &[(case, "'3' did not arrive within")]);
}

#[test]
fn a_listener_that_handles_a_message_twice_fails_the_cases_that_count_copies() {
    let expected = [
        ("listener_gets_backlog_once", "1 repeated: '3'"),
        ("relisten_after_end", "1 repeated: '3'"),
        // Elsewhere the third message is the one whose handling fails anyway.
        ("panicking_receiver_keeps_listening", "1 repeated: '4'"),
        ("slow_receiver_blocks_nobody_else", "repeated"),
        ("second_listener_is_defined", "1 repeated: '3'"),
    ];
    fails_only(fixture::<NeverCompletes>, &expected);
}

/// Drops what waits when it begins to listen, as the reference implementations do.
#[derive(Default)]
struct LosesBacklog;

impl Fault for LosesBacklog {
    fn begin_listen(&self, queue: &Inner, receiver: Receiver) -> Result<()> {
        if queue.is_open() {
            // The memory queue has nothing to wait for.
            queue.clear(None).now_or_never().unwrap()?;
        }
        queue.clone().begin_listen(None, receiver)
    }
}

#[test]
fn a_listener_that_loses_what_waits_fails_the_case_about_that() {
    let expected = [("listener_gets_backlog_once", "'1', '2', '3', '4', '5' did not arrive within")];
    fails_only(fixture::<LosesBacklog>, &expected);
}

/// Goes on listening after the end.
#[derive(Default)]
struct ListensOn;

#[async_trait]
impl Fault for ListensOn {
    async fn end_listen(&self, _: &Inner) {}
}

#[test]
fn a_listener_that_goes_on_after_its_end_fails_the_cases_about_that() {
    let after = "after end_listen: the receiver got";
    let expected = [
        ("clear_does_not_touch_listener", "clear brought the listener back: the receiver got"),
        ("end_listen_stops", after),
        ("end_listen_wins_race", "begin_listen failed: ALREADY_LISTENING"),
        ("relisten_after_end", "begin_listen failed: ALREADY_LISTENING"),
    ];
    fails_only(fixture::<ListensOn>, &expected);
}

/// Begins to listen a little later, whatever happens meanwhile.
#[derive(Default)]
struct BeginsLate(OnceLock<mpsc::UnboundedSender<Receiver>>);

impl Fault for BeginsLate {
    fn begin_listen(&self, queue: &Inner, receiver: Receiver) -> Result<()> {
        if !queue.is_open() {
            return queue.clone().begin_listen(None, receiver);
        }
        let begins = self.0.get_or_init(|| {
            let (begins, mut todo) = mpsc::unbounded_channel();
            let queue = queue.clone();
            tokio::spawn(async move {
                while let Some(receiver) = todo.recv().await {
                    sleep(Duration::from_millis(5)).await;
                    // A second one is refused, when it is too late to tell.
                    let _ = queue.clone().begin_listen(None, receiver);
                }
            });
            begins
        });
        begins.send(receiver).unwrap();
        Ok(())
    }
}

#[test]
fn an_end_that_comes_before_a_late_begin_fails_the_case_about_that_race() {
    let expected = [
        ("end_listen_wins_race", "after end_listen: "),
        ("second_listener_is_defined", "the queue dropped the receiver of its listener"),
    ];
    fails_only(fixture::<BeginsLate>, &expected);
}

/// Gives messages to all receivers that it ever had, in turns.
#[derive(Default)]
struct KeepsReceivers(Arc<Mutex<Vec<Receiver>>>);

/// The receivers of a queue.
struct All(Arc<Mutex<Vec<Receiver>>>, AtomicUsize);

#[async_trait]
impl IMessageReceiver for All {
    async fn receive_message(&self, envelope: MessageEnvelope, queue: &dyn IMessageQueue) -> Result<()> {
        let receiver = {
            let receivers = self.0.lock().unwrap();
            receivers[self.1.fetch_add(1, Ordering::AcqRel) % receivers.len()].clone()
        };
        receiver.receive_message(envelope, queue).await
    }
}

impl Fault for KeepsReceivers {
    fn receiver(&self, _: &Inner, receiver: Receiver) -> Result<Receiver> {
        self.0.lock().unwrap().push(receiver);
        Ok(Arc::new(All(self.0.clone(), AtomicUsize::new(0))))
    }
}

#[test]
fn a_former_receiver_that_goes_on_fails_the_case_about_the_next_one() {
    let expected = [
        ("relisten_after_end", "the next listener: "),
        // It was refused, and gets messages all the same.
        ("second_listener_is_defined", "did not arrive within"),
    ];
    fails_only(fixture::<KeepsReceivers>, &expected);
}

/// Gives each message to all of its listeners.
#[derive(Default)]
struct HandlesTwice(Arc<Mutex<Vec<Receiver>>>);

/// Both receivers of a queue.
struct Both(Arc<Mutex<Vec<Receiver>>>);

#[async_trait]
impl IMessageReceiver for Both {
    async fn receive_message(&self, envelope: MessageEnvelope, queue: &dyn IMessageQueue) -> Result<()> {
        let receivers = self.0.lock().unwrap().clone();
        for receiver in receivers {
            receiver.receive_message(envelope.clone(), queue).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Fault for HandlesTwice {
    fn begin_listen(&self, queue: &Inner, receiver: Receiver) -> Result<()> {
        let begun = queue.clone().begin_listen(None, Arc::new(Both(self.0.clone())));
        match begun {
            Err(error) if error.code() != "ALREADY_LISTENING" => Err(error),
            _ => {
                self.0.lock().unwrap().push(receiver);
                Ok(())
            }
        }
    }

    async fn end_listen(&self, queue: &Inner) {
        queue.end_listen(None).await;
        self.0.lock().unwrap().clear();
    }
}

#[test]
fn a_second_listener_that_gets_everything_as_well_fails_the_case_about_it() {
    let expected = [("second_listener_is_defined", "both listeners are active: the receiver got")];
    fails_only(fixture::<HandlesTwice>, &expected);
}

/// Stops listening at a panic.
#[derive(Default)]
struct StopsAtPanic;

/// A receiver that ends the listening when its handling panics.
struct EndsAtPanic(Receiver);

#[async_trait]
impl IMessageReceiver for EndsAtPanic {
    async fn receive_message(&self, envelope: MessageEnvelope, queue: &dyn IMessageQueue) -> Result<()> {
        match AssertUnwindSafe(self.0.receive_message(envelope, queue)).catch_unwind().await {
            Ok(handled) => handled,
            Err(panic) => {
                queue.end_listen(None).await;
                std::panic::resume_unwind(panic)
            }
        }
    }
}

impl Fault for StopsAtPanic {
    fn receiver(&self, _: &Inner, receiver: Receiver) -> Result<Receiver> {
        Ok(Arc::new(EndsAtPanic(receiver)))
    }
}

#[test]
fn a_listener_that_ends_at_a_panic_fails_the_case_about_that() {
    let expected = [("panicking_receiver_keeps_listening", "the queue dropped the receiver of its listener")];
    fails_only(fixture::<StopsAtPanic>, &expected);
}

/// Cannot be used from its receiver.
#[derive(Default)]
struct LocksItself(Arc<tokio::sync::Mutex<()>>);

/// A receiver that has the queue's lock.
struct WithLock(Arc<tokio::sync::Mutex<()>>, Receiver);

#[async_trait]
impl IMessageReceiver for WithLock {
    async fn receive_message(&self, envelope: MessageEnvelope, queue: &dyn IMessageQueue) -> Result<()> {
        let _lock = self.0.lock().await;
        self.1.receive_message(envelope, queue).await
    }
}

#[async_trait]
impl Fault for LocksItself {
    fn receiver(&self, _: &Inner, receiver: Receiver) -> Result<Receiver> {
        Ok(Arc::new(WithLock(self.0.clone(), receiver)))
    }

    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        let _lock = self.0.lock().await;
        queue.send(None, envelope).await
    }
}

#[test]
fn a_queue_that_its_receiver_locks_fails_the_case_about_senders_that_wait_for_it() {
    // Both let the receiver go on after they have sent.
    let expected = [
        ("close_stops_listener", "did not end within"),
        ("slow_receiver_blocks_nobody_else", "while its receiver is busy: send of '1' did not end within"),
    ];
    fails_only(fixture::<LocksItself>, &expected);
}

/// Runs the handlings of all queues one after another.
struct OneForAll(Arc<tokio::sync::Mutex<()>>);

impl Fault for OneForAll {
    fn receiver(&self, _: &Inner, receiver: Receiver) -> Result<Receiver> {
        Ok(Arc::new(WithLock(self.0.clone(), receiver)))
    }
}

#[test]
fn receivers_of_all_queues_that_wait_for_each_other_fail_the_case_about_a_slow_one() {
    // Those of other cases, which run at the same time, must not wait for it.
    let locks = Mutex::new(HashMap::<String, Arc<tokio::sync::Mutex<()>>>::new());
    let fixture = Fixture::new(move |cx| {
        let case = cx.queue_name().split('-').next().unwrap_or_default().to_owned();
        let lock = locks.lock().unwrap().entry(case).or_default().clone();
        let made = memory_queue(&cx).map(|queue| Broken::over(queue, OneForAll(lock)));
        async { made }
    });
    let fixture = fixture
        .cleanable::<Broken<OneForAll>>()
        .dead_letters(|queue: Arc<Broken<OneForAll>>| async move { Ok(queue.queue.dead_letters()) })
        .rehearsal();
    let problem = "while a receiver of another queue is busy: ";
    fails_only(|| fixture.clone(), &[("slow_receiver_blocks_nobody_else", problem)]);
}

/// Keeps a message whose handling is cut off, as a queue without locks does that takes nothing back.
#[derive(Default)]
struct TakesNothingBack;

/// Completes the message where its handling is dropped.
struct Gone<'a> {
    queue: &'a dyn IMessageQueue,
    envelope: Option<MessageEnvelope>,
}

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        if let Some(mut envelope) = self.envelope.take() {
            // The memory queue has nothing to wait for.
            self.queue.complete(&mut envelope).now_or_never().unwrap().unwrap();
        }
    }
}

struct Forgetful(Receiver);

#[async_trait]
impl IMessageReceiver for Forgetful {
    async fn receive_message(&self, envelope: MessageEnvelope, queue: &dyn IMessageQueue) -> Result<()> {
        let mut gone = Gone { queue, envelope: Some(envelope.clone()) };
        let handled = AssertUnwindSafe(self.0.receive_message(envelope, queue)).catch_unwind().await;
        gone.envelope = None;
        handled.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Fault for TakesNothingBack {
    fn receiver(&self, _: &Inner, receiver: Receiver) -> Result<Receiver> {
        Ok(Arc::new(Forgetful(receiver)))
    }
}

#[test]
fn a_queue_that_takes_no_message_back_that_was_cut_off_fails_the_case_about_that() {
    let problem = "the message whose handling was cut off by the drop of listen did not come back";
    fails_only(fixture::<TakesNothingBack>, &[("end_listen_stops", problem)]);
}
