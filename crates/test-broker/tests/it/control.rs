use std::time::Duration;

use pip_services_test_broker::{BrokerError, Engine, TestBroker};

use crate::wire::{Client, Connack};

/// Long for an answer, which takes a millisecond.
const SILENCE: Duration = Duration::from_millis(300);

#[test]
fn a_frozen_mosquitto_answers_when_it_is_thawed() {
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    let mut before = Client::connect(&broker, "before");
    broker.freeze().unwrap();

    let mut client = Client::silent(&broker);
    client.send_connect("meanwhile", true, None);
    client.hears_nothing_for(SILENCE);

    broker.thaw().unwrap();
    assert_eq!(client.read_connack(), Connack::Accepted { session_present: false });
    before.ping();
}

#[test]
fn a_frozen_mosquitto_can_be_stopped_and_restarted() {
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    broker.freeze().unwrap();
    broker.restart().unwrap();
    Client::connect(&broker, "somebody").ping();
}

#[test]
fn a_frozen_mosquitto_can_crash() {
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    let mut client = Client::connect(&broker, "somebody");
    broker.freeze().unwrap();
    broker.crash().unwrap();
    assert!(client.is_closed());
}

#[test]
fn the_embedded_broker_cannot_be_frozen() {
    let broker = TestBroker::start(Engine::Embedded).unwrap();
    let error = broker.freeze().unwrap_err();
    assert_eq!(error.to_string(), "the embedded broker does not support 'freeze'");
    let error = broker.thaw().unwrap_err();
    assert_eq!(error.to_string(), "the embedded broker does not support 'thaw'");
}

#[test]
fn a_stopped_broker_cannot_be_frozen_and_has_no_clients() {
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    broker.stop().unwrap();
    assert!(matches!(broker.freeze(), Err(BrokerError::NotRunning)));
    let broker = TestBroker::start(Engine::Embedded).unwrap();
    broker.stop().unwrap();
    assert!(matches!(broker.disconnect_client("somebody"), Err(BrokerError::NotRunning)));
}

#[test]
fn the_embedded_broker_cuts_one_client_and_no_other() {
    let broker = TestBroker::start(Engine::Embedded).unwrap();
    let mut this = Client::connect(&broker, "this");
    let mut other = Client::connect(&broker, "other");
    broker.disconnect_client("this").unwrap();
    assert!(this.is_closed());
    other.ping();
}

#[test]
fn a_client_that_is_not_connected_cannot_be_cut() {
    let broker = TestBroker::start(Engine::Embedded).unwrap();
    let error = broker.disconnect_client("nobody").unwrap_err();
    assert_eq!(error.to_string(), "no client 'nobody' is connected");
}

#[test]
fn mosquitto_cannot_cut_one_client() {
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    let error = broker.disconnect_client("somebody").unwrap_err();
    assert_eq!(error.to_string(), "Mosquitto does not support 'disconnect_client'");
}
