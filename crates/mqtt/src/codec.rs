//! A message on the wire: an envelope in JSON, or its payload alone, beside which version 5 has room for the rest.

use std::borrow::Cow;

use bytes::Bytes;
use chrono::SecondsFormat;
use pip_services_commons::{convert::to_datetime, errors::ApplicationError};
use pip_services_messaging::MessageEnvelope;

use crate::{
    client::{Delivery, MessageProperties},
    options::{MqttVersion, QueueOptions},
    text::{LONGEST, is_forbidden},
};

const MESSAGE_ID: &str = "message_id";
const CORRELATION_ID: &str = "correlation_id";
const MESSAGE_TYPE: &str = "message_type";
const SENT_TIME: &str = "sent_time";

/// The body of a message to publish, and what travels beside it.
///
/// # Errors
/// `BAD_PROPERTY` (BadRequest) where a part of the envelope cannot be a property.
pub(crate) fn encode<'a>(
    envelope: &'a MessageEnvelope,
    options: &QueueOptions,
    version: MqttVersion,
) -> Result<(Cow<'a, [u8]>, MessageProperties), ApplicationError> {
    let body = match options.serialize_envelope {
        true => envelope.to_json().into_bytes().into(),
        false => envelope.get_message().map_or(&[][..], Bytes::as_ref).into(),
    };
    if version == MqttVersion::V3_1_1 {
        return Ok((body, MessageProperties::default()));
    }
    let mut properties = MessageProperties {
        content_type: options.content_type.clone(),
        message_expiry: options.message_expiry,
        ..MessageProperties::default()
    };
    if !options.serialize_envelope {
        properties.correlation_data = envelope.correlation_id.clone().map(String::into_bytes);
        let time = envelope.sent_time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true));
        let parts = [
            (MESSAGE_ID, Some(envelope.message_id.clone())),
            (CORRELATION_ID, envelope.correlation_id.clone()),
            (MESSAGE_TYPE, envelope.message_type.clone()),
            (SENT_TIME, time),
        ];
        for (name, value) in parts {
            let Some(value) = value else { continue };
            check_text(envelope, name, &value)?;
            properties.user.push((name.to_owned(), value));
        }
    }
    Ok((body, properties))
}

/// Brokers close the connection of who sends such a text.
fn check_text(envelope: &MessageEnvelope, name: &str, value: &str) -> Result<(), ApplicationError> {
    let why = match value {
        value if value.len() > LONGEST => "it has over 65535 bytes",
        value if value.contains(is_forbidden) => "it has a control character",
        _ => return Ok(()),
    };
    let message = format!("{name} cannot be a property of MQTT 5: {why}");
    let id = envelope.correlation_id.as_deref().filter(|_| name != CORRELATION_ID);
    Err(ApplicationError::bad_request(id, "BAD_PROPERTY", message).with_details("property", name))
}

/// The error of a body that is no envelope, with what to do where none is meant to be one.
fn how_to_take_it(error: &ApplicationError) -> ApplicationError {
    let message =
        format!("{}; to take payloads alone, set options.serialize_envelope to false", error.message());
    ApplicationError::bad_request(None, "BAD_ENVELOPE", message)
}

