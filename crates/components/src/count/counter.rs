use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

/// What a counter measures; ports `CounterType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CounterType {
    /// Times in milliseconds: last, count, minimum, maximum and average.
    Interval = 0,
    /// The last value.
    LastValue = 1,
    /// Values: last, count, minimum, maximum and average.
    Statistics = 2,
    /// When something happened last.
    Timestamp = 3,
    /// A sum.
    Increment = 4,
}

impl fmt::Display for CounterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interval => "Interval",
            Self::LastValue => "LastValue",
            Self::Statistics => "Statistics",
            Self::Timestamp => "Timestamp",
            Self::Increment => "Increment",
        })
    }
}

/// What was measured under a name; ports `Counter`.
///
/// Only what the type measures is there. `{}` prints the name, the type and the fields that are there:
///
/// ```
/// use pip_services_components::count::{Counter, CounterType};
///
/// let mut counter = Counter::new("orders.sent", CounterType::Increment);
/// counter.count = Some(5);
/// assert_eq!(counter.to_string(), "orders.sent Increment count=5");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Counter {
    /// The name.
    pub name: String,
    /// What the counter measures.
    pub counter_type: CounterType,
    /// The last value; of an interval, in milliseconds.
    pub last: Option<f64>,
    /// How many values were taken; of an increment, the sum.
    pub count: Option<i64>,
    /// The smallest value.
    pub min: Option<f64>,
    /// The largest value.
    pub max: Option<f64>,
    /// The average of all values.
    pub average: Option<f64>,
    /// When it happened last.
    pub time: Option<DateTime<Utc>>,
}

impl Counter {
    /// A counter that has measured nothing.
    pub fn new(name: impl Into<String>, counter_type: CounterType) -> Self {
        Self {
            name: name.into(),
            counter_type,
            last: None,
            count: None,
            min: None,
            max: None,
            average: None,
            time: None,
        }
    }

    /// Adds to the sum, which stops at the ends of its range.
    pub(super) fn add(&mut self, value: i64) {
        self.count = Some(self.count.unwrap_or(0).saturating_add(value));
    }

    /// Takes a value into last, count, minimum, maximum and average.
    pub(super) fn take(&mut self, value: f64) {
        self.add(1);
        let average = self.average.unwrap_or(0.0);
        self.last = Some(value);
        self.min = Some(self.min.map_or(value, |min| min.min(value)));
        self.max = Some(self.max.map_or(value, |max| max.max(value)));
        self.average = Some(average + (value - average) / self.count.unwrap_or(1) as f64);
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, counter_type, last, count, min, max, average, time } = self;
        write!(f, "{name} {counter_type}")?;
        let mut field = |name, value: Option<&dyn fmt::Display>| match value {
            Some(value) => write!(f, " {name}={value}"),
            None => Ok(()),
        };
        let time = time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true));
        field("last", last.as_ref().map(|last| last as _))?;
        field("count", count.as_ref().map(|count| count as _))?;
        field("min", min.as_ref().map(|min| min as _))?;
        field("max", max.as_ref().map(|max| max as _))?;
        field("average", average.as_ref().map(|average| average as _))?;
        field("time", time.as_ref().map(|time| time as _))
    }
}
