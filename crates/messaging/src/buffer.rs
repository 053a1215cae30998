use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    MessageEnvelope,
    wait::{Attempt, wait_for},
};

/// A bounded first-in-first-out buffer between a broker's client and a queue's consumers; ports what
/// `CachedMessageQueue` keeps.
///
/// The backlog and live messages take the same way, so their order is kept. At its bound the buffer drops the
/// oldest message and hands it back, to be counted and logged: nothing is dropped in silence.
///
/// ```
/// use pip_services_messaging::{MessageBuffer, MessageEnvelope};
///
/// let buffer = MessageBuffer::new(2);
/// for text in ["a", "b", "c"] {
///     let dropped = buffer.push(MessageEnvelope::new(None, "t", text));
///     assert_eq!(dropped.is_some(), text == "c");
/// }
/// assert_eq!(buffer.len(), 2);
/// ```
pub struct MessageBuffer {
    messages: Mutex<VecDeque<MessageEnvelope>>,
    capacity: usize,
    changed: Notify,
}

impl MessageBuffer {
    /// An empty buffer for at most `capacity` messages, at least one.
    pub fn new(capacity: usize) -> Self {
        Self { messages: Mutex::default(), capacity: capacity.max(1), changed: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<MessageEnvelope>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a message at the end. The oldest one is given back where there is no room.
    pub fn push(&self, message: MessageEnvelope) -> Option<MessageEnvelope> {
        let dropped = {
            let mut messages = self.lock();
            let dropped = if messages.len() >= self.capacity { messages.pop_front() } else { None };
            messages.push_back(message);
            dropped
        };
        self.changed.notify_one();
        dropped
    }

    /// Takes the oldest message, waiting for one up to `timeout` or until `closed` is cancelled.
    ///
    /// Dropping the future loses nothing.
    pub async fn receive(&self, closed: &CancellationToken, timeout: Duration) -> Option<MessageEnvelope> {
        wait_for(&self.changed, closed, timeout, || {
            let mut messages = self.lock();
            match messages.pop_front() {
                Some(message) => {
                    // One notification stands for any number of messages: pass it on.
                    if !messages.is_empty() {
                        self.changed.notify_one();
                    }
                    Attempt::Taken(message)
                }
                None => Attempt::Nothing(None),
            }
        })
        .await
    }

    /// Up to `count` of the oldest messages, which stay.
    pub fn peek(&self, count: usize) -> Vec<MessageEnvelope> {
        self.lock().iter().take(count).cloned().collect()
    }

    /// How many messages wait.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops all messages.
    pub fn clear(&self) {
        self.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn message(text: &str) -> MessageEnvelope {
        MessageEnvelope::new(None, "t", text)
    }

    fn text(message: &MessageEnvelope) -> String {
        message.get_message_as_string().unwrap_or_default().into_owned()
    }

    const FOREVER: Duration = Duration::MAX;

    #[tokio::test]
    async fn messages_come_out_in_order_and_the_oldest_gives_way() {
        let (buffer, closed) = (MessageBuffer::new(2), CancellationToken::new());
        assert!(buffer.push(message("a")).is_none());
        assert!(buffer.push(message("b")).is_none());
        assert_eq!(text(&buffer.push(message("c")).unwrap()), "a");
        assert_eq!(buffer.peek(5).iter().map(text).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(text(&buffer.receive(&closed, FOREVER).await.unwrap()), "b");
        assert_eq!(text(&buffer.receive(&closed, Duration::ZERO).await.unwrap()), "c");
        assert!(buffer.receive(&closed, Duration::ZERO).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_buffer_waits_exactly_the_timeout() {
        let start = tokio::time::Instant::now();
        let received =
            MessageBuffer::new(1).receive(&CancellationToken::new(), Duration::from_millis(300)).await;
        assert!(received.is_none());
        // The timer of tokio counts whole milliseconds, rounded up.
        assert!((300..=302).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn every_waiter_gets_a_message_and_a_cancelled_one_passes_its_turn_on() {
        let buffer = Arc::new(MessageBuffer::new(10));
        let wait = || {
            let buffer = buffer.clone();
            tokio::spawn(async move { buffer.receive(&CancellationToken::new(), FOREVER).await })
        };
        let (cancelled, one, other) = (wait(), wait(), wait());
        tokio::task::yield_now().await;
        buffer.push(message("a"));
        buffer.push(message("b"));
        cancelled.abort();
        let mut received = [one.await.unwrap().map(|m| text(&m)), other.await.unwrap().map(|m| text(&m))];
        received.sort();
        // The aborted waiter may have taken one before it was aborted only if it ran; it has not.
        assert_eq!(received, [Some("a".into()), Some("b".into())]);
    }

    #[tokio::test]
    async fn closing_wakes_whoever_waits() {
        let (buffer, closed) = (Arc::new(MessageBuffer::new(1)), CancellationToken::new());
        let waiting = tokio::spawn({
            let (buffer, closed) = (buffer.clone(), closed.clone());
            async move { buffer.receive(&closed, FOREVER).await }
        });
        tokio::task::yield_now().await;
        closed.cancel();
        assert!(waiting.await.unwrap().is_none());
    }
}
