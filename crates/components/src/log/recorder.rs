//! A logger for tests, which keeps what it is given.

use std::{
    error::Error,
    fmt::Arguments,
    sync::{Arc, Mutex},
};

use pip_services_commons::{
    component,
    refer::{IReferences, References},
};

use super::{ILogger, LogLevel};

pub(crate) struct Recorder {
    level: LogLevel,
    lines: Mutex<Vec<String>>,
}
component!(Recorder: dyn ILogger);

impl Recorder {
    pub(crate) fn new(level: LogLevel) -> Self {
        Self { level, lines: Mutex::default() }
    }

    /// A recorder and references that hold it.
    pub(crate) fn with_references(level: LogLevel) -> (Arc<Self>, References) {
        let recorder = Arc::new(Self::new(level));
        let references = References::new();
        references.put("test:logger:recorder:default:1.0".parse().unwrap(), recorder.clone());
        (recorder, references)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

impl ILogger for Recorder {
    fn get_level(&self) -> LogLevel {
        self.level
    }

    fn set_level(&self, _level: LogLevel) {}

    fn log(
        &self,
        level: LogLevel,
        correlation_id: Option<&str>,
        error: Option<&(dyn Error + 'static)>,
        message: Arguments<'_>,
    ) {
        if self.is_enabled(level) {
            let mut line = format!("{} {level} {message}", correlation_id.unwrap_or("---"));
            if let Some(error) = error {
                line += &format!(" ({error})");
            }
            self.lines.lock().unwrap().push(line);
        }
    }
}
