use std::{
    collections::BTreeMap,
    mem,
    time::{Duration, Instant},
};

use super::{Counter, CounterType};

/// How often counters are saved, unless configured.
const INTERVAL: Duration = Duration::from_secs(300);

/// Counters by name, and when to save and to reset them. The time is told to it, so that tests need not wait.
pub(super) struct CounterCache {
    entries: BTreeMap<String, Entry>,
    interval: Duration,
    /// Zero is never.
    reset_timeout: Duration,
    saved: Instant,
    reset: Instant,
    /// Whether anything was measured since the counters were saved.
    changed: bool,
    /// What is to be saved once the cache is no longer locked.
    unsaved: Vec<Counter>,
}

struct Entry {
    counter: Counter,
    /// Whether it was told that this counter was used as one of another type.
    conflict_told: bool,
}

/// A measurement that was not taken, for the first time: the name belongs to a counter of this type.
#[derive(Debug, PartialEq)]
pub(super) struct Conflict(pub(super) CounterType);

impl CounterCache {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            entries: BTreeMap::new(),
            interval: INTERVAL,
            reset_timeout: Duration::ZERO,
            saved: now,
            reset: now,
            changed: false,
            unsaved: Vec::new(),
        }
    }

    pub(super) fn configure(&mut self, interval: Option<Duration>, reset_timeout: Option<Duration>) {
        self.interval = interval.unwrap_or(self.interval);
        self.reset_timeout = reset_timeout.unwrap_or(self.reset_timeout);
    }

    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// Updates a counter, and puts all aside for saving when the interval has passed.
    pub(super) fn measure(
        &mut self,
        name: &str,
        counter_type: CounterType,
        update: impl FnOnce(&mut Counter),
        now: Instant,
    ) -> Result<(), Conflict> {
        match self.entries.get_mut(name) {
            Some(entry) if entry.counter.counter_type != counter_type => {
                return match mem::replace(&mut entry.conflict_told, true) {
                    true => Ok(()),
                    false => Err(Conflict(entry.counter.counter_type)),
                };
            }
            Some(entry) => update(&mut entry.counter),
            None => {
                let mut counter = Counter::new(name, counter_type);
                update(&mut counter);
                let entry = Entry { counter, conflict_told: false };
                self.entries.insert(name.to_owned(), entry);
            }
        }
        self.changed = true;
        if now.duration_since(self.saved) >= self.interval {
            self.dump(now);
        }
        Ok(())
    }

    /// All counters in the order of their names.
    pub(super) fn get_all(&self) -> Vec<Counter> {
        self.entries.values().map(|entry| entry.counter.clone()).collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<Counter> {
        self.entries.get(name).map(|entry| entry.counter.clone())
    }

    pub(super) fn clear(&mut self, name: &str) {
        self.entries.remove(name);
    }

    pub(super) fn clear_all(&mut self) {
        self.entries.clear();
        self.changed = false;
    }

    /// Puts all counters aside for saving, if any has changed since they were saved.
    pub(super) fn dump(&mut self, now: Instant) {
        if mem::take(&mut self.changed) {
            self.saved = now;
            let counters = self.get_all();
            self.unsaved.extend(counters);
        }
    }

    /// Removes all counters when it is time to, after putting aside what was not saved yet.
    pub(super) fn reset_if_due(&mut self, now: Instant) {
        if !self.reset_timeout.is_zero() && now.duration_since(self.reset) >= self.reset_timeout {
            self.dump(now);
            self.clear_all();
            self.reset = now;
        }
    }

    /// What was put aside, which the caller must save.
    pub(super) fn take_unsaved(&mut self) -> Vec<Counter> {
        mem::take(&mut self.unsaved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn cache(interval: u64, reset_timeout: u64) -> (CounterCache, Instant) {
        let start = Instant::now();
        let mut cache = CounterCache::new(start);
        cache.configure(Some(Duration::from_secs(interval)), Some(Duration::from_secs(reset_timeout)));
        (cache, start)
    }

    fn increment(cache: &mut CounterCache, name: &str, now: Instant) {
        cache.reset_if_due(now);
        cache.measure(name, CounterType::Increment, |counter| counter.add(1), now).unwrap();
    }

    fn unsaved(cache: &mut CounterCache) -> Vec<String> {
        cache.take_unsaved().iter().map(Counter::to_string).collect()
    }

    #[test]
    fn all_counters_are_saved_by_name_at_the_first_update_after_the_interval() {
        let (mut cache, start) = cache(10, 0);
        increment(&mut cache, "b", start);
        increment(&mut cache, "a", start + 9 * SECOND);
        assert!(unsaved(&mut cache).is_empty());
        increment(&mut cache, "b", start + 10 * SECOND);
        assert_eq!(unsaved(&mut cache), ["a Increment count=1", "b Increment count=2"]);
        increment(&mut cache, "b", start + 19 * SECOND);
        assert!(unsaved(&mut cache).is_empty());
        increment(&mut cache, "b", start + 20 * SECOND);
        assert_eq!(unsaved(&mut cache), ["a Increment count=1", "b Increment count=4"]);
    }

    #[test]
    fn a_dump_without_changes_saves_nothing() {
        let (mut cache, start) = cache(10, 0);
        cache.dump(start);
        assert!(unsaved(&mut cache).is_empty());
        increment(&mut cache, "a", start);
        cache.dump(start);
        assert_eq!(unsaved(&mut cache).len(), 1);
        cache.dump(start + 60 * SECOND);
        assert!(unsaved(&mut cache).is_empty());
    }

    #[test]
    fn a_reset_saves_what_was_not_saved_and_starts_again_each_time() {
        let (mut cache, start) = cache(300, 10);
        increment(&mut cache, "a", start);
        increment(&mut cache, "a", start + 9 * SECOND);
        increment(&mut cache, "a", start + 10 * SECOND);
        assert_eq!(unsaved(&mut cache), ["a Increment count=2"]);
        assert_eq!(cache.get("a").unwrap().count, Some(1));
        increment(&mut cache, "a", start + 19 * SECOND);
        assert_eq!(cache.get("a").unwrap().count, Some(2));
        cache.reset_if_due(start + 20 * SECOND);
        assert_eq!(cache.get("a"), None);
    }

    #[test]
    fn without_a_reset_timeout_counters_stay() {
        let (mut cache, start) = cache(300, 0);
        increment(&mut cache, "a", start);
        cache.reset_if_due(start + 1_000_000 * SECOND);
        assert_eq!(cache.get("a").unwrap().count, Some(1));
    }

    #[test]
    fn a_measurement_of_another_type_changes_nothing_and_is_told_once() {
        let (mut cache, start) = cache(300, 0);
        increment(&mut cache, "a", start);
        cache.dump(start);
        cache.take_unsaved();
        let mut stats = || cache.measure("a", CounterType::Statistics, |counter| counter.take(5.0), start);
        assert_eq!(stats(), Err(Conflict(CounterType::Increment)));
        assert_eq!(stats(), Ok(()));
        assert_eq!(cache.get("a").unwrap().to_string(), "a Increment count=1");
        cache.dump(start);
        assert!(unsaved(&mut cache).is_empty());
    }

    #[test]
    fn cleared_counters_are_gone_and_a_cleared_name_can_take_another_type() {
        let (mut cache, start) = cache(300, 0);
        increment(&mut cache, "a", start);
        increment(&mut cache, "b", start);
        cache.clear("a");
        assert_eq!(cache.get_all().len(), 1);
        cache.measure("a", CounterType::LastValue, |counter| counter.last = Some(1.0), start).unwrap();
        assert_eq!(cache.get("a").unwrap().counter_type, CounterType::LastValue);
        cache.clear_all();
        cache.dump(start);
        assert!(cache.get_all().is_empty() && unsaved(&mut cache).is_empty());
    }
}
