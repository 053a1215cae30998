use std::{
    any::Any,
    io::Write,
    panic::AssertUnwindSafe,
    sync::{Arc, mpsc},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::runtime::{Builder, Runtime};

use super::{
    CaseFailure, Delivery, Fixture, Outcome,
    capability::Capability,
    case::{Case, CaseResult},
    cases::{
        backlog, clearing, consumers, copies, counting, delivery, ending, fidelity, lifecycle, listener,
        listener_end, listener_use, locks, malformed, network, offline, opening, payloads, peek, restarts,
        senders, settling, timing, walk,
    },
    exclusive::Exclusive,
    pace::Pace,
};

/// How often a case is tried with a queue that may repeat messages.
const ATTEMPTS: usize = 3;

/// A case that can be run.
struct Entry {
    #[cfg(test)]
    number: usize,
    name: &'static str,
    /// It needs one capability of each group.
    needs: &'static [&'static [Capability]],
    kind: Kind,
    about: &'static str,
    run: fn(Arc<Case>) -> BoxFuture<'static, CaseResult>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Stress,
    Faults,
}

macro_rules! kind {
    () => {
        Kind::Plain
    };
    (stress) => {
        Kind::Stress
    };
    (faults) => {
        Kind::Faults
    };
}

macro_rules! entries {
    ($($section:literal {
        $($number:literal $module:ident::$case:ident [$($($needs:ident)|+),*] $($kind:ident)?: $about:literal;)+
    })+) => {
        const ENTRIES: &[Entry] = &[$($(Entry {
            #[cfg(test)]
            number: $number,
            name: stringify!($case),
            needs: &[$(&[$(Capability::$needs),+]),*],
            kind: kind!($($kind)?),
            about: $about,
            run: |case| Box::pin($module::$case(case)),
        }),+),+];

        /// The names of all cases.
        ///
        /// Those marked *faults* need a [`FaultInjector`](super::FaultInjector); those marked *stress* send many
        /// messages. What must hold:
        $(
            #[doc = ""]
            #[doc = concat!("**", $section, "**")]
            #[doc = ""]
            $(#[doc = concat!(
                $number, ". `", stringify!($case), "`", $(" (*", stringify!($kind), "*)",)? ": ", $about
            )])+
        )+
        pub fn cases() -> impl Iterator<Item = &'static str> {
            ENTRIES.iter().map(|entry| entry.name)
        }
    };
}
crate::__conformance_cases! { entries }

/// Runs one case. It blocks the thread, for 30 seconds at most and some more for closing the queues; a case
/// about faults waits for others to end before that.
///
/// # Errors
/// What does not hold; or that the case passes although the fixture names it as a known gap; or that the
/// fixture failed, or that it or the caller names a case that does not exist.
pub fn run_case(name: &str, fixture: &Fixture) -> Result<Outcome, CaseFailure> {
    let failure = |message| CaseFailure::new(name, message, "", String::new());
    let find = |name: &str| ENTRIES.iter().find(|entry| entry.name == name);
    let entry = find(name).ok_or_else(|| failure("there is no such case".into()))?;
    if let Some(gap) = fixture.known_gaps().keys().find(|gap| find(gap).is_none()) {
        return Err(failure(format!("the fixture has a known gap '{gap}', and there is no such case")));
    }
    let pace = Pace::from_env().map_err(failure)?;
    // In a rehearsal each fixture has a broker of its own.
    let _exclusive = (entry.kind == Kind::Faults && !fixture.is_rehearsal()).then(Exclusive::wait);

    let mut result = attempt(entry, fixture, pace);
    // A message that came twice can upset any case of a queue that may repeat one now and then, but not always.
    for _ in 1..ATTEMPTS {
        if !matches!(&result, Err(failed) if failed.repeated) {
            break;
        }
        result = attempt(entry, fixture, pace);
    }
    match (fixture.known_gaps().get(name).cloned(), result) {
        (None, result) => result.map_err(|failed| failed.failure),
        (Some(why), Err(Failed { failure, .. })) => Ok(Outcome::KnownGap { why, failure }),
        (Some(why), Ok(Outcome::NotRun { why: lacks })) => {
            let failure = CaseFailure::new(name, lacks, entry.about, String::new());
            Ok(Outcome::KnownGap { why, failure })
        }
        (Some(why), Ok(_)) => Err(failure(format!("it passes, so it is no known gap any more ({why})"))),
    }
}

