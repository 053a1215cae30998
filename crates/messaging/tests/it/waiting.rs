use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pip_services_commons::run::{IClosable, IOpenable};
use pip_services_messaging::{CallbackMessageReceiver, IMessageQueue, MemoryMessageQueue, MessageEnvelope};
use tokio::{runtime::Builder, sync::mpsc};

use crate::support::{opened, send, settle_down, take, text};

#[test]
fn who_waits_for_ever_for_a_message_needs_no_timer() {
    // A timer cannot even be made in this runtime.
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let queue = opened(&[]).await;
        let receiving = tokio::spawn({
            let queue = queue.clone();
            async move { queue.receive(None, Duration::MAX).await.unwrap().unwrap() }
        });
        settle_down().await;
        send(&queue, "a").await;
        queue.complete(&mut receiving.await.unwrap()).await.unwrap();

        let (sender, mut handled) = mpsc::unbounded_channel();
        let receiver = CallbackMessageReceiver::new(move |envelope, _| {
            let _ = sender.send(text(&envelope));
            Box::pin(async { Ok(()) })
        });
        queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
        settle_down().await;
        send(&queue, "b").await;
        assert_eq!(handled.recv().await.as_deref(), Some("b"));
    });
}

#[tokio::test]
async fn who_never_runs_out_of_messages_lets_others_run() {
    let queue = opened(&[]).await;
    let ran = Arc::new(AtomicBool::new(false));
    tokio::spawn({
        let ran = ran.clone();
        async move { ran.store(true, Ordering::Relaxed) }
    });
    for _ in 0..10_000 {
        send(&queue, "a").await;
    }
    assert!(ran.swap(false, Ordering::Relaxed), "10 000 sends kept the thread to themselves");
    tokio::spawn({
        let ran = ran.clone();
        async move { ran.store(true, Ordering::Relaxed) }
    });
    for _ in 0..10_000 {
        queue.complete(&mut take(&queue).await.unwrap()).await.unwrap();
    }
    assert!(ran.load(Ordering::Relaxed), "10 000 receives kept the thread to themselves");
}

#[tokio::test]
async fn a_receive_ends_with_the_session_that_it_waits_in() {
    let queue = opened(&[]).await;
    let receiving = tokio::spawn({
        let queue = queue.clone();
        async move { queue.receive(None, Duration::MAX).await.unwrap() }
    });
    settle_down().await;
    queue.close(None).await.unwrap();
    queue.open(None).await.unwrap();
    send(&queue, "a").await;
    assert!(receiving.await.unwrap().is_none());
    assert_eq!(text(&take(&queue).await.unwrap()), "a");
}

#[tokio::test]
async fn each_of_many_who_wait_gets_one_of_the_messages_that_come_at_once() {
    let queue = Arc::new(MemoryMessageQueue::new("orders"));
    queue.open(None).await.unwrap();
    let receivers: Vec<_> = (0..10)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move { text(&queue.receive(None, Duration::MAX).await.unwrap().unwrap()) })
        })
        .collect();
    settle_down().await;
    for number in 0..10 {
        queue.send(None, MessageEnvelope::new(None, "order", number.to_string())).await.unwrap();
    }
    let mut texts = Vec::new();
    for receiver in receivers {
        texts.push(receiver.await.unwrap());
    }
    texts.sort();
    assert_eq!(texts.concat(), "0123456789");
}
