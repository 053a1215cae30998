use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    refer::{IReferenceable, cast},
    run::{IClosable, IOpenable},
};
use pip_services_components::build::IFactory;
use pip_services_messaging::{IMessageQueue, IMessageQueueConnection, IMessageQueueExt, MessageEnvelope};
use pip_services_mqtt::{DefaultMqttFactory, MqttMessageQueue};
use pip_services_test_broker::{Engine, TestBroker};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    packets::{CONNECT, SUBSCRIBE},
    puppet::Puppet,
    support::{
        Observed, SOON, config, eventually, message, next, on_each_broker, open, open_on, queue, shared,
        shared_with, texts_until,
    },
};

on_each_broker!(
    an_open_connection_tells_that_its_broker_is_away,
    a_second_open_makes_no_second_client,
    a_star_in_a_topic_is_an_ordinary_character,
    a_retained_message_is_never_missed_however_soon_it_comes,
    a_retained_message_comes_once_however_often_a_queue_reads,
    what_was_sent_before_a_close_arrives,
    a_kept_session_has_no_subscription_of_a_queue_that_was_closed,
    a_send_that_failed_is_not_counted_as_sent,
    a_log_line_shows_no_more_than_the_beginning_of_a_payload,
    what_is_sent_before_the_first_read_reaches_only_who_subscribed_at_the_open,
);

async fn an_open_connection_tells_that_its_broker_is_away(broker: TestBroker) {
    let (_observed, connection) = shared(&broker).await;
    assert!(connection.is_open() && connection.is_connected());
    broker.stop().unwrap();
    eventually("the loss is told", async || !connection.is_connected()).await;
    assert!(connection.is_open(), "it was not closed");
    broker.restart().unwrap();
    eventually("the return is told", async || connection.is_connected()).await;
    connection.close(None).await.unwrap();
    assert!(!connection.is_open() && !connection.is_connected());
}

async fn a_second_open_makes_no_second_client(broker: TestBroker) {
    let (observed, connection) = shared(&broker).await;
    let queue = open_on(&observed.references, "orders").await.unwrap();
    connection.open(None).await.unwrap();
    queue.open(None).await.unwrap();
    for text in ["a", "end"] {
        queue.send(None, message(text)).await.unwrap();
    }
    assert_eq!(texts_until(&queue, "end").await, ["a"]);
    let connects = || observed.counters.get("mqtt.default.connects").and_then(|counter| counter.count);
    eventually("the connection is counted", async || connects() == Some(1)).await;
}

async fn a_star_in_a_topic_is_an_ordinary_character(broker: TestBroker) {
    let (observed, _connection) = shared(&broker).await;
    let star = open_on(&observed.references, "shop/*").await.unwrap();
    let other = open_on(&observed.references, "shop/a").await.unwrap();
    other.send(None, message("not for the star")).await.unwrap();
    star.send(None, message("end")).await.unwrap();
    assert!(texts_until(&star, "end").await.is_empty());
    assert_eq!(next(&other).await, "not for the star");
}

/// A broker sends it at once, before it is known to the client that the subscription was granted.
async fn a_retained_message_is_never_missed_however_soon_it_comes(broker: TestBroker) {
    let sender = open(&broker, "state", &[("options.retain", "true")]).await;
    sender.send(None, message("kept")).await.unwrap();
    let (observed, _connection) = shared(&broker).await;
    for _ in 0..20 {
        let queue = open_on(&observed.references, "state").await.unwrap();
        assert_eq!(next(&queue).await, "kept");
        queue.close(None).await.unwrap();
    }
}

async fn a_retained_message_comes_once_however_often_a_queue_reads(broker: TestBroker) {
    let sender = open(&broker, "state", &[("options.retain", "true")]).await;
    sender.send(None, message("kept")).await.unwrap();
    let queue = open(&broker, "state", &[("options.autosubscribe", "false")]).await;
    for _ in 0..3 {
        queue.peek(None).await.unwrap();
    }
    assert_eq!(next(&queue).await, "kept");
    queue.peek(None).await.unwrap();
    sender.send(None, message("end")).await.unwrap();
    assert!(texts_until(&queue, "end").await.is_empty());
}

async fn what_was_sent_before_a_close_arrives(broker: TestBroker) {
    let consumer = open(&broker, "orders", &[]).await;
    for qos in ["0", "1", "2"] {
        let more = [("options.qos", qos), ("options.autosubscribe", "false")];
        let sender = open(&broker, "orders", &more).await;
        let sent: Vec<_> = (0..200).map(|number| number.to_string()).collect();
        sender.send_batch(None, sent.iter().map(|text| message(text))).await.unwrap();
        sender.send(None, message("end")).await.unwrap();
        sender.close(None).await.unwrap();
        assert_eq!(texts_until(&consumer, "end").await, sent, "{qos}");
    }
}

async fn a_kept_session_has_no_subscription_of_a_queue_that_was_closed(broker: TestBroker) {
    let kept = [("client_id", "kept"), ("options.clean_session", "false")];
    let (observed, connection) = shared_with(&broker, &kept).await;
    let queue = open_on(&observed.references, "orders").await.unwrap();
    queue.close(None).await.unwrap();
    connection.close(None).await.unwrap();
    let sender = open(&broker, "orders", &[("options.autosubscribe", "false")]).await;
    sender.send(None, message("while closed")).await.unwrap();
    connection.open(None).await.unwrap();
    let other = open_on(&observed.references, "other").await.unwrap();
    other.send(None, message("a")).await.unwrap();
    assert_eq!(next(&other).await, "a");
    let lines = observed.log.lines();
    let unheard = |line: &String| line.contains("Nobody listens") || line.contains("until somebody listens");
    assert!(!lines.iter().any(unheard), "{lines:?}");
}

