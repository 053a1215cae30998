use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    run::{IClosable, IOpenable},
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    Counter, CounterTiming, CounterType, ICounters,
    cache::{Conflict, CounterCache},
};
use crate::{background::Background, log::ILogger};

/// Counters kept in memory, which a function saves from time to time; ports `CachedCounters`.
///
/// What derives from that class in other ports has a field of this one instead, as
/// [`LogCounters`](super::LogCounters) does.
///
/// All counters are saved, in the order of their names, if anything was measured since they were saved last: at
/// each interval while they are open, and once more when they close, so that the last measurements are not lost;
/// at the first measurement after the interval, open or not; and by [`CachedCounters::dump`]. Other ports have no
/// timer and save nothing on closing. Saving runs in the thread that measured, or in a task, after all locks are
/// released, and so it must be quick, and may itself count.
///
/// A name belongs to the first type that is measured under it. Measurements of another type are ignored, with
/// a warning the first time, while other ports replace the counter and lose what it measured. An empty name is
/// ignored, with a debug message.
///
/// Configuration, in milliseconds: `options.interval` (300000) between savings, 0 for saving after each
/// measurement; `options.reset_timeout` (0, never), after which all counters start again, at the next
/// measurement or reading; what was not saved is saved before. Both are taken without `options.` too. The timer
/// takes another interval from the next `open` on.
///
/// ```
/// use std::sync::{Arc, mpsc};
/// use pip_services_components::{count::{CachedCounters, ICounters}, log::NullLogger};
///
/// let (sender, saved) = mpsc::channel();
/// let counters = CachedCounters::new(Arc::new(NullLogger::new()), move |counters| {
///     let _ = sender.send(counters.to_vec());
/// });
/// counters.increment("orders.sent", 5);
/// counters.dump();
/// assert_eq!(saved.recv().map(|counters| counters[0].count), Ok(Some(5)));
/// ```
pub struct CachedCounters {
    /// Shared with timings that are under way, and the task that saves.
    shared: Arc<Shared>,
    /// Saves at each interval while the counters are open.
    task: Mutex<Option<Background>>,
}

struct Shared {
    cache: Mutex<CounterCache>,
    logger: Arc<dyn ILogger>,
    save: Box<Save>,
}

type Save = dyn Fn(&[Counter]) + Send + Sync;

impl CachedCounters {
    /// Counters that warn through `logger` and are saved by `save`, which is never given an empty list.
    pub fn new(logger: Arc<dyn ILogger>, save: impl Fn(&[Counter]) + Send + Sync + 'static) -> Self {
        Self {
            shared: Arc::new(Shared {
                cache: Mutex::new(CounterCache::new(Instant::now())),
                logger,
                save: Box::new(save),
            }),
            task: Mutex::new(None),
        }
    }

    /// All counters as they are now, in the order of their names.
    pub fn get_all(&self) -> Vec<Counter> {
        self.shared.access(|cache, _| cache.get_all())
    }

    /// A counter as it is now, or `None` where nothing was measured under the name.
    pub fn get(&self, name: &str) -> Option<Counter> {
        self.shared.access(|cache, _| cache.get(name))
    }

    /// Removes a counter, saved or not.
    pub fn clear(&self, name: &str) {
        self.shared.access(|cache, _| cache.clear(name));
    }

    /// Removes all counters, saved or not.
    pub fn clear_all(&self) {
        self.shared.access(|cache, _| cache.clear_all());
    }

    /// Saves all counters, if anything was measured since they were saved.
    pub fn dump(&self) {
        self.shared.access(CounterCache::dump);
    }

    fn task(&self) -> MutexGuard<'_, Option<Background>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IConfigurable for CachedCounters {
    /// Takes `interval` and `reset_timeout`; an absent one stays as it is.
    ///
    /// # Errors
    /// `BAD_VALUE` (Misconfiguration) for what is no whole number of milliseconds; then nothing is changed.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        let milliseconds = |key: &str| match config.try_get_as_duration_ms(&format!("options.{key}"))? {
            Some(value) => Ok(Some(value)),
            None => config.try_get_as_duration_ms(key),
        };
        let interval = milliseconds("interval")?;
        let reset_timeout = milliseconds("reset_timeout")?;
        self.shared.access(|cache, _| cache.configure(interval, reset_timeout));
        Ok(())
    }
}

