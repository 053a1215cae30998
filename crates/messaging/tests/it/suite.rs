use std::{
    collections::HashMap,
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
    IMessageQueue, IMessageReceiver, MemoryMessageQueue, MessageEnvelope, MessagingCapabilities, SendError,
    conformance::{CaseFailure, Delivery, Fixture, Outcome, Profile, cases, run_case},
};
use tokio::time::{Instant, sleep};

use crate::broken::{Broken, Fault, Nothing};

type Result<T, E = ApplicationError> = std::result::Result<T, E>;

pub(crate) fn fixture<F: Fault + Default>() -> Fixture {
    Fixture::new(|cx| async move { Ok(Broken::<F>::new(cx.queue_name())) })
}

/// The failures of all cases, run at the same time, as most of them wait.
fn failures(fixture: &Fixture) -> Vec<CaseFailure> {
    std::thread::scope(|scope| {
        let running: Vec<_> = cases().map(|case| scope.spawn(move || run_case(case, fixture))).collect();
        running.into_iter().filter_map(|case| case.join().unwrap().err()).collect()
    })
}

/// Runs all cases, of which exactly the expected ones must fail, each with a message that contains the text.
pub(crate) fn fails_only(fixture: &Fixture, expected: &[(&str, &str)]) {
    let failures = failures(fixture);
    let shown: Vec<_> = failures.iter().map(ToString::to_string).collect();
    let found: Vec<_> = failures.iter().map(CaseFailure::case).collect();
    let names: Vec<_> = expected.iter().map(|(case, _)| *case).collect();
    assert_eq!(found, names, "{shown:#?}");
    for (failure, (case, text)) in failures.iter().zip(expected) {
        assert!(failure.message().contains(text), "{case}: {}", failure.message());
    }
}

#[test]
fn a_wrapper_without_a_fault_passes() {
    fails_only(&fixture::<Nothing>(), &[]);
}

/// Says Ok to every third send and forgets the message.
#[derive(Default)]
struct Lossy(AtomicUsize);

#[async_trait]
impl Fault for Lossy {
    async fn send(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        envelope: MessageEnvelope,
    ) -> Result<(), SendError> {
        if queue.is_open() && self.0.fetch_add(1, Ordering::Relaxed) % 3 == 2 {
            return Ok(());
        }
        queue.send(None, envelope).await
    }
}

#[test]
fn a_lossy_queue_fails_whatever_sends_three_messages() {
    let lost = "did not arrive within";
    let expected = [
        ("absent_capability_is_refused", lost),
        ("sent_envelope_is_a_copy", lost),
        ("queues_are_isolated", lost),
        ("peek_leaves_message", lost),
        ("listener_gets_backlog_once", "3 of 10 messages did not come"),
        ("failing_receiver_keeps_listening", "1 of 5 messages did not come"),
    ];
    fails_only(&fixture::<Lossy>(), &expected);
}

/// Sends every message twice.
#[derive(Default)]
struct Duplicating;

#[async_trait]
impl Fault for Duplicating {
    async fn send(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        envelope: MessageEnvelope,
    ) -> Result<(), SendError> {
        queue.send(None, envelope.clone()).await?;
        queue.send(None, envelope).await
    }
}

#[test]
fn a_duplicating_queue_fails_whatever_counts_copies() {
    let expected = [
        ("absent_capability_is_refused", "repeated: 'one', 'another', 'last'"),
        ("open_and_close_are_idempotent", "repeated: 'once 1', 'last'"),
        ("sent_envelope_is_a_copy", "repeated: 'kept', 'sent on', 'last'"),
        ("repeated_reads_do_not_multiply", "repeated: 'once 1', 'last'"),
        ("queues_are_isolated", "repeated: "),
        ("peek_leaves_message", "repeated: 'first', 'second', 'last'"),
        ("listener_gets_backlog_once", "11 repeated: '1', '2'"),
        ("failing_receiver_keeps_listening", "repeated: '1', '2'"),
    ];
    fails_only(&fixture::<Duplicating>(), &expected);
}

