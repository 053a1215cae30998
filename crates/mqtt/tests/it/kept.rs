use std::sync::Arc;

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    refer::{IReferenceable, IReferences},
    run::{IClosable, IOpenable},
};
use pip_services_messaging::IMessageQueue;
use pip_services_mqtt::{MqttConnection, MqttMessageQueue};
use pip_services_test_broker::TestBroker;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    packets::{CONNECT, PINGREQ, PUBACK, PUBCOMP, PUBREC, PUBREL, SUBSCRIBE},
    support::{Observed, QUIET, SOON, eventually, message, next, on_each_broker, open, texts_until},
};

on_each_broker!(a_message_at_qos_2_is_not_taken_for_one_that_an_earlier_process_left_half_done,);

/// A broker, or a client, that does what a test says.
struct Peer {
    stream: TcpStream,
    has_properties: bool,
}

impl Peer {
    async fn connect(broker: &TestBroker) -> Self {
        Self { stream: TcpStream::connect(broker.address()).await.unwrap(), has_properties: false }
    }

    /// Accepts a connection of a session that was kept.
    async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = timeout(SOON, listener.accept()).await.expect("nobody connects").unwrap();
        let mut peer = Self { stream, has_properties: false };
        let connect = peer.read().await;
        assert_eq!((connect[0] >> 4, connect[9] & 2), (CONNECT, 0), "the session is to be kept");
        peer.has_properties = connect[8] == 5;
        let connack: &[u8] = if peer.has_properties { b"\x20\x03\x01\0\0" } else { b"\x20\x02\x01\0" };
        peer.write(connack).await;
        peer
    }

    async fn write(&mut self, packet: &[u8]) {
        self.stream.write_all(packet).await.unwrap();
    }

    /// The next packet but for signs of life. None of these tests needs one longer than 127 bytes.
    async fn read(&mut self) -> Vec<u8> {
        loop {
            let mut packet = vec![0; 2];
            timeout(SOON, self.stream.read_exact(&mut packet)).await.expect("nothing comes").unwrap();
            assert!(packet[1] < 128);
            let length = usize::from(packet[1]);
            packet.resize(2 + length, 0);
            self.stream.read_exact(&mut packet[2..]).await.unwrap();
            if packet[0] >> 4 != PINGREQ {
                return packet;
            }
            self.write(b"\xd0\0").await;
        }
    }

    /// Grants what the client subscribes to.
    async fn grant(&mut self) {
        let subscribe = self.read().await;
        assert_eq!(subscribe[0] >> 4, SUBSCRIBE, "{subscribe:?}");
        let id = [subscribe[2], subscribe[3]];
        match self.has_properties {
            true => self.write(&[0x90, 4, id[0], id[1], 0, 2]).await,
            false => self.write(&[0x90, 3, id[0], id[1], 2]).await,
        }
    }

    /// Publishes to the topic `t` at QoS 2.
    async fn publish(&mut self, first: u8, id: u8, text: &str) {
        let properties: &[u8] = if self.has_properties { b"\0" } else { b"" };
        let body = [b"\0\x01t\0", &[id][..], properties, text.as_bytes()].concat();
        self.write(&[&[first, body.len() as u8], &body[..]].concat()).await;
    }

    /// Reads a subscription, and does not answer.
    async fn ignore(&mut self) {
        let subscribe = self.read().await;
        assert_eq!(subscribe[0] >> 4, SUBSCRIBE, "{subscribe:?}");
    }

    /// Reads up to the end of the connection, which nothing comes before but a goodbye.
    async fn ends(mut self) {
        let mut rest = Vec::new();
        let _ = timeout(SOON, self.stream.read_to_end(&mut rest)).await.expect("it is still there");
        assert!(rest.is_empty() || rest == b"\xe0\0", "{rest:?}");
    }

    async fn expect(&mut self, kind: u8, id: u8) {
        let packet = self.read().await;
        assert_eq!((packet[0] >> 4, packet[2..4].to_vec()), (kind, vec![0, id]), "{packet:?}");
    }

    /// Publishes at QoS 2, and goes with it to the end.
    async fn complete(&mut self, id: u8, text: &str) {
        self.publish(0x34, id, text).await;
        self.expect(PUBREC, id).await;
        self.write(&[0x62, 2, 0, id]).await;
        self.expect(PUBCOMP, id).await;
    }
}

