use std::sync::Arc;

use pip_services_commons::refer::Descriptor;

use super::PrometheusCounters;
use crate::{build::Factory, factory};

/// Makes [`PrometheusCounters`]; ports `DefaultPrometheusFactory`.
///
/// `pip-services:counters:prometheus:*:1.0`. A container does not know it by itself: add it by `add_factory`.
///
/// ```
/// use pip_services_commons::refer::cast;
/// use pip_services_components::{build::IFactory, count::{DefaultPrometheusFactory, ICounters}};
///
/// let locator = "pip-services:counters:prometheus:main:1.0".parse()?;
/// let component = DefaultPrometheusFactory::new().create(&locator)?;
/// assert!(cast::<dyn ICounters>(&component).is_some());
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
pub struct DefaultPrometheusFactory(Factory);
factory!(DefaultPrometheusFactory);

impl DefaultPrometheusFactory {
    /// A factory of them.
    pub fn new() -> Self {
        let mut factory = Factory::new();
        let locator = Descriptor::new("pip-services", "counters", "prometheus", "*", "1.0");
        factory.register(locator, |_| Ok(Arc::new(PrometheusCounters::new())));
        Self(factory)
    }
}
