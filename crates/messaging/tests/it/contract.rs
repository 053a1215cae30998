use std::{sync::Arc, time::Duration};

use pip_services_commons::run::IClosable;
use pip_services_messaging::{
    IMessageQueue, IMessageQueueExt, MemoryMessageQueue, MessageEnvelope, TestMessageReceiver,
};

use crate::support::{SOON, logged, opened, settle_down, take, text, waiting};

#[test]
fn a_queue_without_a_name_has_an_empty_one() {
    assert_eq!(MemoryMessageQueue::new("").get_name(), "");
}

#[tokio::test]
async fn send_sets_the_time_of_what_is_sent_and_keeps_the_callers_message_as_it_is() {
    let queue = opened(&[]).await;
    let given = MessageEnvelope::new(None, "order", "one pizza");
    let before = chrono::Utc::now();
    queue.send(Some("call"), given.clone()).await.unwrap();
    let received = take(&queue).await.unwrap();
    let sent_time = received.sent_time.unwrap();
    assert!(before <= sent_time && sent_time <= chrono::Utc::now());
    assert_eq!(given.sent_time, None);
    assert_eq!(received.correlation_id, None, "the id of the call is not that of the message");
}

#[tokio::test]
async fn send_as_object_carries_the_id_of_the_call() {
    let queue = opened(&[]).await;
    queue.send_as_object(Some("call"), "order", &[1, 2]).await.unwrap();
    let received = take(&queue).await.unwrap();
    assert_eq!(received.correlation_id.as_deref(), Some("call"));
    assert_eq!((received.message_type.as_deref(), text(&received)), (Some("order"), "[1,2]".into()));
}

#[tokio::test(start_paused = true)]
async fn receive_gives_none_after_its_timeout_and_a_waiting_message_without_one() {
    let queue = opened(&[]).await;
    let start = tokio::time::Instant::now();
    assert!(queue.receive(None, Duration::from_millis(300)).await.unwrap().is_none());
    assert!((300..=302).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    queue.send_text(None, "order", "a").await.unwrap();
    assert_eq!(text(&take(&queue).await.unwrap()), "a");
}

#[tokio::test]
async fn peek_shows_the_head_and_leaves_it_and_none_where_there_is_none() {
    let queue = opened(&[]).await;
    assert!(queue.peek(None).await.unwrap().is_none());
    assert!(queue.peek_batch(None, 5).await.unwrap().is_empty());
    queue.send_text(None, "order", "a").await.unwrap();
    queue.send_text(None, "order", "b").await.unwrap();
    for _ in 0..2 {
        let peeked = queue.peek(None).await.unwrap().unwrap();
        assert_eq!((text(&peeked), peeked.get_reference().is_some()), ("a".into(), false));
    }
    assert_eq!(waiting(&queue).await, ["a", "b"]);
}

#[tokio::test]
async fn complete_removes_the_message_and_its_lock() {
    let queue = opened(&[]).await;
    queue.send_text(None, "order", "a").await.unwrap();
    assert!(queue.read_message_count().await.unwrap() > 0);
    let mut received = take(&queue).await.unwrap();
    assert!(received.get_reference().is_some());
    queue.complete(&mut received).await.unwrap();
    assert!(received.get_reference().is_none());
    assert!(take(&queue).await.is_none());
}

#[tokio::test]
async fn listen_stays_until_it_is_ended_or_the_queue_closed() {
    for close in [false, true] {
        let queue = opened(&[]).await;
        let listening = tokio::spawn({
            let queue = queue.clone();
            async move { queue.listen(None, Arc::new(TestMessageReceiver::new())).await }
        });
        settle_down().await;
        assert!(!listening.is_finished());
        match close {
            true => queue.close(None).await.unwrap(),
            false => queue.end_listen(None).await,
        }
        tokio::time::timeout(SOON, listening).await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test]
async fn begin_listen_returns_at_once_and_does_not_listen_to_a_queue_that_is_closed() {
    let queue = opened(&[]).await;
    let receiver = Arc::new(TestMessageReceiver::new());
    queue.clone().begin_listen(None, receiver.clone()).unwrap();
    queue.send_text(None, "order", "a").await.unwrap();
    assert_eq!(receiver.message_count(), 0, "it listened before it returned");
    assert_eq!(receiver.wait_for_messages(1, SOON).await.len(), 1);
    let log = logged(&*queue);
    queue.close(None).await.unwrap();
    settle_down().await;
    assert!(log.with("ERROR").is_empty(), "a close is no error of the listener");
    assert_eq!(queue.clone().begin_listen(Some("c"), receiver.clone()).unwrap_err().code(), "NOT_OPENED");
    let error = queue.listen(Some("c"), receiver).await.unwrap_err();
    assert_eq!((error.code(), error.correlation_id()), ("NOT_OPENED", Some("c")));
}

#[test]
fn begin_listen_needs_a_runtime() {
    let queue = tokio::runtime::Runtime::new().unwrap().block_on(opened(&[]));
    let error = queue.begin_listen(Some("c"), Arc::new(TestMessageReceiver::new())).unwrap_err();
    assert_eq!((error.code(), error.correlation_id()), ("NO_RUNTIME", Some("c")));
}
