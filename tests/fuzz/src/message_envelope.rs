use pip_services_messaging::MessageEnvelope;
use serde_json::Value;

/// Bytes are no envelope, or one with what the JSON says that is written and read back as it was.
pub fn message_envelope(data: &[u8]) {
    let envelope = match MessageEnvelope::from_json(data) {
        Ok(envelope) => envelope,
        Err(error) => return assert_eq!(error.code(), "BAD_ENVELOPE"),
    };
    assert!(!envelope.message_id.is_empty());
    let shown = format!("{envelope} {envelope:?}");
    assert!(shown.contains(&format!("{:?}", envelope.message_id)), "{shown}");
    if let Ok(value) = serde_json::from_slice::<Value>(data) {
        let filled = |key: &str| value[key].as_str().filter(|text| !text.is_empty());
        assert_eq!(envelope.correlation_id.as_deref(), filled("correlation_id").or(filled("trace_id")));
        assert_eq!(envelope.message_type.as_deref(), filled("message_type"));
        assert_eq!(envelope.get_message().is_some(), value["message"].is_string());
        assert_eq!(envelope.sent_time.is_some(), filled("sent_time").is_some());
    }

    let json = envelope.to_json();
    let again = MessageEnvelope::from_json(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"));
    assert_eq!(again.message_id, envelope.message_id);
    assert_eq!(again.correlation_id, envelope.correlation_id);
    assert_eq!(again.message_type, envelope.message_type);
    assert_eq!(again.get_message(), envelope.get_message());
    // A time is written in milliseconds, and that of writing where there was none.
    let milliseconds = again.sent_time.map(|time| time.timestamp_millis());
    assert!(milliseconds.is_some());
    if let Some(time) = envelope.sent_time {
        assert_eq!(milliseconds, Some(time.timestamp_millis()));
    }
    assert_eq!(again.to_json(), json);
}
