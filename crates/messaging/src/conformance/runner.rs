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
    CaseFailure, Fixture, Outcome,
    capability::Capability,
    case::{Case, CaseResult},
    cases::{copies, fidelity, lifecycle, listener, peek, timing},
    pace::{Pace, WATCHDOG},
};

/// A case that can be run.
struct Entry {
    name: &'static str,
    needs: &'static [Capability],
    run: fn(Arc<Case>) -> BoxFuture<'static, CaseResult>,
}

macro_rules! entries {
    ($($module:ident::$case:ident [$($needs:ident),*];)+) => {
        const ENTRIES: &[Entry] = &[$(Entry {
            name: stringify!($case),
            needs: &[$(Capability::$needs),*],
            run: |case| Box::pin($module::$case(case)),
        }),+];
    };
}
crate::__conformance_cases! { entries }

/// The names of all cases.
pub fn cases() -> impl Iterator<Item = &'static str> {
    ENTRIES.iter().map(|entry| entry.name)
}

/// Runs one case. It blocks the thread, for 30 seconds at most and some more for closing the queues.
///
/// # Errors
/// What does not hold; or that the case passes although the fixture names it as a known gap; or that the
/// fixture failed, or that it or the caller names a case that does not exist.
pub fn run_case(name: &str, fixture: &Fixture) -> Result<Outcome, CaseFailure> {
    let failure = |message| CaseFailure::new(name, message, String::new());
    let find = |name: &str| ENTRIES.iter().find(|entry| entry.name == name);
    let entry = find(name).ok_or_else(|| failure("there is no such case".into()))?;
    if let Some(gap) = fixture.known_gaps().keys().find(|gap| find(gap).is_none()) {
        return Err(failure(format!("the fixture has a known gap '{gap}', and there is no such case")));
    }
    let pace = Pace::from_env().map_err(failure)?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| failure(format!("there is no runtime for it: {error}")))?;

    let case = Case::new(entry.name, fixture.clone(), pace);
    let limit = pace.limit(WATCHDOG);
    let ran = run_on(&runtime, limit, run(entry, case.clone()));
    // Before the report, so that what still happens there is in it.
    let closed = run_on(&runtime, limit, {
        let case = case.clone();
        async move { case.close().await }
    });
    // A case or a queue that hangs must not make this hang too.
    runtime.shutdown_background();

    let result =
        ran.and(closed).map_err(|message| CaseFailure::new(name, message, case.ledger().to_string()));
    match (fixture.known_gaps().get(name), result) {
        (None, Ok(())) => Ok(Outcome::Passed),
        (None, Err(failure)) => Err(failure),
        (Some(why), Err(failure)) => Ok(Outcome::KnownGap { why: why.clone(), failure }),
        (Some(why), Ok(())) => Err(failure(format!("it passes, so it is no known gap any more ({why})"))),
    }
}

/// Runs the case, or where the queue lacks what the case needs, sees that refused.
async fn run(entry: &Entry, case: Arc<Case>) -> CaseResult {
    let capabilities = case.capabilities().await?;
    match Capability::missing(entry.needs, &capabilities) {
        missing if missing.is_empty() => (entry.run)(case).await,
        missing => lifecycle::refuses(case, &missing).await,
    }
}

/// Runs it on the runtime while this thread watches, which a queue cannot block.
fn run_on(
    runtime: &Runtime,
    limit: Duration,
    work: impl Future<Output = CaseResult> + Send + 'static,
) -> CaseResult {
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

impl Outcome {
    /// Reports a known gap to the standard error stream. A test's own output would be captured and never seen.
    #[doc(hidden)]
    pub fn report(&self) {
        if let Self::KnownGap { why, failure } = self {
            let _ = writeln!(std::io::stderr(), "known gap ({why}): {failure}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn every_case_is_listed_once() {
        let names: std::collections::HashSet<_> = cases().collect();
        assert_eq!(names.len(), ENTRIES.len());
    }
}
