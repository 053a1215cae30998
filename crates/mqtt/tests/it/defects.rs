//! What the toolkit's other ports get wrong, and the tests that would notice it here: in this module where no other is named,
//! and `suite` for the cases of the conformance suite.
//!
//! | a connection of another port… | is noticed by |
//! |---|---|
//! | has no use for its time to connect, or takes it from the key of another option | `errors::a_host_that_never_answers_is_given_up_at_the_timeout`, `parameters::the_old_name_of_the_connect_timeout_still_limits_the_open` |
//! | reconnects although it must not | `faults::a_queue_that_must_not_reconnect_says_so` |
//! | has the host's name for a client id, so that two on one host evict each other for ever | `sharing::two_queues_with_default_client_ids_live_side_by_side` |
//! | goes on trying after an open that failed, and is open all of a sudden | `a_failed_open_stays_failed_and_makes_no_more_attempts` |
//! | says that it is open, and not that its broker is away | `an_open_connection_tells_that_its_broker_is_away` |
//! | makes a second client at a second open | `a_second_open_makes_no_second_client` |
//! | ignores the port | each test with a broker, as none of them has the usual one: `suite::send_then_receive` |
//! | ignores the protocol | `encryption::a_plain_broker_is_told_from_one_that_speaks_tls`, `websockets::a_broker_without_websocket_is_an_error_that_names_the_protocol` |
//! | cannot live on a URI alone, or ignores user and password | `parameters::credentials_and_address_of_one_uri_are_taken`, `errors::mosquitto_refuses_wrong_credentials_and_the_error_names_their_keys` |
//! | is open before the broker has answered | `errors::a_host_that_never_answers_is_given_up_at_the_timeout` |
//! | is deaf after a reconnect, as it does not subscribe again | `faults::a_queue_on_a_shared_connection_comes_back_after_a_crash`, `failover::a_queue_whose_broker_is_killed_goes_on_at_the_next_one_and_back_at_qos_1` |
//! | takes `*` for the wildcard, and does not know `+` and `#` | `a_star_in_a_topic_is_an_ordinary_character`, `delivery::topics_with_wildcards_receive_what_matches` |
//! | ends with an error of a listener | `listening::the_time_of_handlings_and_their_failures_are_counted`, `suite::failing_receiver_keeps_listening`, `suite::panicking_receiver_keeps_listening` |
//! | knows its listener only when the broker has granted, too late for a retained message | `a_retained_message_is_never_missed_however_soon_it_comes` |
//! | does not look whether the broker refused | `an_open_whose_subscription_is_refused_leaves_no_connection`, `version5::a_refused_subscription_is_told_with_the_reason_where_the_version_has_one` |
//! | is closed before the last messages are written | `what_was_sent_before_a_close_arrives`, `closing::a_close_waits_for_what_was_sent_before_it_disconnects` |
//! | leaves a thread behind | `leaks::a_queue_that_is_opened_and_closed_again_and_again_leaves_nothing` |
//! | gives a message to the last of several listeners only | `sharing::two_listeners_of_one_topic_both_receive_on_a_shared_connection` |
//! | holds its lock while it waits for an acknowledgement, and blocks a handler that sends | `suite::receiver_may_use_queue`, `closing::a_close_waits_for_the_handling_that_runs_before_it_disconnects` |
//! | takes the last one of several brokers, whatever it is like | `sessions::the_second_broker_is_taken_where_the_first_is_silent_or_gone`, `failover::a_queue_whose_broker_is_killed_goes_on_at_the_next_one_and_back_at_qos_1` |
//! | hears what it sends itself, and nothing else | `what_a_queue_receives_comes_from_the_broker_alone` |
//! | cannot stand for a connection of any broker | `a_connection_creates_and_deletes_queues_as_that_of_any_broker` |
//!
//! | a queue of another port… | is noticed by |
//! |---|---|
//! | sends to its name and listens to its topic | `delivery::a_queue_whose_topic_differs_from_its_name_receives_its_own_messages` |
//! | subscribes again with each read, so that messages come several times | `a_retained_message_comes_once_however_often_a_queue_reads`, `suite::repeated_reads_do_not_multiply` |
//! | unsubscribes after the connection is closed, or never | `closing::on_a_shared_connection_a_close_waits_for_the_handling_before_it_unsubscribes`, `a_kept_session_has_no_subscription_of_a_queue_that_was_closed` |
//! | receives nothing when it is opened again | `sharing::closing_a_queue_leaves_a_shared_connection_open_and_the_broker_unsubscribed`, `sessions::a_connection_that_is_opened_again_delivers_to_its_queues_again`, `suite::reopen_starts_clean` |
//! | goes on filling its cache when it is closed | `sharing::closing_a_queue_leaves_a_shared_connection_open_and_the_broker_unsubscribed`, `sharing::a_dropped_queue_leaves_nothing_on_a_shared_connection` |
//! | opens a shared connection, which is not its own | `sharing::a_queue_with_its_own_connection_parameters_does_not_take_the_shared_one` |
//! | does not find the shared connection unless it is told where | `sharing::queues_on_one_connection_get_their_own_messages`, `sessions::a_queue_that_was_never_configured_takes_the_shared_connection` |
//! | ignores its configured name, and counts nothing | `a_queue_takes_its_name_from_its_configuration`, `delivery::a_message_is_counted_where_it_is_sent_and_where_it_arrives` |
//! | loses what it had cached, or its listener, when the listening begins | `suite::listener_gets_backlog_once` |
//! | breaks a payload that is no text | `delivery::a_binary_payload_survives_with_and_without_the_envelope`, `suite::binary_payload` |
//! | dies of what is no message | `malformed::whatever_another_client_publishes_is_skipped_and_the_next_message_is_handled` |
//! | runs handlers on the client's thread: out of order, or holding everybody up | `suite::slow_receiver_blocks_nobody_else`, `suite::receiver_may_use_queue`, `suite::order_is_kept` |
//! | has a cache without a bound | `delivery::a_message_beyond_the_cache_drops_the_oldest_and_tells`, `leaks::a_flood_to_an_idle_queue_takes_no_more_memory_than_its_cache` |
//! | waits for another time than it is told, or for ever | `suite::zero_timeout_receive`, `suite::empty_receive_times_out_on_time`, `suite::receive_then_send` |
//! | peeks at one message several times, or fails where there are fewer than asked | `suite::peek_batch_is_bounded` |
//! | stays connected where its open failed over the subscription | `an_open_whose_subscription_is_refused_leaves_no_connection` |
//! | counts a send that fails | `a_send_that_failed_is_not_counted_as_sent` |
//! | logs whole payloads, and fails over one that is not there | `a_log_line_shows_no_more_than_the_beginning_of_a_payload` |
//! | promises to acknowledge what is handled, and has acknowledged it before | `errors::wrong_options_are_refused_before_anything_is_opened` |
//! | has other defaults than it documents | `the_documented_defaults_are_those_of_the_code` |
//! | misses what is sent before its first read, and does not say so | `what_is_sent_before_the_first_read_reaches_only_who_subscribed_at_the_open` |

