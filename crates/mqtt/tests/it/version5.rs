use std::{sync::Arc, time::Duration};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ErrorCategory,
    refer::IReferenceable,
    run::{IClosable, IOpenable},
};
use pip_services_messaging::{IMessageQueue, MessageEnvelope};
use pip_services_mqtt::MqttMessageQueue;
use pip_services_test_broker::{Engine, TestBroker};
use tokio::{io::AsyncWriteExt, net::TcpListener};

use crate::{
    packets::{CONNACK, PINGREQ, packet},
    support::{
        Observed, QUIET, SOON, eventually, message, next, on_each_broker, open, queue, text, texts_until,
    },
};

on_each_broker!(
    a_raw_payload_keeps_its_envelope,
    versions_understand_each_other,
    a_message_that_the_broker_refuses_is_an_error_with_the_reason,
    refused_credentials_are_told_with_the_reason,
    a_kept_session_delivers_what_came_while_the_queue_was_closed,
    a_queue_comes_back_after_the_broker_said_goodbye,
    a_retained_message_is_gone_when_it_has_expired,
    many_large_messages_at_once_all_arrive,
);

const V5: (&str, &str) = ("options.mqtt_version", "5");
const RAW: (&str, &str) = ("options.serialize_envelope", "false");

async fn received(queue: &MqttMessageQueue) -> MessageEnvelope {
    queue.receive(None, SOON).await.unwrap().expect("no message came")
}

async fn a_raw_payload_keeps_its_envelope(broker: TestBroker) {
    let more = [V5, RAW, ("options.content_type", "application/x-test"), ("options.message_expiry", "60000")];
    for qos in ["0", "1", "2"] {
        let queue = open(&broker, "orders", &[&more[..], &[("options.qos", qos)]].concat()).await;
        for (correlation_id, message_type) in [(Some("c"), Some("order")), (None, None)] {
            let sent = MessageEnvelope::new(correlation_id, message_type, vec![0, 255, 10, 13]);
            queue.send(None, sent.clone()).await.unwrap();
            let got = received(&queue).await;
            assert_eq!((&got.message_id, &got.correlation_id), (&sent.message_id, &sent.correlation_id));
            assert_eq!((&got.message_type, got.get_message()), (&sent.message_type, sent.get_message()));
            assert!(got.sent_time.is_some());
        }
        queue.close(None).await.unwrap();
    }
}

async fn versions_understand_each_other(broker: TestBroker) {
    let old = open(&broker, "orders", &[RAW]).await;
    let new = open(&broker, "orders", &[V5, RAW]).await;
    new.send(None, MessageEnvelope::new(Some("c"), "order", "from the new one")).await.unwrap();
    let got = received(&old).await;
    assert_eq!((text(&got).as_str(), got.message_type.as_deref()), ("from the new one", Some("orders")));
    assert_eq!(received(&new).await.correlation_id.as_deref(), Some("c"));
    old.send(None, MessageEnvelope::new(Some("c"), "order", "from the old one")).await.unwrap();
    let got = received(&new).await;
    assert_eq!((text(&got).as_str(), got.message_type.as_deref()), ("from the old one", Some("orders")));
    assert_eq!((got.correlation_id, got.sent_time), (None, None));
}

async fn a_message_that_the_broker_refuses_is_an_error_with_the_reason(broker: TestBroker) {
    let broker = TestBroker::builder(broker.engine()).deny("secret").start().unwrap();
    for qos in ["1", "2"] {
        // Mosquitto 2.0.11 closes the connection after it has refused a message: it is not to be waited for longer each time.
        let delays = [("options.reconnect_timeout", "20"), ("options.max_reconnect_timeout", "20")];
        let more = [&[V5, ("options.qos", qos), ("options.autosubscribe", "false")][..], &delays].concat();
        let refused = open(&broker, "secret", &more).await;
        let mut reasons = 0;
        // Several, so that one which confuses the client shows.
        for number in 0..20 {
            let failed = refused.send(Some("c"), message(&number.to_string())).await.unwrap_err();
            let told = format!("{:#}", failed.error());
            assert_eq!(failed.error().code(), "PUBLISH_FAILED", "{told}");
            if failed.error().detail("reason_code") == Some("0x87") {
                assert!(told.contains("not authorized") && told.contains("(0x87)"), "{told}");
                reasons += 1;
            }
            assert_eq!(text(&failed.into_envelope()), number.to_string());
        }
        // The close can hit the next one.
        assert!(reasons == 20 || (reasons > 0 && broker.engine() == Engine::Mosquitto), "{reasons}");
        refused.close(None).await.unwrap();
        let allowed = open(&broker, "open", &[V5, ("options.qos", qos)]).await;
        allowed.send(None, message("a")).await.unwrap();
        assert_eq!(next(&allowed).await, "a");
    }
}

