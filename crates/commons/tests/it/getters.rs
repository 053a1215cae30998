use std::time::Duration;

use chrono::{DateTime, Utc};
use pip_services_commons::config::ConfigParams;

/// Under each key what the table tells: nothing, a null, blanks, and text that is no value of any type but text.
fn nothing() -> ConfigParams {
    ConfigParams::from_tuples([
        ("null", None),
        ("empty", Some("")),
        ("blank", Some("  ")),
        ("bad", Some("ABC")),
    ])
}

const ABSENT: [&str; 4] = ["absent", "null", "empty", "blank"];

/// The four getters of a type: one that reads, and what each gives where there is no value.
macro_rules! getters {
    ($($name:ident: $text:literal => $value:expr, $nullable:ident, $get:ident, $with_default:ident, $try_get:ident, $zero:expr, $other:expr, $allowed:literal;)+) => {$(
        #[test]
        fn $name() {
            let config = ConfigParams::from_tuples([("key", $text)]);
            assert_eq!(config.$nullable("key"), Some($value));
            assert_eq!(config.$get("key"), $value);
            assert_eq!(config.$with_default("key", $other), $value);
            assert_eq!(config.$try_get("key").unwrap(), Some($value));

            let nothing = nothing();
            for key in ABSENT.into_iter().chain(["bad"]) {
                assert_eq!(nothing.$nullable(key), None, "{key}");
                assert!($zero(nothing.$get(key)), "{key}");
                assert_eq!(nothing.$with_default(key, $other), $other, "{key}");
            }
            for key in ABSENT {
                assert_eq!(nothing.$try_get(key).unwrap(), None, "{key}");
            }
            let error = nothing.$try_get("bad").unwrap_err();
            assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some("bad")));
            assert_eq!(error.message(), concat!("bad is 'ABC'; it must be a ", $allowed));
        }
    )+};
}

fn is<T: PartialEq>(zero: T) -> impl Fn(T) -> bool {
    move |value| value == zero
}

fn midnight() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("1975-04-08T00:00:00Z").unwrap().to_utc()
}

/// Not the epoch or another fixed time. How near it is to now is nothing to rely on.
fn is_now(time: DateTime<Utc>) -> bool {
    time > DateTime::parse_from_rfc3339("2025-01-01T00:00:00Z").unwrap().to_utc()
}

getters! {
    a_boolean_is_false_where_it_is_absent_or_malformed: "yes" => true,
        get_as_nullable_boolean, get_as_boolean, get_as_boolean_with_default, try_get_as_boolean,
        is(false), true, "boolean (true or false)";
    an_integer_is_0_where_it_is_absent_or_malformed: "123" => 123,
        get_as_nullable_integer, get_as_integer, get_as_integer_with_default, try_get_as_integer,
        is(0), 5, "whole number of 32 bits";
    a_long_is_0_where_it_is_absent_or_malformed: "9007199254740993" => 9_007_199_254_740_993,
        get_as_nullable_long, get_as_long, get_as_long_with_default, try_get_as_long,
        is(0), 5, "whole number of 64 bits";
    a_float_is_0_where_it_is_absent_or_malformed: "1.5" => 1.5,
        get_as_nullable_float, get_as_float, get_as_float_with_default, try_get_as_float,
        is(0.0), 5.5, "number";
    a_double_is_0_where_it_is_absent_or_malformed: "-1.5" => -1.5,
        get_as_nullable_double, get_as_double, get_as_double_with_default, try_get_as_double,
        is(0.0), 5.5, "number";
    a_duration_is_0_where_it_is_absent_or_malformed: "1500" => Duration::from_millis(1500),
        get_as_nullable_duration_ms, get_as_duration_ms, get_as_duration_ms_with_default, try_get_as_duration_ms,
        is(Duration::ZERO), Duration::from_secs(5), "whole number of milliseconds, 0 or more";
    a_time_is_now_where_it_is_absent_or_malformed: "1975-04-08" => midnight(),
        get_as_nullable_datetime, get_as_datetime, get_as_datetime_with_default, try_get_as_datetime,
        is_now, midnight(), "time in RFC 3339";
}

#[test]
fn a_fraction_is_cut_off_by_the_getters_of_other_ports_and_an_error_for_those_that_tell() {
    for text in ["1.5", "-0.5", "1e-1", " 2.25 "] {
        let config = ConfigParams::from_tuples([("count", text)]);
        assert!(config.get_as_nullable_long("count").is_some(), "{text}");
        for told in [
            config.try_get_as_integer("count").map(|_| ()),
            config.try_get_as_long("count").map(|_| ()),
            config.try_get_as_duration_ms("count").map(|_| ()),
        ] {
            let error = told.unwrap_err();
            assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some("count")), "{text}");
            assert!(error.message().contains(&format!("is '{text}'")), "{error}");
        }
    }
    for text in ["2.0", "2e0", " 2 "] {
        let config = ConfigParams::from_tuples([("count", text)]);
        assert_eq!(config.try_get_as_long("count").unwrap(), Some(2), "{text}");
        assert_eq!(config.try_get_as_duration_ms("count").unwrap(), Some(Duration::from_millis(2)), "{text}");
    }
}

#[test]
fn a_text_is_empty_where_it_is_absent_and_an_empty_one_reads_as_absent() {
    let config = nothing();
    let table = [
        ("absent", None, "", "default"),
        ("null", None, "", "default"),
        ("empty", None, "", "default"),
        ("blank", Some("  "), "  ", "  "),
        ("bad", Some("ABC"), "ABC", "ABC"),
    ];
    for (key, nullable, text, with_default) in table {
        assert_eq!(config.get_as_nullable_string(key).as_deref(), nullable, "{key}");
        assert_eq!(config.get_as_string(key), text, "{key}");
        assert_eq!(config.get_as_string_with_default(key, "default"), with_default, "{key}");
    }
}
