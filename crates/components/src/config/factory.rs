use std::sync::Arc;

use pip_services_commons::refer::Descriptor;

use super::{JsonConfigReader, MemoryConfigReader, YamlConfigReader};
use crate::{build::Factory, factory};

/// Makes the configuration readers of this crate; ports `DefaultConfigReaderFactory`.
///
/// `pip-services:config-reader:{memory,json,yaml}:*:1.0`.
///
/// ```
/// use pip_services_commons::refer::cast;
/// use pip_services_components::{build::IFactory, config::{DefaultConfigReaderFactory, IConfigReader}};
///
/// let locator = "pip-services:config-reader:yaml:main:1.0".parse()?;
/// let component = DefaultConfigReaderFactory::new().create(&locator)?;
/// assert!(cast::<dyn IConfigReader>(&component).is_some());
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
pub struct DefaultConfigReaderFactory(Factory);
factory!(DefaultConfigReaderFactory);

impl DefaultConfigReaderFactory {
    /// A factory of all of them.
    pub fn new() -> Self {
        let mut factory = Factory::new();
        let locator = |kind| Descriptor::new("pip-services", "config-reader", kind, "*", "1.0");
        factory.register(locator("memory"), |_| Ok(Arc::new(MemoryConfigReader::default())));
        factory.register(locator("json"), |_| Ok(Arc::new(JsonConfigReader::default())));
        factory.register(locator("yaml"), |_| Ok(Arc::new(YamlConfigReader::default())));
        Self(factory)
    }
}
