use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use prometheus_client::{
    collector::Collector, encoding::DescriptorEncoder, metrics::MetricType, registry::Unit,
};

use super::{
    metric::{Measurement, Metric, Refusal},
    name::{Labels, Name},
};
use crate::count::CounterType;

/// All metrics, by the names of their counters and as Prometheus sees them.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    counters: HashMap<String, Entry>,
    families: Families,
}

/// A counter. Several can share a metric, where their names differ only in what Prometheus does not allow.
#[derive(Debug)]
struct Entry {
    metric: Result<Arc<Metric>, Refusal>,
    /// Whether it was told that measurements are not taken.
    told: AtomicBool,
}

#[derive(Debug, Default)]
struct Families {
    series: BTreeMap<Family, BTreeMap<Labels, Arc<Metric>>>,
    /// Whose each name is that Prometheus sees. One that occurs twice would make it refuse all of them.
    taken: HashMap<String, Family>,
}

/// The series of one name and type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Family {
    name: String,
    counter_type: CounterType,
}

impl Metrics {
    /// Takes a measurement. What is not taken is told the first time for each counter.
    pub(super) fn measure(&self, counter: &str, measurement: Measurement) -> Result<(), Refusal> {
        if let Some(entry) = self.read().counters.get(counter) {
            return entry.take(measurement);
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let State { counters, families } = &mut *state;
        let entry = counters.entry(counter.to_owned()).or_insert_with(|| Entry {
            metric: families.metric(counter, measurement.counter_type()),
            told: AtomicBool::new(false),
        });
        entry.take(measurement)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn take(&self, measurement: Measurement) -> Result<(), Refusal> {
        let taken = self.metric.as_ref().map_err(Clone::clone).and_then(|metric| metric.take(measurement));
        taken.or_else(|refusal| match self.told.swap(true, Ordering::Relaxed) {
            true => Ok(()),
            false => Err(refusal),
        })
    }
}

impl Families {
    fn metric(&mut self, counter: &str, counter_type: CounterType) -> Result<Arc<Metric>, Refusal> {
        let Name { family, labels } = Name::new(counter, counter_type);
        let family = Family { name: family, counter_type };
        let names = family.names();
        if let Some(name) = names.iter().find(|&name| self.taken.get(name).is_some_and(|of| *of != family)) {
            return Err(Refusal::Taken(name.clone()));
        }
        self.taken.extend(names.into_iter().map(|name| (name, family.clone())));
        let series = self.series.entry(family).or_default();
        Ok(series.entry(labels).or_insert_with(|| Arc::new(Metric::new(counter_type))).clone())
    }
}

impl Family {
    /// The names that Prometheus sees.
    fn names(&self) -> Vec<String> {
        let suffixes: &[&str] = match self.counter_type {
            CounterType::Interval => &["_seconds", "_seconds_sum", "_seconds_count", "_seconds_bucket"],
            CounterType::LastValue => &[""],
            CounterType::Statistics => &["_min", "_max", "_average", "_count"],
            CounterType::Timestamp => &["_seconds"],
            CounterType::Increment => &["", "_total"],
        };
        suffixes.iter().map(|suffix| format!("{}{suffix}", self.name)).collect()
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (Family { name, counter_type }, series) in &self.read().families.series {
            let metric_type = match counter_type {
                CounterType::Interval => MetricType::Histogram,
                CounterType::Increment => MetricType::Counter,
                CounterType::LastValue | CounterType::Statistics | CounterType::Timestamp => {
                    MetricType::Gauge
                }
            };
            let unit = match counter_type {
                CounterType::Interval | CounterType::Timestamp => Some(Unit::Seconds),
                CounterType::LastValue | CounterType::Statistics | CounterType::Increment => None,
            };
            for (part, help) in parts(*counter_type) {
                let name = format!("{name}{part}");
                let mut family = encoder.encode_descriptor(&name, help, unit.as_ref(), metric_type)?;
                for (labels, metric) in series {
                    metric.encode(part, family.encode_family(labels)?)?;
                }
            }
        }
        Ok(())
    }
}

/// The metrics that a counter becomes, by what is added to its name, and what they tell.
fn parts(counter_type: CounterType) -> &'static [(&'static str, &'static str)] {
    match counter_type {
        CounterType::Interval => &[("", "Times taken")],
        CounterType::LastValue => &[("", "Last value")],
        CounterType::Statistics => &[
            ("_min", "Smallest value"),
            ("_max", "Largest value"),
            ("_average", "Average of the values"),
            ("_count", "Number of values"),
        ],
        CounterType::Timestamp => &[("", "When it happened last")],
        CounterType::Increment => &[("", "Sum")],
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::DateTime;
    use prometheus_client::{encoding::text, registry::Registry};

    use super::*;

    fn shown(metrics: &Arc<Metrics>) -> Vec<String> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(metrics.clone()));
        let mut shown = String::new();
        text::encode(&mut shown, &registry).unwrap();
        shown.lines().filter(|line| !line.starts_with("# HELP")).map(str::to_owned).collect()
    }

