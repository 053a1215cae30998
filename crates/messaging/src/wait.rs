//! Waiting for something to take: the one way in which a receive waits, without polling.

use std::time::Duration;

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// The time a duration from now, or one beyond any process's life where the clock cannot tell it.
pub(crate) fn after(duration: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(duration).unwrap_or(now + FAR)
}

/// What an attempt to take something gave.
pub(crate) enum Attempt<T> {
    /// It is taken.
    Taken(T),
    /// Nothing is there. It may be worth another attempt at the given time, even without a notification.
    Nothing(Option<Instant>),
}

/// Repeats `attempt` whenever `changed` is notified until it takes something; `None` when `timeout` has passed
/// or `closed` is cancelled.
///
/// Nothing is taken but in the poll that returns it, so dropping the future loses nothing, and a notification
/// that it had got goes to the next waiter.
pub(crate) async fn wait_for<T>(
    changed: &Notify,
    closed: &CancellationToken,
    timeout: Duration,
    mut attempt: impl FnMut() -> Attempt<T>,
) -> Option<T> {
    let deadline = after(timeout);
    loop {
        // From here on it hears of a change, also of one during the attempt.
        let notified = changed.notified();
        let retry = match attempt() {
            Attempt::Taken(value) => return Some(value),
            Attempt::Nothing(retry) => retry,
        };
        if deadline <= Instant::now() {
            return None;
        }
        tokio::select! {
            () = closed.cancelled() => return None,
            () = notified => {}
            () = sleep_until(retry.map_or(deadline, |retry| retry.min(deadline))) => {}
        }
    }
}
