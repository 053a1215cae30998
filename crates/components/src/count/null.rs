use chrono::{DateTime, Utc};
use pip_services_commons::component;

use super::{CounterTiming, ICounters};

/// Counters that measure nothing; ports `NullCounters`.
#[derive(Debug, Clone, Copy, Default)]
pub struct NullCounters;
component!(NullCounters: dyn ICounters);

impl NullCounters {
    /// Counters that measure nothing.
    pub fn new() -> Self {
        Self
    }
}

impl ICounters for NullCounters {
    fn begin_timing(&self, _name: &str) -> CounterTiming {
        CounterTiming::inert()
    }

    fn stats(&self, _name: &str, _value: f64) {}

    fn last(&self, _name: &str, _value: f64) {}

    fn timestamp(&self, _name: &str, _value: DateTime<Utc>) {}

    fn increment(&self, _name: &str, _value: i64) {}
}
