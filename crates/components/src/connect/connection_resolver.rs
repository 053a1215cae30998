use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{Descriptor, IReferenceable, IReferences, IUnreferenceable, ReferencesExt},
};

use super::{ConnectionParams, IDiscovery};

/// Finds a component's connections in its configuration and in discovery; ports `ConnectionResolver`.
///
/// | key | meaning |
/// |---|---|
/// | `connection.*` | the parameters of the connection |
/// | `connections.<any>.*` | the parameters of several; `connection` is then ignored |
/// | `….discovery_key` | look the connection up; what discovery gives goes over the configured parameters |
///
/// References: `*:discovery:*:*:*`, any number; at least one where a `discovery_key` is configured.
///
/// A component keeps a resolver, and passes its own `configure`, `set_references` and `unset_references` on.
#[derive(Default)]
pub struct ConnectionResolver {
    setup: Mutex<Setup>,
}

#[derive(Clone, Default)]
struct Setup {
    /// Each with the section that it comes from.
    connections: Vec<(String, ConnectionParams)>,
    /// `None` until references are set.
    discoveries: Option<Vec<Arc<dyn IDiscovery>>>,
}

/// A connection as it is to be used.
struct Resolved {
    section: String,
    connection: ConnectionParams,
    is_discovered: bool,
}

impl ConnectionResolver {
    /// A resolver without connections.
    pub fn new() -> Self {
        Self::default()
    }

    fn setup(&self) -> MutexGuard<'_, Setup> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshot(&self) -> Setup {
        self.setup().clone()
    }

    /// The connections as they are configured, not looked up.
    pub fn get_all(&self) -> Vec<ConnectionParams> {
        self.setup().connections.iter().map(|(_, connection)| connection.clone()).collect()
    }

    /// Adds a connection to those configured.
    pub fn add(&self, connection: ConnectionParams) {
        self.setup().connections.push(("connection".to_owned(), connection));
    }

    /// Takes the connections of another resolver in place of its own, and keeps its references. So a component can read
    /// all of its parameters before it takes any of them.
    pub fn take(&self, other: Self) {
        let connections = std::mem::take(&mut other.setup().connections);
        self.setup().connections = connections;
    }

    /// One connection: the first that is configured without a `discovery_key`, or else the first that
    /// discovery knows. `None` where nothing is configured or no key is known.
    ///
    /// # Errors
    /// `CANNOT_RESOLVE` (Misconfiguration) where a `discovery_key` is configured, but there is no discovery;
    /// otherwise those of the discovery.
    pub async fn resolve(
        &self,
        correlation_id: Option<&str>,
    ) -> Result<Option<ConnectionParams>, ApplicationError> {
        let setup = self.snapshot();
        let configured = setup.connections.iter().map(|(_, connection)| connection);
        if let Some(connection) = configured.clone().find(|connection| !connection.use_discovery()) {
            return Ok(Some(connection.clone()));
        }
        for connection in configured {
            let Some(key) = connection.get_discovery_key() else {
                continue;
            };
            for discovery in setup.discoveries(correlation_id, key)? {
                if let Some(found) = discovery.resolve_one(correlation_id, key).await? {
                    return Ok(Some(connection.override_with(&found)));
                }
            }
        }
        Ok(None)
    }

    /// All connections: those configured without a `discovery_key`, then all that each discovery knows of the
    /// others.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub async fn resolve_all(
        &self,
        correlation_id: Option<&str>,
    ) -> Result<Vec<ConnectionParams>, ApplicationError> {
        let mut resolved = self.resolve_each(correlation_id).await?;
        resolved.sort_by_key(|resolved| resolved.is_discovered);
        Ok(resolved.into_iter().map(|resolved| resolved.connection).collect())
    }

    /// All connections, each with the section that it comes from, such as `connections.0`, in the order in which they
    /// are configured: what discovery knows stands in the place of the connection with the `discovery_key`. That is for
    /// brokers that are tried one after another; the other ports have no such method.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub async fn resolve_in_order(
        &self,
        correlation_id: Option<&str>,
    ) -> Result<Vec<(String, ConnectionParams)>, ApplicationError> {
        let resolved = self.resolve_each(correlation_id).await?;
        Ok(resolved.into_iter().map(|resolved| (resolved.section, resolved.connection)).collect())
    }

    async fn resolve_each(&self, correlation_id: Option<&str>) -> Result<Vec<Resolved>, ApplicationError> {
        let setup = self.snapshot();
        let mut resolved = Vec::new();
        for (section, connection) in &setup.connections {
            let resolve =
                |connection, is_discovered| Resolved { section: section.clone(), connection, is_discovered };
            let Some(key) = connection.get_discovery_key() else {
                resolved.push(resolve(connection.clone(), false));
                continue;
            };
            for discovery in setup.discoveries(correlation_id, key)? {
                let found = discovery.resolve_all(correlation_id, key).await?;
                resolved.extend(found.iter().map(|found| resolve(connection.override_with(found), true)));
            }
        }
        Ok(resolved)
    }

    /// Registers a connection with every discovery and adds it to those configured. Does nothing where it has
    /// no `discovery_key` or no references are set.
    ///
    /// # Errors
    /// Those of the discovery.
    pub async fn register(
        &self,
        correlation_id: Option<&str>,
        connection: ConnectionParams,
    ) -> Result<(), ApplicationError> {
        let (Some(key), Some(discoveries)) = (connection.get_discovery_key(), self.snapshot().discoveries)
        else {
            return Ok(());
        };
        for discovery in discoveries {
            discovery.register(correlation_id, key, &connection).await?;
        }
        self.add(connection);
        Ok(())
    }
}

impl Setup {
    /// The discoveries to ask for a key, at least one.
    fn discoveries(
        &self,
        correlation_id: Option<&str>,
        key: &str,
    ) -> Result<&[Arc<dyn IDiscovery>], ApplicationError> {
        match self.discoveries.as_deref() {
            Some(discoveries) if !discoveries.is_empty() => Ok(discoveries),
            _ => {
                let message = format!("discovery_key is '{key}', but there is no discovery to ask for it");
                Err(ApplicationError::config(correlation_id, "CANNOT_RESOLVE", message)
                    .with_details("discovery_key", key))
            }
        }
    }
}

impl IConfigurable for ConnectionResolver {
    /// Replaces the connections.
    ///
    /// # Errors
    /// `BAD_VALUE` (Misconfiguration) for a port that is no number from 0 to 65535; then nothing is changed. Whether
    /// 0 is a port, those decide who connect or listen.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        let connections = ConnectionParams::named_from_config(config);
        connections.iter().try_for_each(|(section, connection)| connection.check(section))?;
        self.setup().connections = connections;
        Ok(())
    }
}

impl IReferenceable for ConnectionResolver {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        let found = references.get_optional(&Descriptor::new("*", "discovery", "*", "*", "*"));
        self.setup().discoveries = Some(found);
        Ok(())
    }
}

impl IUnreferenceable for ConnectionResolver {
    fn unset_references(&self) {
        self.setup().discoveries = None;
    }
}
