use std::path::{Path, PathBuf};

use async_trait::async_trait;
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
};
use serde_json::Value;

use super::{
    IConfigReader,
    file::{self, FileSetup},
    yaml,
};

/// Reads configuration from a YAML file that is a [template](super::ConfigTemplate); ports `YamlConfigReader`, with
/// the `FileConfigReader` and `ConfigReader` that it derives from.
///
/// | key | default | meaning |
/// |---|---|---|
/// | `path` | that of the constructor | the path of the file |
/// | `parameters.*` | | parameters of the template, where the caller gives none of that name |
///
/// Without a component, [`read_object`](Self::read_object) and [`read_config`](Self::read_config) read a file
/// at once.
///
/// Configuration is text, and what stands in the file stays as it is written: booleans are `true` and `false`
/// only, and a number whose digits would not survive, such as the version `1.10` or an id `52e3`, is a text.
/// Anchors, aliases and merge keys work, within bounds that no honest file reaches, and so does nesting, up to 32 levels.
///
/// ```
/// use pip_services_commons::config::ConfigParams;
/// use pip_services_components::config::{IConfigReader, YamlConfigReader};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("config.yml");
/// std::fs::write(&path, "connection:\n  host: {{HOST}}\n  version: 1.10\n")?;
///
/// let reader = YamlConfigReader::new(&path);
/// let config = reader.read_config(None, &ConfigParams::from_tuples([("HOST", "localhost")])).await?;
/// assert_eq!(config.to_string(), "connection.host=localhost;connection.version=1.10");
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct YamlConfigReader {
    setup: FileSetup,
}

component!(YamlConfigReader: dyn IConfigReader, dyn IConfigurable);

impl YamlConfigReader {
    /// A reader of the file at this path. Without one, as by `default`, it must be configured.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { setup: FileSetup::new(path.into()) }
    }

    /// Reads a file as a value, with nothing made flat: lists stay lists.
    ///
    /// # Errors
    /// `NO_PATH` (Misconfiguration) for an empty path. `UNDEFINED_VARIABLE` (Misconfiguration) with the details
    /// `path`, `line` and `variable` for a parameter that is shown but not given. `READ_FAILED` (FileError) with
    /// the detail `path` and the cause where the file cannot be read, and with the detail `line` too where it is
    /// malformed, or has a key twice.
    pub fn read_object(
        correlation_id: Option<&str>,
        path: impl AsRef<Path>,
        parameters: &ConfigParams,
    ) -> Result<Value, ApplicationError> {
        file::read(correlation_id, path.as_ref(), parameters, yaml::parse)
    }

    /// Reads a file as configuration parameters.
    ///
    /// # Errors
    /// As [`read_object`](Self::read_object); `READ_FAILED` also for a single value, which has no key.
    pub fn read_config(
        correlation_id: Option<&str>,
        path: impl AsRef<Path>,
        parameters: &ConfigParams,
    ) -> Result<ConfigParams, ApplicationError> {
        file::read_config(correlation_id, path.as_ref(), parameters, yaml::parse)
    }
}

impl IConfigurable for YamlConfigReader {
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        self.setup.configure(config);
        Ok(())
    }
}

#[async_trait]
impl IConfigReader for YamlConfigReader {
    async fn read_config(
        &self,
        correlation_id: Option<&str>,
        parameters: &ConfigParams,
    ) -> Result<ConfigParams, ApplicationError> {
        let (path, parameters) = self.setup.with(parameters);
        Self::read_config(correlation_id, path, &parameters)
    }
}
