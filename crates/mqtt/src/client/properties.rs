//! Properties of version 5, from and to those of the client crate.

use std::time::Duration;

use paho_mqtt::{Properties, PropertyCode, ReasonCode};

use super::{ClientError, MessageProperties, Reason, paho::failed, paho::whole_seconds};

/// How many user properties of a message are read. The crate looks each of them up from the start, on the thread
/// that all clients of the process share.
const MOST_USER_PROPERTIES: usize = 64;

/// How many characters are shown of what a broker says.
const SHOWN_OF_REASON: usize = 200;

pub(super) fn to_paho(properties: &MessageProperties) -> Result<Properties, ClientError> {
    let mut result = Properties::new();
    for (key, value) in &properties.user {
        result.push_string_pair(PropertyCode::UserProperty, key, value).map_err(failed)?;
    }
    if let Some(content_type) = &properties.content_type {
        result.push_string(PropertyCode::ContentType, content_type).map_err(failed)?;
    }
    if let Some(data) = &properties.correlation_data {
        result.push_binary(PropertyCode::CorrelationData, data.clone()).map_err(failed)?;
    }
    if let Some(time) = properties.message_expiry {
        result.push_u32(PropertyCode::MessageExpiryInterval, seconds(time)).map_err(failed)?;
    }
    Ok(result)
}

/// What is read of a message that arrived: the rest is for the broker and for other clients.
pub(super) fn from_paho(properties: &Properties) -> MessageProperties {
    let count = properties.len().min(MOST_USER_PROPERTIES);
    let user = |index| properties.get_string_pair_at(PropertyCode::UserProperty, index);
    // One that is no text must not hide those after it.
    let user = (0..count).filter_map(user).collect();
    let correlation_data = properties.get_binary(PropertyCode::CorrelationData);
    MessageProperties { user, correlation_data, ..MessageProperties::default() }
}

pub(super) fn reason(code: ReasonCode, properties: &Properties) -> Reason {
    let mut text = code.to_string().to_lowercase();
    if let Some(said) = properties.get_string(PropertyCode::ReasonString).filter(|said| !said.is_empty()) {
        // It comes from elsewhere: nothing of it shall look like a line of its own.
        let said: String = said.chars().filter(|c| !c.is_control()).take(SHOWN_OF_REASON).collect();
        text = format!("{text}: {said}");
    }
    Reason { code: u8::try_from(code as u32).unwrap_or(0x80), text }
}

/// Whole seconds, which are all that the protocol has.
pub(super) fn seconds(time: Duration) -> u32 {
    u32::try_from(whole_seconds(time).as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_come_back_as_they_were() {
        let mut properties = MessageProperties {
            user: vec![("a".into(), "1".into()), ("a".into(), "2".into()), ("b".into(), String::new())],
            correlation_data: Some(vec![0, 255]),
            ..MessageProperties::default()
        };
        assert_eq!(from_paho(&to_paho(&properties).unwrap()), properties);
        let none = MessageProperties::default();
        assert_eq!(from_paho(&to_paho(&none).unwrap()), none);
        assert_eq!((properties.take_user("a"), properties.take_user("c")), (Some("1".into()), None));
    }

    #[test]
    fn others_see_the_content_type_and_an_expiry_in_whole_seconds_rounded_up() {
        let ms = Duration::from_millis;
        for (expiry, expected) in [(ms(1), 1), (ms(1001), 2), (Duration::MAX, u32::MAX)] {
            let properties = to_paho(&MessageProperties {
                content_type: Some("text/plain".into()),
                message_expiry: Some(expiry),
                ..MessageProperties::default()
            })
            .unwrap();
            assert_eq!(properties.get_string(PropertyCode::ContentType).as_deref(), Some("text/plain"));
            // The crate gives the four bytes as a number with a sign.
            let seconds = properties.get_int(PropertyCode::MessageExpiryInterval).map(i32::cast_unsigned);
            assert_eq!(seconds, Some(expected));
        }
    }

    #[test]
    fn what_is_left_of_a_time_never_becomes_none_at_all() {
        for left in [Duration::ZERO, Duration::from_nanos(1), Duration::from_micros(333)] {
            assert_eq!(whole_seconds(left), Duration::from_secs(1), "{left:?}");
        }
    }

    #[test]
    fn a_reason_shows_its_code_and_what_the_broker_says_in_one_line() {
        let mut properties = Properties::new();
        assert_eq!(reason(ReasonCode::NotAuthorized, &properties).to_string(), "not authorized (0x87)");
        properties.push_string(PropertyCode::ReasonString, "ask\nthe boss").unwrap();
        let told = reason(ReasonCode::QuotaExceeded, &properties);
        assert_eq!(told.to_string(), "quota exceeded: askthe boss (0x97)");
    }
}
