use std::{
    error::Error,
    fmt::Arguments,
    mem,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::Utc;
use futures_util::FutureExt;
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

    /// Begins to save at intervals, in a task of the tokio runtime that it is called in. It does not fail.
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
            // Who saves knows why it failed, and its panic was told by its hook. Here, the messages wait.
            saved = matches!(AssertUnwindSafe(self.dump()).catch_unwind().await, Ok(Ok(())));
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
