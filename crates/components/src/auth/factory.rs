use std::sync::Arc;

use pip_services_commons::{
    component,
    errors::ApplicationError,
    refer::{Component, Descriptor},
};

use super::MemoryCredentialStore;
use crate::build::{Factory, IFactory};

/// Makes `pip-services:credential-store:memory:*:1.0`; ports `DefaultCredentialStoreFactory`.
pub struct DefaultCredentialStoreFactory(Factory);

component!(DefaultCredentialStoreFactory: dyn IFactory);

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

impl Default for DefaultCredentialStoreFactory {
    fn default() -> Self {
        Self::new()
    }
}

impl IFactory for DefaultCredentialStoreFactory {
    fn can_create(&self, locator: &Descriptor) -> Option<Descriptor> {
        self.0.can_create(locator)
    }

    fn create(&self, locator: &Descriptor) -> Result<Arc<dyn Component>, ApplicationError> {
        self.0.create(locator)
    }
}

#[cfg(test)]
mod tests {
    use pip_services_commons::refer::cast;

    use super::*;
    use crate::auth::ICredentialStore;

    #[test]
    fn it_makes_the_memory_store_of_any_name() {
        let locator = "pip-services:credential-store:memory:main:1.0".parse().unwrap();
        let component = DefaultCredentialStoreFactory::new().create(&locator).unwrap();
        assert!(cast::<dyn ICredentialStore>(&component).is_some());
    }
}
