use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt;
use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    run::{ICleanable, IClosable, IOpenable},
};
use pip_services_messaging::{IMessageQueue, IMessageQueueExt, MessageEnvelope};
use tokio::task::coop::consume_budget;

use crate::{
    support::{
        a_close_ends_a_listening_that_begins_meanwhile, count, eventually, logged, observed, recorder,
        settle_down, text,
    },
    topic_queue::{Answer, Broker, TopicQueue},
};

fn queue(broker: &Broker, options: &[(&str, &str)]) -> Arc<TopicQueue> {
    let queue = TopicQueue::new("orders", broker);
    queue.configure(&ConfigParams::from_tuples(options.iter().copied())).unwrap();
    Arc::new(queue)
}

const SUBSCRIBED: (&str, &str) = ("options.autosubscribe", "true");

async fn opened(broker: &Broker, options: &[(&str, &str)]) -> Arc<TopicQueue> {
    let queue = queue(broker, options);
    queue.open(None).await.unwrap();
    queue
}

fn deliver(broker: &Broker, text: &str) {
    broker.deliver("orders", Ok(&MessageEnvelope::new(None, "order", text)));
}

async fn take(queue: &TopicQueue) -> Option<String> {
    queue.receive(None, Duration::ZERO).await.unwrap().map(|envelope| text(&envelope))
}

#[tokio::test]
async fn wrong_options_are_errors_that_name_them_and_change_nothing() {
    let queue = TopicQueue::new("orders", &Broker::default());
    for (key, value) in [
        ("options.autosubscribe", "maybe"),
        ("options.max_cache_size", "0"),
        ("options.max_cache_size", "-1"),
        ("options.max_cache_size", "many"),
        ("options.max_cache_size", "1.5"),
    ] {
        let error = queue.configure(&ConfigParams::from_tuples([("name", "new"), (key, value)])).unwrap_err();
        assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some(key)));
        assert!(error.message().contains(value), "{}", error.message());
        assert_eq!(queue.get_name(), "orders");
    }
}

#[tokio::test]
async fn what_is_configured_again_keeps_what_is_not_named() {
    let broker = Broker::default();
    let queue = queue(&broker, &[SUBSCRIBED]);
    queue.configure(&ConfigParams::from_tuples([("options.max_cache_size", "1")])).unwrap();
    queue.open(None).await.unwrap();
    deliver(&broker, "a");
    deliver(&broker, "b");
    assert_eq!((take(&queue).await.as_deref(), take(&queue).await), (Some("b"), None));
}

#[tokio::test]
async fn open_subscribes_where_that_is_configured_and_twice_is_once() {
    let broker = Broker::default();
    let queue = opened(&broker, &[SUBSCRIBED]).await;
    deliver(&broker, "a");
    queue.open(None).await.unwrap();
    assert_eq!(broker.subscribers("orders"), 1);
    assert_eq!(take(&queue).await.as_deref(), Some("a"), "the second open emptied the cache");
}

#[tokio::test]
async fn an_open_whose_subscription_is_refused_fails_and_leaves_nothing_behind() {
    let broker = Broker::default();
    let queue = queue(&broker, &[SUBSCRIBED]);
    broker.answer_subscriptions(Answer::No);
    let error = queue.open(Some("c")).await.unwrap_err();
    assert_eq!((error.code(), error.correlation_id()), ("SUBSCRIBE_FAILED", Some("c")));
    assert!(!queue.is_open());
    assert_eq!(broker.subscribers("orders"), 0);
    broker.answer_subscriptions(Answer::Yes);
    queue.open(None).await.unwrap();
}

#[tokio::test]
async fn what_comes_before_the_first_receive_peek_or_listen_is_missed_and_the_rest_waits() {
    for first in ["receive", "peek", "peek_batch", "begin_listen"] {
        let broker = Broker::default();
        let queue = opened(&broker, &[]).await;
        deliver(&broker, "missed");
        match first {
            "receive" => assert_eq!(take(&queue).await, None),
            "peek" => assert!(queue.peek(None).await.unwrap().is_none()),
            "peek_batch" => assert!(queue.peek_batch(None, 5).await.unwrap().is_empty()),
            _ => {
                let (receiver, _handled) = recorder();
                queue.clone().begin_listen(None, receiver).unwrap();
                // At once, before its task has run.
                assert_eq!(broker.subscribers("orders"), 1);
                queue.end_listen(None).await;
            }
        }
        deliver(&broker, "a");
        assert_eq!(queue.read_message_count().await.unwrap(), 1, "{first}");
        // Subscribing again would bring it twice.
        for _ in 0..3 {
            assert_eq!(queue.peek(None).await.unwrap().map(|envelope| text(&envelope)).as_deref(), Some("a"));
        }
        assert_eq!((take(&queue).await.as_deref(), take(&queue).await), (Some("a"), None), "{first}");
    }
}

