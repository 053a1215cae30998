//! Text to typed values, by the toolkit's rules. Every function takes the whole text or nothing:
//! what is not a value of the type is `None`, never a guess. Space around it does not count.
//!
//! ```
//! use pip_services_commons::convert;
//!
//! assert_eq!(convert::to_boolean(" Yes "), Some(true));
//! assert_eq!(convert::to_integer("123.9"), Some(123));
//! assert_eq!(convert::to_integer("123 apples"), None);
//! ```

use std::time::Duration;

use chrono::{DateTime, Datelike, Utc};

/// `1 true t yes y` and `0 false f no n`, in any case.
pub fn to_boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" => Some(true),
        "0" | "false" | "f" | "no" | "n" => Some(false),
        _ => None,
    }
}

/// An integral or float literal, truncated toward zero; out of range is `None`.
pub fn to_long(text: &str) -> Option<i64> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let value = to_double(text)?.trunc();
        // i64::MAX has no exact double; the nearest one is already out of range.
        (value >= i64::MIN as f64 && value < i64::MAX as f64).then_some(value as i64)
    })
}

/// As [`to_long`], within 32 bits.
pub fn to_integer(text: &str) -> Option<i32> {
    to_long(text).and_then(|value| value.try_into().ok())
}

/// A finite float.
pub fn to_double(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|value: &f64| value.is_finite())
}

/// As [`to_double`], within the range of 32 bits.
pub fn to_float(text: &str) -> Option<f32> {
    to_double(text).map(|value| value as f32).filter(|value| value.is_finite())
}

/// Whole milliseconds, not negative.
pub fn to_duration(text: &str) -> Option<Duration> {
    to_long(text).and_then(|ms| ms.try_into().ok()).map(Duration::from_millis)
}

/// RFC 3339, or a time without a zone or a date alone, both taken as UTC.
pub fn to_datetime(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let parse = |text: &str| DateTime::parse_from_rfc3339(text).ok();
    parse(text)
        .or_else(|| parse(&format!("{text}Z")))
        .or_else(|| parse(&format!("{text}T00:00:00Z")))
        .map(|time| time.to_utc())
        // A zone can take it out of the years that RFC 3339 has.
        .filter(|time| (0..=9999).contains(&time.year()))
}
