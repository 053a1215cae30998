use std::time::Duration;

use pip_services_commons::run::{IClosable, IOpenable};
use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    refer::{IReferenceable, IUnreferenceable, References},
};
use pip_services_messaging::IMessageQueue;
use pip_services_mqtt::{MqttConnection, MqttMessageQueue};
use pip_services_test_broker::{Proxy, TestBroker};

use crate::support::{
    Observed, QUIET, SOON, config, eventually, message, next, on_each_broker, open, open_on, shared,
    shared_with, texts_until,
};

on_each_broker!(
    queues_on_one_connection_get_their_own_messages,
    closing_a_queue_leaves_a_shared_connection_open_and_the_broker_unsubscribed,
    a_close_waits_until_a_slow_broker_sends_no_more,
    a_close_waits_for_no_broker_that_is_gone,
    a_dropped_queue_leaves_nothing_on_a_shared_connection,
    two_queues_of_one_group_share_the_messages_on_a_shared_connection,
    two_listeners_of_one_topic_both_receive_on_a_shared_connection,
    a_queue_on_a_shared_connection_warns_of_parameters_that_only_connections_have,
    a_queue_with_its_own_connection_parameters_does_not_take_the_shared_one,
    two_queues_with_default_client_ids_live_side_by_side,
    a_queue_can_be_closed_after_its_references_are_gone,
);

async fn queues_on_one_connection_get_their_own_messages(broker: TestBroker) {
    let (observed, _connection) = shared(&broker).await;
    let orders = open_on(&observed.references, "orders").await.unwrap();
    let bills = open_on(&observed.references, "bills").await.unwrap();
    for number in 0..10 {
        orders.send(None, message(&format!("order {number}"))).await.unwrap();
        bills.send(None, message(&format!("bill {number}"))).await.unwrap();
    }
    orders.send(None, message("end")).await.unwrap();
    bills.send(None, message("end")).await.unwrap();
    assert_eq!(texts_until(&orders, "end").await, (0..10).map(|n| format!("order {n}")).collect::<Vec<_>>());
    assert_eq!(texts_until(&bills, "end").await, (0..10).map(|n| format!("bill {n}")).collect::<Vec<_>>());
}

async fn closing_a_queue_leaves_a_shared_connection_open_and_the_broker_unsubscribed(broker: TestBroker) {
    let (observed, connection) = shared(&broker).await;
    let queue = open_on(&observed.references, "orders").await.unwrap();
    queue.close(None).await.unwrap();
    assert!(connection.is_open());
    let sender = open(&broker, "orders", &[]).await;
    sender.send(None, message("while closed")).await.unwrap();
    queue.open(None).await.unwrap();
    sender.send(None, message("after reopening")).await.unwrap();
    assert_eq!(next(&queue).await, "after reopening");
}

async fn a_close_waits_until_a_slow_broker_sends_no_more(broker: TestBroker) {
    let proxy = Proxy::to(broker.address().parse().unwrap()).unwrap();
    let port = proxy.address().port().to_string();
    let (observed, _connection) = shared_with(&broker, &[("connection.port", &port)]).await;
    let sender = open(&broker, "orders", &[("options.autosubscribe", "false")]).await;
    let queue = open_on(&observed.references, "orders").await.unwrap();
    proxy.delay(Duration::from_millis(200));
    for round in 0..3 {
        queue.close(None).await.unwrap();
        sender.send(None, message("while closed")).await.unwrap();
        queue.open(None).await.unwrap();
        let text = format!("after reopening {round}");
        sender.send(None, message(&text)).await.unwrap();
        assert_eq!(next(&queue).await, text);
    }
}

async fn a_close_waits_for_no_broker_that_is_gone(broker: TestBroker) {
    let (observed, connection) = shared(&broker).await;
    let queue = open_on(&observed.references, "orders").await.unwrap();
    broker.stop().unwrap();
    eventually("the loss is noticed", async || !connection.is_connected()).await;
    tokio::time::timeout(SOON, queue.close(None)).await.expect("it waits for the broker").unwrap();
    broker.restart().unwrap();
    eventually("it is back", async || connection.is_connected()).await;
    queue.open(None).await.unwrap();
    queue.send(None, message("a")).await.unwrap();
    assert_eq!(next(&queue).await, "a");
}

async fn a_dropped_queue_leaves_nothing_on_a_shared_connection(broker: TestBroker) {
    let (observed, _connection) = shared(&broker).await;
    let dropped = open_on(&observed.references, "orders").await.unwrap();
    drop(dropped);
    let queue = open_on(&observed.references, "orders").await.unwrap();
    queue.send(None, message("a")).await.unwrap();
    queue.send(None, message("end")).await.unwrap();
    assert_eq!(texts_until(&queue, "end").await, ["a"]);
    eventually("only the open queue counts its messages", async || {
        observed.count("orders", "received_messages") == 2
    })
    .await;
}

