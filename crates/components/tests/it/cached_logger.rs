use std::{
    future,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use async_trait::async_trait;
use chrono::Utc;
use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::{ApplicationError, ErrorDescription},
    run::{IClosable, IOpenable},
};
use pip_services_components::log::{CachedLogger, ICachedLogSaver, ILogger, LogLevel, LogMessage};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, timeout},
};

use crate::support::{NeverShown, Tuples};

const DAY: Duration = Duration::from_secs(86_400);

#[derive(Clone, Copy)]
enum Mode {
    Save,
    Fail,
    Hang,
    Panic,
}

/// Tells what it is to save, and does it or not.
struct Sink {
    mode: Mutex<Mode>,
    asked: UnboundedSender<String>,
}

impl Sink {
    fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }
}

#[async_trait]
impl ICachedLogSaver for Sink {
    async fn save(&self, messages: &[LogMessage]) -> Result<(), ApplicationError> {
        let texts: Vec<_> = messages.iter().map(|message| message.message.as_str()).collect();
        self.asked.send(texts.join(",")).unwrap();
        let mode = *self.mode.lock().unwrap();
        match mode {
            Mode::Save => Ok(()),
            Mode::Fail => Err(ApplicationError::connection(None, "DOWN", "nobody there")),
            Mode::Hang => future::pending().await,
            Mode::Panic => panic!("the saver panics"),
        }
    }
}

struct Bed {
    logger: Arc<CachedLogger>,
    sink: Arc<Sink>,
    asked: UnboundedReceiver<String>,
}

impl Bed {
    fn new(options: &[(&str, &str)]) -> Self {
        let (sender, asked) = unbounded_channel();
        let sink = Arc::new(Sink { mode: Mutex::new(Mode::Save), asked: sender });
        let logger = Arc::new(CachedLogger::new(sink.clone()));
        logger.configure(&ConfigParams::from_tuples(options.iter().copied())).unwrap();
        Self { logger, sink, asked }
    }

    fn log(&self, texts: &[&str]) {
        texts.iter().for_each(|text| self.logger.info(None, format_args!("{text}")));
    }

    /// What is to be saved next. The clock of the tests runs ahead while nothing else does.
    async fn asked(&mut self) -> String {
        timeout(DAY, self.asked.recv()).await.unwrap().unwrap()
    }

    fn asked_nothing(&mut self) -> bool {
        self.asked.is_empty()
    }
}

