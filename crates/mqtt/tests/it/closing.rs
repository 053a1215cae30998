use std::{collections::BTreeSet, pin::pin, sync::Arc, time::Duration};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{IReferenceable, IReferences, References},
    run::{IClosable, IOpenable},
};
use pip_services_messaging::{IMessageQueue, MessageEnvelope};
use pip_services_mqtt::{MqttConnection, MqttMessageQueue};
use pip_services_test_broker::{Proxy, TestBroker};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    puppet::Puppet,
    support::{Observed, QUIET, SOON, eventually, message, on_each_broker, open, queue, text},
};

on_each_broker!(what_was_sent_at_qos_0_survives_a_close_during_an_outage);

/// What a close has, and some more for a loaded machine: less than the limits of its stages used to be together.
const LIMIT: Duration = Duration::from_secs(7);

/// An open queue with a connection of its own, or on a shared one, which is given as well.
async fn open_at(puppet: &Puppet, shared: bool) -> (Arc<MqttMessageQueue>, Option<Arc<MqttConnection>>) {
    let queue = Arc::new(MqttMessageQueue::new("orders"));
    let autosubscribe = [("options.autosubscribe", "true")];
    if !shared {
        queue.configure(&puppet.config(&autosubscribe)).unwrap();
        queue.open(None).await.unwrap();
        return (queue, None);
    }
    let connection = Arc::new(MqttConnection::new());
    connection.configure(&puppet.config(&[])).unwrap();
    connection.open(None).await.unwrap();
    let references = References::new();
    references.put("pip-services:connection:mqtt:default:1.0".parse().unwrap(), connection.clone());
    let raw = [autosubscribe[0], ("options.qos", "1"), ("options.serialize_envelope", "false")];
    queue.configure(&ConfigParams::from_tuples(raw)).unwrap();
    queue.set_references(&references).unwrap();
    queue.open(None).await.unwrap();
    (queue, Some(connection))
}

fn send(queue: &Arc<MqttMessageQueue>) -> JoinHandle<Result<(), ApplicationError>> {
    let queue = queue.clone();
    tokio::spawn(async move { queue.send(None, message("a")).await.map_err(|failed| failed.into_parts().0) })
}

async fn recorded(puppet: &Puppet, what: &str) {
    eventually(what, async || puppet.record().iter().any(|line| line == what)).await;
}

