use std::{fs, net::TcpListener, path::Path, process::Command};

use pip_services_test_broker::{Engine, TestBroker};
use pip_services_tests::{
    Running,
    mosquitto::{Subscription, publish},
    on_each_broker, run,
};
use serde_json::Value;

on_each_broker!(
    an_order_is_answered_with_a_receipt,
    a_signal_closes_the_components_in_reverse_order,
    a_second_signal_ends_at_once_while_a_component_hangs,
    a_broker_that_is_down_is_exit_code_1,
);

const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/service/config.yml");
const ORDER: &str =
    r#"{"message_id":"1","correlation_id":"order-1","message_type":"order","message":"cGl6emE="}"#;

fn service(config: impl AsRef<Path>, parameters: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
    command.arg("--config").arg(config.as_ref());
    for parameter in parameters {
        command.args(["--param", parameter]);
    }
    command
}

fn service_at(broker: &TestBroker, parameters: &[&str]) -> Command {
    let (host, port) = (format!("MQTT_HOST={}", broker.host()), format!("MQTT_PORT={}", broker.port()));
    service(CONFIG, &[&[host.as_str(), port.as_str()], parameters].concat())
}

/// A service that has subscribed.
fn start(command: &mut Command) -> Running {
    let mut running = Running::start(command);
    running.stdout.next_line_with("Container service started");
    running
}

fn an_order_is_answered_with_a_receipt(broker: TestBroker) {
    let mut receipts = Subscription::new(&broker, "shop/receipts");
    let mut running = start(&mut service_at(&broker, &[]));
    publish(&broker, "shop/orders", ORDER);
    let order = running.stdout.next_line_with("Order ");
    assert!(
        order.starts_with("[order-1:INFO:") && order.ends_with("] Order [order-1,order,pizza]"),
        "{order}"
    );

    let receipt: Value = serde_json::from_slice(&receipts.next("shop/receipts")).unwrap();
    assert_eq!(receipt["correlation_id"], "order-1");
    assert_eq!(receipt["message_type"], "receipt");
    assert_eq!(receipt["message"], "cGFpZA==");
}

fn a_signal_closes_the_components_in_reverse_order(broker: TestBroker) {
    let mut running = start(&mut service_at(&broker, &["LOG_LEVEL=debug"]));
    publish(&broker, "shop/orders", ORDER);
    running.stdout.next_line_with("Sent message [order-1,receipt,paid]");
    running.signal("TERM");
    let ended = running.wait();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let expected = [
        "Connected to the MQTT broker",
        "Opened queue [orders]",
        "Opened queue [receipts]",
        "Container service started",
        "SIGTERM: stopping",
        "No more orders",
        "Closed queue [receipts]",
        "Closed queue [orders]",
        "Disconnected from the MQTT broker",
        "Counter queue.orders.received_messages Increment count=1",
        "Container service stopped",
    ];
    let place = |part: &str| ended.stdout.iter().position(|line| line.contains(part));
    let places: Vec<_> = expected.iter().map(|part| place(part).expect(part)).collect();
    assert!(places.is_sorted(), "{:#?}", ended.stdout);
}

/// The receipts go to a broker that does not answer, so that the handling of an order hangs, and the close that
/// waits for it.
fn a_second_signal_ends_at_once_while_a_component_hangs(broker: TestBroker) {
    let hanging = TestBroker::start(Engine::Mosquitto).unwrap();
    let receipts = format!(
        "  connection:\n    host: {}\n    port: {}\n  options:\n    keepalive_timeout: 60000\n    send_timeout: 600000\n",
        hanging.host(),
        hanging.port()
    );
    let topic = "  topic: shop/receipts\n";
    let file = changed(&format!("{topic}  options:\n"), &format!("{topic}{receipts}"));

    let (host, port) = (format!("MQTT_HOST={}", broker.host()), format!("MQTT_PORT={}", broker.port()));
    let mut running = start(&mut service(&file, &[&host, &port]));
    hanging.freeze().unwrap();
    publish(&broker, "shop/orders", ORDER);
    running.stdout.next_line_with("Order [order-1,order,pizza]");
    running.signal("INT");
    running.stdout.next_line_with("SIGINT: stopping, a second one stops at once");
    running.signal("INT");
    let ended = running.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(!ended.stdout.iter().any(|line| line.contains("No more orders")), "{ended:?}");
}

fn a_broker_that_is_down_is_exit_code_1(broker: TestBroker) {
    broker.stop().unwrap();
    let ended = run(&mut service_at(&broker, &[]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for part in ["service: pip-services:connection:mqtt:default:1.0: CONNECT_FAILED", &broker.address()] {
        assert!(ended.stderr.contains(part), "'{part}' is not in: {}", ended.stderr);
    }
}

fn credentials(engine: Engine) {
    // Whatever means something in YAML, JSON or a template.
    let password = r#"r:ig"ht\ {{#x}} #1"#;
    let broker = TestBroker::builder(engine).user("me", password).start().unwrap();
    let running = start(&mut service_at(&broker, &["MQTT_USER=me", &format!("MQTT_PASSWORD={password}")]));
    running.signal("INT");
    assert_eq!(running.wait().code, Some(0));

    let ended = run(&mut service_at(&broker, &["MQTT_USER=me", "MQTT_PASSWORD=hunter2", "LOG_LEVEL=trace"]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("credential.password"), "{ended:?}");
    assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
}

#[test]
fn the_embedded_broker_lets_in_who_has_the_password() {
    credentials(Engine::Embedded);
}

#[test]
fn mosquitto_lets_in_who_has_the_password() {
    credentials(Engine::Mosquitto);
}

#[test]
fn wrong_usage_or_configuration_is_exit_code_2() {
    // Nobody listens there: all of the configuration is looked at before anything is connected.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let here = format!("MQTT_PORT={port}");
    let bad_option = changed(" qos: 1", " qos: 5");
    let bad_component = changed("shop:order-handler", "shop:bill-handler");
    let mut unknown_argument = service(CONFIG, &[]);
    unknown_argument.arg("--unknown");
    let cases = [
        (unknown_argument, "--unknown"),
        (service("/nowhere/config.yml", &[]), "/nowhere/config.yml"),
        (service(CONFIG, &["MQTT_PORT=many"]), "many"),
        (service(CONFIG, &[&here, "LOG_LEVEL=loud"]), "loud"),
        (service(&bad_option, &[&here]), "options.qos is '5'"),
        (service(&bad_component, &[&here]), "shop:bill-handler"),
    ];
    for (mut command, part) in cases {
        let ended = run(&mut command);
        assert_eq!(ended.code, Some(2), "{part}: {ended:?}");
        assert!(ended.stderr.contains(part), "'{part}' is not in: {}", ended.stderr);
    }
}

/// The service's configuration with one thing changed.
fn changed(from: &str, to: &str) -> tempfile::TempPath {
    let config = fs::read_to_string(CONFIG).unwrap();
    let file = tempfile::Builder::new().suffix(".yml").tempfile().unwrap().into_temp_path();
    assert!(config.contains(from), "{from}");
    fs::write(&file, config.replace(from, to)).unwrap();
    file
}
