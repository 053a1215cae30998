use std::time::Duration;

use pip_services_commons::{
    errors::ApplicationError,
    run::{IClosable, IOpenable},
};
use pip_services_messaging::{IMessageQueue, MemoryMessageQueue, MessageEnvelope};
use tokio::time::{Instant, advance};

use crate::support::{count, counted, opened, send, take, text, waiting};

const LONG: Duration = Duration::from_secs(3600);

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn code(result: Result<(), ApplicationError>) -> String {
    result.map_or_else(|error| error.code().to_owned(), |()| "OK".to_owned())
}

#[tokio::test(start_paused = true)]
async fn an_expired_lock_brings_the_message_back_once() {
    let queue = opened(&[("options.lock_timeout", 1000)]).await;
    let counters = counted(&queue);
    send(&queue, "a").await;
    let first = take(&queue).await.unwrap();
    advance(seconds(0.999)).await;
    assert!(take(&queue).await.is_none());
    advance(seconds(0.001)).await;
    let mut again = take(&queue).await.unwrap();
    assert_eq!((again.message_id.as_str(), again.sent_time), (first.message_id.as_str(), first.sent_time));
    queue.complete(&mut again).await.unwrap();
    advance(seconds(10.0)).await;
    assert!(take(&queue).await.is_none());
    assert_eq!(count(&counters, "orders", "expired_messages"), 1);
    assert_eq!(count(&counters, "orders", "received_messages"), 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_gets_the_message_when_its_lock_expires() {
    let queue = opened(&[("options.lock_timeout", 1000)]).await;
    send(&queue, "a").await;
    let _kept = take(&queue).await.unwrap();
    let start = Instant::now();
    let received = queue.receive(None, LONG).await.unwrap().unwrap();
    assert_eq!(text(&received), "a");
    assert!((1000..=1002).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn whoever_waited_before_the_message_was_locked_gets_it_when_the_lock_expires() {
    let queue = opened(&[("options.lock_timeout", 1000)]).await;
    let wait = || {
        let queue = queue.clone();
        tokio::spawn(
            async move { queue.receive(None, LONG).await.unwrap().map(|m| (text(&m), Instant::now())) },
        )
    };
    let waiting = [wait(), wait(), wait()];
    tokio::task::yield_now().await;
    let start = Instant::now();
    send(&queue, "a").await;
    let mut arrived = Vec::new();
    for received in waiting {
        let (text, at) = received.await.unwrap().unwrap();
        assert_eq!(text, "a");
        arrived.push((at - start).as_secs());
    }
    arrived.sort_unstable();
    assert_eq!(arrived, [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_gets_the_message_of_a_lock_that_was_made_shorter() {
    let queue = opened(&[("options.lock_timeout", 60_000)]).await;
    send(&queue, "a").await;
    let kept = take(&queue).await.unwrap();
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.receive(None, LONG).await.unwrap().is_some() }
    });
    tokio::task::yield_now().await;
    let start = Instant::now();
    queue.renew_lock(&kept, seconds(1.0)).await.unwrap();
    assert!(waiting.await.unwrap());
    assert_eq!(start.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_renewed_lock_lasts_for_the_time_that_was_given() {
    let queue = opened(&[("options.lock_timeout", 1000)]).await;
    send(&queue, "a").await;
    let mut held = take(&queue).await.unwrap();
    advance(seconds(0.75)).await;
    queue.renew_lock(&held, seconds(2.0)).await.unwrap();
    advance(seconds(1.999)).await;
    assert!(take(&queue).await.is_none());
    queue.renew_lock(&held, Duration::MAX).await.unwrap();
    advance(LONG).await;
    assert!(take(&queue).await.is_none());
    queue.complete(&mut held).await.unwrap();
    assert!(held.get_reference().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_expired_lock_is_lost_and_settles_nothing() {
    for operation in ["renew", "abandon", "complete"] {
        let queue = opened(&[("options.lock_timeout", 1000)]).await;
        send(&queue, "a").await;
        let mut stale = take(&queue).await.unwrap();
        advance(seconds(1.0)).await;
        // First while the message waits, then while somebody else holds it.
        let mut again = stale.clone();
        assert_eq!(code(settle(&queue, operation, &mut again).await), "LOCK_LOST", "{operation}");
        assert_eq!(waiting(&queue).await, ["a"], "{operation}");
        let mut held = take(&queue).await.unwrap();
        let lost = code(settle(&queue, operation, &mut stale).await);
        // A second settlement of one delivery does nothing.
        assert!(lost == "LOCK_LOST" || operation == "complete" && lost == "OK", "{operation}: {lost}");
        assert!(take(&queue).await.is_none(), "{operation}");
        queue.renew_lock(&held, seconds(1.0)).await.unwrap();
        queue.complete(&mut held).await.unwrap();
        advance(seconds(10.0)).await;
        assert!(take(&queue).await.is_none(), "{operation}");
    }
}

async fn settle(
    queue: &MemoryMessageQueue,
    operation: &str,
    envelope: &mut MessageEnvelope,
) -> Result<(), ApplicationError> {
    match operation {
        "renew" => queue.renew_lock(envelope, LONG).await,
        "abandon" => queue.abandon(envelope).await,
        _ => queue.complete(envelope).await,
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_settled_twice_is_settled_as_the_first_time() {
    for (first, second) in
        [("complete", "complete"), ("complete", "abandon"), ("abandon", "complete"), ("abandon", "abandon")]
    {
        for by_clone in [false, true] {
            let queue = opened(&[("options.lock_timeout", 1000)]).await;
            send(&queue, "a").await;
            let mut envelope = take(&queue).await.unwrap();
            let mut clone = envelope.clone();
            settle(&queue, first, &mut envelope).await.unwrap();
            let again = if by_clone { &mut clone } else { &mut envelope };
            let result = code(settle(&queue, second, again).await);
            assert_eq!(result, if second == "complete" { "OK" } else { "LOCK_LOST" }, "{first}, {second}");
            let expected: &[&str] = if first == "abandon" { &["a"] } else { &[] };
            assert_eq!(waiting(&queue).await, expected, "{first}, {second}");
            advance(seconds(10.0)).await;
            assert_eq!(waiting(&queue).await, expected, "{first}, {second}");
        }
    }
}

#[tokio::test]
async fn an_abandoned_message_goes_to_the_end_unchanged_and_is_not_sent_again() {
    let queue = opened(&[]).await;
    let counters = counted(&queue);
    send(&queue, "a").await;
    send(&queue, "b").await;
    let received = take(&queue).await.unwrap();
    queue.abandon(&mut received.clone()).await.unwrap();
    assert_eq!(waiting(&queue).await, ["b", "a"]);
    take(&queue).await.unwrap();
    let again = take(&queue).await.unwrap();
    assert_eq!((again.message_id, again.sent_time), (received.message_id, received.sent_time));
    assert_eq!(count(&counters, "orders", "sent_messages"), 2);
    assert_eq!(count(&counters, "orders", "abandoned_messages"), 1);
}

#[tokio::test]
async fn envelopes_of_other_queues_and_of_nobody_settle_nothing() {
    let (queue, other) = (opened(&[]).await, opened(&[]).await);
    send(&queue, "a").await;
    send(&other, "b").await;
    let held = take(&queue).await.unwrap();
    for mut foreign in [take(&other).await.unwrap(), MessageEnvelope::new(None, "order", "c")] {
        assert_eq!(code(queue.abandon(&mut foreign).await), "LOCK_LOST");
        assert_eq!(code(queue.renew_lock(&foreign, LONG).await), "LOCK_LOST");
        assert_eq!(code(queue.complete(&mut foreign).await), "OK");
    }
    assert!(take(&queue).await.is_none());
    queue.renew_lock(&held, LONG).await.unwrap();
}

#[tokio::test]
async fn close_makes_locked_messages_ready_again_in_front() {
    let queue = opened(&[]).await;
    for text in ["a", "b", "c"] {
        send(&queue, text).await;
    }
    let mut held = take(&queue).await.unwrap();
    take(&queue).await.unwrap();
    queue.close(None).await.unwrap();
    queue.open(None).await.unwrap();
    assert_eq!(waiting(&queue).await, ["a", "b", "c"]);
    assert_eq!(code(queue.complete(&mut held).await), "LOCK_LOST");
    assert_eq!(waiting(&queue).await, ["a", "b", "c"]);
}
