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
    json,
};

/// Reads configuration from a JSON file that is a [template](super::ConfigTemplate); ports `JsonConfigReader`, with
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
/// ```
/// use pip_services_commons::config::ConfigParams;
/// use pip_services_components::config::{IConfigReader, JsonConfigReader};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("config.json");
/// std::fs::write(&path, r#"{"connection": {"host": "{{{HOST}}}"}}"#)?;
///
/// let reader = JsonConfigReader::new(&path);
/// let config = reader.read_config(None, &ConfigParams::from_tuples([("HOST", "localhost")])).await?;
/// assert_eq!(config.get("connection.host"), Some("localhost"));
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct JsonConfigReader {
    setup: FileSetup,
}

component!(JsonConfigReader: dyn IConfigReader, dyn IConfigurable);

impl JsonConfigReader {
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
        file::read(correlation_id, path.as_ref(), parameters, json::parse)
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
        file::read_config(correlation_id, path.as_ref(), parameters, json::parse)
    }
}

impl IConfigurable for JsonConfigReader {
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        self.setup.configure(config);
        Ok(())
    }
}

#[async_trait]
impl IConfigReader for JsonConfigReader {
    async fn read_config(
        &self,
        correlation_id: Option<&str>,
        parameters: &ConfigParams,
    ) -> Result<ConfigParams, ApplicationError> {
        let (path, parameters) = self.setup.with(parameters);
        Self::read_config(correlation_id, path, &parameters)
    }
}
