use std::time::Duration;

use bytes::Bytes;
use pip_services_commons::{config::ConfigParams, data::IdGenerator, errors::ApplicationError};

use super::{QoS, bad_option, check_text, needs};
use crate::{text::LONGEST, topic};

/// The longest keep-alive time that MQTT has.
pub(crate) const LONGEST_KEEPALIVE: Duration = Duration::from_secs(u16::MAX as u64);

/// A day. The client library counts milliseconds in 32 bits, so that a time of weeks would turn into a short one.
const LONGEST_CONNECT: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest time that MQTT 5 has for a session, above which it never ends.
const LONGEST_SESSION: Duration = Duration::from_secs(u32::MAX as u64 - 1);

/// The version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum MqttVersion {
    #[default]
    V3_1_1,
    V5,
}

/// What the broker is to publish when the connection is lost.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Will {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
}

/// How many messages at QoS 2 any broker takes at once. Version 3.1.1 has no way to tell a limit: Mosquitto, whose limit is
/// this by itself, cuts the connection at the next one.
const LIMIT_OF_BROKERS: u16 = 20;

/// The options of a connection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConnectionOptions {
    pub(crate) client_id: String,
    pub(crate) version: MqttVersion,
    pub(crate) clean_session: bool,
    /// How long the broker keeps the session; `None` is for ever.
    pub(crate) session_expiry: Option<Duration>,
    pub(crate) retry_connect: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) reconnect_timeout: Duration,
    pub(crate) max_reconnect_timeout: Duration,
    pub(crate) keepalive_timeout: Duration,
    pub(crate) send_timeout: Duration,
    pub(crate) max_inflight: u16,
    /// How many of them at QoS 2.
    pub(crate) max_inflight_at_2: u16,
    pub(crate) will: Option<Will>,
}

impl ConnectionOptions {
    pub(crate) fn from_config(config: &ConfigParams) -> Result<Self, ApplicationError> {
        let flag = |key: &str, default| config.try_get_as_boolean(key).map(|flag| flag.unwrap_or(default));
        let version = MqttVersion::from_config(config)?;
        let clean_session = flag("options.clean_session", true)?;
        let client_id = config.get_as_nullable_string("client_id");
        if !clean_session && client_id.is_none() {
            let message = "options.clean_session is false, which needs a client_id: the broker keeps the session under it";
            return Err(
                ApplicationError::config(None, "NO_CLIENT_ID", message).with_details("key", "client_id")
            );
        }
        if let Some(id) = &client_id {
            check_text("client_id", id)?;
        }
        let (reconnect_timeout, max_reconnect_timeout) = reconnect_timeouts(config)?;
        let keepalive_timeout = config.try_get_as_duration_ms("options.keepalive_timeout")?;
        let keepalive_timeout = keepalive_timeout.unwrap_or(Duration::from_secs(3));
        if keepalive_timeout > LONGEST_KEEPALIVE {
            let value = keepalive_timeout.as_millis().to_string();
            return Err(bad_option("BAD_VALUE", "options.keepalive_timeout", &value, "65535000 or less"));
        }
        let max_inflight = max_inflight(config)?;
        Ok(Self {
            client_id: client_id.unwrap_or_else(default_client_id),
            version,
            clean_session,
            session_expiry: session_expiry(config, version, clean_session)?,
            retry_connect: flag("options.retry_connect", true)?,
            connect_timeout: connect_timeout(config)?,
            reconnect_timeout,
            max_reconnect_timeout,
            keepalive_timeout,
            send_timeout: at_least_one(config, "options.send_timeout")?.unwrap_or(Duration::from_secs(10)),
            max_inflight: max_inflight.unwrap_or(100),
            max_inflight_at_2: max_inflight.unwrap_or(match version {
                MqttVersion::V3_1_1 => LIMIT_OF_BROKERS,
                // The broker tells the client its limit.
                MqttVersion::V5 => 100,
            }),
            will: Will::from_config(config)?,
        })
    }
}

impl MqttVersion {
    fn from_config(config: &ConfigParams) -> Result<Self, ApplicationError> {
        let key = "options.mqtt_version";
        match config.get_as_nullable_string(key).as_deref().map(str::trim) {
            None | Some("3.1.1") => Ok(Self::V3_1_1),
            Some("5") => Ok(Self::V5),
            Some(other) => Err(bad_option("BAD_VALUE", key, other, "3.1.1 or 5")),
        }
    }
}

