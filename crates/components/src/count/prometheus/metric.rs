use std::{
    fmt,
    sync::{Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use chrono::{DateTime, Utc};
use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder},
    metrics::{
        counter::Counter as Sum,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
    },
};

use crate::count::{Counter, CounterType};

/// Upper bounds in seconds, the defaults of the Prometheus clients.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What one series holds.
#[derive(Debug)]
pub(super) enum Metric {
    Time(Histogram),
    Last(Gauge<f64, AtomicU64>),
    Values(Mutex<Counter>),
    Moment(Gauge<f64, AtomicU64>),
    Sum(Sum),
}

/// What a counter is given.
#[derive(Clone, Copy)]
pub(super) enum Measurement {
    Time(Duration),
    Last(f64),
    Value(f64),
    Moment(DateTime<Utc>),
    Add(i64),
}

/// Why a measurement is not taken.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Refusal {
    /// The counter is of another type.
    Type(CounterType),
    /// A metric of this name belongs to counters of another name or type.
    Taken(String),
    Negative,
}

impl Measurement {
    pub(super) fn counter_type(self) -> CounterType {
        match self {
            Self::Time(_) => CounterType::Interval,
            Self::Last(_) => CounterType::LastValue,
            Self::Value(_) => CounterType::Statistics,
            Self::Moment(_) => CounterType::Timestamp,
            Self::Add(_) => CounterType::Increment,
        }
    }
}

impl Metric {
    pub(super) fn new(counter_type: CounterType) -> Self {
        match counter_type {
            CounterType::Interval => Self::Time(Histogram::new(BUCKETS)),
            CounterType::LastValue => Self::Last(Gauge::default()),
            CounterType::Statistics => Self::Values(Mutex::new(Counter::new("", counter_type))),
            CounterType::Timestamp => Self::Moment(Gauge::default()),
            CounterType::Increment => Self::Sum(Sum::default()),
        }
    }

    fn counter_type(&self) -> CounterType {
        match self {
            Self::Time(_) => CounterType::Interval,
            Self::Last(_) => CounterType::LastValue,
            Self::Values(_) => CounterType::Statistics,
            Self::Moment(_) => CounterType::Timestamp,
            Self::Sum(_) => CounterType::Increment,
        }
    }

    pub(super) fn take(&self, measurement: Measurement) -> Result<(), Refusal> {
        match (self, measurement) {
            (Self::Time(histogram), Measurement::Time(elapsed)) => histogram.observe(elapsed.as_secs_f64()),
            (Self::Last(gauge), Measurement::Last(value)) => {
                gauge.set(value);
            }
            (Self::Values(values), Measurement::Value(value)) => {
                values.lock().unwrap_or_else(PoisonError::into_inner).take(value);
            }
            (Self::Moment(gauge), Measurement::Moment(time)) => {
                gauge.set(time.timestamp_millis() as f64 / 1000.0);
            }
            (Self::Sum(sum), Measurement::Add(value)) => {
                sum.inc_by(u64::try_from(value).map_err(|_| Refusal::Negative)?);
            }
            _ => return Err(Refusal::Type(self.counter_type())),
        }
        Ok(())
    }

    /// Shows the metric, or one part of it where it has several.
    pub(super) fn encode(&self, part: &str, encoder: MetricEncoder<'_>) -> fmt::Result {
        match self {
            Self::Time(histogram) => histogram.encode(encoder),
            Self::Last(gauge) | Self::Moment(gauge) => gauge.encode(encoder),
            Self::Sum(sum) => sum.encode(encoder),
            Self::Values(values) => {
                let values = values.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let value = match part {
                    "_min" => values.min,
                    "_max" => values.max,
                    "_average" => values.average,
                    _ => values.count.map(|count| count as f64),
                };
                ConstGauge::new(value.unwrap_or_default()).encode(encoder)
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(existing) => write!(f, "the counter is of type {existing}"),
            Self::Taken(metric) => write!(f, "the metric {metric} belongs to another counter"),
            Self::Negative => f.write_str("a sum never gets smaller in Prometheus"),
        }
    }
}
