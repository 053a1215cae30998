use pip_services_test_broker::{BrokerError, Engine, TestBroker};

use crate::wire::{Client, Connack};

const ACCEPTED: Connack = Connack::Accepted { session_present: false };

/// Connects with or without a user.
fn knock(broker: &TestBroker, user: Option<(&str, &str)>) -> Connack {
    let mut client = Client::silent(broker);
    client.send_connect("somebody", true, user);
    client.read_connack()
}

fn was_refused(connack: &Connack) -> bool {
    // 4 is 'bad user name or password', 5 is 'not authorized'. Which one a broker says is up to it.
    matches!(connack, Connack::Refused { code: 4 | 5 })
}

on_both_engines!(
    anonymous_clients_are_accepted_when_there_are_no_users,
    anonymous_clients_are_refused_when_there_are_users,
    a_right_password_is_accepted,
    a_wrong_password_is_refused,
    an_unknown_user_is_refused,
    many_wrong_passwords_do_not_lock_the_right_one_out,
    users_are_still_known_after_a_restart,
    a_user_that_no_password_file_can_hold_is_an_error,
);

fn anonymous_clients_are_accepted_when_there_are_no_users(engine: Engine) {
    let broker = TestBroker::start(engine).unwrap();
    assert_eq!(knock(&broker, None), ACCEPTED);
}

fn anonymous_clients_are_refused_when_there_are_users(engine: Engine) {
    let broker = TestBroker::builder(engine).user("alice", "secret").start().unwrap();
    let connack = knock(&broker, None);
    assert!(was_refused(&connack), "{connack:?}");
}

fn a_right_password_is_accepted(engine: Engine) {
    let broker =
        TestBroker::builder(engine).user("alice", "secret").user("bob", "pass:word").start().unwrap();
    assert_eq!(knock(&broker, Some(("alice", "secret"))), ACCEPTED);
    assert_eq!(knock(&broker, Some(("bob", "pass:word"))), ACCEPTED);
}

fn a_wrong_password_is_refused(engine: Engine) {
    let broker = TestBroker::builder(engine).user("alice", "secret").user("bob", "password").start().unwrap();
    for user in [("alice", "Secret"), ("alice", "password"), ("alice", "")] {
        let connack = knock(&broker, Some(user));
        assert!(was_refused(&connack), "{user:?}: {connack:?}");
    }
}

fn an_unknown_user_is_refused(engine: Engine) {
    let broker = TestBroker::builder(engine).user("alice", "secret").start().unwrap();
    let connack = knock(&broker, Some(("carol", "secret")));
    assert!(was_refused(&connack), "{connack:?}");
}

fn many_wrong_passwords_do_not_lock_the_right_one_out(engine: Engine) {
    let broker = TestBroker::builder(engine).user("alice", "secret").start().unwrap();
    for _ in 0..10 {
        let connack = knock(&broker, Some(("alice", "wrong")));
        assert!(was_refused(&connack), "{connack:?}");
    }
    assert_eq!(knock(&broker, Some(("alice", "secret"))), ACCEPTED);
}

fn users_are_still_known_after_a_restart(engine: Engine) {
    let broker = TestBroker::builder(engine).user("alice", "secret").start().unwrap();
    broker.restart().unwrap();
    let connack = knock(&broker, None);
    assert!(was_refused(&connack), "{connack:?}");
    assert_eq!(knock(&broker, Some(("alice", "secret"))), ACCEPTED);
}

#[test]
fn the_embedded_broker_can_refuse_subscriptions_and_takes_messages_all_the_same() {
    let broker = TestBroker::builder(Engine::Embedded).refuse_subscriptions().start().unwrap();
    let mut client = Client::connect(&broker, "anybody");
    client.fail_to_subscribe("t");
    client.publish("t", b"taken");
}

#[test]
fn mosquitto_cannot_refuse_subscriptions_and_says_so() {
    let error = TestBroker::builder(Engine::Mosquitto).refuse_subscriptions().start().unwrap_err();
    assert!(matches!(error, BrokerError::Unsupported { call: "refuse_subscriptions", .. }), "{error}");
}

fn a_user_that_no_password_file_can_hold_is_an_error(engine: Engine) {
    for (name, password) in [("", "secret"), ("alice", ""), ("al:ice", "secret"), ("alice", "sec\nret")] {
        let error = TestBroker::builder(engine).user(name, password).start().unwrap_err();
        assert!(matches!(error, BrokerError::BadUser { .. }), "{error}");
    }
}
