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
    ///
    /// # Errors
    /// `BAD_VALUE` (Misconfiguration) for a port that is no number from 0 to 65535; then nothing is changed.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        let mut connections = IndexMap::new();
        for (key, section) in sections(config) {
            let connection = ConnectionParams::from(section);
            connection.check(key)?;
            connections.insert(key.to_owned(), vec![connection]);
        }
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
