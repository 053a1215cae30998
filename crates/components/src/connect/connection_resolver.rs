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
    connections: Vec<ConnectionParams>,
    /// `None` until references are set.
    discoveries: Option<Vec<Arc<dyn IDiscovery>>>,
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
        self.setup().connections.clone()
    }

    /// Adds a connection to those configured.
    pub fn add(&self, connection: ConnectionParams) {
        self.setup().connections.push(connection);
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
        let configured = setup.connections.iter();
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
        let setup = self.snapshot();
        let mut resolved = Vec::new();
        let mut discovered = Vec::new();
        for connection in &setup.connections {
            let Some(key) = connection.get_discovery_key() else {
                resolved.push(connection.clone());
                continue;
            };
            for discovery in setup.discoveries(correlation_id, key)? {
                let found = discovery.resolve_all(correlation_id, key).await?;
                discovered.extend(found.iter().map(|found| connection.override_with(found)));
            }
        }
        resolved.append(&mut discovered);
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
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        self.setup().connections = ConnectionParams::many_from_config(config);
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

#[cfg(test)]
mod tests {
    use pip_services_commons::{errors::ErrorCategory, refer::References};

    use super::{super::MemoryDiscovery, *};

    fn resolver(config: &[(&str, &str)]) -> ConnectionResolver {
        let resolver = ConnectionResolver::new();
        let config = ConfigParams::from_tuples(config.iter().copied());
        resolver.configure(&config).unwrap();
        resolver
    }

    fn references(discoveries: &[&[(&str, &str)]]) -> References {
        let references = References::new();
        for (index, config) in discoveries.iter().enumerate() {
            let discovery = MemoryDiscovery::new();
            discovery.configure(&ConfigParams::from_tuples(config.iter().copied())).unwrap();
            let locator = format!("pip-services:discovery:memory:{index}:1.0");
            references.put(locator.parse().unwrap(), Arc::new(discovery));
        }
        references
    }

    async fn resolve(resolver: &ConnectionResolver) -> Option<String> {
        let connection = resolver.resolve(None).await.unwrap()?;
        Some(connection.to_string())
    }

    async fn resolve_all(resolver: &ConnectionResolver) -> Vec<String> {
        let connections = resolver.resolve_all(None).await.unwrap();
        connections.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn nothing_configured_resolves_to_nothing() {
        let resolver = resolver(&[]);
        assert_eq!(resolve(&resolver).await, None);
        assert!(resolve_all(&resolver).await.is_empty());
    }

    #[tokio::test]
    async fn a_configured_connection_goes_before_discovery_and_stays_as_it_is() {
        let resolver = resolver(&[("connections.0.discovery_key", "k"), ("connections.1.host", "static")]);
        resolver.set_references(&references(&[&[("k.host", "found")]])).unwrap();
        assert_eq!(resolve(&resolver).await.as_deref(), Some("host=static"));
        assert_eq!(resolve_all(&resolver).await, ["host=static", "discovery_key=k;host=found"]);
    }

    #[tokio::test]
    async fn what_discovery_gives_goes_over_the_configured_parameters() {
        let resolver = resolver(&[
            ("connection.discovery_key", "k"),
            ("connection.host", "configured"),
            ("connection.port", "1883"),
        ]);
        resolver.set_references(&references(&[&[("k.host", "found")]])).unwrap();
        let expected = "discovery_key=k;host=found;port=1883";
        assert_eq!(resolve(&resolver).await.as_deref(), Some(expected));
    }

    #[tokio::test]
    async fn the_first_key_that_is_known_wins_and_the_newest_discovery_is_asked_first() {
        let resolver = resolver(&[
            ("connections.0.discovery_key", "unknown"),
            ("connections.1.discovery_key", "a"),
            ("connections.2.discovery_key", "b"),
        ]);
        let references = references(&[&[("a.host", "old"), ("b.host", "b")], &[("a.host", "new")]]);
        resolver.set_references(&references).unwrap();
        assert_eq!(resolve(&resolver).await.as_deref(), Some("discovery_key=a;host=new"));
        let all = ["discovery_key=a;host=new", "discovery_key=a;host=old", "discovery_key=b;host=b"];
        assert_eq!(resolve_all(&resolver).await, all);
    }

    #[tokio::test]
    async fn a_key_that_nobody_knows_resolves_to_nothing() {
        let resolver = resolver(&[("connection.discovery_key", "k")]);
        resolver.set_references(&references(&[&[]])).unwrap();
        assert_eq!(resolve(&resolver).await, None);
    }

    #[tokio::test]
    async fn a_key_without_any_discovery_is_an_error_that_names_it() {
        let resolver = resolver(&[("connection.discovery_key", "k")]);
        let never_linked = resolver.resolve(Some("c")).await.unwrap_err();
        resolver.set_references(&References::new()).unwrap();
        let none_found = resolver.resolve_all(Some("c")).await.unwrap_err();
        for error in [never_linked, none_found] {
            assert_eq!(error.code(), "CANNOT_RESOLVE");
            assert_eq!(error.category(), &ErrorCategory::Misconfiguration);
            assert_eq!(error.detail("discovery_key"), Some("k"));
            assert_eq!(error.correlation_id(), Some("c"));
        }
    }

    #[tokio::test]
    async fn a_new_configuration_replaces_the_old_one() {
        let resolver = resolver(&[("connection.host", "old")]);
        let config = ConfigParams::from_tuples([("connection.host", "new")]);
        resolver.configure(&config).unwrap();
        assert_eq!(resolve_all(&resolver).await, ["host=new"]);
    }

    #[tokio::test]
    async fn a_registered_connection_reaches_every_discovery_and_the_resolver() {
        let connection = ConnectionParams::from_tuples([("discovery_key", "k"), ("host", "h")]);
        let resolver = resolver(&[]);
        resolver.register(None, connection.clone()).await.unwrap();
        assert!(resolver.get_all().is_empty(), "no references are set yet");

        let references = references(&[&[], &[]]);
        resolver.set_references(&references).unwrap();
        resolver.register(None, connection.clone()).await.unwrap();
        assert_eq!(resolver.get_all().len(), 1);
        for discovery in references.get_optional::<dyn IDiscovery>(&"*:discovery:*:*:*".parse().unwrap()) {
            assert_eq!(discovery.resolve_one(None, "k").await.unwrap(), Some(connection.clone()));
        }
    }

    #[tokio::test]
    async fn unset_references_lets_go_of_every_discovery() {
        let references = references(&[&[]]);
        let resolver = resolver(&[]);
        resolver.set_references(&references).unwrap();
        let discovery = references.get_all().remove(0);
        drop(references);
        assert_eq!(Arc::strong_count(&discovery), 2);
        resolver.unset_references();
        assert_eq!(Arc::strong_count(&discovery), 1);
    }
}
