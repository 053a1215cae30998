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
/// Parameters of connections, and how they are resolved.
mod connections;
/// The name of a process and what else it tells of itself.
mod context_info;
/// What counters measure, and how they are saved, written and combined.
mod counters;
/// Parameters of credentials, the store that keeps them, and how they are looked up.
mod credentials;
/// Connections that are known by a key.
mod discovery;
/// The code and category of each mistake.
mod error_codes;
/// Messages that go to the `log` crate, whose backend there can be one of in a process.
mod facade_logger;
/// Which components factories make, and in which order they are asked.
mod factories;
/// Levels, and what loggers write, filter and combine.
mod log;
/// Prometheus reading counters over HTTP.
#[cfg(feature = "prometheus")]
mod prometheus_counters;
/// Configuration from files and from memory.
mod readers;
/// What no output shows.
mod secrets;
/// What several tests need.
mod support;
/// The template language of configuration files.
mod template;
