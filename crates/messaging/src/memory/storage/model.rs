use std::time::Duration;

use proptest::{collection::vec, option, prelude::*};

use super::*;

impl Message for u32 {
    type Kept = Option<u32>;

    fn keep(&self, kept: &mut Option<u32>) {
        assert_eq!(kept.replace(*self), None, "what was kept before is still there");
    }

    fn restore(kept: &mut Option<u32>) -> Self {
        kept.take().unwrap()
    }

    fn forget(kept: &mut Option<u32>) -> bool {
        *kept = None;
        true
    }
}

/// What is done to a storage. A lock is chosen among those given so far, the newest first, lost ones too.
#[derive(Debug, Clone)]
enum Step {
    Push,
    Take(Lasts),
    Renew(usize, Lasts),
    Complete(usize),
    Abandon(usize),
    PutBack(usize),
    MoveToDeadLetter(usize),
    Pass(u64),
    Peek(usize),
    ReleaseAll,
    Clear,
}

/// Seconds until a lock expires.
type Lasts = Option<u64>;

fn step() -> impl Strategy<Value = Step> {
    let lasts = || option::weighted(0.9, 0u64..20);
    // Mostly one of the newest, as others have long been settled.
    let which = || prop_oneof![9 => 0usize..8, 1 => 0usize..1000];
    prop_oneof![
        30 => Just(Step::Push),
        30 => lasts().prop_map(Step::Take),
        8 => (which(), lasts()).prop_map(|(which, lasts)| Step::Renew(which, lasts)),
        12 => which().prop_map(Step::Complete),
        12 => which().prop_map(Step::Abandon),
        3 => which().prop_map(Step::PutBack),
        4 => which().prop_map(Step::MoveToDeadLetter),
        12 => (0u64..8).prop_map(Step::Pass),
        3 => (0usize..10).prop_map(Step::Peek),
        1 => Just(Step::ReleaseAll),
        1 => Just(Step::Clear),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let max_messages = prop_oneof![Just(None), (1usize..10).prop_map(Some)];
    let max_deliveries = prop_oneof![Just(None), (1usize..4).prop_map(Some)];
    (max_messages, max_deliveries, 0usize..5).prop_map(|(max_messages, max_deliveries, max_dead_letters)| {
        Limits { max_messages, max_deliveries, max_dead_letters }
    })
}

/// The rules in their plainest form: lists that are searched from end to end.
struct Model {
    limits: Limits,
    ready: Vec<Kept>,
    locked: Vec<(u64, Option<Instant>, Kept)>,
    dead: Vec<u32>,
    expired: usize,
    newly_dead: Vec<u32>,
    dropped: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Kept {
    name: u32,
    deliveries: usize,
}

impl Model {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            ready: Vec::new(),
            locked: Vec::new(),
            dead: Vec::new(),
            expired: 0,
            newly_dead: Vec::new(),
            dropped: Vec::new(),
        }
    }

    fn push(&mut self, name: u32) -> bool {
        let total = self.ready.len() + self.locked.len();
        let room = self.limits.max_messages.is_none_or(|max| total < max);
        if room {
            self.ready.push(Kept { name, deliveries: 0 });
        }
        room
    }

    fn take(&mut self, lock: u64, deadline: Option<Instant>) -> Option<u32> {
        if self.ready.is_empty() {
            return None;
        }
        let mut message = self.ready.remove(0);
        message.deliveries += 1;
        self.locked.push((lock, deadline, message));
        Some(message.name)
    }

    fn unlock(&mut self, lock: u64) -> Option<Kept> {
        let place = self.locked.iter().position(|locked| locked.0 == lock)?;
        Some(self.locked.remove(place).2)
    }

    fn renew(&mut self, lock: u64, deadline: Option<Instant>) -> bool {
        match self.locked.iter_mut().find(|locked| locked.0 == lock) {
            Some(locked) => {
                locked.1 = deadline;
                true
            }
            None => false,
        }
    }

    fn abandon(&mut self, lock: u64) -> bool {
        let Some(message) = self.unlock(lock) else { return false };
        match self.limits.max_deliveries {
            Some(max) if message.deliveries >= max => self.bury(message.name),
            _ => self.ready.push(message),
        }
        true
    }

    fn put_back(&mut self, lock: u64) -> bool {
        let Some(mut message) = self.unlock(lock) else { return false };
        message.deliveries -= 1;
        self.ready.insert(0, message);
        true
    }

    fn move_to_dead_letter(&mut self, lock: u64) -> bool {
        match self.unlock(lock) {
            Some(message) => {
                self.bury(message.name);
                true
            }
            None => false,
        }
    }

    fn bury(&mut self, name: u32) {
        self.newly_dead.push(name);
        self.dead.push(name);
        if self.dead.len() > self.limits.max_dead_letters {
            self.dropped.push(self.dead.remove(0));
        }
    }

    fn expire(&mut self, now: Instant) {
        let due = |locked: &&(u64, Option<Instant>, Kept)| locked.1.is_some_and(|deadline| deadline <= now);
        while let Some(&(lock, ..)) = self.locked.iter().filter(due).min_by_key(|locked| (locked.1, locked.0))
        {
            self.expired += 1;
            self.abandon(lock);
        }
    }

    fn release_all(&mut self) {
        self.locked.sort_by_key(|locked| locked.0);
        while let Some(&(lock, ..)) = self.locked.last() {
            self.put_back(lock);
        }
    }

    fn clear(&mut self) {
        self.ready.clear();
        self.locked.clear();
        self.dead.clear();
    }

    fn peek(&self, count: usize) -> Vec<u32> {
        self.ready.iter().take(count).map(|message| message.name).collect()
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.locked.iter().filter_map(|locked| locked.1).min()
    }
}

