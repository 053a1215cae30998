use std::{any::Any, borrow::Cow, fmt, sync::Arc};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use pip_services_commons::{data::IdGenerator, errors::ApplicationError};
use serde::{Serialize, de::DeserializeOwned};

use super::{IntoPayload, wire};

/// How many characters of the payload a log line shows.
pub(super) const SHOWN_CHARACTERS: usize = 50;

/// How many characters of the correlation id and of the type it shows: enough for any id that is meant to be one.
/// They come from whoever sent the message.
const SHOWN_OF_NAMES: usize = 100;

/// A message with what describes it; ports `MessageEnvelope`.
///
/// A clone shares the payload and the lock, so it costs little. Changing a clone, or the original after it
/// was sent, never changes the other.
///
/// ```
/// use pip_services_messaging::MessageEnvelope;
///
/// let envelope = MessageEnvelope::new(Some("123"), "order", "one pizza");
/// assert_eq!(envelope.to_string(), "[123,order,one pizza]");
/// ```
#[derive(Clone)]
pub struct MessageEnvelope {
    /// The id of the business transaction that the message belongs to.
    pub correlation_id: Option<String>,
    /// The unique id of the message.
    pub message_id: String,
    /// What kind of message this is, for whoever handles it.
    pub message_type: Option<String>,
    /// When the message was sent; queues set it in `send`.
    pub sent_time: Option<DateTime<Utc>>,
    message: Option<Bytes>,
    reference: Option<Arc<dyn Any + Send + Sync>>,
}

impl MessageEnvelope {
    /// A message with a new id. The payload can be text, bytes, or an `Option` of these.
    pub fn new<'a>(
        correlation_id: Option<&str>,
        message_type: impl Into<Option<&'a str>>,
        message: impl IntoPayload,
    ) -> Self {
        Self {
            correlation_id: correlation_id.map(str::to_owned),
            message_id: IdGenerator::next_long(),
            message_type: message_type.into().map(str::to_owned),
            sent_time: None,
            message: message.into_payload(),
            reference: None,
        }
    }

    /// A message whose payload is a value in JSON.
    ///
    /// A value that is text in JSON is stored raw, without quotes, as the other ports do: read it with
    /// [`get_message_as_string`](Self::get_message_as_string).
    ///
    /// # Errors
    /// `BAD_PAYLOAD` (BadRequest) when the value cannot be written as JSON.
    pub fn from_object<'a>(
        correlation_id: Option<&str>,
        message_type: impl Into<Option<&'a str>>,
        value: &(impl Serialize + ?Sized),
    ) -> Result<Self, ApplicationError> {
        let mut envelope = Self::new(correlation_id, message_type, None::<Bytes>);
        envelope.set_message_as_object(value)?;
        Ok(envelope)
    }

    /// The payload's bytes; `None` is no payload, which differs from an empty one.
    pub fn get_message(&self) -> Option<&Bytes> {
        self.message.as_ref()
    }

    /// Sets the payload.
    pub fn set_message(&mut self, message: impl IntoPayload) {
        self.message = message.into_payload();
    }

    /// The payload as text. Bytes that are no UTF-8 become replacement characters.
    pub fn get_message_as_string(&self) -> Option<Cow<'_, str>> {
        self.message.as_deref().map(String::from_utf8_lossy)
    }

    /// Sets the payload to text.
    pub fn set_message_as_string(&mut self, message: &str) {
        self.set_message(message);
    }

    /// The payload as a value read from JSON; `None` when there is no payload.
    ///
    /// # Errors
    /// `BAD_PAYLOAD` (BadRequest) when the payload is no JSON of that type.
    pub fn get_message_as<T: DeserializeOwned>(&self) -> Result<Option<T>, ApplicationError> {
        let Some(message) = &self.message else { return Ok(None) };
        serde_json::from_slice(message).map(Some).map_err(|error| {
            let message = format!("the payload of message {} is no such JSON: {error}", self.message_id);
            ApplicationError::bad_request(self.correlation_id.as_deref(), "BAD_PAYLOAD", message)
        })
    }

    /// Sets the payload to a value in JSON; see [`from_object`](Self::from_object).
    ///
    /// # Errors
    /// `BAD_PAYLOAD` (BadRequest) when the value cannot be written as JSON. The payload then stays as it was.
    pub fn set_message_as_object(
        &mut self,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), ApplicationError> {
        let bad = |error: serde_json::Error| {
            let message = format!("the payload cannot be written as JSON: {error}");
            ApplicationError::bad_request(self.correlation_id.as_deref(), "BAD_PAYLOAD", message)
        };
        let json = serde_json::to_vec(value).map_err(bad)?;
        self.message = Some(match json.first() {
            Some(b'"') => serde_json::from_slice::<String>(&json).map_err(bad)?.into(),
            _ => json.into(),
        });
        Ok(())
    }

    /// The token of the lock that a queue holds for whoever received the message; `None` when it is not locked.
    pub fn get_reference(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.reference.as_ref()
    }

    /// Sets the token of the lock. Queues do this; others have no use for it.
    pub fn set_reference(&mut self, reference: Option<Arc<dyn Any + Send + Sync>>) {
        self.reference = reference;
    }

    /// Takes the token of the lock out.
    pub(crate) fn take_reference(&mut self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.reference.take()
    }

    /// The envelope in the JSON form that all ports share.
    ///
    /// ```
    /// use pip_services_messaging::MessageEnvelope;
    ///
    /// let mut envelope = MessageEnvelope::new(Some("c"), "t", r#"{"a":1}"#);
    /// envelope.message_id = "m".into();
    /// envelope.sent_time = Some(chrono::DateTime::UNIX_EPOCH);
    /// assert_eq!(
    ///     envelope.to_json(),
    ///     concat!(
    ///         r#"{"message_id":"m","correlation_id":"c","message_type":"t","#,
    ///         r#""sent_time":"1970-01-01T00:00:00.000Z","message":"eyJhIjoxfQ=="}"#,
    ///     )
    /// );
    /// ```
    pub fn to_json(&self) -> String {
        wire::encode(self)
    }

    /// An envelope from the JSON form of any port.
    ///
    /// Keys can be missing, and a missing `message_id` becomes a new one; `trace_id` stands for
    /// `correlation_id`; an empty text stands for none; a time without a zone is UTC. A payload that is no
    /// base64 is taken as text, which is what the Dart port writes.
    ///
    /// # Errors
    /// `BAD_ENVELOPE` (BadRequest) for what is no JSON object with a `message_id`, a `message_type` or a `message`,
    /// or has another kind of value than theirs.
    pub fn from_json(json: &[u8]) -> Result<Self, ApplicationError> {
        wire::decode(json)
    }

    pub(crate) fn from_parts(
        correlation_id: Option<String>,
        message_id: Option<String>,
        message_type: Option<String>,
        sent_time: Option<DateTime<Utc>>,
        message: Option<Bytes>,
    ) -> Self {
        let message_id = message_id.unwrap_or_else(IdGenerator::next_long);
        Self { correlation_id, message_id, message_type, sent_time, message, reference: None }
    }
}

