use std::sync::Arc;

use pip_services_commons::refer::Descriptor;

use super::MemoryDiscovery;
use crate::{build::Factory, factory};

/// Makes the discovery of this crate; ports `DefaultDiscoveryFactory`.
///
/// `pip-services:discovery:memory:*:1.0`.
///
/// ```
/// use pip_services_commons::refer::cast;
/// use pip_services_components::{build::IFactory, connect::{DefaultDiscoveryFactory, IDiscovery}};
///
/// let component = DefaultDiscoveryFactory::new().create(&"pip-services:discovery:memory:main:1.0".parse()?)?;
/// assert!(cast::<dyn IDiscovery>(&component).is_some());
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
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
