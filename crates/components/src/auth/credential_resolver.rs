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

    /// Takes the credentials of another resolver in place of its own, and keeps its references. So a component can read
    /// all of its parameters before it takes any of them.
    pub fn take(&self, other: Self) {
        let credentials = std::mem::take(&mut other.setup().credentials);
        self.setup().credentials = credentials;
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