impl Will {
    fn from_config(config: &ConfigParams) -> Result<Option<Self>, ApplicationError> {
        let qos = QoS::from_config(config, "options.will_qos")?;
        let retain = config.try_get_as_boolean("options.will_retain")?.unwrap_or_default();
        let payload = config.get_as_string("options.will_payload");
        if payload.len() > LONGEST {
            let value = format!("{} bytes", payload.len());
            return Err(bad_option("BAD_VALUE", "options.will_payload", &value, "65535 bytes or less"));
        }
        let Some(topic) = config.get_as_nullable_string("options.will_topic") else {
            let others = ["options.will_payload", "options.will_qos", "options.will_retain"];
            return match others.into_iter().find(|key| config.get_as_nullable_string(key).is_some()) {
                Some(key) => Err(needs("NO_TOPIC", key, "options.will_topic")),
                None => Ok(None),
            };
        };
        check_topic("options.will_topic", &topic)?;
        Ok(Some(Self { topic, payload: payload.into(), qos, retain }))
    }
}

/// Checks a topic to publish to that a parameter gives.
pub(super) fn check_topic(key: &str, topic: &str) -> Result<(), ApplicationError> {
    topic::check_topic(topic).map_err(|error| {
        ApplicationError::config(None, "BAD_TOPIC", format!("{key}: {error}")).with_details("key", key)
    })
}

/// The first delay and the longest. The default of one gives way to the other where that is given.
fn reconnect_timeouts(config: &ConfigParams) -> Result<(Duration, Duration), ApplicationError> {
    let (first_key, most_key) = ("options.reconnect_timeout", "options.max_reconnect_timeout");
    let (first_default, most_default) = (Duration::from_secs(1), Duration::from_secs(30));
    match (at_least_one(config, first_key)?, at_least_one(config, most_key)?) {
        (Some(first), Some(most)) if most < first => {
            let allowed = format!("as much as {first_key}, which is {}, or more", first.as_millis());
            Err(bad_option("BAD_VALUE", most_key, &most.as_millis().to_string(), &allowed))
        }
        (Some(first), Some(most)) => Ok((first, most)),
        (Some(first), None) => Ok((first, most_default.max(first))),
        (None, Some(most)) => Ok((first_default.min(most), most)),
        (None, None) => Ok((first_default, most_default)),
    }
}

/// A number of milliseconds of which there must be one at least.
fn at_least_one(config: &ConfigParams, key: &str) -> Result<Option<Duration>, ApplicationError> {
    match config.try_get_as_duration_ms(key)? {
        Some(Duration::ZERO) => Err(bad_option("BAD_VALUE", key, "0", "1 or more")),
        time => Ok(time),
    }
}

fn connect_timeout(config: &ConfigParams) -> Result<Duration, ApplicationError> {
    let time = |key| match config.try_get_as_duration_ms(key)? {
        Some(time) if time.is_zero() || time > LONGEST_CONNECT => {
            Err(bad_option("BAD_VALUE", key, &time.as_millis().to_string(), "from 1 to 86400000"))
        }
        time => Ok(time),
    };
    // The name that the other ports read it from.
    let old = time("options.max_reconnect")?;
    Ok(time("options.connect_timeout")?.or(old).unwrap_or(Duration::from_secs(30)))
}

fn session_expiry(
    config: &ConfigParams,
    version: MqttVersion,
    clean_session: bool,
) -> Result<Option<Duration>, ApplicationError> {
    let key = "options.session_expiry";
    let Some(time) = config.try_get_as_duration_ms(key)? else { return Ok(None) };
    if version != MqttVersion::V5 {
        return Err(needs("UNSUPPORTED_OPTION", key, "options.mqtt_version 5"));
    }
    if clean_session {
        return Err(needs("UNSUPPORTED_OPTION", key, "options.clean_session false"));
    }
    if time.is_zero() || time > LONGEST_SESSION {
        let value = time.as_millis().to_string();
        return Err(bad_option("BAD_VALUE", key, &value, "from 1 to 4294967294000"));
    }
    Ok(Some(time))
}

fn max_inflight(config: &ConfigParams) -> Result<Option<u16>, ApplicationError> {
    let key = "options.max_inflight";
    let Some(count) = config.try_get_as_long(key)? else { return Ok(None) };
    u16::try_from(count)
        .ok()
        .filter(|count| *count > 0)
        .map(Some)
        .ok_or_else(|| bad_option("BAD_VALUE", key, &count.to_string(), "from 1 to 65535"))
}

