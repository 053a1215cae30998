use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use pip_services_commons::{
    errors::ApplicationError,
    refer::IReferenceable,
    run::{IClosable, IOpenable},
};
use pip_services_messaging::{
    CallbackMessageReceiver, IMessageQueue, IMessageQueueExt, MessageEnvelope, TestMessageReceiver,
};
use pip_services_test_broker::TestBroker;
use tokio::sync::{Notify, watch};

use crate::support::{
    Observed, SOON, eventually, message, next, on_each_broker, open, open_on, queue, shared, text,
};

on_each_broker!(
    dropping_the_last_handle_of_a_listening_queue_ends_listener_subscription_and_connection,
    a_listener_subscribes_when_it_begins,
    several_messages_are_handled_at_once,
    a_message_whose_handling_is_cut_off_is_the_next,
    a_handling_can_close_the_queue_while_another_does,
    the_time_of_handlings_and_their_failures_are_counted,
);

async fn dropping_the_last_handle_of_a_listening_queue_ends_listener_subscription_and_connection(
    broker: TestBroker,
) {
    let (observed, connection) = shared(&broker).await;
    let other = open_on(&observed.references, "orders").await.unwrap();
    for own in [false, true] {
        let queue = match own {
            true => open(&broker, "orders", &[]).await,
            false => open_on(&observed.references, "orders").await.unwrap(),
        };
        let receiver = Arc::new(TestMessageReceiver::new());
        queue.clone().begin_listen(None, receiver.clone()).unwrap();
        queue.send(None, message("a")).await.unwrap();
        assert_eq!(receiver.wait_for_messages(1, SOON).await.len(), 1);
        let weak = Arc::downgrade(&queue);
        drop(queue);
        eventually("the listener lets the queue go", async || Weak::strong_count(&weak) == 0).await;
        eventually("the task of the listener ends", async || Arc::strong_count(&receiver) == 1).await;
        other.send(None, message("b")).await.unwrap();
        while next(&other).await != "b" {}
        assert_eq!(receiver.message_count(), 1);
    }
    assert!(connection.is_open());
}

async fn a_listener_subscribes_when_it_begins(broker: TestBroker) {
    let queue = open(&broker, "orders", &[("options.autosubscribe", "false")]).await;
    let receiver = Arc::new(TestMessageReceiver::new());
    queue.clone().begin_listen(None, receiver.clone()).unwrap();
    let sender = open(&broker, "orders", &[("options.autosubscribe", "false")]).await;
    eventually("a message is handled", async || {
        sender.send(None, message("a")).await.unwrap();
        !receiver.wait_for_messages(1, Duration::from_millis(100)).await.is_empty()
    })
    .await;
}

async fn several_messages_are_handled_at_once(broker: TestBroker) {
    let queue = open(&broker, "orders", &[("options.concurrency", "10")]).await;
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
    queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
    queue.send_batch(None, (0..15).map(|number| message(&number.to_string()))).await.unwrap();
    eventually("ten are handled, and the rest waits", async || {
        begun.load(Ordering::SeqCst) == 10 && queue.read_message_count().await.unwrap() == 5
    })
    .await;
    gate.send_replace(true);
    eventually("all are handled", async || begun.load(Ordering::SeqCst) == 15).await;
    queue.close(None).await.unwrap();
}

async fn a_message_whose_handling_is_cut_off_is_the_next(broker: TestBroker) {
    let queue = open(&broker, "orders", &[]).await;
    let begun = Arc::new(Notify::new());
    let receiver = {
        let begun = begun.clone();
        move |_: MessageEnvelope| {
            begun.notify_one();
            std::future::pending::<Result<(), ApplicationError>>()
        }
    };
    for text in ["a", "b"] {
        queue.send(None, message(text)).await.unwrap();
    }
    tokio::select! {
        _ = queue.listen(None, Arc::new(receiver)) => unreachable!("it handles for ever"),
        () = begun.notified() => {}
    }
    assert_eq!((next(&queue).await, next(&queue).await), ("a".into(), "b".into()));
}

async fn a_handling_can_close_the_queue_while_another_does(broker: TestBroker) {
    let queue = open(&broker, "orders", &[("options.concurrency", "2")]).await;
    let begun = Arc::new(AtomicUsize::new(0));
    let receiver = {
        let begun = begun.clone();
        CallbackMessageReceiver::new(move |_, queue| {
            let begun = begun.clone();
            Box::pin(async move {
                begun.fetch_add(1, Ordering::SeqCst);
                while begun.load(Ordering::SeqCst) < 2 {
                    tokio::task::yield_now().await;
                }
                queue.close(None).await
            })
        })
    };
    let listening = tokio::spawn({
        let queue = queue.clone();
        async move { queue.listen(None, Arc::new(receiver)).await }
    });
    // Its own sends may come too late, when the queue is closed.
    let _ = queue.send_batch(None, [message("a"), message("b")]).await;
    // Less than the time after which the end of a listening stops waiting for a handling.
    tokio::time::timeout(Duration::from_secs(4), listening)
        .await
        .expect("they wait for each other")
        .unwrap()
        .unwrap();
    assert!(!queue.is_open());
}

async fn the_time_of_handlings_and_their_failures_are_counted(broker: TestBroker) {
    let observed = Observed::new();
    let queue = queue(&broker, "orders", &[]);
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    let receiver = |envelope: MessageEnvelope| async move {
        match text(&envelope).as_str() {
            "fails" => Err(ApplicationError::unknown(None, "FAILED", "no appetite")),
            "panics" => unreachable!("this receiver panics"),
            _ => Ok(()),
        }
    };
    queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
    for text in ["fails", "panics", "handled"] {
        queue.send(None, message(text)).await.unwrap();
    }
    eventually("all are handled", async || observed.count("orders", "process_time") == 3).await;
    assert_eq!(observed.count("orders", "failed_handlers"), 2);
    assert_eq!(observed.count("orders", "received_messages"), 3, "a failed message does not come again");
}
