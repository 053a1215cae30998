use async_trait::async_trait;
use pip_services_commons::errors::ApplicationError;

use super::CredentialParams;

/// A place that keeps credentials by key, such as a vault; ports `ICredentialStore`.
#[async_trait]
pub trait ICredentialStore: Send + Sync {
    /// Keeps a credential under a key, in place of the one there; `None` removes it.
    ///
    /// # Errors
    /// Those of the store.
    async fn store(
        &self,
        correlation_id: Option<&str>,
        key: &str,
        credential: Option<&CredentialParams>,
    ) -> Result<(), ApplicationError>;

    /// The credential under a key, `None` where there is none.
    ///
    /// # Errors
    /// Those of the store.
    async fn lookup(
        &self,
        correlation_id: Option<&str>,
        key: &str,
    ) -> Result<Option<CredentialParams>, ApplicationError>;
}
