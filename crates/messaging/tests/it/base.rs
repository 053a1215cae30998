use std::{sync::Arc, time::Duration};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::{ApplicationError, ErrorCategory},
    refer::{IReferenceable, References},
    run::{ICleanable, IClosable, IOpenable},
};
use pip_services_messaging::{IMessageQueue, IMessageQueueExt, MemoryMessageQueue, MessageEnvelope};

use crate::support::{count, counted, logged, observed, opened, take};

#[test]
fn a_concurrency_that_is_no_number_above_zero_is_an_error_and_changes_nothing() {
    let queue = MemoryMessageQueue::new("orders");
    for value in ["0", "-1", "many"] {
        let config = ConfigParams::from_tuples([("name", "new"), ("options.concurrency", value)]);
        let error = queue.configure(&config).unwrap_err();
        assert_eq!((error.code(), error.category()), ("BAD_VALUE", &ErrorCategory::Misconfiguration));
        assert_eq!(error.detail("key"), Some("options.concurrency"));
        assert!(error.message().contains(value), "{}", error.message());
        assert_eq!(queue.get_name(), "orders");
    }
}

#[tokio::test]
async fn a_queue_needs_no_references_and_resolves_no_connection() {
    let queue = MemoryMessageQueue::new("orders");
    let config =
        ConfigParams::from_tuples([("connection.discovery_key", "nowhere"), ("credential.store_key", "k")]);
    queue.configure(&config).unwrap();
    queue.set_references(&References::new()).unwrap();
    queue.open(None).await.unwrap();
}

#[tokio::test]
async fn every_operation_on_a_closed_queue_is_an_error_with_the_id_of_the_call() {
    let queue = MemoryMessageQueue::new("orders");
    let envelope = MessageEnvelope::new(Some("c"), "order", "a");
    let id = Some("c");
    let mut results: Vec<Result<(), ApplicationError>> = vec![
        queue.send(id, envelope.clone()).await.map_err(Into::into),
        queue.peek(id).await.map(|_| ()),
        queue.peek_batch(id, 1).await.map(|_| ()),
        queue.receive(id, Duration::ZERO).await.map(|_| ()),
        queue.renew_lock(&envelope, Duration::from_secs(1)).await,
        queue.complete(&mut envelope.clone()).await,
        queue.abandon(&mut envelope.clone()).await,
        queue.move_to_dead_letter(&mut envelope.clone()).await,
    ];
    for result in results.drain(..) {
        let error = result.unwrap_err();
        assert_eq!((error.code(), error.category()), ("NOT_OPENED", &ErrorCategory::InvalidState));
        assert_eq!(error.correlation_id(), id);
    }
    assert_eq!(queue.read_message_count().await.unwrap_err().code(), "NOT_OPENED");
    // What a closed queue can do.
    queue.clear(id).await.unwrap();
    queue.close(id).await.unwrap();
}

#[tokio::test]
async fn each_event_is_logged_at_its_level_with_the_id_of_the_message_or_else_of_the_call() {
    let queue = opened(&[]).await;
    let log = logged(&*queue);
    let call = Some("call");
    for (of_message, expected) in [(Some("message"), "message"), (None, "call")] {
        let envelope = MessageEnvelope::new(of_message, "order", "a");
        queue.send(call, envelope).await.unwrap();
        queue.peek(call).await.unwrap().unwrap();
        let mut received = queue.receive(call, Duration::ZERO).await.unwrap().unwrap();
        queue.renew_lock(&received, Duration::from_secs(1)).await.unwrap();
        queue.abandon(&mut received).await.unwrap();
        let mut received = take(&queue).await.unwrap();
        queue.complete(&mut received).await.unwrap();
        for (level, event) in [("DEBUG", "Sent"), ("TRACE", "Peeked"), ("DEBUG", "Received")] {
            let line = format!("{level} {expected} {event} message");
            assert!(!log.with(&line).is_empty(), "{line}");
        }
        // These have no id of a call.
        let expected = of_message.unwrap_or("---");
        for event in ["Renewed lock for", "Abandoned", "Completed"] {
            let line = format!("TRACE {expected} {event} message");
            assert!(!log.with(&line).is_empty(), "{line}");
        }
    }
    queue.send_batch(call, ["a", "b"].map(|text| MessageEnvelope::new(None, None, text))).await.unwrap();
    queue.peek_batch(call, 5).await.unwrap();
    assert_eq!(log.with("TRACE call Peeked 2 messages").len(), 1);
    queue.clear(call).await.unwrap();
    assert_eq!(log.with("TRACE call Cleared queue [orders]").len(), 1);
    queue.close(call).await.unwrap();
    assert_eq!(log.with("DEBUG call Closed queue [orders]").len(), 1);
    queue.open(call).await.unwrap();
    assert_eq!(log.with("DEBUG call Opened queue [orders]").len(), 1);
}

#[tokio::test]
async fn a_listener_is_logged_and_its_failures_with_the_id_of_the_message_or_else_of_the_call() {
    for (of_message, expected) in [(Some("message"), "message"), (None, "call")] {
        let queue = opened(&[]).await;
        let (log, counters) = observed(&*queue);
        queue.send(None, MessageEnvelope::new(of_message, "order", "a")).await.unwrap();
        let ending = queue.clone();
        let receiver = move |_: MessageEnvelope| {
            let queue = ending.clone();
            async move {
                queue.end_listen(None).await;
                Err(ApplicationError::unknown(None, "FAILED", "no appetite"))
            }
        };
        queue.listen(Some("call"), Arc::new(receiver)).await.unwrap();
        assert_eq!(log.with("TRACE --- Started listening messages at [orders]").len(), 1);
        let failed = log.with(&format!("ERROR {expected} Failed to handle message"));
        assert!(matches!(failed.as_slice(), [line] if line.contains("no appetite")), "{failed:?}");
        assert_eq!(count(&counters, "orders", "failed_handlers"), 1);
        assert_eq!(count(&counters, "orders", "abandoned_messages"), 1);
        assert_eq!(count(&counters, "orders", "sent_messages"), 1, "an abandoned message is not sent");
        assert_eq!(count(&counters, "orders", "process_time"), 1, "failed handlings take time as well");
    }
}

#[tokio::test]
async fn the_counters_of_a_queue_without_a_name_have_one_all_the_same() {
    let queue = MemoryMessageQueue::new("");
    queue.open(None).await.unwrap();
    let counters = counted(&queue);
    queue.send_text(None, "order", "a").await.unwrap();
    assert_eq!(count(&counters, "unnamed", "sent_messages"), 1);
}
