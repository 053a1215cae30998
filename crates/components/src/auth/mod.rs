//! How components prove who they are: credentials, from the configuration or from a store.
//!
//! ```
//! use std::sync::Arc;
//! use pip_services_commons::{
//!     config::{ConfigParams, IConfigurable},
//!     refer::{IReferenceable, IReferences, References},
//! };
//! use pip_services_components::auth::{CredentialResolver, MemoryCredentialStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
//! let store = MemoryCredentialStore::new();
//! store.configure(&ConfigParams::from_tuples([("broker.username", "me"), ("broker.password", "hunter2")]))?;
//! let references = References::new();
//! references.put("pip-services:credential-store:memory:default:1.0".parse()?, Arc::new(store));
//!
//! let resolver = CredentialResolver::new();
//! resolver.configure(&ConfigParams::from_tuples([("credential.store_key", "broker")]))?;
//! resolver.set_references(&references)?;
//!
//! let credential = resolver.lookup(None).await?;
//! assert_eq!(credential.as_ref().and_then(|credential| credential.get_username()), Some("me"));
//! # Ok(()) }
//! ```

mod credential_params;
mod credential_resolver;
mod credential_store;
mod factory;
mod memory_credential_store;

pub use credential_params::CredentialParams;
pub use credential_resolver::CredentialResolver;
pub use credential_store::ICredentialStore;
pub use factory::DefaultCredentialStoreFactory;
pub use memory_credential_store::MemoryCredentialStore;
