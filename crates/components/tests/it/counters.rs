use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
};

use chrono::{DateTime, Utc};
use pip_services_commons::{
    config::IConfigurable,
    refer::{Component, IReferenceable, IUnreferenceable},
    run::{IClosable, IOpenable},
};
use pip_services_components::{
    count::{
        CachedCounters, CompositeCounters, Counter, CounterTiming, CounterType, ICounters, LogCounters,
        NullCounters,
    },
    log::{LogLevel, NullLogger},
};

use crate::support::{Recorder, Tuples, config, references};

type Saved = Arc<Mutex<Vec<String>>>;

fn cached() -> (CachedCounters, Saved) {
    let saved = Saved::default();
    let target = saved.clone();
    let counters = CachedCounters::new(Arc::new(NullLogger::new()), move |counters| {
        target.lock().unwrap().extend(counters.iter().map(Counter::to_string));
    });
    (counters, saved)
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn each_type_has_a_number_and_a_word() {
    for (counter_type, number, word) in [
        (CounterType::Interval, 0, "Interval"),
        (CounterType::LastValue, 1, "LastValue"),
        (CounterType::Statistics, 2, "Statistics"),
        (CounterType::Timestamp, 3, "Timestamp"),
        (CounterType::Increment, 4, "Increment"),
    ] {
        assert_eq!((counter_type as u8, counter_type.to_string()), (number, word.to_owned()));
    }
}

#[test]
fn a_measurement_updates_what_its_type_has_and_nothing_else() {
    type Measure = fn(&dyn ICounters);
    let rows: [(&str, Measure, &str); 9] = [
        ("last", |counters| counters.last("c", 1.5), "c LastValue last=1.5"),
        (
            "last, again",
            |counters| {
                counters.last("c", 1.5);
                counters.last("c", -2.0);
            },
            "c LastValue last=-2",
        ),
        ("stats", |counters| counters.stats("c", 2.0), "c Statistics last=2 count=1 min=2 max=2 average=2"),
        (
            "stats, of several",
            |counters| [2.0, 8.0, 5.0, -1.0].iter().for_each(|value| counters.stats("c", *value)),
            "c Statistics last=-1 count=4 min=-1 max=8 average=3.5",
        ),
        (
            "timestamp, the last one told",
            |counters| {
                counters.timestamp("c", time("2026-01-31T12:00:00.5Z"));
                counters.timestamp("c", time("2026-01-31T11:00:00Z"));
            },
            "c Timestamp time=2026-01-31T11:00:00.000Z",
        ),
        ("increment_one", |counters| counters.increment_one("c"), "c Increment count=1"),
        (
            "increment",
            |counters| {
                counters.increment("c", 5);
                counters.increment("c", -7);
            },
            "c Increment count=-2",
        ),
        (
            "increment, over the end of the range",
            |counters| {
                counters.increment("c", i64::MAX);
                counters.increment_one("c");
            },
            "c Increment count=9223372036854775807",
        ),
        (
            "increment, under the end of the range",
            |counters| {
                counters.increment("c", i64::MIN);
                counters.increment("c", -1);
            },
            "c Increment count=-9223372036854775808",
        ),
    ];
    for (what, measure, expected) in rows {
        let (counters, _) = cached();
        measure(&counters);
        assert_eq!(counters.get("c").unwrap().to_string(), expected, "{what}");
    }
}

#[test]
fn now_is_the_time_of_a_timestamp_without_one() {
    let (counters, _) = cached();
    let before = Utc::now();
    counters.timestamp_now("c");
    let measured = counters.get("c").unwrap().time.unwrap();
    assert!(before <= measured && measured <= Utc::now());
}

#[test]
fn a_timing_is_an_interval_with_all_that_statistics_have() {
    let (counters, _) = cached();
    counters.begin_timing("c").end_timing();
    counters.begin_timing("c").end_timing();
    let Counter { counter_type, last, count, min, max, average, time, .. } = counters.get("c").unwrap();
    assert_eq!((counter_type, count, time), (CounterType::Interval, Some(2), None));
    assert!(min >= Some(0.0) && min <= average && average <= max);
    assert!(last == min || last == max);
}

#[test]
fn a_timing_records_once_when_it_is_ended_and_not_when_it_is_dropped() {
    let (sender, recorded) = mpsc::channel();
    let timing = || {
        let sender = sender.clone();
        CounterTiming::new(move |elapsed| sender.send(elapsed).unwrap())
    };
    drop(timing());
    assert!(recorded.try_recv().is_err());
    timing().end_timing();
    assert!(recorded.try_recv().is_ok() && recorded.try_recv().is_err());
    CounterTiming::inert().end_timing();
}

#[test]
fn the_interval_is_taken_from_the_options_or_else_from_the_top() {
    let rows: [(&str, Tuples, bool); 7] = [
        ("five minutes by default", &[], false),
        ("at the top", &[("interval", "0")], true),
        ("in the options", &[("options.interval", "0")], true),
        ("options win with 0", &[("interval", "300000"), ("options.interval", "0")], true),
        ("options win over 0", &[("interval", "0"), ("options.interval", "300000")], false),
        ("blank options do not", &[("interval", "0"), ("options.interval", " ")], true),
        ("of another section", &[("other.interval", "0")], false),
    ];
    for (what, tuples, saved_at_once) in rows {
        let (counters, saved) = cached();
        counters.configure(&config(tuples)).unwrap();
        counters.increment_one("c");
        assert_eq!(!saved.lock().unwrap().is_empty(), saved_at_once, "{what}");
        counters.dump();
        assert_eq!(*saved.lock().unwrap(), ["c Increment count=1"], "{what}");
    }
}

#[test]
fn a_wrong_time_is_an_error_that_names_key_and_value_and_changes_nothing() {
    for key in ["interval", "options.interval", "reset_timeout", "options.reset_timeout"] {
        for (what, value) in
            [("a word", "soon"), ("a negative one", "-1"), ("with a unit", "10s"), ("a fraction", "10.5")]
        {
            let (counters, saved) = cached();
            let tuples = [("interval", "0"), ("reset_timeout", "0"), (key, value)];
            let error = counters.configure(&config(&tuples)).unwrap_err();
            assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some(key)), "{what}");
            let expected =
                format!("{key} is '{value}'; it must be a whole number of milliseconds, 0 or more");
            assert_eq!(error.message(), expected);
            counters.increment_one("c");
            assert!(saved.lock().unwrap().is_empty(), "{key}: {what}");
        }
    }
}