impl fmt::Display for MessageEnvelope {
    /// `[correlation_id,message_type,payload]` with `---` for what is missing, at most 50 characters of the payload,
    /// and at most 100 of each of the others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [id, kind] = [&self.correlation_id, &self.message_type]
            .map(|name| head(name.as_deref().unwrap_or("---"), SHOWN_OF_NAMES));
        write!(f, "[{id},{kind},")?;
        match &self.message {
            None => f.write_str("---")?,
            Some(message) => {
                // A character has at most four bytes: more of the payload cannot show.
                let start = &message[..message.len().min(SHOWN_CHARACTERS * 4)];
                f.write_str(head(&String::from_utf8_lossy(start), SHOWN_CHARACTERS))?;
            }
        }
        f.write_str("]")
    }
}

/// The first so many characters.
pub(super) fn head(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(end, _)| &text[..end])
}

impl fmt::Debug for MessageEnvelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageEnvelope")
            .field("message_id", &self.message_id)
            .field("shown", &self.to_string())
            .field("sent_time", &self.sent_time)
            .field("size", &self.message.as_ref().map(Bytes::len))
            .field("locked", &self.reference.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn display_shows_fifty_characters_and_never_fails() {
        let text = "é".repeat(60);
        let envelope = MessageEnvelope::new(None, None, text.as_str());
        assert_eq!(envelope.to_string(), format!("[---,---,{}]", "é".repeat(50)));
        let binary: Vec<u8> = (0..=255).collect();
        assert!(MessageEnvelope::new(None, "t", binary).to_string().starts_with("[---,t,"));
        assert_eq!(MessageEnvelope::new(Some("c"), "t", None::<&str>).to_string(), "[c,t,---]");
        assert_eq!(MessageEnvelope::new(Some("c"), "t", "").to_string(), "[c,t,]");
        let cut = format!("{}😀", "a".repeat(49));
        assert_eq!(MessageEnvelope::new(None, "t", cut.as_str()).to_string(), format!("[---,t,{cut}]"));
    }

    #[test]
    fn display_shows_a_hundred_characters_of_ids_and_types() {
        let (fits, long) = ("ä".repeat(100), "ä".repeat(1_000_000));
        let envelope = MessageEnvelope::new(Some(&long), long.as_str(), "a");
        assert_eq!(envelope.to_string(), format!("[{fits},{fits},a]"));
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(MessageEnvelope::new(Some(trace), "t", "a").to_string(), format!("[{trace},t,a]"));
    }

    #[test]
    fn objects_become_json_and_text_stays_raw() {
        let envelope = MessageEnvelope::from_object(None, "t", &json!({"a": [1, null]})).unwrap();
        assert_eq!(envelope.get_message().unwrap().as_ref(), br#"{"a":[1,null]}"#);
        assert_eq!(envelope.get_message_as::<serde_json::Value>().unwrap(), Some(json!({"a": [1, null]})));
        let envelope = MessageEnvelope::from_object(None, "t", "say \"hi\"").unwrap();
        assert_eq!(envelope.get_message_as_string().unwrap(), "say \"hi\"");
    }

    #[test]
    fn a_payload_of_another_shape_is_an_error_and_no_payload_is_none() {
        let envelope = MessageEnvelope::new(None, "t", "no json");
        assert_eq!(envelope.get_message_as::<u32>().unwrap_err().code(), "BAD_PAYLOAD");
        let envelope = MessageEnvelope::new(None, "t", None::<&str>);
        assert_eq!(envelope.get_message_as::<u32>().unwrap(), None);
    }
}
