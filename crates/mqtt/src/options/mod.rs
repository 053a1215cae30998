//! Configuration parameters as typed options, read once.

mod connection;
mod known;
mod qos;
mod queue;

use pip_services_commons::errors::ApplicationError;

pub(crate) use connection::{ConnectionOptions, LONGEST_KEEPALIVE, MqttVersion, Will};
pub(crate) use known::{of_connection, of_queue, of_queue_on_shared};
pub(crate) use qos::QoS;
pub(crate) use queue::{QueueOptions, Topics};

fn bad_option(code: &'static str, key: &str, value: &str, allowed: &str) -> ApplicationError {
    ApplicationError::config(None, code, format!("{key} is '{value}'; it must be {allowed}"))
        .with_details("key", key)
}

/// The error of an option that needs another one.
fn needs(code: &'static str, key: &str, what: &str) -> ApplicationError {
    ApplicationError::config(None, code, format!("{key} is set, which needs {what}")).with_details("key", key)
}
