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