#[test]
fn what_cannot_be_measured_is_ignored_and_told() {
    type Measure = fn(&dyn ICounters);
    let rows: [(&str, Measure, &[&str], &[&str]); 4] = [
        (
            "an empty name",
            |counters| counters.begin_timing("").end_timing(),
            &[],
            &["--- DEBUG A measurement of type Interval without a name is ignored"],
        ),
        (
            "an empty name, again",
            |counters| {
                counters.last("", 1.0);
                counters.increment_one("");
            },
            &[],
            &[
                "--- DEBUG A measurement of type LastValue without a name is ignored",
                "--- DEBUG A measurement of type Increment without a name is ignored",
            ],
        ),
        (
            "another type under a name, told once",
            |counters| {
                counters.increment_one("c");
                counters.stats("c", 5.0);
                counters.last("c", 5.0);
                counters.increment_one("c");
            },
            &["c Increment count=2"],
            &["--- WARN Counter c is of type Increment; its measurements of type Statistics are ignored"],
        ),
        (
            "another type under two names",
            |counters| {
                counters.increment_one("a");
                counters.increment_one("b");
                counters.last("a", 5.0);
                counters.last("b", 5.0);
            },
            &["a Increment count=1", "b Increment count=1"],
            &[
                "--- WARN Counter a is of type Increment; its measurements of type LastValue are ignored",
                "--- WARN Counter b is of type Increment; its measurements of type LastValue are ignored",
            ],
        ),
    ];
    for (what, measure, expected, lines) in rows {
        let logger = Recorder::new(LogLevel::Debug);
        let counters = CachedCounters::new(logger.clone(), |_| {});
        measure(&counters);
        let measured: Vec<_> = counters.get_all().iter().map(Counter::to_string).collect();
        assert_eq!(measured, expected, "{what}");
        assert_eq!(logger.lines(), lines, "{what}");
    }
}

