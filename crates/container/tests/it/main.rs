//! The container with small components that note what happens to them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code, of which clippy.toml's exceptions see only the functions marked as tests"
)]

/// The configuration file: formats, parameters, entries and their errors.
mod config_file;
/// `Container`: the order of the steps, what fails on the way, and threads that look on.
mod container;
/// The components of the tests.
mod parts;
/// `ProcessContainer`: arguments, parameters, exit codes, signals.
mod process_container;
/// `ManagedReferences`: what is put, made on demand, linked, opened, and taken out.
mod references_stack;
