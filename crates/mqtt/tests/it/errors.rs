use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::{ApplicationError, ErrorCategory},
    run::{IClosable, IOpenable},
};
use pip_services_messaging::{IMessageQueue, MessageEnvelope};
use pip_services_mqtt::MqttMessageQueue;
use pip_services_test_broker::{Engine, TestBroker};

use crate::packets::packet;
use crate::support::{SOON, config, message, next, on_each_broker, open};

on_each_broker!(
    a_failed_open_leaves_the_queue_closed_and_others_alone,
    a_message_that_mqtt_has_no_room_for_is_refused_before_it_is_sent,
);

async fn open_error(tuples: &[(&str, &str)]) -> ApplicationError {
    let queue = MqttMessageQueue::new("orders");
    queue.configure(&ConfigParams::from_tuples(tuples.iter().copied())).unwrap();
    let error = queue.open(Some("c")).await.unwrap_err();
    assert!(!queue.is_open());
    assert_eq!(queue.send(None, message("a")).await.unwrap_err().error().code(), "NOT_OPENED");
    queue.close(None).await.unwrap();
    error
}

async fn refused_credentials(engine: Engine) {
    let broker = TestBroker::builder(engine).user("me", "right").start().unwrap();
    let port = broker.port().to_string();
    let address = [("connection.host", broker.host()), ("connection.port", port.as_str())];
    for credential in [&[][..], &[("credential.username", "me"), ("credential.password", "hunter2")]] {
        let error = open_error(&[&address, credential].concat()).await;
        assert_eq!((error.code(), error.category()), ("CONNECT_FAILED", &ErrorCategory::Unauthorized));
        assert_eq!((error.detail("key"), error.correlation_id()), (Some("credential.password"), Some("c")));
        assert!(error.message().contains("credential.password"), "{error}");
        assert!(!format!("{error:?} {error:#}").contains("hunter2"), "{error:?}");
    }
    let uri = format!("mqtt://me:hunter2@{}:{port}", broker.host());
    for (section, key) in [("connection", "connection.uri"), ("connections.a", "connections.a.uri")] {
        let error = open_error(&[(&format!("{section}.uri"), &uri)]).await;
        assert_eq!((error.code(), error.category()), ("CONNECT_FAILED", &ErrorCategory::Unauthorized));
        assert_eq!(error.detail("key"), Some(key));
        assert!(error.message().contains(key) && !error.message().contains("credential."), "{error}");
        assert!(!format!("{error:?} {error:#}").contains("hunter2"), "{error:?}");
    }
    let right = [("credential.username", "me"), ("credential.password", "right")];
    let queue = open(&broker, "orders", &right).await;
    queue.send(None, message("a")).await.unwrap();
    assert_eq!(next(&queue).await, "a");
}

#[tokio::test]
async fn the_embedded_broker_refuses_wrong_credentials_and_the_error_names_their_keys() {
    refused_credentials(Engine::Embedded).await;
}

#[tokio::test]
async fn mosquitto_refuses_wrong_credentials_and_the_error_names_their_keys() {
    refused_credentials(Engine::Mosquitto).await;
}

