use std::{
    net::TcpListener,
    process::Stdio,
    time::{Duration, Instant},
};

use pip_services_test_broker::{Engine, TestBroker};
use pip_services_tests::{Ended, run};

use crate::shop::{at, pip_queue};

/// What a command may take beyond the time it waits for a broker.
const SLACK: Duration = Duration::from_secs(10);

/// Runs each command with a timeout that must hold, and checks what it says.
fn assert_fails(host: &str, port: u16, timeout_ms: u64, parts: &[&str]) {
    for command in ["listen", "count"] {
        let start = Instant::now();
        let ended = run(at(host, port, command).args(["-p", &format!("TIMEOUT={timeout_ms}")]));
        assert_failed(&ended, parts);
        let limit = Duration::from_millis(timeout_ms) + SLACK;
        assert!(start.elapsed() < limit, "{command} took {:?}", start.elapsed());
    }
}

fn assert_failed(ended: &Ended, parts: &[&str]) {
    assert_eq!((ended.code, ended.stdout.len()), (Some(1), 0), "{ended:?}");
    for part in parts {
        assert!(ended.stderr.contains(part), "'{part}' is not in: {}", ended.stderr);
    }
}

fn refused_credentials(engine: Engine) {
    let broker = TestBroker::builder(engine).user("me", "right").start().unwrap();
    let refused = ["pip-queue: ", "credential.username", "credential.password", "CONNECT_FAILED"];
    for parameters in [&["-p", "PASSWORD=hunter2"][..], &[]] {
        let ended = run(pip_queue(&broker, "send").args(parameters).arg("a"));
        assert_failed(&ended, &refused);
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
    let sent = run(pip_queue(&broker, "send").args(["-p", "PASSWORD=right", "a"]));
    assert_eq!(sent.code, Some(0), "{sent:?}");
}

#[test]
fn a_wrong_password_at_the_embedded_broker_is_exit_code_1_and_is_not_shown() {
    refused_credentials(Engine::Embedded);
}

#[test]
fn a_wrong_password_at_mosquitto_is_exit_code_1_and_is_not_shown() {
    refused_credentials(Engine::Mosquitto);
}

#[test]
fn an_unknown_host_is_exit_code_1() {
    assert_fails("nowhere.invalid", 1883, 15_000, &["connection.host", "nowhere.invalid"]);
}

#[test]
fn a_port_where_nobody_listens_is_exit_code_1() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_fails("127.0.0.1", port, 5_000, &["connection.host", "connection.port", &port.to_string()]);
}

#[test]
fn a_host_that_never_answers_is_exit_code_1_at_the_timeout() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = mute.local_addr().unwrap().port();
    assert_fails("127.0.0.1", port, 500, &["options.connect_timeout (500 ms)", &port.to_string()]);
}

#[test]
fn a_file_to_send_that_is_not_there_is_exit_code_1() {
    let broker = TestBroker::start(Engine::Embedded).unwrap();
    let ended = run(pip_queue(&broker, "send").args(["--raw-file", "/nowhere/order.bin"]));
    assert_failed(&ended, &["/nowhere/order.bin"]);
}

#[test]
fn a_reader_that_is_gone_is_exit_code_1() {
    let broker = TestBroker::start(Engine::Embedded).unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = pip_queue(&broker, "count").stdin(Stdio::null()).stdout(writer).output().unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("cannot write to standard output"), "{stderr}");
}
