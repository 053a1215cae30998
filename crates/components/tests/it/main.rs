//! Components as their users see them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code, of which clippy.toml's exceptions see only the functions marked as tests"
)]

/// Saving counters while they are open and when they close.
mod cached_counters;
/// Saving messages in batches: when, in which order, and what a failure costs.
mod cached_logger;
/// Messages that go to the `log` crate, whose backend there can be one of in a process.
mod facade_logger;
/// Prometheus reading counters over HTTP.
#[cfg(feature = "prometheus")]
mod prometheus_counters;
/// What several tests need.
mod support;
