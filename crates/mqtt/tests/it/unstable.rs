use std::sync::Arc;

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::{ApplicationError, ErrorCategory},
    refer::{IReferenceable, IReferences, References},
    run::{IClosable, IOpenable},
};
use pip_services_messaging::IMessageQueue;
use pip_services_mqtt::{MqttConnection, MqttMessageQueue};
use tokio::time::{Instant, timeout};

use crate::{
    packets::{CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE},
    puppet::Puppet,
    support::{Observed, SOON, eventually, message, next},
};

/// An open queue on brokers in this order, and what it tells.
async fn open(brokers: &[&Puppet], more: &[(&str, &str)]) -> (Observed, Arc<MqttMessageQueue>) {
    let (observed, queue) = unopened(brokers, more);
    queue.open(None).await.unwrap();
    (observed, queue)
}

/// A queue on brokers in this order, and what it tells.
fn unopened(brokers: &[&Puppet], more: &[(&str, &str)]) -> (Observed, Arc<MqttMessageQueue>) {
    let mut config = ConfigParams::from_tuples([
        ("options.autosubscribe", "true"),
        ("options.keepalive_timeout", "60000"),
        ("options.qos", "1"),
        ("options.serialize_envelope", "false"),
        ("options.reconnect_timeout", "20"),
    ]);
    for (index, broker) in brokers.iter().enumerate() {
        config.put(format!("connections.{index}.host"), "127.0.0.1");
        config.put(format!("connections.{index}.port"), broker.port);
    }
    more.iter().for_each(|(key, value)| config.put(*key, *value));
    let (observed, queue) = (Observed::new(), Arc::new(MqttMessageQueue::new("orders")));
    queue.configure(&config).unwrap();
    queue.set_references(&observed.references).unwrap();
    (observed, queue)
}

