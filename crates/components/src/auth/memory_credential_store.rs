use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use indexmap::IndexMap;
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
};

use super::{CredentialParams, ICredentialStore};
use crate::config::sections;

/// Credentials from the configuration: one section for each key; ports `MemoryCredentialStore`.
///
/// | key | meaning |
/// |---|---|
/// | `<key>.*` | the parameters of the credential with that key |
///
/// A key without a section, such as the `descriptor` of a container's entry, is no credential. Values are
/// kept as they are: a password may hold any character.
///
/// ```
/// use pip_services_commons::config::{ConfigParams, IConfigurable};
/// use pip_services_components::auth::{ICredentialStore, MemoryCredentialStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
/// let store = MemoryCredentialStore::new();
/// store.configure(&ConfigParams::from_tuples([("broker.username", "me"), ("broker.password", "a;b=c ")]))?;
/// let credential = store.lookup(None, "broker").await?;
/// assert_eq!(credential.as_ref().and_then(|credential| credential.get_password()), Some("a;b=c "));
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct MemoryCredentialStore {
    credentials: Mutex<IndexMap<String, CredentialParams>>,
}

component!(MemoryCredentialStore: dyn ICredentialStore, dyn IConfigurable);

impl MemoryCredentialStore {
    /// A store without credentials.
    pub fn new() -> Self {
        Self::default()
    }

    fn credentials(&self) -> MutexGuard<'_, IndexMap<String, CredentialParams>> {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IConfigurable for MemoryCredentialStore {
    /// Replaces all credentials, those stored in between too.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        let credentials = sections(config).map(|(key, section)| (key.to_owned(), section.into())).collect();
        *self.credentials() = credentials;
        Ok(())
    }
}

#[async_trait]
impl ICredentialStore for MemoryCredentialStore {
    async fn store(
        &self,
        _correlation_id: Option<&str>,
        key: &str,
        credential: Option<&CredentialParams>,
    ) -> Result<(), ApplicationError> {
        match credential {
            Some(credential) => self.credentials().insert(key.to_owned(), credential.clone()),
            None => self.credentials().shift_remove(key),
        };
        Ok(())
    }

    async fn lookup(
        &self,
        _correlation_id: Option<&str>,
        key: &str,
    ) -> Result<Option<CredentialParams>, ApplicationError> {
        Ok(self.credentials().get(key).cloned())
    }
}
