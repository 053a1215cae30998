use std::{error::Error, fmt::Arguments, sync::Arc};

use ::log::{Level, Record};
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{IReferenceable, IReferences},
};

use super::{ILogger, LogLevel, base::LoggerBase, known_level::TellsChanges, text};

/// The target of messages where there is no source.
const TARGET: &str = "pip-services";

/// A logger that passes messages on to the [`log`](::log) crate, and so to whichever backend the program has
/// installed there: env_logger, a system journal, a bridge to tracing. New in this port.
///
/// The target is the source, or `pip-services` where there is none. Fatal errors become errors, as the crate has
/// nothing above. The text begins with the correlation id, where there is one, and ends with the error and its
/// causes:
///
/// ```text
/// Started
/// [123] Sent 5 messages
/// [123] Cannot send: not connected Caused by: connection refused
/// [123] Error: not connected Caused by: connection refused
/// ```
///
/// A message is formatted only where this logger's level, and the backend, let it through.
///
/// Configuration: `level` (`info`); `source`. References: `*:context-info:*:*:1.0` (optional), whose name is the
/// source unless one is configured.
///
/// ```
/// use pip_services_commons::config::{ConfigParams, IConfigurable};
/// use pip_services_components::log::{FacadeLogger, ILogger};
///
/// // What the environment variable RUST_LOG lets through goes to standard error.
/// env_logger::init();
///
/// let logger = FacadeLogger::new();
/// logger.configure(&ConfigParams::from_tuples([("level", "debug"), ("source", "orders")]))?;
/// logger.debug(Some("123"), format_args!("Sent {} messages", 5)); // [DEBUG orders] [123] Sent 5 messages
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
pub struct FacadeLogger {
    base: LoggerBase,
}
component!(FacadeLogger: dyn ILogger, dyn IConfigurable, dyn IReferenceable, dyn TellsChanges);

impl FacadeLogger {
    /// A logger of level `info`.
    pub fn new() -> Self {
        Self { base: LoggerBase::new() }
    }

    /// The name of what logs: the configured one, or that of the context.
    pub fn get_source(&self) -> Option<String> {
        self.base.get_source().map(Arc::unwrap_or_clone)
    }

    /// The level by the crate's names and the target, if this logger and the backend let the message through.
    fn enabled(&self, level: LogLevel) -> Option<(Level, Target)> {
        let facade_level = match level {
            LogLevel::None => return None,
            LogLevel::Fatal | LogLevel::Error => Level::Error,
            LogLevel::Warn => Level::Warn,
            LogLevel::Info => Level::Info,
            LogLevel::Debug => Level::Debug,
            LogLevel::Trace => Level::Trace,
        };
        if level > self.get_level() {
            return None;
        }
        let target = Target(self.base.get_source());
        ::log::log_enabled!(target: target.as_str(), facade_level).then_some((facade_level, target))
    }
}

struct Target(Option<Arc<String>>);

impl Target {
    fn as_str(&self) -> &str {
        self.0.as_ref().map_or(TARGET, |source| source)
    }
}

impl Default for FacadeLogger {
    fn default() -> Self {
        Self::new()
    }
}

impl IConfigurable for FacadeLogger {
    /// Takes `level` and `source`; an absent one stays as it is.
    ///
    /// # Errors
    /// `BAD_VALUE` (Misconfiguration) for an unknown level.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        self.base.configure(config)
    }
}

impl IReferenceable for FacadeLogger {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.base.set_references(references);
        Ok(())
    }
}

impl TellsChanges for FacadeLogger {}

impl ILogger for FacadeLogger {
    /// The level of this logger; the backend can have a lower one.
    fn get_level(&self) -> LogLevel {
        self.base.get_level()
    }

    fn set_level(&self, level: LogLevel) {
        self.base.set_level(level);
    }

    /// Whether this logger and the backend would write a message of this level.
    fn is_enabled(&self, level: LogLevel) -> bool {
        self.enabled(level).is_some()
    }

    fn log(
        &self,
        level: LogLevel,
        correlation_id: Option<&str>,
        error: Option<&(dyn Error + 'static)>,
        message: Arguments<'_>,
    ) {
        let Some((level, target)) = self.enabled(level) else {
            return;
        };
        let mut shown = correlation_id.map_or_else(String::new, |id| format!("[{id}] "));
        text::push(&mut shown, error, message);
        // Not by a macro of the crate, which would tell that every message comes from this line.
        let mut record = Record::builder();
        ::log::logger()
            .log(&record.level(level).target(target.as_str()).args(format_args!("{shown}")).build());
    }
}
