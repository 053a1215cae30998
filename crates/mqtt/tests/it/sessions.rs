use std::{
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    refer::{IReferenceable, IReferences, References},
    run::{IClosable, IOpenable},
};
use pip_services_components::log::LogLevel;
use pip_services_messaging::{IMessageQueue, MessageEnvelope};
use pip_services_mqtt::{MqttConnection, MqttMessageQueue};
use pip_services_test_broker::{Engine, TestBroker};

use crate::support::{
    Observed, QUIET, Reacting, SOON, eventually, message, next, on_each_broker, open, open_on, queue, shared,
    shared_with, text, texts_until,
};

on_each_broker!(
    a_kept_session_delivers_what_came_while_the_queue_was_closed,
    a_shared_connection_holds_what_the_broker_kept_until_its_queues_are_open,
    what_nobody_listened_to_is_told_when_a_connection_with_a_kept_session_closes,
    a_connection_that_is_opened_again_delivers_to_its_queues_again,
    a_queue_on_a_closed_connection_says_so,
    an_open_that_was_given_up_leaves_nothing_behind,
    a_panicking_logger_costs_neither_messages_nor_the_connection,
    a_listener_that_begins_during_an_outage_gets_messages_after_it,
    many_large_messages_at_once_all_arrive,
    a_queue_that_was_never_configured_takes_the_shared_connection,
);

async fn a_kept_session_delivers_what_came_while_the_queue_was_closed(broker: TestBroker) {
    let kept = [("client_id", "kept"), ("options.clean_session", "false")];
    let sender = open(&broker, "orders", &[("options.autosubscribe", "false")]).await;
    let queue = open(&broker, "orders", &kept).await;
    for round in 0..5 {
        queue.close(None).await.unwrap();
        let sent: Vec<String> = (0..5).map(|number| format!("{round}.{number}")).collect();
        for text in &sent {
            sender.send(None, message(text)).await.unwrap();
        }
        queue.open(None).await.unwrap();
        sender.send(None, message("end")).await.unwrap();
        assert_eq!(texts_until(&queue, "end").await, sent);
    }
}

const KEPT: [(&str, &str); 2] = [("client_id", "kept"), ("options.clean_session", "false")];

/// An open connection with a kept session, which holds three messages each for `orders` and `bills`, and no queues.
async fn holding(broker: &TestBroker) -> (Observed, Arc<MqttConnection>) {
    let (observed, connection) = shared_with(broker, &KEPT).await;
    let topics = ["orders", "bills"];
    let mut queues = Vec::new();
    for topic in topics {
        queues.push(open_on(&observed.references, topic).await.unwrap());
    }
    connection.close(None).await.unwrap();
    for topic in topics {
        let sender = open(broker, topic, &[("options.autosubscribe", "false")]).await;
        for number in 0..3 {
            sender.send(None, message(&format!("{topic} {number}"))).await.unwrap();
        }
    }
    let (observed, connection) = shared_with(broker, &KEPT).await;
    let held = || observed.log.lines().iter().filter(|line| line.contains("Holds a message")).count();
    eventually("all are held", async || held() >= 6).await;
    (observed, connection)
}

async fn a_shared_connection_holds_what_the_broker_kept_until_its_queues_are_open(broker: TestBroker) {
    let (observed, connection) = holding(&broker).await;
    for topic in ["bills", "orders"] {
        let sender = open(&broker, topic, &[("options.autosubscribe", "false")]).await;
        let queue = open_on(&observed.references, topic).await.unwrap();
        sender.send(None, message("end")).await.unwrap();
        let mut received = texts_until(&queue, "end").await;
        received.dedup();
        assert_eq!(received, (0..3).map(|number| format!("{topic} {number}")).collect::<Vec<_>>());
    }
    connection.close(None).await.unwrap();
    let lines = observed.log.lines();
    assert!(!lines.iter().any(|line| line.contains("that nobody listened to")), "{lines:?}");
}

async fn what_nobody_listened_to_is_told_when_a_connection_with_a_kept_session_closes(broker: TestBroker) {
    let (observed, connection) = holding(&broker).await;
    connection.close(None).await.unwrap();
    let lines = observed.log.lines();
    let told: Vec<_> = lines.iter().filter(|line| line.contains("that nobody listened to")).collect();
    assert!(told.len() == 1 && told[0].starts_with("WARN Drops"), "{lines:?}");
    let count = observed.counters.get("mqtt.default.dropped_messages").and_then(|counter| counter.count);
    assert!(
        count.is_some_and(|count| told[0].contains(&format!("Drops {count} messages"))),
        "{count:?} {told:?}"
    );
}

