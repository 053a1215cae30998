use std::sync::Arc;

use pip_services_commons::refer::Descriptor;

use super::ContextInfo;
use crate::{build::Factory, factory};

/// Makes the information components of this crate; ports `DefaultInfoFactory`.
///
/// `pip-services:context-info:default:*:1.0` and `pip-services:container-info:default:*:1.0`.
///
/// ```
/// use pip_services_commons::refer::cast;
/// use pip_services_components::{build::IFactory, info::{ContextInfo, DefaultInfoFactory}};
///
/// let component = DefaultInfoFactory::new().create(&"pip-services:context-info:default:main:1.0".parse()?)?;
/// assert!(cast::<ContextInfo>(&component).is_some());
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
pub struct DefaultInfoFactory(Factory);
factory!(DefaultInfoFactory);

impl DefaultInfoFactory {
    /// A factory of all of them.
    pub fn new() -> Self {
        let mut factory = Factory::new();
        for component_type in ["context-info", "container-info"] {
            let locator = Descriptor::new("pip-services", component_type, "default", "*", "1.0");
            factory.register(locator, |_| Ok(Arc::new(ContextInfo::new())));
        }
        Self(factory)
    }
}

#[cfg(test)]
mod tests {
    use pip_services_commons::refer::cast;

    use super::*;
    use crate::build::IFactory;

    #[test]
    fn a_context_is_made_under_both_of_its_types() {
        let factory = DefaultInfoFactory::new();
        for component_type in ["context-info", "container-info"] {
            let locator = Descriptor::new("pip-services", component_type, "default", "main", "1.0");
            let component = factory.create(&locator).unwrap();
            assert!(cast::<ContextInfo>(&component).is_some(), "{component_type}");
        }
        let other = Descriptor::new("pip-services", "cache", "default", "main", "1.0");
        assert_eq!(factory.can_create(&other), None);
    }
}