async fn refused_credentials_are_told_with_the_reason(broker: TestBroker) {
    let broker = TestBroker::builder(broker.engine()).user("me", "right").start().unwrap();
    let wrong = [V5, ("credential.username", "me"), ("credential.password", "hunter2")];
    let error = queue(&broker, "orders", &wrong).open(None).await.unwrap_err();
    assert_eq!((error.code(), error.category()), ("CONNECT_FAILED", &ErrorCategory::Unauthorized));
    let told = format!("{error:#}");
    assert!(told.contains("(0x8") && !told.contains("hunter2"), "{told}");
    let right = [V5, ("credential.username", "me"), ("credential.password", "right")];
    open(&broker, "orders", &right).await.send(None, message("a")).await.unwrap();
}

async fn a_kept_session_delivers_what_came_while_the_queue_was_closed(broker: TestBroker) {
    let sender = open(&broker, "orders", &[V5, ("options.autosubscribe", "false")]).await;
    let kept = [V5, ("client_id", "kept"), ("options.clean_session", "false")];
    for expiry in [&[][..], &[("options.session_expiry", "60000")]] {
        let queue = open(&broker, "orders", &[&kept[..], expiry].concat()).await;
        for round in 0..3 {
            queue.close(None).await.unwrap();
            sender.send(None, message(&round.to_string())).await.unwrap();
            queue.open(None).await.unwrap();
            assert_eq!(next(&queue).await, round.to_string());
        }
        queue.close(None).await.unwrap();
    }
    // A session that is not to be kept begins anew, and ends with its connection.
    for last in ["what the kept one missed", "what nobody gets"] {
        sender.send(None, message(last)).await.unwrap();
        let queue = open(&broker, "orders", &[V5, ("client_id", "kept")]).await;
        sender.send(None, message("end")).await.unwrap();
        assert!(texts_until(&queue, "end").await.is_empty());
        queue.close(None).await.unwrap();
    }
}

async fn a_queue_comes_back_after_the_broker_said_goodbye(broker: TestBroker) {
    let observed = Observed::new();
    let queue = queue(&broker, "orders", &[V5, ("options.send_timeout", "20000")]);
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    for round in 0..3 {
        broker.stop().unwrap();
        let lost = || observed.counters.get("mqtt.orders.lost_connections").and_then(|counter| counter.count);
        eventually("the loss is counted", async || lost() == Some(round + 1)).await;
        broker.restart().unwrap();
        queue.send(None, message(&round.to_string())).await.unwrap();
        assert_eq!(next(&queue).await, round.to_string());
    }
}

async fn a_retained_message_is_gone_when_it_has_expired(broker: TestBroker) {
    let more = [V5, ("options.autosubscribe", "false"), ("options.retain", "true")];
    let sender = open(&broker, "news", &[&more[..], &[("options.message_expiry", "2000")]].concat()).await;
    sender.send(None, message("a")).await.unwrap();
    let there = async || open(&broker, "news", &[V5]).await.receive(None, QUIET).await.unwrap().is_some();
    eventually("the broker has it", &there).await;
    eventually("it has expired", async || !there().await).await;
}

async fn many_large_messages_at_once_all_arrive(broker: TestBroker) {
    let queue = open(&broker, "large", &[V5, RAW, ("options.send_timeout", "60000")]).await;
    let sender = open(&broker, "large", &[V5, RAW, ("options.autosubscribe", "false")]).await;
    for qos in ["0", "1", "2"] {
        let more = [V5, RAW, ("options.qos", qos), ("options.autosubscribe", "false")];
        let sender: Arc<MqttMessageQueue> = open(&broker, "large", &more).await;
        let sending: Vec<_> = (0..30u8)
            .map(|number| {
                let sender = sender.clone();
                let message = MessageEnvelope::new(Some("c"), "large", vec![number; 300_000]);
                tokio::spawn(
                    async move { sender.send(None, message).await.map_err(|failed| failed.to_string()) },
                )
            })
            .collect();
        let mut received = Vec::new();
        for _ in 0..30 {
            let envelope = queue.receive(None, SOON).await.unwrap().expect("a message is missing");
            let payload = envelope.get_message().unwrap();
            assert!(payload.len() == 300_000 && payload.iter().all(|byte| *byte == payload[0]));
            assert_eq!(envelope.message_type.as_deref(), Some("large"));
            received.push(payload[0]);
        }
        for sent in sending {
            sent.await.unwrap().unwrap();
        }
        received.sort_unstable();
        assert_eq!(received, (0..30).collect::<Vec<_>>());
    }
    sender.close(None).await.unwrap();
}