    fn measured(measurements: &[(&str, Measurement)]) -> Arc<Metrics> {
        let metrics = Arc::new(Metrics::default());
        for (counter, measurement) in measurements {
            metrics.measure(counter, *measurement).unwrap();
        }
        metrics
    }

    #[test]
    fn each_type_becomes_metrics_of_its_own() {
        let time = DateTime::parse_from_rfc3339("2026-01-31T12:00:00.5Z").unwrap().to_utc();
        let metrics = measured(&[
            ("queue.orders.sent_messages", Measurement::Add(5)),
            ("queue.orders.sent_messages", Measurement::Add(2)),
            ("queue.receipts.sent_messages", Measurement::Add(0)),
            ("order.length", Measurement::Last(1.5)),
            ("order.last", Measurement::Moment(time)),
            ("order.size", Measurement::Value(1.0)),
            ("order.size", Measurement::Value(4.0)),
        ]);
        assert_eq!(
            shown(&metrics),
            [
                "# TYPE order_last_timestamp_seconds gauge",
                "# UNIT order_last_timestamp_seconds seconds",
                "order_last_timestamp_seconds{} 1769860800.5",
                "# TYPE order_length gauge",
                "order_length{} 1.5",
                "# TYPE order_size_min gauge",
                "order_size_min{} 1.0",
                "# TYPE order_size_max gauge",
                "order_size_max{} 4.0",
                "# TYPE order_size_average gauge",
                "order_size_average{} 2.5",
                "# TYPE order_size_count gauge",
                "order_size_count{} 2.0",
                "# TYPE queue_sent_messages counter",
                r#"queue_sent_messages_total{queue="orders"} 7"#,
                r#"queue_sent_messages_total{queue="receipts"} 0"#,
                "# EOF",
            ]
        );
    }

    #[test]
    fn times_become_a_histogram_in_seconds() {
        let metrics = measured(&[
            ("orders.create.exec_time", Measurement::Time(Duration::from_millis(20))),
            ("orders.create.exec_time", Measurement::Time(Duration::from_secs(20))),
        ]);
        let shown = shown(&metrics);
        let labels = r#"service="orders",command="create""#;
        assert_eq!(shown[0], "# TYPE exec_time_seconds histogram");
        for expected in [
            format!("exec_time_seconds_sum{{{labels}}} 20.02"),
            format!("exec_time_seconds_count{{{labels}}} 2"),
            format!(r#"exec_time_seconds_bucket{{le="0.01",{labels}}} 0"#),
            format!(r#"exec_time_seconds_bucket{{le="0.025",{labels}}} 1"#),
            format!(r#"exec_time_seconds_bucket{{le="10.0",{labels}}} 1"#),
            format!(r#"exec_time_seconds_bucket{{le="+Inf",{labels}}} 2"#),
        ] {
            assert!(shown.contains(&expected), "{expected} in {shown:#?}");
        }
    }

    #[test]
    fn counters_whose_names_become_the_same_share_a_metric() {
        let metrics = measured(&[("a.b", Measurement::Add(1)), ("A_b", Measurement::Add(2))]);
        assert_eq!(shown(&metrics), ["# TYPE a_b counter", "a_b_total{} 3", "# EOF"]);
    }

    #[test]
    fn no_name_occurs_twice_whatever_the_counters_are_called() {
        let metrics = measured(&[
            ("a", Measurement::Value(1.0)),
            ("b", Measurement::Add(1)),
            ("c", Measurement::Time(Duration::ZERO)),
        ]);
        let taken = |name: &str| Err(Refusal::Taken(name.into()));
        assert_eq!(metrics.measure("a.count", Measurement::Add(1)), taken("a_count"));
        assert_eq!(metrics.measure("a.count", Measurement::Add(1)), Ok(()), "it was told");
        assert_eq!(metrics.measure("b.total", Measurement::Last(1.0)), taken("b_total"));
        assert_eq!(metrics.measure("B", Measurement::Last(1.0)), taken("b"));
        assert_eq!(metrics.measure("c.seconds.bucket", Measurement::Last(1.0)), taken("c_seconds_bucket"));
        let shown = shown(&metrics);
        assert_eq!(shown.iter().filter(|line| line.starts_with("# TYPE")).count(), 6, "{shown:#?}");
    }

    #[test]
    fn what_is_not_taken_changes_nothing_and_is_told_once() {
        let metrics = measured(&[("a", Measurement::Add(1))]);
        let refused = Err(Refusal::Type(CounterType::Increment));
        assert_eq!(metrics.measure("a", Measurement::Last(5.0)), refused);
        assert_eq!(metrics.measure("a", Measurement::Add(-1)), Ok(()), "it was told");
        assert_eq!(metrics.measure("b", Measurement::Add(-1)), Err(Refusal::Negative));
        assert_eq!(metrics.measure("a", Measurement::Add(1)), Ok(()));
        assert!(shown(&metrics).contains(&"a_total{} 2".to_owned()));
    }

    #[test]
    fn a_label_can_hold_anything() {
        let metrics = measured(&[("queue.a\"\n\\.sent", Measurement::Add(1))]);
        assert!(shown(&metrics).contains(&r#"queue_sent_total{queue="a\"\n\\"} 1"#.to_owned()));
    }
}
