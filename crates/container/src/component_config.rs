use pip_services_commons::{config::ConfigParams, errors::ApplicationError, refer::Descriptor};

/// One entry of a container's configuration: which component, and how it is configured; ports
/// `ComponentConfig`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentConfig {
    descriptor: Descriptor,
    config: ConfigParams,
}

impl ComponentConfig {
    /// The entry with these parameters. All of them, `descriptor` included, are what the component is
    /// configured with.
    ///
    /// # Errors
    /// `BAD_CONFIG` (Misconfiguration) without `descriptor`, and with `type`: other ports make the component
    /// by the name of its type then, which Rust cannot. `BAD_DESCRIPTOR` where `descriptor` is malformed.
    ///
    /// ```
    /// use pip_services_commons::config::ConfigParams;
    /// use pip_services_container::ComponentConfig;
    ///
    /// let config = ConfigParams::from_tuples([("descriptor", "my-group:greeter:default:main:1.0")]);
    /// let component = ComponentConfig::from_config(config)?;
    /// assert_eq!(component.descriptor().name(), Some("main"));
    /// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
    /// ```
    pub fn from_config(config: ConfigParams) -> Result<Self, ApplicationError> {
        let bad = |key: &str, message: &str| {
            Err(ApplicationError::config(None, "BAD_CONFIG", message).with_details("key", key))
        };
        if config.get_as_nullable_string("type").is_some() {
            return bad(
                "type",
                "type is not supported, as nothing is made by the name of its type; give a descriptor that a factory knows",
            );
        }
        let Some(text) = config.get_as_nullable_string("descriptor") else {
            return bad("descriptor", "descriptor is missing; it must be group:type:kind:name:version");
        };
        Ok(Self { descriptor: text.parse()?, config })
    }

    /// What names the component, and tells the factories which one to make.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// What the component is configured with.
    pub fn config(&self) -> &ConfigParams {
        &self.config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_without_descriptor_or_with_a_type_is_refused() {
        let error = |tuples: &[(&str, &str)]| {
            let config = ConfigParams::from_tuples(tuples.iter().copied());
            ComponentConfig::from_config(config).unwrap_err()
        };
        let missing = error(&[("descriptor", ""), ("level", "info")]);
        assert_eq!((missing.code(), missing.detail("key")), ("BAD_CONFIG", Some("descriptor")));
        let typed = error(&[("descriptor", "a:b:c:d:1.0"), ("type", "Queue,queues")]);
        assert_eq!((typed.code(), typed.detail("key")), ("BAD_CONFIG", Some("type")));
        assert_eq!(error(&[("descriptor", "a:b")]).code(), "BAD_DESCRIPTOR");
    }
}
