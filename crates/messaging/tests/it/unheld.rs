use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use pip_services_commons::run::{IClosable, IOpenable};
use pip_services_messaging::{CallbackMessageReceiver, IMessageQueue, IMessageReceiver, MemoryMessageQueue};
use tokio::{
    sync::Notify,
    time::{Instant, advance},
};

use crate::{
    support::{SOON, count, counted, eventually, opened, recorder, send, settle_down, take, text, waiting},
    topic_queue::{Broker, TopicQueue},
};

/// Begins to listen, lets the queue go, and makes sure that nothing of both is left.
async fn let_go<Q: IMessageQueue>(queue: Arc<Q>, listen: impl FnOnce(Arc<Q>, Arc<dyn IMessageReceiver>)) {
    let (receiver, mut handled) = recorder();
    listen(queue.clone(), receiver);
    settle_down().await;
    let weak = Arc::downgrade(&queue);
    drop(queue);
    assert_eq!(Weak::strong_count(&weak), 0, "the listener holds the queue");
    // The task that listens drops its receiver.
    assert!(handled.recv().await.is_none());
}

#[tokio::test]
async fn dropping_the_last_handle_of_a_memory_queue_ends_its_listener() {
    let queue = opened(&[]).await;
    send(&queue, "before").await;
    queue.complete(&mut take(&queue).await.unwrap()).await.unwrap();
    let_go(queue, |queue, receiver| queue.begin_listen(None, receiver).unwrap()).await;
}

#[tokio::test]
async fn dropping_the_last_handle_of_a_queue_on_a_broker_ends_its_listener_and_its_subscription() {
    let broker = Broker::default();
    let queue = Arc::new(TopicQueue::new("orders", &broker));
    queue.open(None).await.unwrap();
    let_go(queue, |queue, receiver| queue.begin_listen(None, receiver).unwrap()).await;
    assert_eq!(broker.subscribers("orders"), 0);
}

