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

#[cfg(test)]
mod tests {
    use pip_services_commons::refer::{Component, cast};

    use super::*;
    use crate::build::IFactory;

    fn make(kind: &str) -> Arc<dyn Component> {
        let locator = Descriptor::new("pip-services", "counters", kind, "main", "1.0");
        DefaultCountersFactory::new().create(&locator).unwrap()
    }

    #[test]
    fn each_kind_of_counters_is_made() {
        assert!(cast::<NullCounters>(&make("null")).is_some());
        assert!(cast::<LogCounters>(&make("log")).is_some());
        assert!(cast::<CompositeCounters>(&make("composite")).is_some());
    }

    #[test]
    fn other_kinds_are_refused() {
        let locator = Descriptor::new("pip-services", "counters", "prometheus", "main", "1.0");
        assert_eq!(DefaultCountersFactory::new().can_create(&locator), None);
    }
}