#[tokio::test]
async fn a_received_message_is_gone_for_good() {
    let broker = Broker::default();
    let queue = opened(&broker, &[SUBSCRIBED]).await;
    deliver(&broker, "a");
    let mut received = queue.receive(None, Duration::ZERO).await.unwrap().unwrap();
    assert!(received.get_reference().is_none());
    assert_eq!(take(&queue).await, None);
    queue.complete(&mut received).await.unwrap();
    assert_eq!(queue.read_message_count().await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_receive_waits_for_the_answer_to_the_subscription_no_longer_than_its_timeout() {
    let broker = Broker::default();
    let queue = opened(&broker, &[]).await;
    broker.answer_subscriptions(Answer::NotYet);
    let start = tokio::time::Instant::now();
    assert!(queue.receive(None, Duration::from_secs(1)).await.unwrap().is_none());
    assert_eq!(start.elapsed().as_secs(), 1);
    // What came meanwhile is there without waiting for it again.
    deliver(&broker, "a");
    assert_eq!(take(&queue).await.as_deref(), Some("a"));
    broker.answer_subscriptions(Answer::No);
    let error = queue.receive(Some("c"), Duration::from_secs(1)).await.unwrap_err();
    assert_eq!((error.code(), error.correlation_id()), ("SUBSCRIBE_FAILED", Some("c")));
    assert_eq!(queue.peek(None).await.unwrap_err().code(), "SUBSCRIBE_FAILED");
}

#[tokio::test(start_paused = true)]
async fn a_peek_does_not_wait_for_a_broker_that_says_nothing() {
    let broker = Broker::default();
    let queue = opened(&broker, &[]).await;
    broker.answer_subscriptions(Answer::NotYet);
    let start = tokio::time::Instant::now();
    assert!(queue.peek(None).await.unwrap().is_none());
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn close_wakes_whoever_waits_for_a_message_or_a_subscription_and_empties_the_cache() {
    for answer in [Answer::Yes, Answer::NotYet] {
        let broker = Broker::default();
        let queue = opened(&broker, &[]).await;
        broker.answer_subscriptions(answer);
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.receive(None, Duration::MAX).await.unwrap().is_none() }
        });
        settle_down().await;
        assert!(!waiting.is_finished());
        queue.close(None).await.unwrap();
        assert!(waiting.await.unwrap());
        assert_eq!(broker.subscribers("orders"), 0, "a closed queue is still subscribed");
        assert_eq!(take_error(&queue).await, "NOT_OPENED");
        broker.answer_subscriptions(Answer::Yes);
        queue.open(None).await.unwrap();
        assert_eq!(take(&queue).await, None);
        deliver(&broker, "a");
        queue.close(None).await.unwrap();
        queue.close(None).await.unwrap();
        queue.open(None).await.unwrap();
        assert_eq!(take(&queue).await, None, "a closed queue kept its messages");
    }
}

async fn take_error(queue: &TopicQueue) -> String {
    queue.receive(None, Duration::ZERO).await.unwrap_err().code().to_owned()
}

#[tokio::test]
async fn backlog_and_live_messages_come_to_a_listener_once_and_in_order() {
    let broker = Broker::default();
    let queue = opened(&broker, &[SUBSCRIBED]).await;
    deliver(&broker, "0");
    deliver(&broker, "1");
    let (receiver, mut handled) = recorder();
    queue.clone().begin_listen(None, receiver).unwrap();
    let mut received = vec![handled.recv().await.unwrap()];
    for number in 2..5 {
        deliver(&broker, &number.to_string());
    }
    while received.len() < 5 {
        received.push(handled.recv().await.unwrap());
    }
    assert_eq!(received, ["0", "1", "2", "3", "4"]);
    assert!(handled.try_recv().is_err());
}

