use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{MessageEnvelope, wait::wait_for};

/// The bounded first-in-first-out way from a broker's client to a queue's consumers, from an `open` to the next
/// `close`.
pub(super) struct MessageCache {
    state: Mutex<State>,
    capacity: usize,
    changed: Notify,
    closed: CancellationToken,
}

#[derive(Default)]
struct State {
    messages: VecDeque<MessageEnvelope>,
    /// The last message found no room.
    overflowing: bool,
    /// Nothing is taken in any more.
    closed: bool,
    /// Something came after that.
    late: bool,
}

/// What became of a message that was to be added.
pub(super) enum Pushed {
    /// There was room for it.
    Added,
    Dropped(Dropped),
    /// The cache is closed.
    TooLate {
        /// It is the first one that comes too late.
        first: bool,
    },
}

/// How many places an empty cache keeps for what comes next.
const KEPT_PLACES: usize = 1024;

/// The message that gave way to a newer one.
pub(super) struct Dropped {
    pub(super) envelope: MessageEnvelope,
    /// There was room for the message before.
    pub(super) first_of_burst: bool,
}

impl MessageCache {
    /// An empty cache for at most `capacity` messages.
    pub(super) fn new(capacity: usize) -> Self {
        Self { state: Mutex::default(), capacity, changed: Notify::new(), closed: CancellationToken::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a message at the end. Where there is no room, the oldest one gives way.
    pub(super) fn push(&self, message: MessageEnvelope) -> Pushed {
        let dropped = {
            let mut state = self.lock();
            if state.closed {
                return Pushed::TooLate { first: !std::mem::replace(&mut state.late, true) };
            }
            let full = state.messages.len() >= self.capacity;
            let first_of_burst = !std::mem::replace(&mut state.overflowing, full);
            let oldest = if full { state.messages.pop_front() } else { None };
            state.messages.push_back(message);
            oldest.map(|envelope| Dropped { envelope, first_of_burst })
        };
        self.changed.notify_one();
        dropped.map_or(Pushed::Added, Pushed::Dropped)
    }

    /// Puts a message back that was taken. It had its room before, so there is always room for it. False: the cache is
    /// closed.
    pub(super) fn put_back(&self, message: MessageEnvelope) -> bool {
        {
            let mut state = self.lock();
            if state.closed {
                return false;
            }
            state.messages.push_front(message);
        }
        self.changed.notify_one();
        true
    }

    /// Takes the oldest message.
    pub(super) fn take(&self) -> Option<MessageEnvelope> {
        let mut state = self.lock();
        let message = state.messages.pop_front()?;
        // One notification stands for any number of messages: pass it on.
        if !state.messages.is_empty() {
            self.changed.notify_one();
        } else if state.messages.capacity() > KEPT_PLACES {
            // What a backlog has taken is given back when it is over.
            state.messages = VecDeque::new();
        }
        Some(message)
    }

    /// Takes the oldest message, waiting for one up to `timeout` or until the cache is closed. Dropping the
    /// future loses nothing.
    pub(super) async fn receive(&self, timeout: Duration) -> Option<MessageEnvelope> {
        wait_for(&self.changed, &self.closed, timeout, || self.take()).await
    }

    /// Waits for a message that came since the last attempt to take one, or until the cache is closed.
    pub(super) async fn changed(&self) {
        tokio::select! {
            () = self.changed.notified() => {}
            () = self.closed.cancelled() => {}
        }
    }

    /// Up to `count` of the oldest messages, which stay.
    pub(super) fn peek(&self, count: usize) -> Vec<MessageEnvelope> {
        self.lock().messages.iter().take(count).cloned().collect()
    }

    /// How many messages wait.
    pub(super) fn len(&self) -> usize {
        self.lock().messages.len()
    }

    /// Drops all messages.
    pub(super) fn clear(&self) {
        // They go when the lock is free: a payload can be of a kind that runs code of others.
        let _cleared = std::mem::take(&mut self.lock().messages);
    }

    /// Drops all messages, and those that come later, and wakes whoever waits. Gives how many it dropped.
    pub(super) fn close(&self) -> usize {
        let dropped = {
            let mut state = self.lock();
            state.closed = true;
            // They go when the lock is free, as above.
            std::mem::take(&mut state.messages)
        };
        self.closed.cancel();
        dropped.len()
    }

    /// Waits until it is closed.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
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

    fn dropped(pushed: Pushed) -> Option<Dropped> {
        match pushed {
            Pushed::Dropped(dropped) => Some(dropped),
            Pushed::Added => None,
            Pushed::TooLate { .. } => panic!("it is not closed"),
        }
    }

    const FOREVER: Duration = Duration::MAX;

    #[tokio::test]
    async fn messages_come_out_in_order_and_the_oldest_gives_way() {
        let cache = MessageCache::new(2);
        assert!(dropped(cache.push(message("a"))).is_none());
        assert!(dropped(cache.push(message("b"))).is_none());
        assert_eq!(text(&dropped(cache.push(message("c"))).unwrap().envelope), "a");
        assert_eq!(cache.peek(5).iter().map(text).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(text(&cache.receive(FOREVER).await.unwrap()), "b");
        assert_eq!(text(&cache.receive(Duration::ZERO).await.unwrap()), "c");
        assert!(cache.receive(Duration::ZERO).await.is_none());
    }

    #[test]
    fn an_empty_cache_keeps_little_of_what_a_backlog_took() {
        let cache = MessageCache::new(usize::MAX);
        for backlog in [5 * KEPT_PLACES, KEPT_PLACES / 2] {
            (0..backlog).for_each(|_| drop(cache.push(message("a"))));
            assert!(cache.lock().messages.capacity() >= backlog);
            while cache.take().is_some() {}
            assert!(cache.lock().messages.capacity() <= KEPT_PLACES);
        }
        assert!(cache.lock().messages.capacity() > 0, "few messages take no memory anew");
    }

    #[test]
    fn each_pause_begins_another_burst() {
        let cache = MessageCache::new(1);
        let dropped = |text| dropped(cache.push(message(text))).map(|dropped| dropped.first_of_burst);
        assert_eq!([dropped("a"), dropped("b"), dropped("c")], [None, Some(true), Some(false)]);
        cache.take().unwrap();
        assert_eq!([dropped("d"), dropped("e"), dropped("f")], [None, Some(true), Some(false)]);
    }

    #[tokio::test]
    async fn what_is_put_back_comes_first_even_into_a_full_cache_and_wakes_who_waits() {
        let cache = Arc::new(MessageCache::new(1));
        cache.push(message("a"));
        let taken = cache.take().unwrap();
        let waiting = tokio::spawn({
            let cache = cache.clone();
            async move { cache.receive(FOREVER).await }
        });
        tokio::task::yield_now().await;
        cache.put_back(taken);
        assert_eq!(text(&waiting.await.unwrap().unwrap()), "a");
        cache.push(message("b"));
        cache.put_back(message("a"));
        assert_eq!(cache.peek(5).iter().map(text).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_cache_waits_exactly_the_timeout() {
        let start = tokio::time::Instant::now();
        assert!(MessageCache::new(1).receive(Duration::from_millis(300)).await.is_none());
        // The timer of tokio counts whole milliseconds, rounded up.
        assert!((300..=302).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn every_waiter_gets_a_message_and_a_cancelled_one_passes_its_turn_on() {
        let cache = Arc::new(MessageCache::new(10));
        let wait = || {
            let cache = cache.clone();
            tokio::spawn(async move { cache.receive(FOREVER).await })
        };
        let (cancelled, one, other) = (wait(), wait(), wait());
        tokio::task::yield_now().await;
        cache.push(message("a"));
        cache.push(message("b"));
        cancelled.abort();
        let mut received = [one.await.unwrap().map(|m| text(&m)), other.await.unwrap().map(|m| text(&m))];
        received.sort();
        // The aborted waiter may have taken one before it was aborted only if it ran; it has not.
        assert_eq!(received, [Some("a".into()), Some("b".into())]);
    }

    #[test]
    fn what_is_closed_tells_how_much_it_dropped_and_takes_nothing_more() {
        let cache = MessageCache::new(10);
        cache.push(message("a"));
        cache.push(message("b"));
        let taken = cache.take().unwrap();
        assert_eq!(cache.close(), 1);
        assert!(matches!(cache.push(message("c")), Pushed::TooLate { first: true }));
        assert!(matches!(cache.push(message("d")), Pushed::TooLate { first: false }));
        assert!(!cache.put_back(taken));
        assert_eq!((cache.close(), cache.len()), (0, 0));
    }

    #[tokio::test]
    async fn closing_wakes_whoever_waits() {
        let cache = Arc::new(MessageCache::new(1));
        let waiting = tokio::spawn({
            let cache = cache.clone();
            async move { cache.receive(FOREVER).await }
        });
        tokio::task::yield_now().await;
        cache.close();
        assert!(waiting.await.unwrap().is_none());
        cache.changed().await;
    }
}
