use std::time::Duration;

use chrono::{DateTime, FixedOffset, Utc};
use pip_services_commons::config::{ConfigParams, IntoConfigValue};

fn config(line: &str) -> ConfigParams {
    ConfigParams::from_string(line)
}

fn time() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("1975-04-08T02:00:00.5+02:00").unwrap()
}

// The model

#[test]
fn values_are_kept_as_text() {
    let table: [(&str, Option<String>, Option<&str>); 17] = [
        ("a text", "ABC".into_config_value(), Some("ABC")),
        ("an owned text", "ABC".to_owned().into_config_value(), Some("ABC")),
        ("a borrowed text", (&"ABC".to_owned()).into_config_value(), Some("ABC")),
        ("null", None::<&str>.into_config_value(), None),
        ("a value that could be null", Some(1).into_config_value(), Some("1")),
        ("true is lower case", true.into_config_value(), Some("true")),
        ("false is lower case", false.into_config_value(), Some("false")),
        ("an integer", (-5_i64).into_config_value(), Some("-5")),
        ("a float, shortest decimal", 0.1_f64.into_config_value(), Some("0.1")),
        ("a whole float", 1.0_f32.into_config_value(), Some("1")),
        ("a date is RFC 3339 in UTC", time().to_utc().into_config_value(), Some("1975-04-08T00:00:00.500Z")),
        ("a date with an offset too", time().into_config_value(), Some("1975-04-08T00:00:00.500Z")),
        ("a duration is milliseconds", Duration::from_secs(2).into_config_value(), Some("2000")),
        ("a list is joined by commas", vec![1, 2, 3].into_config_value(), Some("1,2,3")),
        ("an array too, a null in it is empty", [Some("a"), None].into_config_value(), Some("a,")),
        ("a nested list is flattened", [[1, 2], [3, 4]].into_config_value(), Some("1,2,3,4")),
        ("an empty list is empty", Vec::<i32>::new().into_config_value(), Some("")),
    ];
    for (what, value, expected) in table {
        assert_eq!(value.as_deref(), expected, "{what}");
    }
}

#[test]
fn keys_are_case_sensitive_and_keep_their_order() {
    let config = ConfigParams::from_tuples([("b", 1), ("10", 2), ("2", 3), ("B", 4), ("a", 5)]);
    assert_eq!(config.keys().collect::<Vec<_>>(), ["b", "10", "2", "B", "a"]);
    assert_eq!((config.get("b"), config.get("B")), (Some("1"), Some("4")));
}

#[test]
fn a_null_is_a_key_whose_value_reads_as_absent() {
    let mut config = config("null;empty=");
    assert!(config.contains_key("null") && !config.contains_key("absent"));
    assert_eq!((config.get("null"), config.get("absent"), config.get("empty")), (None, None, Some("")));
    assert_eq!((config.remove("null"), config.remove("absent")), (None, None));
    assert_eq!(config.remove("empty").as_deref(), Some(""));
    assert!(config.is_empty());
}

// Constructors

#[test]
fn each_constructor_gives_what_the_toolkit_says() {
    let tuples = |tuples: &[(&str, Option<&str>)]| ConfigParams::from_tuples(tuples.iter().copied());
    let [a, b] = [config("x=1;y=1"), config("y=2;z")];
    let table = [
        ("no parameters", ConfigParams::new(), ""),
        ("pairs", tuples(&[("a", Some("1")), ("b", Some("2"))]), "a=1;b=2"),
        ("a null value is kept", tuples(&[("a", None)]), "a"),
        ("a repeated key overwrites", tuples(&[("a", Some("1")), ("b", None), ("a", Some("2"))]), "a=2;b"),
        ("an iterator of pairs", [("a", 1)].into_iter().collect(), "a=1"),
        ("an empty string", config(""), ""),
        ("merged, later wins", ConfigParams::merge_configs([&a, &b]), "x=1;y=2;z"),
        ("merged, nulls are skipped", ConfigParams::merge_configs([None, Some(&a), None]), "x=1;y=1"),
        ("merged of nothing", ConfigParams::merge_configs([None::<&ConfigParams>]), ""),
    ];
    for (what, config, expected) in table {
        assert_eq!(config.to_string(), expected, "{what}");
        assert_eq!(config.len(), expected.split_terminator(';').count(), "{what}");
    }
}

// Sections

