use async_trait::async_trait;
use pip_services_commons::{config::ConfigParams, errors::ApplicationError};

/// A source of configuration parameters; ports `IConfigReader`.
///
/// The change listeners of other ports, which nothing there ever calls, are left out.
#[async_trait]
pub trait IConfigReader: Send + Sync {
    /// Reads the configuration and fills in the parameters.
    ///
    /// # Errors
    /// Those of the reader.
    async fn read_config(
        &self,
        correlation_id: Option<&str>,
        parameters: &ConfigParams,
    ) -> Result<ConfigParams, ApplicationError>;
}
