use pip_services_commons::config::ConfigParams;
use serde_json::{Value, json};

#[test]
fn nested_values_become_keys_with_dots_depth_first() {
    let vector = json!({
        "field1": {"field11": 123, "field12": "ABC"},
        "field2": [123, "ABC", {"field21": 543, "field22": "XYZ"}],
        "field3": true
    });
    let table = [
        (
            "the vector of the suites",
            vector,
            "field1.field11=123;field1.field12=ABC;field2.0=123;field2.1=ABC;field2.2.field21=543;\
             field2.2.field22=XYZ;field3=true",
        ),
        ("elements by index", json!({"a": [[1, 2], 3]}), "a.0.0=1;a.0.1=2;a.1=3"),
        ("a list at the top", json!([{"a": 1}, 2]), "0.a=1;1=2"),
        ("a null leaf is kept", json!({"a": null, "b": [null]}), "a;b.0"),
        ("an empty text is kept", json!({"a": ""}), "a="),
        ("an empty object or list leaves nothing", json!({"a": {}, "b": [], "c": [{}]}), ""),
        ("a float", json!({"a": 1.5}), "a=1.5"),
        ("no name is hidden", json!({"_a": 1}), "_a=1"),
    ];
    for (what, value, expected) in table {
        assert_eq!(ConfigParams::from_value(&value).to_string(), expected, "{what}");
    }
}

#[test]
fn a_value_nested_deeper_than_a_hundred_levels_is_not_cut() {
    let value = (0..120).fold(json!("leaf"), |value, _| Value::from(vec![value]));
    let config = ConfigParams::from_value(&value);
    assert_eq!(config.get(&["0"; 120].join(".")), Some("leaf"));
}
