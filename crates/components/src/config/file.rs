use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use pip_services_commons::{config::ConfigParams, errors::ApplicationError};
use serde_json::Value;

use super::{ConfigTemplate, template::Rendered};

/// A text that a format does not allow.
pub(super) struct ParseError {
    /// Counted from one; `None` where it is unknown.
    pub(super) line: Option<usize>,
    pub(super) cause: Box<dyn Error + Send + Sync>,
}

/// Reads a file, fills in the parameters and parses it.
pub(super) fn read(
    correlation_id: Option<&str>,
    path: &Path,
    parameters: &ConfigParams,
    parse: fn(&str) -> Result<Value, ParseError>,
) -> Result<Value, ApplicationError> {
    if path.as_os_str().is_empty() {
        let message = "path is missing; it must be that of a configuration file";
        return Err(ApplicationError::config(correlation_id, "NO_PATH", message).with_details("key", "path"));
    }
    let failed = |line, cause| read_failed(correlation_id, path, line, cause);
    let text = fs::read_to_string(path).map_err(|error| failed(None, error.into()))?;
    // Editors on some systems put a byte order mark in front, which is no part of either format.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let rendered = Rendered::new(text, parameters).map_err(|error| match error.variable {
        // The file may be as it should be. Who reads it can tell a missing parameter from a malformed file.
        Some(_) => {
            let path = path.display();
            let place = format_args!("cannot read '{path}', line {}", error.line);
            error.at(correlation_id, place).with_details("path", path)
        }
        None => failed(Some(error.line), error.into()),
    })?;
    parse(&rendered.text).map_err(|error| {
        let line = error.line.map(|line| rendered.template_line(line));
        failed(line, error.cause)
    })
}

/// As [`read`], made flat. An empty document has no parameters, and one that is a single value has no key for it.
pub(super) fn read_config(
    correlation_id: Option<&str>,
    path: &Path,
    parameters: &ConfigParams,
    parse: fn(&str) -> Result<Value, ParseError>,
) -> Result<ConfigParams, ApplicationError> {
    match read(correlation_id, path, parameters, parse)? {
        Value::Null => Ok(ConfigParams::new()),
        value @ (Value::Object(_) | Value::Array(_)) => Ok(ConfigParams::from_value(&value)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let cause = "it holds a single value; it must hold keys with values, or a list";
            Err(read_failed(correlation_id, path, None, cause.into()))
        }
    }
}

fn read_failed(
    correlation_id: Option<&str>,
    path: &Path,
    line: Option<usize>,
    cause: Box<dyn Error + Send + Sync>,
) -> ApplicationError {
    let path = path.display();
    let message = match line {
        Some(line) => format!("cannot read '{path}', line {line}"),
        None => format!("cannot read '{path}'"),
    };
    let error = ApplicationError::file(correlation_id, "READ_FAILED", message)
        .with_details("path", path)
        .with_cause(cause);
    match line {
        Some(line) => error.with_details("line", line),
        None => error,
    }
}

/// What a reader of files is configured with.
#[derive(Default)]
pub(super) struct FileSetup(Mutex<(PathBuf, ConfigParams)>);

impl FileSetup {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(Mutex::new((path, ConfigParams::new())))
    }

    /// Takes `path`, where it is given, and `parameters.*`.
    pub(super) fn configure(&self, config: &ConfigParams) {
        let mut setup = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = config.get_as_nullable_string("path") {
            setup.0 = path.into();
        }
        setup.1 = config.get_section("parameters");
    }

    /// The path, and the given parameters over the configured ones.
    pub(super) fn with(&self, parameters: &ConfigParams) -> (PathBuf, ConfigParams) {
        let setup = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (path, defaults) = &*setup;
        (path.clone(), ConfigTemplate::override_parameters(defaults, parameters))
    }
}