/// The message of a body that arrived.
///
/// Of a payload alone the type is the topic, and the id is new, unless properties tell them. Other properties
/// than those that `encode` writes are left alone.
///
/// # Errors
/// `BAD_ENVELOPE` (BadRequest), with the topic.
pub(crate) fn decode(
    delivery: Delivery,
    serialize_envelope: bool,
) -> Result<MessageEnvelope, (String, ApplicationError)> {
    let Delivery { topic, payload, mut properties } = delivery;
    if serialize_envelope {
        return MessageEnvelope::from_json(&payload).map_err(|error| (topic, how_to_take_it(&error)));
    }
    let mut envelope = MessageEnvelope::new(None, None, payload);
    envelope.message_type = properties.take_user(MESSAGE_TYPE);
    match properties.take_user(MESSAGE_ID).filter(|id| !id.is_empty()) {
        // From a queue as this one, where a type that is missing is none.
        Some(id) => envelope.message_id = id,
        None => envelope.message_type = envelope.message_type.or(Some(topic)),
    }
    envelope.correlation_id = properties.take_user(CORRELATION_ID).or_else(|| {
        let data = properties.correlation_data.take()?;
        String::from_utf8(data).ok().filter(|text| !text.is_empty())
    });
    envelope.sent_time = properties.take_user(SENT_TIME).and_then(|time| to_datetime(&time));
    Ok(envelope)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::DateTime;

    use super::*;

    const RAW: QueueOptions = QueueOptions {
        topic: None,
        publish_topic: None,
        shared_group: None,
        qos: crate::options::QoS::AtMostOnce,
        retain: false,
        serialize_envelope: false,
        content_type: None,
        message_expiry: None,
    };

    fn arrived(payload: impl Into<Bytes>, properties: MessageProperties) -> Delivery {
        Delivery { topic: "topic".into(), payload: payload.into(), properties }
    }

    fn over_the_wire(envelope: &MessageEnvelope, options: &QueueOptions) -> MessageEnvelope {
        let (body, mut properties) = encode(envelope, options, MqttVersion::V5).unwrap();
        properties.user.insert(0, ("x-mqtt-client-id".into(), "somebody".into()));
        decode(arrived(body.into_owned(), properties), options.serialize_envelope).unwrap()
    }

    #[test]
    fn a_raw_payload_keeps_its_envelope_in_version_5() {
        for (correlation_id, message_type) in
            [(Some("c"), Some("t")), (None, None), (Some(""), Some("")), (Some("ü"), None)]
        {
            let mut sent = MessageEnvelope::new(correlation_id, message_type, vec![0, 255, 10]);
            sent.sent_time = DateTime::from_timestamp_millis(1_700_000_000_123);
            let got = over_the_wire(&sent, &RAW);
            assert_eq!(got.message_id, sent.message_id);
            assert_eq!((&got.correlation_id, &got.message_type), (&sent.correlation_id, &sent.message_type));
            assert_eq!((got.sent_time, got.get_message()), (sent.sent_time, sent.get_message()));
        }
    }

    #[test]
    fn other_clients_see_the_properties_that_mqtt_has_for_it() {
        let options = QueueOptions {
            content_type: Some("text/plain".into()),
            message_expiry: Some(Duration::from_secs(5)),
            ..RAW
        };
        let (_, mut properties) =
            encode(&MessageEnvelope::new(Some("c"), "t", "x"), &options, MqttVersion::V5).unwrap();
        assert_eq!(properties.content_type.as_deref(), Some("text/plain"));
        assert_eq!(properties.message_expiry, Some(Duration::from_secs(5)));
        assert_eq!(properties.correlation_data.as_deref(), Some(&b"c"[..]));
        assert_eq!(properties.take_user("message_type").as_deref(), Some("t"));
        assert_eq!(properties.take_user("sent_time"), None);
    }

    #[test]
    fn messages_of_other_clients_are_read_as_far_as_they_tell() {
        let foreign = MessageProperties {
            user: vec![("sent_time".into(), "yesterday".into()), ("colour".into(), "red".into())],
            correlation_data: Some(b"their-id".into()),
            ..MessageProperties::default()
        };
        let got = decode(arrived("x", foreign), false).unwrap();
        assert_eq!(got.correlation_id.as_deref(), Some("their-id"));
        assert_eq!((got.message_type.as_deref(), got.sent_time), (Some("topic"), None));
        assert!(!got.message_id.is_empty());
        let binary = MessageProperties {
            user: vec![("message_type".into(), "t".into())],
            correlation_data: Some(vec![0xFF]),
            ..MessageProperties::default()
        };
        let got = decode(arrived("", binary), false).unwrap();
        assert_eq!((got.correlation_id, got.message_type.as_deref()), (None, Some("t")));
    }

    #[test]
    fn nothing_travels_beside_the_payload_in_version_3_or_beside_an_envelope() {
        let message = MessageEnvelope::new(Some("c\n"), "t", "x");
        let none = MessageProperties::default();
        assert_eq!(encode(&message, &RAW, MqttVersion::V3_1_1).unwrap().1, none);
        let whole = QueueOptions::default();
        assert_eq!(encode(&message, &whole, MqttVersion::V5).unwrap().1, none);
        assert_eq!(over_the_wire(&message, &whole).correlation_id, message.correlation_id);
    }

    #[test]
    fn a_text_that_brokers_do_not_take_is_an_error() {
        for bad in ["a\nb", "a\0b", "\u{FFFE}", &"x".repeat(65_536)] {
            let cases = [
                (MessageEnvelope::new(Some(bad), "t", "x"), "correlation_id"),
                (MessageEnvelope::new(None, bad, "x"), "message_type"),
            ];
            for (message, property) in cases {
                let error = encode(&message, &RAW, MqttVersion::V5).unwrap_err();
                assert_eq!((error.code(), error.detail("property")), ("BAD_PROPERTY", Some(property)));
                assert!(error.message().len() < 200, "{error}");
            }
        }
    }
}
