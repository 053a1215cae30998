//! The cases. Each is listed in `macros.rs`, with what it needs.

pub(super) mod copies;
pub(super) mod fidelity;
pub(super) mod lifecycle;
pub(super) mod listener;
pub(super) mod payloads;
pub(super) mod peek;
pub(super) mod timing;