/// Does each step to both, and compares what they gave and what they are then.
fn walk(limits: Limits, steps: &[Step]) -> Result<(), TestCaseError> {
    let (mut storage, mut model) = (Storage::new(limits), Model::new(limits));
    let mut now = Instant::now();
    let mut locks = Vec::new();
    for (number, step) in (0u32..).zip(steps) {
        let lock = |which: usize| locks.iter().rev().nth(which).copied().unwrap_or(u64::MAX);
        let after = |lasts: Lasts| lasts.map(|seconds| now + Duration::from_secs(seconds));
        storage.expire(now);
        model.expire(now);
        match *step {
            Step::Push => {
                let room = storage.has_room();
                prop_assert_eq!(room, model.push(number));
                if room {
                    storage.push(number);
                }
            }
            Step::Take(lasts) => {
                let mut taken = None;
                let given = storage.take(after(lasts), &mut taken);
                let lock = given.unwrap_or(u64::MAX);
                prop_assert!(!locks.contains(&lock), "lock {} was given before", lock);
                prop_assert_eq!(given.is_some(), taken.is_some());
                prop_assert_eq!(taken, model.take(lock, after(lasts)));
                locks.extend(given);
            }
            Step::Renew(which, lasts) => {
                let lock = lock(which);
                prop_assert_eq!(storage.renew(lock, after(lasts)), model.renew(lock, after(lasts)));
            }
            Step::Complete(which) => {
                let lock = lock(which);
                prop_assert_eq!(storage.complete(lock), model.unlock(lock).is_some());
            }
            Step::Abandon(which) => {
                let lock = lock(which);
                prop_assert_eq!(storage.abandon(lock), model.abandon(lock));
            }
            Step::PutBack(which) => {
                let lock = lock(which);
                prop_assert_eq!(storage.put_back(lock), model.put_back(lock));
            }
            Step::MoveToDeadLetter(which) => {
                let lock = lock(which);
                prop_assert_eq!(storage.move_to_dead_letter(lock), model.move_to_dead_letter(lock));
            }
            Step::Pass(seconds) => now += Duration::from_secs(seconds),
            Step::Peek(count) => prop_assert_eq!(storage.peek(count), model.peek(count)),
            Step::ReleaseAll => {
                storage.release_all();
                model.release_all();
            }
            Step::Clear => {
                drop(storage.clear());
                model.clear();
            }
        }
        let events = storage.take_events().unwrap_or_default();
        prop_assert_eq!(
            (events.expired, events.dead, events.dropped),
            (mem::take(&mut model.expired), mem::take(&mut model.newly_dead), mem::take(&mut model.dropped))
        );
        prop_assert_eq!(storage.peek(usize::MAX), model.peek(usize::MAX));
        prop_assert_eq!(storage.count(), model.ready.len());
        prop_assert_eq!(storage.total(), model.ready.len() + model.locked.len());
        prop_assert_eq!(storage.dead_letters(), &model.dead[..]);
        prop_assert_eq!(storage.next_deadline(), model.next_deadline());
    }
    Ok(())
}

proptest! {
    // 600 walks of 200 steps on average: 120 000 steps.
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_walk_leads_to_where_the_model_says(limits in limits(), steps in vec(step(), 0..400)) {
        walk(limits, &steps)?;
    }
}
