use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{Descriptor, IReferenceable, IReferences, IUnreferenceable, ReferencesExt},
};

use super::{CredentialParams, ICredentialStore};

/// Finds a component's credential in its configuration and in stores; ports `CredentialResolver`.
///
/// | key | meaning |
/// |---|---|
/// | `credential.*` | the parameters of the credential |
/// | `credentials.<any>.*` | the parameters of several; `credential` is then ignored |
/// | `….store_key` | look the credential up; what the store gives goes over the configured parameters |
///
/// References: `*:credential-store:*:*:*`, any number; at least one where a `store_key` is configured.
///
/// A component keeps a resolver, and passes its own `configure`, `set_references` and `unset_references` on.
#[derive(Default)]
pub struct CredentialResolver {
    setup: Mutex<Setup>,
}

#[derive(Clone, Default)]
struct Setup {
    credentials: Vec<CredentialParams>,
    stores: Vec<Arc<dyn ICredentialStore>>,
}

impl CredentialResolver {
    /// A resolver without credentials.
    pub fn new() -> Self {
        Self::default()
    }

    fn setup(&self) -> MutexGuard<'_, Setup> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The credentials as they are configured, not looked up.
    pub fn get_all(&self) -> Vec<CredentialParams> {
        self.setup().credentials.clone()
    }

    /// Adds a credential to those configured.
    pub fn add(&self, credential: CredentialParams) {
        self.setup().credentials.push(credential);
    }

    /// The credential: the first that is configured without a `store_key`, or else the first that a store
    /// knows, the newest store being asked first. `None` where none is configured.
    ///
    /// A `store_key` that leads nowhere is an error, where most other ports go on without a credential: to
    /// connect as nobody by accident is worse than not to connect.
    ///
    /// # Errors
    /// `REF_ERROR` (Internal) where a `store_key` is configured, but there is no store; `MISSING_CREDENTIALS`
    /// (Misconfiguration) where no store knows it; otherwise those of the store.
    pub async fn lookup(
        &self,
        correlation_id: Option<&str>,
    ) -> Result<Option<CredentialParams>, ApplicationError> {
        let Setup { credentials, stores } = self.setup().clone();
        if let Some(credential) = credentials.iter().find(|credential| !credential.use_credential_store()) {
            return Ok(Some(credential.clone()));
        }
        let keys: Vec<&str> = credentials.iter().filter_map(CredentialParams::get_store_key).collect();
        if keys.is_empty() {
            return Ok(None);
        }
        for (credential, key) in credentials.iter().zip(&keys) {
            for store in &stores {
                if let Some(found) = store.lookup(correlation_id, key).await? {
                    return Ok(Some(credential.override_with(&found)));
                }
            }
        }
        let keys = keys.join(", ");
        let error = if stores.is_empty() {
            let message = format!("store_key is '{keys}', but there is no credential store to ask for it");
            ApplicationError::internal(correlation_id, "REF_ERROR", message)
        } else {
            let message = format!("store_key is '{keys}', which no credential store knows");
            ApplicationError::config(correlation_id, "MISSING_CREDENTIALS", message)
        };
        Err(error.with_details("store_key", keys))
    }
}

impl IConfigurable for CredentialResolver {
    /// Replaces the credentials.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        self.setup().credentials = CredentialParams::many_from_config(config);
        Ok(())
    }
}

impl IReferenceable for CredentialResolver {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        let found = references.get_optional(&Descriptor::new("*", "credential-store", "*", "*", "*"));
        self.setup().stores = found;
        Ok(())
    }
}

impl IUnreferenceable for CredentialResolver {
    fn unset_references(&self) {
        self.setup().stores.clear();
    }
}

#[cfg(test)]
mod tests {
    use pip_services_commons::{errors::ErrorCategory, refer::References};

    use super::{super::MemoryCredentialStore, *};

    fn resolver(config: &[(&str, &str)]) -> CredentialResolver {
        let resolver = CredentialResolver::new();
        let config = ConfigParams::from_tuples(config.iter().copied());
        resolver.configure(&config).unwrap();
        resolver
    }

