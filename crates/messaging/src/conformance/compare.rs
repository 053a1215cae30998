//! What arrived beside what was sent.

use bytes::Bytes;

use super::{
    case::{CaseResult, ensure},
    subject::Sent,
};
use crate::MessageEnvelope;

/// A payload that is too large to be shown.
const LARGE: usize = 2000;

pub(super) fn same_payload(what: &str, envelope: &MessageEnvelope, sent: &Sent) -> CaseResult {
    let (payload, expected) = (envelope.get_message(), sent.envelope.get_message());
    if payload == expected {
        return Ok(());
    }
    let size = |payload: Option<&Bytes>| payload.map(Bytes::len);
    // Neither is of use as a whole when it is large.
    Err(match size(payload).max(size(expected)) {
        Some(LARGE..) => {
            let (found, sent) = (size(payload), size(expected));
            format!("{what}: the payload of {found:?} bytes is not the one of {sent:?} bytes that was sent")
        }
        _ => format!("{what}: the payload is {payload:?} instead of {expected:?}"),
    })
}

pub(super) fn same_fields(what: &str, envelope: &MessageEnvelope, sent: &Sent) -> CaseResult {
    let fields = |envelope: &MessageEnvelope| {
        (envelope.message_id.clone(), envelope.message_type.clone(), envelope.correlation_id.clone())
    };
    let (found, expected) = (fields(envelope), fields(&sent.envelope));
    ensure!(found == expected, "{what}: id, type and correlation id are {found:?} instead of {expected:?}");
    Ok(())
}
