use std::{
    error::Error,
    fmt::Arguments,
    io::{Write, stderr},
};

use pip_services_commons::component;
use pip_services_components::log::{ILogger, LogLevel};

/// Stands in for the console logger, which would mix its lines with the messages on standard output.
///
/// It writes errors and warnings to standard error. What keeps the command from running is left to the command.
pub(crate) struct StderrLogger;

component!(StderrLogger: dyn ILogger);

impl ILogger for StderrLogger {
    fn get_level(&self) -> LogLevel {
        LogLevel::Warn
    }

    fn set_level(&self, _level: LogLevel) {}

    fn log(
        &self,
        level: LogLevel,
        _correlation_id: Option<&str>,
        error: Option<&(dyn Error + 'static)>,
        message: Arguments<'_>,
    ) {
        if level == LogLevel::Error || level == LogLevel::Warn {
            let error = error.map(|error| format!(": {error}")).unwrap_or_default();
            // Nobody to tell where standard error is closed.
            let _ = writeln!(stderr().lock(), "pip-queue: {message}{error}");
        }
    }
}
