use chrono::{DateTime, Utc};
use pip_services_commons::errors::ErrorDescription;
use serde::{Deserialize, Serialize};

use super::LogLevel;

/// A message that a logger keeps or sends on; ports `LogMessage`.
///
/// Its JSON has the keys of the other ports, the time in UTC with milliseconds and the level as text. Writing
/// leaves out what is not there.
///
/// ```
/// use pip_services_components::log::LogMessage;
///
/// let json = r#"{"time":"2026-01-31T12:00:00.000Z","source":"orders","level":"INFO","correlation_id":"123","message":"Sent 5 messages"}"#;
/// let message: LogMessage = serde_json::from_str(json)?;
/// assert_eq!(message.source.as_deref(), Some("orders"));
/// assert_eq!(serde_json::to_string(&message)?, json);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogMessage {
    /// When it was logged.
    #[serde(with = "time")]
    pub time: DateTime<Utc>,
    /// The name of what logged it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How much it matters.
    pub level: LogLevel,
    /// The id of the call that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The error that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDescription>,
    /// The text for a person.
    pub message: String,
}

mod time {
    use chrono::{DateTime, SecondsFormat, Utc};
    use pip_services_commons::convert::to_datetime;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        let text = String::deserialize(deserializer)?;
        to_datetime(&text).ok_or_else(|| D::Error::custom(format!("'{text}' is no time")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn what_is_not_there_may_be_null_or_absent_but_a_time_must_be_one() {
        let read = |time: &str| {
            from_value::<LogMessage>(json!({
                "time": time, "level": "warning", "correlation_id": null, "message": "m", "error": {"code": "X"}
            }))
        };
        let message = read("2026-01-31T13:00:00+01:00").unwrap();
        assert_eq!((message.level, message.source, message.correlation_id), (LogLevel::Warn, None, None));
        assert_eq!(message.time, DateTime::parse_from_rfc3339("2026-01-31T12:00:00Z").unwrap());
        assert_eq!(message.error.and_then(|error| error.code).as_deref(), Some("X"));
        assert_eq!(read("noon").unwrap_err().to_string(), "'noon' is no time");
    }
}
