//! Logging: any number of loggers behind one [`CompositeLogger`].
//!
//! A component has a [`CompositeLogger`] of its own, which finds the loggers of the process in the references:
//!
//! ```
//! use std::sync::Arc;
//! use pip_services_commons::refer::{IReferenceable, IReferences, References};
//! use pip_services_components::log::{CompositeLogger, ConsoleLogger, ILogger};
//!
//! let references = References::new();
//! references.put("pip-services:logger:console:default:1.0".parse()?, Arc::new(ConsoleLogger::new()));
//!
//! let logger = CompositeLogger::new();
//! logger.set_references(&references)?;
//! logger.info(Some("123"), format_args!("Sent {} messages", 5));
//! // [123:INFO:2026-01-31T12:00:00.000Z] Sent 5 messages
//! # Ok::<(), pip_services_commons::errors::ApplicationError>(())
//! ```

mod base;
mod cache;
mod cached;
mod composite;
mod console;
mod facade;
mod factory;
mod known_level;
mod level;
mod logger;
mod message;
mod null;
mod saver;
mod text;

pub use cached::CachedLogger;
pub use composite::CompositeLogger;
pub use console::ConsoleLogger;
pub use facade::FacadeLogger;
pub use factory::DefaultLoggerFactory;
pub use level::LogLevel;
pub use logger::ILogger;
pub use message::LogMessage;
pub use null::NullLogger;
pub use saver::ICachedLogSaver;
