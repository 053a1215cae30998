use std::collections::{BTreeSet, HashMap, VecDeque};

use tokio::time::Instant;

use crate::MessageEnvelope;

/// What a memory queue keeps: a state machine without clock, waiting or locking of its own.
///
/// A message is either ready or locked. Messages are delivered in the order in which they became ready:
/// sent, abandoned and expired ones join at the end.
#[derive(Default)]
pub(super) struct Storage {
    ready: VecDeque<MessageEnvelope>,
    locked: HashMap<u64, Locked>,
    /// The locks in the order in which they expire.
    deadlines: BTreeSet<(Instant, u64)>,
    last_lock: u64,
}

struct Locked {
    message: MessageEnvelope,
    deadline: Instant,
}

impl Storage {
    /// How many messages are ready.
    pub(super) fn count(&self) -> usize {
        self.ready.len()
    }

    /// How many messages there are, locked ones too.
    pub(super) fn total(&self) -> usize {
        self.ready.len() + self.locked.len()
    }

    pub(super) fn push(&mut self, message: MessageEnvelope) {
        self.ready.push_back(message);
    }

    /// The oldest ready messages, which stay.
    pub(super) fn peek(&self, count: usize) -> Vec<MessageEnvelope> {
        self.ready.iter().take(count).cloned().collect()
    }

    /// Takes the oldest ready message and locks it.
    pub(super) fn take(&mut self, deadline: Instant) -> Option<(u64, MessageEnvelope)> {
        let message = self.ready.pop_front()?;
        self.last_lock += 1;
        let lock = self.last_lock;
        self.deadlines.insert((deadline, lock));
        self.locked.insert(lock, Locked { message: message.clone(), deadline });
        Some((lock, message))
    }

    /// Sets when a lock expires. False: there is no such lock.
    pub(super) fn renew(&mut self, lock: u64, deadline: Instant) -> bool {
        let Some(locked) = self.locked.get_mut(&lock) else { return false };
        self.deadlines.remove(&(locked.deadline, lock));
        self.deadlines.insert((deadline, lock));
        locked.deadline = deadline;
        true
    }

    fn unlock(&mut self, lock: u64) -> Option<MessageEnvelope> {
        let locked = self.locked.remove(&lock)?;
        self.deadlines.remove(&(locked.deadline, lock));
        Some(locked.message)
    }

    /// Removes a locked message. False: there is no such lock.
    pub(super) fn complete(&mut self, lock: u64) -> bool {
        self.unlock(lock).is_some()
    }

    /// Makes a locked message ready. False: there is no such lock.
    pub(super) fn abandon(&mut self, lock: u64) -> bool {
        self.unlock(lock).map(|message| self.ready.push_back(message)).is_some()
    }

    /// Makes a locked message ready, in front of the others. False: there is no such lock.
    pub(super) fn put_back(&mut self, lock: u64) -> bool {
        self.unlock(lock).map(|message| self.ready.push_front(message)).is_some()
    }

    /// Makes the messages ready whose locks have expired, the longest expired first, and counts them.
    pub(super) fn expire(&mut self, now: Instant) -> usize {
        let mut count = 0;
        while let Some(&(deadline, lock)) = self.deadlines.first() {
            if deadline > now {
                break;
            }
            self.deadlines.pop_first();
            if let Some(locked) = self.locked.remove(&lock) {
                self.ready.push_back(locked.message);
                count += 1;
            }
        }
        count
    }

    /// When the next lock expires.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// Makes all locked messages ready, in front of the others and in the order in which they were taken.
    pub(super) fn release_all(&mut self) {
        self.deadlines.clear();
        let mut locked: Vec<_> = self.locked.drain().collect();
        locked.sort_unstable_by_key(|&(lock, _)| lock);
        for (_, locked) in locked.into_iter().rev() {
            self.ready.push_front(locked.message);
        }
    }

    /// Drops all messages.
    pub(super) fn clear(&mut self) {
        self.ready.clear();
        self.locked.clear();
        self.deadlines.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn storage(texts: &[&str]) -> Storage {
        let mut storage = Storage::default();
        texts.iter().for_each(|text| storage.push(MessageEnvelope::new(None, "t", *text)));
        storage
    }

    fn ready(storage: &Storage) -> Vec<String> {
        storage.peek(100).iter().map(|m| m.get_message_as_string().unwrap_or_default().into_owned()).collect()
    }

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn expired_messages_join_at_the_end_in_the_order_of_their_deadlines() {
        let (start, mut storage) = (Instant::now(), storage(&["a", "b", "c"]));
        storage.take(at(start, 20)).unwrap();
        storage.take(at(start, 10)).unwrap();
        assert_eq!(storage.next_deadline(), Some(at(start, 10)));
        assert_eq!(storage.expire(at(start, 9)), 0);
        assert_eq!(storage.expire(at(start, 30)), 2);
        assert_eq!(ready(&storage), ["c", "b", "a"]);
        assert_eq!(storage.next_deadline(), None);
    }

    #[test]
    fn a_renewed_lock_expires_at_its_new_deadline_only() {
        let (start, mut storage) = (Instant::now(), storage(&["a"]));
        let (lock, _) = storage.take(at(start, 10)).unwrap();
        assert!(storage.renew(lock, at(start, 20)));
        assert_eq!(storage.expire(at(start, 15)), 0);
        assert_eq!(storage.expire(at(start, 20)), 1);
        assert!(!storage.renew(lock, at(start, 40)), "a lost lock cannot be renewed");
        assert!(!storage.complete(lock) && !storage.abandon(lock));
        assert_eq!(storage.total(), 1);
    }

    #[test]
    fn a_completed_message_is_gone_and_leaves_no_deadline() {
        let (start, mut storage) = (Instant::now(), storage(&["a"]));
        let (lock, _) = storage.take(at(start, 10)).unwrap();
        assert_eq!((storage.count(), storage.total()), (0, 1));
        assert!(storage.complete(lock));
        assert_eq!((storage.total(), storage.next_deadline()), (0, None));
    }

    #[test]
    fn an_abandoned_message_joins_at_the_end_once() {
        let (start, mut storage) = (Instant::now(), storage(&["a", "b"]));
        let (lock, _) = storage.take(at(start, 10)).unwrap();
        assert!(storage.abandon(lock) && !storage.abandon(lock));
        assert_eq!((ready(&storage), storage.next_deadline()), (vec!["b".to_owned(), "a".to_owned()], None));
    }

    #[test]
    fn released_messages_come_first_in_their_order() {
        let (start, mut storage) = (Instant::now(), storage(&["a", "b", "c"]));
        storage.take(at(start, 20)).unwrap();
        storage.take(at(start, 10)).unwrap();
        storage.release_all();
        assert_eq!(ready(&storage), ["a", "b", "c"]);
    }

    #[test]
    fn clearing_forgets_locks_too() {
        let (start, mut storage) = (Instant::now(), storage(&["a", "b"]));
        let (lock, _) = storage.take(at(start, 10)).unwrap();
        storage.clear();
        assert!(!storage.abandon(lock));
        assert_eq!((storage.total(), storage.expire(at(start, 60))), (0, 0));
    }
}
