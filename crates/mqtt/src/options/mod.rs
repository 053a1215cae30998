//! Configuration parameters as typed options, read once.

mod connection;
mod known;
mod qos;
mod queue;

use pip_services_commons::errors::ApplicationError;

use crate::text::{LONGEST, is_forbidden};

pub(crate) use connection::{ConnectionOptions, LONGEST_KEEPALIVE, MqttVersion, Will};
pub(crate) use known::{of_connection, of_queue, of_queue_on_shared};
pub(crate) use qos::QoS;
pub(crate) use queue::{QueueOptions, Topics};

/// Checks a text that goes to the broker as it is.
///
/// # Errors
/// `BAD_VALUE` (Misconfiguration).
fn check_text(key: &str, text: &str) -> Result<(), ApplicationError> {
    if text.len() > LONGEST {
        return Err(bad_option("BAD_VALUE", key, &format!("{} bytes", text.len()), "65535 bytes or less"));
    }
    if text.contains(is_forbidden) {
        // Brokers close the connection of who sends such a text.
        return Err(bad_option(
            "BAD_VALUE",
            key,
            &text.escape_debug().to_string(),
            "without control characters",
        ));
    }
    Ok(())
}

fn bad_option(code: &'static str, key: &str, value: &str, allowed: &str) -> ApplicationError {
    ApplicationError::config(None, code, format!("{key} is '{value}'; it must be {allowed}"))
        .with_details("key", key)
}

/// The error of an option that needs another one.
fn needs(code: &'static str, key: &str, what: &str) -> ApplicationError {
    ApplicationError::config(None, code, format!("{key} is set, which needs {what}")).with_details("key", key)
}
