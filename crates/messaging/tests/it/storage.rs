use pip_services_commons::run::{ICleanable, IClosable, IOpenable};
use pip_services_messaging::{IMessageQueue, MemoryMessageQueue, MessageEnvelope};

use crate::support::{count, counted, opened, send, take, waiting};

#[tokio::test]
async fn a_full_queue_gives_the_message_back_and_takes_it_once_there_is_room() {
    let queue = opened(&[("options.max_messages", 2)]).await;
    let counters = counted(&queue);
    send(&queue, "a").await;
    send(&queue, "b").await;
    // A locked message still takes its place.
    let mut held = take(&queue).await.unwrap();
    let given = MessageEnvelope::new(Some("7"), "order", "c");
    let failed = queue.send(Some("7"), given.clone()).await.unwrap_err();
    assert_eq!((failed.error().code(), failed.error().correlation_id()), ("QUEUE_FULL", Some("7")));
    assert!(failed.error().message().contains("'orders' holds 2 messages"), "{}", failed.error().message());
    let back = failed.into_envelope();
    assert_eq!((&back.message_id, back.sent_time), (&given.message_id, None));
    assert_eq!(waiting(&queue).await, ["b"]);

    queue.complete(&mut held).await.unwrap();
    queue.send(None, back).await.unwrap();
    assert_eq!(waiting(&queue).await, ["b", "c"]);
    assert_eq!(count(&counters, "orders", "sent_messages"), 3);
}

#[tokio::test]
async fn a_closed_queue_gives_the_message_back() {
    let queue = MemoryMessageQueue::new("orders");
    let given = MessageEnvelope::new(Some("7"), "order", "a");
    let failed = queue.send(Some("7"), given.clone()).await.unwrap_err();
    assert_eq!(failed.error().code(), "NOT_OPENED");
    let (error, back) = failed.into_parts();
    assert_eq!(error.correlation_id(), Some("7"));
    assert_eq!(
        (&back.message_id, back.get_message(), back.sent_time),
        (&given.message_id, given.get_message(), None)
    );
    queue.open(None).await.unwrap();
    queue.send(None, back).await.unwrap();
    assert_eq!(waiting(&queue).await, ["a"]);
}

#[tokio::test]
async fn messages_outlive_the_close() {
    let queue = opened(&[]).await;
    send(&queue, "a").await;
    queue.close(None).await.unwrap();
    assert_eq!(queue.read_message_count().await.unwrap_err().code(), "NOT_OPENED");
    queue.open(None).await.unwrap();
    assert_eq!(waiting(&queue).await, ["a"]);
}

#[tokio::test]
async fn clearing_drops_all_messages_even_of_a_closed_queue_and_what_is_settled_later_stays_away() {
    for close in [false, true] {
        let queue = opened(&[]).await;
        send(&queue, "a").await;
        send(&queue, "b").await;
        let mut held = take(&queue).await.unwrap();
        if close {
            queue.close(None).await.unwrap();
        }
        queue.clear(None).await.unwrap();
        queue.open(None).await.unwrap();
        assert_eq!(queue.abandon(&mut held).await.unwrap_err().code(), "LOCK_LOST");
        assert_eq!(queue.read_message_count().await.unwrap(), 0);
        send(&queue, "c").await;
        assert_eq!(waiting(&queue).await, ["c"]);
    }
}

#[tokio::test]
async fn the_count_is_of_messages_that_wait() {
    let queue = opened(&[]).await;
    for text in ["a", "b", "c"] {
        send(&queue, text).await;
    }
    let mut held = take(&queue).await.unwrap();
    assert_eq!(queue.read_message_count().await.unwrap(), 2);
    queue.abandon(&mut held).await.unwrap();
    assert_eq!(queue.read_message_count().await.unwrap(), 3);
    let mut held = take(&queue).await.unwrap();
    queue.complete(&mut held).await.unwrap();
    assert_eq!(queue.read_message_count().await.unwrap(), 2);
}

#[tokio::test]
async fn a_batch_is_no_larger_than_asked_and_no_larger_than_the_queue() {
    let queue = opened(&[]).await;
    for text in ["a", "b", "c"] {
        send(&queue, text).await;
    }
    for (asked, given) in [(0, 0), (1, 1), (3, 3), (100, 3), (usize::MAX, 3)] {
        assert_eq!(queue.peek_batch(None, asked).await.unwrap().len(), given, "{asked}");
    }
    assert_eq!(waiting(&queue).await, ["a", "b", "c"]);
}
