use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use indexmap::IndexMap;
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
};

use super::{ConnectionParams, IDiscovery};
use crate::config::sections;

/// Discovery from the configuration: one section for each key; ports `MemoryDiscovery`.
///
/// | key | meaning |
/// |---|---|
/// | `<key>.*` | the parameters of the connection with that key |
///
/// A key without a section, such as the `descriptor` of a container's entry, is no connection.
///
/// ```
/// use pip_services_commons::config::{ConfigParams, IConfigurable};
/// use pip_services_components::connect::{IDiscovery, MemoryDiscovery};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
/// let discovery = MemoryDiscovery::new();
/// discovery.configure(&ConfigParams::from_tuples([("broker.host", "10.0.0.1")]))?;
/// assert!(discovery.resolve_one(None, "broker").await?.is_some());
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct MemoryDiscovery {
    connections: Mutex<IndexMap<String, Vec<ConnectionParams>>>,
}

component!(MemoryDiscovery: dyn IDiscovery, dyn IConfigurable);

impl MemoryDiscovery {
    /// A discovery without connections.
    pub fn new() -> Self {
        Self::default()
    }

    fn connections(&self) -> MutexGuard<'_, IndexMap<String, Vec<ConnectionParams>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IConfigurable for MemoryDiscovery {
    /// Replaces all connections, those registered in between too.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        let connections =
            sections(config).map(|(key, section)| (key.to_owned(), vec![section.into()])).collect();
        *self.connections() = connections;
        Ok(())
    }
}

#[async_trait]
impl IDiscovery for MemoryDiscovery {
    async fn register(
        &self,
        _correlation_id: Option<&str>,
        key: &str,
        connection: &ConnectionParams,
    ) -> Result<ConnectionParams, ApplicationError> {
        self.connections().entry(key.to_owned()).or_default().push(connection.clone());
        Ok(connection.clone())
    }

    async fn resolve_one(
        &self,
        _correlation_id: Option<&str>,
        key: &str,
    ) -> Result<Option<ConnectionParams>, ApplicationError> {
        Ok(self.connections().get(key).and_then(|connections| connections.first().cloned()))
    }

    async fn resolve_all(
        &self,
        _correlation_id: Option<&str>,
        key: &str,
    ) -> Result<Vec<ConnectionParams>, ApplicationError> {
        Ok(self.connections().get(key).cloned().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(host: &str) -> ConnectionParams {
        ConnectionParams::from_tuples([("host", host)])
    }

    #[tokio::test]
    async fn sections_are_connections_and_scalar_keys_are_not() {
        let discovery = MemoryDiscovery::new();
        let config = ConfigParams::from_tuples([("descriptor", "a:b:c:d:1"), ("one.host", "1")]);
        discovery.configure(&config).unwrap();
        assert_eq!(discovery.resolve_one(None, "one").await.unwrap(), Some(host("1")));
        assert_eq!(discovery.resolve_one(None, "descriptor").await.unwrap(), None);
        assert!(discovery.resolve_all(None, "descriptor").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn registered_connections_follow_the_configured_ones_of_their_key() {
        let discovery = MemoryDiscovery::new();
        discovery.configure(&ConfigParams::from_tuples([("one.host", "1")])).unwrap();
        let registered = discovery.register(None, "one", &host("2")).await.unwrap();
        assert_eq!(registered, host("2"));
        assert_eq!(discovery.resolve_one(None, "one").await.unwrap(), Some(host("1")));
        assert_eq!(discovery.resolve_all(None, "one").await.unwrap(), [host("1"), host("2")]);
    }

    #[tokio::test]
    async fn a_new_configuration_replaces_the_old_one() {
        let discovery = MemoryDiscovery::new();
        for key in ["one.host", "two.host"] {
            discovery.configure(&ConfigParams::from_tuples([(key, "h")])).unwrap();
        }
        assert_eq!(discovery.resolve_one(None, "one").await.unwrap(), None);
        assert!(discovery.resolve_one(None, "two").await.unwrap().is_some());
    }
}