async fn a_send_that_failed_is_not_counted_as_sent(broker: TestBroker) {
    let observed = Observed::new();
    let queue = queue(&broker, "orders", &[("options.send_timeout", "200")]);
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    queue.send(None, message("a")).await.unwrap();
    broker.stop().unwrap();
    assert!(queue.send(None, message("b")).await.is_err());
    assert_eq!(observed.count("orders", "sent_messages"), 1);
    let told = |what: &str| observed.log.lines().iter().filter(|line| line.contains(what)).count();
    assert_eq!((told("Sent message"), told("ERROR Failed to send message")), (1, 1));
}

async fn a_log_line_shows_no_more_than_the_beginning_of_a_payload(broker: TestBroker) {
    let observed = Observed::new();
    let queue = queue(&broker, "orders", &[("options.send_timeout", "200")]);
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    // A long one, and none at all.
    let long = format!("{}private", "public ".repeat(10));
    queue.send(None, message(&long)).await.unwrap();
    assert_eq!(next(&queue).await, long);
    queue.send(None, MessageEnvelope::new(None, None, None::<&str>)).await.unwrap();
    assert!(queue.receive(None, SOON).await.unwrap().unwrap().get_message().is_none());
    broker.stop().unwrap();
    assert!(queue.send(None, message(&long)).await.is_err());
    queue.close(None).await.unwrap();
    let lines = observed.log.lines();
    assert!(lines.iter().any(|line| line.contains("Sent message")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("private")), "{lines:?}");
}

async fn what_is_sent_before_the_first_read_reaches_only_who_subscribed_at_the_open(broker: TestBroker) {
    let subscribed = open(&broker, "orders", &[]).await;
    let late = open(&broker, "orders", &[("options.autosubscribe", "false")]).await;
    late.send(None, message("early")).await.unwrap();
    assert_eq!(next(&subscribed).await, "early");
    assert!(late.peek(None).await.unwrap().is_none());
    late.send(None, message("late")).await.unwrap();
    assert_eq!((next(&subscribed).await, next(&late).await), ("late".into(), "late".into()));
}

/// A broker that says nothing, one that closes instead of an answer, and one that closes at the subscription.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_open_stays_failed_and_makes_no_more_attempts() {
    for (unanswered, cut_at) in [(true, None), (true, Some(CONNECT)), (false, Some(SUBSCRIBE))] {
        let puppet = Puppet::start().await;
        puppet.set_unanswered(CONNECT, unanswered);
        puppet.set_cut_at(cut_at);
        let queue = MqttMessageQueue::new("orders");
        let more = [
            ("options.autosubscribe", "true"),
            ("options.connect_timeout", "3000"),
            ("options.reconnect_timeout", "1"),
            ("options.max_reconnect_timeout", "1"),
        ];
        queue.configure(&puppet.config(&more)).unwrap();
        assert_eq!(queue.open(None).await.unwrap_err().code(), "CONNECT_FAILED");
        assert!(!queue.is_open());
        puppet.set_unanswered(CONNECT, false);
        puppet.set_cut_at(None);
        // Each takes longer than an attempt that went on would wait.
        for _ in 0..20 {
            queue.open(None).await.unwrap();
            puppet.publish("orders", "a").await;
            assert_eq!(next(&queue).await, "a");
            queue.close(None).await.unwrap();
        }
        assert_eq!(puppet.count("CONNECT"), 1 + 20, "the first goes on: {unanswered} {cut_at:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_whose_subscription_is_refused_leaves_no_connection() {
    let broker = TestBroker::builder(Engine::Embedded).refuse_subscriptions().start().unwrap();
    let entrance = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = entrance.local_addr().unwrap().port().to_string();
    let address = broker.address();
    let way = tokio::spawn(async move {
        let (mut client, _) = entrance.accept().await.unwrap();
        let mut broker = TcpStream::connect(address).await.unwrap();
        let _ = copy_bidirectional(&mut client, &mut broker).await;
    });
    let queue = queue(&broker, "orders", &[("connection.port", &port)]);
    assert_eq!(queue.open(None).await.unwrap_err().code(), "SUBSCRIBE_FAILED");
    timeout(SOON, way).await.expect("the connection is still there").unwrap();
    assert!(!queue.is_open());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_creates_and_deletes_queues_as_that_of_any_broker() {
    let broker = TestBroker::start(Engine::Embedded).unwrap();
    let made =
        DefaultMqttFactory::new().create(&"pip-services:connection:mqtt:main:1.0".parse().unwrap()).unwrap();
    let (configurable, openable) = (cast::<dyn IConfigurable>(&made), cast::<dyn IOpenable>(&made));
    configurable.unwrap().configure(&config(&broker, &[])).unwrap();
    openable.unwrap().open(None).await.unwrap();
    let connection = cast::<dyn IMessageQueueConnection>(&made).unwrap();
    connection.create_queue("orders").await.unwrap();
    assert!(connection.read_queue_names().await.unwrap().is_empty());
    connection.delete_queue("orders").await.unwrap();
    cast::<dyn IClosable>(&made).unwrap().close(None).await.unwrap();
}

#[test]
fn a_queue_takes_its_name_from_its_configuration() {
    for key in ["name", "queue"] {
        let queue = MqttMessageQueue::new("unnamed");
        queue.configure(&ConfigParams::from_tuples([(key, "orders")])).unwrap();
        assert_eq!(queue.get_name(), "orders", "{key}");
    }
}