#[async_trait]
impl IClosable for CachedCounters {
    /// Saves what was measured since the counters were saved. It does not fail.
    async fn close(&self, _correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let task = self.task().take();
        if let Some(task) = task {
            task.stop().await;
        }
        self.dump();
        Ok(())
    }
}

#[async_trait]
impl IOpenable for CachedCounters {
    fn is_open(&self) -> bool {
        self.task().is_some()
    }

    /// Begins to save at intervals, in a task of the tokio runtime that it is called in. It does not fail.
    async fn open(&self, _correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let mut task = self.task();
        if task.is_none() {
            let shared = self.shared.clone();
            let interval = shared.access(|cache, _| cache.interval());
            *task = Some(Background::spawn(|closed| shared.dump_until(closed, interval)));
        }
        Ok(())
    }
}

impl ICounters for CachedCounters {
    fn begin_timing(&self, name: &str) -> CounterTiming {
        let (shared, name) = (self.shared.clone(), name.to_owned());
        CounterTiming::new(move |elapsed| {
            let milliseconds = elapsed.as_secs_f64() * 1000.0;
            shared.measure(&name, CounterType::Interval, |counter| counter.take(milliseconds));
        })
    }

    fn stats(&self, name: &str, value: f64) {
        self.shared.measure(name, CounterType::Statistics, |counter| counter.take(value));
    }

    fn last(&self, name: &str, value: f64) {
        self.shared.measure(name, CounterType::LastValue, |counter| counter.last = Some(value));
    }

    fn timestamp(&self, name: &str, value: DateTime<Utc>) {
        self.shared.measure(name, CounterType::Timestamp, |counter| counter.time = Some(value));
    }

    fn increment(&self, name: &str, value: i64) {
        self.shared.measure(name, CounterType::Increment, |counter| counter.add(value));
    }
}

impl Shared {
    fn measure(&self, name: &str, counter_type: CounterType, update: impl FnOnce(&mut Counter)) {
        if name.is_empty() {
            let message = format_args!("A measurement of type {counter_type} without a name is ignored");
            return self.logger.debug(None, message);
        }
        let measured = self.access(|cache, now| cache.measure(name, counter_type, update, now));
        if let Err(Conflict(existing)) = measured {
            let message = format_args!(
                "Counter {name} is of type {existing}; its measurements of type {counter_type} are ignored"
            );
            self.logger.warn(None, message);
        }
    }

    async fn dump_until(self: Arc<Self>, closed: CancellationToken, interval: Duration) {
        if interval.is_zero() {
            // Each measurement saves.
            return closed.cancelled().await;
        }
        while timeout(interval, closed.cancelled()).await.is_err() {
            // A panic of who saves was told by its hook, and must not be the end of saving.
            let _ = catch_unwind(AssertUnwindSafe(|| self.access(CounterCache::dump)));
        }
    }

    /// Gives access to the counters, and saves what is due once they are unlocked.
    fn access<T>(&self, act: impl FnOnce(&mut CounterCache, Instant) -> T) -> T {
        let (result, unsaved) = {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            cache.reset_if_due(now);
            (act(&mut cache, now), cache.take_unsaved())
        };
        if !unsaved.is_empty() {
            (self.save)(&unsaved);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::NullLogger;

    #[test]
    fn a_time_is_recorded_in_milliseconds() {
        let counters = CachedCounters::new(Arc::new(NullLogger::new()), |_| {});
        counters.begin_timing("c").record(Duration::from_micros(1_500));
        assert_eq!(counters.get("c").and_then(|counter| counter.last), Some(1.5));
    }
}
