use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt};
use pip_services_commons::{
    errors::ApplicationError,
    run::{IClosable, IOpenable},
};
use pip_services_messaging::{IMessageQueue, IMessageQueueExt, MemoryMessageQueue, MessageEnvelope};
use serde_json::{Value, json};

use crate::{
    support::{opened, settle_down, take, text, waiting},
    topic_queue::{Answer, Broker, TopicQueue},
};

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

fn batch(count: usize) -> Vec<MessageEnvelope> {
    numbers(count).iter().map(|text| MessageEnvelope::new(None, "order", text.as_str())).collect()
}

#[tokio::test]
async fn any_queue_sends_objects_text_and_bytes_with_the_id_of_the_call() {
    let queue: Arc<dyn IMessageQueue> = opened(&[]).await;
    queue.send_as_object(Some("c"), "order", &json!({"a": [1, null]})).await.unwrap();
    queue.send_as_object(Some("c"), "order", "say \"hi\"").await.unwrap();
    queue.send_as_object(Some("c"), None, &None::<u8>).await.unwrap();
    queue.send_text(Some("c"), "order", "one pizza").await.unwrap();
    queue.send_bytes(Some("c"), None, vec![0, 255]).await.unwrap();
    let expected: [&[u8]; 5] = [br#"{"a":[1,null]}"#, b"say \"hi\"", b"null", b"one pizza", &[0, 255]];
    for payload in expected {
        let received = queue.receive(None, Duration::ZERO).await.unwrap().unwrap();
        assert_eq!(received.get_message().unwrap().as_ref(), payload);
        assert_eq!(received.correlation_id.as_deref(), Some("c"));
    }
}

#[tokio::test]
async fn what_cannot_be_json_is_an_error_and_sends_nothing() {
    let queue = opened(&[]).await;
    let unspeakable = std::collections::HashMap::from([((1, 2), 3)]);
    let error = queue.send_as_object(Some("c"), "order", &unspeakable).await.unwrap_err();
    assert_eq!((error.code(), error.correlation_id()), ("BAD_PAYLOAD", Some("c")));
    assert_eq!(queue.read_message_count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_value_is_received_with_the_envelope_that_completes_it() {
    let queue = opened(&[]).await;
    queue.send_as_object(None, "order", &[1, 2]).await.unwrap();
    queue.send_bytes(None, "order", "null").await.unwrap();
    queue.send(None, MessageEnvelope::new(None, "order", None::<&str>)).await.unwrap();
    let (value, mut envelope) = queue.receive_as::<Vec<u8>>(None, Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(value, [1, 2]);
    queue.complete(&mut envelope).await.unwrap();
    for _ in 0..2 {
        let (value, _) = queue.receive_as::<Option<u8>>(None, Duration::ZERO).await.unwrap().unwrap();
        assert_eq!(value, None, "no payload is read as null");
    }
    assert!(queue.receive_as::<Value>(None, Duration::ZERO).await.unwrap().is_none());
}

#[tokio::test]
async fn a_payload_of_another_kind_comes_back_with_the_error_and_is_not_lost() {
    let queue = opened(&[]).await;
    for payload in [Some("no json"), None] {
        queue.send(None, MessageEnvelope::new(Some("c"), "order", payload)).await.unwrap();
        let failed = queue.receive_as::<u32>(None, Duration::ZERO).await.unwrap_err();
        assert_eq!((failed.error().code(), failed.error().correlation_id()), ("BAD_PAYLOAD", Some("c")));
        let mut envelope = failed.into_envelope().unwrap();
        assert_eq!(envelope.get_message_as_string().as_deref(), payload);
        queue.abandon(&mut envelope).await.unwrap();
        queue.complete(&mut take(&queue).await.unwrap()).await.unwrap();
    }
    queue.close(None).await.unwrap();
    let failed = queue.receive_as::<u32>(None, Duration::ZERO).await.unwrap_err();
    assert_eq!(failed.error().code(), "NOT_OPENED");
    assert!(failed.into_envelope().is_none());
}

#[tokio::test]
async fn a_stream_gives_messages_in_order_and_ends_with_the_queue() {
    let queue = opened(&[]).await;
    queue.send_batch(None, batch(3)).await.unwrap();
    let mut stream = queue.stream(None);
    for expected in numbers(3) {
        let mut envelope = stream.next().await.unwrap().unwrap();
        assert_eq!(text(&envelope), expected);
        queue.complete(&mut envelope).await.unwrap();
    }
    assert!(stream.next().now_or_never().is_none(), "it ended before the queue was closed");
    queue.send_text(None, "order", "live").await.unwrap();
    let mut envelope = stream.next().await.unwrap().unwrap();
    assert_eq!(text(&envelope), "live");
    queue.complete(&mut envelope).await.unwrap();
    let closing = async {
        settle_down().await;
        queue.close(None).await.unwrap();
    };
    let (end, ()) = tokio::join!(stream.next(), closing);
    assert!(end.is_none());
    drop(stream);
    queue.open(None).await.unwrap();
    queue.send_text(None, "order", "again").await.unwrap();
    let mut stream = queue.stream(None);
    stream.next().await.unwrap().unwrap();
    queue.close(None).await.unwrap();
    assert!(stream.next().await.is_none(), "a queue that was closed between two messages is no error");
}

#[tokio::test]
async fn a_stream_of_a_closed_queue_is_an_error_and_nothing_after_it() {
    let queue = MemoryMessageQueue::new("orders");
    let mut stream = queue.stream(Some("c"));
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.correlation_id()), ("NOT_OPENED", Some("c")));
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_stream_takes_nothing_unless_it_is_polled_and_loses_nothing_when_it_is_dropped() {
    let queue = opened(&[]).await;
    queue.send_text(None, "order", "a").await.unwrap();
    let stream = queue.stream(None);
    settle_down().await;
    assert_eq!(waiting(&queue).await, ["a"]);
    drop(stream);
    queue.complete(&mut take(&queue).await.unwrap()).await.unwrap();
    for number in 0..100 {
        let mut stream = queue.stream(None);
        let mut next = stream.next();
        assert!((&mut next).now_or_never().is_none());
        // It is told of the message, and dropped before it looks.
        queue.send_text(None, "order", number.to_string()).await.unwrap();
        drop(stream);
        assert_eq!(text(&take(&queue).await.unwrap()), number.to_string());
    }
}

#[tokio::test]
async fn a_batch_is_sent_in_its_order() {
    let queue: Arc<dyn IMessageQueue> = opened(&[]).await;
    queue.send_batch(None, batch(1000)).await.unwrap();
    let sent = queue.peek_batch(None, 2000).await.unwrap();
    assert_eq!(sent.iter().map(text).collect::<Vec<_>>(), numbers(1000));
    queue.send_batch(None, []).await.unwrap();
}

#[tokio::test]
async fn a_batch_keeps_a_bounded_number_of_messages_on_their_way() {
    let broker = Broker::default();
    let queue = Arc::new(TopicQueue::new("orders", &broker));
    queue.open(None).await.unwrap();
    broker.answer_messages(Answer::NotYet);
    let sending = tokio::spawn({
        let queue = queue.clone();
        async move { queue.send_batch(None, batch(1000)).await.is_ok() }
    });
    settle_down().await;
    assert_eq!(broker.in_flight(), 128);
    broker.answer_messages(Answer::Yes);
    assert!(sending.await.unwrap());
    assert_eq!(broker.most_in_flight(), 128);
}

#[tokio::test]
async fn a_batch_stops_at_a_failure_and_gives_back_what_was_not_sent_as_it_was_given() {
    let queue = opened(&[("options.max_messages", 3)]).await;
    let given = batch(10);
    let failed = queue.send_batch(Some("c"), given.clone()).await.unwrap_err();
    assert_eq!((failed.error().code(), failed.error().correlation_id()), ("QUEUE_FULL", Some("c")));
    assert!(failed.to_string().starts_with("7 messages of a batch were not sent: "), "{failed}");
    assert_eq!((failed.failed().len(), failed.unattempted().len()), (1, 6));
    let as_error: ApplicationError = failed.failed()[0].error().clone();
    assert_eq!(as_error.code(), "QUEUE_FULL");
    let back = failed.into_envelopes();
    for (back, given) in back.iter().zip(&given[3..]) {
        assert_eq!((&back.message_id, back.sent_time), (&given.message_id, None));
    }
    assert_eq!(waiting(&queue).await, ["0", "1", "2"]);
}

#[tokio::test]
async fn a_failed_batch_waits_for_what_is_on_its_way_and_tries_no_more() {
    let broker = Broker::default();
    let queue = Arc::new(TopicQueue::new("orders", &broker));
    queue.open(None).await.unwrap();
    broker.answer_messages(Answer::NotYet);
    let sending = tokio::spawn({
        let queue = queue.clone();
        async move { queue.send_batch(None, batch(1000)).await.unwrap_err() }
    });
    settle_down().await;
    broker.answer_messages(Answer::No);
    let failed = sending.await.unwrap();
    assert_eq!(broker.in_flight(), 0);
    let (failed, unattempted) = failed.into_parts();
    assert_eq!(failed.len(), 128);
    let texts = failed.into_iter().map(|failed| text(&failed.into_envelope()));
    let texts: Vec<_> = texts.chain(unattempted.iter().map(text)).collect();
    assert_eq!(texts, numbers(1000));
}

#[tokio::test]
async fn a_large_batch_lets_others_run_on_its_thread() {
    let queue = opened(&[]).await;
    let mut sending = std::pin::pin!(queue.send_batch(None, batch(10_000)));
    assert!((&mut sending).now_or_never().is_none(), "it kept the thread for the whole batch");
    sending.await.unwrap();
}
