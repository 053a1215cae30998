use chrono::{DateTime, Utc};

use super::CounterTiming;

/// Performance counters; ports `ICounters`.
///
/// Measuring never fails and never blocks the caller for long. An empty name is ignored.
pub trait ICounters: Send + Sync {
    /// Starts measuring a time in milliseconds, which [`CounterTiming::end_timing`] records.
    fn begin_timing(&self, name: &str) -> CounterTiming;

    /// Takes a value into the minimum, maximum and average of a counter.
    fn stats(&self, name: &str, value: f64);

    /// Records the last value of a counter.
    fn last(&self, name: &str, value: f64);

    /// Records that something happened now.
    fn timestamp_now(&self, name: &str) {
        self.timestamp(name, Utc::now());
    }

    /// Records when something happened.
    fn timestamp(&self, name: &str, value: DateTime<Utc>);

    /// Adds one to a counter.
    fn increment_one(&self, name: &str) {
        self.increment(name, 1);
    }

    /// Adds to a counter.
    fn increment(&self, name: &str, value: i64);
}
