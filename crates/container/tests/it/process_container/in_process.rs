use std::{fs, process::Command, sync::Arc, time::Duration};

use pip_services_container::{ContainerConfig, ProcessContainer};
use serde_json::json;
use tokio::time::{sleep, timeout};

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

/// The only test that lets a container run: a signal reaches every one of the process.
#[cfg(unix)]
#[tokio::test]
async fn a_signal_closes_the_container() {
    let (process, journal) = process();
    let process = Arc::new(process);
    let config = json!([{"descriptor": "test:part:default:a:1.0"}]);
    let config = ContainerConfig::from_value(&config).unwrap();
    let runs = process.clone();
    let running = tokio::spawn(async move { runs.run_with_config(config).await });

    let opened = async {
        while !process.container().is_open() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(10), opened).await.unwrap();
    let id = std::process::id().to_string();
    let sent = Command::new("kill").args(["-s", "TERM", &id]).status().unwrap();
    assert!(sent.success());

    let code = timeout(Duration::from_secs(10), running).await.unwrap().unwrap();
    assert_eq!(code, 0);
    assert_eq!(journal.take()[4..], ["close a", "unlink a"]);
}
