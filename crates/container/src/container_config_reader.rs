use std::path::Path;

use pip_services_commons::{config::ConfigParams, errors::ApplicationError};
use pip_services_components::config::{JsonConfigReader, YamlConfigReader};

use crate::ContainerConfig;

/// Reads the configuration of a container; ports `ContainerConfigReader`.
#[derive(Debug, Clone, Copy)]
pub struct ContainerConfigReader;

impl ContainerConfigReader {
    /// Reads a file: YAML where its extension is `yml` or `yaml`, in any case, JSON otherwise.
    ///
    /// The file is a [template](pip_services_components::config::ConfigTemplate), filled in with the
    /// parameters.
    ///
    /// # Errors
    /// Those of [`YamlConfigReader::read_object`] and [`ContainerConfig::from_value`], with the detail `path`.
    pub fn read_from_file(
        correlation_id: Option<&str>,
        path: impl AsRef<Path>,
        parameters: &ConfigParams,
    ) -> Result<ContainerConfig, ApplicationError> {
        let path = path.as_ref();
        let extension = path.extension().unwrap_or_default();
        let is_yaml = ["yml", "yaml"].iter().any(|yaml| extension.eq_ignore_ascii_case(yaml));
        let read = if is_yaml { YamlConfigReader::read_object } else { JsonConfigReader::read_object };
        let value = read(correlation_id, path, parameters)?;
        ContainerConfig::from_value(&value).map_err(|error| {
            let (path, message) = (path.display(), format!("{}: {error}", path.display()));
            error.with_message(message).with_correlation_id(correlation_id).with_details("path", path)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(name: &str, text: &str) -> Result<String, ApplicationError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let parameters = ConfigParams::from_tuples([("NAME", "main")]);
        let config = ContainerConfigReader::read_from_file(Some("c"), path, &parameters)?;
        Ok(config.components()[0].descriptor().to_string())
    }

    #[test]
    fn the_extension_tells_the_format_in_any_case_and_json_is_the_default() {
        let yaml = "- descriptor: g:t:k:{{NAME}}:1.0";
        let json = r#"[{"descriptor": "g:t:k:{{NAME}}:1.0"}]"#;
        for (name, text) in
            [("a.yml", yaml), ("a.YAML", yaml), ("a.json", json), ("a.conf", json), ("a", json)]
        {
            assert_eq!(read(name, text).unwrap(), "g:t:k:main:1.0", "{name}");
        }
        assert_eq!(read("a.conf", yaml).unwrap_err().code(), "READ_FAILED");
    }

    #[test]
    fn an_error_names_the_file_and_the_entry() {
        let error = read("a.yml", "- descriptor: g:t").unwrap_err();
        assert_eq!((error.code(), error.detail("entry")), ("BAD_DESCRIPTOR", Some("1")));
        assert_eq!(error.correlation_id(), Some("c"));
        assert!(error.detail("path").is_some_and(|path| path.ends_with("a.yml")));
        assert!(error.message().contains("a.yml: entry 1 (g:t): "), "{error}");
    }
}