#[test]
fn a_queue_that_may_repeat_messages_must_not_repeat_each() {
    let profile = Profile { delivery: Delivery::AtLeastOnce, ..Profile::strict() };
    let expected = [
        ("open_and_close_are_idempotent", "each of 3 messages arrived several times"),
        ("repeated_reads_do_not_multiply", "each of 3 messages arrived several times"),
        ("listener_gets_backlog_once", "the whole backlog came several times"),
    ];
    fails_only(&fixture::<Duplicating>().profile(profile), &expected);
}

/// A receive that has begun goes on although the queue is closed.
#[derive(Default)]
struct DeafToClose;

#[async_trait]
impl Fault for DeafToClose {
    async fn receive(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        wait: Duration,
    ) -> Result<Option<MessageEnvelope>> {
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
        &fixture::<DeafToClose>(),
        &[("close_wakes_pending_receive", "the waiting receive did not end within 1s")],
    );
}

/// Closes only when nobody receives any more.
#[derive(Default)]
struct CloseWaitsForReceive(tokio::sync::RwLock<()>);

#[async_trait]
impl Fault for CloseWaitsForReceive {
    async fn close(&self, queue: &Arc<MemoryMessageQueue>) -> Result<()> {
        let _nobody_receives = self.0.write().await;
        queue.close(None).await
    }

    async fn receive(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        wait: Duration,
    ) -> Result<Option<MessageEnvelope>> {
        let _receives = self.0.read().await;
        queue.receive(None, wait).await
    }
}

#[test]
fn a_close_that_waits_for_a_receive_fails_the_case_about_that() {
    fails_only(
        &fixture::<CloseWaitsForReceive>(),
        &[("close_wakes_pending_receive", "close did not end within")],
    );
}

/// Turns payloads into text and back.
#[derive(Default)]
struct TextOnly;

#[async_trait]
impl Fault for TextOnly {
    async fn send(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        mut envelope: MessageEnvelope,
    ) -> Result<(), SendError> {
        let text = envelope.get_message_as_string().map(String::from);
        envelope.set_message(text);
        queue.send(None, envelope).await
    }
}

#[test]
fn a_queue_for_text_only_fails_the_binary_payload() {
    fails_only(&fixture::<TextOnly>(), &[("binary_payload", "the payload is")]);
}

/// Looks for a message only after a while, so never without a wait.
#[derive(Default)]
struct NeedsAWait;

#[async_trait]
impl Fault for NeedsAWait {
    async fn receive(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        wait: Duration,
    ) -> Result<Option<MessageEnvelope>> {
        match wait {
            Duration::ZERO if queue.is_open() => Ok(None),
            wait => queue.receive(None, wait).await,
        }
    }
}

#[test]
fn a_queue_that_gives_nothing_without_a_wait_fails_the_case_about_that() {
    fails_only(
        &fixture::<NeedsAWait>(),
        &[("zero_timeout_receive", "no receive without a wait gave the message")],
    );
}

/// Waits for each message as if the timeout were half of it.
#[derive(Default)]
struct Impatient;

#[async_trait]
impl Fault for Impatient {
    async fn receive(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        wait: Duration,
    ) -> Result<Option<MessageEnvelope>> {
        queue.receive(None, wait / 2).await
    }
}

#[test]
fn a_receive_that_ends_too_early_fails_the_case_about_that() {
    fails_only(
        &fixture::<Impatient>(),
        &[("empty_receive_times_out_on_time", "a receive of 300ms ended after")],
    );
}

/// Sleeps through the whole timeout before it looks again.
#[derive(Default)]
struct Sleepy;

#[async_trait]
impl Fault for Sleepy {
    async fn receive(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        wait: Duration,
    ) -> Result<Option<MessageEnvelope>> {
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
        ("receive_then_send", "the waiting receive did not end within 2s"),
    ];
    fails_only(&fixture::<Sleepy>(), &expected);
}

/// Takes its time even when it need not wait.
#[derive(Default)]
struct Slow;

