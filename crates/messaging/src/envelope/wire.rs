//! The JSON form of an envelope: written as the Node port does, read as any port writes it.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use chrono::{SecondsFormat, Utc};
use pip_services_commons::{convert::to_datetime, errors::ApplicationError};
use serde::Deserialize;

use super::{
    MessageEnvelope,
    message_envelope::{SHOWN_CHARACTERS, head},
};

#[derive(Deserialize)]
struct Read<'a> {
    message_id: Option<String>,
    correlation_id: Option<String>,
    // Version 4 of the other ports writes this for correlation_id.
    trace_id: Option<String>,
    message_type: Option<String>,
    #[serde(borrow)]
    sent_time: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
}

/// Text as it stands in the JSON, a copy only where something in it is escaped.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// More than all that is written besides texts and payload.
const REST: usize = 128;

pub(super) fn encode(envelope: &MessageEnvelope) -> String {
    let sent_time = envelope.sent_time.unwrap_or_else(Utc::now).to_rfc3339_opts(SecondsFormat::Millis, true);
    let texts = [
        (r#"{"message_id":"#, Some(envelope.message_id.as_str())),
        (r#","correlation_id":"#, envelope.correlation_id.as_deref()),
        (r#","message_type":"#, envelope.message_type.as_deref()),
    ];
    let message = envelope.get_message();
    let base64_len = message.map_or(0, |message| message.len().div_ceil(3) * 4);
    // Texts hardly ever have something to escape, so that all fits into memory that is taken once.
    let texts_len: usize = texts.iter().filter_map(|(_, text)| *text).map(str::len).sum();
    let mut json = Vec::with_capacity(texts_len + base64_len + REST);
    for (key, text) in texts {
        json.extend_from_slice(key.as_bytes());
        // Texts always serialize, and memory takes all.
        let _ = serde_json::to_writer(&mut json, &text);
    }
    // In what follows there is nothing to escape.
    for part in [r#","sent_time":""#, &sent_time, r#"","message":"#] {
        json.extend_from_slice(part.as_bytes());
    }
    match message {
        None => json.extend_from_slice(b"null"),
        Some(message) => {
            json.push(b'"');
            let start = json.len();
            json.resize(start + base64_len, b'=');
            // It has that length.
            let _ = BASE64_STANDARD.encode_slice(message, &mut json[start..]);
            json.push(b'"');
        }
    }
    json.push(b'}');
    // It is text, as all of it was.
    String::from_utf8(json).unwrap_or_default()
}

pub(super) fn decode(json: &[u8]) -> Result<MessageEnvelope, ApplicationError> {
    let bad = |why: String| {
        let message = format!("{} bytes are no envelope: {why}", json.len());
        ApplicationError::bad_request(None, "BAD_ENVELOPE", message)
    };
    // serde would also take an array, by position.
    if !json.trim_ascii_start().starts_with(b"{") {
        return Err(bad("it is no JSON object".into()));
    }
    let read: Read<'_> = serde_json::from_slice(json).map_err(|error| bad(error.to_string()))?;
    if read.message_id.is_none() && read.message_type.is_none() && read.message.is_none() {
        return Err(bad("it has none of message_id, message_type and message".into()));
    }
    let sent_time = match read.sent_time {
        Some(Text(text)) if !text.is_empty() => {
            // A foreign text can be of any length.
            let shown = head(&text, SHOWN_CHARACTERS);
            Some(to_datetime(&text).ok_or_else(|| bad(format!("sent_time is '{shown}', which is no time")))?)
        }
        _ => None,
    };
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(MessageEnvelope::from_parts(
        filled(read.correlation_id).or(filled(read.trace_id)),
        filled(read.message_id),
        filled(read.message_type),
        sent_time,
        read.message.map(to_payload),
    ))
}

fn to_payload(Text(text): Text<'_>) -> Bytes {
    BASE64_STANDARD.decode(&*text).unwrap_or_else(|_| text.into_owned().into_bytes()).into()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn read(json: &str) -> MessageEnvelope {
        decode(json.as_bytes()).unwrap()
    }

    #[test]
    fn an_envelope_survives_a_round_trip() {
        let mut sent = MessageEnvelope::new(Some("c\"\n"), "t", vec![0u8, 255, 10]);
        sent.sent_time = DateTime::from_timestamp_millis(1_700_000_000_123);
        let received = read(&encode(&sent));
        assert_eq!(received.message_id, sent.message_id);
        assert_eq!(received.correlation_id, sent.correlation_id);
        assert_eq!(received.message_type, sent.message_type);
        assert_eq!(received.sent_time, sent.sent_time);
        assert_eq!(received.get_message(), sent.get_message());
    }

    #[test]
    fn payloads_of_all_lengths_survive_a_round_trip() {
        for length in (0..40).chain([1023, 1024, 1025, 100_000]) {
            let payload: Vec<u8> = (0..length).map(|number: usize| (number * 7) as u8).collect();
            let received = read(&encode(&MessageEnvelope::new(None, None, payload.clone())));
            assert_eq!(received.get_message().unwrap(), &payload, "{length}");
        }
    }

    #[test]
    fn what_is_written_is_json_whatever_the_texts() {
        for text in ["", "\"", "\\", "\u{0}\n\u{7f}", "}", "\",\"message\":\"x", "\u{1f600}"] {
            let mut sent = MessageEnvelope::new(Some(text), text, "a");
            sent.message_id = text.to_owned();
            let value: serde_json::Value = serde_json::from_str(&encode(&sent)).unwrap();
            let keys: Vec<_> = value.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["message_id", "correlation_id", "message_type", "sent_time", "message"]);
            assert_eq!((&value["message_id"], &value["message"]), (&text.into(), &"YQ==".into()));
        }
    }

    #[test]
    fn an_escaped_payload_is_read() {
        // Others may escape the slash of base64.
        assert_eq!(
            read(r#"{"message_id":"m","message":"\/\/8="}"#).get_message().unwrap().as_ref(),
            b"\xff\xff"
        );
        let text = read(r#"{"message_id":"m","message":"a \"word\""}"#);
        assert_eq!(text.get_message_as_string().unwrap(), "a \"word\"");
    }

    #[test]
    fn an_empty_payload_differs_from_none() {
        for (message, expected) in [(None, None), (Some(""), Some(&b""[..]))] {
            let received = read(&encode(&MessageEnvelope::new(None, None, message)));
            assert_eq!(received.get_message().map(Bytes::as_ref), expected);
            assert_eq!((received.correlation_id, received.message_type), (None, None));
        }
    }

    #[test]
    fn the_forms_of_other_ports_are_read() {
        let python = r#"{"message_id": "m", "correlation_id": null, "message_type": "t", "sent_time": "2024-05-06T07:08:09.123456", "message": "YQ=="}"#;
        assert_eq!(read(python).sent_time, DateTime::from_timestamp_micros(1_714_979_289_123_456));
        let go = r#"{"correlation_id":"","message_id":"m","message_type":"","sent_time":"2024-05-06T09:08:09.123456789+02:00"}"#;
        let go = read(go);
        assert_eq!(
            (go.correlation_id.as_deref(), go.message_type.as_deref(), go.get_message()),
            (None, None, None)
        );
        assert_eq!(go.sent_time.unwrap().timestamp_subsec_nanos(), 123_456_789);
        let dotnet = r#"{"message_id":"m","sent_time":"2024-05-06T07:08:09.1234567Z","message":"YQ=="}"#;
        assert_eq!(read(dotnet).get_message().unwrap().as_ref(), b"a");
        let version_4 = r#"{"message_id":"m","trace_id":"c","message":null}"#;
        assert_eq!(read(version_4).correlation_id.as_deref(), Some("c"));
        let dart = r#"{"message_id":"m","message":"plain text!"}"#;
        assert_eq!(read(dart).get_message().unwrap().as_ref(), b"plain text!");
        assert_eq!(read(r#"{"message_type":"t"}"#).message_id.len(), 32);
    }

    #[test]
    fn what_is_no_envelope_is_an_error() {
        let others = [
            "",
            "null",
            "5",
            "[]",
            "{}",
            r#"["m",null,null,null,null,null]"#,
            r#"{"a":1}"#,
            r#"{"message_id":"#,
            r#"{"message_id":5}"#,
        ];
        for json in others.into_iter().chain([r#"{"message_id":"m","sent_time":"yesterday"}"#]) {
            assert_eq!(decode(json.as_bytes()).unwrap_err().code(), "BAD_ENVELOPE", "{json}");
        }
        assert_eq!(decode(&[0xff, 0xfe, 0x00]).unwrap_err().code(), "BAD_ENVELOPE");
        let long = format!(r#"{{"message_id": "m", "sent_time": "{}"}}"#, "é".repeat(1_000_000));
        assert!(
            decode(long.as_bytes()).unwrap_err().message().len() < 300,
            "the error is as long as the text"
        );
    }
}
