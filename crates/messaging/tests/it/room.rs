use std::{
    future::Future,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    run::{ICleanable, IClosable, IOpenable},
};
use pip_services_messaging::{IMessageQueue, MemoryMessageQueue, MessageEnvelope, SendError};
use tokio::{
    task::JoinHandle,
    time::{Instant, advance},
};

use crate::support::{Woken, send, settle_down, take, text, waiting};

/// An open queue for so many messages, whose sends wait for room.
async fn narrow(max_messages: i64, options: &[(&str, i64)]) -> Arc<MemoryMessageQueue> {
    let queue = Arc::new(MemoryMessageQueue::new("orders"));
    let mut config = ConfigParams::from_tuples([("options.max_messages", max_messages)]);
    config.put("options.when_full", "wait");
    queue.configure(&config).unwrap();
    // What is configured later adds to it.
    queue.configure(&ConfigParams::from_tuples(options.iter().copied())).unwrap();
    queue.open(None).await.unwrap();
    queue
}

/// A send on a task of its own, which has come as far as it can.
async fn sending(queue: &Arc<MemoryMessageQueue>, text: &str) -> JoinHandle<Result<(), SendError>> {
    let (queue, envelope) = (queue.clone(), MessageEnvelope::new(Some("7"), "order", text));
    let task = tokio::spawn(async move { queue.send(Some("7"), envelope).await });
    settle_down().await;
    task
}

/// Fills the only place, lets a send wait, makes room, and expects the send to end.
async fn room_is_made<Made: Future>(
    options: &[(&str, i64)],
    make: impl FnOnce(Arc<MemoryMessageQueue>, MessageEnvelope) -> Made,
) {
    let queue = narrow(1, options).await;
    send(&queue, "a").await;
    let held = take(&queue).await.unwrap();
    let waits = sending(&queue, "b").await;
    assert!(!waits.is_finished());
    make(queue.clone(), held).await;
    settle_down().await;
    assert!(waits.is_finished(), "there was room, but the send still waits");
    waits.await.unwrap().unwrap();
    assert_eq!(waiting(&queue).await, ["b"]);
}

#[tokio::test]
async fn a_waiting_send_ends_when_a_message_is_completed() {
    room_is_made(&[], |queue, mut held| async move { queue.complete(&mut held).await.unwrap() }).await;
}

#[tokio::test]
async fn a_waiting_send_ends_when_a_message_becomes_a_dead_letter() {
    room_is_made(&[], |queue, mut held| async move { queue.move_to_dead_letter(&mut held).await.unwrap() })
        .await;
    let options = [("options.max_deliveries", 1)];
    room_is_made(&options, |queue, mut held| async move { queue.abandon(&mut held).await.unwrap() }).await;
}

#[tokio::test]
async fn a_waiting_send_ends_when_the_queue_is_cleared() {
    room_is_made(&[], |queue, _| async move { queue.clear(None).await.unwrap() }).await;
}

#[tokio::test(start_paused = true)]
async fn a_waiting_send_ends_when_the_lock_of_a_last_delivery_expires() {
    let options = [("options.max_deliveries", 1), ("options.lock_timeout", 1000)];
    // Nobody works on the queue meanwhile: the sender itself waits for the expiry.
    room_is_made(&options, |_, _| advance(Duration::from_millis(1001))).await;
}

#[tokio::test(start_paused = true)]
async fn a_waiting_send_hears_of_a_lock_that_expires_sooner_than_it_knew() {
    let options = [("options.max_deliveries", 1), ("options.lock_timeout", 60_000)];
    room_is_made(&options, |queue, held| async move {
        queue.renew_lock(&held, Duration::from_secs(1)).await.unwrap();
        settle_down().await;
        advance(Duration::from_millis(1001)).await;
    })
    .await;
}

