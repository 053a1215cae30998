use std::{
    future::{self, Future},
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    client::{packets::PINGREQ, replies::Replies},
    transport::Traffic,
};

/// Within so many intervals who was asked has to say something, whatever the system has taken for it meanwhile.
const LONGEST: u32 = 10;

/// Signs of life of a broker.
pub(super) struct Signs {
    heard: watch::Sender<Option<Instant>>,
    interval: watch::Sender<Duration>,
    traffic: Traffic,
    is_unread: AtomicBool,
}

impl Signs {
    /// Without an interval nobody looks for them.
    pub(super) fn new(traffic: Traffic, interval: Duration) -> Self {
        let interval = watch::Sender::new(interval);
        Self { heard: watch::Sender::default(), interval, traffic, is_unread: AtomicBool::new(false) }
    }

    /// Something was read.
    pub(super) fn heard(&self) {
        self.heard.send_replace(Some(Instant::now()));
    }

    /// The broker wants to hear something more often. One that does not care wants it after an interval of zero.
    pub(super) fn shorten(&self, interval: Duration) {
        self.interval.send_if_modified(|present| {
            let is_shorter = !interval.is_zero() && interval < *present;
            if is_shorter {
                *present = interval;
            }
            is_shorter
        });
    }

    /// What the broker says is left unread, as long as the result is there.
    pub(super) fn leave_unread(&self) -> Unread<'_> {
        self.is_unread.store(true, Ordering::Release);
        Unread(self)
    }

    fn last_heard(&self) -> Option<Instant> {
        *self.heard.borrow()
    }

    /// Ends when the broker has been silent for at least two and a half intervals, although it was asked for a sign of life after
    /// the first one, and nothing went over the way to it.
    pub(super) async fn end(&self, replies: &Replies) {
        let mut present = self.interval.subscribe();
        let mut question_waits = false;
        loop {
            let interval = *present.borrow_and_update();
            if interval.is_zero() {
                return future::pending().await;
            }
            let oldest = || self.last_heard().min(self.traffic.last_written());
            let since = oldest();
            tokio::select! {
                () = sleep_until(since.unwrap_or_else(Instant::now) + interval) => {}
                _ = present.changed() => continue,
            }
            // How long it may take to accept a client is another question.
            let Some(last) = self.last_heard().filter(|_| oldest() == since) else { continue };
            if !question_waits || replies.is_empty() {
                replies.push(&[PINGREQ, 0]);
                question_waits = true;
            }
            let taken = async {
                replies.all_taken().await;
                question_waits = false;
            };
            if self.stays_silent(last, interval, taken).await {
                return;
            }
        }
    }

    /// Whether nothing more is heard of a broker for which a question waits until it is taken.
    async fn stays_silent(&self, last: Instant, interval: Duration, taken: impl Future<Output = ()>) -> bool {
        let mut heard = self.heard.subscribe();
        let mut taken = pin!(taken);
        let mut quiet_since = Instant::now();
        let (mut read, mut written) = (self.traffic.last_read(), self.traffic.last_written());
        // Once the question is on its way, for which it has to wait until the packet at hand is.
        let mut end = None;
        loop {
            tokio::select! {
                biased;
                _ = heard.wait_for(|heard| *heard != Some(last)) => return false,
                () = &mut taken, if end.is_none() => {
                    end = Some(Instant::now() + interval * LONGEST);
                    // The question itself says nothing.
                    written = self.traffic.last_written();
                    continue;
                }
                () = sleep(interval / 4) => {}
            }
            let now = Instant::now();
            let before = (read, written);
            (read, written) = (self.traffic.last_read(), self.traffic.last_written());
            // A part of something long, or what is not read yet.
            let speaks = read != before.0 || self.is_unread.load(Ordering::Acquire);
            if speaks {
                end = end.map(|_| now + interval * LONGEST);
            }
            if speaks || written != before.1 {
                quiet_since = now;
            }
            if now - quiet_since >= interval * 3 / 2 || end.is_some_and(|end| end <= now) {
                return true;
            }
        }
    }
}

pub(super) struct Unread<'a>(&'a Signs);

