//! The lifecycle that all components share: open, close, clear.

mod cleanable;
mod cleaner;
mod closer;
mod failures;
mod openable;
mod opener;

pub use cleanable::ICleanable;
pub use cleaner::Cleaner;
pub use closer::Closer;
pub use openable::{IClosable, IOpenable, closable};
pub use opener::Opener;
