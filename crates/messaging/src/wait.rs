//! Waiting for something to take, without polling.

use std::{future::pending, time::Duration};

use tokio::{
    sync::Notify,
    task::coop::consume_budget,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// Repeats `attempt` whenever `changed` is notified until it takes something; `None` when `timeout` has passed
/// or `closed` is cancelled, which goes before all else once it waits.
///
/// Nothing is taken but in the poll that returns it, so dropping the future loses nothing, and a notification
/// that it had got goes to the next waiter.
pub(crate) async fn wait_for<T>(
    changed: &Notify,
    closed: &CancellationToken,
    timeout: Duration,
    mut attempt: impl FnMut() -> Option<T>,
) -> Option<T> {
    // Whoever always finds something must still let other tasks run.
    consume_budget().await;
    let taken = attempt();
    if taken.is_some() || timeout.is_zero() {
        return taken;
    }
    let deadline = after(timeout);
    tokio::select! {
        biased;
        () = closed.cancelled() => None,
        value = wait(changed, attempt) => Some(value),
        () = sleep_until_or_forever(deadline) => None,
    }
}

async fn wait<T>(changed: &Notify, mut attempt: impl FnMut() -> Option<T>) -> T {
    loop {
        // From here on it hears of a change, also of one during the attempt.
        let notified = changed.notified();
        if let Some(value) = attempt() {
            return value;
        }
        notified.await;
    }
}

/// The time a duration from now; `None`, never, where the clock cannot tell it.
pub(crate) fn after(duration: Duration) -> Option<Instant> {
    if duration == Duration::MAX { None } else { Instant::now().checked_add(duration) }
}

/// Without a time there is no timer.
pub(crate) async fn sleep_until_or_forever(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