impl Drop for Unread<'_> {
    fn drop(&mut self) {
        self.0.is_unread.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinHandle;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(4);

    /// A broker that was heard now.
    struct Broker {
        signs: Arc<Signs>,
        traffic: Traffic,
        replies: Arc<Replies>,
        end: JoinHandle<()>,
    }

    impl Broker {
        fn new() -> Self {
            let broker = Self::unheard(INTERVAL);
            broker.signs.heard();
            broker
        }

        fn unheard(interval: Duration) -> Self {
            let traffic = Traffic::default();
            traffic.note_written();
            let signs = Arc::new(Signs::new(traffic.clone(), interval));
            let replies: Arc<Replies> = Arc::default();
            let end = tokio::spawn({
                let (signs, replies) = (signs.clone(), replies.clone());
                async move { signs.end(&replies).await }
            });
            Self { signs, traffic, replies, end }
        }

        async fn asked(&self) {
            self.replies.added().await;
            self.take();
        }

        /// Takes the question.
        fn take(&self) {
            assert_eq!(self.replies.take(), [PINGREQ, 0]);
            self.traffic.note_written();
        }

        /// How long it takes from now on until it is given up.
        async fn given_up(self) -> Duration {
            let start = Instant::now();
            self.end.await.unwrap();
            start.elapsed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_is_silent_is_asked_once_and_then_given_up() {
        let broker = Broker::unheard(INTERVAL);
        sleep(INTERVAL * 10).await;
        assert_eq!(broker.replies.take(), b"");
        broker.traffic.note_written();
        broker.signs.heard();
        let heard = Instant::now();
        broker.asked().await;
        assert!((INTERVAL..INTERVAL * 3 / 2).contains(&heard.elapsed()));
        let replies = broker.replies.clone();
        let silence = broker.given_up().await;
        assert!((INTERVAL * 3 / 2..INTERVAL * 2).contains(&silence), "{silence:?}");
        assert_eq!(replies.take(), b"");
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_is_heard_is_not_asked_and_one_that_answers_not_given_up() {
        let broker = Broker::new();
        for _ in 0..10 {
            sleep(INTERVAL * 9 / 10).await;
            broker.signs.heard();
            broker.traffic.note_written();
            assert_eq!(broker.replies.take(), b"");
        }
        for _ in 0..10 {
            broker.asked().await;
            sleep(INTERVAL).await;
            broker.signs.heard();
        }
        assert!(!broker.end.is_finished());
    }

    /// It would take the client for dead.
    #[tokio::test(start_paused = true)]
    async fn a_broker_that_hears_nothing_is_asked_although_it_is_heard_itself() {
        let broker = Broker::new();
        for _ in 0..3 {
            for _ in 0..9 {
                assert_eq!(broker.replies.take(), b"");
                sleep(INTERVAL / 10).await;
                broker.signs.heard();
            }
            sleep(INTERVAL / 5).await;
            broker.signs.heard();
            broker.take();
        }
        assert!(!broker.end.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn no_broker_is_given_up_while_its_answer_would_not_be_read() {
        let broker = Broker::new();
        let unread = broker.signs.clone();
        let unread = unread.leave_unread();
        broker.asked().await;
        sleep(INTERVAL * 100).await;
        assert!(!broker.end.is_finished());
        drop(unread);
        assert!(broker.given_up().await <= INTERVAL * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_is_to_take_much_before_it_can_be_asked_is_given_up_when_it_takes_no_more() {
        for is_heard_meanwhile in [false, true] {
            let broker = Broker::new();
            broker.replies.added().await;
            for _ in 0..100 {
                sleep(INTERVAL).await;
                broker.traffic.note_written();
            }
            if is_heard_meanwhile {
                broker.signs.heard();
            }
            let replies = broker.replies.clone();
            let silence = broker.given_up().await;
            assert!((INTERVAL..INTERVAL * 5).contains(&silence), "{silence:?}");
            assert_eq!(replies.take(), [PINGREQ, 0], "once");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_says_something_long_is_not_given_up() {
        let broker = Broker::new();
        broker.asked().await;
        for _ in 0..100 {
            sleep(INTERVAL).await;
            broker.traffic.note_read();
        }
        assert!(!broker.end.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_took_the_question_has_longer_to_answer_while_something_goes_out_and_not_for_ever()
    {
        let broker = Broker::new();
        broker.asked().await;
        for _ in 0..9 {
            sleep(INTERVAL).await;
            broker.traffic.note_written();
        }
        assert!(!broker.end.is_finished());
        broker.signs.heard();
        broker.asked().await;
        for _ in 0..12 {
            sleep(INTERVAL).await;
            broker.traffic.note_written();
        }
        assert!(broker.end.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_wants_to_hear_more_often_is_heeded_at_once_and_one_that_does_not_is_not() {
        let broker = Broker::new();
        for longer in [Duration::ZERO, INTERVAL * 2] {
            broker.signs.shorten(longer);
            sleep(INTERVAL / 4).await;
        }
        assert_eq!(broker.replies.take(), b"");
        broker.signs.shorten(INTERVAL / 2);
        let asked = Instant::now();
        broker.asked().await;
        assert!(asked.elapsed() < INTERVAL / 4);
        assert!(broker.given_up().await < INTERVAL);
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_interval_nobody_looks() {
        let broker = Broker::unheard(Duration::ZERO);
        broker.signs.heard();
        sleep(Duration::from_secs(1_000_000)).await;
        assert_eq!(broker.replies.take(), b"");
        assert!(!broker.end.is_finished());
    }
}
