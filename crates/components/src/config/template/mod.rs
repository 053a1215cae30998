//! The template language of configuration files.

mod config_template;
mod error;
mod rendered;
mod renderer;
mod tag;

pub use config_template::ConfigTemplate;
pub(super) use rendered::Rendered;
