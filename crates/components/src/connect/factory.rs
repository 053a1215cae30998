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
