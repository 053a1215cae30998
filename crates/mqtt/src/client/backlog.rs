use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

use super::Delivery;

/// How many bytes of messages may wait before the relay reads no more from the broker.
const LIMIT: usize = 1024 * 1024;

/// What a message counts for that waits for something which comes behind it. As many as MQTT has ids for are read.
const LIGHT: usize = 8;

/// The messages that a client pushed to its channel and nobody has taken yet.
///
/// The client's thread must not wait, so the channel has no bound. Here the relay sees that it fills, and leaves what
/// comes from the broker where it is: so memory stays bounded, and the broker knows.
#[derive(Default)]
pub(crate) struct Backlog {
    bytes: AtomicUsize,
    shrunk: Notify,
}

/// A message's part of the backlog, until it is dropped.
pub(crate) struct Waiting {
    backlog: Arc<Backlog>,
    bytes: usize,
}

impl Backlog {
    pub(crate) fn add(self: &Arc<Self>, delivery: &Delivery) -> Waiting {
        self.add_bytes(delivery.memory())
    }

    pub(super) fn add_bytes(self: &Arc<Self>, bytes: usize) -> Waiting {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
        Waiting { backlog: self.clone(), bytes }
    }

    /// Waits until more may come.
    pub(crate) async fn room(&self) {
        self.below(LIMIT).await;
    }

    /// Waits until nothing waits.
    pub(crate) async fn empty(&self) {
        self.below(1).await;
    }

    async fn below(&self, bytes: usize) {
        loop {
            // Before looking: it hears of what happens from here on.
            let shrunk = self.shrunk.notified();
            if self.bytes.load(Ordering::Acquire) < bytes {
                return;
            }
            shrunk.await;
        }
    }
}

impl Waiting {
    /// Counts for hardly anything from now on, so that what comes behind it is read.
    pub(crate) fn lighten(&mut self) {
        self.give_back(self.bytes.saturating_sub(LIGHT));
    }

    fn give_back(&mut self, bytes: usize) {
        self.bytes -= bytes;
        let before = self.backlog.bytes.fetch_sub(bytes, Ordering::AcqRel);
        let after = before - bytes;
        if after == 0 || (before >= LIMIT && after < LIMIT) {
            self.backlog.shrunk.notify_waiters();
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use bytes::Bytes;

    use super::*;
    use crate::client::MessageProperties;

    /// Whether a broker has to wait while messages like that one wait, a hundred of them.
    async fn is_full(payload: usize, properties: MessageProperties) -> bool {
        let backlog: Arc<Backlog> = Arc::default();
        let delivery = Delivery { topic: "a".into(), payload: Bytes::from(vec![0; payload]), properties };
        let _waiting: Vec<Waiting> = (0..100).map(|_| backlog.add(&delivery)).collect();
        let mut room = std::pin::pin!(backlog.room());
        std::future::poll_fn(|context| std::task::Poll::Ready(room.as_mut().poll(context).is_pending())).await
    }

    #[tokio::test]
    async fn what_travels_beside_a_payload_counts_as_much_as_it() {
        let large = LIMIT / 100;
        assert!(!is_full(0, MessageProperties::default()).await);
        assert!(is_full(large, MessageProperties::default()).await);
        let text = "x".repeat(large);
        let user = vec![("a".to_owned(), text.clone())];
        assert!(is_full(0, MessageProperties { user, ..Default::default() }).await);
        let user = vec![(text.clone(), "a".to_owned())];
        assert!(is_full(0, MessageProperties { user, ..Default::default() }).await);
        // A vector of many small ones is large as well.
        let user = vec![(String::new(), String::new()); large / size_of::<(String, String)>() + 1];
        assert!(is_full(0, MessageProperties { user, ..Default::default() }).await);
        let correlation_data = Some(text.into());
        assert!(is_full(0, MessageProperties { correlation_data, ..Default::default() }).await);
    }
}