    fn references(stores: &[&[(&str, &str)]]) -> References {
        let references = References::new();
        for (index, config) in stores.iter().enumerate() {
            let store = MemoryCredentialStore::new();
            let config = ConfigParams::from_tuples(config.iter().copied());
            store.configure(&config).unwrap();
            let locator = format!("pip-services:credential-store:memory:{index}:1.0");
            references.put(locator.parse().unwrap(), Arc::new(store));
        }
        references
    }

    async fn lookup(resolver: &CredentialResolver) -> Option<ConfigParams> {
        resolver.lookup(None).await.unwrap().map(ConfigParams::from)
    }

    fn credential(tuples: &[(&str, &str)]) -> Option<ConfigParams> {
        Some(ConfigParams::from_tuples(tuples.iter().copied()))
    }

    #[tokio::test]
    async fn none_configured_is_none() {
        assert_eq!(lookup(&resolver(&[])).await, None);
    }

    #[tokio::test]
    async fn a_configured_credential_goes_before_stores() {
        let resolver = resolver(&[("credentials.0.store_key", "k"), ("credentials.1.username", "me")]);
        assert_eq!(lookup(&resolver).await, credential(&[("username", "me")]));
    }

    #[tokio::test]
    async fn what_the_store_gives_goes_over_the_configured_parameters() {
        let resolver = resolver(&[
            ("credential.store_key", "k"),
            ("credential.username", "me"),
            ("credential.password", "old"),
        ]);
        resolver.set_references(&references(&[&[("k.password", "new")]])).unwrap();
        let expected = credential(&[("store_key", "k"), ("username", "me"), ("password", "new")]);
        assert_eq!(lookup(&resolver).await, expected);
    }

    #[tokio::test]
    async fn the_first_key_that_is_known_wins_and_the_newest_store_is_asked_first() {
        let resolver = resolver(&[("credentials.0.store_key", "unknown"), ("credentials.1.store_key", "k")]);
        let references = references(&[&[("k.username", "old")], &[("k.username", "new")], &[]]);
        resolver.set_references(&references).unwrap();
        let expected = credential(&[("store_key", "k"), ("username", "new")]);
        assert_eq!(lookup(&resolver).await, expected);
    }

    #[tokio::test]
    async fn a_key_without_any_store_is_an_error_that_names_it() {
        let resolver = resolver(&[("credential.store_key", "k")]);
        let never_linked = resolver.lookup(Some("c")).await.unwrap_err();
        resolver.set_references(&References::new()).unwrap();
        let none_found = resolver.lookup(Some("c")).await.unwrap_err();
        for error in [never_linked, none_found] {
            assert_eq!((error.code(), error.detail("store_key")), ("REF_ERROR", Some("k")));
            assert_eq!(error.correlation_id(), Some("c"));
        }
    }

    #[tokio::test]
    async fn a_key_that_no_store_knows_is_an_error_that_names_it() {
        let resolver = resolver(&[("credential.store_key", "k")]);
        resolver.set_references(&references(&[&[]])).unwrap();
        let error = resolver.lookup(None).await.unwrap_err();
        assert_eq!(error.code(), "MISSING_CREDENTIALS");
        assert_eq!(error.category(), &ErrorCategory::Misconfiguration);
        assert_eq!(error.detail("store_key"), Some("k"));
    }

    #[tokio::test]
    async fn a_new_configuration_replaces_the_old_one() {
        let resolver = resolver(&[("credential.username", "old")]);
        let config = ConfigParams::from_tuples([("credential.username", "new")]);
        resolver.configure(&config).unwrap();
        assert_eq!(lookup(&resolver).await, credential(&[("username", "new")]));
        assert_eq!(resolver.get_all().len(), 1);
    }

    #[tokio::test]
    async fn unset_references_lets_go_of_every_store() {
        let references = references(&[&[]]);
        let resolver = resolver(&[]);
        resolver.set_references(&references).unwrap();
        let store = references.get_all().remove(0);
        drop(references);
        assert_eq!(Arc::strong_count(&store), 2);
        resolver.unset_references();
        assert_eq!(Arc::strong_count(&store), 1);
    }
}
