use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pip_services_commons::{
    errors::ApplicationError,
    run::{ICleanable, IClosable, IOpenable},
};
use pip_services_messaging::{
    CallbackMessageReceiver, IMessageQueue, IMessageReceiver, MemoryMessageQueue, MessageEnvelope,
};
use tokio::sync::{Notify, mpsc};

use crate::support::{
    a_close_ends_a_listening_that_begins_meanwhile, count, counted, observed, opened, send, text, waiting,
};

/// A receiver that tells the text of each message, and does no more.
fn recorder() -> (Arc<dyn IMessageReceiver>, mpsc::UnboundedReceiver<String>) {
    let (sender, handled) = mpsc::unbounded_channel();
    let receiver = move |envelope: MessageEnvelope| {
        let sent = sender.send(text(&envelope));
        async move { sent.map_err(|_| ApplicationError::unknown(None, "GONE", "nobody looks")) }
    };
    (Arc::new(receiver), handled)
}

/// Polls until the queue has no messages, locked ones included, as the listener completes after handling.
async fn all_completed(queue: &MemoryMessageQueue) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    loop {
        queue.end_listen(None).await;
        queue.close(None).await.unwrap();
        queue.open(None).await.unwrap();
        if waiting(queue).await.is_empty() {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{:?} are left", waiting(queue).await);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn handled_messages_are_completed() {
    let queue = opened(&[]).await;
    send(&queue, "a").await;
    let (receiver, mut handled) = recorder();
    queue.clone().begin_listen(None, receiver).unwrap();
    send(&queue, "b").await;
    assert_eq!(handled.recv().await.unwrap(), "a");
    assert_eq!(handled.recv().await.unwrap(), "b");
    all_completed(&queue).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_right_after_the_begin_wins() {
    let queue = opened(&[]).await;
    let (receiver, mut handled) = recorder();
    for _ in 0..100 {
        queue.clone().begin_listen(None, receiver.clone()).unwrap();
        queue.end_listen(None).await;
        send(&queue, "a").await;
        let mut left = queue.receive(None, Duration::from_secs(5)).await.unwrap().unwrap();
        queue.complete(&mut left).await.unwrap();
    }
    assert!(handled.try_recv().is_err());
}

#[tokio::test]
async fn a_second_listener_is_refused_and_the_first_goes_on() {
    let queue = opened(&[]).await;
    let (receiver, mut handled) = recorder();
    queue.clone().begin_listen(None, receiver.clone()).unwrap();
    assert_eq!(queue.clone().begin_listen(None, receiver.clone()).unwrap_err().code(), "ALREADY_LISTENING");
    assert_eq!(queue.listen(None, receiver.clone()).await.unwrap_err().code(), "ALREADY_LISTENING");
    send(&queue, "a").await;
    assert_eq!(handled.recv().await.unwrap(), "a");
    queue.end_listen(None).await;
    queue.clone().begin_listen(None, receiver).unwrap();
    send(&queue, "b").await;
    assert_eq!(handled.recv().await.unwrap(), "b");
}

#[tokio::test]
async fn a_message_whose_handling_panicked_comes_again_and_the_listening_goes_on() {
    let queue = opened(&[]).await;
    let counters = counted(&queue);
    let (sender, mut handled) = mpsc::unbounded_channel();
    let panicked = AtomicBool::new(false);
    let receiver = move |envelope: MessageEnvelope| {
        let (sender, first) = (sender.clone(), !panicked.swap(true, Ordering::Relaxed));
        async move {
            assert!(!first, "this receiver panics once");
            let _ = sender.send(text(&envelope));
            Ok(())
        }
    };
    send(&queue, "a").await;
    send(&queue, "b").await;
    queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
    assert_eq!(handled.recv().await.unwrap(), "b");
    assert_eq!(handled.recv().await.unwrap(), "a");
    all_completed(&queue).await;
    assert_eq!(count(&counters, "orders", "failed_handlers"), 1);
    assert_eq!(count(&counters, "orders", "abandoned_messages"), 1);
}

#[tokio::test]
async fn a_receiver_that_settled_the_message_itself_has_the_last_word() {
    let queue = opened(&[]).await;
    let (sender, mut handled) = mpsc::unbounded_channel();
    let receiver = CallbackMessageReceiver::new(move |mut envelope, queue| {
        let sender = sender.clone();
        Box::pin(async move {
            let text = text(&envelope);
            match text.as_str() {
                "completed" => queue.complete(&mut envelope).await?,
                _ => queue.abandon(&mut envelope).await?,
            }
            queue.end_listen(None).await;
            let _ = sender.send(text.clone());
            match text.as_str() {
                "completed" => Err(ApplicationError::unknown(None, "FAILED", "after it was completed")),
                _ => Ok(()),
            }
        })
    });
    let receiver = Arc::new(receiver);
    for (message, left) in [("completed", vec![]), ("abandoned", vec!["abandoned"])] {
        send(&queue, message).await;
        queue.listen(None, receiver.clone()).await.unwrap();
        assert_eq!(handled.recv().await.unwrap(), message);
        assert_eq!(waiting(&queue).await, left);
    }
}

#[tokio::test(start_paused = true)]
async fn handlings_that_an_end_or_a_close_leaves_to_themselves_are_told_and_counted_once() {
    for close in [false, true] {
        let queue = opened(&[("options.concurrency", 3)]).await;
        let (log, counters) = observed(&*queue);
        let (sender, mut started) = mpsc::unbounded_channel();
        let receiver = move |envelope: MessageEnvelope| {
            let sent = sender.send(text(&envelope));
            async move {
                tokio::time::sleep(Duration::from_secs(20)).await;
                sent.map_err(|_| ApplicationError::unknown(None, "GONE", "nobody looks"))
            }
        };
        send(&queue, "a").await;
        send(&queue, "b").await;
        queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
        assert_eq!((started.recv().await.unwrap(), started.recv().await.unwrap()), ("a".into(), "b".into()));
        match close {
            true => {
                let (one, other) = tokio::join!(queue.close(None), queue.close(None));
                one.and(other).unwrap();
            }
            false => queue.end_listen(None).await,
        }
        let told = log.with("WARN");
        assert!(
            matches!(told.as_slice(), [line] if line.contains(" 2 messages ") && line.contains("[orders]")),
            "{told:?}"
        );
        assert_eq!(count(&counters, "orders", "unfinished_handlers"), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handling_that_ends_the_listening_tells_of_the_others_and_not_of_itself() {
    for others in [0, 1] {
        let queue = opened(&[("options.concurrency", 2)]).await;
        let (log, counters) = observed(&*queue);
        let (sender, mut ended) = mpsc::unbounded_channel();
        let receiver = CallbackMessageReceiver::new(move |envelope, queue| {
            let sender = sender.clone();
            Box::pin(async move {
                match text(&envelope).as_str() {
                    "ends" => {
                        queue.end_listen(None).await;
                        let _ = sender.send(());
                    }
                    _ => tokio::time::sleep(Duration::from_secs(20)).await,
                }
                Ok(())
            })
        });
        for _ in 0..others {
            send(&queue, "takes long").await;
        }
        send(&queue, "ends").await;
        queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
        ended.recv().await.unwrap();
        assert_eq!(count(&counters, "orders", "unfinished_handlers"), others);
        assert_eq!(log.with("WARN").len() as i64, others, "{:?}", log.with("WARN"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_handling_that_is_over_in_time_is_no_loss_to_tell() {
    let queue = opened(&[]).await;
    let (log, counters) = observed(&*queue);
    let (sender, mut started) = mpsc::unbounded_channel();
    let receiver = move |_: MessageEnvelope| {
        let _ = sender.send(());
        async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            Ok(())
        }
    };
    send(&queue, "a").await;
    queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
    started.recv().await.unwrap();
    queue.close(None).await.unwrap();
    assert_eq!(count(&counters, "orders", "unfinished_handlers"), 0);
    assert!(log.with("WARN").is_empty(), "{:?}", log.with("WARN"));
}

#[tokio::test]
async fn the_end_waits_for_the_handling_that_runs_and_none_starts_after_it() {
    for close in [false, true] {
        let queue = opened(&[]).await;
        let (started, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let finished = Arc::new(AtomicBool::new(false));
        let receiver = {
            let (started, go_on, finished) = (started.clone(), go_on.clone(), finished.clone());
            move |_: MessageEnvelope| {
                let (started, go_on, finished) = (started.clone(), go_on.clone(), finished.clone());
                async move {
                    started.notify_one();
                    go_on.notified().await;
                    finished.store(true, Ordering::Release);
                    Ok(())
                }
            }
        };
        send(&queue, "a").await;
        send(&queue, "b").await;
        queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
        started.notified().await;
        let ending = tokio::spawn({
            let queue = queue.clone();
            async move {
                match close {
                    true => queue.close(None).await.unwrap(),
                    false => queue.end_listen(None).await,
                }
            }
        });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!ending.is_finished());
        go_on.notify_one();
        ending.await.unwrap();
        assert!(finished.load(Ordering::Acquire));
        queue.open(None).await.unwrap();
        assert_eq!(waiting(&queue).await, ["b"], "the handled message is completed, the other waits");
    }
}

#[tokio::test]
async fn a_receiver_can_close_the_queue() {
    let queue = opened(&[]).await;
    let receiver = CallbackMessageReceiver::new(|mut envelope, queue| {
        Box::pin(async move {
            queue.complete(&mut envelope).await?;
            queue.close(None).await
        })
    });
    send(&queue, "a").await;
    send(&queue, "b").await;
    let listening = queue.listen(None, Arc::new(receiver));
    tokio::time::timeout(Duration::from_secs(5), listening).await.expect("close waits for itself").unwrap();
    assert!(!queue.is_open());
    queue.open(None).await.unwrap();
    assert_eq!(waiting(&queue).await, ["b"]);
}

#[tokio::test]
async fn a_message_that_its_receiver_did_not_complete_before_it_closed_the_queue_comes_again() {
    let queue = opened(&[]).await;
    let receiver = CallbackMessageReceiver::new(|_, queue| Box::pin(queue.close(None)));
    send(&queue, "a").await;
    queue.listen(None, Arc::new(receiver)).await.unwrap();
    queue.open(None).await.unwrap();
    assert_eq!(waiting(&queue).await, ["a"]);
}

#[tokio::test]
async fn clearing_does_not_touch_the_listener() {
    let queue = opened(&[]).await;
    let (receiver, mut handled) = recorder();
    queue.clone().begin_listen(None, receiver.clone()).unwrap();
    queue.clear(None).await.unwrap();
    send(&queue, "a").await;
    assert_eq!(handled.recv().await.unwrap(), "a");
    queue.end_listen(None).await;
    queue.clear(None).await.unwrap();
    send(&queue, "b").await;
    queue.clone().begin_listen(None, receiver).unwrap();
    assert_eq!(handled.recv().await.unwrap(), "b");
}

#[tokio::test]
async fn a_listening_that_is_dropped_makes_room_and_loses_nothing() {
    let queue = opened(&[]).await;
    let (receiver, mut handled) = recorder();
    let listening = queue.listen(None, receiver.clone());
    assert!(tokio::time::timeout(Duration::from_millis(1), listening).await.is_err());
    send(&queue, "a").await;
    assert_eq!(waiting(&queue).await, ["a"]);
    queue.clone().begin_listen(None, receiver).unwrap();
    assert_eq!(handled.recv().await.unwrap(), "a");
}

#[tokio::test]
async fn a_close_ends_also_a_listening_that_begins_meanwhile() {
    let queue = opened(&[]).await;
    a_close_ends_a_listening_that_begins_meanwhile(queue.clone(), async |text| send(&queue, text).await)
        .await;
}
