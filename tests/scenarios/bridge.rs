use std::sync::Arc;

use pip_services_messaging::{CallbackMessageReceiver, IMessageQueue, IMessageReceiver};
use pip_services_test_broker::TestBroker;
use serde_json::{Value, json};

use crate::{
    service::Service,
    support::{SOON, message, next, on_each_broker},
};

on_each_broker!(
    messages_go_from_a_memory_queue_over_mqtt_and_back_in_order,
    what_cannot_be_forwarded_waits_in_the_memory_queue,
);

const COUNT: usize = 100;

/// Two memory queues, and a queue over MQTT in between.
fn components(broker: &TestBroker) -> [Value; 3] {
    [
        json!({"descriptor": "pip-services:message-queue:memory:outgoing:1.0"}),
        json!({"descriptor": "pip-services:message-queue:memory:incoming:1.0"}),
        json!({
            "descriptor": "pip-services:message-queue:mqtt:wire:1.0",
            "connection": {"host": broker.host(), "port": broker.port()},
            "options": {"qos": 1, "autosubscribe": true, "reconnect_timeout": 100, "send_timeout": 500},
        }),
    ]
}

/// Sends what it gets, as it is.
fn forward_to(queue: Arc<dyn IMessageQueue>) -> Arc<dyn IMessageReceiver> {
    Arc::new(CallbackMessageReceiver::new(move |envelope, _| {
        let queue = queue.clone();
        Box::pin(async move { Ok(queue.send(envelope.correlation_id.clone().as_deref(), envelope).await?) })
    }))
}

fn start_forwarding(service: &Service) {
    let (outgoing, wire, incoming) =
        (service.queue("outgoing"), service.queue("wire"), service.queue("incoming"));
    wire.clone().begin_listen(None, forward_to(incoming)).unwrap();
    outgoing.begin_listen(None, forward_to(wire)).unwrap();
}

async fn messages_go_from_a_memory_queue_over_mqtt_and_back_in_order(broker: TestBroker) {
    let service = Service::of(&components(&broker));
    service.open().await;
    start_forwarding(&service);
    let (outgoing, incoming) = (service.queue("outgoing"), service.queue("incoming"));
    let mut sent = Vec::new();
    for number in 0..COUNT {
        let mut envelope = message(&number.to_string());
        envelope.correlation_id = Some(format!("order-{number}"));
        sent.push(envelope.clone());
        outgoing.send(None, envelope).await.unwrap();
    }
    for sent in sent {
        let mut received = incoming.receive(None, SOON).await.unwrap().expect("a message is missing");
        assert_eq!(received.message_id, sent.message_id);
        assert_eq!(received.correlation_id, sent.correlation_id);
        assert_eq!(received.message_type, sent.message_type);
        assert_eq!(received.get_message(), sent.get_message());
        incoming.complete(&mut received).await.unwrap();
    }
    for name in ["outgoing", "wire", "incoming"] {
        assert_eq!(service.queue(name).read_message_count().await.unwrap(), 0, "{name}");
    }
    service.close().await;
}

async fn what_cannot_be_forwarded_waits_in_the_memory_queue(broker: TestBroker) {
    let service = Service::of(&components(&broker));
    service.open().await;
    start_forwarding(&service);
    let (outgoing, incoming) = (service.queue("outgoing"), service.queue("incoming"));
    outgoing.send(None, message("before")).await.unwrap();
    assert_eq!(next(&*incoming).await, "before");

    broker.crash().unwrap();
    for number in 0..5 {
        outgoing.send(None, message(&number.to_string())).await.unwrap();
    }
    // At least one attempt has failed, and put its message back.
    crate::support::eventually("a message could not be forwarded", async || {
        service.log.lines().iter().any(|line| line.contains("Abandoned message"))
    })
    .await;
    broker.restart().unwrap();

    // Each comes at least once: of what was in flight when the broker went, nobody knows whether it arrived.
    let mut missing: Vec<String> = (0..5).map(|number| number.to_string()).collect();
    while !missing.is_empty() {
        let text = next(&*incoming).await;
        missing.retain(|number| *number != text);
    }
    service.close().await;
}