#[tokio::test]
async fn a_queue_that_is_let_go_while_a_message_is_handled_lasts_until_that_is_done() {
    let queue = opened(&[]).await;
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let completed = Arc::new(AtomicUsize::new(0));
    let receiver = {
        let (begun, go_on, completed) = (begun.clone(), go_on.clone(), completed.clone());
        CallbackMessageReceiver::new(move |mut envelope, queue| {
            let (begun, go_on, completed) = (begun.clone(), go_on.clone(), completed.clone());
            Box::pin(async move {
                begun.notify_one();
                go_on.notified().await;
                queue.complete(&mut envelope).await?;
                completed.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
        })
    };
    send(&queue, "a").await;
    send(&queue, "b").await;
    queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
    begun.notified().await;
    let weak = Arc::downgrade(&queue);
    drop(queue);
    assert_eq!(Weak::strong_count(&weak), 1);
    go_on.notify_one();
    eventually("the queue is gone", || Weak::strong_count(&weak) == 0).await;
    assert_eq!(completed.load(Ordering::SeqCst), 1, "no further message is handled");
}

#[tokio::test]
async fn a_listener_hears_of_each_message_while_it_holds_no_queue() {
    let queue = opened(&[]).await;
    let (receiver, mut handled) = recorder();
    queue.clone().begin_listen(None, receiver).unwrap();
    for number in 0..100 {
        settle_down().await;
        send(&queue, &number.to_string()).await;
        assert_eq!(handled.recv().await.unwrap(), number.to_string());
    }
}

#[tokio::test]
async fn a_listener_that_ends_passes_on_what_it_was_told() {
    let queue = opened(&[]).await;
    let (receiver, mut handled) = recorder();
    queue.clone().begin_listen(None, receiver).unwrap();
    settle_down().await;
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.receive(None, Duration::MAX).await.unwrap().map(|envelope| text(&envelope)) }
    });
    settle_down().await;
    // The listener, which has waited for longer, is told of the message, and has ended when it looks.
    send(&queue, "a").await;
    queue.end_listen(None).await;
    assert_eq!(waiting.await.unwrap().as_deref(), Some("a"));
    assert!(handled.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_listener_gets_a_message_when_its_lock_expires_or_is_made_shorter() {
    let queue = opened(&[("options.lock_timeout", 60_000)]).await;
    send(&queue, "a").await;
    let kept = take(&queue).await.unwrap();
    let (receiver, mut handled) = recorder();
    queue.clone().begin_listen(None, receiver).unwrap();
    let start = Instant::now();
    settle_down().await;
    queue.renew_lock(&kept, Duration::from_secs(1)).await.unwrap();
    assert_eq!(handled.recv().await.unwrap(), "a");
    assert_eq!(start.elapsed().as_secs(), 1);
    queue.end_listen(None).await;

    send(&queue, "b").await;
    let _kept = take(&queue).await.unwrap();
    let (receiver, mut handled) = recorder();
    queue.clone().begin_listen(None, receiver).unwrap();
    let start = Instant::now();
    assert_eq!(handled.recv().await.unwrap(), "b");
    assert_eq!(start.elapsed().as_secs(), 60);
}

/// A listening on a task of its own that handles what it gets for ever, and how many handlings have begun.
async fn stuck(queue: &Arc<MemoryMessageQueue>) -> (tokio::task::JoinHandle<()>, Arc<AtomicUsize>) {
    let begun = Arc::new(AtomicUsize::new(0));
    let receiver = {
        let begun = begun.clone();
        CallbackMessageReceiver::new(move |mut envelope, queue| {
            begun.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                if text(&envelope) == "settled" {
                    queue.complete(&mut envelope).await?;
                }
                std::future::pending().await
            })
        })
    };
    let listening = tokio::spawn({
        let queue = queue.clone();
        async move { queue.listen(None, Arc::new(receiver)).await.unwrap() }
    });
    settle_down().await;
    (listening, begun)
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_handling_is_cut_off_is_the_next_at_once() {
    let queue = opened(&[("options.lock_timeout", 60_000)]).await;
    let counters = counted(&queue);
    for text in ["a", "b"] {
        send(&queue, text).await;
    }
    let (listening, begun) = stuck(&queue).await;
    assert_eq!(begun.load(Ordering::SeqCst), 1);
    assert_eq!(waiting(&queue).await, ["b"]);
    listening.abort();
    assert!(listening.await.unwrap_err().is_cancelled());
    assert_eq!(waiting(&queue).await, ["a", "b"]);
    advance(Duration::from_secs(120)).await;
    assert_eq!(waiting(&queue).await, ["a", "b"], "its lock is gone");
    for event in ["failed_handlers", "expired_messages", "abandoned_messages", "process_time"] {
        assert_eq!(count(&counters, "orders", event), 0, "{event}");
    }
}

#[tokio::test]
async fn all_messages_whose_handling_is_cut_off_come_again_and_wake_who_waits() {
    let queue = opened(&[("options.concurrency", 3), ("options.lock_timeout", 3_600_000)]).await;
    for text in ["a", "b", "c"] {
        send(&queue, text).await;
    }
    let (listening, begun) = stuck(&queue).await;
    assert_eq!(begun.load(Ordering::SeqCst), 3);
    let receiving = (0..3).map(|_| {
        let queue = queue.clone();
        tokio::spawn(async move { text(&queue.receive(None, SOON).await.unwrap().expect("none came")) })
    });
    let receiving: Vec<_> = receiving.collect();
    settle_down().await;
    listening.abort();
    let mut received = Vec::new();
    for receiving in receiving {
        received.push(receiving.await.unwrap());
    }
    received.sort();
    assert_eq!(received, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_message_that_the_receiver_has_settled_does_not_come_again() {
    let queue = opened(&[]).await;
    send(&queue, "settled").await;
    let (listening, begun) = stuck(&queue).await;
    assert_eq!(begun.load(Ordering::SeqCst), 1);
    listening.abort();
    assert!(listening.await.unwrap_err().is_cancelled());
    assert!(waiting(&queue).await.is_empty());
}

#[tokio::test]
async fn what_is_cut_off_in_a_closed_queue_is_there_when_it_is_opened_again() {
    let queue = opened(&[]).await;
    send(&queue, "a").await;
    let (listening, _begun) = stuck(&queue).await;
    let closing = tokio::spawn({
        let queue = queue.clone();
        async move { queue.close(None).await.unwrap() }
    });
    settle_down().await;
    listening.abort();
    closing.await.unwrap();
    queue.open(None).await.unwrap();
    assert_eq!(waiting(&queue).await, ["a"], "once, and not twice");
}
