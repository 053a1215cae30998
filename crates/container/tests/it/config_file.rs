use std::{fs, path::PathBuf, sync::Arc};

use pip_services_commons::{config::ConfigParams, errors::ErrorCategory, refer::ReferencesExt};
use pip_services_container::{ComponentConfig, Container, ContainerConfigReader};
use serde_json::json;
use tempfile::TempDir;

use crate::parts::{Part, container, locator};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

#[tokio::test]
async fn a_file_is_filled_in_with_parameters_and_its_values_reach_the_components() {
    let folder = Folder::new();
    let path = folder.file(
        "config.yml",
        "# A service.
{{#unless SMALL}}
- descriptor: test:part:default:large:1.0
{{/unless}}
- descriptor: test:part:default:{{NAME}}:1.0
  version: 1.10
  options:
    - {size: {{#if SIZE}}{{SIZE}}{{else}}10{{/if}}}
",
    );
    let (container, journal) = container(&json!([]));
    let parameters = ConfigParams::from_tuples([("name", "main"), ("small", "true")]);
    container.read_config_from_file(None, path, &parameters).unwrap();
    container.open(None).await.unwrap();
    assert_eq!(journal.take(), ["create main", "configure main", "link main", "open main"]);

    let part: Arc<Part> = container.references().get_one_required(&locator("*:part:*:*:*")).unwrap();
    let expected = ConfigParams::from_tuples([
        ("descriptor", "test:part:default:main:1.0"),
        ("version", "1.10"),
        ("options.0.size", "10"),
    ]);
    assert_eq!(part.config(), expected);
}

#[test]
fn a_malformed_file_is_an_error_with_its_path_and_line() {
    let folder = Folder::new();
    let path = folder.file("config.yml", "- descriptor: test:part:default:a:1.0\n  level: [1\n");
    let error =
        Container::new("tests").read_config_from_file(Some("c"), &path, &ConfigParams::new()).unwrap_err();
    assert_eq!((error.code(), error.category()), ("READ_FAILED", &ErrorCategory::FileError));
    assert_eq!(error.detail("path"), path.to_str());
    let line = error.detail("line").unwrap();
    assert!(error.message().ends_with(&format!("config.yml', line {line}")), "{error}");
}

#[test]
fn a_wrong_entry_is_an_error_with_the_file_and_its_place_in_the_list() {
    let folder = Folder::new();
    let good = "- descriptor: test:part:default:a:1.0\n";
    let cases = [
        ("- descriptor: test:part:default::1.0", "BAD_DESCRIPTOR", "entry 2 (test:part:default::1.0): "),
        ("- level: info", "BAD_CONFIG", "entry 2: descriptor is missing; "),
        ("- descriptor:", "BAD_CONFIG", "entry 2: descriptor is missing; "),
        ("- type: Queue,queues", "BAD_CONFIG", "entry 2: type is not supported, "),
        (
            "- {descriptor: \"test:part:default:b:1.0\", type: \"Queue,queues\"}",
            "BAD_CONFIG",
            "entry 2 (test:part:default:b:1.0): type is not supported, ",
        ),
        ("- text", "BAD_CONFIG", "entry 2: it is a text; "),
        ("- [a]", "BAD_CONFIG", "entry 2: it is a list; "),
    ];
    for (entry, code, message) in cases {
        let path = folder.file("config.yml", &format!("{good}{entry}\n"));
        let error =
            Container::new("tests").read_config_from_file(None, &path, &ConfigParams::new()).unwrap_err();
        assert_eq!((error.code(), error.detail("entry")), (code, Some("2")), "{entry}");
        assert_eq!(error.detail("path"), path.to_str());
        let expected = format!("{}: {message}", path.display());
        assert!(error.message().starts_with(&expected), "{error}");
    }
}

#[test]
fn what_is_no_list_is_told_by_what_it_is() {
    let folder = Folder::new();
    for (text, kind) in
        [("a: 1", "an object"), ("text", "a text"), ("1", "a number"), ("true", "a boolean"), ("", "empty")]
    {
        let path = folder.file("config.yml", text);
        let error =
            Container::new("tests").read_config_from_file(None, &path, &ConfigParams::new()).unwrap_err();
        let expected =
            format!("{}: the configuration is {kind}; it must be a list of components", path.display());
        assert_eq!((error.code(), error.message()), ("BAD_CONFIG", expected.as_str()));
    }
}

#[test]
fn an_empty_path_is_an_error() {
    let error =
        Container::new("tests").read_config_from_file(Some("c"), "", &ConfigParams::new()).unwrap_err();
    assert_eq!((error.code(), error.correlation_id()), ("NO_PATH", Some("c")));
}

#[tokio::test]
async fn a_program_puts_entries_of_its_own_before_those_of_a_file() {
    let folder = Folder::new();
    let path = folder.file("config.yml", "- descriptor: test:part:default:b:1.0\n");
    let read = ContainerConfigReader::read_from_file(None, path, &ConfigParams::new()).unwrap();
    let own = ConfigParams::from_tuples([("descriptor", "test:part:default:a:1.0")]);
    let own = ComponentConfig::from_config(own).unwrap();
    let (container, journal) = container(&json!([]));
    container.configure([own].into_iter().chain(read.components().iter().cloned()).collect());
    container.open(None).await.unwrap();
    assert_eq!(journal.take()[..3], ["create a", "configure a", "create b"]);
}

#[tokio::test]
async fn more_than_ten_entries_are_made_and_opened_in_the_order_of_the_file() {
    let folder = Folder::new();
    let names: Vec<String> = (1..=12).map(|number| number.to_string()).collect();
    let entries = |name: &String| format!("- descriptor: test:part:default:{name}:1.0\n");
    let path = folder.file("config.yml", &names.iter().map(entries).collect::<String>());
    let (container, journal) = container(&json!([]));
    container.read_config_from_file(None, path, &ConfigParams::new()).unwrap();
    container.open(None).await.unwrap();
    let steps = journal.take();
    for step in ["create", "open"] {
        let of_step: Vec<_> =
            steps.iter().filter_map(|line| line.strip_prefix(step)).map(str::trim).collect();
        assert_eq!(of_step, names, "{step}");
    }
}
