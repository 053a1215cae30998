use std::{error::Error, fs, path::Path};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::{ApplicationError, ErrorCategory},
};
use pip_services_components::config::{
    IConfigReader, JsonConfigReader, MemoryConfigReader, YamlConfigReader,
};
use serde_json::{Value, json};

use crate::support::{Folder, Tuples, config};

type ReadConfig = fn(Option<&str>, &Path, &ConfigParams) -> Result<ConfigParams, ApplicationError>;
type ReadObject = fn(Option<&str>, &Path, &ConfigParams) -> Result<Value, ApplicationError>;

/// The readers of files at once, by the name of a file that they read.
const FORMATS: [(&str, ReadConfig, ReadObject); 2] = [
    (
        "config.json",
        |correlation_id, path, parameters| JsonConfigReader::read_config(correlation_id, path, parameters),
        |correlation_id, path, parameters| JsonConfigReader::read_object(correlation_id, path, parameters),
    ),
    (
        "config.yml",
        |correlation_id, path, parameters| YamlConfigReader::read_config(correlation_id, path, parameters),
        |correlation_id, path, parameters| YamlConfigReader::read_object(correlation_id, path, parameters),
    ),
];

fn cause(error: &ApplicationError) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn both_formats_give_the_same_parameters_in_the_order_of_the_file() {
    let parameters = config(&[("Z", "1"), ("QUOTED", "a\"b")]);
    for (what, json, yaml, expected) in [
        ("keys with values", r#"{"z": 1, "a": true}"#, "z: 1\na: true", "z=1;a=true"),
        ("sections", r#"{"b": {"a": {"c": "x"}, "d": null}}"#, "b:\n  a: {c: x}\n  d:", "b.a.c=x;b.d"),
        ("lists", r#"{"a": ["x", {"b": 1.5}]}"#, "a:\n- x\n- b: 1.5", "a.0=x;a.1.b=1.5"),
        ("a list at the top", r#"[{"z": "{{Z}}"}, {"b": null}]"#, "- z: '{{Z}}'\n- b:", "0.z=1;1.b"),
        (
            "numbers",
            r#"{"a": -5, "b": -1.5, "c": 12345678901234567890}"#,
            "a: -5\nb: -1.5\nc: 12345678901234567890",
            "a=-5;b=-1.5;c=12345678901234567890",
        ),
        ("what is empty", r#"{"a": {}, "b": [], "c": ""}"#, "a: {}\nb: []\nc: ''", "c="),
        ("nothing", "null", "", ""),
        ("nothing but a comment", "{{! empty }}null", "# empty", ""),
        ("an empty map", "{}", "{}", ""),
        ("text with a quote", r#"{"a": "{{{QUOTED}}}"}"#, "a: \"{{{QUOTED}}}\"", "a=a\"b"),
        (
            "line ends of Windows",
            "{\r\n\"a\": 1,\r\n\"b\": \"{{Z}}\"\r\n}\r\n",
            "a: 1\r\nb: {{Z}}\r\n",
            "a=1;b=1",
        ),
        ("a byte order mark", "\u{feff}{\"a\": 1}", "\u{feff}a: 1", "a=1"),
        ("indented as a whole", "  {\"a\": 1, \"b\": 2}", "\n  a: 1\n  b: 2", "a=1;b=2"),
    ] {
        let folder = Folder::new();
        for ((name, read_config, _), text) in FORMATS.iter().zip([json, yaml]) {
            let read = read_config(None, &folder.file(name, text), &parameters).unwrap();
            assert_eq!(read.to_string(), expected, "{name}: {what}");
            assert_eq!(read.is_empty(), expected.is_empty(), "{name}: {what}");
        }
    }
}

#[test]
fn an_object_is_read_with_nothing_made_flat() {
    let folder = Folder::new();
    for (what, json, yaml, expected) in [
        (
            "a map",
            r#"{"b": [1, {"c": null}], "a": "x"}"#,
            "b: [1, {c: }]\na: x",
            json!({"b": [1, {"c": null}], "a": "x"}),
        ),
        ("nothing", "null", "", Value::Null),
        ("a single value", "\"x\"", "x", json!("x")),
    ] {
        for ((name, _, read_object), text) in FORMATS.iter().zip([json, yaml]) {
            let read = read_object(None, &folder.file(name, text), &ConfigParams::new()).unwrap();
            assert_eq!(read, expected, "{name}: {what}");
        }
    }
}

#[test]
fn a_path_that_leads_to_no_file_is_an_error_that_tells_it() {
    let folder = Folder::new();
    let missing = folder.path("missing");
    for (name, read_config, read_object) in FORMATS {
        let errors = [
            read_config(Some("c"), Path::new(""), &ConfigParams::new()).unwrap_err(),
            read_object(Some("c"), Path::new(""), &ConfigParams::new()).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(
                (error.code(), error.category()),
                ("NO_PATH", &ErrorCategory::Misconfiguration),
                "{name}"
            );
            assert_eq!((error.detail("key"), error.correlation_id()), (Some("path"), Some("c")), "{name}");
        }
        for (what, path) in [("missing", missing.as_path()), ("a folder", folder.path("").as_path())] {
            let error = read_config(Some("c"), path, &ConfigParams::new()).unwrap_err();
            assert_eq!(
                (error.code(), error.category()),
                ("READ_FAILED", &ErrorCategory::FileError),
                "{name}: {what}"
            );
            assert_eq!((error.detail("path"), error.detail("line")), (path.to_str(), None), "{name}: {what}");
            assert_eq!(error.correlation_id(), Some("c"), "{name}: {what}");
            assert!(error.source().unwrap().is::<std::io::Error>(), "{name}: {what}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_understood_is_an_error_with_its_path_line_and_cause() {
    const JSON: usize = 0;
    const YAML: usize = 1;
    let parameters = config(&[("TWO", "b: 1\nc: 1")]);
    for (what, format, text, line, expected) in [
        ("no end", JSON, "{\"a\": 1", Some("1"), "EOF while parsing an object"),
        ("no JSON", JSON, "a: 1", Some("1"), "expected value"),
        (
            "no colon, after a comment",
            JSON,
            "{\n{{! of\ntwo lines}}\n\"a\": 1,\n\"b\" 2\n}",
            Some("5"),
            "expected `:`",
        ),
        ("nothing at all", JSON, "", Some("1"), "EOF while parsing a value"),
        (
            "a single value",
            JSON,
            "true",
            None,
            "it holds a single value; it must hold keys with values, or a list",
        ),
        (
            "a key given twice, in an object within a list",
            JSON,
            "[\n{\"a\": 1,\n\"b\": 1,\n\"a\": 2}]",
            Some("4"),
            "duplicate key `a`",
        ),
        ("a list not closed", YAML, "a: 1\nb: [1, 2\n", Some("2"), "unclosed bracket '['"),
        (
            "a key given twice, after hidden lines and one that became two",
            YAML,
            "a: 1\n{{#if X}}\nhidden: 1\n{{/if}}\n{{TWO}}\na: 2\n",
            Some("6"),
            "duplicate mapping key `a` is not allowed here",
        ),
        ("a key that is a list", YAML, "a: 1\n[b]: 2", Some("2"), "expected string scalar"),
        ("a key that is a null", YAML, "a: 1\n~: 2", Some("2"), "null is not allowed here"),
        ("a value that is no number", YAML, "a: 1\nb: !!int x", Some("2"), "invalid u64"),
        ("an alias of nothing", YAML, "a: *b", Some("1"), "reference to unknown value"),
        (
            "two documents",
            YAML,
            "a: 1\n---\nb: 1",
            Some("3"),
            "only single YAML document expected but multiple found",
        ),
        (
            "a single value",
            YAML,
            "a",
            None,
            "it holds a single value; it must hold keys with values, or a list",
        ),
        ("a construct", JSON, "{\n\"a\": {{>b}}}", Some("2"), "{{>b}} is not understood"),
        ("a construct", YAML, "a: 1\nb: {{>c}}", Some("2"), "{{>c}} is not understood"),
        ("a section", YAML, "a: 1\n{{#if A}}\nb: 1", Some("2"), "{{#if A}} is not closed"),
    ] {
        let folder = Folder::new();
        let (name, read_config, _) = FORMATS[format];
        let path = folder.file(name, text);
        let error = read_config(Some("c"), &path, &parameters).unwrap_err();
        assert_eq!(
            (error.code(), error.category()),
            ("READ_FAILED", &ErrorCategory::FileError),
            "{name}: {what}"
        );
        assert_eq!((error.detail("path"), error.detail("line")), (path.to_str(), line), "{name}: {what}");
        assert_eq!((error.correlation_id(), cause(&error).as_str()), (Some("c"), expected), "{name}: {what}");
        let place = line.map_or_else(String::new, |line| format!(", line {line}"));
        assert_eq!(error.message(), format!("cannot read '{}'{place}", path.display()), "{name}: {what}");
    }
}

#[test]
fn text_that_is_no_utf_8_is_an_error_with_its_path() {
    let folder = Folder::new();
    for (name, read_config, _) in FORMATS {
        let path = folder.path(name);
        fs::write(&path, b"\"\xff\"").unwrap();
        let error = read_config(None, &path, &ConfigParams::new()).unwrap_err();
        assert_eq!((error.code(), error.detail("path")), ("READ_FAILED", path.to_str()), "{name}");
    }
}

#[test]
fn a_parameter_that_is_not_given_is_a_misconfiguration_with_path_line_and_name() {
    let folder = Folder::new();
    for (name, read_config, _) in FORMATS {
        let path = folder.file(name, "{\n\"a\": \"{{HOST}}\"}");
        let error = read_config(Some("c"), &path, &ConfigParams::new()).unwrap_err();
        assert_eq!(
            (error.code(), error.category()),
            ("UNDEFINED_VARIABLE", &ErrorCategory::Misconfiguration)
        );
        assert_eq!((error.detail("line"), error.detail("variable")), (Some("2"), Some("HOST")), "{name}");
        assert_eq!((error.detail("path"), error.correlation_id()), (path.to_str(), Some("c")), "{name}");
        let expected = format!("cannot read '{}', line 2: {{{{HOST}}}} is not given", path.display());
        assert!(error.message().starts_with(&expected), "{error}");
    }
}

#[tokio::test]
async fn a_reader_takes_given_parameters_over_configured_ones_whatever_their_case() {
    let folder = Folder::new();
    let text = "{\"a\": \"{{A}}\", \"b\": \"{{#if B}}{{B}}{{/if}}\"}";
    let (json, yaml) = (folder.file("config.json", text), folder.file("config.yml", text));
    let rows: [(&str, Tuples, Tuples, &str); 5] = [
        ("configured", &[("parameters.A", "1"), ("parameters.B", "2")], &[], "a=1;b=2"),
        ("given", &[], &[("A", "1"), ("B", "2")], "a=1;b=2"),
        ("given over configured", &[("parameters.A", "1"), ("parameters.B", "2")], &[("B", "3")], "a=1;b=3"),
        ("in another case", &[("parameters.A", "1"), ("parameters.B", "2")], &[("b", "3")], "a=1;b=3"),
        ("configured again without", &[("parameters.A", "1")], &[], "a=1;b="),
    ];
    let readers = [
        (Box::new(JsonConfigReader::new(&json)) as Box<dyn TestReader>, &json),
        (Box::new(JsonConfigReader::default()), &json),
        (Box::new(YamlConfigReader::new(&yaml)), &yaml),
        (Box::new(YamlConfigReader::default()), &yaml),
    ];
    for (reader, path) in readers {
        let path = path.to_str().unwrap();
        for (what, configured, given, expected) in rows {
            let mut tuples = vec![("path", path)];
            tuples.extend(configured);
            reader.configure(&config(&tuples)).unwrap();
            let read = reader.read_config(None, &config(given)).await.unwrap();
            assert_eq!(read.to_string(), expected, "{path}: {what}");
        }
        reader.configure(&config(&[("path", ""), ("parameters.A", "4")])).unwrap();
        let read = reader.read_config(None, &ConfigParams::new()).await.unwrap();
        assert_eq!(read.to_string(), "a=4;b=", "{path}: a blank path keeps the last one");
    }
}

trait TestReader: IConfigReader + IConfigurable {}

impl<T: IConfigReader + IConfigurable> TestReader for T {}

#[tokio::test]
async fn a_reader_without_a_path_is_a_misconfiguration() {
    let readers: [Box<dyn IConfigReader>; 2] =
        [Box::new(JsonConfigReader::default()), Box::new(YamlConfigReader::default())];
    for reader in readers {
        let error = reader.read_config(Some("c"), &ConfigParams::new()).await.unwrap_err();
        assert_eq!((error.code(), error.correlation_id()), ("NO_PATH", Some("c")));
    }
}

#[tokio::test]
async fn a_memory_reader_fills_in_its_values_and_nothing_else() {
    let parameters = config(&[("a", "x;y=\n"), ("blank", "")]);
    for (what, value, expected) in [
        ("text", Some("1"), Some("1")),
        ("a parameter with semicolons", Some(" {{A}};b=1 "), Some(" x;y=\n;b=1 ")),
        ("a section", Some("{{#if blank}}1{{else}}2{{/if}}"), Some("2")),
        ("an empty one", Some(""), Some("")),
        ("a null", None, None),
    ] {
        let reader = MemoryConfigReader::new(config(&[("replaced", "1")]));
        reader.configure(&ConfigParams::from_tuples([("first", Some("1")), ("{{A}}", value)])).unwrap();
        let read = reader.read_config(None, &parameters).await.unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), [("first", Some("1")), ("{{A}}", expected)], "{what}");
    }
}

#[tokio::test]
async fn a_value_of_a_memory_reader_that_cannot_be_filled_in_is_an_error_that_names_its_key() {
    for (what, value, code, line, message) in [
        ("a partial", "1\n{{>a}}", "UNEXPECTED_SYMBOL", "2", "connection.host: {{>a}} is not understood"),
        ("a section", "{{#a}}", "NOT_CLOSED_SECTION", "1", "connection.host: {{#a}} is not closed"),
        (
            "a parameter that is not given",
            "{{HOST}}",
            "UNDEFINED_VARIABLE",
            "1",
            "connection.host: {{HOST}} is not given; pass a parameter of that name, or ask for it by {{#if}}",
        ),
    ] {
        let reader = MemoryConfigReader::new(config(&[("connection.host", value)]));
        let error = reader.read_config(Some("c"), &ConfigParams::new()).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (code, message), "{what}");
        assert_eq!(
            (error.detail("key"), error.detail("line")),
            (Some("connection.host"), Some(line)),
            "{what}"
        );
        assert_eq!(error.correlation_id(), Some("c"), "{what}");
    }
}
