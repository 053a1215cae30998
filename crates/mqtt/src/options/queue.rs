use std::time::Duration;

use pip_services_commons::{config::ConfigParams, errors::ApplicationError};

use super::{MqttVersion, QoS, bad_option, check_text, connection::check_topic, needs};
use crate::topic;

/// The longest time that MQTT 5 has for the life of a message.
const LONGEST_EXPIRY: Duration = Duration::from_secs(u32::MAX as u64);

/// The options of a queue that others with a cache do not have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct QueueOptions {
    /// The topic, if it is not the queue's name.
    pub(crate) topic: Option<String>,
    /// The topic to send to, if it is not the one to subscribe to.
    pub(crate) publish_topic: Option<String>,
    /// The consumers that share the messages of the topic.
    pub(crate) shared_group: Option<String>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) serialize_envelope: bool,
    /// What the payloads are, for other clients.
    pub(crate) content_type: Option<String>,
    /// How long the broker keeps a message for who is not there.
    pub(crate) message_expiry: Option<Duration>,
}

/// Where a queue's messages come from and go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topics {
    /// The filter to subscribe to.
    pub(crate) filter: String,
    /// The topic to send to, which has wildcards where the queue cannot send.
    pub(crate) publish: String,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            topic: None,
            publish_topic: None,
            shared_group: None,
            qos: QoS::default(),
            retain: false,
            serialize_envelope: true,
            content_type: None,
            message_expiry: None,
        }
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
        let publish_topic = config.get_as_nullable_string("options.publish_topic");
        if let Some(topic) = &publish_topic {
            check_topic("options.publish_topic", topic)?;
        }
        let content_type = config.get_as_nullable_string("options.content_type");
        if let Some(content_type) = &content_type {
            check_text("options.content_type", content_type)?;
        }
        Ok(Self {
            topic: config.get_as_nullable_string("topic"),
            publish_topic,
            shared_group: shared_group(config)?,
            qos: QoS::from_config(config, "options.qos")?,
            retain: flag("options.retain", defaults.retain)?,
            serialize_envelope: flag("options.serialize_envelope", defaults.serialize_envelope)?,
            content_type,
            message_expiry: message_expiry(config)?,
        })
    }

    /// The topics of a queue of that name, checked.
    ///
    /// # Errors
    /// `NO_TOPIC`, `BAD_TOPIC`, `BAD_VALUE` (Misconfiguration).
    pub(crate) fn topics(&self, name: &str) -> Result<Topics, ApplicationError> {
        let topic = self.topic.as_deref().unwrap_or(name);
        if topic.is_empty() {
            let message = "topic is not set, and the queue has no name that could stand for it";
            return Err(ApplicationError::config(None, "NO_TOPIC", message).with_details("key", "topic"));
        }
        let filter = match &self.shared_group {
            None => topic.to_owned(),
            Some(group) if topic.starts_with("$share/") => {
                let allowed = "left out where the topic is a shared one itself";
                return Err(bad_option("BAD_VALUE", "options.shared_group", group, allowed));
            }
            Some(group) => format!("$share/{group}/{topic}"),
        };
        topic::check_filter(&filter).map_err(|error| {
            ApplicationError::config(None, "BAD_TOPIC", format!("topic: {error}"))
                .with_details("key", "topic")
        })?;
        // To send to $share/<group>/<topic> would put it where nobody listens.
        let publish = self.publish_topic.as_deref().unwrap_or_else(|| topic::local_filter(&filter));
        Ok(Topics { publish: publish.to_owned(), filter })
    }

    /// Checks that a connection of that version can do what is asked for.
    ///
    /// # Errors
    /// `UNSUPPORTED_OPTION` (Misconfiguration).
    pub(crate) fn check_version(&self, version: MqttVersion) -> Result<(), ApplicationError> {
        if version == MqttVersion::V5 {
            return Ok(());
        }
        let needs = |key| needs("UNSUPPORTED_OPTION", key, "options.mqtt_version 5 of the connection");
        match self {
            Self { message_expiry: Some(_), .. } => Err(needs("options.message_expiry")),
            Self { content_type: Some(_), .. } => Err(needs("options.content_type")),
            _ => Ok(()),
        }
    }
}

fn shared_group(config: &ConfigParams) -> Result<Option<String>, ApplicationError> {
    let group = config.get_as_nullable_string("options.shared_group");
    if let Some(text) = &group {
        check_text("options.shared_group", text)?;
        if text.contains(['+', '#', '/']) {
            return Err(bad_option("BAD_VALUE", "options.shared_group", text, "without +, # and /"));
        }
    }
    Ok(group)
}

