//! What a process tells of itself: its name, where it runs, and since when.

mod context;
mod factory;

pub use context::ContextInfo;
pub use factory::DefaultInfoFactory;
