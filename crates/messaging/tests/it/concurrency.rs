use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use pip_services_commons::{
    component,
    errors::ApplicationError,
    refer::{IReferenceable, IReferences, References},
    run::{IClosable, IOpenable},
};
use pip_services_components::count::{CounterTiming, ICounters};
use pip_services_messaging::{
    CallbackMessageReceiver, IMessageQueue, IMessageQueueExt, IMessageReceiver, MessageEnvelope,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use crate::support::{Recorder, count, counted, eventually, opened, send, settle_down, take, text, waiting};

/// A receiver whose handlings wait for a gate, and how many have begun.
fn gated() -> (Arc<dyn IMessageReceiver>, watch::Sender<bool>, Arc<AtomicUsize>) {
    let (gate, begun) = (watch::Sender::new(false), Arc::new(AtomicUsize::new(0)));
    let receiver = {
        let (gate, begun) = (gate.subscribe(), begun.clone());
        move |_: MessageEnvelope| {
            let mut gate = gate.clone();
            begun.fetch_add(1, Ordering::SeqCst);
            async move {
                let _ = gate.wait_for(|open| *open).await;
                Ok(())
            }
        }
    };
    (Arc::new(receiver), gate, begun)
}

#[tokio::test]
async fn as_many_handlings_run_at_once_as_configured_and_no_more() {
    for concurrency in [1, 3] {
        let queue = opened(&[("options.concurrency", concurrency)]).await;
        for number in 0..5 {
            send(&queue, &number.to_string()).await;
        }
        let (receiver, gate, begun) = gated();
        queue.clone().begin_listen(None, receiver).unwrap();
        settle_down().await;
        assert_eq!(begun.load(Ordering::SeqCst), concurrency as usize);
        gate.send_replace(true);
        eventually("all are handled", || begun.load(Ordering::SeqCst) == 5).await;
        queue.close(None).await.unwrap();
        queue.open(None).await.unwrap();
        assert!(waiting(&queue).await.is_empty(), "what was handled is completed");
    }
}

#[tokio::test]
async fn one_after_another_they_keep_their_order() {
    let queue = opened(&[]).await;
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let receiver = {
        let order = order.clone();
        move |envelope: MessageEnvelope| {
            let order = order.clone();
            async move {
                order.lock().unwrap().push(format!("begin {}", text(&envelope)));
                tokio::task::yield_now().await;
                order.lock().unwrap().push(format!("end {}", text(&envelope)));
                Ok(())
            }
        }
    };
    for number in 0..3 {
        send(&queue, &number.to_string()).await;
    }
    queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
    eventually("all are handled", || order.lock().unwrap().len() == 6).await;
    assert_eq!(*order.lock().unwrap(), ["begin 0", "end 0", "begin 1", "end 1", "begin 2", "end 2"]);
}

#[tokio::test]
async fn a_message_that_comes_while_others_are_handled_is_handled_beside_them() {
    let queue = opened(&[("options.concurrency", 2)]).await;
    let (receiver, _gate, begun) = gated();
    queue.clone().begin_listen(None, receiver).unwrap();
    for handled in 1..=2 {
        send(&queue, "a").await;
        eventually("it is handled", || begun.load(Ordering::SeqCst) == handled).await;
    }
    send(&queue, "left").await;
    settle_down().await;
    // With no room for it, the listener takes none, and does not keep others from hearing of it.
    assert_eq!(text(&take(&queue).await.unwrap()), "left");
}

#[tokio::test]
async fn the_time_of_each_handling_is_measured_also_of_those_that_fail() {
    let queue = opened(&[]).await;
    let counters = counted(&queue);
    let receiver = |envelope: MessageEnvelope| async move {
        match text(&envelope).as_str() {
            "handled" => Ok(()),
            "failed" => Err(ApplicationError::unknown(None, "FAILED", "no appetite")),
            _ => panic!("this receiver panics"),
        }
    };
    for text in ["handled", "failed", "panicked"] {
        send(&queue, text).await;
    }
    queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
    // Those that fail come again and again.
    eventually("all were handled", || count(&counters, "orders", "failed_handlers") >= 4).await;
    queue.end_listen(None).await;
    let handled = count(&counters, "orders", "received_messages");
    assert_eq!(count(&counters, "orders", "process_time"), handled);
    assert_eq!(count(&counters, "orders", "failed_handlers"), handled - 1);
}

#[tokio::test]
async fn the_end_waits_for_all_handlings_that_run() {
    for close in [false, true] {
        let queue = opened(&[("options.concurrency", 3)]).await;
        for number in 0..4 {
            send(&queue, &number.to_string()).await;
        }
        let (receiver, gate, begun) = gated();
        queue.clone().begin_listen(None, receiver).unwrap();
        eventually("they run", || begun.load(Ordering::SeqCst) == 3).await;
        let ending = tokio::spawn({
            let queue = queue.clone();
            async move {
                match close {
                    true => queue.close(None).await.unwrap(),
                    false => queue.end_listen(None).await,
                }
            }
        });
        settle_down().await;
        assert!(!ending.is_finished());
        gate.send_replace(true);
        ending.await.unwrap();
        queue.open(None).await.unwrap();
        assert_eq!(waiting(&queue).await, ["3"], "three are handled and completed, and none began later");
    }
}

#[tokio::test(start_paused = true)]
async fn handlings_that_all_end_the_listening_do_not_wait_for_each_other() {
    for close in [false, true] {
        let queue = opened(&[("options.concurrency", 3)]).await;
        let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let receiver = {
            let (begun, ended) = (begun.clone(), ended.clone());
            CallbackMessageReceiver::new(move |mut envelope, queue| {
                let (begun, ended) = (begun.clone(), ended.clone());
                Box::pin(async move {
                    queue.complete(&mut envelope).await?;
                    begun.fetch_add(1, Ordering::SeqCst);
                    while begun.load(Ordering::SeqCst) < 3 {
                        tokio::task::yield_now().await;
                    }
                    match close {
                        true => queue.close(None).await?,
                        false => queue.end_listen(None).await,
                    }
                    ended.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                })
            })
        };
        for number in 0..3 {
            send(&queue, &number.to_string()).await;
        }
        let start = Instant::now();
        queue.listen(None, Arc::new(receiver)).await.unwrap();
        assert_eq!((ended.load(Ordering::SeqCst), start.elapsed()), (3, Duration::ZERO));
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_from_a_handling_waits_for_the_others() {
    let queue = opened(&[("options.concurrency", 2)]).await;
    let finished = Arc::new(AtomicUsize::new(0));
    let receiver = {
        let finished = finished.clone();
        CallbackMessageReceiver::new(move |envelope, queue| {
            let finished = finished.clone();
            Box::pin(async move {
                match text(&envelope).as_str() {
                    "slow" => sleep(Duration::from_secs(2)).await,
                    _ => {
                        queue.end_listen(None).await;
                        assert_eq!(finished.load(Ordering::SeqCst), 1, "the other still runs");
                    }
                }
                finished.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
        })
    };
    for text in ["slow", "ending"] {
        send(&queue, text).await;
    }
    let start = Instant::now();
    queue.listen(None, Arc::new(receiver)).await.unwrap();
    assert_eq!((finished.load(Ordering::SeqCst), start.elapsed().as_secs()), (2, 2));
    assert!(waiting(&queue).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_five_seconds_for_a_handling_that_hangs() {
    let queue = opened(&[("options.lock_timeout", 3_600_000)]).await;
    send(&queue, "a").await;
    let receiver: Arc<dyn IMessageReceiver> = Arc::new(|_: MessageEnvelope| std::future::pending());
    queue.clone().begin_listen(None, receiver.clone()).unwrap();
    settle_down().await;
    let start = Instant::now();
    queue.end_listen(None).await;
    assert_eq!(start.elapsed().as_secs(), 5);
    queue.clone().begin_listen(None, receiver).unwrap();
}

#[tokio::test]
async fn a_listener_with_much_to_do_lets_others_run_on_its_thread() {
    let queue = opened(&[]).await;
    let handled = Arc::new(AtomicUsize::new(0));
    let receiver = {
        let handled = handled.clone();
        move |_: MessageEnvelope| {
            handled.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        }
    };
    let backlog = (0..10_000).map(|_| MessageEnvelope::new(None, "order", "a"));
    queue.send_batch(None, backlog).await.unwrap();
    queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
    tokio::task::yield_now().await;
    let meanwhile = handled.load(Ordering::SeqCst);
    assert!(meanwhile < 10_000, "it kept the thread until all was handled");
    eventually("all are handled", || handled.load(Ordering::SeqCst) == 10_000).await;
}

/// Counters that panic, whatever they are told.
struct PanickingCounters;

component!(PanickingCounters: dyn ICounters);

impl ICounters for PanickingCounters {
    fn begin_timing(&self, _: &str) -> CounterTiming {
        // The end panics, or else the beginning.
        CounterTiming::new(|_| panic!("the timing failed"))
    }

    fn stats(&self, _: &str, _: f64) {
        panic!("the counters failed");
    }

    fn last(&self, _: &str, _: f64) {
        panic!("the counters failed");
    }

    fn timestamp(&self, _: &str, _: chrono::DateTime<chrono::Utc>) {
        panic!("the counters failed");
    }

    fn increment(&self, _: &str, _: i64) {
        panic!("the counters failed");
    }
}

#[tokio::test]
async fn loggers_and_counters_that_panic_cost_neither_messages_nor_the_listener_nor_the_caller() {
    let references = References::new();
    let log = Arc::new(Recorder::panicking());
    references.put("test:logger:recorder:default:1.0".parse().unwrap(), log.clone());
    references.put("test:counters:panicking:default:1.0".parse().unwrap(), Arc::new(PanickingCounters));
    let queue = opened(&[]).await;
    queue.set_references(&references).unwrap();
    send(&queue, "a").await;
    assert_eq!(waiting(&queue).await, ["a"]);
    let mut received = take(&queue).await.unwrap();
    queue.abandon(&mut received).await.unwrap();

    let (sender, mut handled) = tokio::sync::mpsc::unbounded_channel();
    let receiver = move |envelope: MessageEnvelope| {
        // The first fails.
        let fails = sender.send(text(&envelope)).is_ok() && text(&envelope) == "fails";
        async move {
            match fails {
                true => Err(ApplicationError::unknown(None, "FAILED", "no appetite")),
                false => Ok(()),
            }
        }
    };
    queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
    assert_eq!(handled.recv().await.unwrap(), "a");
    send(&queue, "fails").await;
    // Abandoned, it comes again.
    for _ in 0..2 {
        assert_eq!(handled.recv().await.unwrap(), "fails");
    }
    queue.close(None).await.unwrap();
    assert!(log.with("Failed to handle").len() >= 2);
    queue.open(None).await.unwrap();
    assert_eq!(waiting(&queue).await, ["fails"], "what was handled is completed, and nothing is lost");
}

/// A receiver that panics before it gives a future.
struct Hasty(AtomicUsize);

impl IMessageReceiver for Hasty {
    fn receive_message<'a, 'b, 'c>(
        &'a self,
        _: MessageEnvelope,
        _: &'b dyn IMessageQueue,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), ApplicationError>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
    {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("this receiver panics before it gives a future"),
            _ => Box::pin(async { Ok(()) }),
        }
    }
}

#[tokio::test]
async fn a_receiver_that_panics_before_it_gives_a_future_is_one_that_panics() {
    let queue = opened(&[]).await;
    let counters = counted(&queue);
    send(&queue, "a").await;
    let receiver = Arc::new(Hasty(AtomicUsize::new(0)));
    queue.clone().begin_listen(None, receiver.clone()).unwrap();
    eventually("it comes again", || receiver.0.load(Ordering::SeqCst) == 2).await;
    assert_eq!(count(&counters, "orders", "failed_handlers"), 1);
}
