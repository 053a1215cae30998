use std::{
    error::Error,
    fmt::Arguments,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::Utc;
use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::{ApplicationError, ErrorDescription},
    refer::{IReferenceable, IReferences},
    run::{IClosable, IOpenable},
};
use tokio::{
    sync::{Mutex as AsyncMutex, Notify},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{ICachedLogSaver, ILogger, LogLevel, LogMessage, base::LoggerBase, cache::MessageCache, text};
use crate::background::Background;

/// How often messages are saved, unless configured.
const INTERVAL: Duration = Duration::from_secs(10);

/// How many messages wait at most, unless configured.
const MAX_CACHE_SIZE: usize = 100;

/// A logger that keeps messages in memory, until they are saved in batches; ports `CachedLogger`.
///
/// What derives from that class in other ports has a field of this one instead, to which it passes the calls of
/// its own [`ILogger`], [`IConfigurable`], [`IReferenceable`], [`IOpenable`] and [`IClosable`]. Where the messages
/// go, an [`ICachedLogSaver`] tells.
///
/// While it is open, it saves at each interval, and as soon as the cache is half full. It saves once more when
/// it closes, so that the last messages are not lost. Before it is opened, and after it was closed, messages wait.
/// Other ports have no timer: they save when something is logged after the interval.
///
/// Logging never waits for saving. Messages that could not be saved go back in front of those that came
/// meanwhile, and the next attempt is at the next interval. When the cache is full, each message drops the oldest
/// one. How many were dropped is told by a warning in front of the next messages that are saved. Apart from
/// those that are being saved, no more messages than the configured number are in memory at any time.
///
/// | key | default | meaning |
/// |---|---|---|
/// | `level` | `info` | the most detailed level that is kept |
/// | `source` | the name of the context info | the name of what logs |
/// | `options.interval` | 10000 | milliseconds between savings, from the next `open` on |
/// | `options.max_cache_size` | 100 | how many messages wait at most |
///
/// References: `*:context-info:*:*:1.0` (optional).
///
/// ```
/// use std::sync::Arc;
/// use async_trait::async_trait;
/// use pip_services_commons::{errors::ApplicationError, run::{IClosable, IOpenable}};
/// use pip_services_components::log::{CachedLogger, ICachedLogSaver, ILogger, LogMessage};
///
/// struct Printer;
///
/// #[async_trait]
/// impl ICachedLogSaver for Printer {
///     async fn save(&self, messages: &[LogMessage]) -> Result<(), ApplicationError> {
///         messages.iter().for_each(|message| println!("{} {}", message.level, message.message));
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ApplicationError> {
/// let logger = CachedLogger::new(Arc::new(Printer));
/// logger.open(None).await?;
/// logger.info(Some("123"), format_args!("Sent {} messages", 5));
/// logger.close(None).await?; // INFO Sent 5 messages
/// # Ok(()) }
/// ```
pub struct CachedLogger {
    /// Shared with the task that saves.
    shared: Arc<Shared>,
    setup: Mutex<Setup>,
}

struct Setup {
    interval: Duration,
    /// Saves while the logger is open.
    task: Option<Background>,
}

struct Shared {
    base: LoggerBase,
    cache: Mutex<MessageCache>,
    half_full: Notify,
    saver: Arc<dyn ICachedLogSaver>,
    /// Keeps batches in order. Only those who save wait for it.
    turn: AsyncMutex<()>,
}

impl CachedLogger {
    /// A logger of level `info` that is not open.
    pub fn new(saver: Arc<dyn ICachedLogSaver>) -> Self {
        Self {
            shared: Arc::new(Shared {
                base: LoggerBase::new(),
                cache: Mutex::new(MessageCache::new(MAX_CACHE_SIZE)),
                half_full: Notify::new(),
                saver,
                turn: AsyncMutex::new(()),
            }),
            setup: Mutex::new(Setup { interval: INTERVAL, task: None }),
        }
    }

    /// The name of what logs: the configured one, or that of the context.
    pub fn get_source(&self) -> Option<String> {
        self.shared.source()
    }

    /// Saves what waits, whether the logger is open or not.
    ///
    /// Nothing is lost by dropping the future: what it was saving waits again.
    ///
    /// # Errors
    /// That of the saver; the messages wait again.
    pub async fn dump(&self) -> Result<(), ApplicationError> {
        self.shared.dump().await
    }

    fn setup(&self) -> MutexGuard<'_, Setup> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IConfigurable for CachedLogger {
    /// Takes the options; an absent one stays as it is, and so do the messages that wait.
    ///
    /// # Errors
    /// `BAD_VALUE` (Misconfiguration) for an unknown level, or for an option that is no whole number of 1 or
    /// more; then nothing is changed.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        let positive = |key: &str| match config.try_get_as_long(key)? {
            Some(value) if value < 1 => {
                let message = format!("{key} is {value}; it must be 1 or more");
                Err(ApplicationError::config(None, "BAD_VALUE", message).with_details("key", key))
            }
            value => Ok(value.map(i64::unsigned_abs)),
        };
        let interval = positive("options.interval")?;
        let max_cache_size = positive("options.max_cache_size")?;
        self.shared.base.configure(config)?;
        if let Some(interval) = interval {
            self.setup().interval = Duration::from_millis(interval);
        }
        if let Some(max_size) = max_cache_size {
            self.shared.cache().set_max_size(usize::try_from(max_size).unwrap_or(usize::MAX));
        }
        Ok(())
    }
}

