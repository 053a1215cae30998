use std::sync::Arc;

use pip_services_commons::refer::Descriptor;

use super::MemoryDiscovery;
use crate::{build::Factory, factory};

/// Makes `pip-services:discovery:memory:*:1.0`; ports `DefaultDiscoveryFactory`.
pub struct DefaultDiscoveryFactory(Factory);
factory!(DefaultDiscoveryFactory);

impl DefaultDiscoveryFactory {
    /// The factory.
    pub fn new() -> Self {
        let mut factory = Factory::new();
        factory.register(Descriptor::new("pip-services", "discovery", "memory", "*", "1.0"), |_| {
            Ok(Arc::new(MemoryDiscovery::new()))
        });
        Self(factory)
    }
}

#[cfg(test)]
mod tests {
    use pip_services_commons::refer::cast;

    use super::*;
    use crate::build::IFactory;
    use crate::connect::IDiscovery;

    #[test]
    fn it_makes_the_memory_discovery_of_any_name() {
        let locator = "pip-services:discovery:memory:main:1.0".parse().unwrap();
        let component = DefaultDiscoveryFactory::new().create(&locator).unwrap();
        assert!(cast::<dyn IDiscovery>(&component).is_some());
    }
}
