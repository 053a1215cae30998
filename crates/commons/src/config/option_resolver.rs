use super::ConfigParams;

/// Finds a component's options in its configuration; ports `OptionResolver` (`OptionsResolver` in some ports).
#[derive(Debug, Clone, Copy)]
#[doc(alias = "OptionsResolver")]
pub struct OptionResolver;

impl OptionResolver {
    /// The section `options`, or the whole configuration where that is empty and `config_as_default` is set.
    ///
    /// ```
    /// use pip_services_commons::config::{ConfigParams, OptionResolver};
    ///
    /// let config = ConfigParams::from_string("name=orders;options.qos=1");
    /// assert_eq!(OptionResolver::resolve(&config, false).to_string(), "qos=1");
    /// ```
    pub fn resolve(config: &ConfigParams, config_as_default: bool) -> ConfigParams {
        let options = config.get_section("options");
        if options.is_empty() && config_as_default { config.clone() } else { options }
    }
}
