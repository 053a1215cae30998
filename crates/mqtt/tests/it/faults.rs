use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    refer::{IReferenceable, IReferences, References},
    run::{IClosable, IOpenable},
};
use pip_services_messaging::{IMessageQueue, MessageEnvelope};
use pip_services_mqtt::{MqttConnection, MqttMessageQueue};
use pip_services_test_broker::{Engine, TestBroker};
use tokio::{io::AsyncWriteExt, net::TcpListener};

use crate::{
    packets::{CONNACK, PINGREQ, packet},
    puppet::Puppet,
    support::{Observed, SOON, eventually, message, next, on_each_broker, open, open_on, shared, text},
};

on_each_broker!(
    a_listening_queue_goes_on_after_a_restart_without_second_copies,
    a_queue_on_a_shared_connection_comes_back_after_a_crash,
    a_send_during_an_outage_waits_for_the_broker,
    a_send_to_a_broker_that_stays_away_fails_on_time,
    a_queue_that_must_not_reconnect_says_so,
);

async fn a_listening_queue_goes_on_after_a_restart_without_second_copies(broker: TestBroker) {
    let queue = open(&broker, "orders", &[("options.send_timeout", "20000")]).await;
    let handled: Arc<Mutex<Vec<String>>> = Arc::default();
    let receiver = {
        let handled = handled.clone();
        Arc::new(move |envelope: MessageEnvelope| {
            handled.lock().unwrap().push(text(&envelope));
            async { Ok(()) }
        })
    };
    queue.clone().begin_listen(None, receiver).unwrap();
    let has = |text: &str| {
        let (handled, text) = (handled.clone(), text.to_owned());
        move || std::future::ready(handled.lock().unwrap().contains(&text))
    };
    queue.send(None, message("before")).await.unwrap();
    eventually("the first message is handled", has("before")).await;
    for round in 0..3 {
        broker.crash().unwrap();
        broker.restart().unwrap();
        // A send that the crash caught in flight fails, and nobody knows whether the broker has it.
        let mut attempt = 0;
        let sent = loop {
            let sent = format!("after {round}.{attempt}");
            match queue.send(None, message(&sent)).await {
                Ok(()) => break sent,
                Err(failed) => assert_eq!(failed.error().code(), "PUBLISH_FAILED"),
            }
            attempt += 1;
        };
        eventually("what the broker took is handled", has(&sent)).await;
    }
    let mut once = handled.lock().unwrap().clone();
    once.sort();
    once.dedup();
    assert_eq!(handled.lock().unwrap().len(), once.len(), "a second copy came");
    queue.close(None).await.unwrap();
}

async fn a_queue_on_a_shared_connection_comes_back_after_a_crash(broker: TestBroker) {
    let (observed, connection) = shared(&broker).await;
    let queue = open_on(&observed.references, "orders").await.unwrap();
    broker.crash().unwrap();
    eventually("the loss is noticed", async || !connection.is_connected()).await;
    broker.restart().unwrap();
    eventually("it is connected again", async || connection.is_connected()).await;
    // Connected means subscribed: nothing that another client sends from now on is missed.
    open(&broker, "orders", &[("options.autosubscribe", "false")])
        .await
        .send(None, message("a"))
        .await
        .unwrap();
    assert_eq!(next(&queue).await, "a");
}

async fn a_send_during_an_outage_waits_for_the_broker(broker: TestBroker) {
    let (observed, connection) = shared(&broker).await;
    let queue = open_on(&observed.references, "orders").await.unwrap();
    broker.stop().unwrap();
    eventually("the loss is noticed", async || !connection.is_connected()).await;
    let sending = tokio::spawn({
        let queue = queue.clone();
        async move { queue.send(None, message("patient")).await.map_err(|failed| failed.into_parts().0) }
    });
    tokio::task::yield_now().await;
    assert!(!sending.is_finished(), "nobody can have it yet");
    broker.restart().unwrap();
    sending.await.unwrap().unwrap();
    assert_eq!(next(&queue).await, "patient");
}

async fn a_send_to_a_broker_that_stays_away_fails_on_time(broker: TestBroker) {
    let queue = open(&broker, "orders", &[("options.send_timeout", "400")]).await;
    broker.stop().unwrap();
    let start = Instant::now();
    let failed = queue.send(Some("c"), message("a")).await.unwrap_err();
    assert_eq!((failed.error().code(), failed.error().correlation_id()), ("PUBLISH_FAILED", Some("c")));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert_eq!(text(&failed.into_envelope()), "a");
    queue.close(None).await.unwrap();
}