#[async_trait]
impl Fault for Slow {
    async fn receive(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        wait: Duration,
    ) -> Result<Option<MessageEnvelope>> {
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
    fails_only(&fixture::<Slow>(), &expected);
}

/// Puts the message at the head behind the one that was sent.
#[derive(Default)]
struct Reordering;

#[async_trait]
impl Fault for Reordering {
    async fn send(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        envelope: MessageEnvelope,
    ) -> Result<(), SendError> {
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
        ("peek_leaves_message", "the second peek gave"),
        ("listener_gets_backlog_once", "they came in the order"),
    ];
    fails_only(&fixture::<Reordering>(), &expected);
    fails_only(&fixture::<Reordering>().profile(Profile { ordered: false, ..Profile::strict() }), &[]);
}

/// Says Ok to what it cannot do.
#[derive(Default)]
struct SwallowsErrors;

#[async_trait]
impl Fault for SwallowsErrors {
    async fn move_to_dead_letter(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        envelope: &mut MessageEnvelope,
    ) -> Result<()> {
        match queue.move_to_dead_letter(envelope).await {
            Err(error) if error.code() == "NOT_SUPPORTED" => Ok(()),
            other => other,
        }
    }
}

#[test]
fn a_queue_that_does_nothing_in_silence_fails_the_case_about_that() {
    let problem = "move_to_dead_letter was Ok instead of NOT_SUPPORTED";
    fails_only(&fixture::<SwallowsErrors>(), &[("absent_capability_is_refused", problem)]);
}

/// Counts even while it is closed.
#[derive(Default)]
struct NeverClosed;

#[async_trait]
impl Fault for NeverClosed {
    async fn read_message_count(&self, queue: &Arc<MemoryMessageQueue>) -> Result<u64> {
        Ok(queue.read_message_count().await.unwrap_or_default())
    }
}

#[test]
fn an_operation_that_works_on_a_closed_queue_fails_the_case_about_that() {
    let problem = "before open: read_message_count was Ok instead of NOT_OPENED";
    fails_only(&fixture::<NeverClosed>(), &[("closed_queue_refuses_work", problem)]);
}

/// Promises more before it is open.
#[derive(Default)]
struct Boastful;

impl Fault for Boastful {
    fn get_capabilities(&self, queue: &Arc<MemoryMessageQueue>) -> MessagingCapabilities {
        MessagingCapabilities { can_dead_letter: !queue.is_open(), ..queue.get_capabilities() }
    }
}

#[test]
fn capabilities_that_change_fail_the_case_about_that() {
    fails_only(&fixture::<Boastful>(), &[("capabilities_are_stable", "while open, but")]);
}

/// Puts back what the caller made of the message.
#[derive(Default)]
struct Aliasing;

#[async_trait]
impl Fault for Aliasing {
    async fn abandon(&self, queue: &Arc<MemoryMessageQueue>, envelope: &mut MessageEnvelope) -> Result<()> {
        queue.complete(envelope).await?;
        queue.send(None, envelope.clone()).await?;
        Ok(())
    }
}

#[test]
fn a_queue_that_shares_envelopes_with_its_caller_fails_the_case_about_that() {
    let problem = "received after a changed one was put back: the payload is";
    fails_only(&fixture::<Aliasing>(), &[("sent_envelope_is_a_copy", problem)]);
}

/// Makes an absent text an empty one.
#[derive(Default)]
struct EmptyForNone;

#[async_trait]
impl Fault for EmptyForNone {
    async fn send(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        mut envelope: MessageEnvelope,
    ) -> Result<(), SendError> {
        envelope.message_type.get_or_insert_default();
        queue.send(None, envelope).await
    }
}

/// Keeps the time that the caller's envelope has.
#[derive(Default)]
struct OldTime;

#[async_trait]
impl Fault for OldTime {
    async fn receive(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        wait: Duration,
    ) -> Result<Option<MessageEnvelope>> {
        let mut received = queue.receive(None, wait).await?;
        if let Some(envelope) = &mut received {
            envelope.sent_time = envelope.sent_time.map(|time| time - Duration::from_secs(60));
        }
        Ok(received)
    }
}

#[test]
fn fields_that_change_on_the_way_fail_the_case_about_them() {
    let case = "envelope_fields_round_trip";
    fails_only(&fixture::<EmptyForNone>(), &[(case, "id, type and correlation id are")]);
    fails_only(&fixture::<OldTime>(), &[(case, "'full' was sent at")]);
}

/// Locks what is peeked.
#[derive(Default)]
struct LockingPeek;

#[async_trait]
impl Fault for LockingPeek {
    async fn peek(&self, queue: &Arc<MemoryMessageQueue>) -> Result<Option<MessageEnvelope>> {
        let mut received = queue.receive(None, Duration::ZERO).await?;
        if let Some(envelope) = &mut received {
            queue.abandon(&mut envelope.clone()).await?;
        }
        Ok(received)
    }
}

#[test]
fn a_peek_that_locks_fails_the_case_about_that() {
    fails_only(&fixture::<LockingPeek>(), &[("peek_leaves_message", "the peeked message has a lock")]);
}

/// Handles a message by the receiver, and then by itself.
struct Listened<Then> {
    receiver: Arc<dyn IMessageReceiver>,
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
    fn receiver(
        &self,
        _: &Arc<MemoryMessageQueue>,
        receiver: Arc<dyn IMessageReceiver>,
    ) -> Result<Arc<dyn IMessageReceiver>> {
        Ok(Arc::new(Listened { receiver, then: |_| Ok(()) }))
    }
}

/// Handles again what was handled.
#[derive(Default)]
struct NeverCompletes;

impl Fault for NeverCompletes {
    fn receiver(
        &self,
        _: &Arc<MemoryMessageQueue>,
        receiver: Arc<dyn IMessageReceiver>,
    ) -> Result<Arc<dyn IMessageReceiver>> {
        let repeat = AtomicUsize::new(0);
        let again = move || repeat.fetch_add(1, Ordering::Relaxed) < 5;
        let then = move |_| match again() {
            true => Err(ApplicationError::unknown(None, "AGAIN", "handled once more")),
            false => Ok(()),
        };
        Ok(Arc::new(Listened { receiver, then }))
    }
}

/// Stops listening at an error.
#[derive(Default)]
struct StopsAtError;

/// A receiver that ends the listening when its handling fails.
struct EndsAtError(Arc<dyn IMessageReceiver>);

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
    fn receiver(
        &self,
        _: &Arc<MemoryMessageQueue>,
        receiver: Arc<dyn IMessageReceiver>,
    ) -> Result<Arc<dyn IMessageReceiver>> {
        Ok(Arc::new(EndsAtError(receiver)))
    }
}

