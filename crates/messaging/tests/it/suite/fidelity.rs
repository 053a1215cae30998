use std::time::Duration;

use async_trait::async_trait;
use pip_services_messaging::{IMessageQueue, MessageEnvelope, conformance::Profile};

use super::{
    broken::{Fault, Inner, Nothing, Received, Result, Sending, fixture},
    run::fails_only,
};

/// Turns payloads into text and back.
#[derive(Default)]
pub(super) struct TextOnly;

#[async_trait]
impl Fault for TextOnly {
    async fn send(&self, queue: &Inner, mut envelope: MessageEnvelope) -> Sending {
        let text = envelope.get_message_as_string().map(String::from);
        envelope.set_message(text);
        queue.send(None, envelope).await
    }
}

#[test]
fn a_queue_for_text_only_fails_the_cases_with_bytes() {
    let expected = [("binary_payload", "the payload is"), ("large_payload", "the payload of")];
    fails_only(fixture::<TextOnly>, &expected);
}

/// Puts back what the caller made of the message.
#[derive(Default)]
struct Aliasing;

#[async_trait]
impl Fault for Aliasing {
    async fn abandon(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        // It is told from a lock that is lost.
        queue.renew_lock(envelope, Duration::from_secs(1)).await?;
        queue.complete(envelope).await?;
        Ok(queue.send(None, envelope.clone()).await?)
    }
}

#[test]
fn a_queue_that_shares_envelopes_with_its_caller_fails_the_case_about_that() {
    let problem = "received after a changed one was put back: the payload is";
    // What it sends again has the time of that.
    let expected = [
        ("sent_envelope_is_a_copy", problem),
        ("abandon_redelivers", "abandoned 1 times: the message was sent at"),
    ];
    fails_only(fixture::<Aliasing>, &expected);
}

/// Makes an absent text an empty one.
#[derive(Default)]
struct EmptyForNone;

#[async_trait]
impl Fault for EmptyForNone {
    async fn send(&self, queue: &Inner, mut envelope: MessageEnvelope) -> Sending {
        envelope.message_type.get_or_insert_default();
        queue.send(None, envelope).await
    }
}

/// Keeps the time that the caller's envelope has.
#[derive(Default)]
struct OldTime;

#[async_trait]
impl Fault for OldTime {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let mut received = queue.receive(None, wait).await?;
        if let Some(envelope) = &mut received {
            envelope.sent_time = envelope.sent_time.map(|time| time - Duration::from_secs(60));
        }
        Ok(received)
    }
}

#[test]
fn fields_that_change_on_the_way_fail_the_case_about_them() {
    let case = "envelope_fields_round_trip";
    fails_only(fixture::<EmptyForNone>, &[(case, "id, type and correlation id are")]);
    fails_only(fixture::<OldTime>, &[(case, "'full' was sent at")]);
}

/// Takes an empty payload for none.
#[derive(Default)]
struct NoneForEmpty;

#[async_trait]
impl Fault for NoneForEmpty {
    async fn send(&self, queue: &Inner, mut envelope: MessageEnvelope) -> Sending {
        if envelope.get_message().is_some_and(|payload| payload.is_empty()) {
            envelope.set_message(None::<&str>);
        }
        queue.send(None, envelope).await
    }
}

#[test]
fn a_queue_that_takes_an_empty_payload_for_none_fails_the_case_about_that() {
    fails_only(fixture::<NoneForEmpty>, &[("empty_payload", "the payload is None instead of Some(b\"\")")]);
}

/// Has no other letters than those of ASCII in what describes a message.
#[derive(Default)]
struct Ascii;

#[async_trait]
impl Fault for Ascii {
    async fn send(&self, queue: &Inner, mut envelope: MessageEnvelope) -> Sending {
        let ascii = |text: String| text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
        envelope.message_type = envelope.message_type.map(ascii);
        queue.send(None, envelope).await
    }
}

#[test]
fn a_queue_for_ascii_fails_the_case_about_text() {
    fails_only(fixture::<Ascii>, &[("unicode_everywhere", "id, type and correlation id are")]);
}

/// Cuts large payloads.
#[derive(Default)]
struct Cutting;

#[async_trait]
impl Fault for Cutting {
    async fn send(&self, queue: &Inner, mut envelope: MessageEnvelope) -> Sending {
        let payload = envelope.get_message().map(|payload| payload.slice(..payload.len().min(65_536)));
        envelope.set_message(payload);
        queue.send(None, envelope).await
    }
}

#[test]
fn a_queue_that_cuts_large_payloads_fails_the_case_about_them() {
    let problem = "the payload of Some(65536) bytes is not the one of Some(1048576) bytes";
    fails_only(fixture::<Cutting>, &[("large_payload", problem)]);
}

#[test]
fn a_queue_that_takes_more_than_it_says_fails_the_case_about_large_payloads() {
    let profile = Profile { max_payload: Some(1000), ..Profile::strict() };
    let problem = "a send of 1001 bytes was Ok; the largest payload has 1000";
    fails_only(|| fixture::<Nothing>().profile(profile), &[("large_payload", problem)]);
}

/// Knows no JSON null.
#[derive(Default)]
struct WithoutNull;

#[async_trait]
impl Fault for WithoutNull {
    async fn send(&self, queue: &Inner, mut envelope: MessageEnvelope) -> Sending {
        if envelope.get_message().is_some_and(|payload| payload == "null") {
            envelope.set_message("{}");
        }
        queue.send(None, envelope).await
    }
}

#[test]
fn a_queue_that_changes_values_fails_the_case_about_them() {
    fails_only(fixture::<WithoutNull>, &[("send_as_object", "never sent")]);
}
