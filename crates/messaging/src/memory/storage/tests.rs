use std::time::Duration;

use super::*;

impl Message for &'static str {
    type Kept = &'static str;

    fn keep(&self, kept: &mut Self) {
        *kept = self;
    }

    fn restore(kept: &mut Self) -> Self {
        kept
    }

    fn forget(_: &mut Self) -> bool {
        true
    }
}

const NO_LIMITS: Limits = Limits { max_messages: None, max_deliveries: None, max_dead_letters: 10 };

fn storage(limits: Limits, messages: &[&'static str]) -> Storage<&'static str> {
    let mut storage = Storage::new(limits);
    messages.iter().for_each(|&message| storage.push(message));
    storage
}

fn take(storage: &mut Storage<&'static str>, deadline: Option<Instant>) -> Option<u64> {
    storage.take(deadline, &mut None)
}

fn at(start: Instant, seconds: u64) -> Option<Instant> {
    Some(start + Duration::from_secs(seconds))
}

fn expire(storage: &mut Storage<&'static str>, now: Option<Instant>) -> usize {
    storage.expire(now.unwrap());
    storage.take_events().map_or(0, |events| events.expired)
}

#[test]
fn expired_messages_join_at_the_end_in_the_order_of_their_deadlines() {
    let (start, mut storage) = (Instant::now(), storage(NO_LIMITS, &["a", "b", "c"]));
    take(&mut storage, at(start, 20)).unwrap();
    take(&mut storage, at(start, 10)).unwrap();
    assert_eq!(storage.next_deadline(), at(start, 10));
    assert_eq!(expire(&mut storage, at(start, 9)), 0);
    assert_eq!(expire(&mut storage, at(start, 30)), 2);
    assert_eq!(storage.peek(9), ["c", "b", "a"]);
    assert_eq!(storage.next_deadline(), None);
}

#[test]
fn a_renewed_lock_expires_at_its_new_deadline_only() {
    let (start, mut storage) = (Instant::now(), storage(NO_LIMITS, &["a"]));
    let lock = take(&mut storage, at(start, 10)).unwrap();
    assert!(storage.renew(lock, at(start, 20)));
    assert_eq!(expire(&mut storage, at(start, 15)), 0);
    assert_eq!(expire(&mut storage, at(start, 20)), 1);
    assert!(!storage.renew(lock, at(start, 40)), "a lost lock cannot be renewed");
    assert!(!storage.complete(lock) && !storage.abandon(lock));
    assert_eq!(storage.total(), 1);
}

#[test]
fn a_deadline_that_a_lock_had_twice_goes_with_it() {
    let (start, mut storage) = (Instant::now(), storage(NO_LIMITS, &["a", "b"]));
    let first = take(&mut storage, at(start, 10)).unwrap();
    let second = take(&mut storage, at(start, 20)).unwrap();
    for seconds in [5, 20] {
        assert!(storage.renew(second, at(start, seconds)));
    }
    assert!(storage.complete(first) && storage.complete(second));
    assert_eq!(storage.next_deadline(), None);
}

#[test]
fn a_lock_without_a_deadline_never_expires() {
    let (start, mut storage) = (Instant::now(), storage(NO_LIMITS, &["a", "b"]));
    let first = take(&mut storage, None).unwrap();
    let second = take(&mut storage, at(start, 10)).unwrap();
    assert_eq!(storage.next_deadline(), at(start, 10));
    assert!(storage.renew(second, None) && storage.renew(first, at(start, 20)));
    assert_eq!(expire(&mut storage, at(start, 1_000_000)), 1);
    assert_eq!((storage.peek(9), storage.next_deadline()), (vec!["a"], None));
}

#[test]
fn released_messages_come_first_in_their_order_and_one_put_back_first_of_all() {
    let (start, mut storage) = (Instant::now(), storage(NO_LIMITS, &["a", "b", "c", "d"]));
    take(&mut storage, at(start, 20)).unwrap();
    take(&mut storage, at(start, 10)).unwrap();
    let third = take(&mut storage, at(start, 30)).unwrap();
    assert!(storage.put_back(third) && !storage.put_back(third));
    assert_eq!(storage.peek(9), ["c", "d"]);
    storage.release_all();
    assert_eq!(storage.peek(9), ["a", "b", "c", "d"]);
    assert!(!storage.put_back(third));
}

#[test]
fn a_message_that_comes_back_after_its_last_delivery_is_a_dead_letter() {
    let start = Instant::now();
    let mut storage = storage(Limits { max_deliveries: Some(2), ..NO_LIMITS }, &["a", "b"]);
    for _ in 0..2 {
        let first = take(&mut storage, None).unwrap();
        take(&mut storage, at(start, 10)).unwrap();
        assert!(storage.abandon(first));
        storage.expire(at(start, 20).unwrap());
    }
    assert_eq!((storage.total(), storage.dead_letters()), (0, vec!["a", "b"]));
    assert_eq!(storage.take_events().unwrap().dead, ["a", "b"]);
    assert!(storage.take_events().is_none());
}

#[test]
fn a_delivery_that_is_taken_back_does_not_count() {
    let mut storage = storage(Limits { max_deliveries: Some(1), ..NO_LIMITS }, &["a"]);
    let lock = take(&mut storage, None).unwrap();
    storage.put_back(lock);
    take(&mut storage, None).unwrap();
    storage.release_all();
    let lock = take(&mut storage, None).unwrap();
    assert!(storage.dead_letters().is_empty());
    storage.abandon(lock);
    assert_eq!(storage.dead_letters(), ["a"]);
}

#[test]
fn the_oldest_dead_letter_gives_way_and_none_is_kept_where_none_may_be() {
    for (max, kept, dropped) in [(2, vec!["b", "c"], vec!["a"]), (0, vec![], vec!["a", "b", "c"])] {
        let mut storage = storage(Limits { max_dead_letters: max, ..NO_LIMITS }, &["a", "b", "c"]);
        while let Some(lock) = take(&mut storage, None) {
            assert!(storage.move_to_dead_letter(lock) && !storage.move_to_dead_letter(lock));
        }
        let events = storage.take_events().unwrap();
        assert_eq!((storage.dead_letters(), events.dropped, events.dead.len()), (kept, dropped, 3));
    }
}

#[test]
fn dead_letters_take_no_room() {
    let mut storage = storage(Limits { max_messages: Some(1), ..NO_LIMITS }, &["a"]);
    let lock = take(&mut storage, None).unwrap();
    assert!(!storage.has_room());
    storage.move_to_dead_letter(lock);
    assert!(storage.has_room());
}

#[test]
fn clearing_forgets_locks_and_dead_letters_too() {
    let (start, mut storage) = (Instant::now(), storage(NO_LIMITS, &["a", "b", "c"]));
    let dead = take(&mut storage, None).unwrap();
    storage.move_to_dead_letter(dead);
    let lock = take(&mut storage, at(start, 10)).unwrap();
    drop(storage.clear());
    assert!(!storage.abandon(lock));
    assert_eq!((storage.total(), expire(&mut storage, at(start, 60))), (0, 0));
    assert!(storage.dead_letters().is_empty());
    storage.push("d");
    assert!(take(&mut storage, None).unwrap() > lock, "a number is used once");
}

#[test]
fn memory_is_given_back_when_a_backlog_has_gone() {
    let mut storage = storage(NO_LIMITS, &["a"; 100_000]);
    let locks: Vec<_> = std::iter::from_fn(|| take(&mut storage, None)).collect();
    assert!(storage.contents.ready.capacity() <= 2 * SMALL, "{}", storage.contents.ready.capacity());
    locks.into_iter().for_each(|lock| assert!(storage.complete(lock)));
    assert!(storage.contents.locks.capacity() <= 2 * SMALL, "{}", storage.contents.locks.capacity());
}

#[test]
fn a_message_that_is_held_for_long_costs_no_memory_for_those_that_pass_it() {
    let (start, mut storage) = (Instant::now(), storage(NO_LIMITS, &["held", "renewed"]));
    let held = take(&mut storage, at(start, 10)).unwrap();
    let renewed = take(&mut storage, at(start, 20)).unwrap();
    for seconds in 0..100_000 {
        storage.push("a");
        let passing = take(&mut storage, at(start, 30)).unwrap();
        assert!(storage.renew(renewed, at(start, 40 + seconds)) && storage.complete(passing));
    }
    assert!(storage.contents.locks.capacity() <= 2 * SMALL, "{}", storage.contents.locks.capacity());
    assert_eq!((storage.total(), storage.next_deadline()), (2, at(start, 10)));
    assert!(storage.complete(held) && storage.complete(renewed));
}
