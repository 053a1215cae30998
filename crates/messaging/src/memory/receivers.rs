use std::{collections::VecDeque, mem, task::Waker};

use tokio::time::Instant;

/// Tasks that wait for a message, in the order in which they came. Guarded by the queue's mutex.
///
/// For each message one of them is called, and leaves the line. It then comes and takes the message, or joins again at
/// the end where somebody else was faster. While some are on their way, no others are called for the same messages.
///
/// One of those who wait has the watch: it wakes up by itself when the first lock expires.
#[derive(Default)]
pub(super) struct Receivers {
    waiting: VecDeque<(u64, Waker)>,
    /// Places are numbered, and no number is used twice.
    last: u64,
    /// How many were called and have not come yet.
    called: usize,
    /// Places up to this one were given up, so nobody comes from there.
    given_up: u64,
    watch: Option<Watch>,
}

struct Watch {
    place: u64,
    until: Instant,
}

/// The place of one who waits, from the first [`wait`](Receivers::wait) to [`leave`](Receivers::leave).
#[derive(Default)]
pub(super) struct Place(Option<u64>);

impl Place {
    pub(super) fn is_taken(&self) -> bool {
        self.0.is_some()
    }
}

impl Receivers {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Nothing was there, so it waits, at its old place unless it was called. Gives the time at which it has to come by
    /// itself, if it has to, and the waker that it had before, to be dropped when the mutex is free.
    pub(super) fn wait(
        &mut self,
        place: &mut Place,
        waker: &Waker,
        expiry: Option<Instant>,
    ) -> (Option<Instant>, Option<Waker>) {
        let kept = place.0.and_then(|number| self.find(number));
        if self.watch.as_ref().is_some_and(|watch| place.0 == Some(watch.place)) {
            self.watch = None;
        }
        let mut former = None;
        let number = match (kept, place.0) {
            (Some(index), Some(number)) => {
                let known = &mut self.waiting[index].1;
                if !known.will_wake(waker) {
                    former = Some(mem::replace(known, waker.clone()));
                }
                number
            }
            _ => {
                self.comes(place.0);
                self.last += 1;
                self.waiting.push_back((self.last, waker.clone()));
                self.last
            }
        };
        place.0 = Some(number);
        let until = expiry.filter(|&expiry| self.is_unwatched(expiry));
        if let Some(until) = until {
            self.watch = Some(Watch { place: number, until });
        }
        (until, former)
    }

    /// It has what it came for, or waits no longer. Gives its waker, to be dropped when the mutex is free.
    #[must_use]
    pub(super) fn leave(&mut self, place: &mut Place) -> Option<Waker> {
        let number = place.0.take()?;
        if self.watch.as_ref().is_some_and(|watch| number == watch.place) {
            self.watch = None;
        }
        let index = self.find(number);
        if index.is_none() {
            self.comes(Some(number));
        }
        self.waiting.remove(index?).map(|(_, waker)| waker)
    }

    /// Where it had a place and is not in line, it was called.
    fn comes(&mut self, number: Option<u64>) {
        if number.is_some_and(|number| number > self.given_up) {
            self.called -= 1;
        }
    }

    /// Calls the first in line where there are more messages than receivers on their way, or where nobody would notice
    /// the expiry of the first lock.
    pub(super) fn call(&mut self, ready: usize, expiry: Option<Instant>) -> Option<Waker> {
        let needed =
            self.called < ready || self.called == 0 && expiry.is_some_and(|expiry| self.is_unwatched(expiry));
        if !needed {
            return None;
        }
        let (_, waker) = self.waiting.pop_front()?;
        self.called += 1;
        Some(waker)
    }

    /// Wakes up all, to wait no longer. Who does not come keeps no message from those who wait later.
    pub(super) fn give_up(&mut self) -> Vec<Waker> {
        self.called = 0;
        self.given_up = self.last;
        self.watch = None;
        self.waiting.drain(..).map(|(_, waker)| waker).collect()
    }

    fn is_unwatched(&self, expiry: Instant) -> bool {
        self.watch.as_ref().is_none_or(|watch| watch.until > expiry)
    }

