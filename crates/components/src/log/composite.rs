use std::{error::Error, fmt::Arguments, ops::Deref, sync::Arc};

use arc_swap::ArcSwap;
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{Descriptor, IReferenceable, IReferences, IUnreferenceable, cast},
};

use super::{
    ILogger, LogLevel,
    known_level::{self, KnownLevel, TellsChanges},
};

/// A logger that passes every message to all loggers of the references; ports `CompositeLogger`.
///
/// It is what a component logs through, as a field of its own or found in the references. Until
/// `set_references` it has no loggers, and messages go nowhere.
///
/// It never filters: each of its loggers writes what its own level lets through. Its level is the most
/// detailed one of theirs, and [`ILogger::is_enabled`] tells whether any of them would write a message.
///
/// Configuration: `level` and `source`, which are accepted because the components that pass their own
/// configuration on have them. A malformed level is an error; neither has another effect, as in all ports.
/// References: `*:logger:*:*:*` (optional). Composite loggers, itself included, are left out: their loggers
/// are there too, and composites that hold each other would never come to an end.
///
/// ```
/// use std::sync::Arc;
/// use pip_services_commons::refer::{IReferenceable, IReferences, References};
/// use pip_services_components::log::{CompositeLogger, ConsoleLogger, ILogger, LogLevel};
///
/// let logger = CompositeLogger::new();
/// assert!(!logger.is_enabled(LogLevel::Fatal));
///
/// let references = References::new();
/// references.put("pip-services:logger:console:default:1.0".parse()?, Arc::new(ConsoleLogger::new()));
/// logger.set_references(&references)?;
/// assert!(logger.is_enabled(LogLevel::Info));
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
#[derive(Default)]
pub struct CompositeLogger {
    loggers: ArcSwap<Loggers>,
    /// Spares asking the loggers about messages that none of them writes.
    level: KnownLevel,
}
component!(
    CompositeLogger: dyn ILogger,
    dyn IConfigurable,
    dyn IReferenceable,
    dyn IUnreferenceable
);

#[derive(Default)]
struct Loggers {
    all: Vec<Arc<dyn ILogger>>,
    /// Whether one of them can change its level without telling, so that all have to be asked about each message.
    silent: bool,
}

impl CompositeLogger {
    /// A logger without loggers.
    pub fn new() -> Self {
        Self::default()
    }

    fn set(&self, loggers: Loggers) {
        self.loggers.store(Arc::new(loggers));
        known_level::changed();
    }

    /// The loggers, whose level is known from now on.
    fn loggers(&self) -> impl Deref<Target = Arc<Loggers>> {
        self.level.learn(|| match &**self.loggers.load() {
            Loggers { silent: true, .. } => LogLevel::Trace,
            loggers => loggers.level(),
        });
        self.loggers.load()
    }

    /// Apart from `log`, which is entered and left faster without it.
    #[inline(never)]
    fn pass_on(
        &self,
        level: LogLevel,
        correlation_id: Option<&str>,
        error: Option<&(dyn Error + 'static)>,
        message: Arguments<'_>,
    ) {
        for logger in &self.loggers().all {
            logger.log(level, correlation_id, error, message);
        }
    }
}

impl Loggers {
    fn level(&self) -> LogLevel {
        self.all.iter().map(|logger| logger.get_level()).max().unwrap_or(LogLevel::None)
    }
}

impl IConfigurable for CompositeLogger {
    /// Checks `level`, and changes nothing.
    ///
    /// # Errors
    /// `BAD_VALUE` (Misconfiguration) for an unknown level.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        LogLevel::from_config(config).map(|_| ())
    }
}

impl IReferenceable for CompositeLogger {
    /// Replaces the loggers by those of the references; having none is no error.
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        let locator = Descriptor::new("*", "logger", "*", "*", "*");
        let mut loggers = Loggers::default();
        for component in references.find(&locator, false)? {
            if cast::<Self>(&component).is_none()
                && let Some(logger) = cast::<dyn ILogger>(&component)
            {
                loggers.silent |= cast::<dyn TellsChanges>(&component).is_none();
                loggers.all.push(logger);
            }
        }
        self.set(loggers);
        Ok(())
    }
}

impl IUnreferenceable for CompositeLogger {
    /// Lets all loggers go; messages then go nowhere.
    fn unset_references(&self) {
        self.set(Loggers::default());
    }
}

impl ILogger for CompositeLogger {
    /// The most detailed level of its loggers, `None` if it has none.
    fn get_level(&self) -> LogLevel {
        self.loggers.load().level()
    }

    /// Does nothing: each logger has a level of its own, which others share.
    fn set_level(&self, _level: LogLevel) {}

    fn is_enabled(&self, level: LogLevel) -> bool {
        !self.level.rules_out(level) && self.loggers().all.iter().any(|logger| logger.is_enabled(level))
    }

    fn log(
        &self,
        level: LogLevel,
        correlation_id: Option<&str>,
        error: Option<&(dyn Error + 'static)>,
        message: Arguments<'_>,
    ) {
        if !self.level.rules_out(level) {
            self.pass_on(level, correlation_id, error, message);
        }
    }
}