fn message_expiry(config: &ConfigParams) -> Result<Option<Duration>, ApplicationError> {
    let key = "options.message_expiry";
    match config.try_get_as_duration_ms(key)? {
        Some(time) if time.is_zero() || time > LONGEST_EXPIRY => {
            let value = time.as_millis().to_string();
            Err(bad_option("BAD_VALUE", key, &value, "from 1 to 4294967295000"))
        }
        time => Ok(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::LONGEST;

    fn queue(tuples: &[(&str, &str)]) -> Result<QueueOptions, ApplicationError> {
        QueueOptions::from_config(&ConfigParams::from_tuples(tuples.iter().copied()))
    }

    fn topics(tuples: &[(&str, &str)], name: &str) -> Result<(String, String), ApplicationError> {
        queue(tuples)?.topics(name).map(|topics| (topics.filter, topics.publish))
    }

    #[test]
    fn the_documented_defaults_hold() {
        assert_eq!(queue(&[]).unwrap(), QueueOptions::default());
    }

    #[test]
    fn what_is_configured_is_taken() {
        let options = queue(&[
            ("topic", "a/+"),
            ("options.publish_topic", "a/b"),
            ("options.shared_group", "workers"),
            ("options.qos", "2"),
            ("options.retain", "true"),
            ("options.serialize_envelope", "false"),
            ("options.content_type", "text/plain"),
            ("options.message_expiry", "1500"),
            ("options.ack", "auto"),
        ])
        .unwrap();
        let expected = QueueOptions {
            topic: Some("a/+".into()),
            publish_topic: Some("a/b".into()),
            shared_group: Some("workers".into()),
            qos: QoS::ExactlyOnce,
            retain: true,
            serialize_envelope: false,
            content_type: Some("text/plain".into()),
            message_expiry: Some(Duration::from_millis(1500)),
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn wrong_values_are_errors_that_name_the_key_and_the_value() {
        let cases = [
            ("options.qos", "3", "BAD_QOS"),
            ("options.qos", "high", "BAD_QOS"),
            ("options.retain", "maybe", "BAD_VALUE"),
            ("options.serialize_envelope", "maybe", "BAD_VALUE"),
            ("options.ack", "manual", "UNSUPPORTED_OPTION"),
            ("options.ack", "later", "BAD_VALUE"),
            ("options.publish_topic", "a/#", "BAD_TOPIC"),
            ("options.shared_group", "a/b", "BAD_VALUE"),
            ("options.shared_group", "a+", "BAD_VALUE"),
            ("options.message_expiry", "0", "BAD_VALUE"),
            ("options.message_expiry", "soon", "BAD_VALUE"),
            ("options.message_expiry", "1000.5", "BAD_VALUE"),
        ];
        for (key, value, code) in cases {
            let error = queue(&[(key, value)]).unwrap_err();
            assert_eq!((error.code(), error.detail("key")), (code, Some(key)), "{key}={value}");
            assert!(error.message().contains(value), "{error}");
        }
    }

    #[test]
    fn texts_for_which_brokers_close_the_connection_are_refused_with_key_and_value() {
        let cases = [
            ("options.content_type", "text\0plain", "'text\\0plain'"),
            ("options.content_type", "text\nplain", "'text\\nplain'"),
            ("options.content_type", "\u{FDD0}", "'\\u{fdd0}'"),
            ("options.shared_group", "a\tb", "'a\\tb'"),
        ];
        for (key, value, shown) in cases {
            let error = queue(&[(key, value)]).unwrap_err();
            assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some(key)), "{value:?}");
            assert!(error.message().contains(shown), "{error}");
        }
        let error = queue(&[("options.content_type", &"x".repeat(LONGEST + 1))]).unwrap_err();
        assert!(error.message().contains("is '65536 bytes'"), "{error}");
    }

    #[test]
    fn the_topic_is_for_both_directions_unless_something_else_is_said() {
        let pair = |filter: &str, publish: &str| (filter.to_owned(), publish.to_owned());
        let group = ("options.shared_group", "g");
        let publish = ("options.publish_topic", "p");
        assert_eq!(topics(&[], "name").unwrap(), pair("name", "name"));
        assert_eq!(topics(&[("topic", "t")], "name").unwrap(), pair("t", "t"));
        assert_eq!(topics(&[("topic", "$share/x/t")], "").unwrap(), pair("$share/x/t", "t"));
        assert_eq!(topics(&[group], "name").unwrap(), pair("$share/g/name", "name"));
        assert_eq!(topics(&[("topic", "t/#"), publish], "name").unwrap(), pair("t/#", "p"));
        assert_eq!(topics(&[("topic", "t/#"), group, publish], "name").unwrap(), pair("$share/g/t/#", "p"));
        assert_eq!(topics(&[("topic", "")], "name").unwrap(), pair("name", "name"));
    }

    #[test]
    fn a_topic_that_cannot_be_is_an_error() {
        assert_eq!(topics(&[], "").unwrap_err().code(), "NO_TOPIC");
        assert_eq!(topics(&[("topic", "a/#/b")], "n").unwrap_err().code(), "BAD_TOPIC");
        let twice = [("topic", "$share/x/t"), ("options.shared_group", "g")];
        assert_eq!(topics(&twice, "n").unwrap_err().detail("key"), Some("options.shared_group"));
    }

    #[test]
    fn what_only_version_5_has_needs_it() {
        for (key, value) in [("options.message_expiry", "1000"), ("options.content_type", "text/plain")] {
            let options = queue(&[(key, value)]).unwrap();
            let error = options.check_version(MqttVersion::V3_1_1).unwrap_err();
            assert_eq!((error.code(), error.detail("key")), ("UNSUPPORTED_OPTION", Some(key)));
            options.check_version(MqttVersion::V5).unwrap();
        }
        queue(&[]).unwrap().check_version(MqttVersion::V3_1_1).unwrap();
    }
}
