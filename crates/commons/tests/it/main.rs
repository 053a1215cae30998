//! What must hold of configuration, descriptors and references for any input and from any thread.

// The lints' exception for tests covers the test functions alone, and not what they call.
#![allow(clippy::unwrap_used)]

/// The string form and the flattening of parameters.
mod config;
/// Matching of descriptors, against a naive model.
mod descriptor;
/// One container, many threads.
mod references;
