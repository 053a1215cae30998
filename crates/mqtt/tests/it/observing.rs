use pip_services_commons::{
    config::IConfigurable,
    refer::{IReferenceable, IReferences},
    run::{IClosable, IOpenable},
};
use pip_services_messaging::IMessageQueue;
use pip_services_mqtt::MqttConnection;
use pip_services_test_broker::TestBroker;

use crate::support::{Observed, config, eventually, message, next, on_each_broker, open, open_on, queue};

on_each_broker!(
    connections_are_counted_under_the_name_of_the_queue,
    a_shared_connection_counts_under_its_own_name,
    what_happens_to_the_connection_is_told_once_and_not_per_attempt,
    clients_that_take_each_other_over_are_warned_of,
);

fn counted(observed: &Observed, name: &str) -> i64 {
    observed.counters.get(name).and_then(|counter| counter.count).unwrap_or_default()
}

async fn connections_are_counted_under_the_name_of_the_queue(broker: TestBroker) {
    let observed = Observed::new();
    let queue = queue(&broker, "orders", &[("options.send_timeout", "20000")]);
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    queue.send(None, message("a")).await.unwrap();
    let last = |name: &str| observed.counters.get(name).and_then(|counter| counter.last);
    eventually("it waits", async || last("queue.orders.cached_messages") == Some(1.0)).await;
    assert_eq!(next(&queue).await, "a");
    assert_eq!(last("queue.orders.cached_messages"), Some(0.0));
    assert_eq!(last("mqtt.orders.in_flight_messages"), Some(0.0));
    assert_eq!(counted(&observed, "mqtt.orders.publish_time"), 1);
    let connections = || {
        ["connects", "reconnects", "lost_connections"]
            .map(|event| counted(&observed, &format!("mqtt.orders.{event}")))
    };
    eventually("the connection is counted", async || connections() == [1, 0, 0]).await;
    broker.crash().unwrap();
    broker.restart().unwrap();
    eventually("the return is counted", async || connections() == [2, 1, 1]).await;
    queue.close(None).await.unwrap();
    assert_eq!(connections(), [2, 1, 1], "a close is no loss");
}

async fn a_shared_connection_counts_under_its_own_name(broker: TestBroker) {
    let observed = Observed::new();
    let connection = std::sync::Arc::new(MqttConnection::new());
    let named = [("descriptor", "pip-services:connection:mqtt:main:1.0")];
    connection.configure(&config(&broker, &named)).unwrap();
    connection.set_references(&observed.references).unwrap();
    connection.open(None).await.unwrap();
    observed.references.put("pip-services:connection:mqtt:main:1.0".parse().unwrap(), connection.clone());
    let queue = open_on(&observed.references, "orders").await.unwrap();
    queue.send(None, message("a")).await.unwrap();
    assert_eq!(counted(&observed, "mqtt.main.publish_time"), 1);
    assert_eq!(counted(&observed, "mqtt.orders.publish_time"), 0);
    queue.close(None).await.unwrap();
    connection.close(None).await.unwrap();
}

async fn what_happens_to_the_connection_is_told_once_and_not_per_attempt(broker: TestBroker) {
    let observed = Observed::new();
    let more = [
        ("options.reconnect_timeout", "20"),
        ("options.max_reconnect_timeout", "20"),
        ("options.send_timeout", "20000"),
    ];
    let secret = [("credential.username", "me"), ("credential.password", "hunter2")];
    let queue = queue(&broker, "orders", &[&more[..], &secret].concat());
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    let told = |what: &str| observed.log.lines().iter().filter(|line| line.contains(what)).count();
    broker.stop().unwrap();
    eventually("an attempt failed", async || told("Cannot reconnect yet") == 1).await;
    // Many more attempts follow meanwhile; each takes 20 ms and no time, as nobody is there.
    let other = TestBroker::start(broker.engine()).unwrap();
    open(&other, "other", &[]).await.close(None).await.unwrap();
    broker.restart().unwrap();
    eventually("it is back", async || told("Reconnected") == 1).await;
    assert_eq!([told("Lost the connection"), told("Cannot reconnect yet")], [1, 1]);
    // So soon afterwards that it is told shorter, or not.
    broker.stop().unwrap();
    eventually("that is told, too", async || told("Lost the connection") == 2).await;
    broker.restart().unwrap();
    queue.send(None, message("a")).await.unwrap();
    assert_eq!(told("Lost the connection"), 2);
    assert!(!observed.log.lines().concat().contains("hunter2"));
}

async fn clients_that_take_each_other_over_are_warned_of(broker: TestBroker) {
    let observed = Observed::new();
    let twin = ("client_id", "twin");
    let one = queue(&broker, "orders", &[twin]);
    one.set_references(&observed.references).unwrap();
    one.open(None).await.unwrap();
    let _other = open(&broker, "orders", &[twin]).await;
    let warned = || {
        observed.log.lines().iter().filter(|line| line.contains("Another client of client_id 'twin'")).count()
    };
    eventually("it is warned of", async || warned() == 1).await;
}
