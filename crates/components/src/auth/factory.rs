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

#[cfg(test)]
mod tests {
    use pip_services_commons::refer::cast;

    use super::*;
    use crate::auth::ICredentialStore;
    use crate::build::IFactory;

    #[test]
    fn it_makes_the_memory_store_of_any_name() {
        let locator = "pip-services:credential-store:memory:main:1.0".parse().unwrap();
        let component = DefaultCredentialStoreFactory::new().create(&locator).unwrap();
        assert!(cast::<dyn ICredentialStore>(&component).is_some());
    }
}
