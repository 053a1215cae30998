use std::{
    error::Error,
    fmt::Arguments,
    io::{self, Write as _},
    sync::Arc,
};

use chrono::{DateTime, SecondsFormat, Utc};
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{IReferenceable, IReferences},
};

use super::{ILogger, LogLevel, base::LoggerBase, known_level::TellsChanges, text};

/// A logger that writes to the console; ports `ConsoleLogger`.
///
/// Fatal errors, errors and warnings go to standard error, all else to standard output. A line has the form
/// of the Node port, with the time in UTC, and an error is followed by its causes:
///
/// ```text
/// [123:INFO:2026-01-31T12:00:00.000Z] Sent 5 messages
/// [---:ERROR:2026-01-31T12:00:00.250Z] Cannot send: not connected Caused by: connection refused
/// [---:ERROR:2026-01-31T12:00:00.500Z] Error: not connected Caused by: connection refused
/// ```
///
/// A line is written whole, so that lines of concurrent callers do not mix. What cannot be written is lost.
///
/// Configuration: `level` (`info`); `source`, the name of what writes, which the lines do not show.
/// References: `*:context-info:*:*:1.0` (optional), whose name is the source unless one is configured.
///
/// ```
/// use pip_services_components::log::{ConsoleLogger, ILogger, LogLevel};
///
/// let logger = ConsoleLogger::new();
/// logger.set_level(LogLevel::Warn);
/// logger.warn(Some("123"), format_args!("{} messages are waiting", 1000));
/// logger.info(Some("123"), format_args!("not written"));
/// ```
pub struct ConsoleLogger {
    base: LoggerBase,
}
component!(ConsoleLogger: dyn ILogger, dyn IConfigurable, dyn IReferenceable, dyn TellsChanges);

impl ConsoleLogger {
    /// A logger of level `info`.
    pub fn new() -> Self {
        Self { base: LoggerBase::new() }
    }

    /// The name of what writes: the configured one, or that of the context.
    pub fn get_source(&self) -> Option<String> {
        self.base.get_source().map(Arc::unwrap_or_clone)
    }
}

impl Default for ConsoleLogger {
    fn default() -> Self {
        Self::new()
    }
}

impl IConfigurable for ConsoleLogger {
    /// Takes `level` and `source`; an absent one stays as it is.
    ///
    /// # Errors
    /// `BAD_VALUE` (Misconfiguration) for an unknown level.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        self.base.configure(config)
    }
}

impl IReferenceable for ConsoleLogger {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.base.set_references(references);
        Ok(())
    }
}

impl TellsChanges for ConsoleLogger {}

impl ILogger for ConsoleLogger {
    fn get_level(&self) -> LogLevel {
        self.base.get_level()
    }

    fn set_level(&self, level: LogLevel) {
        self.base.set_level(level);
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
        let line = compose_line(Utc::now(), level, correlation_id, error, message);
        // A closed pipe or a full disk must not stop the service.
        let _ = if level <= LogLevel::Warn {
            io::stderr().lock().write_all(line.as_bytes())
        } else {
            io::stdout().lock().write_all(line.as_bytes())
        };
    }
}

fn compose_line(
    time: DateTime<Utc>,
    level: LogLevel,
    correlation_id: Option<&str>,
    error: Option<&(dyn Error + 'static)>,
    message: Arguments<'_>,
) -> String {
    let correlation_id = correlation_id.unwrap_or("---");
    let time = time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut line = format!("[{correlation_id}:{level}:{time}] ");
    text::push(&mut line, error, message);
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use std::{env, process::Command, sync::Barrier, thread};

    use super::*;

    #[test]
    fn a_line_shows_correlation_id_level_utc_time_message_and_error() {
        let time = DateTime::parse_from_rfc3339("2026-01-31T13:00:00.250999+01:00").unwrap();
        let error = ApplicationError::connection(None, "REFUSED", "refused");
        for (level, correlation_id, error, message, expected) in [
            (LogLevel::Info, Some("123"), None, "Sent 5", "[123:INFO:2026-01-31T12:00:00.250Z] Sent 5\n"),
            (LogLevel::Trace, None, None, "", "[---:TRACE:2026-01-31T12:00:00.250Z] \n"),
            (
                LogLevel::Fatal,
                None,
                Some(&error),
                "Lost",
                "[---:FATAL:2026-01-31T12:00:00.250Z] Lost: refused\n",
            ),
        ] {
            let error = error.map(|error| error as _);
            let line = compose_line(time.to_utc(), level, correlation_id, error, format_args!("{message}"));
            assert_eq!(line, expected);
        }
    }

    const THREADS: usize = 4;
    const LINES: usize = 1000;

    fn write_to_the_console() {
        let logger = ConsoleLogger::new();
        logger.set_level(LogLevel::Trace);
        for level in (1..=6).filter_map(LogLevel::from_number) {
            logger.log(level, Some("levels"), None, format_args!("of {level}"));
        }
        let start = Barrier::new(THREADS);
        thread::scope(|scope| {
            for number in 0..THREADS {
                let (logger, start) = (&logger, &start);
                scope.spawn(move || {
                    start.wait();
                    for _ in 0..LINES {
                        logger.info(Some("threads"), format_args!("{}.", number.to_string().repeat(500)));
                    }
                });
            }
        });
    }

    /// What a process writes can only be read from outside, so the test runs itself in a second process.
    #[test]
    fn problems_go_to_stderr_the_rest_to_stdout_and_lines_do_not_mix() {
        const INNER: &str = "CONSOLE_LOGGER_TEST_INNER";
        if env::var_os(INNER).is_some() {
            return write_to_the_console();
        }
        let (_, module) = module_path!().split_once("::").unwrap();
        let name = format!("{module}::problems_go_to_stderr_the_rest_to_stdout_and_lines_do_not_mix");
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", &name, "--nocapture"])
            .env(INNER, "1")
            .output()
            .unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();

        for (level, is_problem) in [
            ("FATAL", true),
            ("ERROR", true),
            ("WARN", true),
            ("INFO", false),
            ("DEBUG", false),
            ("TRACE", false),
        ] {
            let has = |text: &str| text.contains(&format!("[levels:{level}:"));
            assert_eq!((has(&stderr), has(&stdout)), (is_problem, !is_problem), "{level}");
        }
        for number in 0..THREADS {
            let message = format!("] {}.", number.to_string().repeat(500));
            let whole = |line: &&str| line.starts_with("[threads:INFO:") && line.ends_with(&message);
            assert_eq!(stdout.lines().filter(whole).count(), LINES, "of thread {number}");
        }
    }
}
