use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

use crate::{contenders::Handler, outcome::Outcome};

/// When nothing has arrived for so long, the rest is lost.
const SILENCE: Duration = Duration::from_secs(20);

/// Counts messages that arrive.
#[derive(Default)]
pub(super) struct Arrivals {
    count: AtomicUsize,
    /// How many there should be at last.
    expected: AtomicUsize,
    complete: Notify,
    wrong: AtomicUsize,
}

impl Arrivals {
    pub(super) fn expecting(messages: usize) -> Arc<Self> {
        Arc::new(Self { expected: messages.into(), ..Self::default() })
    }

    /// Counts messages with payloads of that size.
    pub(super) fn handler(self: &Arc<Self>, payload: usize) -> Handler {
        let arrivals = self.clone();
        Arc::new(move |size| {
            if size != payload {
                arrivals.wrong.fetch_add(1, Ordering::Relaxed);
            }
            let count = arrivals.count.fetch_add(1, Ordering::AcqRel) + 1;
            if count == arrivals.expected.load(Ordering::Acquire) {
                arrivals.complete.notify_one();
            }
        })
    }

    /// Expects so many more than have been expected before.
    pub(super) fn expect_more(&self, messages: usize) {
        self.expected.fetch_add(messages, Ordering::AcqRel);
    }

    /// Waits until all have arrived.
    pub(super) async fn complete(&self) -> Outcome<()> {
        let mut before = None;
        while timeout(SILENCE, self.complete.notified()).await.is_err() {
            let count = self.count.load(Ordering::Acquire);
            // Twice, as there has to be time to start the sender.
            if before == Some(count) {
                let expected = self.expected.load(Ordering::Acquire);
                return Err(format!("{} of {expected} messages are lost", expected - count).into());
            }
            before = Some(count);
        }
        match self.wrong.load(Ordering::Relaxed) {
            0 => Ok(()),
            wrong => Err(format!("{wrong} payloads have another size").into()),
        }
    }
}