/// Runs one case as a test of its own.
///
/// # Panics
/// The case fails or does not run: a test that saw nothing must not pass.
#[doc(hidden)]
#[expect(clippy::panic, reason = "this is a test")]
pub fn __test(name: &str, fixture: &Fixture) {
    match run_case(name, fixture) {
        Ok(Outcome::Passed | Outcome::Refused { .. }) => {}
        Ok(Outcome::NotRun { why }) => panic!("{name} did not run: {why}"),
        Ok(Outcome::KnownGap { why, failure }) => {
            // A test's own output would be captured and never seen.
            let _ = writeln!(std::io::stderr(), "known gap ({why}): {failure}");
        }
        Err(failure) => panic!("{failure}"),
    }
}

/// Why an attempt failed, and whether that was at a message that the queue may repeat.
struct Failed {
    failure: CaseFailure,
    repeated: bool,
}

/// Runs the case in a runtime of its own.
fn attempt(entry: &'static Entry, fixture: &Fixture, pace: Pace) -> Result<Outcome, Failed> {
    let case = Case::new(entry.name, entry.kind == Kind::Faults, fixture.clone(), pace);
    let failed = |message| Failed {
        failure: CaseFailure::new(entry.name, message, entry.about, case.ledger().to_string()),
        repeated: fixture.promised().delivery == Delivery::AtLeastOnce && case.ledger().has_repetitions(),
    };
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| failed(format!("there is no runtime for it: {error}")))?;
    let limit = pace.watchdog();
    let ran = run_on(&runtime, limit, run(entry, case.clone()));
    // Before the report, so that what still happens there is in it.
    let closed = run_on(&runtime, limit, {
        let case = case.clone();
        async move { case.close().await }
    });
    // A case or a queue that hangs must not make this hang too.
    runtime.shutdown_background();
    let lacks = case.state().lacks.take();
    match (ran.and_then(|outcome| closed.map(|()| outcome)), lacks) {
        (Err(_), Some(why)) => Ok(Outcome::NotRun { why }),
        (result, _) => result.map_err(failed),
    }
}

/// Runs the case, or where the queue lacks what the case needs, sees that refused.
async fn run(entry: &'static Entry, case: Arc<Case>) -> CaseResult<Outcome> {
    let capabilities = case.capabilities().await?;
    match Capability::missing(entry.needs, &capabilities) {
        missing if missing.is_empty() => {
            if entry.kind == Kind::Faults {
                case.injector()?;
            }
            (entry.run)(case).await?;
            Ok(Outcome::Passed)
        }
        missing => {
            lifecycle::refuses(case, &missing).await?;
            Ok(Outcome::refused(&missing))
        }
    }
}

/// Runs it on the runtime while this thread watches, which a queue cannot block.
fn run_on<T: Send + 'static>(
    runtime: &Runtime,
    limit: Duration,
    work: impl Future<Output = CaseResult<T>> + Send + 'static,
) -> CaseResult<T> {
    let (done, ended) = mpsc::channel();
    let task = runtime.spawn(async move {
        let result = AssertUnwindSafe(work).catch_unwind().await;
        let _ = done.send(result.unwrap_or_else(|panic| Err(format!("it panicked: {}", text_of(&*panic)))));
    });
    ended.recv_timeout(limit).unwrap_or_else(|_| {
        task.abort();
        Err(format!("it did not end within {limit:?}"))
    })
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::pace::WATCHDOG;

    fn watched(limit: Duration, work: impl Future<Output = CaseResult> + Send + 'static) -> CaseResult {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        let result = run_on(&runtime, limit, work);
        runtime.shutdown_background();
        result
    }

    #[test]
    fn what_ends_in_time_gives_its_own_result() {
        assert_eq!(watched(WATCHDOG, async { Ok(()) }), Ok(()));
        assert_eq!(watched(WATCHDOG, async { Err("no".into()) }), Err("no".into()));
    }

    #[test]
    fn what_hangs_is_stopped_even_when_it_blocks_its_thread() {
        let limit = Duration::from_millis(50);
        let stopped = Err("it did not end within 50ms".to_owned());
        assert_eq!(watched(limit, std::future::pending()), stopped);
        let blocking = async {
            std::thread::sleep(Duration::from_secs(2));
            Ok(())
        };
        assert_eq!(watched(limit, blocking), stopped);
    }

    #[test]
    fn a_panic_is_a_failure_with_its_text() {
        let result = watched(WATCHDOG, async { panic!("broken {}", 1) });
        assert_eq!(result, Err("it panicked: broken 1".into()));
    }

    #[test]
    fn every_case_is_listed_once_by_its_number() {
        let names: std::collections::HashSet<_> = cases().collect();
        assert_eq!(names.len(), ENTRIES.len());
        let numbers: Vec<_> = ENTRIES.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, (1..=60).collect::<Vec<_>>());
    }
}
