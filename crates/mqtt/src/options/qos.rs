use pip_services_commons::{config::ConfigParams, errors::ApplicationError};

use super::bad_option;

/// The quality of service of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[expect(clippy::enum_variant_names, reason = "the names that the MQTT specification gives")]
pub(crate) enum QoS {
    #[default]
    AtMostOnce,
    AtLeastOnce,
    ExactlyOnce,
}

impl QoS {
    /// The quality of service under that key; at most once where there is none.
    ///
    /// # Errors
    /// `BAD_QOS` (Misconfiguration).
    pub(super) fn from_config(config: &ConfigParams, key: &str) -> Result<Self, ApplicationError> {
        let Some(text) = config.get_as_nullable_string(key) else {
            return Ok(Self::default());
        };
        match text.trim() {
            "0" => Ok(Self::AtMostOnce),
            "1" => Ok(Self::AtLeastOnce),
            "2" => Ok(Self::ExactlyOnce),
            _ => Err(bad_option("BAD_QOS", key, &text, "0, 1 or 2")),
        }
    }
}
