use std::io::{Write, stdout};

use pip_services_commons::errors::ApplicationError;
use pip_services_messaging::MessageEnvelope;
use serde_json::{Map, Value};

/// Prints a message as one JSON object: the envelope's wire form, and `text` where the payload is UTF-8.
pub(crate) fn print(envelope: &MessageEnvelope) -> Result<(), ApplicationError> {
    print_line(&json(envelope)?)
}

/// Prints a line, at once.
pub(crate) fn print_line(line: &str) -> Result<(), ApplicationError> {
    let mut out = stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| {
        ApplicationError::file(None, "WRITE_FAILED", "cannot write to standard output").with_cause(error)
    })
}

fn json(envelope: &MessageEnvelope) -> Result<String, ApplicationError> {
    let mut object: Map<String, Value> = serde_json::from_str(&envelope.to_json()).map_err(|error| {
        ApplicationError::internal(None, "BAD_ENVELOPE", "the envelope's JSON cannot be read")
            .with_cause(error)
    })?;
    if let Some(text) = envelope.get_message().and_then(|payload| std::str::from_utf8(payload).ok()) {
        object.insert("text".into(), text.into());
    }
    Ok(Value::Object(object).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_added_for_utf8_and_left_out_for_other_bytes() {
        let line = json(&MessageEnvelope::new(Some("c"), "t", "é")).unwrap();
        let object: Map<String, Value> = serde_json::from_str(&line).unwrap();
        let keys: Vec<&str> = object.keys().map(String::as_str).collect();
        assert_eq!(keys, ["message_id", "correlation_id", "message_type", "sent_time", "message", "text"]);
        assert_eq!((object["text"].as_str(), object["message"].as_str()), (Some("é"), Some("w6k=")));
        assert!(!json(&MessageEnvelope::new(None, None, vec![0xff])).unwrap().contains("text"));
        assert!(!json(&MessageEnvelope::new(None, None, None::<&str>)).unwrap().contains("text"));
    }
}
