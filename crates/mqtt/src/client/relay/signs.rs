use std::{
    future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::client::{backlog::Backlog, packets::PINGREQ, replies::Replies};

/// Signs of life of a broker.
#[derive(Default)]
pub(super) struct Signs {
    heard: Last,
    took: Last,
}

/// When something happened last.
#[derive(Default)]
struct Last(Mutex<Option<Instant>>);

impl Last {
    fn set(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn get(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signs {
    /// Something was read.
    pub(super) fn heard(&self) {
        self.heard.set();
    }

    /// Something was written.
    pub(super) fn took(&self) {
        self.took.set();
    }

    /// Ends when the broker has been silent although it was asked for a sign of life, at least 2.75 times the interval.
    ///
    /// The library looks for itself when it has heard nothing for an interval, and gives it one and a half to answer. But it
    /// does not while a part of a message waits to be written, and takes for a sign what prods it.
    pub(super) async fn end(&self, interval: Duration, replies: &Replies, backlog: &Backlog) {
        if interval.is_zero() {
            // Nobody looks.
            return future::pending().await;
        }
        // The library asks first, and it is not asked twice.
        let (patience, limit) = (interval * 5 / 4, interval * 3 / 2);
        loop {
            let last = self.heard.get();
            sleep_until(last.unwrap_or_else(Instant::now) + patience).await;
            // How long it may take to accept a client is another question.
            if last.is_none() || self.heard.get() != last {
                continue;
            }
            // What has come is not read while messages wait.
            let is_silent = || self.heard.get() == last && backlog.has_room();
            replies.push(&[PINGREQ, 0]);
            // Behind the packet at hand, as long as that goes on.
            loop {
                let before = self.took.get();
                if timeout(limit, replies.all_taken()).await.is_ok() {
                    break;
                }
                if is_silent() && self.took.get() == before {
                    return;
                }
            }
            sleep(limit).await;
            if is_silent() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinHandle;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(4);

    struct Broker {
        signs: Arc<Signs>,
        replies: Arc<Replies>,
        backlog: Arc<Backlog>,
        end: JoinHandle<()>,
    }

    impl Broker {
        fn new(interval: Duration) -> Self {
            let (signs, replies, backlog) =
                (Arc::<Signs>::default(), Arc::<Replies>::default(), Arc::<Backlog>::default());
            let end = tokio::spawn({
                let (signs, replies, backlog) = (signs.clone(), replies.clone(), backlog.clone());
                async move { signs.end(interval, &replies, &backlog).await }
            });
            Self { signs, replies, backlog, end }
        }

        async fn asked(&self) {
            self.replies.added().await;
            assert_eq!(self.replies.take(), [PINGREQ, 0]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_is_silent_is_asked_once_and_then_given_up() {
        let broker = Broker::new(INTERVAL);
        sleep(INTERVAL * 10).await;
        assert_eq!(broker.replies.take(), b"");
        broker.signs.heard();
        let heard = Instant::now();
        broker.asked().await;
        assert!(heard.elapsed() > INTERVAL);
        let asked = Instant::now();
        broker.end.await.unwrap();
        assert!(asked.elapsed() >= INTERVAL * 3 / 2);
        assert_eq!(broker.replies.take(), b"");
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_is_heard_is_not_asked_and_one_that_answers_not_given_up() {
        let broker = Broker::new(INTERVAL);
        for _ in 0..10 {
            sleep(INTERVAL).await;
            broker.signs.heard();
            assert_eq!(broker.replies.take(), b"");
        }
        for _ in 0..10 {
            broker.asked().await;
            sleep(INTERVAL).await;
            broker.signs.heard();
        }
        assert!(!broker.end.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn no_broker_is_given_up_while_its_answer_would_not_be_read() {
        let broker = Broker::new(INTERVAL);
        broker.signs.heard();
        broker.asked().await;
        let waiting = broker.backlog.add_bytes(10_000_000);
        for _ in 0..10 {
            broker.asked().await;
        }
        drop(waiting);
        assert!(!broker.end.is_finished());
        broker.end.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_is_to_take_much_before_it_can_be_asked_is_given_up_when_it_takes_no_more() {
        let broker = Broker::new(INTERVAL);
        broker.signs.heard();
        broker.replies.added().await;
        for _ in 0..10 {
            sleep(INTERVAL).await;
            broker.signs.took();
        }
        assert!(!broker.end.is_finished());
        broker.end.await.unwrap();
        assert_eq!(broker.replies.take(), [PINGREQ, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_took_the_question_has_as_long_to_answer_as_another() {
        let broker = Broker::new(INTERVAL);
        broker.signs.heard();
        broker.replies.added().await;
        sleep(INTERVAL).await;
        assert_eq!(broker.replies.take(), [PINGREQ, 0]);
        sleep(INTERVAL).await;
        broker.signs.heard();
        sleep(INTERVAL).await;
        assert!(!broker.end.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_interval_nobody_looks() {
        let broker = Broker::new(Duration::ZERO);
        broker.signs.heard();
        sleep(Duration::from_secs(1_000_000)).await;
        assert_eq!(broker.replies.take(), b"");
        assert!(!broker.end.is_finished());
    }
}
