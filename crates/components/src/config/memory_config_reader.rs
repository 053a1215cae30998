use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
};

use super::{IConfigReader, template::Rendered};

/// Gives the configuration that it was configured with; ports `MemoryConfigReader`.
///
/// Each value is a [template](super::ConfigTemplate) of its own; keys are not. Other ports fill in the parameters of
/// the whole configuration as one text, which breaks where a value has a semicolon.
///
/// ```
/// use pip_services_commons::config::ConfigParams;
/// use pip_services_components::config::{IConfigReader, MemoryConfigReader};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
/// let config = ConfigParams::from_tuples([("connection.host", "{{HOST}}"), ("connection.port", "1883")]);
/// let reader = MemoryConfigReader::new(config);
/// let config = reader.read_config(None, &ConfigParams::from_tuples([("HOST", "localhost")])).await?;
/// assert_eq!(config.to_string(), "connection.host=localhost;connection.port=1883");
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct MemoryConfigReader {
    config: Mutex<ConfigParams>,
}

component!(MemoryConfigReader: dyn IConfigReader, dyn IConfigurable);

impl MemoryConfigReader {
    /// A reader of this configuration.
    pub fn new(config: ConfigParams) -> Self {
        Self { config: Mutex::new(config) }
    }
}

impl IConfigurable for MemoryConfigReader {
    /// Replaces the configuration by the whole of this one. It does not fail.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config.clone();
        Ok(())
    }
}

#[async_trait]
impl IConfigReader for MemoryConfigReader {
    /// Fills in the parameters of each value.
    ///
    /// # Errors
    /// As [`ConfigTemplate::render`](super::ConfigTemplate::render), with the key and as the detail `key` too.
    async fn read_config(
        &self,
        correlation_id: Option<&str>,
        parameters: &ConfigParams,
    ) -> Result<ConfigParams, ApplicationError> {
        let config = self.config.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let rendered = |(key, value): (&str, Option<&str>)| {
            let value = value
                .map(|value| Rendered::new(value, parameters))
                .transpose()
                .map_err(|error| error.at(correlation_id, format_args!("{key}")).with_details("key", key))?;
            Ok((key.to_owned(), value.map(|value| value.text)))
        };
        config.iter().map(rendered).collect()
    }
}