#[test]
fn listeners_that_mishandle_errors_fail_the_case_about_that() {
    let case = "failing_receiver_keeps_listening";
    fails_only(&fixture::<StopsAtError>(), &[(case, "the queue dropped the receiver of its listener")]);
    fails_only(
        &fixture::<CompletesFailed>(),
        &[(case, "the message whose handling failed did not come again")],
    );
}

#[test]
fn a_listener_that_handles_messages_twice_fails_the_cases_that_count_copies() {
    let expected =
        [("listener_gets_backlog_once", "repeated"), ("failing_receiver_keeps_listening", "repeated")];
    fails_only(&fixture::<NeverCompletes>(), &expected);
}

/// The queues of a broker, by the part of a name that `key` takes.
fn shared(key: fn(&str) -> &str) -> impl Fn(&str) -> Arc<MemoryMessageQueue> {
    let queues = Mutex::new(HashMap::new());
    move |name| {
        let mut queues = queues.lock().unwrap();
        let queue =
            queues.entry(key(name).to_owned()).or_insert_with(|| Arc::new(MemoryMessageQueue::new(name)));
        queue.clone()
    }
}

#[test]
fn queues_that_share_messages_by_likeness_of_their_names_fail_the_case_about_that() {
    let queues = Arc::new(shared(|name| name.split_once('/').map_or(name, |(head, _)| head)));
    let fixture = Fixture::new(move |cx| {
        let queue = Broken::over(queues(cx.queue_name()), Nothing);
        async { Ok(queue) }
    });
    fails_only(&fixture, &[("queues_are_isolated", "came from")]);
}

/// Sends to the queue of its name and receives from that of its topic.
struct SendsByName(Arc<MemoryMessageQueue>);

#[async_trait]
impl Fault for SendsByName {
    async fn send(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        envelope: MessageEnvelope,
    ) -> Result<(), SendError> {
        match queue.is_open() {
            true => self.0.send(None, envelope).await,
            false => queue.send(None, envelope).await,
        }
    }
}