async fn a_queue_that_must_not_reconnect_says_so(broker: TestBroker) {
    let queue =
        open(&broker, "orders", &[("options.retry_connect", "false"), ("options.send_timeout", "20000")])
            .await;
    broker.crash().unwrap();
    broker.restart().unwrap();
    let start = Instant::now();
    let failed = queue.send(None, message("a")).await.unwrap_err();
    assert_eq!(failed.error().code(), "PUBLISH_FAILED");
    assert!(start.elapsed() < Duration::from_secs(15), "it waited although it must not reconnect");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_broker_keeps_nobody_beyond_the_timeouts() {
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    let more = [("options.send_timeout", "500"), ("options.keepalive_timeout", "60000")];
    let queue = open(&broker, "orders", &more).await;
    let late = open(&broker, "late", &[("options.autosubscribe", "false"), more[1]]).await;
    broker.freeze().unwrap();
    let start = Instant::now();
    let failed = queue.send(None, message("a")).await.unwrap_err();
    assert_eq!((failed.error().code(), failed.error().detail("sent")), ("PUBLISH_FAILED", None));
    assert!(failed.error().message().contains("did not confirm"), "{failed}");
    assert!(queue.receive(None, Duration::from_millis(500)).await.unwrap().is_none());
    queue.close(None).await.unwrap();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    // It begins to subscribe, which nobody answers.
    let start = Instant::now();
    assert!(late.receive(None, Duration::from_millis(200)).await.unwrap().is_none());
    late.close(None).await.unwrap();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    broker.thaw().unwrap();
}

/// A queue that has a sign of life each second.
async fn attentive(more: &[(&str, &str)]) -> MqttMessageQueue {
    let queue = MqttMessageQueue::new("orders");
    let each_second = [("options.keepalive_timeout", "1000"), ("options.send_timeout", "60000")];
    queue.configure(&ConfigParams::from_tuples([&each_second[..], more].concat())).unwrap();
    queue.open(None).await.unwrap();
    queue
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_takes_all_and_says_nothing_is_given_up_also_while_large_messages_are_sent() {
    let puppet = Puppet::start().await;
    puppet.set_unanswered(PINGREQ, true);
    let port = puppet.port.to_string();
    let queue = attentive(&[("connection.host", "127.0.0.1"), ("connection.port", &port)]).await;
    let large = "x".repeat(100_000);
    eventually("there is another connection", async || {
        let _ = queue.send(None, message(&large)).await;
        puppet.count("CONNECT") > 1
    })
    .await;
    queue.close(None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_hears_at_once_of_a_loss_whose_message_the_broker_took_in_part() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    // It reads no more.
    let accepting = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        packet(&mut connection).await.unwrap();
        connection.write_all(&[CONNACK << 4, 2, 0, 0]).await.unwrap();
        (connection, listener)
    });
    let queue = attentive(&[
        ("connection.host", "127.0.0.1"),
        ("connection.port", &port),
        ("options.qos", "1"),
        ("options.reconnect_timeout", "3600000"),
        ("options.max_reconnect_timeout", "3600000"),
    ])
    .await;
    let _connection = accepting.await.unwrap();
    // More than the sockets take.
    let large = message(&"x".repeat(50_000_000));
    let sent = tokio::time::timeout(SOON, queue.send(None, large)).await;
    assert_eq!(sent.expect("it waits for the next connection").unwrap_err().error().code(), "PUBLISH_FAILED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_topic_is_asked_for_again_also_while_messages_arrive() {
    let puppet = Puppet::start().await;
    puppet.set_refused("orders", true);
    let connection = Arc::new(MqttConnection::new());
    let often = [("options.reconnect_timeout", "200"), ("options.max_reconnect_timeout", "200")];
    connection.configure(&puppet.config(&often)).unwrap();
    connection.open(None).await.unwrap();
    let references = References::new();
    references.put("pip-services:connection:mqtt:default:1.0".parse().unwrap(), connection.clone());
    let _busy = open_on(&references, "busy").await.unwrap();
    let queue = MqttMessageQueue::new("orders");
    queue.configure(&ConfigParams::from_tuples([("options.serialize_envelope", "false")])).unwrap();
    queue.set_references(&references).unwrap();
    queue.open(None).await.unwrap();
    assert_eq!(queue.receive(None, SOON).await.unwrap_err().code(), "SUBSCRIBE_FAILED");
    let asked = || puppet.count("SUBSCRIBE orders");
    // Each message comes before the time to ask again is over.
    eventually("it is asked for again, and again", async || {
        puppet.publish("busy", "message").await;
        asked() >= 3
    })
    .await;
    puppet.set_refused("orders", false);
    eventually("it is granted", async || queue.receive(None, Duration::ZERO).await.is_ok()).await;
    puppet.publish("orders", "granted").await;
    assert_eq!(next(&queue).await, "granted");
    let granted = asked();
    puppet.publish("orders", "more").await;
    assert_eq!((next(&queue).await, asked()), ("more".into(), granted));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_topic_is_told_of_once_and_again_when_it_was_granted_in_between() {
    let puppet = Puppet::start().await;
    puppet.set_refused("orders", true);
    let observed = Observed::new();
    let connection = Arc::new(MqttConnection::new());
    let often = [("options.reconnect_timeout", "20"), ("options.max_reconnect_timeout", "20")];
    connection.configure(&puppet.config(&often)).unwrap();
    connection.set_references(&observed.references).unwrap();
    connection.open(None).await.unwrap();
    observed.references.put("pip-services:connection:mqtt:default:1.0".parse().unwrap(), connection.clone());
    let told = || observed.log.lines().iter().filter(|line| line.contains("Cannot subscribe")).count();
    let refused_again = async || {
        let asked = puppet.count("SUBSCRIBE orders");
        eventually("it is refused again", async || puppet.count("SUBSCRIBE orders") > asked + 2).await;
    };
    let queue = MqttMessageQueue::new("orders");
    queue.configure(&ConfigParams::from_tuples([("options.qos", "1")])).unwrap();
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    assert_eq!(queue.receive(None, SOON).await.unwrap_err().code(), "SUBSCRIBE_FAILED");
    for round in 1..=3 {
        eventually("it is told", async || told() >= round).await;
        refused_again().await;
        // Each connection asks for it as well.
        puppet.cut().await;
        refused_again().await;
        assert_eq!(told(), round, "{:?}", observed.log.lines());
        puppet.set_refused("orders", false);
        let granted = async || open_on(&observed.references, "orders").await.is_ok();
        eventually("it is granted", granted).await;
        puppet.set_refused("orders", true);
        puppet.cut().await;
    }
}
