//! The cases. Each is listed in `macros.rs`, with what it needs.

pub(super) mod backlog;
pub(super) mod clearing;
pub(super) mod consumers;
pub(super) mod copies;
pub(super) mod counting;
pub(super) mod delivery;
pub(super) mod ending;
pub(super) mod fidelity;
pub(super) mod lifecycle;
pub(super) mod listener;
pub(super) mod listener_end;
pub(super) mod listener_use;
pub(super) mod locks;
pub(super) mod malformed;
pub(super) mod network;
pub(super) mod offline;
pub(super) mod opening;
pub(super) mod payloads;
pub(super) mod peek;
pub(super) mod restarts;
pub(super) mod senders;
pub(super) mod settling;
pub(super) mod timing;
pub(super) mod walk;
