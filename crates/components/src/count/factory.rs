use std::sync::Arc;

use pip_services_commons::refer::Descriptor;

use super::{CompositeCounters, LogCounters, NullCounters};
use crate::{build::Factory, factory};

/// Makes the counters of this crate; ports `DefaultCountersFactory`.
///
/// `pip-services:counters:{null,log,composite}:*:1.0`.
///
/// ```
/// use pip_services_commons::refer::cast;
/// use pip_services_components::{build::IFactory, count::{DefaultCountersFactory, ICounters}};
///
/// let component = DefaultCountersFactory::new().create(&"pip-services:counters:log:main:1.0".parse()?)?;
/// assert!(cast::<dyn ICounters>(&component).is_some());
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
pub struct DefaultCountersFactory(Factory);
factory!(DefaultCountersFactory);

impl DefaultCountersFactory {
    /// A factory of all of them.
    pub fn new() -> Self {
        let mut factory = Factory::new();
        let locator = |kind| Descriptor::new("pip-services", "counters", kind, "*", "1.0");
        factory.register(locator("null"), |_| Ok(Arc::new(NullCounters::new())));
        factory.register(locator("log"), |_| Ok(Arc::new(LogCounters::new())));
        factory.register(locator("composite"), |_| Ok(Arc::new(CompositeCounters::new())));
        Self(factory)
    }
}
