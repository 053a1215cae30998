use pip_services_messaging::{IMessageQueue, IMessageQueueExt};
use pip_services_test_broker::TestBroker;

use crate::support::{
    SOON, eventually, message, on_each_broker, open, open_on, shared, shared_with, text, texts_until,
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
    assert!(!failed.unattempted().is_empty(), "it went on after the failure");
    let back = failed.into_envelopes();
    let as_given = back.iter().map(|envelope| envelope.sent_time).collect::<Vec<_>>() == times;
    assert!(as_given, "the time of a message was changed although it was not sent");
    assert_eq!(back.iter().map(text).collect::<Vec<_>>(), sent);
}
