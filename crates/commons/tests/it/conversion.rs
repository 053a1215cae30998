use std::{fmt::Debug, time::Duration};

use pip_services_commons::convert;

/// Rows of what, text and expected.
fn check<T: PartialEq + Debug>(convert: fn(&str) -> Option<T>, table: &[(&str, &str, Option<T>)]) {
    for (what, text, expected) in table {
        assert_eq!(convert(text), *expected, "{what}: '{text}'");
    }
}

#[test]
fn booleans() {
    let words =
        [("1 true t yes y True TRUE Yes Y", Some(true)), ("0 false f no n False FALSE No N", Some(false))];
    for (words, expected) in words {
        words.split(' ').for_each(|word| check(convert::to_boolean, &[("a word", word, expected)]));
    }
    check(
        convert::to_boolean,
        &[
            ("space around it does not count", " true\t", Some(true)),
            ("no such words", "on", None),
            ("no such words", "off", None),
            ("no such number", "2", None),
            ("no such number", "1.0", None),
            ("anything else", "XYZ", None),
            ("nothing", "", None),
        ],
    );
}

#[test]
fn longs() {
    check(
        convert::to_long,
        &[
            ("a whole number", "123", Some(123)),
            ("space around it does not count", " 123 ", Some(123)),
            ("a sign", "-7", Some(-7)),
            ("a plus sign", "+7", Some(7)),
            ("truncated, not rounded", "123.456", Some(123)),
            ("truncated toward zero", "1.5", Some(1)),
            ("truncated toward zero", "-1.5", Some(-1)),
            ("truncated toward zero", "-2.5", Some(-2)),
            ("less than one", "-0.9", Some(0)),
            ("an exponent", "1e3", Some(1000)),
            ("a number with a tail", "12abc", None),
            ("a decimal comma", "1,5", None),
            ("an underscore", "1_000", None),
            ("hexadecimal", "0x10", None),
            ("no number", "ABC", None),
            ("a boolean", "true", None),
            ("a date", "1975-04-08", None),
            ("nothing", "", None),
            ("space alone", " ", None),
            ("not finite", "inf", None),
            ("not finite", "-Infinity", None),
            ("not finite", "NaN", None),
            ("the greatest", "9223372036854775807", Some(i64::MAX)),
            ("out of range", "9223372036854775808", None),
            ("out of range with a fraction", "9223372036854775807.5", None),
            ("the least", "-9223372036854775808", Some(i64::MIN)),
            ("out of range", "-9223372036854775809e1", None),
            ("far out of range", "1e30", None),
        ],
    );
}

#[test]
fn integers() {
    check(
        convert::to_integer,
        &[
            ("as a long", "123.456", Some(123)),
            ("the greatest", "2147483647", Some(i32::MAX)),
            ("out of range", "2147483648", None),
            ("the least", "-2147483648", Some(i32::MIN)),
            ("out of range", "-2147483649", None),
            ("a number with a tail", "12abc", None),
        ],
    );
}

#[test]
fn doubles() {
    check(
        convert::to_double,
        &[
            ("a number", "123.456", Some(123.456)),
            ("space around it does not count", " -0.5 ", Some(-0.5)),
            ("a whole number", "123", Some(123.0)),
            ("an exponent", "1.5e-3", Some(0.0015)),
            ("a number with a tail", "1.5kg", None),
            ("a decimal comma", "1,5", None),
            ("not finite", "inf", None),
            ("not finite", "nan", None),
            ("out of range", "1e999", None),
            ("nothing", "", None),
        ],
    );
}

#[test]
fn floats() {
    check(
        convert::to_float,
        &[
            ("a number", "123.456", Some(123.456_f32)),
            ("out of the range of 32 bits", "1e39", None),
            ("not finite", "inf", None),
        ],
    );
}

#[test]
fn durations() {
    check(
        convert::to_duration,
        &[
            ("milliseconds", "1500", Some(Duration::from_millis(1500))),
            ("none", "0", Some(Duration::ZERO)),
            ("whole ones", "1.9", Some(Duration::from_millis(1))),
            ("negative", "-1", None),
            ("with a unit", "1h30m", None),
            ("no number", "soon", None),
        ],
    );
}

#[test]
fn times() {
    let table = [
        ("RFC 3339", "1975-04-08T00:00:00Z", Some("1975-04-08T00:00:00Z")),
        ("with a fraction", "1975-04-08T00:00:00.125Z", Some("1975-04-08T00:00:00.125Z")),
        ("an offset is taken into account", "1975-04-08T02:00:00+02:00", Some("1975-04-08T00:00:00Z")),
        ("without a zone it is UTC", "1975-04-08T12:30:00.5", Some("1975-04-08T12:30:00.5Z")),
        ("a date is its midnight in UTC", "1975-04-08", Some("1975-04-08T00:00:00Z")),
        ("space around it does not count", " 1975-04-08 ", Some("1975-04-08T00:00:00Z")),
        ("slashes", "1975/04/08", None),
        ("the last day that can be written", "9999-12-31", Some("9999-12-31T00:00:00Z")),
        ("in UTC, after the last year that can be written", "9999-12-31T23:59:59-01:00", None),
        ("in UTC, before the first year that can be written", "0000-01-01T00:00:00+01:00", None),
        ("a date of single digits", "1975-4-8", None),
        ("no such day", "1975-02-30", None),
        ("a time alone", "12:30:00", None),
        ("a number", "1", None),
        ("milliseconds", "166147200000", None),
        ("a word", "now", None),
        ("nothing", "", None),
    ];
    for (what, text, expected) in table {
        let expected = expected.map(|text| chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc());
        assert_eq!(convert::to_datetime(text), expected, "{what}: '{text}'");
    }
}
