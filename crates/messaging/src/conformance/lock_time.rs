//! Cases that wait for the end of a lock.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::case::{Case, CaseResult};

/// How often a case is tried with locks that last twice as long.
const ATTEMPTS: u32 = 4;

/// Whether what had to be done while a lock lasts was done by then.
pub(super) enum InTime {
    Yes,
    /// This machine was too slow, so that nothing follows from what was seen.
    No,
}

/// Runs the case with locks of the profile's time, and with longer ones where the machine is too slow for these.
pub(super) async fn with_locks(
    case: Arc<Case>,
    run: fn(Arc<Case>, Duration) -> BoxFuture<'static, CaseResult<InTime>>,
) -> CaseResult {
    let mut lock_time = case.lock_time();
    for _ in 0..ATTEMPTS {
        if let InTime::Yes = run(case.clone(), lock_time).await? {
            return Ok(());
        }
        // The next attempt has a queue of its own.
        case.ledger().excuse_all();
        lock_time *= 2;
    }
    let shortest = case.profile().lock_time;
    Err(format!(
        "this machine was too slow {ATTEMPTS} times to settle a message before its lock expired; \
         lock_time of the profile is {shortest:?}"
    ))
}
