use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    refer::IReferenceable,
    run::{IClosable, IOpenable},
};
use pip_services_messaging::{IMessageQueue, IMessageQueueExt};
use pip_services_mqtt::{MqttConnection, MqttMessageQueue};
use pip_services_test_broker::{Engine, TestBroker};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

use crate::support::{
    Observed, QUIET, SOON, config, eventually, message, next, on_each_broker, open, queue, text, texts_until,
};

on_each_broker!(
    a_queue_of_a_shared_group_gets_its_part_of_the_messages,
    a_queue_on_a_filter_sends_to_its_publish_topic,
    a_will_is_published_when_the_connection_is_lost_and_only_then,
    a_small_window_makes_sends_wait_and_loses_none,
    sends_at_qos_0_wait_for_a_broker_that_is_away_and_fail_on_time,
    misspelt_parameters_are_told_at_the_open,
    credentials_and_address_of_one_uri_are_taken,
    a_connection_that_is_configured_again_keeps_what_is_not_named_or_all_where_a_part_is_wrong,
);

async fn a_queue_of_a_shared_group_gets_its_part_of_the_messages(broker: TestBroker) {
    let group = ("options.shared_group", "workers");
    let workers = [open(&broker, "orders", &[group]).await, open(&broker, "orders", &[group]).await];
    let sent: BTreeSet<String> = (0..40).map(|number| number.to_string()).collect();
    // A member sends to the topic, not to the group.
    for text in &sent {
        workers[0].send(None, message(text)).await.unwrap();
    }
    let mut received = Vec::new();
    for worker in &workers {
        while let Some(envelope) = worker.receive(None, QUIET).await.unwrap() {
            received.push(text(&envelope));
        }
    }
    assert_eq!(received.len(), sent.len(), "each message goes to one of the group");
    assert_eq!(received.into_iter().collect::<BTreeSet<_>>(), sent);
}

async fn a_queue_on_a_filter_sends_to_its_publish_topic(broker: TestBroker) {
    let queue = open(&broker, "all", &[("topic", "shop/+"), ("options.publish_topic", "shop/a")]).await;
    let one = open(&broker, "one", &[("topic", "shop/a")]).await;
    queue.send(None, message("a")).await.unwrap();
    assert_eq!((next(&queue).await, next(&one).await), ("a".into(), "a".into()));
    let apart = open(&broker, "apart", &[("topic", "in"), ("options.publish_topic", "shop/b")]).await;
    apart.send(None, message("b")).await.unwrap();
    assert_eq!(next(&queue).await, "b");
    assert!(apart.receive(None, QUIET).await.unwrap().is_none());
}

/// A port that leads to the broker, until the way is aborted, which cuts the connections on it.
async fn way_to(broker: &TestBroker) -> (u16, AbortHandle) {
    let entrance = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, address) = (entrance.local_addr().unwrap().port(), broker.address());
    let way = tokio::spawn(async move {
        let (mut client, _) = entrance.accept().await.unwrap();
        let mut broker = TcpStream::connect(address).await.unwrap();
        let _ = copy_bidirectional(&mut client, &mut broker).await;
    });
    (port, way.abort_handle())
}

async fn a_will_is_published_when_the_connection_is_lost_and_only_then(broker: TestBroker) {
    for version in ["3.1.1", "5"] {
        let raw = ("options.serialize_envelope", "false");
        let watcher = open(&broker, "gone", &[raw]).await;
        let will = [
            ("options.mqtt_version", version),
            ("options.will_topic", "gone"),
            ("options.will_payload", "bye"),
            ("options.will_qos", "1"),
        ];
        let closed = open(&broker, "orders", &will).await;
        closed.close(None).await.unwrap();
        for (will, text) in [(&will[..], "bye"), (&will[..2], "")] {
            let (port, way) = way_to(&broker).await;
            let port = port.to_string();
            let lost = [("connection.port", port.as_str()), ("options.retry_connect", "false")];
            let _lost = open(&broker, "orders", &[will, &lost].concat()).await;
            way.abort();
            assert_eq!(next(&watcher).await, text);
        }
        assert!(watcher.receive(None, QUIET).await.unwrap().is_none(), "a close is no loss");
    }
}

