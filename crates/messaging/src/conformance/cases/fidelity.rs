use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    MessageEnvelope,
    conformance::{
        Content,
        case::{Case, CaseResult, ensure},
        compare::{same_fields, same_payload},
    },
};

/// The payload is the one that was sent.
pub(in crate::conformance) async fn send_then_receive(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let sent = subject.send("only").await?;
    let received = subject.take(&sent).await?;
    same_payload("received", &received, &sent)
}

/// Id, type and correlation id, there or not, are those that were sent, and the time is that of the send.
pub(in crate::conformance) async fn envelope_fields_round_trip(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let mut bare = case.envelope("bare");
    (bare.correlation_id, bare.message_type) = (None, None);
    // Not the time of the send, which is to replace it.
    bare.sent_time = Some(DateTime::UNIX_EPOCH);
    for (label, envelope) in [("full", case.envelope("full")), ("bare", bare)] {
        let before = Utc::now();
        let sent = subject.send_envelope(label, envelope).await?;
        let after = Utc::now();
        let received = subject.take(&sent).await?;
        same_payload("received", &received, &sent)?;
        if case.profile().content == Content::Payload {
            continue;
        }
        same_fields("received", &received, &sent)?;
        let time = received.sent_time.ok_or_else(|| format!("'{label}' has no sent time"))?;
        // Times travel in milliseconds.
        let window = before - TimeDelta::milliseconds(1)..=after;
        ensure!(window.contains(&time), "'{label}' was sent at {time}, which is not in {window:?}");
    }
    Ok(())
}

/// What is done to an envelope on one side is not seen on the other, be it payload, fields or lock.
pub(in crate::conformance) async fn sent_envelope_is_a_copy(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let capabilities = subject.capabilities();
    let sent = subject.send("kept").await?;
    let same = |what: &str, envelope: &MessageEnvelope| {
        same_payload(what, envelope, &sent)?;
        match case.profile().content {
            Content::Envelope => same_fields(what, envelope, &sent),
            Content::Payload => Ok(()),
        }
    };
    change(&mut sent.envelope.clone());
    if capabilities.can_peek {
        change(&mut subject.peek_waiting().await?);
        same("peeked after a change", &subject.peek_waiting().await?)?;
    }
    let mut received = subject.receive(&sent).await?;
    same("received after a change", &received)?;
    if capabilities.can_abandon {
        let mut abandoned = received;
        change(&mut abandoned);
        subject.abandon(sent.entry, abandoned).await?;
        received = subject.receive(&sent).await?;
        same("received after a changed one was put back", &received)?;
    }

    // A received message that is sent on keeps no lock of the first one.
    let mut onward = case.envelope("sent on");
    onward.set_reference(received.get_reference().cloned());
    let onward = subject.send_envelope("sent on", onward).await?;
    subject.complete(received).await?;
    let received = subject.take(&onward).await?;
    same_payload("sent on", &received, &onward)?;
    subject.drain().await?;
    case.check()
}

fn change(envelope: &mut MessageEnvelope) {
    envelope.set_message("changed");
    envelope.correlation_id = Some("changed".into());
    envelope.message_type = Some("changed".into());
    envelope.sent_time = Some(DateTime::UNIX_EPOCH + Duration::from_secs(1));
}