impl IReferenceable for CachedLogger {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.shared.base.set_references(references);
        Ok(())
    }
}

#[async_trait]
impl IClosable for CachedLogger {
    /// Waits for a saving that is under way, and saves the rest.
    ///
    /// # Errors
    /// That of the saver. The logger is closed all the same, and the messages wait for the next `open`.
    async fn close(&self, _correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let task = self.setup().task.take();
        if let Some(task) = task {
            task.stop().await;
        }
        self.dump().await
    }
}

#[async_trait]
impl IOpenable for CachedLogger {
    fn is_open(&self) -> bool {
        self.setup().task.is_some()
    }

    /// Begins to save at intervals, in a task. It does not fail.
    async fn open(&self, _correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let mut setup = self.setup();
        if setup.task.is_none() {
            let (shared, interval) = (self.shared.clone(), setup.interval);
            setup.task = Some(Background::spawn(|closed| shared.dump_until(closed, interval)));
        }
        Ok(())
    }
}

impl ILogger for CachedLogger {
    fn get_level(&self) -> LogLevel {
        self.shared.base.get_level()
    }

    fn set_level(&self, level: LogLevel) {
        self.shared.base.set_level(level);
    }

    fn log(
        &self,
        level: LogLevel,
        correlation_id: Option<&str>,
        error: Option<&(dyn Error + 'static)>,
        message: Arguments<'_>,
    ) {
        if !self.is_enabled(level) {
            return;
        }
        let mut shown = String::new();
        text::push(&mut shown, None, message);
        let message = LogMessage {
            time: Utc::now(),
            source: self.shared.source(),
            level,
            correlation_id: correlation_id.map(str::to_owned),
            error: error.map(ErrorDescription::from_error),
            message: shown,
        };
        let half_full = {
            let mut cache = self.shared.cache();
            cache.push(message);
            cache.is_half_full()
        };
        if half_full {
            self.shared.half_full.notify_one();
        }
    }
}

impl Shared {
    fn cache(&self) -> MutexGuard<'_, MessageCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn source(&self) -> Option<String> {
        self.base.get_source().map(Arc::unwrap_or_clone)
    }

    async fn dump_until(self: Arc<Self>, closed: CancellationToken, interval: Duration) {
        let mut saved = true;
        loop {
            tokio::select! {
                biased;
                () = closed.cancelled() => return,
                () = sleep(interval) => {}
                // After a failure the cache is full at once, and each message would be another attempt.
                () = self.half_full.notified(), if saved => {}
            }
            // Who saves knows why it failed. Here, the messages wait.
            saved = self.dump().await.is_ok();
        }
    }

    async fn dump(&self) -> Result<(), ApplicationError> {
        let _turn = self.turn.lock().await;
        let mut batch = Batch::take(self);
        if !batch.messages.is_empty() {
            self.saver.save(&batch.messages).await?;
            batch.messages.clear();
        }
        Ok(())
    }
}

/// Messages that are being saved. What is left of them when this is dropped, goes back.
struct Batch<'a> {
    shared: &'a Shared,
    messages: Vec<LogMessage>,
    /// How many were dropped before them, as told by the first of them; where none were, there is no such one.
    dropped: usize,
}

impl<'a> Batch<'a> {
    fn take(shared: &'a Shared) -> Self {
        let (mut messages, dropped) = shared.cache().take();
        if let Some(next) = messages.first().filter(|_| dropped > 0) {
            let told = LogMessage {
                time: next.time,
                source: shared.source(),
                level: LogLevel::Warn,
                correlation_id: None,
                error: None,
                message: format!("The cache was full; messages dropped: {dropped}"),
            };
            messages.insert(0, told);
        }
        Self { shared, messages, dropped }
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut messages = mem::take(&mut self.messages);
        if !messages.is_empty() {
            messages.drain(..usize::from(self.dropped > 0));
            self.shared.cache().put_back(messages, self.dropped);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future, sync::Weak};

    use tokio::{
        sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        time::{Instant, timeout},
    };

    use super::{super::recorder::NeverShown, *};

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

        async fn asked(&mut self) -> String {
            self.asked.recv().await.unwrap()
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
        assert!(timeout(Duration::from_secs(9), bed.asked()).await.is_err());
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
        assert!(timeout(Duration::from_secs(60), bed.asked()).await.is_err());
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

    #[tokio::test]
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

    #[tokio::test]
    async fn what_the_level_keeps_out_is_neither_formatted_nor_kept() {
        let mut bed = Bed::new(&[("level", "warn")]);
        bed.logger.info(None, format_args!("{NeverShown}"));
        bed.logger.log(LogLevel::None, None, None, format_args!("{NeverShown}"));
        bed.logger.dump().await.unwrap();
        assert!(bed.asked_nothing());
    }

    #[tokio::test]
    async fn a_malformed_option_is_an_error_that_names_its_key_and_changes_nothing() {
        let mut bed = Bed::new(&[("level", "trace")]);
        for (key, value) in [("options.interval", "0"), ("options.max_cache_size", "-1"), ("level", "loud")] {
            let config = ConfigParams::from_tuples([
                ("options.max_cache_size", "1"),
                ("level", "error"),
                (key, value),
            ]);
            let error = bed.logger.configure(&config).unwrap_err();
            assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some(key)));
        }
        bed.log(&["1", "2"]);
        bed.logger.configure(&ConfigParams::new()).unwrap();
        bed.logger.dump().await.unwrap();
        assert_eq!(bed.asked().await, "1,2");
    }
}
