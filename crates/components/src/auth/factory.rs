use std::sync::Arc;

use pip_services_commons::refer::Descriptor;

use super::MemoryCredentialStore;
use crate::{build::Factory, factory};

/// Makes `pip-services:credential-store:memory:*:1.0`; ports `DefaultCredentialStoreFactory`.
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
