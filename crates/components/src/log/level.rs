use std::{fmt, str::FromStr};

use pip_services_commons::errors::ApplicationError;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// How much a message matters, or how much a logger writes; ports `LogLevel` and `LogLevelConverter`.
///
/// Its serialized form is its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
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

    /// The level's text, as in a log line.
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
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_read_in_any_case() {
        for number in 0..=6 {
            let level = LogLevel::from_number(number).unwrap();
            assert_eq!(number.to_string().parse::<LogLevel>().unwrap(), level);
            if level != LogLevel::None {
                assert_eq!(level.as_str().parse::<LogLevel>().unwrap(), level);
            }
        }
        assert_eq!("Warning".parse::<LogLevel>().unwrap(), LogLevel::Warn);
        assert_eq!("loud".parse::<LogLevel>().unwrap_err().code(), "BAD_VALUE");
        assert!(LogLevel::from_number(7).is_none());
    }
}