/// Mosquitto 2.0 does not say so to the client that loses its connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_takes_a_connection_over_is_warned_of_at_once() {
    let broker = TestBroker::start(Engine::Embedded).unwrap();
    let observed = Observed::new();
    let one = queue(&broker, "orders", &[V5, ("client_id", "twin"), ("options.retry_connect", "false")]);
    one.set_references(&observed.references).unwrap();
    one.open(None).await.unwrap();
    let _other = open(&broker, "orders", &[V5, ("client_id", "twin")]).await;
    eventually("it is warned of", async || {
        observed
            .log
            .lines()
            .iter()
            .any(|line| line.contains("client_id 'twin' has taken its connection over"))
    })
    .await;
}

/// Mosquitto's access lists grant every subscription.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_subscription_is_told_with_the_reason_where_the_version_has_one() {
    let broker = TestBroker::builder(Engine::Embedded).deny("secret").start().unwrap();
    for (version, code) in [("5", Some("0x87")), ("3.1.1", None)] {
        let version = ("options.mqtt_version", version);
        let error = queue(&broker, "secret", &[version]).open(Some("c")).await.unwrap_err();
        assert_eq!((error.code(), error.detail("reason_code")), ("SUBSCRIBE_FAILED", code));
        assert_eq!((error.detail("topic"), error.correlation_id()), (Some("secret"), Some("c")));
        let later = open(&broker, "secret", &[version, ("options.autosubscribe", "false")]).await;
        let error = later.receive(None, Duration::from_secs(5)).await.unwrap_err();
        assert_eq!((error.code(), error.detail("reason_code")), ("SUBSCRIBE_FAILED", code));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_version_5_cannot_carry_fails_the_send_and_not_the_connection() {
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    let queue = open(&broker, "orders", &[V5, RAW]).await;
    let failed = queue.send(None, MessageEnvelope::new(Some("a\nb"), "order", "x")).await.unwrap_err();
    assert_eq!(
        (failed.error().code(), failed.error().category()),
        ("BAD_PROPERTY", &ErrorCategory::BadRequest)
    );
    assert!(failed.into_envelope().sent_time.is_none(), "it comes back as it was given");
    queue.send(None, message("a")).await.unwrap();
    assert_eq!(next(&queue).await, "a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_version_5_has_is_refused_at_the_open_of_an_older_connection() {
    let broker = TestBroker::start(Engine::Embedded).unwrap();
    let error = queue(&broker, "orders", &[("options.message_expiry", "1000")]).open(None).await.unwrap_err();
    assert_eq!((error.code(), error.detail("key")), ("UNSUPPORTED_OPTION", Some("options.message_expiry")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_wants_a_sign_of_life_more_often_gets_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let accepting = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let (_, connect) = packet(&mut connection).await.unwrap();
        // Behind the name of the protocol, its version and the flags.
        assert_eq!(connect[8..10], 60_u16.to_be_bytes());
        // A server keep-alive of one second.
        connection.write_all(&[CONNACK << 4, 6, 0, 0, 3, 0x13, 0, 1]).await.unwrap();
        let (first, _) = packet(&mut connection).await.unwrap();
        assert_eq!(first >> 4, PINGREQ);
    });
    let at = [
        ("connection.host", "127.0.0.1"),
        ("connection.port", &port),
        V5,
        ("options.keepalive_timeout", "60000"),
    ];
    let queue = MqttMessageQueue::new("orders");
    queue.configure(&ConfigParams::from_tuples(at)).unwrap();
    queue.open(None).await.unwrap();
    tokio::time::timeout(SOON, accepting).await.expect("it hears nothing").unwrap();
}
