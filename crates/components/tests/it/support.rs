use std::{
    error::Error,
    fmt::{self, Arguments},
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use pip_services_commons::{
    component,
    config::ConfigParams,
    refer::{Component, IReferences, References},
};
use pip_services_components::log::{ILogger, LogLevel};
use tempfile::TempDir;

/// Keys and values of a configuration.
pub(crate) type Tuples = &'static [(&'static str, &'static str)];

pub(crate) fn config(tuples: &[(&str, &str)]) -> ConfigParams {
    ConfigParams::from_tuples(tuples.iter().copied())
}

/// References that hold these components, the oldest first.
pub(crate) fn references(
    components: impl IntoIterator<Item = (&'static str, Arc<dyn Component>)>,
) -> References {
    let references = References::new();
    for (locator, component) in components {
        references.put(locator.parse().unwrap(), component);
    }
    references
}

/// Part of a message that must not be formatted.
pub(crate) struct NeverShown;

impl fmt::Display for NeverShown {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a message below the level was formatted")
    }
}

/// A logger that keeps what it is given and its level lets through.
pub(crate) struct Recorder {
    level: Mutex<LogLevel>,
    lines: Mutex<Vec<String>>,
}
component!(Recorder: dyn ILogger);

impl Recorder {
    pub(crate) fn new(level: LogLevel) -> Arc<Self> {
        Arc::new(Self { level: level.into(), lines: Mutex::default() })
    }

    /// A recorder and references that hold it.
    pub(crate) fn with_references(level: LogLevel) -> (Arc<Self>, References) {
        let recorder = Self::new(level);
        let references = references([("test:logger:recorder:default:1.0", recorder.clone() as _)]);
        (recorder, references)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

impl ILogger for Recorder {
    fn get_level(&self) -> LogLevel {
        *self.level.lock().unwrap()
    }

    fn set_level(&self, level: LogLevel) {
        *self.level.lock().unwrap() = level;
    }

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

/// A folder that is removed at the end of the test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file with this text.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }
}
