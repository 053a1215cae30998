//! A queue of one's own: [`ChannelMessageQueue`], over a channel of tokio.
//!
//! It can do little, says so by its capabilities, and refuses the rest. `tests/conformance.rs` runs the suite that
//! every queue has to pass.

mod channel;
mod queue;

pub use queue::ChannelMessageQueue;
