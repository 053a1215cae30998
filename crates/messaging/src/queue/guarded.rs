use std::{
    error::Error,
    fmt::Arguments,
    panic::{AssertUnwindSafe, catch_unwind},
};

use chrono::{DateTime, Utc};
use pip_services_components::{
    count::{CounterTiming, ICounters},
    log::{ILogger, LogLevel},
};

/// A logger or counters whose panics cost the queue nothing: they are other people's code, and a message may be
/// half-way when it runs.
///
/// Nothing more is done about the panic; the panic hook of the program has told it.
pub(super) struct Guarded<T>(pub(super) T);

fn guarded<R>(instead: R, call: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or(instead)
}

impl<T: ILogger> ILogger for Guarded<T> {
    fn get_level(&self) -> LogLevel {
        guarded(LogLevel::None, || self.0.get_level())
    }

    fn set_level(&self, level: LogLevel) {
        guarded((), || self.0.set_level(level));
    }

    fn log(
        &self,
        level: LogLevel,
        correlation_id: Option<&str>,
        error: Option<&(dyn Error + 'static)>,
        message: Arguments<'_>,
    ) {
        guarded((), || self.0.log(level, correlation_id, error, message));
    }

    fn is_enabled(&self, level: LogLevel) -> bool {
        guarded(false, || self.0.is_enabled(level))
    }
}

impl<T: ICounters> ICounters for Guarded<T> {
    fn begin_timing(&self, name: &str) -> CounterTiming {
        let timing = guarded(CounterTiming::inert(), || self.0.begin_timing(name));
        CounterTiming::new(move |_| guarded((), || timing.end_timing()))
    }

    fn stats(&self, name: &str, value: f64) {
        guarded((), || self.0.stats(name, value));
    }

    fn last(&self, name: &str, value: f64) {
        guarded((), || self.0.last(name, value));
    }

    fn timestamp(&self, name: &str, value: DateTime<Utc>) {
        guarded((), || self.0.timestamp(name, value));
    }

    fn increment(&self, name: &str, value: i64) {
        guarded((), || self.0.increment(name, value));
    }
}