async fn a_connection_that_is_opened_again_delivers_to_its_queues_again(broker: TestBroker) {
    let (observed, connection) = shared(&broker).await;
    let queue = open_on(&observed.references, "orders").await.unwrap();
    connection.close(None).await.unwrap();
    connection.open(None).await.unwrap();
    queue.send(None, message("a")).await.unwrap();
    assert_eq!(next(&queue).await, "a");
}

async fn a_queue_on_a_closed_connection_says_so(broker: TestBroker) {
    let (observed, connection) = shared(&broker).await;
    let queue = open_on(&observed.references, "orders").await.unwrap();
    connection.close(None).await.unwrap();
    let error = queue.receive(None, Duration::ZERO).await.unwrap_err();
    assert_eq!(error.code(), "NOT_OPENED");
    assert_eq!(queue.send(None, message("a")).await.unwrap_err().error().code(), "NOT_OPENED");
}

async fn an_open_that_was_given_up_leaves_nothing_behind(broker: TestBroker) {
    let (observed, _connection) = shared(&broker).await;
    let counted = MqttMessageQueue::new("orders");
    counted.configure(&ConfigParams::from_tuples([("options.autosubscribe", "true")])).unwrap();
    counted.set_references(&observed.references).unwrap();
    for delay in 0..20 {
        let _ = tokio::time::timeout(Duration::from_micros(delay * 50), counted.open(None)).await;
        counted.close(None).await.unwrap();
    }
    counted.open(None).await.unwrap();
    counted.send(None, message("a")).await.unwrap();
    assert_eq!(next(&counted).await, "a");
    assert!(counted.receive(None, QUIET).await.unwrap().is_none());
    assert_eq!(observed.count("orders", "received_messages"), 1);
}

/// A logger that panics at every line while it is armed.
fn panicking(armed: &Arc<AtomicBool>) -> Arc<Reacting> {
    let armed = armed.clone();
    Reacting::new(LogLevel::Trace, move |message| {
        // The caller of `send` may be hit by its own logger; the connection's task must not be.
        let line = message.to_string();
        let of_task = !["Sent", "Failed to send"].iter().any(|of_caller| line.starts_with(of_caller));
        assert!(!(of_task && armed.load(Ordering::Relaxed)), "the logger failed");
    })
}

/// The task of the connection is at the first message, so that it does not hear that it is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_message_that_waits_behind_another_when_a_queue_is_closed_is_not_for_the_queue_opened_again() {
    let broker = TestBroker::start(Engine::Embedded).unwrap();
    let (held, is_held) = std::sync::mpsc::channel();
    let (let_go, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    // It holds up who tells of a message that came, until it is let go.
    let logger = Reacting::new(LogLevel::Trace, move |message| {
        if message.to_string().starts_with("Received") {
            let _ = held.send(());
            // Without a sender it is let go for good.
            let _ = wait.lock().unwrap().recv();
        }
    });
    let references = References::new();
    references.put("test:logger:holding:default:1.0".parse().unwrap(), logger);
    let queue = queue(&broker, "orders", &[]);
    queue.set_references(&references).unwrap();
    queue.open(None).await.unwrap();
    // The second comes before the broker's answer to the third.
    for text in ["first", "second", "third"] {
        queue.send(None, message(text)).await.unwrap();
    }
    tokio::task::spawn_blocking(move || is_held.recv().unwrap()).await.unwrap();
    let closing = tokio::spawn({
        let queue = queue.clone();
        async move { queue.close(None).await }
    });
    let mut closing = std::pin::pin!(closing);
    let closed_early = tokio::time::timeout(QUIET, &mut closing).await.is_ok();
    if closed_early {
        queue.open(None).await.unwrap();
    }
    drop(let_go);
    if !closed_early {
        closing.await.unwrap().unwrap();
        queue.open(None).await.unwrap();
    }
    queue.send(None, message("end")).await.unwrap();
    assert!(texts_until(&queue, "end").await.is_empty());
}

