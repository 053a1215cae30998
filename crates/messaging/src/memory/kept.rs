use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::storage::Message;
use crate::MessageEnvelope;

/// What is kept of a message while a receiver has it: a copy in memory that is used again and again, as nearly every
/// message is completed and its copy never read.
#[derive(Default)]
pub(super) struct Kept {
    correlation_id: Option<String>,
    message_id: String,
    message_type: Option<String>,
    sent_time: Option<DateTime<Utc>>,
    payload: Payload,
    /// Where a short payload is.
    short: Vec<u8>,
}

#[derive(Default)]
enum Payload {
    #[default]
    None,
    Short,
    Shared(Bytes),
}

/// To copy so many bytes costs less than to share them.
const SHORT: usize = 256;

/// Texts longer than this are not worth being kept for a later message.
const LARGE: usize = 1024;

impl Message for MessageEnvelope {
    type Kept = Kept;

    fn keep(&self, kept: &mut Kept) {
        kept.correlation_id.clone_from(&self.correlation_id);
        kept.message_id.clone_from(&self.message_id);
        kept.message_type.clone_from(&self.message_type);
        kept.sent_time = self.sent_time;
        kept.payload = match self.get_message() {
            None => Payload::None,
            Some(payload) if payload.len() > SHORT => Payload::Shared(payload.clone()),
            Some(payload) => {
                kept.short.clear();
                kept.short.extend_from_slice(payload);
                Payload::Short
            }
        };
    }

    fn restore(kept: &mut Kept) -> Self {
        let payload = match std::mem::take(&mut kept.payload) {
            Payload::None => None,
            Payload::Short => Some(Bytes::copy_from_slice(&kept.short)),
            Payload::Shared(payload) => Some(payload),
        };
        Self::from_parts(
            kept.correlation_id.clone(),
            Some(kept.message_id.clone()),
            kept.message_type.clone(),
            kept.sent_time,
            payload,
        )
    }

    fn forget(kept: &mut Kept) -> bool {
        kept.payload = Payload::None;
        let capacity = |text: &Option<String>| text.as_ref().map_or(0, String::capacity);
        capacity(&kept.correlation_id) + kept.message_id.capacity() + capacity(&kept.message_type) <= LARGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(envelope: &MessageEnvelope, kept: &mut Kept) -> MessageEnvelope {
        envelope.keep(kept);
        MessageEnvelope::restore(kept)
    }

    fn assert_same(one: &MessageEnvelope, other: &MessageEnvelope) {
        assert_eq!(one.correlation_id, other.correlation_id);
        assert_eq!(one.message_id, other.message_id);
        assert_eq!(one.message_type, other.message_type);
        assert_eq!(one.sent_time, other.sent_time);
        assert_eq!(one.get_message(), other.get_message());
    }

    #[test]
    fn a_restored_message_is_the_one_that_was_kept_and_has_nothing_of_those_before() {
        let mut sent = MessageEnvelope::new(Some("123"), "order", vec![7; SHORT + 1]);
        sent.sent_time = Some(Utc::now());
        let mut memory = Kept::default();
        for envelope in [
            sent,
            MessageEnvelope::new(Some(""), "a longer type", vec![8; SHORT]),
            MessageEnvelope::new(None, None, "pizza"),
            MessageEnvelope::new(Some("4"), None, ""),
            MessageEnvelope::new(None, "t", None::<&str>),
        ] {
            assert_same(&kept(&envelope, &mut memory), &envelope);
            assert!(MessageEnvelope::forget(&mut memory));
        }
    }

    #[test]
    fn a_long_payload_is_shared_and_let_go_when_it_is_settled() {
        let envelope = MessageEnvelope::new(None, "t", Bytes::from(vec![7; SHORT + 1]));
        let mut memory = Kept::default();
        let again = kept(&envelope, &mut memory);
        assert_eq!(again.get_message().unwrap().as_ptr(), envelope.get_message().unwrap().as_ptr());
        envelope.keep(&mut memory);
        drop(again);
        MessageEnvelope::forget(&mut memory);
        assert!(envelope.get_message().unwrap().is_unique(), "the payload is still held");
    }

    #[test]
    fn memory_of_long_texts_is_not_kept() {
        let mut memory = Kept::default();
        MessageEnvelope::new(Some(&"c".repeat(LARGE)), "t", "a").keep(&mut memory);
        assert!(!MessageEnvelope::forget(&mut memory));
    }
}
