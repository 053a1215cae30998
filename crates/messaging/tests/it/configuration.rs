use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    refer::IUnreferenceable,
    run::{IClosable, IOpenable},
};
use pip_services_messaging::{IMessageQueue, MemoryMessageQueue, MessageEnvelope};

use crate::support::{count, counted, logged, opened, send, take};

#[test]
fn the_name_is_the_first_of_queue_name_id_descriptor_and_the_constructors() {
    let all = [
        ("queue", "by queue"),
        ("name", "by name"),
        ("id", "by id"),
        ("descriptor", "pip-services:message-queue:memory:by descriptor:1.0"),
    ];
    for (first, expected) in
        ["by queue", "by name", "by id", "by descriptor", "by constructor"].iter().enumerate()
    {
        let queue = MemoryMessageQueue::new("by constructor");
        queue.configure(&ConfigParams::from_tuples(all[first..].iter().copied())).unwrap();
        assert_eq!(queue.get_name(), *expected);
    }
}

#[test]
fn a_blank_name_is_none_and_a_bad_descriptor_an_error() {
    let queue = MemoryMessageQueue::new("orders");
    queue.configure(&ConfigParams::from_tuples([("queue", ""), ("name", "")])).unwrap();
    assert_eq!(queue.get_name(), "orders");
    let bad = ConfigParams::from_tuples([("descriptor", "a:b")]);
    assert_eq!(queue.configure(&bad).unwrap_err().code(), "BAD_DESCRIPTOR");
}

#[test]
fn a_bad_option_is_an_error_that_names_it_and_changes_nothing() {
    let queue = MemoryMessageQueue::new("orders");
    for (key, value) in [
        ("options.lock_timeout", "soon"),
        ("options.lock_timeout", "-1"),
        ("options.max_messages", "many"),
        ("options.max_messages", "-1"),
        ("options.max_messages", "1.5"),
        ("options.max_deliveries", "0.5"),
        ("options.max_dead_letters", "1e-1"),
        ("options.concurrency", "2.5"),
        ("options.concurrency", "two"),
        ("options.concurrency", "0"),
        ("options.lock_timeout", "1.5"),
        ("options.send_timeout", "0.1"),
        ("options.max_deliveries", "-1"),
        ("options.max_dead_letters", "all"),
        ("options.when_full", "drop"),
        ("options.send_timeout", "-1"),
    ] {
        let error = queue.configure(&ConfigParams::from_tuples([("name", "new"), (key, value)])).unwrap_err();
        assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some(key)));
        assert!(error.message().contains(value), "{}", error.message());
        assert!(error.message().contains("must be"), "{}", error.message());
        assert_eq!(queue.get_name(), "orders");
    }
}

#[tokio::test]
async fn an_option_that_is_not_named_again_stays_and_zero_lifts_a_limit() {
    let queue = MemoryMessageQueue::new("orders");
    let configure = |key, value: i64| queue.configure(&ConfigParams::from_tuples([(key, value)])).unwrap();
    let full = async || {
        queue.open(None).await.unwrap();
        let full = queue.send(None, MessageEnvelope::new(None, "order", "a")).await.is_err();
        queue.close(None).await.unwrap();
        full
    };
    configure("options.max_messages", 1);
    configure("options.max_deliveries", 1);
    assert!(!full().await);
    assert!(full().await);
    configure("options.max_messages", 0);
    assert!(!full().await);
}

#[tokio::test]
async fn misspelt_parameters_are_told_at_each_open_with_the_nearest_known_one_and_without_their_values() {
    let queue = MemoryMessageQueue::new("orders");
    let log = logged(&queue);
    let right = [("name", "orders"), ("type", "x"), ("options.when_full", "wait"), ("connection.host", "h")];
    let wrong = [
        ("options.max_mesages", "31337"),
        ("option.lock_timeout", "31337"),
        ("options.qos", "31337"),
        ("max_messages", "31337"),
    ];
    queue.configure(&ConfigParams::from_tuples([&right[..], &wrong].concat())).unwrap();
    queue.configure(&ConfigParams::from_tuples(wrong)).unwrap();
    for times in [1, 2] {
        queue.open(Some("c")).await.unwrap();
        queue.open(None).await.unwrap();
        queue.close(None).await.unwrap();
        for told in [
            r#""options.max_mesages"; the nearest one is options.max_messages at [orders]"#,
            r#""option"; the nearest one is options at [orders]"#,
            r#""max_messages"; is options.max_messages meant? at [orders]"#,
            r#""options.qos"; the nearest one is options."#,
        ] {
            assert_eq!(log.with(&format!("WARN c unknown parameter {told}")).len(), times, "{told}");
        }
        assert_eq!(log.with("unknown parameter").len(), 4 * times, "{:?}", log.with("unknown"));
        assert!(log.with("31337").is_empty());
    }
}

#[tokio::test]
async fn an_open_queue_keeps_its_options() {
    let queue = opened(&[("options.max_messages", 1)]).await;
    queue.configure(&ConfigParams::from_tuples([("options.max_messages", 0)])).unwrap();
    send(&queue, "a").await;
    let failed = queue.send(None, MessageEnvelope::new(None, "order", "b")).await.unwrap_err();
    assert_eq!(failed.error().code(), "QUEUE_FULL");
}

#[tokio::test]
async fn sent_and_received_messages_are_counted_by_the_name_of_the_queue() {
    let queue = opened(&[]).await;
    let counters = counted(&queue);
    for number in 0..5 {
        send(&queue, &number.to_string()).await;
    }
    for _ in 0..3 {
        take(&queue).await.unwrap();
    }
    assert!(queue.peek(None).await.unwrap().is_some());
    assert_eq!(count(&counters, "orders", "sent_messages"), 5);
    assert_eq!(count(&counters, "orders", "received_messages"), 3);

    queue.configure(&ConfigParams::from_tuples([("name", "renamed")])).unwrap();
    take(&queue).await.unwrap();
    assert_eq!(count(&counters, "renamed", "received_messages"), 1);
    assert_eq!(count(&counters, "orders", "received_messages"), 3);

    queue.unset_references();
    send(&queue, "uncounted").await;
    assert_eq!(count(&counters, "renamed", "sent_messages"), 0);
}