/// How often something was told.
fn told(observed: &Observed, what: &str) -> usize {
    observed.log.lines().iter().filter(|line| line.contains(what)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_grants_no_subscription_again_is_connected_to_again_and_told_of_once() {
    let puppet = Puppet::start().await;
    let more = [
        ("options.connect_timeout", "1000"),
        ("options.max_reconnect_timeout", "20"),
        ("options.send_timeout", "20000"),
    ];
    let (observed, queue) = open(&[&puppet], &more).await;
    puppet.set_unanswered(SUBSCRIBE, true);
    puppet.cut().await;
    // The first one was at the open.
    eventually("it is asked again and again", async || puppet.count("SUBSCRIBE orders") >= 4).await;
    assert_eq!(told(&observed, "Cannot reconnect yet"), 1);
    puppet.set_unanswered(SUBSCRIBE, false);
    queue.send(None, message("a")).await.unwrap();
    puppet.publish("orders", "b").await;
    assert_eq!(next(&queue).await, "b");
    assert_eq!(["Cannot reconnect yet", "Reconnected"].map(|what| told(&observed, what)), [1, 1]);
    queue.close(None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_grants_no_subscription_again_gives_way_to_the_next_one() {
    let (first, second) = (Puppet::start().await, Puppet::start().await);
    let more = [("options.connect_timeout", "2000"), ("options.send_timeout", "20000")];
    let (_observed, queue) = open(&[&first, &second], &more).await;
    first.set_unanswered(SUBSCRIBE, true);
    first.cut().await;
    // What is in flight when the connection is lost fails.
    eventually("it goes on", async || queue.send(None, message("a")).await.is_ok()).await;
    assert_eq!(second.record()[..3], ["CONNECT", "SUBSCRIBE orders", "PUBLISH orders"]);
    queue.close(None).await.unwrap();
}

/// Beside a connection whose time between the attempts does not grow.
async fn it_is_tried_less_and_less_often(cut_at: u8) {
    let (often, seldom) = (Puppet::start().await, Puppet::start().await);
    let (_often, _at_often) = open(&[&often], &[("options.max_reconnect_timeout", "20")]).await;
    let (_seldom, _at_seldom) = open(&[&seldom], &[("options.max_reconnect_timeout", "600000")]).await;
    for puppet in [&often, &seldom] {
        puppet.set_cut_at(Some(cut_at));
        puppet.cut().await;
    }
    eventually("one is tried often", async || often.count("CONNECT") >= 60).await;
    let tried = seldom.count("CONNECT");
    assert!((2..20).contains(&tried), "the other one {tried} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_cuts_each_connection_at_once_is_tried_less_and_less_often() {
    it_is_tried_less_and_less_often(CONNECT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_cuts_each_connection_that_subscribes_is_tried_less_and_less_often() {
    it_is_tried_less_and_less_often(SUBSCRIBE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_again_and_again_is_told_of_once_and_again_when_it_lasts() {
    let puppet = Puppet::start().await;
    let more = [("options.max_reconnect_timeout", "20"), ("options.autosubscribe", "false")];
    let (observed, queue) = open(&[&puppet], &more).await;
    let lines = || {
        ["Lost the connection", "again, soon after it came back", "Reconnected", "lasts again"]
            .map(|what| told(&observed, what))
    };
    for round in 0..2 {
        let connects = puppet.count("CONNECT");
        puppet.set_cut_at(Some(CONNECT));
        puppet.cut().await;
        eventually("it is cut often", async || puppet.count("CONNECT") >= connects + 10).await;
        assert_eq!(lines(), [2 + 2 * round, 1 + round, 1 + round, round]);
        puppet.set_cut_at(None);
        eventually("it lasts", async || told(&observed, "lasts again") > round).await;
    }
    assert_eq!(lines(), [4, 2, 2, 2]);
    queue.close(None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_while_it_subscribes_again_is_told_of_once() {
    let puppet = Puppet::start().await;
    let (observed, queue) = open(&[&puppet], &[("options.max_reconnect_timeout", "20")]).await;
    puppet.set_cut_at(Some(SUBSCRIBE));
    puppet.cut().await;
    eventually("it is cut often", async || puppet.count("CONNECT") >= 10).await;
    let lines =
        || ["Lost the connection", "Cannot reconnect yet", "Reconnected"].map(|what| told(&observed, what));
    assert_eq!(lines(), [1, 1, 0]);
    puppet.set_cut_at(None);
    eventually("it is back", async || lines() == [1, 1, 1]).await;
    queue.close(None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_that_a_broker_cuts_short_names_that_broker_and_where_it_is_configured() {
    let puppet = Puppet::start().await;
    puppet.set_cut_at(Some(SUBSCRIBE));
    let mut config = ConfigParams::from_tuples([
        ("connections.0.host", "127.0.0.1"),
        // Where nobody listens.
        ("connections.0.port", "1"),
        ("connections.1.host", "127.0.0.1"),
        ("options.autosubscribe", "true"),
    ]);
    config.put("connections.1.port", puppet.port);
    let queue = MqttMessageQueue::new("orders");
    queue.configure(&config).unwrap();
    let error = queue.open(None).await.unwrap_err();
    assert_eq!((error.code(), error.detail("key")), ("CONNECT_FAILED", Some("connections.1.host")));
    let named = format!("mqtt://127.0.0.1:{} closed the connection at once", puppet.port);
    assert_eq!(error.message(), named);
}

/// A broker that accepts, and then does not answer to a subscription, or cuts the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_goes_on_to_the_next_broker_where_one_accepts_and_grants_nothing() {
    for (unanswered, cut_at) in
        [(Some(CONNECT), None), (Some(SUBSCRIBE), None), (None, Some(SUBSCRIBE)), (None, Some(CONNECT))]
    {
        for clean_session in ["true", "false"] {
            let (first, second) = (Puppet::start().await, Puppet::start().await);
            unanswered.into_iter().for_each(|kind| first.set_unanswered(kind, true));
            first.set_cut_at(cut_at);
            let more = [
                ("client_id", "opening"),
                ("options.clean_session", clean_session),
                ("options.connect_timeout", "3000"),
            ];
            let (_observed, queue) = open(&[&first, &second], &more).await;
            queue.send(None, message("a")).await.unwrap();
            second.publish("orders", "b").await;
            assert_eq!(next(&queue).await, "b");
            assert_eq!(first.count("CONNECT"), 1);
            assert_eq!(second.record()[..3], ["CONNECT", "SUBSCRIBE orders", "PUBLISH orders"]);
            // When that one is lost, the first has its turn again.
            second.cut().await;
            unanswered.into_iter().for_each(|kind| first.set_unanswered(kind, false));
            first.set_cut_at(None);
            eventually("it goes on", async || queue.send(None, message("c")).await.is_ok()).await;
            assert_eq!(first.record().last().unwrap(), "PUBACK");
            queue.close(None).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_that_no_broker_grants_its_topic_fails_on_time_and_names_the_last_one_and_the_topic() {
    let (first, second) = (Puppet::start().await, Puppet::start().await);
    for puppet in [&first, &second] {
        puppet.set_unanswered(SUBSCRIBE, true);
    }
    let (_observed, queue) = unopened(&[&first, &second], &[("options.connect_timeout", "2000")]);
    let error = timeout(SOON, queue.open(None)).await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.category()), ("CONNECT_FAILED", &ErrorCategory::NoResponse));
    assert_eq!(
        (error.detail("key"), error.detail("topic")),
        (Some("options.connect_timeout"), Some("orders"))
    );
    let named = format!("mqtt://127.0.0.1:{}", second.port);
    assert!(error.message().contains(&named) && error.message().contains("'orders'"), "{error}");
    for puppet in [&first, &second] {
        assert_eq!(puppet.record()[..2], ["CONNECT", "SUBSCRIBE orders"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_whose_topic_is_refused_asks_no_other_broker() {
    let (first, second) = (Puppet::start().await, Puppet::start().await);
    first.set_refused("orders", true);
    let (_observed, queue) = unopened(&[&first, &second], &[]);
    let error = queue.open(None).await.unwrap_err();
    assert_eq!((error.code(), error.detail("topic")), ("SUBSCRIBE_FAILED", Some("orders")));
    assert_eq!((first.count("CONNECT"), second.count("CONNECT")), (1, 0));
}

/// An open queue on the connection in the references.
async fn open_on(references: &References, name: &str) -> Result<Arc<MqttMessageQueue>, ApplicationError> {
    let queue = MqttMessageQueue::new(name);
    let config = [("options.autosubscribe", "true"), ("options.serialize_envelope", "false")];
    queue.configure(&ConfigParams::from_tuples(config)).unwrap();
    queue.set_references(references).unwrap();
    queue.open(None).await.map(|()| Arc::new(queue))
}

/// An open connection to the broker that waits a second for an answer, and what it tells.
async fn connected(puppet: &Puppet) -> (Observed, Arc<MqttConnection>) {
    let (observed, connection) = (Observed::new(), Arc::new(MqttConnection::new()));
    let more = [
        ("options.connect_timeout", "1000"),
        ("options.reconnect_timeout", "20"),
        ("options.max_reconnect_timeout", "20"),
    ];
    connection.configure(&puppet.config(&more)).unwrap();
    connection.set_references(&observed.references).unwrap();
    connection.open(None).await.unwrap();
    observed.references.put("pip-services:connection:mqtt:default:1.0".parse().unwrap(), connection.clone());
    (observed, connection)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_a_connected_broker_does_not_answer_to_keeps_no_other_one_waiting_for_ever() {
    let puppet = Puppet::start().await;
    puppet.ignore("ignored");
    let (observed, connection) = connected(&puppet).await;
    let before = open_on(&observed.references, "before").await.unwrap();
    let error = open_on(&observed.references, "ignored").await.err().unwrap();
    assert_eq!((error.code(), error.detail("topic")), ("SUBSCRIBE_FAILED", Some("ignored")));
    let later = async || open_on(&observed.references, "later").await.ok();
    let mut open = None;
    let deadline = Instant::now() + SOON;
    while open.is_none() {
        assert!(Instant::now() < deadline, "the later one is never granted");
        open = later().await;
    }
    for (topic, queue) in [("before", before), ("later", open.unwrap())] {
        puppet.publish(topic, "a").await;
        assert_eq!(next(&queue).await, "a", "{topic}");
    }
    let why = "has not answered to the subscription to topic 'ignored' for 1000 ms (options.connect_timeout)";
    let lines = observed.log.lines();
    let lost: Vec<_> = lines.iter().filter(|line| line.contains("Lost the connection")).collect();
    assert!(lost.len() == 1 && lost[0].contains(why), "{lines:?}");
    assert!(connection.is_connected());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_does_not_answer_to_the_end_of_a_subscription_is_connected_to_again() {
    let puppet = Puppet::start().await;
    let (observed, connection) = connected(&puppet).await;
    let (ending, staying) = (
        open_on(&observed.references, "ending").await.unwrap(),
        open_on(&observed.references, "staying").await.unwrap(),
    );
    puppet.set_unanswered(UNSUBSCRIBE, true);
    ending.close(None).await.unwrap();
    eventually("it is connected again", async || puppet.count("CONNECT") > 1 && connection.is_connected())
        .await;
    puppet.publish("staying", "a").await;
    assert_eq!(next(&staying).await, "a");
    assert_eq!(told(&observed, "the end of the subscription to topic 'ending'"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_broker_that_answers_to_no_subscription_gets_messages_over_the_next_connection() {
    let (first, second) = (Puppet::start().await, Puppet::start().await);
    let more = [
        ("options.autosubscribe", "false"),
        ("options.connect_timeout", "1000"),
        ("options.send_timeout", "600000"),
    ];
    let (observed, queue) = open(&[&first, &second], &more).await;
    for kind in [SUBSCRIBE, PUBLISH] {
        first.set_unanswered(kind, true);
    }
    let sending = tokio::spawn({
        let queue = queue.clone();
        async move { queue.send(None, message("in flight")).await.map_err(|failed| failed.into_parts().0) }
    });
    eventually("it is sent", async || first.count("PUBLISH orders") == 1).await;
    let receiving = tokio::spawn({
        let queue = queue.clone();
        async move { next(&queue).await }
    });
    let sent = timeout(SOON, sending).await.expect("it is in flight for ever").unwrap();
    assert_eq!(sent.unwrap_err().code(), "PUBLISH_FAILED");
    eventually("it goes on", async || second.count("SUBSCRIBE orders") == 1).await;
    second.publish("orders", "a").await;
    assert_eq!(receiving.await.unwrap(), "a");
    assert_eq!(told(&observed, "Lost the connection"), 1);
    queue.close(None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_without_an_answer_fails_where_the_connection_must_not_come_back() {
    let puppet = Puppet::start().await;
    let more = [
        ("options.autosubscribe", "false"),
        ("options.connect_timeout", "1000"),
        ("options.retry_connect", "false"),
    ];
    let (observed, queue) = open(&[&puppet], &more).await;
    puppet.set_unanswered(SUBSCRIBE, true);
    let error = queue.receive(None, SOON).await.unwrap_err();
    assert_eq!((error.code(), error.detail("topic")), ("SUBSCRIBE_FAILED", Some("orders")));
    let why = "has not answered to the subscription to topic 'orders'";
    eventually("it is told", async || told(&observed, why) == 1).await;
    eventually("it says goodbye", async || puppet.record().last().unwrap() == "DISCONNECT").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_that_found_no_room_says_that_it_was_not_sent_and_one_without_an_answer_does_not() {
    let puppet = Puppet::start().await;
    puppet.set_unanswered(PUBLISH, true);
    let more = [("options.max_inflight", "1"), ("options.send_timeout", "500")];
    let (_, queue) = open(&[&puppet], &more).await;
    let unanswered = queue.send(None, message("a")).await.unwrap_err();
    assert_eq!(unanswered.error().detail("sent"), None, "{unanswered}");
    assert!(unanswered.error().message().contains("did not confirm"), "{unanswered}");
    // The place stays taken.
    let unsent = queue.send(None, message("b")).await.unwrap_err();
    assert_eq!((unsent.error().code(), unsent.error().detail("sent")), ("PUBLISH_FAILED", Some("false")));
    let told = unsent.error().message();
    assert!(told.starts_with("no room for a message to topic 'orders'"), "{told}");
    assert!(told.ends_with("within options.send_timeout (500 ms); the message was not sent"), "{told}");
    queue.close(None).await.unwrap();
    assert_eq!(puppet.count("PUBLISH orders"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_that_waits_for_a_connection_says_that_it_was_not_sent_when_the_queue_is_closed() {
    let puppet = Puppet::start().await;
    let more = [("options.reconnect_timeout", "3600000"), ("options.max_reconnect_timeout", "3600000")];
    let (observed, queue) = open(&[&puppet], &more).await;
    puppet.cut().await;
    eventually("the loss is noticed", async || told(&observed, "Lost the connection") == 1).await;
    // The send is polled first.
    let (sent, closed) = tokio::join!(queue.send(None, message("a")), queue.close(None));
    closed.unwrap();
    let unsent = sent.unwrap_err();
    let error = unsent.error();
    assert_eq!((error.code(), error.detail("sent")), ("PUBLISH_FAILED", Some("false")), "{error:#}");
    assert!(error.message().ends_with("the message was not sent"), "{error:#}");
}

async fn the_log_names_the_broker_that_is_passed_over_the_next_one_and_the_one_that_is_lost(
    answers_at_first: bool,
) {
    let brokers = [Puppet::start().await, Puppet::start().await, Puppet::start().await];
    let [down, first, second] = &brokers;
    let refuse = |puppet: &Puppet| {
        puppet.set_unanswered(CONNECT, true);
        puppet.set_cut_at(Some(CONNECT));
    };
    match answers_at_first {
        true => down.set_cut_at(Some(SUBSCRIBE)),
        false => refuse(down),
    }
    let (observed, queue) = open(&[down, first, second], &[]).await;
    let line = |what: &str| {
        let lines: Vec<_> = observed.log.lines().into_iter().filter(|line| line.contains(what)).collect();
        assert_eq!(lines.len(), 1, "{what}: {lines:?}");
        lines.into_iter().next().unwrap()
    };
    let named = |line: &str| {
        [down, first, second].map(|puppet| line.contains(&format!("mqtt://127.0.0.1:{}", puppet.port)))
    };
    let passed = line("WARN Passes over");
    assert_eq!(named(&passed), [true, true, false], "{passed}");
    let connected = line("Connected to the MQTT broker");
    assert_eq!(named(&connected), [false, true, false], "{connected}");
    [down, first].into_iter().for_each(refuse);
    first.cut().await;
    eventually("it goes on", async || told(&observed, "Reconnected to") == 1).await;
    let lost = line("Lost the connection");
    assert_eq!(named(&lost), [false, true, false], "{lost}");
    assert_eq!(line("Passes over"), passed, "who reconnects tells of no attempt");
    queue.close(None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_names_a_broker_that_answers_nothing_and_is_passed_over_the_next_one_and_the_one_that_is_lost()
 {
    the_log_names_the_broker_that_is_passed_over_the_next_one_and_the_one_that_is_lost(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_names_a_broker_that_grants_nothing_and_is_passed_over_the_next_one_and_the_one_that_is_lost()
{
    the_log_names_the_broker_that_is_passed_over_the_next_one_and_the_one_that_is_lost(true).await;
}
