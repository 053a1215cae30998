//! Scenarios that cross the crates: services composed from configuration, at the embedded broker and at Mosquitto.

// The lints' exception for tests covers the test functions alone, and not what they call.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

/// Messages that are forwarded between queues.
mod bridge;
/// The same service from YAML and from JSON.
mod composition;
/// Shared connections and own ones.
mod connections;
/// Services that cannot be opened.
mod failures;
mod gate;
/// What is left after a service was closed.
mod leaks;
/// Addresses and credentials that are looked up.
mod lookups;
/// Factories of queues that the file lists.
mod queue_factories;
mod service;
mod support;
/// A receive that waits.
mod waking;
