use std::{collections::VecDeque, task::Waker};

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
    /// itself, if it has to.
    pub(super) fn wait(
        &mut self,
        place: &mut Place,
        waker: &Waker,
        expiry: Option<Instant>,
    ) -> Option<Instant> {
        let kept = place.0.and_then(|number| self.find(number));
        if self.watch.as_ref().is_some_and(|watch| place.0 == Some(watch.place)) {
            self.watch = None;
        }
        let number = match (kept, place.0) {
            (Some(index), Some(number)) => {
                self.waiting[index].1.clone_from(waker);
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
        let until = expiry.filter(|&expiry| self.is_unwatched(expiry))?;
        self.watch = Some(Watch { place: number, until });
        Some(until)
    }

    /// It has what it came for, or waits no longer.
    pub(super) fn leave(&mut self, place: &mut Place) {
        let Some(number) = place.0.take() else { return };
        if self.watch.as_ref().is_some_and(|watch| number == watch.place) {
            self.watch = None;
        }
        match self.find(number) {
            Some(index) => drop(self.waiting.remove(index)),
            None => self.comes(Some(number)),
        }
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
