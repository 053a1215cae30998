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
    let failed = |line: Option<usize>, cause: Box<dyn Error + Send + Sync>| {
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
    };
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

#[cfg(test)]
mod tests {
    use std::error::Error;

    use pip_services_commons::{config::IConfigurable, errors::ErrorCategory};
    use tempfile::TempDir;

    use super::{
        super::{IConfigReader, JsonConfigReader, YamlConfigReader},
        *,
    };

    struct Folder(TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn file(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            fs::write(&path, text).unwrap();
            path
        }
    }

    fn cause(error: &ApplicationError) -> String {
        error.source().map(ToString::to_string).unwrap_or_default()
    }

    #[test]
    fn an_empty_path_is_a_misconfiguration() {
        let error = JsonConfigReader::read_object(Some("c"), "", &ConfigParams::new()).unwrap_err();
        assert_eq!((error.code(), error.correlation_id()), ("NO_PATH", Some("c")));
        assert_eq!(error.category(), &ErrorCategory::Misconfiguration);
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error_with_its_path_and_the_cause() {
        let folder = Folder::new();
        let path = folder.0.path().join("missing.yml");
        let error = YamlConfigReader::read_object(None, &path, &ConfigParams::new()).unwrap_err();
        assert_eq!(error.code(), "READ_FAILED");
        assert_eq!(error.category(), &ErrorCategory::FileError);
        assert_eq!(error.detail("path"), path.to_str());
        assert_eq!(error.detail("line"), None);
        assert!(error.source().unwrap().is::<std::io::Error>());
    }

    #[test]
    fn a_malformed_file_is_an_error_with_the_line_of_the_file_not_of_the_filled_in_text() {
        let folder = Folder::new();
        let parameters = ConfigParams::from_tuples([("TWO", "b: 1\nc: 1")]);
        let yaml = folder.file("a.yml", "a: 1\n{{#if X}}\nhidden: 1\n{{/if}}\n{{TWO}}\na: 2\n");
        let json = folder.file("a.json", "{\n{{! of\ntwo lines}}\n\"a\": 1,\n\"b\" 2\n}");
        let cases = [
            (
                YamlConfigReader::read_config(None, &yaml, &parameters),
                "6",
                "duplicate mapping key `a` is not allowed here",
            ),
            (JsonConfigReader::read_config(None, &json, &parameters), "5", "expected `:`"),
        ];
        for (result, line, expected) in cases {
            let error = result.unwrap_err();
            assert_eq!((error.code(), error.detail("line")), ("READ_FAILED", Some(line)));
            assert!(error.message().ends_with(&format!("line {line}")), "{error}");
            assert_eq!(cause(&error), expected);
        }
    }

    #[test]
    fn a_template_error_is_the_cause_of_an_error_with_its_line() {
        let folder = Folder::new();
        let path = folder.file("a.yml", "a: 1\nb: {{>c}}");
        let error = YamlConfigReader::read_object(None, path, &ConfigParams::new()).unwrap_err();
        assert_eq!((error.code(), error.detail("line")), ("READ_FAILED", Some("2")));
        assert_eq!(cause(&error), "{{>c}} is not understood");
    }

    #[test]
    fn a_parameter_that_is_not_given_is_a_misconfiguration_with_path_line_and_name() {
        let folder = Folder::new();
        let path = folder.file("a.yml", "a: 1\nb: {{HOST}}");
        let error = YamlConfigReader::read_object(Some("c"), &path, &ConfigParams::new()).unwrap_err();
        assert_eq!((error.code(), error.correlation_id()), ("UNDEFINED_VARIABLE", Some("c")));
        assert_eq!(error.category(), &ErrorCategory::Misconfiguration);
        assert_eq!((error.detail("line"), error.detail("variable")), (Some("2"), Some("HOST")));
        assert_eq!(error.detail("path"), path.to_str());
        let expected = format!("cannot read '{}', line 2: {{{{HOST}}}} is not given", path.display());
        assert!(error.message().starts_with(&expected), "{error}");
    }

    #[test]
    fn both_formats_give_the_same_value_and_keep_order_and_indentation() {
        let folder = Folder::new();
        let json = folder.file("a.json", "\u{feff}[{\"z\": \"{{Z}}\", \"a\": true}, {\"b\": null}]");
        let yaml = folder.file("a.yml", "\n  - z: '{{Z}}'\n    a: true\n  - b:\n");
        let parameters = ConfigParams::from_tuples([("Z", "1")]);
        let json = JsonConfigReader::read_config(None, json, &parameters).unwrap();
        let yaml = YamlConfigReader::read_config(None, yaml, &parameters).unwrap();
        assert_eq!(json.to_string(), "0.z=1;0.a=true;1.b");
        assert_eq!(yaml, json);
    }

    #[tokio::test]
    async fn given_parameters_go_over_configured_ones_whatever_their_case() {
        let folder = Folder::new();
        let path = folder.file("a.yml", "a: {{A}}\nb: {{B}}");
        let reader = YamlConfigReader::default();
        let error = reader.read_config(None, &ConfigParams::new()).await.unwrap_err();
        assert_eq!(error.code(), "NO_PATH");

        let config = [("path", path.to_str().unwrap()), ("parameters.A", "1"), ("parameters.B", "2")];
        reader.configure(&ConfigParams::from_tuples(config)).unwrap();
        let parameters = ConfigParams::from_tuples([("b", "3")]);
        let config = reader.read_config(None, &parameters).await.unwrap();
        assert_eq!(config.to_string(), "a=1;b=3");
    }
}
