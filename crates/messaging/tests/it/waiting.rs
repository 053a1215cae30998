use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use pip_services_commons::run::{IClosable, IOpenable};
use pip_services_messaging::{CallbackMessageReceiver, IMessageQueue, MemoryMessageQueue, MessageEnvelope};
use tokio::{runtime::Builder, sync::mpsc, time::advance};

use crate::support::{Woken, opened, send, settle_down, take, text};

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

/// A receive that waits, polled by hand.
struct Receiving<'a> {
    future: Pin<Box<dyn Future<Output = Option<MessageEnvelope>> + 'a>>,
    woken: Arc<Woken>,
}

impl<'a> Receiving<'a> {
    fn new(queue: &'a MemoryMessageQueue) -> Self {
        let mut receiving = Self {
            future: Box::pin(async { queue.receive(None, Duration::MAX).await.unwrap() }),
            woken: Arc::default(),
        };
        assert!(receiving.poll().is_none());
        receiving
    }

    fn poll(&mut self) -> Option<String> {
        let waker = Waker::from(self.woken.clone());
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(envelope) => Some(text(&envelope.unwrap())),
            Poll::Pending => None,
        }
    }

    fn woken(&self) -> usize {
        self.woken.times()
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_wakes_one_of_those_who_wait_and_its_lock_one_other() {
    let queue = opened(&[]).await;
    let mut receiving = [(); 5].map(|()| Receiving::new(&queue));
    send(&queue, "a").await;
    assert_eq!(receiving.each_ref().map(Receiving::woken), [1, 0, 0, 0, 0]);
    assert_eq!(receiving[0].poll().as_deref(), Some("a"));
    // It waits for the expiry of the lock in place of all.
    assert_eq!(receiving.each_ref().map(Receiving::woken), [1, 1, 0, 0, 0]);
    assert!(receiving[1].poll().is_none());
    send(&queue, "b").await;
    assert_eq!(receiving.each_ref().map(Receiving::woken), [1, 1, 1, 0, 0]);
    assert_eq!(receiving[2].poll().as_deref(), Some("b"));
    queue.read_message_count().await.unwrap();
    assert_eq!(receiving.each_ref().map(Receiving::woken), [1, 1, 1, 0, 0], "nothing is there for others");
}

#[tokio::test]
async fn a_receive_that_is_dropped_after_it_was_called_leaves_the_message_to_another() {
    let queue = opened(&[]).await;
    let (called, mut other) = (Receiving::new(&queue), Receiving::new(&queue));
    send(&queue, "a").await;
    assert_eq!((called.woken(), other.woken()), (1, 0));
    drop(called);
    assert_eq!(other.woken(), 1);
    assert_eq!(other.poll().as_deref(), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn another_watches_the_expiry_when_the_one_who_did_is_dropped() {
    let queue = opened(&[("options.lock_timeout", 1000)]).await;
    send(&queue, "a").await;
    let _held = take(&queue).await.unwrap();
    let (watching, mut other) = (Receiving::new(&queue), Receiving::new(&queue));
    drop(watching);
    assert_eq!(other.woken(), 1);
    assert!(other.poll().is_none());
    advance(Duration::from_millis(1001)).await;
    assert_eq!(other.woken(), 2);
    assert_eq!(other.poll().as_deref(), Some("a"));
}
