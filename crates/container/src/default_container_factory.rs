use std::sync::Arc;

use pip_services_components::{
    auth::DefaultCredentialStoreFactory,
    build::{CompositeFactory, IFactory},
    config::DefaultConfigReaderFactory,
    connect::DefaultDiscoveryFactory,
    count::DefaultCountersFactory,
    factory,
    info::DefaultInfoFactory,
    log::DefaultLoggerFactory,
};

/// Makes the components that every container knows, and what is added to it; ports
/// `DefaultContainerFactory`.
///
/// Known are context infos, loggers, counters, configuration readers, discoveries and credential stores. What is
/// added later goes first.
///
/// ```
/// use pip_services_components::build::IFactory;
/// use pip_services_container::DefaultContainerFactory;
///
/// let factory = DefaultContainerFactory::new();
/// assert!(factory.create(&"pip-services:logger:console:default:1.0".parse()?).is_ok());
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
pub struct DefaultContainerFactory(CompositeFactory);
factory!(DefaultContainerFactory);

impl DefaultContainerFactory {
    /// A factory of what every container knows.
    pub fn new() -> Self {
        let factory = CompositeFactory::new();
        factory.add(Arc::new(DefaultInfoFactory::new()));
        factory.add(Arc::new(DefaultLoggerFactory::new()));
        factory.add(Arc::new(DefaultCountersFactory::new()));
        factory.add(Arc::new(DefaultConfigReaderFactory::new()));
        factory.add(Arc::new(DefaultDiscoveryFactory::new()));
        factory.add(Arc::new(DefaultCredentialStoreFactory::new()));
        Self(factory)
    }

    /// Adds a factory, which is asked before those there.
    pub fn add(&self, factory: Arc<dyn IFactory>) {
        self.0.add(factory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standard_component_can_be_made() {
        let factory = DefaultContainerFactory::new();
        for locator in [
            "pip-services:context-info:default:x:1.0",
            "pip-services:logger:console:x:1.0",
            "pip-services:counters:log:x:1.0",
            "pip-services:config-reader:memory:x:1.0",
            "pip-services:discovery:memory:x:1.0",
            "pip-services:credential-store:memory:x:1.0",
        ] {
            assert!(factory.create(&locator.parse().unwrap()).is_ok(), "{locator}");
        }
    }
}