    fn find(&self, number: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&number, |&(number, _)| number).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::Wake,
        time::Duration,
    };

    use super::*;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// One who waits, and how often it was woken.
    #[derive(Default)]
    struct Waiter {
        place: Place,
        woken: Arc<Count>,
    }

    impl Waiter {
        fn wait(&mut self, receivers: &mut Receivers, expiry: Option<Instant>) -> Option<Instant> {
            receivers.wait(&mut self.place, &Waker::from(self.woken.clone()), expiry).0
        }

        fn woken(&self) -> usize {
            self.woken.0.load(Ordering::Relaxed)
        }
    }

    /// Waiters that have come one after another.
    fn waiters<const N: usize>(receivers: &mut Receivers) -> [Waiter; N] {
        let mut waiters = [(); N].map(|()| Waiter::default());
        for waiter in &mut waiters {
            waiter.wait(receivers, None);
        }
        waiters
    }

    fn call(receivers: &mut Receivers, ready: usize, expiry: Option<Instant>) {
        if let Some(waker) = receivers.call(ready, expiry) {
            waker.wake();
        }
    }

    #[test]
    fn one_is_called_for_each_message_the_first_first() {
        let mut receivers = Receivers::default();
        let waiters: [_; 3] = waiters(&mut receivers);
        call(&mut receivers, 1, None);
        call(&mut receivers, 1, None);
        assert_eq!(waiters.each_ref().map(Waiter::woken), [1, 0, 0], "one message, one call");
        call(&mut receivers, 2, None);
        assert_eq!(waiters.each_ref().map(Waiter::woken), [1, 1, 0]);
    }

    #[test]
    fn who_is_called_and_leaves_leaves_the_message_to_the_next() {
        let mut receivers = Receivers::default();
        let [mut first, second] = waiters(&mut receivers);
        call(&mut receivers, 1, None);
        let _ = receivers.leave(&mut first.place);
        call(&mut receivers, 1, None);
        assert_eq!((first.woken(), second.woken()), (1, 1));
    }

    #[test]
    fn who_comes_too_late_joins_again_and_who_is_polled_uncalled_keeps_its_place() {
        let mut receivers = Receivers::default();
        let [mut first, mut second, third] = waiters(&mut receivers);
        call(&mut receivers, 1, None);
        first.wait(&mut receivers, None);
        second.wait(&mut receivers, None);
        for ready in 1..=3 {
            call(&mut receivers, ready, None);
            assert_eq!(
                (second.woken(), third.woken(), first.woken()),
                match ready {
                    1 => (1, 0, 1),
                    2 => (1, 1, 1),
                    _ => (1, 1, 2),
                }
            );
        }
    }

    #[test]
    fn one_has_the_watch_and_another_takes_it_over() {
        let mut receivers = Receivers::default();
        let now = Instant::now();
        let [soon, later] = [1, 2].map(|seconds| Some(now + Duration::from_secs(seconds)));
        let (mut first, mut second) = (Waiter::default(), Waiter::default());
        assert_eq!(first.wait(&mut receivers, later), later);
        assert_eq!(second.wait(&mut receivers, later), None, "one timer is enough");
        call(&mut receivers, 0, later);
        assert_eq!((first.woken(), second.woken()), (0, 0), "the expiry is watched");
        let _ = receivers.leave(&mut first.place);
        call(&mut receivers, 0, later);
        assert_eq!(second.woken(), 1, "nobody has the watch");
        call(&mut receivers, 0, later);
        assert_eq!(second.wait(&mut receivers, later), later);
        call(&mut receivers, 0, soon);
        assert_eq!(second.woken(), 2, "a lock expires sooner than is watched");
        assert_eq!(second.wait(&mut receivers, soon), soon);
    }

    #[test]
    fn who_was_given_up_and_does_not_come_keeps_no_message_from_others() {
        let mut receivers = Receivers::default();
        let [mut old, mut called] = waiters(&mut receivers);
        receivers.give_up().into_iter().for_each(Waker::wake);
        assert_eq!((old.woken(), called.woken()), (1, 1));
        let [new] = waiters(&mut receivers);
        call(&mut receivers, 1, None);
        assert_eq!(new.woken(), 1);
        let _ = receivers.leave(&mut old.place);
        let _ = receivers.leave(&mut called.place);
        let [other] = waiters(&mut receivers);
        call(&mut receivers, 1, None);
        assert_eq!(other.woken(), 0, "the one that was called is still on its way");
    }
}
