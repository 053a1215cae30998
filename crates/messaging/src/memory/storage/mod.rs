mod events;
mod locks;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, mem};

use tokio::time::Instant;

pub(super) use events::Events;
use locks::{Locked, Locks};

/// What a storage holds.
pub(super) trait Message: Clone {
    /// What is kept of a message while somebody has it, to deliver it again.
    type Kept: Default;

    /// Keeps what is needed, in memory that was used for others before.
    fn keep(&self, kept: &mut Self::Kept);

    /// The message again. Nothing of it stays but memory to be used again.
    fn restore(kept: &mut Self::Kept) -> Self;

    /// Lets go of what is kept. False: the memory is not worth being used again.
    fn forget(kept: &mut Self::Kept) -> bool;
}

/// What a memory queue keeps: a state machine without clock, waiting or mutex of its own.
///
/// A message is ready, locked or dead. Messages are delivered in the order in which they became ready: sent,
/// abandoned and expired ones join at the end. One that was delivered as often as the limit allows joins the dead
/// letters instead, of which the oldest gives way where there is no room.
///
/// What happens to messages besides what an operation asks for is kept for
/// [`take_events`](Self::take_events).
pub(super) struct Storage<M: Message> {
    limits: Limits,
    contents: Contents<M>,
    /// Memory for what is kept of later messages.
    spare: Vec<Box<M::Kept>>,
    /// Locks are numbered, and no number is used twice.
    last_lock: u64,
    events: Events<M>,
}

/// How much a storage takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How many messages fit, ready and locked; `None` is no limit.
    pub(super) max_messages: Option<usize>,
    /// How often a message is delivered; `None` is no limit.
    pub(super) max_deliveries: Option<usize>,
    /// How many dead letters are kept.
    pub(super) max_dead_letters: usize,
}

/// All messages.
pub(super) struct Contents<M: Message> {
    ready: VecDeque<Stored<M>>,
    locks: Locks<Box<M::Kept>>,
    dead: VecDeque<M>,
}

struct Stored<M> {
    message: M,
    deliveries: usize,
}

