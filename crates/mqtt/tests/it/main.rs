//! The MQTT queue against real brokers: each scenario runs on the embedded broker and on Mosquitto.

// The lints' exception for tests covers the test functions alone, and not what they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Runs under a load print what became of it.
#![allow(clippy::print_stdout)]

/// Which sends end well, where a broker answers to some messages only.
mod acknowledgements;
/// Tests in processes of their own.
mod alone;
/// The books of a load, while the broker and the network fail.
mod balance;
/// Many messages at once.
mod batches;
/// Certificates for the tests of TLS.
#[cfg(all(feature = "tls", feature = "websocket"))]
mod certificates;
/// How long a close takes, and what it does in which order.
mod closing;
mod conformance;
/// What the other ports get wrong, where no other module has it.
mod defects;
/// Topics, wire modes and payloads.
mod delivery;
/// What comes while a queue closes.
mod draining;
/// TLS: whom it trusts, and what goes wrong.
#[cfg(all(feature = "tls", feature = "websocket"))]
mod encryption;
/// What a wrong configuration or a missing broker leads to.
mod errors;
/// Queues and connections by name and by descriptor.
mod factories;
/// Several brokers, of which one is killed.
mod failover;
/// Brokers that die, restart and freeze.
mod faults;
/// What the conformance suite runs on.
mod fixtures;
/// What a broker sends that MQTT does not have.
mod hostile;
/// What the broker and the client owe each other when a session is kept.
mod kept;
/// Threads, descriptors and memory.
mod leaks;
mod ledger;
/// Listeners, and what they leave behind.
mod listening;
/// What other clients publish that is no message.
mod malformed;
/// Counters and log lines of connections.
mod observing;
/// What a broker of the tests' own reads and writes.
mod packets;
/// What each parameter does.
mod parameters;
/// What Mosquitto does that the tests under load rely on.
mod proofs;
/// A broker that does what a test tells it.
mod puppet;
/// A client of nothing but packets.
mod raw_client;
/// A broker that resets connections while much is in flight.
mod resets;
/// Many queues.
mod scale;
/// What no log shows.
#[cfg(all(feature = "tls", feature = "websocket"))]
mod secrets;
/// What lasts over a close, an outage, a cancelled call.
mod sessions;
/// Shared and own connections.
mod sharing;
mod support;
/// Brokers that take a connection and make no use of it.
mod unstable;
/// A slow way to the broker.
mod uplinks;
/// MQTT 5.
mod version5;
/// WebSocket, plain and encrypted.
#[cfg(all(feature = "tls", feature = "websocket"))]
mod websockets;
/// What a broker writes to a client.
mod wiretap;
