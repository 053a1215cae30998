use std::{
    collections::{BTreeSet, VecDeque},
    mem,
};

use tokio::time::Instant;

use super::shrink;

/// Locked messages by the numbers of their locks, and in the order in which the locks expire.
///
/// Numbers count up and most locks are settled soon, so a queue with gaps finds them faster than a table.
pub(super) struct Locks<K> {
    /// In the order of their numbers; `None` is a lock that is gone. The first and the last are there.
    places: VecDeque<(u64, Option<Locked<K>>)>,
    /// How many of them are there.
    len: usize,
    /// Without the locks that never expire. Those that are gone stay until they are the first.
    deadlines: VecDeque<(Instant, u64)>,
    /// Deadlines that do not come after all that were there before them, as renewed locks can have.
    others: BTreeSet<(Instant, u64)>,
}

pub(super) struct Locked<K> {
    /// What is kept of the message.
    pub(super) kept: K,
    /// How often it was delivered, this time included.
    pub(super) deliveries: usize,
    /// When the lock expires; `None` is never.
    pub(super) deadline: Option<Instant>,
}

/// So many gaps are allowed besides one for each lock.
const GAPS: usize = 32;

impl<K> Locks<K> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.places.capacity().max(self.deadlines.capacity())
    }

    /// Adds a lock, whose number is larger than any before.
    pub(super) fn add(&mut self, lock: u64, locked: Locked<K>) {
        if let Some(deadline) = locked.deadline {
            self.add_deadline(deadline, lock);
        }
        self.places.push_back((lock, Some(locked)));
        self.len += 1;
    }

    pub(super) fn remove(&mut self, lock: u64) -> Option<Locked<K>> {
        let place = self.place(lock)?;
        let locked = self.places[place].1.take()?;
        self.len -= 1;
        while self.places.pop_front_if(|(_, locked)| locked.is_none()).is_some() {}
        while self.places.pop_back_if(|(_, locked)| locked.is_none()).is_some() {}
        if self.places.len() > 2 * self.len + GAPS {
            self.places.retain(|(_, locked)| locked.is_some());
        }
        shrink(&mut self.places);
        self.forget_deadline(locked.deadline, lock);
        Some(locked)
    }

    /// False: there is no such lock.
    pub(super) fn renew(&mut self, lock: u64, deadline: Option<Instant>) -> bool {
        let Some(place) = self.place(lock) else { return false };
        let Some(locked) = &mut self.places[place].1 else { return false };
        let before = mem::replace(&mut locked.deadline, deadline);
        if before != deadline {
            self.forget_deadline(before, lock);
            if let Some(deadline) = deadline {
                self.add_deadline(deadline, lock);
            }
        }
        true
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.first_deadline().map(|(deadline, _)| deadline)
    }

    /// Removes the lock that expired first, if any has.
    pub(super) fn pop_expired(&mut self, now: Instant) -> Option<Locked<K>> {
        let (deadline, lock) = self.first_deadline()?;
        if deadline > now {
            return None;
        }
        self.remove(lock)
    }

    /// Removes all locks, the first taken first.
    pub(super) fn drain(&mut self) -> impl DoubleEndedIterator<Item = Locked<K>> + use<K> {
        mem::take(self).places.into_iter().filter_map(|(_, locked)| locked)
    }

    fn place(&self, lock: u64) -> Option<usize> {
        let &(first, _) = self.places.front()?;
        // Where no number is missing, the place is known.
        let place = usize::try_from(lock.checked_sub(first)?).ok()?;
        match self.places.get(place) {
            Some(&(found, _)) if found == lock => Some(place),
            _ => self.places.binary_search_by_key(&lock, |&(number, _)| number).ok(),
        }
    }

    fn first_deadline(&self) -> Option<(Instant, u64)> {
        let (first, other) = (self.deadlines.front(), self.others.first());
        match (first, other) {
            (Some(first), Some(other)) => Some(*first.min(other)),
            (first, other) => first.or(other).copied(),
        }
    }

    fn add_deadline(&mut self, deadline: Instant, lock: u64) {
        if self.deadlines.back().is_none_or(|last| *last < (deadline, lock)) {
            self.deadlines.push_back((deadline, lock));
        } else {
            self.others.insert((deadline, lock));
        }
    }

    /// Forgets a deadline that no lock has any more.
    fn forget_deadline(&mut self, deadline: Option<Instant>, lock: u64) {
        let Some(deadline) = deadline else { return };
        if !self.others.is_empty() {
            // It can be among the others as well, where the lock had the same deadline twice.
            self.others.remove(&(deadline, lock));
        }
        while let Some(&first) = self.deadlines.front()
            && !self.has(first)
        {
            self.deadlines.pop_front();
        }
        if self.deadlines.len() > 2 * self.len + GAPS {
            let mut deadlines = mem::take(&mut self.deadlines);
            deadlines.retain(|&deadline| self.has(deadline));
            self.deadlines = deadlines;
        }
        shrink(&mut self.deadlines);
    }

    fn has(&self, (deadline, lock): (Instant, u64)) -> bool {
        let locked = self.place(lock).and_then(|place| self.places[place].1.as_ref());
        locked.is_some_and(|locked| locked.deadline == Some(deadline))
    }
}

impl<K> Default for Locks<K> {
    fn default() -> Self {
        Self { places: VecDeque::new(), len: 0, deadlines: VecDeque::new(), others: BTreeSet::new() }
    }
}
