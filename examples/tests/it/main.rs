//! The examples as a person runs them: each with the embedded broker and with Mosquitto.

// The lints' exception for tests covers the test functions alone, and not what they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod quickstart;
mod service;
