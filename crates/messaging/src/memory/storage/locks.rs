use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasherDefault, Hasher},
    mem,
};

use tokio::time::Instant;

use super::SMALL;

/// Locked messages by the numbers of their locks, and in the order in which the locks expire.
pub(super) struct Locks<M> {
    locked: HashMap<u64, Locked<M>, BuildHasherDefault<NumberHasher>>,
    /// Without the locks that never expire.
    deadlines: BTreeSet<(Instant, u64)>,
}

pub(super) struct Locked<M> {
    pub(super) message: M,
    /// How often it was delivered, this time included.
    pub(super) deliveries: usize,
    /// When the lock expires; `None` is never.
    pub(super) deadline: Option<Instant>,
}

impl<M> Locks<M> {
    pub(super) fn len(&self) -> usize {
        self.locked.len()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.locked.capacity()
    }

    pub(super) fn add(&mut self, lock: u64, locked: Locked<M>) {
        if let Some(deadline) = locked.deadline {
            self.deadlines.insert((deadline, lock));
        }
        self.locked.insert(lock, locked);
    }

    pub(super) fn remove(&mut self, lock: u64) -> Option<Locked<M>> {
        let locked = self.locked.remove(&lock)?;
        if let Some(deadline) = locked.deadline {
            self.deadlines.remove(&(deadline, lock));
        }
        if self.locked.capacity() > SMALL && self.locked.len() < self.locked.capacity() / 4 {
            self.locked.shrink_to(self.locked.capacity() / 2);
        }
        Some(locked)
    }

    /// False: there is no such lock.
    pub(super) fn renew(&mut self, lock: u64, deadline: Option<Instant>) -> bool {
        let Some(locked) = self.locked.get_mut(&lock) else { return false };
        if let Some(deadline) = mem::replace(&mut locked.deadline, deadline) {
            self.deadlines.remove(&(deadline, lock));
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, lock));
        }
        true
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// Removes the lock that expired first, if any has.
    pub(super) fn pop_expired(&mut self, now: Instant) -> Option<Locked<M>> {
        let &(deadline, lock) = self.deadlines.first()?;
        if deadline > now {
            return None;
        }
        self.remove(lock)
    }

    /// Removes all locks, the first taken first.
    pub(super) fn drain(&mut self) -> impl DoubleEndedIterator<Item = Locked<M>> + use<M> {
        let mut locked: Vec<_> = mem::take(self).locked.into_iter().collect();
        locked.sort_unstable_by_key(|&(lock, _)| lock);
        locked.into_iter().map(|(_, locked)| locked)
    }
}

impl<M> Default for Locks<M> {
    fn default() -> Self {
        Self { locked: HashMap::default(), deadlines: BTreeSet::new() }
    }
}

/// Spreads numbers that count up. The standard hasher also defends against chosen keys, at several times the cost.
#[derive(Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        // The table takes its place from the low bits and a tag from the high ones; both differ for neighbours.
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
