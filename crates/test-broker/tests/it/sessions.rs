use pip_services_test_broker::{Engine, TestBroker};

use crate::wire::Client;

on_both_engines!(
    a_persistent_broker_keeps_sessions_and_messages_over_a_stop,
    a_persistent_broker_comes_back_after_a_crash,
    a_broker_forgets_sessions_over_a_restart,
    more_messages_than_the_usual_limits_wait_for_a_client,
);

fn leave_a_message(broker: &TestBroker) {
    let (mut receiver, _) = Client::resume(broker, "receiver");
    receiver.subscribe("orders");
    receiver.disconnect();
    let mut sender = Client::connect(broker, "sender");
    sender.publish("orders", b"one");
}

fn a_persistent_broker_keeps_sessions_and_messages_over_a_stop(engine: Engine) {
    let broker = TestBroker::builder(engine).persistent().start().unwrap();
    leave_a_message(&broker);
    broker.stop().unwrap();
    broker.restart().unwrap();
    let (mut receiver, present) = Client::resume(&broker, "receiver");
    assert!(present);
    assert_eq!(receiver.read_message(), b"one");
}

fn a_persistent_broker_comes_back_after_a_crash(engine: Engine) {
    let broker = TestBroker::builder(engine).persistent().start().unwrap();
    leave_a_message(&broker);
    for _ in 0..3 {
        broker.crash().unwrap();
        broker.restart().unwrap();
    }
    Client::connect(&broker, "somebody").ping();
}

fn a_broker_forgets_sessions_over_a_restart(engine: Engine) {
    let broker = TestBroker::start(engine).unwrap();
    leave_a_message(&broker);
    broker.restart().unwrap();
    let (_receiver, present) = Client::resume(&broker, "receiver");
    assert!(!present);
}

fn more_messages_than_the_usual_limits_wait_for_a_client(engine: Engine) {
    let broker = TestBroker::start(engine).unwrap();
    let (mut receiver, _) = Client::resume(&broker, "receiver");
    receiver.subscribe("orders");
    receiver.disconnect();
    let mut sender = Client::connect(&broker, "sender");
    // Mosquitto's limit is 1000 messages, the embedded broker's is 10 000.
    for number in 0..10_500_u32 {
        sender.publish("orders", &number.to_be_bytes());
    }
    let (mut receiver, _) = Client::resume(&broker, "receiver");
    for number in 0..10_500_u32 {
        assert_eq!(receiver.read_message(), number.to_be_bytes());
    }
}
