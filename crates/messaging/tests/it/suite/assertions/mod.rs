/// What a queue does while it is closed.
mod closed;
/// What happens to the broker.
mod faults;
/// What a receiver gets.
mod listeners;
/// Locks that are renewed or lost.
mod locks;
/// What is received, peeked and cleared.
mod messages;
/// Many messages.
mod stress;

use pip_services_commons::errors::ApplicationError;

pub(super) fn wrong() -> ApplicationError {
    ApplicationError::unknown(None, "WRONG", "another error")
}
