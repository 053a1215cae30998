//! The MQTT queue against real brokers: each scenario runs on the embedded broker and on Mosquitto.

// The lints' exception for tests covers the test functions alone, and not what they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

/// Many messages at once.
mod batches;
mod conformance;
/// Topics, wire modes and payloads.
mod delivery;
/// What a wrong configuration or a missing broker leads to.
mod errors;
/// Brokers that die, restart and freeze.
mod faults;
/// Listeners, and what they leave behind.
mod listening;
/// Counters and log lines of connections.
mod observing;
/// What each parameter does.
mod parameters;
/// A broker that resets connections while much is in flight.
mod resets;
/// What lasts over a close, an outage, a cancelled call.
mod sessions;
/// Shared and own connections.
mod sharing;
mod support;
/// MQTT 5.
mod version5;
