use std::{fs, path::PathBuf, sync::Arc};

use pip_services_commons::{config::ConfigParams, errors::ErrorCategory, refer::ReferencesExt};
use pip_services_container::Container;
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
    let path = folder
        .file("config.yml", "- descriptor: test:part:default:a:1.0\n- descriptor: test:part:default::1.0\n");
    let error = Container::new("tests").read_config_from_file(None, path, &ConfigParams::new()).unwrap_err();
    assert_eq!((error.code(), error.detail("entry")), ("BAD_DESCRIPTOR", Some("2")));
    let expected = "config.yml: entry 2 (test:part:default::1.0): ";
    assert!(error.message().contains(expected), "{error}");
}