#[tokio::test]
async fn senders_get_room_in_the_order_in_which_they_came_and_nobody_overtakes() {
    let queue = narrow(2, &[]).await;
    send(&queue, "1").await;
    send(&queue, "2").await;
    let mut senders = Vec::new();
    for text in ["3", "4", "5"] {
        senders.push(sending(&queue, text).await);
    }
    // It runs before any of those who have waited hears that there is room.
    let late = tokio::spawn({
        let queue = queue.clone();
        async move { queue.send(None, MessageEnvelope::new(None, "order", "6")).await }
    });
    let mut held = take(&queue).await.unwrap();
    queue.complete(&mut held).await.unwrap();
    let mut order = vec![text(&held)];
    while order.len() < 6 {
        settle_down().await;
        let mut held = take(&queue).await.unwrap();
        order.push(text(&held));
        queue.complete(&mut held).await.unwrap();
    }
    assert_eq!(order, ["1", "2", "3", "4", "5", "6"]);
    for sender in senders.into_iter().chain([late]) {
        sender.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_send_that_finds_room_by_an_expiry_does_not_overtake_those_who_wait() {
    let queue = narrow(1, &[("options.max_deliveries", 1), ("options.lock_timeout", 1000)]).await;
    send(&queue, "a").await;
    let _held = take(&queue).await.unwrap();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    let mut waits = queue.send(None, MessageEnvelope::new(None, "order", "b"));
    assert!(waits.as_mut().poll(&mut context).is_pending());
    advance(Duration::from_millis(1001)).await;
    // The lock is seen to have expired by this one.
    let mut late = queue.send(None, MessageEnvelope::new(None, "order", "c"));
    assert!(late.as_mut().poll(&mut context).is_pending(), "it has the room of the one before");
    assert_eq!(waiting(&queue).await, ["b"]);
    assert!(matches!(waits.as_mut().poll(&mut context), Poll::Ready(Ok(()))));
}

#[tokio::test]
async fn a_waiting_send_is_woken_once_when_its_message_is_in() {
    let queue = narrow(1, &[]).await;
    send(&queue, "a").await;
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    let mut waits = queue.send(None, MessageEnvelope::new(None, "order", "b"));
    assert!(waits.as_mut().poll(&mut context).is_pending());
    let mut held = take(&queue).await.unwrap();
    assert_eq!(woken.times(), 0, "a locked message takes its place still");
    queue.complete(&mut held).await.unwrap();
    assert_eq!(woken.times(), 1);
    assert_eq!(waiting(&queue).await, ["b"], "it is in before its sender runs");
    assert!(matches!(waits.as_mut().poll(&mut context), Poll::Ready(Ok(()))));
}

#[tokio::test]
async fn a_waiting_send_that_is_dropped_leaves_the_line_and_sends_nothing() {
    let queue = narrow(1, &[]).await;
    send(&queue, "a").await;
    let first = sending(&queue, "b").await;
    let second = sending(&queue, "c").await;
    let third = sending(&queue, "d").await;
    second.abort();
    first.abort();
    settle_down().await;
    queue.complete(&mut take(&queue).await.unwrap()).await.unwrap();
    third.await.unwrap().unwrap();
    assert_eq!(waiting(&queue).await, ["d"]);
    queue.complete(&mut take(&queue).await.unwrap()).await.unwrap();
    send(&queue, "e").await;
    assert_eq!(waiting(&queue).await, ["e"]);
}

#[tokio::test]
async fn a_close_ends_all_waiting_sends_and_gives_their_messages_back() {
    let queue = narrow(1, &[]).await;
    send(&queue, "a").await;
    let senders = [sending(&queue, "b").await, sending(&queue, "c").await];
    queue.close(None).await.unwrap();
    // There is room before they hear of it, but in another session.
    queue.clear(None).await.unwrap();
    queue.open(None).await.unwrap();
    for (sender, sent) in senders.into_iter().zip(["b", "c"]) {
        let (error, envelope) = sender.await.unwrap().unwrap_err().into_parts();
        assert_eq!((error.code(), error.correlation_id()), ("NOT_OPENED", Some("7")));
        assert_eq!((text(&envelope).as_str(), envelope.sent_time), (sent, None));
    }
    assert!(waiting(&queue).await.is_empty());
    send(&queue, "d").await;
}

#[tokio::test(start_paused = true)]
async fn a_send_waits_no_longer_than_its_timeout_also_in_the_line() {
    let queue = narrow(1, &[("options.send_timeout", 500)]).await;
    send(&queue, "a").await;
    let start = Instant::now();
    let senders = [sending(&queue, "b").await, sending(&queue, "c").await];
    for sender in senders {
        let (error, envelope) = sender.await.unwrap().unwrap_err().into_parts();
        assert_eq!((error.code(), envelope.sent_time), ("QUEUE_FULL", None));
        assert!(
            error.message().contains("had no room within the 500 ms of options.send_timeout"),
            "{}",
            error.message()
        );
        assert!((500..=502).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    }
    assert_eq!(waiting(&queue).await, ["a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_senders_and_receivers_lose_nothing_in_a_narrow_queue() {
    const EACH: usize = 500;
    let queue = narrow(3, &[]).await;
    let mut tasks = Vec::new();
    for sender in 0..4 {
        let queue = queue.clone();
        tasks.push(tokio::spawn(async move {
            for number in 0..EACH {
                send(&queue, &format!("{sender}-{number}")).await;
            }
            Vec::new()
        }));
    }
    for _ in 0..4 {
        let queue = queue.clone();
        tasks.push(tokio::spawn(async move {
            let mut texts = Vec::new();
            for _ in 0..EACH {
                let mut held = queue.receive(None, Duration::MAX).await.unwrap().unwrap();
                assert!(queue.read_message_count().await.unwrap() <= 3);
                texts.push(text(&held));
                queue.complete(&mut held).await.unwrap();
            }
            texts
        }));
    }
    let mut received = Vec::new();
    for task in tasks {
        received.extend(task.await.unwrap());
    }
    received.sort();
    received.dedup();
    assert_eq!(received.len(), 4 * EACH);
}
