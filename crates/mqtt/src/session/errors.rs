use pip_services_commons::errors::ApplicationError;

use crate::client::ClientError;

pub(super) fn connect_failed(message: impl Into<String>, key: &str) -> ApplicationError {
    ApplicationError::connection(None, "CONNECT_FAILED", message).with_details("key", key)
}

pub(super) fn publish_failed(topic: &str, why: &str) -> ApplicationError {
    let message = format!("the broker did not confirm a message to topic '{topic}'{why}");
    ApplicationError::connection(None, "PUBLISH_FAILED", message).with_details("topic", topic)
}

pub(super) fn subscribe_failed(filter: &str, error: ClientError) -> ApplicationError {
    let message = format!("cannot subscribe to topic '{filter}'");
    ApplicationError::connection(None, "SUBSCRIBE_FAILED", message)
        .with_details("topic", filter)
        .with_cause(error)
}