/// The host name, as in other ports, with a random end: two clients of one id evict each other for ever.
fn default_client_id() -> String {
    let host = std::env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let host = host.as_deref().map(str::trim).filter(|host| !host.is_empty()).unwrap_or("pip-services");
    format!("{host}-{}", IdGenerator::next_short())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(tuples: &[(&str, &str)]) -> Result<ConnectionOptions, ApplicationError> {
        ConnectionOptions::from_config(&ConfigParams::from_tuples(tuples.iter().copied()))
    }

    #[test]
    fn the_documented_defaults_hold() {
        let options = connection(&[]).unwrap();
        assert_eq!(options.connect_timeout, Duration::from_secs(30));
        assert_eq!(options.reconnect_timeout, Duration::from_secs(1));
        assert_eq!(options.max_reconnect_timeout, Duration::from_secs(30));
        assert_eq!(options.keepalive_timeout, Duration::from_secs(3));
        assert_eq!(options.send_timeout, Duration::from_secs(10));
        assert_eq!((options.max_inflight, options.version), (100, MqttVersion::V3_1_1));
        assert_eq!(options.max_inflight_at_2, 20);
        assert_eq!((options.session_expiry, options.will), (None, None));
        assert!(options.clean_session && options.retry_connect);
    }

    #[test]
    fn what_is_configured_is_taken() {
        let options = connection(&[
            ("client_id", "me"),
            ("options.mqtt_version", "5"),
            ("options.clean_session", "false"),
            ("options.session_expiry", "1500"),
            ("options.retry_connect", "false"),
            ("options.connect_timeout", "1"),
            ("options.reconnect_timeout", "2"),
            ("options.max_reconnect_timeout", "3"),
            ("options.keepalive_timeout", "4"),
            ("options.send_timeout", "5"),
            ("options.max_inflight", "65535"),
            ("options.will_topic", "gone/me"),
            ("options.will_payload", "bye"),
            ("options.will_qos", "2"),
            ("options.will_retain", "true"),
        ])
        .unwrap();
        let ms = Duration::from_millis;
        let will =
            Will { topic: "gone/me".into(), payload: "bye".into(), qos: QoS::ExactlyOnce, retain: true };
        let expected = ConnectionOptions {
            client_id: "me".into(),
            version: MqttVersion::V5,
            clean_session: false,
            session_expiry: Some(ms(1500)),
            retry_connect: false,
            connect_timeout: ms(1),
            reconnect_timeout: ms(2),
            max_reconnect_timeout: ms(3),
            keepalive_timeout: ms(4),
            send_timeout: ms(5),
            max_inflight: u16::MAX,
            max_inflight_at_2: u16::MAX,
            will: Some(will),
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn two_default_client_ids_differ() {
        assert_ne!(connection(&[]).unwrap().client_id, connection(&[]).unwrap().client_id);
        assert_eq!(connection(&[("client_id", "me")]).unwrap().client_id, "me");
    }

    #[test]
    fn the_old_name_of_the_connect_timeout_counts_where_the_new_one_is_missing() {
        let old = ("options.max_reconnect", "700");
        assert_eq!(connection(&[old]).unwrap().connect_timeout, Duration::from_millis(700));
        let both = connection(&[old, ("options.connect_timeout", "800")]).unwrap();
        assert_eq!(both.connect_timeout, Duration::from_millis(800));
        let day = connection(&[("options.connect_timeout", "86400000")]).unwrap();
        assert_eq!(day.connect_timeout, Duration::from_secs(24 * 60 * 60));
    }

    #[test]
    fn of_two_delays_the_one_that_is_not_given_follows_the_other() {
        let (first, most) = ("options.reconnect_timeout", "options.max_reconnect_timeout");
        let delays = |tuples: &[(&str, &str)]| {
            let options = connection(tuples).unwrap();
            (options.reconnect_timeout.as_millis(), options.max_reconnect_timeout.as_millis())
        };
        assert_eq!(delays(&[(most, "500")]), (500, 500));
        assert_eq!(delays(&[(most, "5000")]), (1_000, 5_000));
        assert_eq!(delays(&[(first, "40000")]), (40_000, 40_000));
        assert_eq!(delays(&[(first, "50")]), (50, 30_000));
        assert_eq!(delays(&[(first, "50"), (most, "50")]), (50, 50));
        let error = connection(&[(first, "1000"), (most, "999")]).unwrap_err();
        assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some(most)));
        for named in [first, "1000", most, "'999'"] {
            assert!(error.message().contains(named), "{error}");
        }
    }

    #[test]
    fn wrong_values_are_errors_that_name_key_and_value() {
        let long = "x".repeat(LONGEST + 1);
        let cases = [
            ("options.clean_session", "perhaps", "BAD_VALUE"),
            ("options.retry_connect", "perhaps", "BAD_VALUE"),
            ("options.connect_timeout", "soon", "BAD_VALUE"),
            ("options.connect_timeout", "0", "BAD_VALUE"),
            ("options.connect_timeout", "-1", "BAD_VALUE"),
            ("options.connect_timeout", "86400001", "BAD_VALUE"),
            ("options.connect_timeout", "4294968000", "BAD_VALUE"),
            ("options.max_reconnect", "86400001", "BAD_VALUE"),
            ("options.max_reconnect", "soon", "BAD_VALUE"),
            ("options.max_reconnect", "0", "BAD_VALUE"),
            ("options.max_reconnect", "-1", "BAD_VALUE"),
            ("options.reconnect_timeout", "0", "BAD_VALUE"),
            ("options.max_reconnect_timeout", "-1", "BAD_VALUE"),
            ("options.max_reconnect_timeout", "0", "BAD_VALUE"),
            ("options.keepalive_timeout", "65535001", "BAD_VALUE"),
            ("options.send_timeout", "-5", "BAD_VALUE"),
            ("options.send_timeout", "0", "BAD_VALUE"),
            ("options.max_inflight", "0", "BAD_VALUE"),
            ("options.max_inflight", "65536", "BAD_VALUE"),
            ("options.max_inflight", "many", "BAD_VALUE"),
            ("options.max_inflight", "1.5", "BAD_VALUE"),
            ("options.connect_timeout", "10.5", "BAD_VALUE"),
            ("options.keepalive_timeout", "3000.1", "BAD_VALUE"),
            ("options.mqtt_version", "4", "BAD_VALUE"),
            ("options.will_topic", "a/+", "BAD_TOPIC"),
            ("options.will_qos", "3", "BAD_QOS"),
            ("options.will_retain", "perhaps", "BAD_VALUE"),
            ("options.will_payload", &long, "BAD_VALUE"),
            ("client_id", &long, "BAD_VALUE"),
        ];
        for (key, value, code) in cases {
            let error = connection(&[(key, value)]).unwrap_err();
            assert_eq!((error.code(), error.detail("key")), (code, Some(key)), "{key}={value}");
            let shown = if value.len() > 100 { "65536 bytes" } else { value };
            assert!(error.message().contains(shown) && error.message().contains(key), "{error}");
        }
    }

    #[test]
    fn texts_as_long_as_mqtt_has_them_are_taken_and_a_longer_topic_of_a_will_is_refused() {
        let longest = "x".repeat(LONGEST);
        let keys = ["client_id", "options.will_topic", "options.will_payload"];
        let options = connection(&keys.map(|key| (key, longest.as_str()))).unwrap();
        assert!(options.client_id == longest && options.will.unwrap().topic == longest);
        let error = connection(&[("options.will_topic", &(longest + "x"))]).unwrap_err();
        assert_eq!((error.code(), error.detail("key")), ("BAD_TOPIC", Some("options.will_topic")));
        assert!(error.message().contains("65535 bytes") && error.message().len() < 200, "{error}");
    }

    #[test]
    fn texts_for_which_brokers_close_the_connection_are_refused_with_key_and_value() {
        for (key, code) in [("client_id", "BAD_VALUE"), ("options.will_topic", "BAD_TOPIC")] {
            for (value, shown) in [("a\0b", "a\\0b"), ("a\nb", "a\\nb"), ("\u{FFFF}", "\\u{ffff}")] {
                let error = connection(&[(key, value)]).unwrap_err();
                assert_eq!((error.code(), error.detail("key")), (code, Some(key)), "{value:?}");
                assert!(error.message().contains(shown), "{error}");
            }
        }
    }

    #[test]
    fn options_that_need_others_name_them() {
        let kept = [("client_id", "me"), ("options.clean_session", "false")];
        let version = ("options.mqtt_version", "5");
        let expiry = ("options.session_expiry", "1000");
        let cases = [
            (vec![("options.clean_session", "false")], "NO_CLIENT_ID", "client_id"),
            (vec![kept[0], kept[1], expiry], "UNSUPPORTED_OPTION", "options.mqtt_version"),
            (vec![version, expiry], "UNSUPPORTED_OPTION", "options.clean_session"),
            (
                vec![kept[0], kept[1], version, ("options.session_expiry", "0")],
                "BAD_VALUE",
                "options.session_expiry",
            ),
            (vec![("options.will_payload", "bye")], "NO_TOPIC", "options.will_topic"),
            (vec![("options.will_qos", "1")], "NO_TOPIC", "options.will_topic"),
            (vec![("options.will_retain", "true")], "NO_TOPIC", "options.will_topic"),
        ];
        for (tuples, code, named) in cases {
            let error = connection(&tuples).unwrap_err();
            assert_eq!(error.code(), code, "{tuples:?}");
            assert!(error.message().contains(named), "{error}");
        }
    }
}
