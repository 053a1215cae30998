//! A message on the wire: an envelope in JSON, or its payload alone.

use bytes::Bytes;
use pip_services_commons::errors::ApplicationError;
use pip_services_messaging::MessageEnvelope;

/// The body of a message to publish.
pub(crate) fn encode(envelope: &MessageEnvelope, serialize_envelope: bool) -> Bytes {
    match serialize_envelope {
        true => envelope.to_json().into(),
        false => envelope.get_message().cloned().unwrap_or_default(),
    }
}

/// The message of a body that arrived. Of a payload alone the type is the topic, and the id is new.
pub(crate) fn decode(
    topic: &str,
    body: Bytes,
    serialize_envelope: bool,
) -> Result<MessageEnvelope, ApplicationError> {
    match serialize_envelope {
        true => MessageEnvelope::from_json(&body),
        false => Ok(MessageEnvelope::new(None, topic, body)),
    }
}
