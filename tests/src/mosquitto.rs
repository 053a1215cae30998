//! Mosquitto's command-line clients, as other people's ends of a topic.

use std::process::Command;

use pip_services_test_broker::TestBroker;

use crate::{Running, probe};

/// Publishes one message with quality of service 1, so that the broker has it when this returns.
///
/// # Panics
/// If `mosquitto_pub` is not installed or fails.
pub fn publish(broker: &TestBroker, topic: &str, payload: impl AsRef<[u8]>) {
    publish_with(broker, topic, payload, &[]);
}

/// As [`publish`], and the broker keeps the message for who subscribes later.
///
/// # Panics
/// As [`publish`].
pub fn publish_retained(broker: &TestBroker, topic: &str, payload: impl AsRef<[u8]>) {
    publish_with(broker, topic, payload, &["-r"]);
}

fn publish_with(broker: &TestBroker, topic: &str, payload: impl AsRef<[u8]>, more: &[&str]) {
    // The whole input is the payload, whatever it holds.
    let mut publishing = start("mosquitto_pub", broker, topic, &[&["-s"], more].concat());
    publishing.write(payload);
    publishing.end_input();
    let ended = publishing.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// A `mosquitto_sub` that has subscribed.
pub struct Subscription(Running);

impl Subscription {
    /// Subscribes to a topic, and returns when the broker delivers.
    ///
    /// # Panics
    /// If `mosquitto_sub` is not installed or fails.
    pub fn new(broker: &TestBroker, topic: &str) -> Self {
        const PROBE: &str = "probe-of-a-subscription";
        // Payloads in hexadecimal, so that none breaks a line.
        let mut running = start("mosquitto_sub", broker, topic, &["-t", PROBE, "-F", "%t %x"]);
        // One request subscribes to both topics, so what comes on one tells of the other.
        probe(|| publish(broker, PROBE, "probe"), |time| running.stdout.find(PROBE, time).is_some());
        Self(running)
    }

    /// The next payload on that topic.
    ///
    /// # Panics
    /// If none comes soon.
    pub fn next(&mut self, topic: &str) -> Vec<u8> {
        let line = self.0.stdout.next_line_with(&format!("{topic} "));
        let (_, hexadecimal) = line.split_once(' ').unwrap();
        let byte = |at: usize| u8::from_str_radix(&hexadecimal[at..at + 2], 16).unwrap();
        (0..hexadecimal.len()).step_by(2).map(byte).collect()
    }
}

fn start(program: &str, broker: &TestBroker, topic: &str, more: &[&str]) -> Running {
    let port = broker.port().to_string();
    let mut command = Command::new(program);
    command.args(["-h", broker.host(), "-p", &port, "-q", "1", "-t", topic]).args(more);
    Running::try_start(&mut command)
        .unwrap_or_else(|error| panic!("'{program}' does not start: {error}; run `.ci/install mosquitto`"))
}
