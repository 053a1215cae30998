use std::{
    error::Error,
    fmt::Arguments,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwap;
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{Descriptor, IReferenceable, IReferences, IUnreferenceable, cast},
};

use super::{ILogger, LogLevel};

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
    loggers: ArcSwap<Vec<Arc<dyn ILogger>>>,
    /// Whether there is any: without one, a message costs nothing.
    any: AtomicBool,
}
component!(
    CompositeLogger: dyn ILogger,
    dyn IConfigurable,
    dyn IReferenceable,
    dyn IUnreferenceable
);

impl CompositeLogger {
    /// A logger without loggers.
    pub fn new() -> Self {
        Self::default()
    }

    fn set(&self, loggers: Vec<Arc<dyn ILogger>>) {
        self.any.store(!loggers.is_empty(), Ordering::Relaxed);
        self.loggers.store(Arc::new(loggers));
    }
}

impl IConfigurable for CompositeLogger {
    /// Checks `level`, and changes nothing.
    ///
    /// # Errors
    /// `BAD_VALUE` (Misconfiguration) for an unknown level.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        match config.get_as_nullable_string("level") {
            Some(level) => level.parse().map(|_: LogLevel| ()),
            None => Ok(()),
        }
    }
}

impl IReferenceable for CompositeLogger {
    /// Replaces the loggers by those of the references; having none is no error.
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        let locator = Descriptor::new("*", "logger", "*", "*", "*");
        let loggers = references
            .find(&locator, false)?
            .iter()
            .filter(|component| cast::<Self>(component).is_none())
            .filter_map(cast::<dyn ILogger>)
            .collect();
        self.set(loggers);
        Ok(())
    }
}

impl IUnreferenceable for CompositeLogger {
    /// Lets all loggers go; messages then go nowhere.
    fn unset_references(&self) {
        self.set(Vec::new());
    }
}

impl ILogger for CompositeLogger {
    /// The most detailed level of its loggers, `None` if it has none.
    fn get_level(&self) -> LogLevel {
        let loggers = self.loggers.load();
        let levels = loggers.iter().map(|logger| logger.get_level());
        levels.max().unwrap_or(LogLevel::None)
    }

    /// Does nothing: each logger has a level of its own, which others share.
    fn set_level(&self, _level: LogLevel) {}

    fn is_enabled(&self, level: LogLevel) -> bool {
        self.any.load(Ordering::Relaxed) && self.loggers.load().iter().any(|logger| logger.is_enabled(level))
    }

    fn log(
        &self,
        level: LogLevel,
        correlation_id: Option<&str>,
        error: Option<&(dyn Error + 'static)>,
        message: Arguments<'_>,
    ) {
        if !self.any.load(Ordering::Relaxed) {
            return;
        }
        for logger in self.loggers.load().iter() {
            logger.log(level, correlation_id, error, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pip_services_commons::refer::{Component, References};

    use super::{super::recorder::Recorder, *};

    fn put(references: &References, kind: &str, component: Arc<dyn Component>) {
        references.put(Descriptor::new("test", "logger", kind, "default", "1.0"), component);
    }

    #[test]
    fn every_logger_gets_each_message_and_filters_by_its_own_level() {
        let (brief, full) =
            (Arc::new(Recorder::new(LogLevel::Error)), Arc::new(Recorder::new(LogLevel::Trace)));
        let references = References::new();
        put(&references, "brief", brief.clone());
        put(&references, "full", full.clone());
        let logger = CompositeLogger::new();
        logger.set_references(&references).unwrap();

        let cause = ApplicationError::internal(None, "X", "broken");
        logger.trace(Some("1"), format_args!("step {}", 1));
        logger.error(Some("2"), Some(&cause), format_args!("failed"));
        assert_eq!(brief.lines(), ["2 ERROR failed (broken)"]);
        assert_eq!(full.lines(), ["1 TRACE step 1", "2 ERROR failed (broken)"]);
    }

    #[test]
    fn its_level_is_the_most_detailed_of_its_loggers() {
        let logger = CompositeLogger::new();
        assert_eq!(logger.get_level(), LogLevel::None);
        let references = References::new();
        put(&references, "a", Arc::new(Recorder::new(LogLevel::Debug)));
        put(&references, "b", Arc::new(Recorder::new(LogLevel::Error)));
        logger.set_references(&references).unwrap();
        logger.set_level(LogLevel::Fatal);
        assert_eq!(logger.get_level(), LogLevel::Debug);
        assert!(logger.is_enabled(LogLevel::Debug) && !logger.is_enabled(LogLevel::Trace));
    }

    #[test]
    fn references_set_again_replace_the_loggers_and_unset_drops_them() {
        let recorder = Arc::new(Recorder::new(LogLevel::Info));
        let references = References::new();
        put(&references, "recorder", recorder.clone());
        let logger = CompositeLogger::new();
        logger.set_references(&references).unwrap();
        logger.set_references(&references).unwrap();
        logger.info(None, format_args!("once"));
        assert_eq!(recorder.lines(), ["--- INFO once"]);

        logger.unset_references();
        logger.info(None, format_args!("never"));
        assert_eq!(recorder.lines().len(), 1);
        drop(references);
        assert_eq!(Arc::strong_count(&recorder), 1);
    }

    #[test]
    fn registered_composites_neither_recurse_nor_repeat() {
        let recorder = Arc::new(Recorder::new(LogLevel::Info));
        let composites = [(); 2].map(|()| Arc::new(CompositeLogger::new()));
        let references = References::new();
        put(&references, "recorder", recorder.clone());
        for composite in &composites {
            put(&references, "composite", composite.clone());
        }
        for composite in &composites {
            composite.set_references(&references).unwrap();
        }
        composites[0].info(None, format_args!("once"));
        assert_eq!(recorder.lines(), ["--- INFO once"]);
        assert_eq!(composites[0].get_level(), LogLevel::Info);
    }

    #[test]
    fn a_malformed_level_is_an_error_although_a_level_changes_nothing() {
        let logger = CompositeLogger::new();
        let configure = |level| logger.configure(&ConfigParams::from_tuples([("level", level)]));
        configure("trace").unwrap();
        assert_eq!(logger.get_level(), LogLevel::None);
        assert_eq!(configure("loud").unwrap_err().code(), "BAD_VALUE");
    }
}
