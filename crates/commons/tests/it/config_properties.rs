use pip_services_commons::config::ConfigParams;
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Map, Value};

/// Texts that are rich in what the string form treats specially.
fn text() -> impl Strategy<Value = String> {
    "[a-c;=\"\\\\\n\r\t .é😀]{0,8}"
}

fn parameters() -> impl Strategy<Value = ConfigParams> {
    vec((text(), option::of(text())), 0..8).prop_map(ConfigParams::from_tuples)
}

/// Nested values whose keys hold no dots, and which hold no empty containers: those leave nothing.
fn nested() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(Value::from),
            vec(("[a-z]{1,3}", inner), 1..4).prop_map(|fields| Value::from(Map::from_iter(fields))),
        ]
    })
}

/// How many leaves a value has.
fn leaves(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Object(fields) => fields.values().map(leaves).sum(),
        _ => 1,
    }
}

/// The leaf that a flattened key leads to.
fn leaf<'a>(value: &'a Value, key: &str) -> &'a Value {
    key.split('.').filter(|part| !part.is_empty()).fold(value, |value, part| match value {
        Value::Array(items) => &items[part.parse::<usize>().unwrap()],
        other => &other[part],
    })
}

proptest! {
    #[test]
    fn the_string_form_reads_back_to_the_same_parameters(config in parameters()) {
        let line = config.to_config_string();
        prop_assert_eq!(ConfigParams::from_string(&line), config, "{}", line);
    }

    #[test]
    fn any_text_can_be_read_and_what_was_read_reads_back(line in "\\PC{0,60}|[a-c;=\"\\\\\n ]{0,40}") {
        let config = ConfigParams::from_string(&line);
        prop_assert_eq!(ConfigParams::from_string(&config.to_config_string()), config);
    }

    #[test]
    fn every_leaf_of_a_nested_value_is_found_under_its_path(value in nested()) {
        let config = ConfigParams::from_value(&value);
        prop_assert_eq!(config.len(), leaves(&value));
        for (key, text) in config.iter() {
            let expected = match leaf(&value, key) {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            };
            prop_assert_eq!(text.map(str::to_owned), expected, "{}", key);
        }
    }

    #[test]
    fn a_section_put_back_under_its_name_gives_the_same_parameters(config in parameters(), name in "[a-c]{1,2}") {
        let mut moved = ConfigParams::new();
        moved.add_section(&name, &config);
        let back = moved.get_section(&name);
        // The empty key becomes the section's own name, which is not within it.
        let expected: ConfigParams = config.iter().filter(|(key, _)| !key.is_empty()).collect();
        prop_assert_eq!(back, expected);
    }

    #[test]
    fn a_merge_takes_the_last_value_that_is_no_null(one in parameters(), other in parameters()) {
        let merged = one.override_with(&other);
        for key in one.keys().chain(other.keys()) {
            prop_assert_eq!(merged.get(key), other.get(key).or(one.get(key)));
        }
        prop_assert_eq!(other.set_defaults(&one), merged);
    }
}
