use std::{sync::Arc, time::Duration};

use pip_services_commons::{
    errors::ApplicationError,
    run::{ICleanable, IClosable, IOpenable},
};
use pip_services_messaging::{CallbackMessageReceiver, IMessageQueue, MemoryMessageQueue, MessageEnvelope};
use tokio::time::advance;

use crate::support::{count, eventually, observed, opened, send, take, text, waiting};

fn dead(queue: &MemoryMessageQueue) -> Vec<String> {
    queue.dead_letters().iter().map(text).collect()
}

#[tokio::test]
async fn a_message_moved_to_the_dead_letters_is_kept_there_counted_and_logged() {
    let queue = opened(&[]).await;
    let (log, counters) = observed(&*queue);
    queue.send(None, MessageEnvelope::new(Some("7"), "order", "a")).await.unwrap();
    let mut held = take(&queue).await.unwrap();
    let mut stale = held.clone();
    queue.move_to_dead_letter(&mut held).await.unwrap();
    assert!(held.get_reference().is_none());
    assert_eq!(queue.move_to_dead_letter(&mut stale).await.unwrap_err().code(), "LOCK_LOST");
    assert!(take(&queue).await.is_none());

    let letters = queue.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!((&letters[0].message_id, letters[0].sent_time), (&held.message_id, held.sent_time));
    assert!(letters[0].get_reference().is_none());
    assert_eq!(count(&counters, "orders", "dead_messages"), 1);
    assert_eq!(log.with("Moved message [7,order,a] to dead letters at [orders]").len(), 1);
    assert!(log.with("Moved message")[0].starts_with("TRACE 7 "), "{:?}", log.with("Moved message"));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_back_once_too_often_is_a_dead_letter() {
    let queue = opened(&[("options.max_deliveries", 3), ("options.lock_timeout", 1000)]).await;
    let (_, counters) = observed(&*queue);
    send(&queue, "a").await;
    queue.abandon(&mut take(&queue).await.unwrap()).await.unwrap();
    take(&queue).await.unwrap();
    advance(Duration::from_secs(1)).await;
    let mut last = take(&queue).await.unwrap();
    assert!(dead(&queue).is_empty());
    queue.abandon(&mut last).await.unwrap();
    assert_eq!((dead(&queue), take(&queue).await.is_none()), (vec!["a".to_owned()], true));
    for (event, times) in
        [("received_messages", 3), ("abandoned_messages", 2), ("expired_messages", 1), ("dead_messages", 1)]
    {
        assert_eq!(count(&counters, "orders", event), times, "{event}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_expiry_of_the_last_delivery_makes_a_dead_letter_too() {
    let queue = opened(&[("options.max_deliveries", 1), ("options.lock_timeout", 1000)]).await;
    send(&queue, "a").await;
    let mut held = take(&queue).await.unwrap();
    assert!(queue.receive(None, Duration::from_secs(5)).await.unwrap().is_none());
    assert_eq!(dead(&queue), ["a"]);
    assert_eq!(queue.abandon(&mut held).await.unwrap_err().code(), "LOCK_LOST");
    assert_eq!(dead(&queue), ["a"]);
}

#[tokio::test]
async fn a_receiver_that_always_fails_gets_a_message_no_more_often_than_allowed() {
    let queue = opened(&[("options.max_deliveries", 5)]).await;
    let (_, counters) = observed(&*queue);
    let receiver = CallbackMessageReceiver::new(|envelope, _| match text(&envelope).as_str() {
        "poison" => {
            Box::pin(async { Err(ApplicationError::internal(None, "BROKEN", "it cannot be handled")) })
        }
        _ => Box::pin(async { Ok(()) }),
    });
    queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
    send(&queue, "poison").await;
    send(&queue, "good").await;
    eventually("the message is a dead letter", || !queue.dead_letters().is_empty()).await;
    queue.end_listen(None).await;
    assert_eq!(count(&counters, "orders", "failed_handlers"), 5);
    assert_eq!((dead(&queue), waiting(&queue).await.len()), (vec!["poison".to_owned()], 0));
}

#[tokio::test]
async fn a_close_counts_no_delivery_and_keeps_dead_letters() {
    let queue = opened(&[("options.max_deliveries", 1)]).await;
    send(&queue, "a").await;
    for _ in 0..3 {
        take(&queue).await.unwrap();
        queue.close(None).await.unwrap();
        queue.open(None).await.unwrap();
    }
    assert!(dead(&queue).is_empty());
    queue.abandon(&mut take(&queue).await.unwrap()).await.unwrap();
    queue.close(None).await.unwrap();
    assert_eq!(dead(&queue), ["a"]);
    queue.open(None).await.unwrap();
    assert_eq!((dead(&queue), waiting(&queue).await.len()), (vec!["a".to_owned()], 0));
}

#[tokio::test]
async fn the_oldest_dead_letter_gives_way_counted_and_logged() {
    let queue = opened(&[("options.max_dead_letters", 2)]).await;
    let (log, counters) = observed(&*queue);
    for text in ["a", "b", "c"] {
        send(&queue, text).await;
        queue.move_to_dead_letter(&mut take(&queue).await.unwrap()).await.unwrap();
    }
    assert_eq!(dead(&queue), ["b", "c"]);
    assert_eq!(count(&counters, "orders", "dead_messages"), 3);
    assert_eq!(count(&counters, "orders", "dropped_dead_messages"), 1);
    let lines = log.with("No room");
    assert_eq!(lines, ["WARN --- No room: dropped message [---,order,a] from dead letters at [orders] "]);
}

#[tokio::test]
async fn clearing_drops_dead_letters_too() {
    let queue = opened(&[]).await;
    send(&queue, "a").await;
    queue.move_to_dead_letter(&mut take(&queue).await.unwrap()).await.unwrap();
    queue.clear(None).await.unwrap();
    assert!(dead(&queue).is_empty());
}

#[tokio::test]
async fn a_dead_letter_that_is_sent_again_is_a_new_message() {
    let queue = opened(&[("options.max_deliveries", 2)]).await;
    send(&queue, "a").await;
    for _ in 0..2 {
        queue.abandon(&mut take(&queue).await.unwrap()).await.unwrap();
    }
    let letter = queue.dead_letters().remove(0);
    queue.send(None, letter).await.unwrap();
    queue.abandon(&mut take(&queue).await.unwrap()).await.unwrap();
    assert_eq!((waiting(&queue).await, dead(&queue)), (vec!["a".to_owned()], vec!["a".to_owned()]));
}
