use std::time::Duration;

use pip_services_commons::errors::ApplicationError;

use crate::{client::ClientError, resolver::Endpoint, router::Request};

pub(super) fn connect_failed(message: impl Into<String>, key: &str) -> ApplicationError {
    ApplicationError::connection(None, "CONNECT_FAILED", message).with_details("key", key)
}

/// The error of a broker that did not answer to a request in time.
pub(super) fn no_answer(endpoint: &Endpoint, request: &Request, limit: Duration) -> ApplicationError {
    let ms = limit.as_millis();
    let (what, filter) = match request {
        Request::Subscribe(filter, _) => ("subscription to", filter),
        Request::Unsubscribe(filter) => ("end of the subscription to", filter),
    };
    let message = format!(
        "{endpoint} has not answered to the {what} topic '{filter}' for {ms} ms (options.connect_timeout)"
    );
    connect_failed(message, "options.connect_timeout").with_details("topic", filter)
}

/// The error of a message that the broker refused, or did not confirm.
pub(super) fn publish_failed(topic: &str, error: ClientError) -> ApplicationError {
    let what = match &error {
        ClientError::Reason(_) => "refused",
        _ => "did not confirm",
    };
    let message = format!("the broker {what} a message to topic '{topic}'");
    let failed = ApplicationError::connection(None, "PUBLISH_FAILED", message).with_details("topic", topic);
    with_reason(failed, &error).with_cause(error)
}

/// The error of a message that the client did not take, so that it can be sent again without coming twice.
pub(super) fn not_published(topic: &str, error: ClientError) -> ApplicationError {
    let what = match &error {
        ClientError::Disconnected => "no connection to the broker for",
        _ => "the client did not take",
    };
    not_sent(topic, format!("{what} a message to topic '{topic}'")).with_cause(error)
}

/// The error of a message that still waited for a connection, its turn or room when its time was over.
pub(super) fn not_published_in_time(topic: &str, limit: Duration, is_connected: bool) -> ApplicationError {
    let what = match is_connected {
        true => "no room for",
        false => "no connection to the broker for",
    };
    let ms = limit.as_millis();
    not_sent(topic, format!("{what} a message to topic '{topic}' within options.send_timeout ({ms} ms)"))
}

fn not_sent(topic: &str, why: String) -> ApplicationError {
    ApplicationError::connection(None, "PUBLISH_FAILED", format!("{why}; the message was not sent"))
        .with_details("topic", topic)
        .with_details("sent", "false")
}

/// The error of a message that was not confirmed in time.
pub(super) fn publish_late(topic: &str, limit: Duration) -> ApplicationError {
    let ms = limit.as_millis();
    let message = format!(
        "the broker did not confirm a message to topic '{topic}' within options.send_timeout ({ms} ms)"
    );
    ApplicationError::connection(None, "PUBLISH_FAILED", message).with_details("topic", topic)
}

pub(super) fn subscribe_failed(filter: &str, error: ClientError) -> ApplicationError {
    let message = format!("cannot subscribe to topic '{filter}'");
    let failed =
        ApplicationError::connection(None, "SUBSCRIBE_FAILED", message).with_details("topic", filter);
    with_reason(failed, &error).with_cause(error)
}

/// With the broker's code as a detail, so that a program can go by it.
fn with_reason(failed: ApplicationError, error: &ClientError) -> ApplicationError {
    match error {
        ClientError::Reason(reason) => failed.with_details("reason_code", format!("0x{:02X}", reason.code)),
        _ => failed,
    }
}
