use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use pip_services_messaging::MessageEnvelope;
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// Longer than any process lives.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The messages of a queue.
pub(crate) struct Channel {
    sender: mpsc::Sender<MessageEnvelope>,
    /// The other end, and what comes before what is in it.
    received: Mutex<(VecDeque<MessageEnvelope>, mpsc::Receiver<MessageEnvelope>)>,
    /// Notified when there is a message more.
    changed: Notify,
}

impl Channel {
    pub(crate) fn new(capacity: usize) -> Self {
        let (sender, receiver) = mpsc::channel(capacity);
        Self { sender, received: Mutex::new((VecDeque::new(), receiver)), changed: Notify::new() }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.sender.max_capacity()
    }

    /// Adds a message. False: there is no room.
    pub(crate) fn push(&self, envelope: MessageEnvelope) -> bool {
        let pushed = self.sender.try_send(envelope).is_ok();
        if pushed {
            self.changed.notify_one();
        }
        pushed
    }

    /// Puts a message before all others.
    pub(crate) fn put_back(&self, envelope: MessageEnvelope) {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).0.push_front(envelope);
        self.changed.notify_one();
    }

    pub(crate) fn count(&self) -> usize {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.0.len() + received.1.len()
    }

    fn take(&self) -> Option<MessageEnvelope> {
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        let (returned, receiver) = &mut *received;
        let taken = returned.pop_front().or_else(|| receiver.try_recv().ok())?;
        if !(returned.is_empty() && receiver.is_empty()) {
            // One notification stands for any number of messages: it is passed on.
            self.changed.notify_one();
        }
        Some(taken)
    }

    /// Takes the oldest message, and waits for one until the time is over or the queue is closed. It takes nothing
    /// but in the poll that returns it, so that dropping the future loses nothing.
    pub(crate) async fn receive(
        &self,
        wait: Duration,
        closed: &CancellationToken,
    ) -> Option<MessageEnvelope> {
        let deadline = Instant::now() + wait.min(FOR_EVER);
        loop {
            // From here on it hears of a change, also of one between the look and the wait.
            let changed = self.changed.notified();
            if let Some(envelope) = self.take() {
                return Some(envelope);
            }
            if deadline <= Instant::now() {
                return None;
            }
            tokio::select! {
                () = changed => {}
                () = closed.cancelled() => return None,
                () = sleep_until(deadline) => {}
            }
        }
    }

    /// Returns when there may be a message, or the queue is closed.
    pub(crate) async fn changed(&self, closed: &CancellationToken) {
        tokio::select! {
            () = self.changed.notified() => {}
            () = closed.cancelled() => {}
        }
    }
}
