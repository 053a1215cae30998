use std::sync::{Mutex, PoisonError};

use pip_services_messaging::conformance::{CaseFailure, Fixture, Outcome, cases, run_case};

/// How many cases run at the same time. Most of them wait.
const AT_ONCE: usize = 30;

/// How all cases ended, in their order, each with a fixture of its own.
pub(crate) fn outcomes(
    fixture: impl Fn() -> Fixture + Sync,
) -> Vec<(&'static str, Result<Outcome, CaseFailure>)> {
    let (todo, done) = (Mutex::new(cases().enumerate()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let next = todo.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((number, case)) = next else { return };
            let outcome = run_case(case, &fixture());
            done.lock().unwrap_or_else(PoisonError::into_inner).push((number, case, outcome));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(number, ..)| *number);
    done.into_iter().map(|(_, case, outcome)| (case, outcome)).collect()
}

/// Runs all cases, of which exactly the expected ones must fail, each with a message that contains the text.
pub(crate) fn fails_only(fixture: impl Fn() -> Fixture + Sync, expected: &[(&str, &str)]) {
    let failures: Vec<_> = outcomes(fixture).into_iter().filter_map(|(_, outcome)| outcome.err()).collect();
    let shown: Vec<_> =
        failures.iter().map(|failure| format!("{}: {}", failure.case(), failure.message())).collect();
    let found: Vec<_> = failures.iter().map(CaseFailure::case).collect();
    let names: Vec<_> = expected.iter().map(|(case, _)| *case).collect();
    assert_eq!(found, names, "{shown:#?}");
    for (failure, (case, text)) in failures.iter().zip(expected) {
        assert!(failure.message().contains(text), "{case}: {}", failure.message());
    }
}

/// Runs one case, which must fail with a message that contains the text.
pub(crate) fn fails(fixture: &Fixture, case: &str, text: &str) {
    let failure = run_case(case, fixture).unwrap_err();
    assert!(failure.message().contains(text), "{case}: {}", failure.message());
}

/// Runs all cases, of which exactly these must pass, or have nothing to run with.
pub(crate) fn passes_only(fixture: impl Fn() -> Fixture + Sync, expected: &[&str]) {
    let passed: Vec<_> = outcomes(fixture)
        .into_iter()
        .filter(|(_, outcome)| matches!(outcome, Ok(Outcome::Passed | Outcome::Refused { .. })))
        .map(|(case, _)| case)
        .collect();
    assert_eq!(passed, expected);
}