#[test]
fn a_queue_that_mixes_up_name_and_topic_fails_the_case_about_that() {
    let queues = Arc::new(shared(|name| name));
    let fixture = Fixture::new(move |cx| {
        let topic = cx.config([("topic", cx.queue_name())]).get_as_string("topic");
        let queue = Broken::over(queues(&topic), SendsByName(queues(cx.queue_name())));
        async { Ok(queue) }
    });
    fails_only(&fixture, &[("queues_are_isolated", "came from")]);
}

/// Panics when it is peeked.
#[derive(Default)]
struct Panicking;

#[async_trait]
impl Fault for Panicking {
    async fn peek(&self, queue: &Arc<MemoryMessageQueue>) -> Result<Option<MessageEnvelope>> {
        assert!(!queue.is_open(), "this queue panics");
        queue.peek(None).await
    }
}

#[test]
fn a_panic_of_the_queue_fails_the_case_and_not_the_runner() {
    let failure = run_case("peek_leaves_message", &fixture::<Panicking>()).unwrap_err();
    assert_eq!(failure.message(), "it panicked: this queue panics");
}

fn refusal() -> ApplicationError {
    ApplicationError::connection(None, "REFUSED", "no broker")
}

/// Does not open.
#[derive(Default)]
struct NeverOpens;

#[async_trait]
impl Fault for NeverOpens {
    async fn open(&self, _: &Arc<MemoryMessageQueue>) -> Result<()> {
        Err(refusal())
    }
}

#[test]
fn a_fixture_without_a_queue_and_a_queue_that_does_not_open_fail_every_case() {
    let without = Fixture::new(|_| async { Err::<MemoryMessageQueue, _>(refusal()) });
    let every = |problem| cases().map(|case| (case, problem)).collect::<Vec<_>>();
    fails_only(&without, &every("the fixture gave no queue: REFUSED: no broker"));
    fails_only(&fixture::<NeverOpens>(), &every("open failed: REFUSED: no broker"));
}

/// Closes, and says that it did not.
#[derive(Default)]
struct CloseFails;

#[async_trait]
impl Fault for CloseFails {
    async fn close(&self, queue: &Arc<MemoryMessageQueue>) -> Result<()> {
        queue.close(None).await?;
        Err(refusal())
    }
}

#[test]
fn a_close_that_fails_at_the_end_fails_the_case() {
    let failure = run_case("send_then_receive", &fixture::<CloseFails>()).unwrap_err();
    assert_eq!(failure.message(), "close at the end failed: REFUSED: no broker");
}

#[test]
fn a_case_that_fails_leaves_no_queue_open() {
    let queues = Arc::new(Mutex::new(Vec::new()));
    let fixture = Fixture::new({
        let queues = queues.clone();
        move |cx| {
            let queue = Arc::new(MemoryMessageQueue::new(cx.queue_name()));
            queues.lock().unwrap().push(queue.clone());
            async { Ok(Broken::over(queue, TextOnly)) }
        }
    });
    assert!(run_case("binary_payload", &fixture).is_err());
    let queues = queues.lock().unwrap();
    assert!(!queues.is_empty() && queues.iter().all(|queue| !queue.is_open()));
}

#[test]
fn a_known_gap_is_reported_and_fails_once_it_passes() {
    let (case, other) = ("binary_payload", "send_then_receive");
    let fixture = fixture::<TextOnly>().known_gap(case, "payloads are text").known_gap(other, "a mistake");
    let Outcome::KnownGap { why, failure } = run_case(case, &fixture).unwrap() else { panic!("it passed") };
    assert_eq!((why.as_str(), failure.case()), ("payloads are text", case));
    let failure = run_case(other, &fixture).unwrap_err();
    assert_eq!(failure.message(), "it passes, so it is no known gap any more (a mistake)");
}

#[test]
fn names_of_cases_that_do_not_exist_are_failures() {
    let failure = run_case("no_such_case", &fixture::<Nothing>()).unwrap_err();
    assert_eq!(failure.to_string(), "no_such_case: there is no such case");
    let fixture = fixture::<Nothing>().known_gap("no_such_case", "");
    assert!(run_case("send_then_receive", &fixture).unwrap_err().message().contains("'no_such_case'"));
}
