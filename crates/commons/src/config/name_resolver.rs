use super::ConfigParams;
use crate::{errors::ApplicationError, refer::Descriptor};

/// Finds a component's name in its configuration; ports `NameResolver`.
#[derive(Debug, Clone, Copy)]
pub struct NameResolver;

impl NameResolver {
    /// The first of `name`, `id` and the name field of `descriptor` that is neither missing, empty nor `*`.
    ///
    /// # Errors
    /// `BAD_DESCRIPTOR` when `descriptor` is malformed.
    ///
    /// ```
    /// use pip_services_commons::config::{ConfigParams, NameResolver};
    ///
    /// let config = ConfigParams::from_tuples([("descriptor", "pip-services:message-queue:memory:orders:1.0")]);
    /// assert_eq!(NameResolver::resolve(&config)?.as_deref(), Some("orders"));
    /// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
    /// ```
    pub fn resolve(config: &ConfigParams) -> Result<Option<String>, ApplicationError> {
        if let Some(name) =
            config.get_as_nullable_string("name").or_else(|| config.get_as_nullable_string("id"))
        {
            return Ok(Some(name));
        }
        let Some(text) = config.get_as_nullable_string("descriptor") else {
            return Ok(None);
        };
        let descriptor: Descriptor = text.parse()?;
        Ok(descriptor.name().map(str::to_owned))
    }
}
