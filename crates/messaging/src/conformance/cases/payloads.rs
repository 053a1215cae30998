use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use crate::{
    IMessageQueueExt, MessageEnvelope,
    conformance::{
        Content,
        case::{Case, CaseResult, ensure},
        compare::{same_fields, same_payload},
        pace::PATIENCE,
    },
};

/// The largest payload that is tried, where the queue promises no limit.
const LARGE: usize = 1024 * 1024;

/// An empty payload arrives as an empty one, and none as none.
pub(in crate::conformance) async fn empty_payload(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    // Where only the payload travels, none at all cannot be told from an empty one.
    let payloads: &[Option<Bytes>] = match case.profile().content {
        Content::Envelope => &[Some(Bytes::new()), None],
        Content::Payload => &[Some(Bytes::new())],
    };
    for payload in payloads {
        let mut envelope = case.envelope("empty");
        envelope.set_message(payload.clone());
        let sent = subject.send_envelope("empty", envelope).await?;
        same_payload("received", &subject.take(&sent).await?, &sent)?;
    }
    subject.drain().await?;
    case.check()
}

/// All bytes arrive: NUL, those that are no UTF-8, and the rest.
pub(in crate::conformance) async fn binary_payload(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let mut envelope = case.envelope("binary");
    let mut bytes = envelope.get_message().map(|text| text.to_vec()).unwrap_or_default();
    bytes.extend(0..=u8::MAX);
    // An overlong sequence, a lone half of a surrogate, a cut one, and the end in a NUL.
    bytes.extend(b"\xC0\xAF \xED\xA0\x80 \xF0\x9F\x98 \r\n\0");
    envelope.set_message(bytes);
    let sent = subject.send_envelope("binary", envelope).await?;
    let received = subject.take(&sent).await?;
    same_payload("received", &received, &sent)
}

/// Text of any script arrives in payload, ids and type, and can be shown wherever it is cut.
pub(in crate::conformance) async fn unicode_everywhere(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let texts = ["Grüße 👩‍👩‍👧 e\u{301}", "שלום عالم \u{202e}", "日本語 \u{10FFFF}\u{0}"];
    for (number, text) in texts.into_iter().enumerate() {
        let label = format!("unicode {number}");
        let mut envelope = case.envelope(&label);
        let run = envelope.get_message_as_string().unwrap_or_default().into_owned();
        // Its character of four bytes is across byte 50, where some cut what they show.
        envelope.set_message_as_string(&format!("{run:.<48}😀 {text}"));
        envelope.correlation_id = envelope.correlation_id.map(|id| format!("{id} {text}"));
        envelope.message_type = Some(text.into());
        let sent = subject.send_envelope(&label, envelope).await?;
        let received = subject.take(&sent).await?;
        same_payload("received", &received, &sent)?;
        if case.profile().content == Content::Envelope {
            same_fields("received", &received, &sent)?;
        }
        let _ = received.to_string();
    }
    Ok(())
}

/// A payload of the largest size, or of a mebibyte, arrives; one more byte than the largest size is an error, nothing
/// of it arrives, and the queue goes on.
pub(in crate::conformance) async fn large_payload(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let max = case.profile().max_payload;
    let sized = |label: &str, size: usize| {
        let mut envelope = case.envelope(label);
        let mut bytes = envelope.get_message().map(|text| text.to_vec()).unwrap_or_default();
        // A period that no power of two divides, so that no block is like another.
        bytes.extend((0_u8..251).cycle().take(size.saturating_sub(bytes.len())));
        envelope.set_message(bytes);
        envelope
    };
    let size = max.unwrap_or(LARGE).min(LARGE);
    let sent = subject.send_envelope("large", sized("large", size)).await?;
    same_payload("received", &subject.take(&sent).await?, &sent)?;
    if let Some(max) = max {
        let beyond = sized("too large", max + 1);
        let entry = case.ledger().attempt(subject.destination(), "too large", &beyond);
        let sending = subject.queue.send(None, beyond);
        let refused = case.within(PATIENCE, "send of 'too large'", sending).await?;
        ensure!(refused.is_err(), "a send of {} bytes was Ok; the largest payload has {max}", max + 1);
        case.ledger().take_away(entry, "its send had failed");
    }
    subject.drain().await?;
    case.check()
}

/// Values arrive as the JSON that they were, and text as it is: by its payload the message is known.
pub(in crate::conformance) async fn send_as_object(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let run = case.envelope("value").get_message_as_string().unwrap_or_default().into_owned();
    for value in
        [json!([run, 1, -2.5, true]), json!(run), json!({"a": {"b": [null, {"c": run}]}}), json!(null)]
    {
        let label = value.to_string();
        let envelope = MessageEnvelope::from_object(Some(&run), "value", &value);
        let envelope = envelope.map_err(|error| format!("{label} has no envelope: {error:#}"))?;
        let sending = subject.queue.send_as_object(Some(&run), "value", &value);
        let sent = subject.send_by(sending, &label, envelope).await?;
        let received = subject.take(&sent).await?;
        if case.profile().content == Content::Envelope {
            let (id, kind) = (received.correlation_id.as_deref(), received.message_type.as_deref());
            ensure!((id, kind) == (Some(&run), Some("value")), "{label} came with {id:?} and {kind:?}");
        }
    }
    Ok(())
}
