use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pip_services_commons::{
    errors::ApplicationError,
    run::{IClosable, IOpenable},
};
use pip_services_messaging::{
    IMessageQueue, MemoryMessageQueue,
    conformance::{FaultInjector, Fixture, Outcome, cases, run_case},
};

use super::{
    broken::{Broken, Fault, Inner, Nothing, Received, Result, fixture},
    fidelity::TextOnly,
    remote::{Flaw, Hub},
    run::{fails_only, outcomes},
};

#[test]
fn a_wrapper_without_a_fault_passes() {
    fails_only(fixture::<Nothing>, &[]);
}

#[test]
fn a_queue_on_a_broker_without_a_flaw_passes_all_cases_also_those_about_faults() {
    for (case, outcome) in outcomes(|| Hub::fixture(Flaw::None)) {
        match outcome {
            Ok(Outcome::Passed) => {}
            other => panic!("{case}: {other:?}"),
        }
    }
}

/// The cases that need a fault injector.
const FAULTS: [&str; 7] = [
    "open_failure_is_reported",
    "malformed_input_is_skipped",
    "restart_resumes_delivery",
    "restart_under_load_loses_nothing",
    "network_cut_never_lies",
    "stalled_broker_honours_timeouts",
    "offline_messages_wait",
];

#[test]
fn a_case_that_needs_a_fault_injector_does_not_pass_without_one() {
    let not_run: Vec<_> = outcomes(fixture::<Nothing>)
        .into_iter()
        .filter(|(_, outcome)| matches!(outcome, Ok(Outcome::NotRun { .. })))
        .map(|(case, _)| case)
        .collect();
    assert_eq!(not_run, FAULTS);
    let (case, fixture) = ("network_cut_never_lies", fixture::<Nothing>());
    let Ok(Outcome::NotRun { why }) = run_case(case, &fixture) else { panic!("it ran") };
    assert_eq!(why, "the fixture has no FaultInjector; give it one by `.faults(..)`");
    let gap = fixture.known_gap(case, "there is no network");
    assert!(matches!(run_case(case, &gap), Ok(Outcome::KnownGap { .. })));
}

/// Can do nothing to its broker.
struct Harmless;

impl FaultInjector for Harmless {}

#[test]
fn a_hook_that_is_not_offered_is_named() {
    let fixture = fixture::<Nothing>().faults(Harmless);
    for (case, hook) in [
        ("open_failure_is_reported", "unreachable_queue(NoBroker)"),
        ("malformed_input_is_skipped", "inject_raw"),
        ("restart_resumes_delivery", "restart_broker"),
        ("network_cut_never_lies", "cut"),
        ("stalled_broker_honours_timeouts", "stall"),
    ] {
        let Ok(Outcome::NotRun { why }) = run_case(case, &fixture) else { panic!("{case} ran") };
        assert_eq!(why, format!("the fixture's FaultInjector does not offer {hook}"));
    }
}

/// Panics when it is peeked.
#[derive(Default)]
struct Panicking;

#[async_trait]
impl Fault for Panicking {
    async fn peek(&self, queue: &Inner) -> Received {
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
    async fn open(&self, _: &Inner) -> Result<()> {
        Err(refusal())
    }
}

#[test]
fn a_fixture_without_a_queue_and_a_queue_that_does_not_open_fail_every_case() {
    let without = Fixture::new(|_| async { Err::<MemoryMessageQueue, _>(refusal()) });
    let every = |problem| cases().map(|case| (case, problem)).collect::<Vec<_>>();
    fails_only(|| without.clone(), &every("the fixture gave no queue: REFUSED: no broker"));
    let mut without_faults = every("open failed: REFUSED: no broker");
    without_faults.retain(|(case, _)| !FAULTS.contains(case));
    fails_only(fixture::<NeverOpens>, &without_faults);
}

/// Closes, and says that it did not.
#[derive(Default)]
struct CloseFails;

#[async_trait]
impl Fault for CloseFails {
    async fn close(&self, queue: &Inner) -> Result<()> {
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

#[test]
fn a_failure_tells_what_must_hold_and_what_became_of_the_messages() {
    let failure = run_case("binary_payload", &fixture::<TextOnly>()).unwrap_err().to_string();
    assert!(failure.contains("what must hold: all bytes arrive"), "{failure}");
    assert!(failure.contains("1 sent, 1 acknowledged, 1 received"), "{failure}");
}

#[test]
fn a_queue_with_dead_letters_and_a_fixture_that_does_not_show_them_fail_with_what_to_add() {
    let fixture = Fixture::new(|cx| async move { Ok(MemoryMessageQueue::new(cx.queue_name())) });
    let failure = run_case("dead_letter_is_final", &fixture).unwrap_err();
    assert!(failure.message().contains("`.dead_letters(|queue: Arc<YourQueue>|"), "{failure}");
}

#[test]
fn a_queue_that_clears_and_a_fixture_that_does_not_say_how_fail_with_what_to_add() {
    let fixture = Fixture::new(|cx| async move { Ok(MemoryMessageQueue::new(cx.queue_name())) });
    let failure = run_case("clear_empties_all", &fixture).unwrap_err();
    assert!(failure.message().contains("`.cleanable::<YourQueue>()`"), "{failure}");
    let failure = run_case("clear_empties_all", &fixture.cleanable::<Broken<Nothing>>()).unwrap_err();
    assert!(failure.message().contains("makes queues of type"), "{failure}");
}
