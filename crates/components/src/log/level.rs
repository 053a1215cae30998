use std::{fmt, str::FromStr};

use pip_services_commons::{config::ConfigParams, errors::ApplicationError};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

/// How much a message matters, or how much a logger writes; ports `LogLevel` and `LogLevelConverter`.
///
/// It is written as its text, and read from text or, as the Python port writes it, from its number.
///
/// ```
/// use pip_services_components::log::LogLevel;
///
/// assert_eq!("Warning".parse::<LogLevel>()?, LogLevel::Warn);
/// assert_eq!("5".parse::<LogLevel>()?, LogLevel::Debug);
/// assert_eq!(LogLevel::Debug.to_string(), "DEBUG");
/// assert!(LogLevel::Error < LogLevel::Debug);
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
#[doc(alias = "LogLevelConverter")]
pub enum LogLevel {
    /// Nothing is written.
    None = 0,
    /// The process cannot go on.
    Fatal = 1,
    /// An operation failed.
    Error = 2,
    /// Something is wrong, but the operation goes on.
    Warn = 3,
    /// A step that matters to an operator.
    #[default]
    Info = 4,
    /// A step that matters to a developer.
    Debug = 5,
    /// Everything.
    Trace = 6,
}

impl LogLevel {
    /// The level of a number from 0 to 6.
    pub fn from_number(number: u8) -> Option<Self> {
        use LogLevel::{Debug, Error, Fatal, Info, None, Trace, Warn};
        [None, Fatal, Error, Warn, Info, Debug, Trace].get(usize::from(number)).copied()
    }

    /// The level under the key `level`, `None` where it is absent or blank.
    pub(super) fn from_config(config: &ConfigParams) -> Result<Option<Self>, ApplicationError> {
        config.get("level").filter(|text| !text.trim().is_empty()).map(str::parse).transpose()
    }

    /// The level's text, as in a log line; that of [`LogLevel::None`] is `UNDEF`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "UNDEF",
            Self::Fatal => "FATAL",
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }
}

impl FromStr for LogLevel {
    type Err = ApplicationError;

    /// Reads a level's name, in any case, or its number.
    ///
    /// # Errors
    /// `BAD_VALUE` (Misconfiguration). Other ports fall back to `info` and hide the typo.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_ascii_lowercase().as_str() {
            "0" | "nothing" | "none" => Ok(Self::None),
            "1" | "fatal" => Ok(Self::Fatal),
            "2" | "error" => Ok(Self::Error),
            "3" | "warn" | "warning" => Ok(Self::Warn),
            "4" | "info" => Ok(Self::Info),
            "5" | "debug" => Ok(Self::Debug),
            "6" | "trace" => Ok(Self::Trace),
            _ => {
                let allowed = "none, fatal, error, warn, info, debug, trace or 0 to 6";
                Err(ApplicationError::config(
                    None,
                    "BAD_VALUE",
                    format!("level is '{text}'; it must be {allowed}"),
                )
                .with_details("key", "level"))
            }
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for LogLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LevelVisitor)
    }
}

struct LevelVisitor;

impl Visitor<'_> for LevelVisitor {
    type Value = LogLevel;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a level by its name or number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<LogLevel, E> {
        // What `None` is written as is no name of it in a configuration.
        match text == LogLevel::None.as_str() {
            true => Ok(LogLevel::None),
            false => text.parse().map_err(E::custom),
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<LogLevel, E> {
        let level = u8::try_from(number).ok().and_then(LogLevel::from_number);
        level.ok_or_else(|| E::custom(format!("level is {number}; it must be 0 to 6")))
    }
}
