use std::{error::Error, fmt::Arguments};

use pip_services_commons::component;

use super::{ILogger, LogLevel, known_level::TellsChanges};

/// A logger that writes nothing; ports `NullLogger`. Its level is always [`LogLevel::None`].
#[derive(Debug, Clone, Copy, Default)]
pub struct NullLogger;
component!(NullLogger: dyn ILogger, dyn TellsChanges);

impl NullLogger {
    /// A logger that writes nothing.
    pub fn new() -> Self {
        Self
    }
}

impl TellsChanges for NullLogger {}

impl ILogger for NullLogger {
    fn get_level(&self) -> LogLevel {
        LogLevel::None
    }

    fn set_level(&self, _level: LogLevel) {}

    fn log(
        &self,
        _level: LogLevel,
        _correlation_id: Option<&str>,
        _error: Option<&(dyn Error + 'static)>,
        _message: Arguments<'_>,
    ) {
    }
}
