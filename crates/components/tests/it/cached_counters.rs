use std::{sync::Arc, time::Duration};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    run::{IClosable, IOpenable},
};
use pip_services_components::{
    count::{CachedCounters, ICounters},
    log::NullLogger,
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::{Instant, timeout},
};

use crate::support::{Tuples, config};

const DAY: Duration = Duration::from_secs(86_400);

fn counters(interval: u64) -> (CachedCounters, UnboundedReceiver<String>) {
    let (sender, saved) = unbounded_channel();
    let counters = CachedCounters::new(Arc::new(NullLogger::new()), move |counters| {
        let shown: Vec<_> = counters.iter().map(ToString::to_string).collect();
        sender.send(shown.join(", ")).unwrap();
    });
    counters.configure(&ConfigParams::from_tuples([("options.interval", interval)])).unwrap();
    (counters, saved)
}

/// What is saved next. The clock of the tests runs ahead while nothing else does.
async fn next(saved: &mut UnboundedReceiver<String>) -> String {
    timeout(DAY, saved.recv()).await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn while_they_are_open_counters_are_saved_at_each_interval_in_which_something_was_measured() {
    let (counters, mut saved) = counters(60_000);
    counters.open(None).await.unwrap();
    counters.open(None).await.unwrap();
    assert!(counters.is_open());
    let start = Instant::now();
    counters.increment_one("a");
    counters.last("b", 2.0);
    assert_eq!(next(&mut saved).await, "a Increment count=1, b LastValue last=2");
    assert_eq!(start.elapsed().as_secs(), 60);
    assert!(timeout(Duration::from_secs(150), saved.recv()).await.is_err(), "nothing was measured");

    counters.increment_one("a");
    assert_eq!(next(&mut saved).await, "a Increment count=2, b LastValue last=2");
    assert_eq!(start.elapsed().as_secs(), 240);
}

#[tokio::test(start_paused = true)]
async fn the_interval_is_five_minutes_or_what_is_configured_when_they_are_opened() {
    let rows: [(&str, &[Tuples], u64); 5] = [
        ("by default", &[], 300),
        ("in the options", &[&[("options.interval", "1000")]], 1),
        ("at the top", &[&[("interval", "2000")]], 2),
        ("configured again", &[&[("interval", "2000")], &[("options.interval", "5000")]], 5),
        ("an absent one keeps the last", &[&[("interval", "2000")], &[]], 2),
    ];
    for (what, configs, seconds) in rows {
        let (sender, mut saved) = unbounded_channel();
        let counters = CachedCounters::new(Arc::new(NullLogger::new()), move |counters| {
            sender.send(counters.len().to_string()).unwrap();
        });
        configs.iter().for_each(|tuples| counters.configure(&config(tuples)).unwrap());
        counters.open(None).await.unwrap();
        // A later one is for the next opening.
        counters.configure(&config(&[("options.interval", "7000")])).unwrap();
        counters.increment_one("a");
        let start = Instant::now();
        assert_eq!(next(&mut saved).await, "1", "{what}");
        assert_eq!(start.elapsed().as_secs(), seconds, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn closing_saves_the_rest_once_and_ends_the_saving_at_intervals() {
    let (counters, mut saved) = counters(60_000);
    counters.open(None).await.unwrap();
    counters.increment_one("a");
    counters.close(None).await.unwrap();
    counters.close(None).await.unwrap();
    assert!(!counters.is_open());
    assert_eq!(saved.try_recv().unwrap(), "a Increment count=1");

    counters.increment_one("a");
    assert!(timeout(DAY, saved.recv()).await.is_err());
    counters.open(None).await.unwrap();
    assert_eq!(next(&mut saved).await, "a Increment count=2");
}

#[tokio::test(start_paused = true)]
async fn without_an_interval_only_measurements_save() {
    let (counters, mut saved) = counters(0);
    counters.open(None).await.unwrap();
    counters.increment_one("a");
    assert_eq!(saved.try_recv().unwrap(), "a Increment count=1");
    assert!(timeout(DAY, saved.recv()).await.is_err());
    counters.close(None).await.unwrap();
    assert!(saved.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn counters_that_are_dropped_while_they_are_open_leave_no_task_behind() {
    let (counters, mut saved) = counters(60_000);
    counters.open(None).await.unwrap();
    drop(counters);
    // What saves was dropped too, with its end of the channel.
    assert_eq!(timeout(DAY, saved.recv()).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_who_saves_does_not_end_the_saving_at_intervals() {
    let (sender, mut saved) = unbounded_channel();
    let counters = CachedCounters::new(Arc::new(NullLogger::new()), move |counters| {
        sender.send(counters[0].to_string()).unwrap();
        assert_ne!(counters[0].count, Some(1), "the saver panics");
    });
    counters.open(None).await.unwrap();
    for expected in ["a Increment count=1", "a Increment count=2"] {
        counters.increment_one("a");
        assert_eq!(next(&mut saved).await, expected);
    }
}
