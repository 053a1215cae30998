use std::{error::Error, fmt::Arguments};

use super::LogLevel;

/// A logger; ports `ILogger`.
///
/// Messages are given as [`format_args!`], so that one which no logger wants is never formatted:
///
/// ```
/// use pip_services_components::log::{ILogger, NullLogger};
///
/// let logger = NullLogger::new();
/// logger.info(Some("123"), format_args!("Sent {} messages", 5));
/// ```
///
/// A logger never fails its caller and never blocks it for long.
pub trait ILogger: Send + Sync {
    /// The most detailed level that this logger writes.
    fn get_level(&self) -> LogLevel;

    /// Sets the most detailed level that this logger writes.
    fn set_level(&self, level: LogLevel);

    /// Writes a message, with the error that it is about, if the logger's level lets it through.
    fn log(
        &self,
        level: LogLevel,
        correlation_id: Option<&str>,
        error: Option<&(dyn Error + 'static)>,
        message: Arguments<'_>,
    );

    /// Whether a message of this level would be written.
    fn is_enabled(&self, level: LogLevel) -> bool {
        level != LogLevel::None && level <= self.get_level()
    }

    /// Writes that the process cannot go on.
    fn fatal(
        &self,
        correlation_id: Option<&str>,
        error: Option<&(dyn Error + 'static)>,
        message: Arguments<'_>,
    ) {
        self.log(LogLevel::Fatal, correlation_id, error, message);
    }

    /// Writes that an operation failed.
    fn error(
        &self,
        correlation_id: Option<&str>,
        error: Option<&(dyn Error + 'static)>,
        message: Arguments<'_>,
    ) {
        self.log(LogLevel::Error, correlation_id, error, message);
    }

    /// Writes that something is wrong, but the operation goes on.
    fn warn(&self, correlation_id: Option<&str>, message: Arguments<'_>) {
        self.log(LogLevel::Warn, correlation_id, None, message);
    }

    /// Writes a step that matters to an operator.
    fn info(&self, correlation_id: Option<&str>, message: Arguments<'_>) {
        self.log(LogLevel::Info, correlation_id, None, message);
    }

    /// Writes a step that matters to a developer.
    fn debug(&self, correlation_id: Option<&str>, message: Arguments<'_>) {
        self.log(LogLevel::Debug, correlation_id, None, message);
    }

    /// Writes the finest detail.
    fn trace(&self, correlation_id: Option<&str>, message: Arguments<'_>) {
        self.log(LogLevel::Trace, correlation_id, None, message);
    }
}
