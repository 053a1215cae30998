use std::{fs, sync::Arc};

use pip_services_container::{ContainerConfig, ProcessContainer};
use serde_json::json;

use crate::parts::{Journal, part_factory};

fn process() -> (ProcessContainer, Journal) {
    let journal = Journal::default();
    let process = ProcessContainer::new("tests");
    process.add_factory(Arc::new(part_factory(&journal)));
    (process, journal)
}

/// Runs with a configuration file of this text, and more arguments. The text must not lead to an open
/// container, which would wait for a signal.
async fn run(text: &str, arguments: &[&str]) -> (u8, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yml");
    fs::write(&path, text).unwrap();
    let (process, journal) = process();
    let arguments = ["--config", path.to_str().unwrap()].into_iter().chain(arguments.iter().copied());
    let code = process.run(arguments).await;
    assert!(!process.container().is_open());
    (code, journal.take())
}

#[tokio::test]
async fn wrong_usage_or_configuration_is_exit_code_2() {
    let good = "- descriptor: test:part:default:a:1.0\n";
    assert_eq!(run(good, &["--unknown"]).await.0, 2);
    assert_eq!(run("- [", &[]).await.0, 2);
    assert_eq!(run("- level: info", &[]).await.0, 2);
    assert_eq!(run("- descriptor: test:other:default:a:1.0", &[]).await.0, 2);
    let misconfigured = format!("{good}  fails: open\n  category: Misconfiguration\n");
    assert_eq!(run(&misconfigured, &[]).await.0, 2);

    let (process, _) = process();
    assert_eq!(process.run(["-c", "/nowhere/config.yml"]).await, 2);
}

#[tokio::test]
async fn a_component_that_fails_for_another_reason_is_exit_code_1() {
    let (code, steps) = run("- descriptor: test:part:default:a:1.0\n  fails: open\n", &[]).await;
    assert_eq!(code, 1);
    assert_eq!(steps, ["create a", "configure a", "link a", "open a", "unlink a"]);
}

#[tokio::test]
async fn help_is_exit_code_0_and_opens_nothing() {
    let (code, steps) = run("- descriptor: test:part:default:a:1.0", &["--help"]).await;
    assert_eq!((code, steps.len()), (0, 0));
}

#[tokio::test]
async fn a_configuration_that_the_program_gives_is_run_with_the_same_exit_codes() {
    for (category, expected) in [("Misconfiguration", 2), ("NoResponse", 1)] {
        let (process, journal) = process();
        let config =
            json!([{"descriptor": "test:part:default:a:1.0", "fails": "open", "category": category}]);
        let code = process.run_with_config(ContainerConfig::from_value(&config).unwrap()).await;
        assert_eq!(code, expected);
        assert_eq!(journal.take(), ["create a", "configure a", "link a", "open a", "unlink a"]);
    }
}