#[tokio::test(start_paused = true)]
async fn while_it_is_open_messages_are_saved_at_each_interval() {
    let mut bed = Bed::new(&[]);
    bed.log(&["1"]);
    bed.logger.open(None).await.unwrap();
    bed.logger.open(None).await.unwrap();
    let start = Instant::now();
    bed.log(&["2"]);
    assert_eq!(bed.asked().await, "1,2");
    assert_eq!(start.elapsed().as_secs(), 10);

    bed.log(&["3"]);
    assert_eq!(bed.asked().await, "3");
    assert_eq!(start.elapsed().as_secs(), 20);
    bed.logger.close(None).await.unwrap();
    assert!(bed.asked_nothing(), "nothing was left to save");
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_is_half_full_is_saved_at_once() {
    let mut bed = Bed::new(&[("options.max_cache_size", "4")]);
    bed.logger.open(None).await.unwrap();
    let start = Instant::now();
    bed.log(&["1"]);
    assert!(timeout(Duration::from_secs(9), bed.asked.recv()).await.is_err());
    bed.log(&["2"]);
    assert_eq!(bed.asked().await, "1,2");
    assert_eq!(start.elapsed().as_secs(), 9);
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_the_next_attempt_is_at_the_next_interval() {
    let mut bed = Bed::new(&[("options.interval", "1000"), ("options.max_cache_size", "2")]);
    bed.sink.set(Mode::Fail);
    bed.logger.open(None).await.unwrap();
    let start = Instant::now();
    bed.log(&["1"]);
    assert_eq!(bed.asked().await, "1");
    bed.log(&["2"]);
    assert_eq!(bed.asked().await, "1,2");
    assert_eq!(start.elapsed().as_millis(), 1000);

    bed.sink.set(Mode::Save);
    bed.log(&["3"]);
    assert_eq!(bed.asked().await, "The cache was full; messages dropped: 1,2,3");
    assert_eq!(start.elapsed().as_millis(), 2000);
}

#[tokio::test(start_paused = true)]
async fn how_many_were_dropped_is_told_until_it_is_saved() {
    let mut bed = Bed::new(&[("options.max_cache_size", "2")]);
    bed.log(&["1", "2", "3"]);
    bed.sink.set(Mode::Fail);
    for _ in 0..2 {
        bed.logger.dump().await.unwrap_err();
        assert_eq!(bed.asked().await, "The cache was full; messages dropped: 1,2,3");
    }
    bed.log(&["4"]);
    bed.sink.set(Mode::Save);
    bed.logger.dump().await.unwrap();
    assert_eq!(bed.asked().await, "The cache was full; messages dropped: 2,3,4");
    bed.log(&["5"]);
    bed.logger.dump().await.unwrap();
    assert_eq!(bed.asked().await, "5");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_messages_wait_or_as_many_as_are_configured_and_the_oldest_are_dropped() {
    let rows: [(&str, Tuples, usize, usize, Option<usize>); 5] = [
        ("by default, room for all", &[], 100, 100, None),
        ("by default, one too many", &[], 101, 100, Some(1)),
        ("by default, many too many", &[], 350, 100, Some(250)),
        ("configured", &[("options.max_cache_size", "3")], 5, 3, Some(2)),
        ("one", &[("options.max_cache_size", "1")], 2, 1, Some(1)),
    ];
    for (what, options, logged, saved, dropped) in rows {
        let mut bed = Bed::new(options);
        (1..=logged).for_each(|number| bed.log(&[&number.to_string()]));
        bed.logger.dump().await.unwrap();
        let told = dropped.map(|dropped| format!("The cache was full; messages dropped: {dropped}"));
        let kept = (logged - saved + 1..=logged).map(|number| number.to_string());
        let expected: Vec<_> = told.into_iter().chain(kept).collect();
        assert_eq!(bed.asked().await, expected.join(","), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn closing_saves_the_rest_once_and_messages_then_wait_for_the_next_opening() {
    let mut bed = Bed::new(&[]);
    bed.logger.open(None).await.unwrap();
    assert!(bed.logger.is_open());
    bed.log(&["1"]);
    bed.logger.close(None).await.unwrap();
    bed.logger.close(None).await.unwrap();
    assert!(!bed.logger.is_open());
    assert_eq!(bed.asked().await, "1");

    bed.log(&["2"]);
    assert!(timeout(Duration::from_secs(60), bed.asked.recv()).await.is_err());
    bed.logger.open(None).await.unwrap();
    assert_eq!(bed.asked().await, "2");
}

#[tokio::test(start_paused = true)]
async fn closing_tells_that_messages_were_not_saved_and_keeps_them() {
    let mut bed = Bed::new(&[]);
    bed.sink.set(Mode::Fail);
    bed.logger.open(None).await.unwrap();
    bed.log(&["1"]);
    assert_eq!(bed.logger.close(None).await.unwrap_err().code(), "DOWN");
    assert!(!bed.logger.is_open());
    bed.sink.set(Mode::Save);
    bed.logger.dump().await.unwrap();
    assert_eq!((bed.asked().await, bed.asked().await), ("1".into(), "1".into()));
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_the_saving_that_is_under_way() {
    let mut bed = Bed::new(&[("options.interval", "1000")]);
    bed.sink.set(Mode::Hang);
    bed.logger.open(None).await.unwrap();
    bed.log(&["1"]);
    assert_eq!(bed.asked().await, "1");
    assert!(timeout(Duration::from_secs(60), bed.logger.close(None)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_was_being_saved_when_saving_was_given_up_or_panicked_waits_again() {
    let mut bed = Bed::new(&[]);
    bed.sink.set(Mode::Hang);
    bed.log(&["1"]);
    assert!(timeout(Duration::from_secs(1), bed.logger.dump()).await.is_err());
    bed.sink.set(Mode::Panic);
    bed.log(&["2"]);
    let logger = bed.logger.clone();
    assert!(tokio::spawn(async move { logger.dump().await }).await.unwrap_err().is_panic());
    bed.sink.set(Mode::Save);
    bed.log(&["3"]);
    bed.logger.dump().await.unwrap();
    let asked = [bed.asked().await, bed.asked().await, bed.asked().await];
    assert_eq!(asked, ["1", "1,2", "1,2,3"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_panic_of_who_saves_the_next_attempt_is_at_the_next_interval() {
    let mut bed = Bed::new(&[("options.interval", "1000")]);
    bed.sink.set(Mode::Panic);
    bed.logger.open(None).await.unwrap();
    let start = Instant::now();
    bed.log(&["1"]);
    assert_eq!(bed.asked().await, "1");
    bed.sink.set(Mode::Save);
    assert_eq!(bed.asked().await, "1");
    assert_eq!(start.elapsed().as_millis(), 2000);
}

#[tokio::test(start_paused = true)]
async fn who_saves_may_log() {
    struct Chatty {
        logger: Weak<CachedLogger>,
        saved: UnboundedSender<String>,
    }

    #[async_trait]
    impl ICachedLogSaver for Chatty {
        async fn save(&self, messages: &[LogMessage]) -> Result<(), ApplicationError> {
            self.logger.upgrade().unwrap().info(None, format_args!("saved {}", messages.len()));
            self.saved.send(messages[0].message.clone()).unwrap();
            Ok(())
        }
    }

    let (saved, mut received) = unbounded_channel();
    let logger =
        Arc::new_cyclic(|logger| CachedLogger::new(Arc::new(Chatty { logger: logger.clone(), saved })));
    logger.info(None, format_args!("1"));
    logger.dump().await.unwrap();
    logger.dump().await.unwrap();
    assert_eq!(received.recv().await.as_deref(), Some("1"));
    assert_eq!(received.recv().await.as_deref(), Some("saved 1"));
}

#[tokio::test(start_paused = true)]
async fn a_message_keeps_what_it_was_logged_with() {
    struct Keeper(Mutex<Vec<LogMessage>>);

    #[async_trait]
    impl ICachedLogSaver for Keeper {
        async fn save(&self, messages: &[LogMessage]) -> Result<(), ApplicationError> {
            self.0.lock().unwrap().extend_from_slice(messages);
            Ok(())
        }
    }

    let keeper = Arc::new(Keeper(Mutex::default()));
    let logger = CachedLogger::new(keeper.clone());
    logger.configure(&ConfigParams::from_tuples([("source", "orders"), ("level", "error")])).unwrap();
    let error = ApplicationError::connection(None, "DOWN", "nobody there");
    let before = Utc::now();
    logger.error(Some("123"), Some(&error), format_args!("Cannot send {}", 5));
    logger.dump().await.unwrap();
    let message = keeper.0.lock().unwrap().remove(0);
    assert!(before <= message.time && message.time <= Utc::now());
    assert_eq!(message.error, Some(ErrorDescription::from(&error)));
    assert_eq!(message.source.as_deref(), Some("orders"));
    assert_eq!((message.correlation_id.as_deref(), message.level), (Some("123"), LogLevel::Error));
    assert_eq!(message.message, "Cannot send 5");
}

#[tokio::test(start_paused = true)]
async fn what_the_level_keeps_out_is_neither_formatted_nor_kept() {
    let mut bed = Bed::new(&[("level", "warn")]);
    bed.logger.info(None, format_args!("{NeverShown}"));
    bed.logger.log(LogLevel::None, None, None, format_args!("{NeverShown}"));
    bed.logger.dump().await.unwrap();
    assert!(bed.asked_nothing());
}

#[tokio::test(start_paused = true)]
async fn a_malformed_option_is_an_error_that_names_its_key_and_changes_nothing() {
    let mut bed = Bed::new(&[("level", "trace")]);
    for (key, value) in [("options.interval", "0"), ("options.max_cache_size", "-1"), ("level", "loud")] {
        let config =
            ConfigParams::from_tuples([("options.max_cache_size", "1"), ("level", "error"), (key, value)]);
        let error = bed.logger.configure(&config).unwrap_err();
        assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some(key)));
    }
    bed.log(&["1", "2"]);
    bed.logger.configure(&ConfigParams::new()).unwrap();
    bed.logger.dump().await.unwrap();
    assert_eq!(bed.asked().await, "1,2");
}