#[tokio::test]
async fn after_the_end_of_listening_messages_wait_in_the_cache_up_to_its_bound() {
    let broker = Broker::default();
    let queue = opened(&broker, &[SUBSCRIBED, ("options.max_cache_size", "2")]).await;
    let (log, counters) = observed(&*queue);
    let (receiver, mut handled) = recorder();
    queue.clone().begin_listen(None, receiver.clone()).unwrap();
    queue.end_listen(None).await;
    for text in ["a", "b", "c", "d"] {
        deliver(&broker, text);
    }
    assert_eq!(count(&counters, "orders", "received_messages"), 4);
    assert_eq!(count(&counters, "orders", "dropped_messages"), 2);
    let told = log.with("ERROR");
    assert!(
        matches!(told.as_slice(), [line] if line.contains("No room") && line.contains("order,a]")),
        "{told:?}"
    );
    queue.clone().begin_listen(None, receiver).unwrap();
    assert_eq!((handled.recv().await.unwrap(), handled.recv().await.unwrap()), ("c".into(), "d".into()));
    assert_eq!(count(&counters, "orders", "received_messages"), 4, "delivered ones count no second time");
}

#[tokio::test]
async fn who_never_runs_out_of_cached_messages_lets_others_run() {
    let broker = Broker::default();
    let queue = opened(&broker, &[SUBSCRIBED]).await;
    (0..500).for_each(|_| deliver(&broker, "a"));
    let other = tokio::spawn(async {});
    while !other.is_finished() {
        assert!(take(&queue).await.is_some(), "nobody else has run");
    }
}

#[tokio::test]
async fn clear_and_count_are_about_the_cache_alone() {
    let broker = Broker::default();
    let queue = opened(&broker, &[SUBSCRIBED]).await;
    deliver(&broker, "a");
    deliver(&broker, "b");
    assert_eq!(queue.read_message_count().await.unwrap(), 2);
    queue.clear(None).await.unwrap();
    assert_eq!((queue.read_message_count().await.unwrap(), take(&queue).await), (0, None));
    deliver(&broker, "c");
    assert_eq!(take(&queue).await.as_deref(), Some("c"));
}

#[tokio::test]
async fn what_is_no_message_is_counted_logged_and_skipped() {
    let broker = Broker::default();
    let queue = opened(&broker, &[SUBSCRIBED]).await;
    let (log, counters) = observed(&*queue);
    broker.deliver("orders", Err(&ApplicationError::bad_request(None, "BAD_ENVELOPE", "garbage")));
    deliver(&broker, "a");
    assert_eq!(take(&queue).await.as_deref(), Some("a"));
    assert_eq!(count(&counters, "orders", "malformed_messages"), 1);
    assert_eq!(count(&counters, "orders", "received_messages"), 1);
    assert_eq!(log.with("ERROR --- Skipped what arrived from orders").len(), 1);
}

#[tokio::test]
async fn a_listener_whose_subscription_is_refused_later_ends_with_a_logged_error() {
    let broker = Broker::default();
    let queue = opened(&broker, &[]).await;
    let log = logged(&*queue);
    broker.answer_subscriptions(Answer::NotYet);
    let (receiver, _handled) = recorder();
    queue.clone().begin_listen(Some("c"), receiver.clone()).unwrap();
    // Longer than a receive without a wait looks at the subscription.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(queue.clone().begin_listen(None, receiver.clone()).unwrap_err().code(), "ALREADY_LISTENING");
    broker.answer_subscriptions(Answer::No);
    eventually("the error is logged", || {
        log.with("ERROR c Stopped listening at [orders]")
            .iter()
            .any(|line| line.contains("the broker said no"))
    })
    .await;
    broker.answer_subscriptions(Answer::Yes);
    queue.clone().begin_listen(None, receiver).unwrap();
}

#[tokio::test]
async fn a_listener_whose_subscription_is_refused_at_once_does_not_begin() {
    let broker = Broker::default();
    let queue = opened(&broker, &[]).await;
    broker.answer_subscriptions(Answer::No);
    let (receiver, _handled) = recorder();
    let error = queue.clone().begin_listen(Some("c"), receiver.clone()).unwrap_err();
    assert_eq!((error.code(), error.correlation_id()), ("SUBSCRIBE_FAILED", Some("c")));
    assert_eq!(queue.listen(None, receiver.clone()).await.unwrap_err().code(), "SUBSCRIBE_FAILED");
    broker.answer_subscriptions(Answer::Yes);
    queue.clone().begin_listen(None, receiver).unwrap();
}