#[test]
fn section_names_are_the_distinct_first_segments_in_order() {
    let table: [(&str, &str, &[&str]); 7] = [
        ("no parameters", "", &[]),
        ("distinct, in key order", "b.x=1;a.x=2;b.y=3", &["b", "a"]),
        ("the first segment only", "a.b.c=1", &["a"]),
        ("a scalar is a section itself", "z=1", &["z"]),
        ("a dot at the start is no end of a segment", ".x=1", &[".x"]),
        ("case counts", "A.x=1;a.x=2", &["A", "a"]),
        ("elements of a list keep their order", "9.x=1;10.x=2;2.x=3", &["9", "10", "2"]),
    ];
    for (what, line, expected) in table {
        assert_eq!(config(line).get_section_names(), expected, "{what}");
    }
}

#[test]
fn a_section_is_every_key_with_its_name_and_a_dot_before_it() {
    let table = [
        ("the prefix is removed", "s.a=1;s.b.c=2;t.a=3", "s", "a=1;b.c=2"),
        ("the scalar of that name is not in it", "s=1;s.a=2", "s", "a=2"),
        ("another key that begins so is not in it", "ab.c=1", "a", ""),
        ("a deeper section", "a.b.c=1;a.d=2", "a.b", "c=1"),
        ("the empty section is of keys that start with a dot", ".x=1;y=2", "", "x=1"),
        ("case counts", "S.a=1", "s", ""),
        ("a missing section is empty", "a=1", "missing", ""),
    ];
    for (what, line, section, expected) in table {
        assert_eq!(config(line).get_section(section).to_string(), expected, "{what}");
    }
    let unnamed = config("s.=1").get_section("s");
    assert_eq!(unnamed.iter().collect::<Vec<_>>(), [("", Some("1"))], "a key that ends with the dot");
}

#[test]
fn adding_a_section_puts_its_name_before_each_key() {
    let tuples = |tuples: &[(&str, i32)]| ConfigParams::from_tuples(tuples.iter().copied());
    let table = [
        ("under its name", "s", tuples(&[("a", 1), ("b.c", 2)]), "top=0;s.a=1;s.b.c=2"),
        ("the empty key becomes the name", "s", tuples(&[("", 1)]), "top=0;s=1"),
        ("the empty section is the top", "", tuples(&[("a", 1)]), "top=0;a=1"),
        ("what is there is overwritten", "", tuples(&[("top", 1)]), "top=1"),
        ("no name is special", "#s", tuples(&[("!a", 1)]), "top=0;#s.!a=1"),
        ("a null stays one", "s", config("a"), "top=0;s.a"),
    ];
    for (what, section, params, expected) in table {
        let mut config = config("top=0");
        config.add_section(section, &params);
        assert_eq!(config.to_string(), expected, "{what}");
    }
}

// Merging

#[test]
fn a_merge_is_by_whole_keys_and_a_null_never_wins_over_a_value() {
    let table = [
        ("other wins", "a=1;b=1", "b=2;c=2", "a=1;b=2;c=2"),
        ("keys merge, sections do not", "s.a=1", "s.b=2", "s.a=1;s.b=2"),
        ("an empty text is a value", "a=1", "a=", "a="),
        ("a null does not override", "a=1", "a", "a=1"),
        ("a null is overridden", "a", "a=1", "a=1"),
        ("a null over nothing is a null", "", "a", "a"),
        ("nothing over nothing", "", "", ""),
    ];
    for (what, below, above, expected) in table {
        let (below, above) = (config(below), config(above));
        assert_eq!(below.override_with(&above).to_string(), expected, "override: {what}");
        assert_eq!(above.set_defaults(&below).to_string(), expected, "set_defaults: {what}");
        assert_eq!(ConfigParams::merge_configs([&below, &above]).to_string(), expected, "merge: {what}");
    }
}

#[test]
fn a_merge_leaves_both_as_they_are_and_takes_nothing_from_none() {
    let (one, other) = (config("a=1"), config("a=2"));
    let _ = (one.override_with(&other), one.set_defaults(&other));
    assert_eq!((one.to_string(), other.to_string()), ("a=1".into(), "a=2".into()));
    assert_eq!((one.override_with(None), one.set_defaults(None)), (one.clone(), one.clone()));
    assert_eq!(one.override_with(Some(&other)), other);
}

#[test]
fn a_null_takes_the_default_of_the_getter() {
    let merged = config("a").set_defaults(None);
    assert_eq!(merged.get_as_integer_with_default("a", 5), 5);
}

#[test]
fn a_time_that_was_put_reads_back() {
    let now = Utc::now();
    let config = ConfigParams::from_tuples([("now", now)]);
    assert_eq!(
        config.get_as_nullable_datetime("now").map(|read| read.timestamp_millis()),
        Some(now.timestamp_millis())
    );
}
