use std::sync::Arc;

use pip_services_commons::refer::Descriptor;

use super::{CompositeLogger, ConsoleLogger, FacadeLogger, NullLogger};
use crate::{build::Factory, factory};

/// Makes the loggers of this crate; ports `DefaultLoggerFactory`.
///
/// `pip-services:logger:{null,console,log,composite}:*:1.0`.
///
/// ```
/// use pip_services_commons::refer::cast;
/// use pip_services_components::{build::IFactory, log::{DefaultLoggerFactory, ILogger}};
///
/// let component = DefaultLoggerFactory::new().create(&"pip-services:logger:console:main:1.0".parse()?)?;
/// assert!(cast::<dyn ILogger>(&component).is_some());
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
pub struct DefaultLoggerFactory(Factory);
factory!(DefaultLoggerFactory);

impl DefaultLoggerFactory {
    /// A factory of all of them.
    pub fn new() -> Self {
        let mut factory = Factory::new();
        let locator = |kind| Descriptor::new("pip-services", "logger", kind, "*", "1.0");
        factory.register(locator("null"), |_| Ok(Arc::new(NullLogger::new())));
        factory.register(locator("console"), |_| Ok(Arc::new(ConsoleLogger::new())));
        factory.register(locator("log"), |_| Ok(Arc::new(FacadeLogger::new())));
        factory.register(locator("composite"), |_| Ok(Arc::new(CompositeLogger::new())));
        Self(factory)
    }
}