use std::{fs, path::Path};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    refer::{IReferenceable, cast},
    run::{IClosable, IOpenable},
};
use pip_services_components::build::IFactory;
use pip_services_messaging::{
    IMessageQueue, IMessageQueueConnection, IMessageQueueExt, MessageEnvelope, conformance::cases,
};
use pip_services_mqtt::{DefaultMqttFactory, MqttMessageQueue};
use pip_services_test_broker::{Engine, TestBroker};
use tokio::{
    io::{AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    packets::{CONNACK, CONNECT, PUBLISH, SUBSCRIBE, packet},
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

/// Of those that another program sees: the envelope, and the signs of life, which the first packet announces in seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_defaults_are_those_of_the_code() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let queue = MqttMessageQueue::new("orders");
    let mut parameters = ConfigParams::from_tuples([("connection.host", "127.0.0.1")]);
    parameters.put("connection.port", listener.local_addr().unwrap().port());
    queue.configure(&parameters).unwrap();
    let script = async {
        let (mut client, _) = listener.accept().await.unwrap();
        let (_, connect) = packet(&mut client).await.unwrap();
        client.write_all(&[CONNACK << 4, 2, 0, 0]).await.unwrap();
        loop {
            if let (first, body) = packet(&mut client).await.unwrap()
                && first >> 4 == PUBLISH
            {
                break (client, connect, first, body);
            }
        }
    };
    let sending = async {
        queue.open(None).await.unwrap();
        queue.send(None, message("a")).await.unwrap();
    };
    let ((_client, connect, first, published), ()) = tokio::join!(script, sending);
    // Version 3.1.1, a clean session and nothing else, and three seconds.
    assert_eq!(connect[..10], *b"\0\x04MQTT\x04\x02\0\x03");
    assert_eq!(first, PUBLISH << 4, "QoS 0, not retained");
    assert_eq!(published[..8], *b"\0\x06orders");
    assert!(published[8..].starts_with(b"{") && published.ends_with(b"}"), "no envelope: {published:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_queue_receives_comes_from_the_broker_alone() {
    let (observed, puppet) = (Observed::new(), Puppet::start().await);
    let queue = MqttMessageQueue::new("orders");
    queue.configure(&puppet.config(&[("options.autosubscribe", "true")])).unwrap();
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    // This broker keeps it to itself.
    for _ in 0..2 {
        queue.send(None, message("sent")).await.unwrap();
    }
    puppet.publish("orders", "of the broker").await;
    assert_eq!(next(&queue).await, "of the broker");
    assert_eq!(observed.count("orders", "received_messages"), 1);
}

#[test]
fn the_tests_that_notice_a_defect_are_there() {
    let names =
        include_str!("defects.rs").lines().filter(|line| line.starts_with("//! |")).flat_map(|line| {
            let tests = line.rsplit("| ").next().unwrap_or_default();
            tests.split('`').filter(|name| name.contains('_')).collect::<Vec<_>>()
        });
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let mut count = 0;
    for name in names {
        let (module, test) = name.split_once("::").unwrap_or(("defects", name));
        let is_there = match module {
            "suite" => cases().any(|case| case.ends_with(test)),
            _ => fs::read_to_string(folder.join(module).with_extension("rs"))
                .is_ok_and(|source| source.contains(&format!("fn {test}("))),
        };
        assert!(is_there, "no test '{name}'");
        count += 1;
    }
    assert!(count > 60, "{count}");
}
