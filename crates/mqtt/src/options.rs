//! Configuration parameters as typed options, read once.

use std::time::Duration;

use pip_services_commons::{config::ConfigParams, data::IdGenerator, errors::ApplicationError};

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
    fn from_config(config: &ConfigParams) -> Result<Self, ApplicationError> {
        let Some(text) = config.get_as_nullable_string("options.qos") else {
            return Ok(Self::default());
        };
        match text.trim() {
            "0" => Ok(Self::AtMostOnce),
            "1" => Ok(Self::AtLeastOnce),
            "2" => Ok(Self::ExactlyOnce),
            _ => Err(bad_option("BAD_QOS", "options.qos", &text, "0, 1 or 2")),
        }
    }
}

/// The longest keep-alive time that MQTT has.
pub(crate) const LONGEST_KEEPALIVE: Duration = Duration::from_secs(u16::MAX as u64);

/// The options of a connection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConnectionOptions {
    pub(crate) client_id: String,
    pub(crate) clean_session: bool,
    pub(crate) retry_connect: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) reconnect_timeout: Duration,
    pub(crate) max_reconnect_timeout: Duration,
    pub(crate) keepalive_timeout: Duration,
    pub(crate) send_timeout: Duration,
}

impl ConnectionOptions {
    pub(crate) fn from_config(config: &ConfigParams) -> Result<Self, ApplicationError> {
        let flag = |key: &str, default| config.try_get_as_boolean(key).map(|flag| flag.unwrap_or(default));
        let time = |key: &str, default_ms| {
            config.try_get_as_duration_ms(key).map(|time| time.unwrap_or(Duration::from_millis(default_ms)))
        };
        let clean_session = flag("options.clean_session", true)?;
        let client_id = config.get_as_nullable_string("client_id");
        if !clean_session && client_id.is_none() {
            let message = "options.clean_session is false, which needs a client_id: the broker keeps the session under it";
            return Err(
                ApplicationError::config(None, "NO_CLIENT_ID", message).with_details("key", "client_id")
            );
        }
        if client_id.as_ref().is_some_and(|id| id.contains('\0')) {
            return Err(bad_option("BAD_VALUE", "client_id", "", "without a null character"));
        }
        let reconnect_timeout = time("options.reconnect_timeout", 1_000)?;
        if reconnect_timeout.is_zero() {
            return Err(bad_option("BAD_VALUE", "options.reconnect_timeout", "0", "1 or more"));
        }
        let keepalive_timeout = time("options.keepalive_timeout", 3_000)?;
        if keepalive_timeout > LONGEST_KEEPALIVE {
            let value = keepalive_timeout.as_millis().to_string();
            return Err(bad_option("BAD_VALUE", "options.keepalive_timeout", &value, "65535000 or less"));
        }
        Ok(Self {
            client_id: client_id.unwrap_or_else(default_client_id),
            clean_session,
            retry_connect: flag("options.retry_connect", true)?,
            connect_timeout: time("options.connect_timeout", 30_000)?,
            reconnect_timeout,
            max_reconnect_timeout: time("options.max_reconnect_timeout", 30_000)?.max(reconnect_timeout),
            keepalive_timeout,
            send_timeout: time("options.send_timeout", 10_000)?,
        })
    }
}

/// The host name, as in other ports, with a random end: two clients of one id evict each other for ever.
fn default_client_id() -> String {
    let host = std::env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let host = host.as_deref().map(str::trim).filter(|host| !host.is_empty()).unwrap_or("pip-services");
    format!("{host}-{}", IdGenerator::next_short())
}

/// The options of a queue that others with a cache do not have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct QueueOptions {
    /// The topic, if it is not the queue's name.
    pub(crate) topic: Option<String>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) serialize_envelope: bool,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self { topic: None, qos: QoS::default(), retain: false, serialize_envelope: true }
    }
}

impl QueueOptions {
    pub(crate) fn from_config(config: &ConfigParams) -> Result<Self, ApplicationError> {
        let defaults = Self::default();
        let flag = |key: &str, default| config.try_get_as_boolean(key).map(|flag| flag.unwrap_or(default));
        match config.get_as_nullable_string("options.ack").as_deref() {
            None | Some("auto") => {}
            Some("manual") => {
                let message =
                    "options.ack is 'manual'; the client acknowledges on arrival, so it can only be 'auto'";
                return Err(ApplicationError::config(None, "UNSUPPORTED_OPTION", message)
                    .with_details("key", "options.ack"));
            }
            Some(other) => return Err(bad_option("BAD_VALUE", "options.ack", other, "'auto'")),
        }
        Ok(Self {
            topic: config.get_as_nullable_string("topic"),
            qos: QoS::from_config(config)?,
            retain: flag("options.retain", defaults.retain)?,
            serialize_envelope: flag("options.serialize_envelope", defaults.serialize_envelope)?,
        })
    }
}

fn bad_option(code: &'static str, key: &str, value: &str, allowed: &str) -> ApplicationError {
    ApplicationError::config(None, code, format!("{key} is '{value}'; it must be {allowed}"))
        .with_details("key", key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(key: &str, value: &str) -> Result<QueueOptions, ApplicationError> {
        QueueOptions::from_config(&ConfigParams::from_tuples([(key, value)]))
    }

    fn connection(tuples: &[(&str, &str)]) -> Result<ConnectionOptions, ApplicationError> {
        ConnectionOptions::from_config(&ConfigParams::from_tuples(tuples.iter().copied()))
    }

    #[test]
    fn the_documented_defaults_hold() {
        assert_eq!(QueueOptions::from_config(&ConfigParams::new()).unwrap(), QueueOptions::default());
        let options = connection(&[]).unwrap();
        assert_eq!(options.connect_timeout, Duration::from_secs(30));
        assert_eq!(options.reconnect_timeout, Duration::from_secs(1));
        assert_eq!(options.keepalive_timeout, Duration::from_secs(3));
        assert!(options.clean_session && options.retry_connect);
    }

    #[test]
    fn two_default_client_ids_differ() {
        assert_ne!(connection(&[]).unwrap().client_id, connection(&[]).unwrap().client_id);
        assert_eq!(connection(&[("client_id", "me")]).unwrap().client_id, "me");
    }

    #[test]
    fn wrong_values_are_errors_that_name_the_key() {
        let cases = [
            ("options.qos", "3", "BAD_QOS"),
            ("options.qos", "high", "BAD_QOS"),
            ("options.retain", "maybe", "BAD_VALUE"),
            ("options.ack", "manual", "UNSUPPORTED_OPTION"),
            ("options.ack", "later", "BAD_VALUE"),
        ];
        for (key, value, code) in cases {
            let error = queue(key, value).unwrap_err();
            assert_eq!((error.code(), error.detail("key")), (code, Some(key)), "{key}={value}");
            assert!(error.message().contains(value), "{error}");
        }
        let error = connection(&[("options.connect_timeout", "soon")]).unwrap_err();
        assert_eq!(error.detail("key"), Some("options.connect_timeout"));
        for (key, value) in [("options.reconnect_timeout", "0"), ("options.keepalive_timeout", "65535001")] {
            assert_eq!(connection(&[(key, value)]).unwrap_err().detail("key"), Some(key));
        }
        assert_eq!(connection(&[("options.clean_session", "false")]).unwrap_err().code(), "NO_CLIENT_ID");
    }
}
