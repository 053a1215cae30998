use pip_services_commons::{
    refer::IReferenceable,
    run::{IClosable, IOpenable},
};
use pip_services_messaging::{IMessageQueue, IMessageQueueExt};
use pip_services_test_broker::{Engine, Proxy, TestBroker};

use crate::support::{
    Observed, SOON, eventually, message, on_each_broker, open, open_on, queue, shared, shared_with, text,
    texts_until,
};

on_each_broker!(
    a_batch_arrives_in_its_order,
    a_batch_that_waited_for_the_broker_arrives_in_its_order,
    a_batch_to_a_broker_that_stays_away_gives_its_messages_back_in_their_order,
);

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

async fn a_batch_arrives_in_its_order(broker: TestBroker) {
    let queue = open(&broker, "orders", &[]).await;
    let sent = numbers(1000);
    queue.send_batch(None, sent.iter().map(|text| message(text))).await.unwrap();
    queue.send(None, message("end")).await.unwrap();
    assert_eq!(texts_until(&queue, "end").await, sent);
}

async fn a_batch_that_waited_for_the_broker_arrives_in_its_order(broker: TestBroker) {
    let (observed, connection) = shared(&broker).await;
    let queue = open_on(&observed.references, "orders").await.unwrap();
    broker.stop().unwrap();
    eventually("the loss is noticed", async || !connection.is_connected()).await;
    let sent = numbers(100);
    let sending = tokio::spawn({
        let (queue, batch) = (queue.clone(), sent.iter().map(|text| message(text)).collect::<Vec<_>>());
        async move { queue.send_batch(None, batch).await.map_err(|failed| failed.to_string()) }
    });
    broker.restart().unwrap();
    tokio::time::timeout(SOON, sending).await.unwrap().unwrap().unwrap();
    queue.send(None, message("end")).await.unwrap();
    assert_eq!(texts_until(&queue, "end").await, sent);
}

async fn a_batch_to_a_broker_that_stays_away_gives_its_messages_back_in_their_order(broker: TestBroker) {
    let (observed, connection) = shared_with(&broker, &[("options.send_timeout", "400")]).await;
    let queue = open_on(&observed.references, "orders").await.unwrap();
    broker.stop().unwrap();
    eventually("the loss is noticed", async || !connection.is_connected()).await;
    let sent = numbers(300);
    let mut batch: Vec<_> = sent.iter().map(|text| message(text)).collect();
    batch[1].sent_time = Some(chrono::DateTime::UNIX_EPOCH);
    let times: Vec<_> = batch.iter().map(|envelope| envelope.sent_time).collect();
    let failed = queue.send_batch(Some("c"), batch).await.unwrap_err();
    assert_eq!((failed.error().code(), failed.error().correlation_id()), ("PUBLISH_FAILED", Some("c")));
    assert_eq!(failed.error().detail("sent"), Some("false"), "{}", failed.error());
    assert!(!failed.unattempted().is_empty(), "it went on after the failure");
    let back = failed.into_envelopes();
    let as_given = back.iter().map(|envelope| envelope.sent_time).collect::<Vec<_>>() == times;
    assert!(as_given, "the time of a message was changed although it was not sent");
    assert_eq!(back.iter().map(text).collect::<Vec<_>>(), sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_sends_at_once_than_the_broker_lets_be_in_flight_arrive_once_on_version_3() {
    more_sends_at_once_than_the_broker_lets_be_in_flight_arrive_once("3.1.1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_sends_at_once_than_the_broker_lets_be_in_flight_arrive_once_on_version_5() {
    more_sends_at_once_than_the_broker_lets_be_in_flight_arrive_once("5").await;
}

/// Version 5 tells the client of the limit, and a broker cuts the connection of who goes beyond it.
async fn more_sends_at_once_than_the_broker_lets_be_in_flight_arrive_once(version: &str) {
    // What Mosquitto has by itself.
    let broker = TestBroker::builder(Engine::Mosquitto).max_inflight(20).start().unwrap();
    let observed = Observed::new();
    let more = [("options.qos", "2"), ("options.mqtt_version", version), ("options.send_timeout", "60000")];
    let queue = queue(&broker, "orders", &more);
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    let sent = numbers(2000);
    let send = |text: &String| {
        let (queue, envelope) = (queue.clone(), message(text));
        tokio::spawn(async move { queue.send(None, envelope).await.map_err(|failed| failed.into_parts().0) })
    };
    for sending in sent.iter().map(send).collect::<Vec<_>>() {
        sending.await.unwrap().unwrap();
    }
    queue.send(None, message("end")).await.unwrap();
    let mut received = texts_until(&queue, "end").await;
    received.sort_by_key(|text| text.parse::<usize>().unwrap());
    assert_eq!(received, sent);
    assert!(observed.counters.get("mqtt.orders.lost_connections").is_none(), "it was disconnected");
    queue.close(None).await.unwrap();
}

/// What the connection before left half done counts against the limit until it is released.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_session_at_qos_2_stays_below_the_limit_of_its_broker_when_its_connection_was_lost() {
    let broker = TestBroker::builder(Engine::Mosquitto).max_inflight(20).start().unwrap();
    let proxy = Proxy::to(broker.address().parse().unwrap()).unwrap();
    let (observed, port) = (Observed::new(), proxy.address().port().to_string());
    let kept = [("client_id", "kept"), ("options.clean_session", "false"), ("options.qos", "2")];
    let more = [("connection.port", port.as_str()), ("options.send_timeout", "60000")];
    let queue = queue(&broker, "orders", &[&kept[..], &more].concat());
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    let count = |name: &str| {
        let counter = observed.counters.get(&format!("mqtt.orders.{name}"));
        counter.and_then(|counter| counter.count).unwrap_or_default()
    };
    for round in 0..3 {
        let send = |number: usize| {
            let (queue, envelope) = (queue.clone(), message(&format!("{round}.{number}")));
            tokio::spawn(async move { queue.send(None, envelope).await.is_ok() })
        };
        let sending: Vec<_> = (0..500).map(send).collect();
        let begun = count("publish_time");
        eventually("some are sent", async || count("publish_time") > begun + 50).await;
        proxy.disconnect();
        for sending in sending {
            // Those in flight fail.
            let _ = sending.await.unwrap();
        }
        eventually("the loss is noticed", async || count("lost_connections") > round).await;
        queue.send(None, message(&format!("{round} is over"))).await.unwrap();
        assert_eq!(count("lost_connections"), round + 1, "the broker cut it as well");
    }
    queue.close(None).await.unwrap();
}
