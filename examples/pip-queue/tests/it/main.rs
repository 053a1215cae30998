//! The program `pip-queue` as others run it: each scenario with the embedded broker and with Mosquitto.

// The lints' exception for tests covers the test functions alone, and not what they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

/// One `pip-queue` sends, another one listens.
mod conversation;
/// What keeps a command from working: exit code 1.
mod failures;
/// Mosquitto's clients on the other side.
mod interoperation;
/// What a person must correct: exit code 2.
mod misconfiguration;
/// Where parameters come from.
mod parameters;
/// Payloads that are no text, and what is no message.
mod payloads;
mod shop;
/// What ends a command before its time.
mod signals;
/// Messages that do not come: exit code 3.
mod timeouts;
/// Looking at messages without taking them.
mod waiting;
