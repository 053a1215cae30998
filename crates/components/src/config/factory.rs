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

#[cfg(test)]
mod tests {
    use pip_services_commons::refer::{Component, cast};

    use super::*;
    use crate::build::IFactory;

    fn make(kind: &str) -> Arc<dyn Component> {
        let locator = Descriptor::new("pip-services", "config-reader", kind, "main", "1.0");
        DefaultConfigReaderFactory::new().create(&locator).unwrap()
    }

    #[test]
    fn each_kind_of_reader_is_made() {
        assert!(cast::<MemoryConfigReader>(&make("memory")).is_some());
        assert!(cast::<JsonConfigReader>(&make("json")).is_some());
        assert!(cast::<YamlConfigReader>(&make("yaml")).is_some());
    }

    #[test]
    fn other_kinds_are_refused() {
        let locator = Descriptor::new("pip-services", "config-reader", "xml", "main", "1.0");
        assert_eq!(DefaultConfigReaderFactory::new().can_create(&locator), None);
    }
}
