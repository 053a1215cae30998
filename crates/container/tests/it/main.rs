//! The container with small components that note what happens to them.

#![allow(
    clippy::unwrap_used,
    reason = "test code, of which clippy.toml's exceptions see only the functions marked as tests"
)]

/// Reading configuration files: formats, parameters, errors.
mod configuration;
/// Failures while starting and stopping.
mod failures;
/// The steps of a component's life and their order.
mod lifecycle;
/// Components that are made because another one requires them, and factories that are listed.
mod on_demand;
/// The components of the tests.
mod parts;
/// Processes: arguments, exit codes, signals.
mod process;
