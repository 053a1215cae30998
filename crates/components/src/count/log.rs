use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{IReferenceable, IReferences, IUnreferenceable},
    run::{IClosable, IOpenable},
};

use super::{CachedCounters, Counter, CounterTiming, ICounters};
use crate::log::{CompositeLogger, ILogger};

/// Counters that are written to the loggers from time to time; ports `LogCounters`.
///
/// Each counter becomes one message of level `info`, in the order of their names:
///
/// ```text
/// Counter orders.exec_time Interval last=12.5 count=2 min=7.5 max=12.5 average=10
/// Counter orders.sent_messages Increment count=5
/// ```
///
/// They are written when [`CachedCounters`] saves: at each interval while the component is open, and when it
/// closes. It counts whether it is open or not.
///
/// Configuration, in milliseconds: `options.interval` (300000) and `options.reset_timeout` (0, never).
/// References: `*:logger:*:*:*` (optional; without a logger nothing is written).
///
/// ```
/// use pip_services_components::count::{ICounters, LogCounters};
///
/// let counters = LogCounters::new();
/// counters.stats("orders.size", 10.0);
/// counters.stats("orders.size", 20.0);
/// assert_eq!(counters.get("orders.size").and_then(|counter| counter.average), Some(15.0));
/// counters.dump();
/// ```
pub struct LogCounters {
    counters: CachedCounters,
    logger: Arc<CompositeLogger>,
}
component!(
    LogCounters: dyn ICounters,
    dyn IConfigurable,
    dyn IReferenceable,
    dyn IUnreferenceable,
    dyn IOpenable,
    dyn IClosable
);

impl LogCounters {
    /// Counters without loggers.
    pub fn new() -> Self {
        let logger = Arc::new(CompositeLogger::new());
        let target = logger.clone();
        let write = move |counters: &[Counter]| {
            for counter in counters {
                target.info(None, format_args!("Counter {counter}"));
            }
        };
        Self { counters: CachedCounters::new(logger.clone(), write), logger }
    }

    /// All counters as they are now, in the order of their names.
    pub fn get_all(&self) -> Vec<Counter> {
        self.counters.get_all()
    }

    /// A counter as it is now, or `None` where nothing was measured under the name.
    pub fn get(&self, name: &str) -> Option<Counter> {
        self.counters.get(name)
    }

    /// Removes a counter, written or not.
    pub fn clear(&self, name: &str) {
        self.counters.clear(name);
    }

    /// Removes all counters, written or not.
    pub fn clear_all(&self) {
        self.counters.clear_all();
    }

    /// Writes all counters, if anything was measured since they were written.
    pub fn dump(&self) {
        self.counters.dump();
    }
}

impl Default for LogCounters {
    fn default() -> Self {
        Self::new()
    }
}

impl IConfigurable for LogCounters {
    /// Takes what [`CachedCounters`] takes.
    ///
    /// # Errors
    /// `BAD_VALUE` (Misconfiguration) for what is no whole number of milliseconds; then nothing is changed.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        self.counters.configure(config)
    }
}

impl IReferenceable for LogCounters {
    /// Replaces the loggers by those of the references; having none is no error.
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.logger.set_references(references)
    }
}

impl IUnreferenceable for LogCounters {
    fn unset_references(&self) {
        self.logger.unset_references();
    }
}

#[async_trait]
impl IClosable for LogCounters {
    /// Writes what was measured since the counters were written. It does not fail.
    async fn close(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.counters.close(correlation_id).await
    }
}

#[async_trait]
impl IOpenable for LogCounters {
    fn is_open(&self) -> bool {
        self.counters.is_open()
    }

    /// Begins to write at intervals, in a task of the tokio runtime that it is called in. It does not fail.
    async fn open(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.counters.open(correlation_id).await
    }
}

impl ICounters for LogCounters {
    fn begin_timing(&self, name: &str) -> CounterTiming {
        self.counters.begin_timing(name)
    }

    fn stats(&self, name: &str, value: f64) {
        self.counters.stats(name, value);
    }

    fn last(&self, name: &str, value: f64) {
        self.counters.last(name, value);
    }

    fn timestamp(&self, name: &str, value: DateTime<Utc>) {
        self.counters.timestamp(name, value);
    }

    fn increment(&self, name: &str, value: i64) {
        self.counters.increment(name, value);
    }
}