#[test]
fn counters_are_found_by_name_and_saved_by_name_until_they_are_cleared() {
    let (counters, saved) = cached();
    counters.dump();
    assert!(saved.lock().unwrap().is_empty(), "there is nothing to save");
    counters.increment_one("b");
    counters.increment_one("a");
    assert_eq!(counters.get("missing"), None);
    let names: Vec<_> = counters.get_all().into_iter().map(|counter| counter.name).collect();
    assert_eq!(names, ["a", "b"]);

    counters.dump();
    counters.dump();
    assert_eq!(*saved.lock().unwrap(), ["a Increment count=1", "b Increment count=1"]);
    counters.clear("a");
    assert_eq!((counters.get("a"), counters.get_all().len()), (None, 1));
    counters.last("a", 1.0);
    assert_eq!(counters.get("a").unwrap().counter_type, CounterType::LastValue, "the name is free again");
    counters.clear_all();
    counters.dump();
    assert_eq!((counters.get_all().len(), saved.lock().unwrap().len()), (0, 2));
}

#[test]
fn concurrent_measurements_are_all_counted_and_saved() {
    let (counters, saved) = cached();
    counters.configure(&config(&[("options.interval", "0")])).unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..1000).for_each(|_| counters.increment_one("c")));
        }
    });
    assert_eq!(counters.get("c").unwrap().count, Some(8000));
    assert_eq!(saved.lock().unwrap().len(), 8000);
}

#[test]
fn what_saves_may_read_the_counters() {
    let own: Arc<Mutex<Option<Arc<CachedCounters>>>> = Arc::default();
    let read = Arc::new(Mutex::new(None));
    let (inner, result) = (own.clone(), read.clone());
    let counters = Arc::new(CachedCounters::new(Arc::new(NullLogger::new()), move |_| {
        let counters = inner.lock().unwrap().clone().unwrap();
        *result.lock().unwrap() = counters.get("c");
    }));
    *own.lock().unwrap() = Some(counters.clone());
    counters.increment_one("c");
    counters.dump();
    assert_eq!(*read.lock().unwrap(), counters.get("c"));
    *own.lock().unwrap() = None;
}

fn log_counters() -> (LogCounters, Arc<Recorder>) {
    let (recorder, references) = Recorder::with_references(LogLevel::Info);
    let counters = LogCounters::new();
    counters.set_references(&references).unwrap();
    (counters, recorder)
}

#[test]
fn log_counters_write_one_line_for_each_counter_by_name() {
    let (counters, recorder) = log_counters();
    counters.dump();
    assert!(recorder.lines().is_empty());
    counters.increment("queue.sent", 5);
    counters.last("queue.length", 2.0);
    counters.timestamp("queue.emptied", time("2026-01-31T12:00:00Z"));
    counters.dump();
    counters.dump();
    assert_eq!(
        recorder.lines(),
        [
            "--- INFO Counter queue.emptied Timestamp time=2026-01-31T12:00:00.000Z",
            "--- INFO Counter queue.length LastValue last=2",
            "--- INFO Counter queue.sent Increment count=5",
        ]
    );
}

#[tokio::test]
async fn closing_log_counters_writes_the_rest_once() {
    let (counters, recorder) = log_counters();
    counters.open(None).await.unwrap();
    assert!(counters.is_open());
    counters.increment_one("c");
    counters.close(None).await.unwrap();
    counters.close(None).await.unwrap();
    assert!(!counters.is_open());
    assert_eq!(recorder.lines(), ["--- INFO Counter c Increment count=1"]);

    counters.increment_one("c");
    counters.dump();
    counters.close(None).await.unwrap();
    assert_eq!(recorder.lines().len(), 2, "what was dumped is not written again");
}

#[test]
fn log_counters_take_the_options_of_cached_counters() {
    let (counters, recorder) = log_counters();
    counters.configure(&config(&[("options.interval", "0")])).unwrap();
    counters.begin_timing("c").end_timing();
    assert!(recorder.lines()[0].starts_with("--- INFO Counter c Interval last="));
    let error = counters.configure(&config(&[("options.reset_timeout", "soon")])).unwrap_err();
    assert_eq!(error.detail("key"), Some("options.reset_timeout"));
}

#[test]
fn log_counters_write_nothing_of_what_was_cleared() {
    let (counters, recorder) = log_counters();
    counters.increment_one("a");
    counters.stats("b", 1.0);
    counters.clear("a");
    assert_eq!((counters.get("a"), counters.get_all().len()), (None, 1));
    counters.clear_all();
    counters.dump();
    assert!(recorder.lines().is_empty());
}

#[test]
fn log_counters_let_their_loggers_go() {
    let (counters, recorder) = log_counters();
    counters.unset_references();
    counters.increment_one("c");
    counters.dump();
    assert!(recorder.lines().is_empty());
    assert_eq!(Arc::strong_count(&recorder), 1);
}