async fn a_close_ends(shared: bool) {
    let puppet = Puppet::start().await;
    let (queue, connection) = open_at(&puppet, shared).await;
    let begun = Arc::new(Notify::new());
    let receiver = {
        let begun = begun.clone();
        move |_: MessageEnvelope| {
            begun.notify_one();
            std::future::pending::<Result<(), ApplicationError>>()
        }
    };
    queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
    puppet.publish("orders", "handled for ever").await;
    begun.notified().await;
    puppet.set_silent(true);
    let sending = send(&queue);
    recorded(&puppet, "PUBLISH orders").await;
    timeout(LIMIT, queue.close(None)).await.expect("the close of the queue takes too long").unwrap();
    assert!(!queue.is_open());
    if let Some(connection) = connection {
        timeout(LIMIT, connection.close(None)).await.expect("the close of the connection does").unwrap();
        assert!(!connection.is_open());
    }
    assert_eq!(sending.await.unwrap().unwrap_err().code(), "PUBLISH_FAILED");
    timeout(LIMIT, queue.close(None)).await.expect("a second close waits again").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_ends_in_time_although_a_handling_does_not_and_the_broker_is_silent() {
    a_close_ends(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closes_of_a_queue_and_its_shared_connection_end_in_time_as_well() {
    a_close_ends(true).await;
}

async fn a_close_goes_in_order(shared: bool) -> Vec<String> {
    let puppet = Puppet::start().await;
    let (queue, connection) = open_at(&puppet, shared).await;
    let (begun, goes_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let receiver = {
        let (begun, goes_on, queue) = (begun.clone(), goes_on.clone(), queue.clone());
        move |_: MessageEnvelope| {
            let (begun, goes_on, queue) = (begun.clone(), goes_on.clone(), queue.clone());
            async move {
                begun.notify_one();
                goes_on.notified().await;
                queue.send(None, message("the last")).await.map_err(|failed| failed.into_parts().0)
            }
        }
    };
    queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
    puppet.publish("orders", "handled").await;
    begun.notified().await;
    // The close is under way when the handling goes on.
    let (closed, ()) = tokio::join!(biased; queue.close(None), async { goes_on.notify_one() });
    closed.unwrap();
    if let Some(connection) = connection {
        connection.close(None).await.unwrap();
    }
    recorded(&puppet, "DISCONNECT").await;
    puppet.record()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_waits_for_the_handling_that_runs_before_it_disconnects() {
    let expected = ["CONNECT", "SUBSCRIBE orders", "PUBLISH orders", "PUBACK", "DISCONNECT"];
    assert_eq!(a_close_goes_in_order(false).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_shared_connection_a_close_waits_for_the_handling_before_it_unsubscribes() {
    let expected =
        ["CONNECT", "SUBSCRIBE orders", "PUBLISH orders", "PUBACK", "UNSUBSCRIBE orders", "DISCONNECT"];
    assert_eq!(a_close_goes_in_order(true).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_waits_for_what_was_sent_before_it_disconnects() {
    let puppet = Puppet::start().await;
    let (queue, _) = open_at(&puppet, false).await;
    puppet.set_silent(true);
    let sending = send(&queue);
    recorded(&puppet, "PUBLISH orders").await;
    let (closed, ()) = tokio::join!(biased; queue.close(None), async { puppet.set_silent(false) });
    closed.unwrap();
    sending.await.unwrap().unwrap();
    recorded(&puppet, "DISCONNECT").await;
    assert_eq!(puppet.record()[2..], ["PUBLISH orders", "PUBACK", "DISCONNECT"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_waits_until_the_broker_has_read_what_was_sent_at_qos_0() {
    let puppet = Puppet::start().await;
    let queue = MqttMessageQueue::new("orders");
    queue.configure(&puppet.config(&[("options.qos", "0")])).unwrap();
    queue.open(None).await.unwrap();
    puppet.set_silent(true);
    for text in ["a", "b"] {
        queue.send(None, message(text)).await.unwrap();
    }
    let mut closing = pin!(queue.close(None));
    assert!(timeout(QUIET, &mut closing).await.is_err(), "it is closed, and the broker has not read it");
    puppet.set_silent(false);
    closing.await.unwrap();
    recorded(&puppet, "DISCONNECT").await;
    let asked = puppet.record()[3].clone();
    assert!(asked.starts_with("UNSUBSCRIBE ") && asked != "UNSUBSCRIBE orders", "{asked}");
    assert_eq!(puppet.record(), ["CONNECT", "PUBLISH orders", "PUBLISH orders", &asked, "DISCONNECT"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_ends_in_time_and_warns_where_the_broker_never_reads_what_was_sent_at_qos_0() {
    let (puppet, observed) = (Puppet::start().await, Observed::new());
    let queue = MqttMessageQueue::new("orders");
    queue.set_references(&observed.references).unwrap();
    queue.configure(&puppet.config(&[("options.qos", "0")])).unwrap();
    queue.open(None).await.unwrap();
    puppet.set_silent(true);
    queue.send(None, message("a")).await.unwrap();
    timeout(LIMIT, queue.close(None)).await.expect("the close takes too long").unwrap();
    let lines = observed.log.lines();
    let warnings: Vec<_> = lines.iter().filter(|line| line.contains("may be lost")).collect();
    assert!(matches!(warnings[..], [line] if line.starts_with("WARN")), "{lines:?}");
}

/// The sender gets its own messages as well: where a side of a connection is closed with something unread, the system
/// takes back what was written to it.
async fn what_was_sent_at_qos_0_survives_a_close_during_an_outage(broker: TestBroker) {
    // Longer than what is on its way has when nobody waits for it.
    let outage = Duration::from_millis(1_500);
    let proxy = Proxy::to(broker.address().parse().unwrap()).unwrap();
    let port = proxy.address().port().to_string();
    let kept = [("options.clean_session", "false"), ("client_id", "kept")];
    // Few enough bytes to be under way together.
    for (name, more, count, size) in
        [("many", &[][..], 500, 10), ("large", &[], 40, 50_000), ("kept", &kept, 40, 50_000)]
    {
        let mut options = vec![("options.qos", "0"), ("connection.port", &port)];
        options.extend(more);
        let reader = open(&broker, name, &[("options.qos", "0")]).await;
        let sender = queue(&broker, name, &options);
        sender.open(None).await.unwrap();
        proxy.cut();
        let sent: BTreeSet<String> = (0..count).map(|number| format!("{number:size$}")).collect();
        for text in &sent {
            sender.send(None, message(text)).await.unwrap();
        }
        let (closed, ()) = tokio::join!(sender.close(None), async {
            sleep(outage).await;
            proxy.heal();
        });
        closed.unwrap();
        let mut received = BTreeSet::new();
        while received != sent {
            let Some(envelope) = reader.receive(None, SOON).await.unwrap() else { break };
            received.insert(text(&envelope));
        }
        assert_eq!(received.len(), sent.len(), "{name}");
    }
}