async fn a_small_window_makes_sends_wait_and_loses_none(broker: TestBroker) {
    for qos in ["0", "1", "2"] {
        let queue = open(&broker, "orders", &[("options.max_inflight", "1"), ("options.qos", qos)]).await;
        let sent: Vec<String> = (0..200).map(|number| number.to_string()).collect();
        queue.send_batch(None, sent.iter().map(|text| message(text))).await.unwrap();
        queue.send(None, message("end")).await.unwrap();
        assert_eq!(texts_until(&queue, "end").await, sent);
        queue.close(None).await.unwrap();
    }
}

async fn sends_at_qos_0_wait_for_a_broker_that_is_away_and_fail_on_time(broker: TestBroker) {
    let at_most_once = ("options.qos", "0");
    let patient = open(&broker, "orders", &[at_most_once, ("options.send_timeout", "20000")]).await;
    let hasty = open(&broker, "orders", &[at_most_once, ("options.send_timeout", "300")]).await;
    broker.stop().unwrap();
    // A send may still be taken before the loss is noticed, as nobody acknowledges it.
    let start = Instant::now();
    let failed = loop {
        match hasty.send(None, message("lost")).await {
            Ok(()) => assert!(start.elapsed() < SOON, "the loss was never noticed"),
            Err(failed) => break failed,
        }
    };
    assert_eq!((failed.error().code(), failed.error().detail("sent")), ("PUBLISH_FAILED", Some("false")));
    let told = failed.error().message();
    let why =
        "no connection to the broker for a message to topic 'orders' within options.send_timeout (300 ms)";
    assert_eq!(told, format!("{why}; the message was not sent"));
    let sending = tokio::spawn({
        let patient = patient.clone();
        async move { patient.send(None, message("patient")).await.map_err(|failed| failed.to_string()) }
    });
    tokio::task::yield_now().await;
    assert!(!sending.is_finished(), "nobody can have it yet");
    broker.restart().unwrap();
    sending.await.unwrap().unwrap();
    assert_eq!(next(&patient).await, "patient");
}

async fn misspelt_parameters_are_told_at_the_open(broker: TestBroker) {
    let observed = Observed::new();
    let wrong = [
        ("options.qso", "2"),
        ("connection.hots", "hunter2"),
        ("credential.token", "hunter2"),
        ("options.max_reconnect", "20000"),
    ];
    let queue = queue(&broker, "orders", &wrong);
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    let warnings =
        || observed.log.lines().into_iter().filter(|line| line.starts_with("WARN")).collect::<Vec<_>>();
    for named in ["options.qos", "connection.host", "credential.token", "options.connect_timeout"] {
        assert_eq!(warnings().iter().filter(|line| line.contains(named)).count(), 1, "{:?}", warnings());
    }
    assert!(!warnings().concat().contains("hunter2"), "{:?}", warnings());

    let observed = Observed::new();
    let connection = MqttConnection::new();
    connection.configure(&config(&broker, &[("options.conect_timeout", "1")])).unwrap();
    connection.set_references(&observed.references).unwrap();
    connection.open(None).await.unwrap();
    let lines = observed.log.lines().concat();
    assert!(
        lines.contains("options.connect_timeout") && lines.contains("options.qos has no effect"),
        "{lines}"
    );
    connection.close(None).await.unwrap();
}

async fn credentials_and_address_of_one_uri_are_taken(broker: TestBroker) {
    let broker = TestBroker::builder(broker.engine()).user("me@home", "p/s").start().unwrap();
    let uri = format!("mqtt://me%40home:p%2Fs@{}", broker.address());
    let open = async |more: &[(&str, &str)]| {
        let queue = MqttMessageQueue::new("orders");
        let mut parameters = ConfigParams::from_tuples([("connection.uri", uri.as_str())]);
        more.iter().for_each(|(key, value)| parameters.put(*key, *value));
        queue.configure(&parameters).unwrap();
        queue.open(None).await
    };
    open(&[]).await.unwrap();
    assert!(open(&[("credential.password", "other")]).await.is_err(), "the credential wins over the URI");
}