#[tokio::test]
async fn a_slow_receiver_holds_up_neither_the_broker_nor_other_queues() {
    let broker = Broker::default();
    let (slow, other) = (opened(&broker, &[SUBSCRIBED]).await, opened(&broker, &[SUBSCRIBED]).await);
    let begun = Arc::new(Mutex::new(0));
    let receiver = {
        let begun = begun.clone();
        move |_: MessageEnvelope| {
            *begun.lock().unwrap() += 1;
            std::future::pending()
        }
    };
    let listening = tokio::spawn({
        let slow = slow.clone();
        async move { slow.listen(None, Arc::new(receiver)).await }
    });
    deliver(&broker, "a");
    deliver(&broker, "b");
    settle_down().await;
    assert_eq!(*begun.lock().unwrap(), 1);
    assert_eq!((take(&other).await.as_deref(), take(&other).await.as_deref()), (Some("a"), Some("b")));
    // Cut off, the first comes before the second.
    listening.abort();
    assert!(listening.await.unwrap_err().is_cancelled());
    assert_eq!((take(&slow).await.as_deref(), take(&slow).await.as_deref()), (Some("a"), Some("b")));
}

#[tokio::test]
async fn a_send_counts_where_it_is_sent_and_where_it_arrives() {
    let broker = Broker::default();
    let queue = opened(&broker, &[SUBSCRIBED]).await;
    let (_, counters) = observed(&*queue);
    queue.send_text(None, "order", "a").await.unwrap();
    assert_eq!(count(&counters, "orders", "sent_messages"), 1);
    assert_eq!(count(&counters, "orders", "received_messages"), 1);
}

#[tokio::test]
async fn a_closed_queue_counts_no_cached_messages() {
    let broker = Broker::default();
    let queue = TopicQueue::new("orders", &broker);
    let (_, counters) = observed(&queue);
    let cached = || counters.get("queue.orders.cached_messages").and_then(|counter| counter.last);
    queue.open(None).await.unwrap();
    assert!(queue.receive(None, Duration::ZERO).await.unwrap().is_none());
    broker.deliver("orders", Ok(&MessageEnvelope::new(None, "order", "a")));
    assert_eq!(cached(), Some(1.0));
    queue.close(None).await.unwrap();
    assert_eq!(cached(), Some(0.0));
}

#[tokio::test]
async fn what_a_close_drops_is_counted_and_logged_and_so_is_what_a_handler_that_was_dropped_gives_back_later()
{
    let broker = Broker::default();
    let queue = opened(&broker, &[SUBSCRIBED]).await;
    let (log, counters) = observed(&*queue);
    let receiver = |_: MessageEnvelope| std::future::pending::<Result<(), ApplicationError>>();
    let mut listening = Box::pin(queue.listen(None, Arc::new(receiver)));
    for text in ["a", "b", "c"] {
        deliver(&broker, text);
    }
    assert!((&mut listening).now_or_never().is_none());
    assert_eq!(queue.read_message_count().await.unwrap(), 2, "one is handled");
    assert!(queue.close(None).now_or_never().is_none(), "it waits for the handling");
    drop(listening);
    queue.close(None).await.unwrap();
    assert_eq!(count(&counters, "orders", "dropped_messages"), 3);
    let told = log.with("WARN");
    assert!(matches!(told.as_slice(), [line] if line.contains("Dropped 3 messages")), "{told:?}");
}

#[tokio::test]
async fn a_close_ends_also_a_listening_that_begins_meanwhile() {
    let broker = Broker::default();
    let queue = opened(&broker, &[SUBSCRIBED]).await;
    a_close_ends_a_listening_that_begins_meanwhile(queue, async |text| deliver(&broker, text)).await;
}

#[tokio::test]
async fn a_listening_that_is_dropped_anywhere_loses_no_message() {
    const MESSAGES: usize = 1000;
    for concurrency in ["1", "4"] {
        let broker = Broker::default();
        let queue = opened(&broker, &[SUBSCRIBED, ("options.concurrency", concurrency)]).await;
        let expected: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
        expected.iter().for_each(|text| deliver(&broker, text));
        let (receiver, mut handled) = recorder();
        for spent in (0..100).cycle() {
            if queue.read_message_count().await.unwrap() == 0 {
                break;
            }
            // It pauses where the scheduler thinks that the task has run for long enough, each time somewhere else.
            for _ in 0..spent {
                consume_budget().await;
            }
            let _ = queue.listen(None, receiver.clone()).now_or_never();
            tokio::task::yield_now().await;
        }
        let mut texts: Vec<_> = std::iter::from_fn(|| handled.try_recv().ok()).collect();
        if concurrency != "1" {
            texts.sort_by_key(|text| text.parse::<usize>().unwrap());
        }
        assert_eq!(texts, expected, "concurrency {concurrency}");
    }
}
