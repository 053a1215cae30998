use async_trait::async_trait;
use pip_services_commons::errors::ApplicationError;

use super::ConnectionParams;

/// A service that knows the connections of others by key; ports `IDiscovery`.
#[async_trait]
pub trait IDiscovery: Send + Sync {
    /// Adds a connection under a key and gives it as it was registered. Several can have the same key.
    ///
    /// # Errors
    /// Those of the service.
    async fn register(
        &self,
        correlation_id: Option<&str>,
        key: &str,
        connection: &ConnectionParams,
    ) -> Result<ConnectionParams, ApplicationError>;

    /// One connection of a key, `None` where the key is unknown.
    ///
    /// # Errors
    /// Those of the service.
    async fn resolve_one(
        &self,
        correlation_id: Option<&str>,
        key: &str,
    ) -> Result<Option<ConnectionParams>, ApplicationError>;

    /// All connections of a key, none where it is unknown.
    ///
    /// # Errors
    /// Those of the service.
    async fn resolve_all(
        &self,
        correlation_id: Option<&str>,
        key: &str,
    ) -> Result<Vec<ConnectionParams>, ApplicationError>;
}
