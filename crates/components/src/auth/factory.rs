use std::sync::Arc;

use pip_services_commons::refer::Descriptor;

use super::MemoryCredentialStore;
use crate::{build::Factory, factory};

/// Makes the credential store of this crate; ports `DefaultCredentialStoreFactory`.
///
/// `pip-services:credential-store:memory:*:1.0`.
///
/// ```
/// use pip_services_commons::refer::cast;
/// use pip_services_components::{auth::{DefaultCredentialStoreFactory, ICredentialStore}, build::IFactory};
///
/// let locator = "pip-services:credential-store:memory:main:1.0".parse()?;
/// let component = DefaultCredentialStoreFactory::new().create(&locator)?;
/// assert!(cast::<dyn ICredentialStore>(&component).is_some());
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
pub struct DefaultCredentialStoreFactory(Factory);
factory!(DefaultCredentialStoreFactory);

impl DefaultCredentialStoreFactory {
    /// The factory.
    pub fn new() -> Self {
        let mut factory = Factory::new();
        factory.register(Descriptor::new("pip-services", "credential-store", "memory", "*", "1.0"), |_| {
            Ok(Arc::new(MemoryCredentialStore::new()))
        });
        Self(factory)
    }
}