async fn a_connection_that_is_configured_again_keeps_what_is_not_named_or_all_where_a_part_is_wrong(
    broker: TestBroker,
) {
    let observed = Observed::new();
    let connection = MqttConnection::new();
    connection.configure(&config(&broker, &[("name", "first"), ("option.qos", "1")])).unwrap();
    connection.configure(&ConfigParams::from_tuples([("options.keepalive_timeout", "60000")])).unwrap();
    for (key, value) in [
        ("connections.1.port", "soon"),
        ("options.max_inflight", "0"),
        ("descriptor", "a:b"),
        ("client_id", "a\nb"),
    ] {
        let mut parameters = ConfigParams::from_tuples([
            ("connections.0.host", "nowhere.invalid"),
            ("credential.username", "nobody"),
            ("options.connect_timeout", "5000"),
        ]);
        if key != "descriptor" {
            parameters.put("name", "renamed");
        }
        parameters.put(key, value);
        assert!(connection.configure(&parameters).is_err(), "{key}={value}");
    }
    connection.set_references(&observed.references).unwrap();
    connection.open(None).await.unwrap();
    let connects = || observed.counters.get("mqtt.first.connects").and_then(|counter| counter.count);
    eventually("it is counted by its name", async || connects() == Some(1)).await;
    let told = "unknown parameter \"option\"; the nearest one is options at [first]";
    assert!(observed.log.lines().concat().contains(told), "{:?}", observed.log.lines());
    connection.close(None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn misspelt_parameters_are_told_even_where_the_open_fails() {
    let observed = Observed::new();
    let queue = MqttMessageQueue::new("orders");
    let wrong = [("conection.host", "localhost"), ("conection.port", "1883"), ("qos", "1")];
    queue.configure(&ConfigParams::from_tuples(wrong)).unwrap();
    queue.set_references(&observed.references).unwrap();
    assert_eq!(queue.open(None).await.unwrap_err().code(), "NO_CONNECTION");
    let warnings: Vec<_> = observed.log.lines().into_iter().filter(|line| line.starts_with("WARN")).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    for told in [
        "unknown parameter \"conection\"; the nearest one is connection at [orders]",
        "unknown parameter \"qos\"; is options.qos meant? at [orders]",
    ] {
        assert!(warnings.iter().any(|line| line.contains(told)), "{told}: {warnings:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_of_several_that_cannot_be_found_is_named_by_its_section() {
    let queue = MqttMessageQueue::new("orders");
    let hosts = [("connections.0.host", "127.0.0.1"), ("connections.0.port", "1")];
    let unknown = [("connections.1.host", "nowhere.invalid"), ("options.connect_timeout", "5000")];
    queue.configure(&ConfigParams::from_tuples([hosts, unknown].concat())).unwrap();
    let error = queue.open(None).await.unwrap_err();
    assert_eq!((error.code(), error.detail("key")), ("CONNECT_FAILED", Some("connections.1.host")));
    assert!(error.message().starts_with("connections.1.host 'nowhere.invalid'"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_several_brokers_gets_the_user_and_the_password_of_its_own_uri() {
    let users = [("one", "first"), ("two", "second")];
    let brokers = users
        .map(|(user, password)| TestBroker::builder(Engine::Mosquitto).user(user, password).start().unwrap());
    let mut parameters = ConfigParams::new();
    for (index, (broker, (user, password))) in brokers.iter().zip(users).enumerate() {
        let uri = format!("mqtt://{user}:{password}@{}", broker.address());
        parameters.put(format!("connections.{index}.uri"), uri);
    }
    for broker in &brokers {
        let queue = MqttMessageQueue::new("orders");
        queue.configure(&parameters).unwrap();
        queue.open(None).await.unwrap();
        queue.close(None).await.unwrap();
        // The next one is left.
        broker.stop().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_messages_are_on_their_way_than_the_window_has_places() {
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    let observed = Observed::new();
    let more = [("options.max_inflight", "3"), ("options.keepalive_timeout", "60000")];
    let queue = queue(&broker, "orders", &more);
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    broker.freeze().unwrap();
    let sending: Vec<_> = (0..10)
        .map(|number: usize| {
            let queue: Arc<MqttMessageQueue> = queue.clone();
            tokio::spawn(async move {
                queue.send(None, message(&number.to_string())).await.map_err(|failed| failed.to_string())
            })
        })
        .collect();
    let in_flight =
        || observed.counters.get("mqtt.orders.in_flight_messages").and_then(|counter| counter.last);
    eventually("the window is full", async || in_flight() == Some(3.0)).await;
    broker.thaw().unwrap();
    for sent in sending {
        sent.await.unwrap().unwrap();
    }
    assert_eq!(in_flight(), Some(0.0));
    let largest = observed.counters.get("mqtt.orders.in_flight_messages").and_then(|counter| counter.max);
    assert!(largest.is_none_or(|largest| largest <= 3.0), "{largest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_at_qos_0_does_not_wait_for_a_broker_that_is_slow() {
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    let more =
        [("options.qos", "0"), ("options.keepalive_timeout", "60000"), ("options.send_timeout", "60000")];
    let queue = open(&broker, "orders", &more).await;
    broker.freeze().unwrap();
    let sent: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    for text in &sent {
        tokio::time::timeout(SOON, queue.send(None, message(text))).await.unwrap().unwrap();
    }
    broker.thaw().unwrap();
    queue.send(None, message("end")).await.unwrap();
    assert_eq!(texts_until(&queue, "end").await, sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_name_of_the_connect_timeout_still_limits_the_open() {
    // The system accepts the connection, and nobody ever reads from it.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let queue = MqttMessageQueue::new("orders");
    let mut parameters = ConfigParams::from_tuples([("connection.host", "127.0.0.1")]);
    parameters.put("connection.port", silent.local_addr().unwrap().port());
    parameters.put("options.max_reconnect", 400);
    queue.configure(&parameters).unwrap();
    let error = tokio::time::timeout(Duration::from_secs(15), queue.open(None)).await.unwrap().unwrap_err();
    assert_eq!(error.code(), "CONNECT_FAILED");
}

/// Each of the parts that a queue consists of takes some of the parameters.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_with_a_wrong_part_changes_no_other_part() {
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    let wrong = [
        ("options.qos", "5"),
        ("options.shared_group", "a/b"),
        ("dependencies.connection", "a:b"),
        ("options.keepalive_timeout", "soon"),
        ("options.clean_session", "false"),
        ("connection.port", "soon"),
        ("options.max_cache_size", "0"),
        ("options.autosubscribe", "perhaps"),
        ("options.concurrency", "0"),
    ];
    for (key, value) in wrong {
        let observed = Observed::new();
        let queue = queue(&broker, "orders", &[]);
        queue.set_references(&observed.references).unwrap();
        // One for each part, and all right but for the last.
        let mut parameters = ConfigParams::from_tuples([
            ("queue", "renamed"),
            ("topic", "elsewhere"),
            ("connection.host", "nowhere.invalid"),
            ("options.connect_timeout", "5000"),
            ("options.max_cache_size", "1"),
        ]);
        parameters.put(key, value);
        assert!(queue.configure(&parameters).is_err(), "{key}={value}");
        assert_eq!(queue.get_name(), "orders", "{key}={value}");
        queue.open(None).await.unwrap_or_else(|error| panic!("after {key}={value}: {error:#}"));
        let sender = open(&broker, "orders", &[("options.autosubscribe", "false")]).await;
        for text in ["a", "b"] {
            sender.send(None, message(text)).await.unwrap();
        }
        eventually("both are cached", async || queue.read_message_count().await.unwrap() == 2).await;
        let connects = observed.counters.get("mqtt.orders.connects").and_then(|counter| counter.count);
        assert_eq!(connects, Some(1), "{key}={value}");
        queue.close(None).await.unwrap();
    }
}
