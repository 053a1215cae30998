//! The memory queue, and the conformance suite with queues that are made to fail it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code, of which clippy.toml's exceptions see only the functions marked as tests"
)]

/// Name, options, and what the queue counts.
mod configuration;
/// The memory queue passes the suite.
#[cfg(feature = "conformance")]
mod conformance;
/// Listening: its end, panics, and what a receiver may do.
mod listening;
/// Locks: expiry, renewal, settling.
mod locks;
/// Limits, clearing, closing.
mod storage;
/// The suite finds each fault, and only in the cases that are about it.
#[cfg(feature = "conformance")]
mod suite;
/// What the tests share.
mod support;