#[tokio::test]
async fn an_unknown_host_is_an_error_that_names_it() {
    let error =
        open_error(&[("connection.host", "nowhere.invalid"), ("options.connect_timeout", "5000")]).await;
    assert_eq!((error.code(), error.detail("key")), ("CONNECT_FAILED", Some("connection.host")));
    assert!(error.message().contains("nowhere.invalid"), "{error}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_an_error_that_names_the_address() {
    // A stopped broker keeps its port from everybody else.
    let broker = TestBroker::start(Engine::Embedded).unwrap();
    broker.stop().unwrap();
    let port = broker.port().to_string();
    let error = open_error(&[("connection.host", "127.0.0.1"), ("connection.port", &port)]).await;
    assert_eq!((error.code(), error.category()), ("CONNECT_FAILED", &ErrorCategory::NoResponse));
    assert!(error.message().contains(&port), "{error}");
}

#[tokio::test]
async fn a_host_that_never_answers_is_given_up_at_the_timeout() {
    // The system accepts the connection, and nobody ever reads from it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let start = Instant::now();
    let tuples =
        [("connection.host", "127.0.0.1"), ("connection.port", &port), ("options.connect_timeout", "500")];
    let error = open_error(&tuples).await;
    assert_eq!((error.code(), error.detail("key")), ("CONNECT_FAILED", Some("options.connect_timeout")));
    assert!(start.elapsed() >= Duration::from_millis(500) && start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_broker_that_closes_instead_of_answering_is_told_from_one_that_is_not_there() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            packet(&mut connection).await;
        }
    });
    let error = open_error(&[("connection.host", "127.0.0.1"), ("connection.port", &port)]).await;
    assert_eq!((error.code(), error.category()), ("CONNECT_FAILED", &ErrorCategory::NoResponse));
    let why = "the broker closed the connection without an answer; where it expects TLS, set connection.protocol to mqtts";
    let whole =
        format!("cannot connect to mqtt://127.0.0.1:{port}: {why} (connection.host, connection.port)");
    assert_eq!(error.message(), whole);
    assert_eq!(error.detail("key"), Some("connection.host"));
}

#[tokio::test]
async fn wrong_options_are_refused_before_anything_is_opened() {
    let configure = |key: &str, value: &str| {
        MqttMessageQueue::new("orders").configure(&ConfigParams::from_tuples([(key, value)])).unwrap_err()
    };
    let error = configure("options.qos", "5");
    assert_eq!((error.code(), error.category()), ("BAD_QOS", &ErrorCategory::Misconfiguration));
    assert_eq!(error.message(), "options.qos is '5'; it must be 0, 1 or 2");
    assert_eq!(configure("options.ack", "manual").code(), "UNSUPPORTED_OPTION");
    assert_eq!(configure("dependencies.connection", "a:b").code(), "BAD_DESCRIPTOR");
}

#[tokio::test]
async fn a_queue_without_topic_name_or_connection_says_what_is_missing() {
    let unnamed = MqttMessageQueue::new("");
    unnamed.configure(&ConfigParams::from_tuples([("connection.host", "localhost")])).unwrap();
    let error = unnamed.open(None).await.unwrap_err();
    assert_eq!((error.code(), error.detail("key")), ("NO_TOPIC", Some("topic")));
    let error = open_error(&[("topic", "a/#/b"), ("connection.host", "localhost")]).await;
    assert_eq!((error.code(), error.category()), ("BAD_TOPIC", &ErrorCategory::Misconfiguration));
    assert_eq!(open_error(&[]).await.code(), "NO_CONNECTION");
}

async fn a_failed_open_leaves_the_queue_closed_and_others_alone(broker: TestBroker) {
    let working = open(&broker, "working", &[]).await;
    // A stopped broker keeps its port from everybody else.
    let stopped = TestBroker::start(Engine::Embedded).unwrap();
    stopped.stop().unwrap();
    let closed_port = stopped.port().to_string();
    for number in 0..20 {
        let failing = MqttMessageQueue::new("failing");
        failing.configure(&config(&broker, &[("connection.port", &closed_port)])).unwrap();
        assert!(failing.open(None).await.is_err());
        drop(failing);
        working.send(None, message(&number.to_string())).await.unwrap();
        assert_eq!(next(&working).await, number.to_string());
    }
}

async fn a_message_that_mqtt_has_no_room_for_is_refused_before_it_is_sent(broker: TestBroker) {
    let queue = open(&broker, "orders", &[("options.serialize_envelope", "false")]).await;
    // With the topic it is one byte more than there can be.
    let payload = vec![0; 268_435_455 - "orders".len() - 7];
    let large = MessageEnvelope::new(None, None, payload);
    let failed = queue.send(Some("c"), large).await.unwrap_err();
    let error = failed.error();
    assert_eq!((error.code(), error.category()), ("TOO_LARGE", &ErrorCategory::BadRequest));
    assert_eq!((error.correlation_id(), error.detail("topic")), (Some("c"), Some("orders")));
    assert!(error.message().contains("268435456 bytes"), "{error}");
    queue.send(None, message("a")).await.unwrap();
    assert_eq!(next(&queue).await, "a");
}
