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

use super::{LogLevel, known_level};
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
        known_level::changed();
    }

    pub(super) fn get_source(&self) -> Option<Arc<String>> {
        self.source.load_full().or_else(|| self.context.load_full())
    }

    /// Takes `level` and `source`. What is absent stays as it is.
    ///
    /// # Errors
    /// `BAD_VALUE` for an unknown level; then nothing is changed.
    pub(super) fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        if let Some(level) = LogLevel::from_config(config)? {
            self.set_level(level);
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
