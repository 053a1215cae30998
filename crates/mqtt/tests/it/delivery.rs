use std::time::Duration;

use pip_services_commons::{refer::IReferenceable, run::IOpenable};
use pip_services_messaging::{IMessageQueue, MessageEnvelope};
use pip_services_test_broker::TestBroker;

use crate::support::{
    Observed, QUIET, SOON, eventually, message, next, on_each_broker, open, queue, text, texts_until,
};

on_each_broker!(
    a_queue_whose_topic_differs_from_its_name_receives_its_own_messages,
    topics_with_wildcards_receive_what_matches,
    a_topic_with_wildcards_cannot_be_sent_to,
    shared_topics_give_each_message_to_one_consumer,
    a_binary_payload_survives_with_and_without_the_envelope,
    malformed_messages_are_logged_counted_and_skipped,
    a_retained_message_reaches_who_comes_later,
    a_message_beyond_the_cache_drops_the_oldest_and_tells,
    a_message_is_counted_where_it_is_sent_and_where_it_arrives,
);

async fn a_queue_whose_topic_differs_from_its_name_receives_its_own_messages(broker: TestBroker) {
    let queue = open(&broker, "orders", &[("topic", "shop/orders")]).await;
    let by_name = open(&broker, "watcher", &[("topic", "orders")]).await;
    queue.send(None, message("a")).await.unwrap();
    assert_eq!(next(&queue).await, "a");
    assert!(
        by_name.receive(None, QUIET).await.unwrap().is_none(),
        "it went to the name instead of the topic"
    );
}

async fn topics_with_wildcards_receive_what_matches(broker: TestBroker) {
    let one_level = open(&broker, "one", &[("topic", "shop/+/orders")]).await;
    let all_levels = open(&broker, "all", &[("topic", "shop/#")]).await;
    for (topic, text) in [
        ("shop/a/orders", "a"),
        ("shop/b/orders", "b"),
        ("shop/a/b/orders", "deep"),
        ("shop/x/orders", "end"),
    ] {
        let sender = open(&broker, "sender", &[("topic", topic)]).await;
        sender.send(None, message(text)).await.unwrap();
    }
    assert_eq!(texts_until(&one_level, "end").await, ["a", "b"]);
    assert_eq!(texts_until(&all_levels, "end").await, ["a", "b", "deep"]);
}

async fn a_topic_with_wildcards_cannot_be_sent_to(broker: TestBroker) {
    let queue = open(&broker, "all", &[("topic", "shop/#")]).await;
    let failed = queue.send(None, message("a")).await.unwrap_err();
    assert_eq!(failed.error().code(), "BAD_TOPIC");
    assert_eq!(text(&failed.into_envelope()), "a");
    // The client was not disconnected for it, as it would be for such a message.
    let other = open(&broker, "other", &[("topic", "shop/a")]).await;
    other.send(None, message("b")).await.unwrap();
    assert_eq!(next(&queue).await, "b");
}

async fn shared_topics_give_each_message_to_one_consumer(broker: TestBroker) {
    let one = open(&broker, "one", &[("topic", "$share/g/orders")]).await;
    let other = open(&broker, "other", &[("topic", "$share/g/orders")]).await;
    for number in 0..20 {
        // A shared topic can be sent to: it goes to the topic behind the group.
        one.send(None, message(&number.to_string())).await.unwrap();
    }
    let mut received = Vec::new();
    let deadline = tokio::time::Instant::now() + SOON;
    while received.len() < 20 && tokio::time::Instant::now() < deadline {
        for queue in [&one, &other] {
            let envelope = queue.receive(None, Duration::from_millis(20)).await.unwrap();
            received.extend(envelope.map(|envelope| text(&envelope).parse::<u32>().unwrap()));
        }
    }
    for queue in [&one, &other] {
        assert!(queue.receive(None, QUIET).await.unwrap().is_none(), "a message came to both");
    }
    received.sort_unstable();
    assert_eq!(received, (0..20).collect::<Vec<_>>());
}

async fn a_binary_payload_survives_with_and_without_the_envelope(broker: TestBroker) {
    let binary: Vec<u8> = (0..=255).collect();
    for serialize_envelope in ["true", "false"] {
        let queue = open(&broker, "binary", &[("options.serialize_envelope", serialize_envelope)]).await;
        for payload in [&binary[..], b""] {
            queue.send(None, MessageEnvelope::new(Some("c"), "t", payload)).await.unwrap();
            let received = queue.receive(None, SOON).await.unwrap().unwrap();
            assert_eq!(
                received.get_message().map(|message| message.as_ref()),
                Some(payload),
                "{serialize_envelope}"
            );
            let expected =
                if serialize_envelope == "true" { (Some("c"), Some("t")) } else { (None, Some("binary")) };
            assert_eq!((received.correlation_id.as_deref(), received.message_type.as_deref()), expected);
        }
    }
}

async fn malformed_messages_are_logged_counted_and_skipped(broker: TestBroker) {
    let observed = Observed::new();
    let queue = queue(&broker, "orders", &[]);
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    let raw = open(&broker, "raw", &[("topic", "orders"), ("options.serialize_envelope", "false")]).await;
    for garbage in [&b""[..], b"no json", b"{\"message_id\":", b"[1,2]", b"null", &[0xff, 0x00, 0xfe]] {
        raw.send(None, MessageEnvelope::new(None, None, garbage)).await.unwrap();
    }
    queue.send(None, message("good")).await.unwrap();
    assert_eq!(next(&queue).await, "good");
    assert_eq!(observed.count("orders", "malformed_messages"), 6);
    assert_eq!(observed.count("orders", "received_messages"), 1);
    let lines = observed.log.lines();
    let errors = lines
        .iter()
        .filter(|line| line.starts_with("ERROR Skipped what arrived from topic 'orders'"))
        .count();
    assert_eq!(errors, 6, "{lines:?}");
}

async fn a_retained_message_reaches_who_comes_later(broker: TestBroker) {
    let sender = open(&broker, "state", &[("options.retain", "true")]).await;
    sender.send(None, message("kept")).await.unwrap();
    let late = open(&broker, "state", &[]).await;
    assert_eq!(next(&late).await, "kept");
}

async fn a_message_beyond_the_cache_drops_the_oldest_and_tells(broker: TestBroker) {
    let observed = Observed::new();
    let queue = queue(&broker, "orders", &[("options.max_cache_size", "2")]);
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    for text in ["a", "b", "c", "d", "e"] {
        queue.send(None, message(text)).await.unwrap();
    }
    eventually("three messages were dropped", async || observed.count("orders", "dropped_messages") == 3)
        .await;
    assert_eq!(observed.count("orders", "received_messages"), 5);
    assert_eq!(queue.read_message_count().await.unwrap(), 2);
    assert_eq!((next(&queue).await, next(&queue).await), ("d".into(), "e".into()));
    let lines = observed.log.lines();
    let told: Vec<_> = lines.iter().filter(|line| line.starts_with("ERROR No room")).collect();
    assert!(matches!(told.as_slice(), [line] if line.contains("[---,test,a]")), "{told:?}");
}

async fn a_message_is_counted_where_it_is_sent_and_where_it_arrives(broker: TestBroker) {
    let observed = Observed::new();
    let queue = queue(&broker, "orders", &[]);
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    for _ in 0..3 {
        queue.send(None, message("a")).await.unwrap();
        next(&queue).await;
    }
    assert_eq!(
        (observed.count("orders", "sent_messages"), observed.count("orders", "received_messages")),
        (3, 3)
    );
}