/// A queue on the topic `t` of a broker that a test plays.
fn queue(listener: &TcpListener, more: &[(&str, &str)]) -> MqttMessageQueue {
    queue_at(&[listener], more)
}

/// The same, of the first of these brokers that takes it.
fn queue_at(listeners: &[&TcpListener], more: &[(&str, &str)]) -> MqttMessageQueue {
    let queue = MqttMessageQueue::new("t");
    queue.configure(&config_of(listeners, more)).unwrap();
    queue
}

fn config_of(listeners: &[&TcpListener], more: &[(&str, &str)]) -> ConfigParams {
    let mut config = ConfigParams::from_tuples([
        ("topic", "t"),
        ("client_id", "kept"),
        ("options.clean_session", "false"),
        ("options.qos", "2"),
        ("options.serialize_envelope", "false"),
        ("options.reconnect_timeout", "1"),
    ]);
    for (index, listener) in listeners.iter().enumerate() {
        config.put(format!("connections.{index}.host"), "127.0.0.1");
        config.put(format!("connections.{index}.port"), listener.local_addr().unwrap().port());
    }
    more.iter().for_each(|(key, value)| config.put(*key, *value));
    config
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// As a process that published messages, and died before it released them.
async fn leave_half_done(broker: &TestBroker) {
    let mut earlier = Peer::connect(broker).await;
    earlier.write(b"\x10\x10\0\x04MQTT\x04\0\0\0\0\x04kept").await;
    assert_eq!(earlier.read().await[..1], [0x20]);
    for id in 1..=10 {
        earlier.publish(0x34, id, "same").await;
        earlier.expect(PUBREC, id).await;
    }
}

const SENDER: [(&str, &str); 5] = [
    ("client_id", "kept"),
    ("options.clean_session", "false"),
    ("options.qos", "2"),
    ("options.autosubscribe", "false"),
    ("options.serialize_envelope", "false"),
];

/// Its ids are those that a new client begins with. A message of another content some brokers would tell apart.
async fn a_message_at_qos_2_is_not_taken_for_one_that_an_earlier_process_left_half_done(broker: TestBroker) {
    let more = [("options.qos", "2"), ("options.serialize_envelope", "false")];
    let receiver = open(&broker, "t", &more).await;
    leave_half_done(&broker).await;
    let sender = open(&broker, "t", &SENDER).await;
    for text in ["same", "same", "same", "same", "end"] {
        sender.send(None, message(text)).await.unwrap();
    }
    let received = texts_until(&receiver, "end").await;
    // Which ids the sender gives is the library's affair. All of them are in use.
    assert_eq!(received, ["same"; 9], "4 new ones, and what was left under their ids and that of the end");
    sender.close(None).await.unwrap();
}

/// As Mosquitto 2.0.11 does after a crash.
async fn under_an_id_in_use_a_new_message_arrives(version: &str) {
    let listener = listener().await;
    let more = [("options.mqtt_version", version), ("options.autosubscribe", "true")];
    let queue = queue(&listener, &more);
    let script = async {
        let mut broker = Peer::accept(&listener).await;
        broker.grant().await;
        broker.publish(0x34, 1, "first").await;
        broker.expect(PUBREC, 1).await;
        drop(broker);
        let mut broker = Peer::accept(&listener).await;
        broker.publish(0x34, 1, "second").await;
        broker.expect(PUBREC, 1).await;
        broker.write(&[0x62, 2, 0, 1]).await;
        broker.expect(PUBCOMP, 1).await;
        broker
    };
    let (opened, _broker) = tokio::join!(queue.open(None), script);
    opened.unwrap();
    assert_eq!((next(&queue).await, next(&queue).await), ("first".into(), "second".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_message_under_an_id_in_use_arrives_on_version_3() {
    under_an_id_in_use_a_new_message_arrives("3.1.1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_message_under_an_id_in_use_arrives_on_version_5() {
    under_an_id_in_use_a_new_message_arrives("5").await;
}

/// The protocol has the client remember an id until it is released, on whichever connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_sent_again_before_its_release_arrives_once() {
    let listener = listener().await;
    let (observed, queue) = (Observed::new(), queue(&listener, &[("options.autosubscribe", "true")]));
    queue.set_references(&observed.references).unwrap();
    let script = async {
        let mut broker = Peer::accept(&listener).await;
        broker.grant().await;
        broker.publish(0x34, 1, "once").await;
        broker.expect(PUBREC, 1).await;
        drop(broker);
        let mut broker = Peer::accept(&listener).await;
        broker.publish(0x3c, 1, "once").await;
        broker.expect(PUBREC, 1).await;
        // Before that, the client would not rely on the session, and subscribe again.
        let is_back = async || observed.log.lines().iter().any(|line| line.contains("Reconnected"));
        eventually("it is connected again", is_back).await;
        drop(broker);
        let mut broker = Peer::accept(&listener).await;
        broker.write(&[0x62, 2, 0, 1]).await;
        broker.expect(PUBCOMP, 1).await;
        broker.complete(1, "end").await;
        broker
    };
    let (opened, _broker) = tokio::join!(queue.open(None), script);
    opened.unwrap();
    assert_eq!(texts_until(&queue, "end").await, ["once"]);
}

/// The broker must not do that, and Mosquitto 2.0.11 does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_sent_again_after_its_release_arrives_once() {
    let listener = listener().await;
    let queue = queue(&listener, &[("options.autosubscribe", "true")]);
    let script = async {
        let mut broker = Peer::accept(&listener).await;
        broker.grant().await;
        for id in 1..=20 {
            broker.complete(id, &id.to_string()).await;
        }
        drop(broker);
        let mut broker = Peer::accept(&listener).await;
        for id in 18..=20 {
            broker.publish(0x3c, id, &id.to_string()).await;
            broker.expect(PUBREC, id).await;
            broker.write(&[0x62, 2, 0, id]).await;
            broker.expect(PUBCOMP, id).await;
        }
        // Sent before, and lost on the way.
        broker.publish(0x3c, 21, "20").await;
        broker.expect(PUBREC, 21).await;
        broker.complete(22, "end").await;
        broker
    };
    let (opened, _broker) = tokio::join!(queue.open(None), script);
    opened.unwrap();
    let expected: Vec<_> = (1..=20).chain([20]).map(|id| id.to_string()).collect();
    assert_eq!(texts_until(&queue, "end").await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_half_done_when_the_connection_broke_is_released_on_the_next_one() {
    let listener = listener().await;
    let queue = queue(&listener, &[("options.autosubscribe", "false")]);
    let script = async {
        let mut broker = Peer::accept(&listener).await;
        broker.grant().await;
        // Whatever the broker may hold under the id. 1 was that of the subscription.
        broker.expect(PUBREL, 2).await;
        assert_eq!(broker.read().await[0], 0x34);
        broker.write(b"\x70\x02\0\x02\x50\x02\0\x02").await;
        broker.expect(PUBREL, 2).await;
        drop(broker);
        let mut broker = Peer::accept(&listener).await;
        broker.expect(PUBREL, 2).await;
        // The client begins anew. The answer to the old message is none to the new one.
        broker.expect(PUBREL, 1).await;
        assert!(broker.read().await.ends_with(b"second"));
        broker.write(b"\x70\x02\0\x02\x70\x02\0\x01\x50\x02\0\x01").await;
        broker.expect(PUBREL, 1).await;
        broker.write(b"\x70\x02\0\x01").await;
        broker
    };
    let sending = async {
        queue.open(None).await.unwrap();
        let failed = queue.send(None, message("first")).await.unwrap_err();
        assert_eq!(failed.error().code(), "PUBLISH_FAILED");
        queue.send(None, message("second")).await.unwrap();
    };
    tokio::join!(sending, script);
}

/// The broker then sends it again to whoever opens the queue next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_an_open_failed_was_not_confirmed() {
    let listener = listener().await;
    let (observed, queue) = (Observed::new(), queue(&listener, &[("options.autosubscribe", "true")]));
    queue.set_references(&observed.references).unwrap();
    let failing = async {
        let mut broker = Peer::accept(&listener).await;
        broker.publish(0x32, 1, "once").await;
        broker.publish(0x34, 2, "exactly once").await;
        let subscribe = broker.read().await;
        assert_eq!(subscribe[0] >> 4, SUBSCRIBE, "{subscribe:?}");
        broker.write(&[0x90, 3, subscribe[2], subscribe[3], 0x80]).await;
        broker.ends().await;
    };
    let (opened, ()) = tokio::join!(queue.open(None), failing);
    assert_eq!(opened.unwrap_err().code(), "SUBSCRIBE_FAILED");
    let lines = observed.log.lines();
    assert!(!lines.iter().any(|line| line.contains("Drops")), "nothing is lost: {lines:?}");
    let script = async {
        let mut broker = Peer::accept(&listener).await;
        broker.publish(0x3a, 1, "once").await;
        broker.publish(0x3c, 2, "exactly once").await;
        broker.grant().await;
        broker.expect(PUBACK, 1).await;
        broker.expect(PUBREC, 2).await;
        broker
    };
    let (opened, _broker) = tokio::join!(queue.open(None), script);
    opened.unwrap();
    assert_eq!((next(&queue).await, next(&queue).await), ("once".into(), "exactly once".into()));
}

/// The first broker accepts, sends a message, and says no more, or cuts the connection. It sends the message again when it has
/// its turn.
async fn what_came_of_a_broker_that_the_open_left_comes_once(cuts: bool) {
    let (first_at, second_at) = (listener().await, listener().await);
    let more = [("options.autosubscribe", "true"), ("options.connect_timeout", "4000")];
    let queue = queue_at(&[&first_at, &second_at], &more);
    let script = async {
        let mut first = Peer::accept(&first_at).await;
        first.publish(0x34, 1, "once").await;
        first.write(b"\x30\x0f\0\x01tat most once").await;
        first.ignore().await;
        if cuts {
            drop(first);
        } else {
            first.ends().await;
        }
        let mut second = Peer::accept(&second_at).await;
        second.grant().await;
        second.complete(1, "second").await;
        drop(second);
        let mut first = Peer::accept(&first_at).await;
        first.grant().await;
        first.publish(0x3c, 1, "once").await;
        first.expect(PUBREC, 1).await;
        first.complete(2, "end").await;
        first
    };
    let (opened, _broker) = tokio::join!(queue.open(None), script);
    opened.unwrap();
    assert_eq!(texts_until(&queue, "end").await, ["at most once", "second", "once"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_of_a_broker_that_the_open_left_as_it_was_silent_comes_once() {
    what_came_of_a_broker_that_the_open_left_comes_once(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_of_a_broker_that_the_open_left_as_it_was_cut_comes_once() {
    what_came_of_a_broker_that_the_open_left_comes_once(true).await;
}

/// As where it is configured under two names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_of_a_broker_that_is_also_the_next_one_of_the_open_comes_once() {
    let listener = listener().await;
    let queue = queue_at(&[&listener, &listener], &[("options.autosubscribe", "true")]);
    let script = async {
        let mut broker = Peer::accept(&listener).await;
        broker.publish(0x34, 1, "once").await;
        broker.ignore().await;
        drop(broker);
        let mut broker = Peer::accept(&listener).await;
        broker.publish(0x3c, 1, "once").await;
        broker.grant().await;
        broker.expect(PUBREC, 1).await;
        broker.complete(2, "end").await;
        broker
    };
    let (opened, _broker) = tokio::join!(queue.open(None), script);
    opened.unwrap();
    assert_eq!(texts_until(&queue, "end").await, ["once"]);
}

/// Also where it is more than may wait otherwise while the broker is read from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_during_an_open_is_received_after_it_in_order_and_before_anything_newer() {
    let listener = listener().await;
    let (observed, queue) = (Observed::new(), queue(&listener, &[("options.autosubscribe", "true")]));
    queue.set_references(&observed.references).unwrap();
    let script = async {
        let mut broker = Peer::accept(&listener).await;
        broker.publish(0x32, 1, "1").await;
        broker.publish(0x34, 2, "2").await;
        broker.write(b"\x30\x04\0\x01t3").await;
        for id in 4..=20 {
            // Of 204,805 bytes.
            let large = [b"\x34\x85\xc0\x0c\0\x01t\0", &[id][..], &[b'x'; 200 * 1024][..]].concat();
            broker.write(&large).await;
        }
        broker.grant().await;
        broker.expect(PUBACK, 1).await;
        for id in [2].into_iter().chain(4..=20) {
            broker.expect(PUBREC, id).await;
        }
        broker.complete(21, "end").await;
        broker
    };
    let (opened, _broker) = tokio::join!(queue.open(None), script);
    opened.unwrap();
    let mut received = texts_until(&queue, "end").await;
    let large = received.split_off(3);
    assert_eq!(received, ["1", "2", "3"]);
    assert_eq!(large.iter().map(String::len).collect::<Vec<_>>(), [200 * 1024; 17]);
    queue.close(None).await.unwrap();
    let lines = observed.log.lines();
    assert!(!lines.iter().any(|line| line.contains("Drops")), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_whose_connection_is_opened_again_gets_what_came_before_that_was_given_up_once() {
    let listener = listener().await;
    let observed = Observed::new();
    let connection = Arc::new(MqttConnection::new());
    connection.configure(&config_of(&[&listener], &[])).unwrap();
    connection.set_references(&observed.references).unwrap();
    observed.references.put("pip-services:connection:mqtt:default:1.0".parse().unwrap(), connection.clone());
    let (opened, mut broker) = tokio::join!(connection.open(None), Peer::accept(&listener));
    opened.unwrap();
    let queue = MqttMessageQueue::new("t");
    let options = [("options.autosubscribe", "true"), ("options.serialize_envelope", "false")];
    queue.configure(&ConfigParams::from_tuples(options)).unwrap();
    queue.set_references(&observed.references).unwrap();
    let (opened, ()) = tokio::join!(queue.open(None), broker.grant());
    opened.unwrap();
    let (closed, ()) = tokio::join!(connection.close(None), broker.ends());
    closed.unwrap();

    let given_up = async {
        let mut broker = Peer::accept(&listener).await;
        broker.publish(0x34, 1, "once").await;
        broker.ignore().await;
        let early = queue.receive(None, QUIET).await;
        assert!(early.is_err(), "it is not open yet: {early:?}");
        broker
    };
    let broker = tokio::select! {
        opened = connection.open(None) => panic!("nothing is granted: {opened:?}"),
        broker = given_up => broker,
    };
    broker.ends().await;
    let script = async {
        let mut broker = Peer::accept(&listener).await;
        broker.publish(0x3c, 1, "once").await;
        broker.grant().await;
        broker.expect(PUBREC, 1).await;
        broker.complete(2, "end").await;
        broker
    };
    let (opened, _broker) = tokio::join!(connection.open(None), script);
    opened.unwrap();
    assert_eq!(texts_until(&queue, "end").await, ["once"]);
    let lines = observed.log.lines();
    assert!(!lines.iter().any(|line| line.contains("Drops")), "nothing is lost: {lines:?}");
}

/// The library would do it, if it knew that a session is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_comes_back_makes_no_other_connection_send_again() {
    let (kept_at, other_at) = (listener().await, listener().await);
    let kept = queue(&kept_at, &[("options.qos", "1"), ("options.autosubscribe", "false")]);
    let other =
        queue(&other_at, &[("client_id", "other"), ("options.qos", "1"), ("options.autosubscribe", "false")]);
    let script = async {
        let mut waits = Peer::accept(&other_at).await;
        waits.grant().await;
        let first = waits.read().await;
        assert_eq!(first[0], 0x32);
        // It comes back with a message in flight.
        let mut broker = Peer::accept(&kept_at).await;
        broker.grant().await;
        assert_eq!(broker.read().await[0], 0x32);
        drop(broker);
        let mut broker = Peer::accept(&kept_at).await;
        let again = broker.read().await;
        assert_eq!((again[0], again.ends_with(b"second")), (0x32, true));
        broker.write(&[0x40, 2, again[5], again[6]]).await;
        let next = waits.read().await;
        assert_eq!((next[0], next.ends_with(b"later")), (0x32, true), "{next:?}");
        for packet in [&first, &next] {
            waits.write(&[0x40, 2, packet[5], packet[6]]).await;
        }
        (waits, broker)
    };
    let sending = async {
        other.open(None).await.unwrap();
        let later = async {
            kept.open(None).await.unwrap();
            kept.send(None, message("first")).await.unwrap_err();
            kept.send(None, message("second")).await.unwrap();
            other.send(None, message("later")).await.unwrap();
        };
        let (first, ()) = tokio::join!(other.send(None, message("waits")), later);
        first.unwrap();
    };
    tokio::join!(sending, script);
}
