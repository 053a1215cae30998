use std::time::Duration;

use pip_services_messaging::IMessageQueue;
use pip_services_test_broker::TestBroker;
use serde_json::json;

use crate::{
    service::Service,
    support::{SOON, message, on_each_broker},
};

on_each_broker!(a_receive_that_waits_returns_with_the_message, a_receive_that_waits_ends_with_the_service);

fn service(broker: &TestBroker) -> Service {
    Service::of(&[
        json!({"descriptor": "pip-services:message-queue:memory:memory:1.0"}),
        json!({
            "descriptor": "pip-services:message-queue:mqtt:mqtt:1.0",
            "connection": {"host": broker.host(), "port": broker.port()},
            "options": {"qos": 1, "autosubscribe": true},
        }),
    ])
}

/// A receive that has begun to wait, and what becomes of it while something else is done.
async fn receive_while<T>(queue: &dyn IMessageQueue, work: impl Future<Output = T>) -> (Option<String>, T) {
    let mut receiving = queue.receive(None, Duration::MAX);
    tokio::select! {
        biased;
        received = &mut receiving => panic!("{received:?} without a message"),
        () = std::future::ready(()) => {}
    }
    let (received, done) = tokio::join!(tokio::time::timeout(SOON, receiving), work);
    let received = received.expect("it waits for ever").unwrap();
    (received.map(|envelope| envelope.get_message_as_string().unwrap().into_owned()), done)
}

async fn a_receive_that_waits_returns_with_the_message(broker: TestBroker) {
    let service = service(&broker);
    service.open().await;
    for name in ["memory", "mqtt"] {
        let queue = service.queue(name);
        for number in 0..20 {
            let text = number.to_string();
            let (received, sent) = receive_while(&*queue, queue.send(None, message(&text))).await;
            sent.unwrap();
            assert_eq!(received, Some(text), "{name}");
        }
    }
    service.close().await;
}

async fn a_receive_that_waits_ends_with_the_service(broker: TestBroker) {
    for name in ["memory", "mqtt"] {
        let service = service(&broker);
        service.open().await;
        let queue = service.queue(name);
        let (received, ()) = receive_while(&*queue, service.close()).await;
        assert_eq!(received, None, "{name}");
    }
}
