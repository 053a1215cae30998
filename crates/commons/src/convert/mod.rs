//! Text to typed values, by the toolkit's rules. Every function takes the whole text or nothing:
//! what is not a value of the type is `None`, never a guess.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

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
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc()))
        .or_else(|_| {
            NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|date| date.and_time(NaiveTime::MIN).and_utc())
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_take_the_listed_words_in_any_case_and_nothing_else() {
        for text in ["1", "true", "T", "Yes", "y", " TRUE "] {
            assert_eq!(to_boolean(text), Some(true), "{text}");
        }
        for text in ["0", "False", "f", "NO", "n"] {
            assert_eq!(to_boolean(text), Some(false), "{text}");
        }
        for text in ["on", "off", "2", "", "XYZ"] {
            assert_eq!(to_boolean(text), None, "{text}");
        }
    }

    #[test]
    fn integers_truncate_toward_zero_and_reject_what_is_no_whole_literal() {
        let cases = [
            ("123", Some(123)),
            (" 123.456 ", Some(123)),
            ("-2.5", Some(-2)),
            ("1e3", Some(1000)),
            ("12abc", None),
            ("1,5", None),
            ("1_000", None),
            ("0x10", None),
            ("inf", None),
            ("NaN", None),
            ("1e30", None),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(to_long(text), expected, "{text}");
        }
        assert_eq!(to_integer("2147483648"), None);
    }

    #[test]
    fn durations_are_milliseconds_and_not_negative() {
        assert_eq!(to_duration("1500"), Some(Duration::from_millis(1500)));
        assert_eq!(to_duration("-1"), None);
    }

    #[test]
    fn times_without_a_zone_are_utc() {
        let expected = DateTime::parse_from_rfc3339("1975-04-08T00:00:00Z").unwrap();
        for text in
            ["1975-04-08", "1975-04-08T00:00:00", "1975-04-08T00:00:00.000Z", "1975-04-08T02:00:00+02:00"]
        {
            assert_eq!(to_datetime(text), Some(expected.to_utc()), "{text}");
        }
        assert_eq!(to_datetime("1975/04/08"), None);
    }
}
