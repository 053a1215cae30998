use std::{path::PathBuf, process::Command};

use pip_services_test_broker::TestBroker;
use pip_services_tests::{Running, mosquitto, probe};
use serde_json::Value;

/// The topic of the queue in `orders.yml`.
pub(crate) const TOPIC: &str = "shop/orders";

/// A command of the program, such as `send`, without configuration.
pub(crate) fn bare(command: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_pip-queue"));
    program.arg(command);
    program
}

/// A command on a queue at that address.
pub(crate) fn at(host: &str, port: u16, command: &str) -> Command {
    let config: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "it", "orders.yml"].iter().collect();
    let mut program = bare(command);
    program.arg("--config").arg(config);
    program.args(["--param", &format!("HOST={host}"), "--param", &format!("PORT={port}")]);
    program
}

/// A command on a queue at that broker.
pub(crate) fn pip_queue(broker: &TestBroker, command: &str) -> Command {
    at(broker.host(), broker.port(), command)
}

/// A `listen` that has subscribed.
///
/// It shows that by telling of what is no message: that counts for nothing, so that the listener still waits for
/// as many messages as it was asked for.
pub(crate) fn listen(broker: &TestBroker, arguments: &[&str]) -> Running {
    let mut listening = Running::start(pip_queue(broker, "listen").args(arguments));
    probe(
        || mosquitto::publish(broker, TOPIC, "no message"),
        |time| listening.stderr.find("Skipped what arrived", time).is_some(),
    );
    listening
}

/// A printed line as the JSON object that it must be.
pub(crate) fn json(line: &str) -> Value {
    let value: Value = serde_json::from_str(line).expect(line);
    assert!(value.is_object(), "{line}");
    value
}