async fn two_listeners_of_one_topic_both_receive_on_a_shared_connection(broker: TestBroker) {
    let (observed, _connection) = shared(&broker).await;
    let one = open_on(&observed.references, "orders").await.unwrap();
    let other = open_on(&observed.references, "orders").await.unwrap();
    one.send(None, message("a")).await.unwrap();
    assert_eq!((next(&one).await, next(&other).await), ("a".into(), "a".into()));
    one.close(None).await.unwrap();
    other.send(None, message("b")).await.unwrap();
    assert_eq!(next(&other).await, "b");
}

async fn two_queues_of_one_group_share_the_messages_on_a_shared_connection(broker: TestBroker) {
    let (observed, _connection) = shared(&broker).await;
    let mut workers = Vec::new();
    for name in ["one", "other"] {
        let queue = MqttMessageQueue::new(name);
        let group = [("topic", "orders"), ("options.shared_group", "g"), ("options.autosubscribe", "true")];
        queue.configure(&ConfigParams::from_tuples(group)).unwrap();
        queue.set_references(&observed.references).unwrap();
        queue.open(None).await.unwrap();
        workers.push(queue);
    }
    let sender = open(&broker, "orders", &[("options.autosubscribe", "false")]).await;
    for number in 0..20 {
        sender.send(None, message(&number.to_string())).await.unwrap();
    }
    let mut received = Vec::new();
    for _ in 0..10 {
        for worker in &workers {
            received.push(next(worker).await);
        }
    }
    assert_eq!(received, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
    for worker in &workers {
        assert!(worker.receive(None, QUIET).await.unwrap().is_none(), "a message came to both");
    }
}

async fn a_queue_on_a_shared_connection_warns_of_parameters_that_only_connections_have(broker: TestBroker) {
    let (observed, _connection) = shared(&broker).await;
    let queue = MqttMessageQueue::new("orders");
    let ignored = [("options.keepalive_timeout", "60000"), ("client_id", "x"), ("options.qos", "1")];
    queue.configure(&ConfigParams::from_tuples(ignored)).unwrap();
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    let lines = observed.log.lines();
    let told = lines.iter().filter(|line| line.contains("on a shared connection")).collect::<Vec<_>>();
    assert!(told.len() == 1 && told[0].starts_with("WARN"), "{lines:?}");
    assert!(told[0].trim_end().ends_with(": options.keepalive_timeout, client_id at [orders]"), "{told:?}");

    // Its own connection takes them.
    let own = MqttMessageQueue::new("orders");
    own.configure(&config(&broker, &ignored)).unwrap();
    let observed = Observed::new();
    own.set_references(&observed.references).unwrap();
    own.open(None).await.unwrap();
    let lines = observed.log.lines();
    assert!(!lines.iter().any(|line| line.contains("on a shared connection")), "{lines:?}");
}

async fn a_queue_with_its_own_connection_parameters_does_not_take_the_shared_one(broker: TestBroker) {
    let observed = Observed::new();
    let never_opened = std::sync::Arc::new(MqttConnection::new());
    use pip_services_commons::refer::IReferences;
    observed.references.put("pip-services:connection:mqtt:default:1.0".parse().unwrap(), never_opened);
    let error = open_on(&observed.references, "orders").await.err().unwrap();
    assert_eq!((error.code(), error.detail("key")), ("CONNECT_FAILED", Some("dependencies.connection")));
    assert!(
        error.message().ends_with("; open it before the queue; in a configuration file, list it first"),
        "{error}"
    );

    let own = MqttMessageQueue::new("orders");
    own.configure(&config(&broker, &[])).unwrap();
    own.set_references(&observed.references).unwrap();
    own.open(None).await.unwrap();
    own.send(None, message("a")).await.unwrap();
    assert_eq!(next(&own).await, "a");
}

async fn two_queues_with_default_client_ids_live_side_by_side(broker: TestBroker) {
    let (one, other) = (open(&broker, "one", &[]).await, open(&broker, "other", &[]).await);
    for number in 0..20 {
        for queue in [&one, &other] {
            queue.send(None, message(&number.to_string())).await.unwrap();
            assert_eq!(next(queue).await, number.to_string());
        }
    }
}

async fn a_queue_can_be_closed_after_its_references_are_gone(broker: TestBroker) {
    let (observed, connection) = shared(&broker).await;
    let queue = open_on(&observed.references, "orders").await.unwrap();
    queue.unset_references();
    queue.close(None).await.unwrap();
    assert!(!queue.is_open() && connection.is_open());
}

#[tokio::test]
async fn a_named_connection_that_is_not_there_is_an_error() {
    let queue = MqttMessageQueue::new("orders");
    queue
        .configure(&ConfigParams::from_tuples([("dependencies.connection", "*:connection:mqtt:main:1.0")]))
        .unwrap();
    let error = queue.set_references(&References::new()).unwrap_err();
    assert_eq!((error.code(), error.detail("locator")), ("REF_ERROR", Some("*:connection:mqtt:main:1.0")));
}