#[test]
fn each_log_counters_has_loggers_of_its_own() {
    let ((one, first), (_other, second)) = (log_counters(), log_counters());
    one.increment_one("c");
    one.dump();
    assert_eq!((first.lines().len(), second.lines().len()), (1, 0));
}

fn composite_of(counters: &[Arc<LogCounters>]) -> CompositeCounters {
    let counters = counters.iter().map(|counters| ("test:counters:log:default:1.0", counters.clone() as _));
    let composite = CompositeCounters::new();
    composite.set_references(&references(counters)).unwrap();
    composite
}

#[test]
fn a_composite_gives_each_measurement_and_the_same_time_to_all_counters() {
    let both = [(); 2].map(|()| Arc::new(LogCounters::new()));
    let composite = composite_of(&both);
    composite.begin_timing("interval").end_timing();
    composite.stats("stats", 1.0);
    composite.last("last", 2.0);
    composite.timestamp_now("now");
    composite.increment_one("one");
    composite.increment("sum", 3);
    assert_eq!(both[0].get_all(), both[1].get_all());
    for (name, counter_type) in [
        ("interval", CounterType::Interval),
        ("last", CounterType::LastValue),
        ("now", CounterType::Timestamp),
        ("one", CounterType::Increment),
        ("stats", CounterType::Statistics),
        ("sum", CounterType::Increment),
    ] {
        assert_eq!(both[0].get(name).unwrap().counter_type, counter_type, "{name}");
    }
    assert_eq!(both[0].get("interval").unwrap().count, Some(1));
    assert_eq!(both[0].get("sum").unwrap().count, Some(3));
}

#[test]
fn references_set_again_replace_the_counters_of_a_composite_and_unset_drops_them() {
    let measured = Arc::new(LogCounters::new());
    let references = references([("test:counters:log:default:1.0", measured.clone() as _)]);
    let composite = CompositeCounters::new();
    assert!(composite.is_empty());
    composite.set_references(&references).unwrap();
    composite.set_references(&references).unwrap();
    assert!(!composite.is_empty());
    composite.increment_one("c");
    assert_eq!(measured.get("c").unwrap().count, Some(1));

    composite.unset_references();
    assert!(composite.is_empty());
    composite.increment_one("c");
    composite.begin_timing("t").end_timing();
    assert_eq!((measured.get("c").unwrap().count, measured.get("t")), (Some(1), None));
    drop(references);
    assert_eq!(Arc::strong_count(&measured), 1);
}

#[test]
fn each_composite_has_counters_of_its_own() {
    let both = [(); 2].map(|()| Arc::new(LogCounters::new()));
    let _other = composite_of(&both[..1]);
    let composite = composite_of(&both[1..]);
    composite.increment_one("c");
    assert_eq!(both[0].get("c"), None);
    assert_eq!(both[1].get("c").unwrap().count, Some(1));
}

#[test]
fn composites_that_are_registered_neither_recurse_nor_count_twice() {
    let measured = Arc::new(LogCounters::new());
    let composites = [(); 2].map(|()| Arc::new(CompositeCounters::new()));
    let references = references([
        ("test:counters:log:default:1.0", measured.clone() as Arc<dyn Component>),
        ("pip-services:counters:composite:one:1.0", composites[0].clone()),
        ("pip-services:counters:composite:two:1.0", composites[1].clone()),
    ]);
    for composite in &composites {
        composite.set_references(&references).unwrap();
    }
    composites[0].increment_one("c");
    composites[0].begin_timing("t").end_timing();
    assert_eq!(measured.get("c").unwrap().count, Some(1));
    assert_eq!(measured.get("t").unwrap().count, Some(1));
}

#[test]
fn null_counters_measure_nothing_and_disturb_no_others() {
    let measured = Arc::new(LogCounters::new());
    let references = references([
        ("pip-services:counters:null:default:1.0", Arc::new(NullCounters::new()) as Arc<dyn Component>),
        ("pip-services:counters:log:default:1.0", measured.clone()),
        ("pip-services:counters:null:other:1.0", Arc::new(NullCounters::new())),
    ]);
    let composite = CompositeCounters::new();
    composite.set_references(&references).unwrap();
    composite.begin_timing("interval").end_timing();
    composite.last("last", 1.0);
    composite.stats("stats", 1.0);
    composite.timestamp_now("time");
    composite.increment_one("sum");
    let names: Vec<_> = measured.get_all().into_iter().map(|counter| counter.name).collect();
    assert_eq!(names, ["interval", "last", "stats", "sum", "time"]);
}
