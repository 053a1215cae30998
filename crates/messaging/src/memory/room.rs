use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::waiters::Waiters;
use crate::wait::{Attempt, after, sleep_until_or_forever, wait};

/// Senders that wait for room, in the order in which they came.
#[derive(Default)]
pub(super) struct Room {
    /// Held by the first in line, the only one who attempts to get in.
    first: Mutex<()>,
    waiters: Arc<Waiters>,
}

impl Room {
    pub(super) fn nobody_waits(&self) -> bool {
        self.waiters.nobody()
    }

    /// There may be room.
    pub(super) fn notify(&self) {
        self.waiters.notify_one();
    }

    /// Waits behind all others, and then attempts to put something in until it succeeds. False: `timeout` has
    /// passed, or `closed` is cancelled. Dropping the future leaves the line.
    pub(super) async fn enter(
        &self,
        closed: &CancellationToken,
        timeout: Duration,
        attempt: impl FnMut() -> Attempt<()>,
    ) -> bool {
        let deadline = after(timeout);
        let waiting = self.waiters.enter();
        let in_line = async {
            let _first = self.first.lock().await;
            wait(waiting.changed(), attempt).await;
        };
        tokio::select! {
            biased;
            () = closed.cancelled() => false,
            () = in_line => true,
            () = sleep_until_or_forever(deadline) => false,
        }
    }
}
