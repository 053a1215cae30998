//! Logging: any number of loggers behind one [`CompositeLogger`].

mod level;
mod logger;

pub use level::LogLevel;
pub use logger::ILogger;
