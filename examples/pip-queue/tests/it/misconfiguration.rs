use std::{fs, process::Command};

use pip_services_tests::{Ended, run};

use crate::shop::bare;

/// Runs a command on a configuration file of this text.
fn run_with(text: &str, command: &str, arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yml");
    fs::write(&file, text).unwrap();
    run(bare(command).arg("--config").arg(&file).args(arguments))
}

/// A person must be able to correct it: exit code 2, and what is wrong on standard error alone.
fn assert_misconfigured(ended: &Ended, parts: &[&str]) {
    assert_eq!((ended.code, ended.stdout.len()), (Some(2), 0), "{ended:?}");
    for part in parts {
        assert!(ended.stderr.contains(part), "'{part}' is not in: {}", ended.stderr);
    }
}

/// A queue of that kind and name, with more configuration.
fn queue(kind: &str, name: &str, more: &str) -> String {
    format!("- descriptor: pip-services:message-queue:{kind}:{name}:1.0\n{more}")
}

/// A connection where no broker is: configuration that is wrong must not lead to an attempt.
const NOWHERE: &str = "  connection:\n    host: 127.0.0.1\n    port: 1\n";

#[test]
fn wrong_usage_is_exit_code_2() {
    for arguments in [
        &["listen"][..],
        &["listen", "--config"],
        &["listen", "--config", "a.yml", "--count", "some"],
        &["listen", "--config", "a.yml", "--timeout", "-1"],
        &["listen", "--config", "a.yml", "--queue", "orders"],
        &["send", "--config", "a.yml", "--raw-file", "a.bin", "a"],
        &["take"],
        &[],
    ] {
        let ended = run(Command::new(env!("CARGO_BIN_EXE_pip-queue")).args(arguments));
        assert_misconfigured(&ended, &["--help"]);
    }
}

#[test]
fn a_parameter_without_a_value_is_exit_code_2_and_is_not_shown() {
    for parameter in ["hunter2", "=hunter2"] {
        let ended = run(bare("count").args(["--config", "a.yml", "--param", parameter]));
        assert_misconfigured(&ended, &["--param", "KEY=VALUE"]);
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
}

#[test]
fn a_file_that_is_not_there_is_exit_code_2() {
    let ended = run(bare("count").args(["--config", "/nowhere/config.yml"]));
    assert_misconfigured(&ended, &["--config", "/nowhere/config.yml", "No such file"]);
}

#[test]
fn a_file_that_cannot_be_understood_is_exit_code_2_with_its_line() {
    assert_misconfigured(&run_with("- descriptor: [", "count", &[]), &["config.yml", "line 1"]);
    assert_misconfigured(&run_with("\n{{#if A}}", "count", &[]), &["config.yml", "line 2", "{{#if A}}"]);
    assert_misconfigured(&run_with("level: info", "count", &[]), &["config.yml", "list of components"]);
    assert_misconfigured(&run_with("- level: info", "count", &[]), &["config.yml", "entry 1", "descriptor"]);
}

#[test]
fn an_unknown_component_is_exit_code_2() {
    let text = queue("carrier-pigeon", "orders", "");
    assert_misconfigured(&run_with(&text, "count", &[]), &["carrier-pigeon", "no factory"]);
}

#[test]
fn a_wrong_option_is_exit_code_2_and_the_error_names_key_and_component() {
    let text = queue("mqtt", "orders", &format!("{NOWHERE}  options:\n    qos: 5\n"));
    let parts = ["options.qos is '5'", "0, 1 or 2", "pip-services:message-queue:mqtt:orders:1.0"];
    assert_misconfigured(&run_with(&text, "count", &[]), &parts);
}

#[test]
fn a_queue_without_a_topic_is_exit_code_2() {
    assert_misconfigured(&run_with(&queue("mqtt", "*", NOWHERE), "count", &[]), &["topic is not set"]);
    let text = queue("mqtt", "orders", &format!("  topic: a/#/b\n{NOWHERE}"));
    assert_misconfigured(&run_with(&text, "count", &[]), &["topic", "a/#/b"]);
}

#[test]
fn a_queue_without_a_connection_is_exit_code_2() {
    let ended = run_with(&queue("mqtt", "orders", ""), "count", &[]);
    assert_misconfigured(&ended, &["connection.host", "connection.uri"]);
}

#[test]
fn a_connection_that_is_wrong_is_exit_code_2_without_its_password() {
    let uri = "  connection:\n    uri: 'http://me:hunter2@localhost'\n";
    let ended = run_with(&queue("mqtt", "orders", uri), "count", &[]);
    assert_misconfigured(&ended, &["connection.uri", "http"]);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

#[test]
fn an_unknown_queue_is_exit_code_2_and_the_error_lists_the_others() {
    let text = queue("memory", "orders", "");
    let ended = run_with(&text, "count", &["--queue", "*:*:*:bills:*"]);
    assert_misconfigured(&ended, &["*:*:*:bills:*", "pip-services:message-queue:memory:orders:1.0"]);
    let ended = run_with("- descriptor: pip-services:counters:log:default:1.0", "count", &[]);
    assert_misconfigured(&ended, &["no queues"]);
}

#[test]
fn several_queues_ask_for_a_choice_and_take_one() {
    let text = queue("memory", "orders", "") + &queue("memory", "bills", "");
    let listed = ["--queue", ":memory:orders:1.0", ":memory:bills:1.0"];
    assert_misconfigured(&run_with(&text, "count", &[]), &listed);
    let chosen = run_with(&text, "count", &["--queue", "*:*:*:bills:*"]);
    assert_eq!((chosen.code, chosen.stdout), (Some(0), vec!["0".to_owned()]), "{}", chosen.stderr);
}

#[test]
fn a_component_that_is_no_queue_cannot_be_chosen() {
    let text = queue("memory", "orders", "") + "- descriptor: pip-services:counters:log:default:1.0\n";
    assert_misconfigured(&run_with(&text, "count", &["-q", "*:counters:*:*:*"]), &["*:counters:*:*:*"]);
}