async fn a_panicking_logger_costs_neither_messages_nor_the_connection(broker: TestBroker) {
    let (references, armed) = (References::new(), Arc::<AtomicBool>::default());
    references.put("test:logger:panicking:default:1.0".parse().unwrap(), panicking(&armed));
    let queue = queue(&broker, "orders", &[("options.send_timeout", "20000")]);
    queue.set_references(&references).unwrap();
    queue.open(None).await.unwrap();
    armed.store(true, Ordering::Relaxed);
    queue.send(None, message("a")).await.unwrap();
    assert_eq!(next(&queue).await, "a");
    broker.stop().unwrap();
    broker.restart().unwrap();
    // In flight at the stop, a send may fail; the connection comes back all the same.
    eventually("it is connected again", async || queue.send(None, message("b")).await.is_ok()).await;
    armed.store(false, Ordering::Relaxed);
    assert_eq!(next(&queue).await, "b");
}

async fn a_listener_that_begins_during_an_outage_gets_messages_after_it(broker: TestBroker) {
    let more = [("options.autosubscribe", "false"), ("options.connect_timeout", "300")];
    let queue = open(&broker, "orders", &more).await;
    broker.stop().unwrap();
    let handled: Arc<Mutex<Vec<String>>> = Arc::default();
    let receiver = {
        let handled = handled.clone();
        Arc::new(move |envelope: MessageEnvelope| {
            handled.lock().unwrap().push(text(&envelope));
            async { Ok(()) }
        })
    };
    queue.clone().begin_listen(None, receiver).unwrap();
    assert!(queue.receive(None, Duration::from_millis(600)).await.unwrap().is_none());
    broker.restart().unwrap();
    eventually("a message is handled", async || {
        queue.send(None, message("a")).await.is_ok() && !handled.lock().unwrap().is_empty()
    })
    .await;
    queue.close(None).await.unwrap();
}

async fn many_large_messages_at_once_all_arrive(broker: TestBroker) {
    let raw =
        [("topic", "large"), ("options.serialize_envelope", "false"), ("options.send_timeout", "60000")];
    let queue = open(&broker, "large", &raw).await;
    // On one connection a flood and its echo can block each other: the client does not read while it cannot write.
    let sender = open(&broker, "sender", &[raw[0], raw[1], raw[2], ("options.autosubscribe", "false")]).await;
    let sending: Vec<_> = (0..100u8)
        .map(|number| {
            let queue = sender.clone();
            tokio::spawn(async move {
                let payload = vec![number; 1024 * 1024];
                queue
                    .send(None, MessageEnvelope::new(None, None, payload))
                    .await
                    .map_err(|failed| failed.into_parts().0)
            })
        })
        .collect();
    for sent in sending {
        sent.await.unwrap().unwrap();
    }
    let mut received = Vec::new();
    for _ in 0..100 {
        let envelope = queue.receive(None, SOON).await.unwrap().expect("a message is missing");
        let payload = envelope.get_message().unwrap();
        assert!(payload.len() == 1024 * 1024 && payload.iter().all(|byte| *byte == payload[0]));
        received.push(payload[0]);
    }
    received.sort_unstable();
    assert_eq!(received, (0..100).collect::<Vec<_>>());
}

async fn a_queue_that_was_never_configured_takes_the_shared_connection(broker: TestBroker) {
    let (observed, _connection) = shared(&broker).await;
    let queue = MqttMessageQueue::new("orders");
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    assert!(queue.receive(None, Duration::from_millis(500)).await.unwrap().is_none());
    queue.send(None, message("a")).await.unwrap();
    assert_eq!(next(&queue).await, "a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_broker_is_taken_where_the_first_is_silent_or_gone() {
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    // The system accepts connections to it, and nobody ever reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for first in [silent.local_addr().unwrap().port(), 1] {
        let mut parameters = ConfigParams::from_tuples([("connections.0.host", "127.0.0.1")]);
        parameters.put("connections.0.port", first);
        parameters.put("connections.1.host", broker.host());
        parameters.put("connections.1.port", broker.port());
        parameters.put("options.connect_timeout", 12_000);
        let queue = MqttMessageQueue::new("orders");
        queue.configure(&parameters).unwrap();
        queue.open(None).await.unwrap();
        queue.send(None, message("a")).await.unwrap();
        queue.close(None).await.unwrap();
    }
}
