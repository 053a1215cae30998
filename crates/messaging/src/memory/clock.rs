use std::time::Duration;

use tokio::time::Instant;

/// The time of one piece of work: read once, and only if it is asked for.
#[derive(Default)]
pub(super) struct Clock(Option<Instant>);

impl Clock {
    /// One that is read now, as it will be needed, and not while others wait for the mutex.
    pub(super) fn read() -> Self {
        Self(Some(Instant::now()))
    }

    pub(super) fn now(&mut self) -> Instant {
        *self.0.get_or_insert_with(Instant::now)
    }

    /// A duration from now; `None`, never, where the clock cannot tell it.
    pub(super) fn after(&mut self, duration: Duration) -> Option<Instant> {
        self.now().checked_add(duration)
    }
}
