//! The lifecycle that all components share: open, close, clear.

mod cleanable;
mod closer;
mod openable;
mod opener;

pub use cleanable::ICleanable;
pub use closer::Closer;
pub use openable::{IClosable, IOpenable};
pub use opener::Opener;