impl<M: Message> Storage<M> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            contents: Contents::default(),
            spare: Vec::new(),
            last_lock: 0,
            events: Events::default(),
        }
    }

    /// Sets the limits, by which the messages that there are already are not touched.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// How many messages are ready.
    pub(super) fn count(&self) -> usize {
        self.contents.ready.len()
    }

    /// How many messages there are, locked ones too, but no dead letters.
    pub(super) fn total(&self) -> usize {
        self.contents.ready.len() + self.contents.locks.len()
    }

    /// Another message fits.
    pub(super) fn has_room(&self) -> bool {
        self.limits.max_messages.is_none_or(|max| self.total() < max)
    }

    /// Adds a message at the end. The caller has seen that there is room.
    pub(super) fn push(&mut self, message: M) {
        self.contents.ready.push_back(Stored { message, deliveries: 0 });
    }

    /// The oldest ready messages, which stay.
    pub(super) fn peek(&self, count: usize) -> Vec<M> {
        self.contents.ready.iter().take(count).map(|stored| stored.message.clone()).collect()
    }

    /// The dead letters, the oldest first.
    pub(super) fn dead_letters(&self) -> Vec<M> {
        self.contents.dead.iter().cloned().collect()
    }

    /// Takes the oldest ready message and locks it until the deadline; `None` is for ever. Gives the number of the
    /// lock, and the message to where it is to be: moving it costs as much as finding it.
    pub(super) fn take(&mut self, deadline: Option<Instant>, taken: &mut Option<M>) -> Option<u64> {
        let Stored { message, deliveries } = self.contents.ready.front()?;
        let mut kept = self.spare.pop().unwrap_or_default();
        message.keep(&mut kept);
        self.last_lock += 1;
        self.contents.locks.add(self.last_lock, Locked { kept, deliveries: deliveries + 1, deadline });
        *taken = self.contents.ready.pop_front().map(|stored| stored.message);
        shrink(&mut self.contents.ready);
        Some(self.last_lock)
    }

    /// Sets when a lock expires. False: there is no such lock.
    pub(super) fn renew(&mut self, lock: u64, deadline: Option<Instant>) -> bool {
        self.contents.locks.renew(lock, deadline)
    }

    /// Removes a locked message. False: there is no such lock.
    pub(super) fn complete(&mut self, lock: u64) -> bool {
        self.contents.locks.remove(lock).map(|locked| self.spare(locked.kept)).is_some()
    }

    /// Makes a locked message ready, or a dead letter. False: there is no such lock.
    pub(super) fn abandon(&mut self, lock: u64) -> bool {
        self.contents.locks.remove(lock).map(|locked| self.redeliver(locked)).is_some()
    }

    /// Makes a locked message ready, in front of the others and as if it had not been taken. False: there is no
    /// such lock.
    pub(super) fn put_back(&mut self, lock: u64) -> bool {
        self.contents.locks.remove(lock).map(|locked| self.release(locked)).is_some()
    }

    /// Makes a locked message a dead letter. False: there is no such lock.
    pub(super) fn move_to_dead_letter(&mut self, lock: u64) -> bool {
        self.contents.locks.remove(lock).map(|locked| self.bury(locked)).is_some()
    }

    /// When the next lock expires.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.contents.locks.next_deadline()
    }

    /// Makes the messages ready, or dead letters, whose locks have expired, the longest expired first.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(locked) = self.contents.locks.pop_expired(now) {
            self.events.expired += 1;
            self.redeliver(locked);
        }
    }

    /// Makes all locked messages ready, in front of the others and in the order in which they were taken, as if
    /// they had not been.
    pub(super) fn release_all(&mut self) {
        for locked in self.contents.locks.drain().rev() {
            self.release(locked);
        }
    }

    /// Removes all messages, dead letters too, and leaves it to the caller to drop them.
    pub(super) fn clear(&mut self) -> Contents<M> {
        mem::take(&mut self.contents)
    }

    /// What has happened since the last call, if anything.
    pub(super) fn take_events(&mut self) -> Option<Events<M>> {
        (!self.events.is_empty()).then(|| mem::take(&mut self.events))
    }

    fn release(&mut self, locked: Locked<Box<M::Kept>>) {
        let deliveries = locked.deliveries - 1;
        let message = self.restore(locked);
        self.contents.ready.push_front(Stored { message, deliveries });
    }

    fn redeliver(&mut self, locked: Locked<Box<M::Kept>>) {
        let deliveries = locked.deliveries;
        if self.limits.max_deliveries.is_some_and(|max| deliveries >= max) {
            self.bury(locked);
        } else {
            let message = self.restore(locked);
            self.contents.ready.push_back(Stored { message, deliveries });
        }
    }

    fn bury(&mut self, locked: Locked<Box<M::Kept>>) {
        let message = self.restore(locked);
        self.events.dead.push(message.clone());
        self.contents.dead.push_back(message);
        while self.contents.dead.len() > self.limits.max_dead_letters {
            self.events.dropped.extend(self.contents.dead.pop_front());
        }
    }

    fn restore(&mut self, locked: Locked<Box<M::Kept>>) -> M {
        let mut kept = locked.kept;
        let message = M::restore(&mut kept);
        self.spare(kept);
        message
    }

    fn spare(&mut self, mut kept: Box<M::Kept>) {
        if M::forget(&mut kept) && self.spare.len() < SPARE {
            self.spare.push(kept);
        }
    }
}

impl<M: Message> Default for Contents<M> {
    fn default() -> Self {
        Self { ready: VecDeque::new(), locks: Locks::default(), dead: VecDeque::new() }
    }
}

/// For so many locked messages, memory is kept for later ones.
const SPARE: usize = 64;

/// Up to so many elements, memory is kept for later ones.
const SMALL: usize = 1024;

/// Gives memory back when a backlog has gone. It halves at a quarter, so that a level that goes up and down does not
/// move messages each time.
fn shrink<T>(queue: &mut VecDeque<T>) {
    if queue.capacity() > SMALL && queue.len() < queue.capacity() / 4 {
        queue.shrink_to(queue.capacity() / 2);
    }
}
