use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use arc_swap::ArcSwapOption;
use pip_services_commons::{
    config::ConfigParams,
    errors::ApplicationError,
    refer::{Descriptor, IReferences, ReferencesExt},
};

use super::LogLevel;
use crate::info::ContextInfo;

/// What every logger that writes by itself has: a level and a source; ports `Logger`.
pub(super) struct LoggerBase {
    level: AtomicU8,
    source: ArcSwapOption<String>,
    /// The name in the context info, which is the source where none is configured.
    context: ArcSwapOption<String>,
}

impl LoggerBase {
    pub(super) fn new() -> Self {
        Self {
            level: AtomicU8::new(LogLevel::default() as u8),
            source: ArcSwapOption::empty(),
            context: ArcSwapOption::empty(),
        }
    }

    pub(super) fn get_level(&self) -> LogLevel {
        LogLevel::from_number(self.level.load(Ordering::Relaxed)).unwrap_or_default()
    }

    pub(super) fn set_level(&self, level: LogLevel) {
        self.level.store(level as u8, Ordering::Relaxed);
    }

    pub(super) fn get_source(&self) -> Option<Arc<String>> {
        self.source.load_full().or_else(|| self.context.load_full())
    }

    /// Takes `level` and `source`. What is absent stays as it is.
    ///
    /// # Errors
    /// `BAD_VALUE` for an unknown level; then nothing is changed.
    pub(super) fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        if let Some(level) = config.get_as_nullable_string("level") {
            self.set_level(level.parse()?);
        }
        if let Some(source) = config.get_as_nullable_string("source") {
            self.source.store(Some(Arc::new(source)));
        }
        Ok(())
    }

    /// Takes the source from the context info, if there is one.
    pub(super) fn set_references(&self, references: &dyn IReferences) {
        let locator = Descriptor::new("*", "context-info", "*", "*", "1.0");
        let context = references.get_one_optional::<ContextInfo>(&locator);
        self.context.store(context.map(|context| Arc::new(context.name())));
    }
}

#[cfg(test)]
mod tests {
    use pip_services_commons::refer::References;

    use super::*;

    fn references(context: &str) -> References {
        let references = References::new();
        let info = ContextInfo::from_config(&ConfigParams::from_tuples([("name", context)]));
        references.put("pip-services:context-info:default:default:1.0".parse().unwrap(), Arc::new(info));
        references
    }

    fn source(base: &LoggerBase) -> Option<String> {
        base.get_source().map(Arc::unwrap_or_clone)
    }

    #[test]
    fn an_absent_level_keeps_the_current_one_and_an_unknown_one_is_an_error() {
        let base = LoggerBase::new();
        assert_eq!(base.get_level(), LogLevel::Info);
        let configure =
            |level: Option<&str>| base.configure(&ConfigParams::from_tuples([("level", level), ("x", None)]));
        configure(Some("trace")).unwrap();
        configure(None).unwrap();
        configure(Some("")).unwrap();
        assert_eq!(base.get_level(), LogLevel::Trace);
        assert_eq!(configure(Some("loud")).unwrap_err().code(), "BAD_VALUE");
        assert_eq!(base.get_level(), LogLevel::Trace);
    }

    #[test]
    fn the_source_is_the_name_of_the_context_until_one_is_configured() {
        let base = LoggerBase::new();
        assert_eq!(source(&base), None);
        base.set_references(&references("orders"));
        assert_eq!(source(&base), Some("orders".into()));
        base.set_references(&references("billing"));
        assert_eq!(source(&base), Some("billing".into()));
        base.configure(&ConfigParams::from_tuples([("source", "mine")])).unwrap();
        base.set_references(&references("orders"));
        assert_eq!(source(&base), Some("mine".into()));
    }

    #[test]
    fn without_a_context_there_is_no_source() {
        let base = LoggerBase::new();
        base.set_references(&references("orders"));
        base.set_references(&References::new());
        assert_eq!(source(&base), None);
    }
}
