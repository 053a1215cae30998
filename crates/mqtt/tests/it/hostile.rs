use std::sync::Arc;

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    refer::IReferenceable,
    run::{IClosable, IOpenable},
};
use pip_services_messaging::IMessageQueue;
use pip_services_mqtt::MqttMessageQueue;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    alone::alone,
    packets::{CONNECT, PINGREQ, PUBACK, PUBCOMP, PUBLISH, PUBREC, SUBSCRIBE, packet},
    support::{Observed, SOON, eventually, message, next},
};

/// A broker that knows no rules. The library's crate ends the process where it cannot read it, so each test has one.
struct Broker {
    stream: TcpStream,
    is_version5: bool,
}

impl Broker {
    /// Waits for a client, and answers nothing.
    async fn listen(listener: &TcpListener) -> Self {
        let (mut stream, _) = timeout(SOON, listener.accept()).await.expect("nobody connects").unwrap();
        let (first, body) = packet(&mut stream).await.unwrap();
        assert_eq!(first >> 4, CONNECT);
        Self { stream, is_version5: body[6] == 5 }
    }

    /// Accepts a client, and grants its subscription.
    async fn accept(listener: &TcpListener) -> Self {
        let mut broker = Self::listen(listener).await;
        broker.write(if broker.is_version5 { b"\x20\x03\0\0\0" } else { b"\x20\x02\0\0" }).await;
        let (first, body) = broker.read().await;
        assert_eq!(first >> 4, SUBSCRIBE);
        match broker.is_version5 {
            true => broker.write(&[0x90, 4, body[0], body[1], 0, 2]).await,
            false => broker.write(&[0x90, 3, body[0], body[1], 2]).await,
        }
        broker
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next packet but for signs of life.
    async fn read(&mut self) -> (u8, Vec<u8>) {
        loop {
            let read = timeout(SOON, packet(&mut self.stream)).await.expect("nothing comes");
            match read.expect("the client closed the connection") {
                (first, _) if first >> 4 == PINGREQ => self.write(b"\xd0\0").await,
                packet => return packet,
            }
        }
    }

    /// Publishes without properties; `id` is that of QoS 1 and 2.
    async fn publish(&mut self, first: u8, topic: &[u8], id: u8, payload: &[u8]) {
        let id = if first & 6 == 0 { vec![] } else { vec![0, id] };
        let properties: &[u8] = if self.is_version5 { b"\0" } else { b"" };
        let length = u16::try_from(topic.len()).unwrap().to_be_bytes();
        let body = [&length, topic, &id, properties, payload].concat();
        let size = [body.len() as u8 | 0x80, (body.len() >> 7) as u8 | 0x80, (body.len() >> 14) as u8];
        self.write(&[&[first], &size[..], &body].concat()).await;
    }

    async fn expect(&mut self, kind: u8, id: u8) {
        let (first, body) = self.read().await;
        assert_eq!((first >> 4, &body[..2]), (kind, &[0, id][..]));
    }
}

fn queue(listener: &TcpListener, observed: &Observed, more: &[(&str, &str)]) -> Arc<MqttMessageQueue> {
    let mut config = ConfigParams::from_tuples([
        ("connection.host", "127.0.0.1"),
        ("client_id", "victim"),
        ("topic", "t"),
        ("options.autosubscribe", "true"),
        ("options.qos", "2"),
        ("options.serialize_envelope", "false"),
        ("options.reconnect_timeout", "1"),
        ("options.connect_timeout", "5000"),
    ]);
    config.put("connection.port", listener.local_addr().unwrap().port());
    more.iter().for_each(|(key, value)| config.put(*key, *value));
    let queue = MqttMessageQueue::new("t");
    queue.configure(&config).unwrap();
    queue.set_references(&observed.references).unwrap();
    Arc::new(queue)
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn connection_count(observed: &Observed, event: &str) -> i64 {
    let counter = observed.counters.get(&format!("mqtt.t.{event}"));
    counter.and_then(|counter| counter.count).unwrap_or_default()
}

fn complaints(observed: &Observed) -> Vec<String> {
    observed.log.lines().into_iter().filter(|line| line.contains("is no text of MQTT")).collect()
}

async fn topics_that_are_none(version: &str, clean_session: &str) {
    let (listener, observed) = (listener().await, Observed::new());
    let options = [("options.mqtt_version", version), ("options.clean_session", clean_session)];
    let queue = queue(&listener, &observed, &options);
    let (opened, mut broker) = tokio::join!(queue.open(None), Broker::accept(&listener));
    opened.unwrap();
    let long = [&vec![b'x'; 65_000][..], b"\xff"].concat();
    let topics = [&b"a\xffb"[..], b"a\0b", b"\0", b"", b"\xff", &long];
    for round in 1..=2 {
        for (topic, id) in topics.into_iter().zip(1..) {
            broker.publish(0x30, topic, 0, b"x").await;
            broker.publish(0x32, topic, id, b"x").await;
            broker.expect(PUBACK, id).await;
            broker.publish(0x34, topic, id, b"x").await;
            broker.expect(PUBREC, id).await;
            broker.write(&[0x62, 2, 0, id]).await;
            broker.expect(PUBCOMP, id).await;
        }
        broker.publish(0x32, b"t", 9, b"a message").await;
        broker.expect(PUBACK, 9).await;
        assert_eq!(next(&queue).await, "a message");
        let expected = round * 3 * topics.len() as i64;
        eventually("all are counted", async || connection_count(&observed, "malformed_messages") == expected)
            .await;
        assert_eq!(complaints(&observed).len(), round as usize, "one for each burst");
    }
    let line = &complaints(&observed)[0];
    assert!(line.starts_with("ERROR Skipped a message for client 'victim'"), "{line}");
    assert!(line.contains("a\\xffb"), "{line}");
    assert_eq!(connection_count(&observed, "lost_connections"), 0);
    queue.close(None).await.unwrap();
}

#[test]
fn a_message_to_a_topic_that_is_none_is_answered_counted_and_skipped() {
    alone("hostile::a_message_to_a_topic_that_is_none_is_answered_counted_and_skipped", || async {
        for version in ["3.1.1", "5"] {
            topics_that_are_none(version, "true").await;
        }
    });
}

#[test]
fn so_it_is_where_the_session_is_kept() {
    alone("hostile::so_it_is_where_the_session_is_kept", || async {
        for version in ["3.1.1", "5"] {
            topics_that_are_none(version, "false").await;
        }
    });
}

#[test]
fn a_message_that_contradicts_itself_ends_the_connection_and_the_log_says_so() {
    alone("hostile::a_message_that_contradicts_itself_ends_the_connection_and_the_log_says_so", || async {
        // A topic longer than the packet, and a message without an id.
        for (packet, clean_session) in [(&b"\x30\x03\0\x09t"[..], "true"), (b"\x34\x05\0\x01t\0\0", "false")]
        {
            let (listener, observed) = (listener().await, Observed::new());
            let queue = queue(&listener, &observed, &[("options.clean_session", clean_session)]);
            let (opened, mut broker) = tokio::join!(queue.open(None), Broker::accept(&listener));
            opened.unwrap();
            broker.write(packet).await;
            let mut broker = Broker::accept(&listener).await;
            broker.publish(0x30, b"t", 0, b"a message").await;
            assert_eq!(next(&queue).await, "a message");
            let lines = observed.log.lines();
            let line = lines.iter().find(|line| line.contains("a packet that contradicts itself"));
            assert!(
                line.is_some_and(|line| line.starts_with("ERROR The broker sent client 'victim'")),
                "{lines:?}"
            );
            assert_eq!(connection_count(&observed, "malformed_messages"), 1);
            queue.close(None).await.unwrap();
        }
    });
}

/// The library takes whatever has a message's id for the answer that it waits for, and frees what it still needs.
#[test]
fn an_answer_that_does_not_fit_is_none_to_what_was_sent() {
    alone("hostile::an_answer_that_does_not_fit_is_none_to_what_was_sent", || async {
        for (qos, version) in [("1", "3.1.1"), ("2", "3.1.1"), ("1", "5"), ("2", "5")] {
            let (listener, observed) = (listener().await, Observed::new());
            let options = [("options.qos", qos), ("options.mqtt_version", version)];
            let queue = queue(&listener, &observed, &options);
            let (opened, mut broker) = tokio::join!(queue.open(None), Broker::accept(&listener));
            opened.unwrap();
            for round in 0..20 {
                let sending = tokio::spawn({
                    let queue = queue.clone();
                    async move { queue.send(None, message("sent")).await.map_err(|failed| failed.into_parts().0) }
                });
                let (first, body) = broker.read().await;
                assert_eq!(first >> 4, PUBLISH);
                let id = [body[3], body[4]];
                let answer = |first: u8| [first, 2, id[0], id[1]];
                // Those of other kinds, and those of what the client may write next.
                let following = (u16::from_be_bytes(id) + 1).to_be_bytes();
                let strays = if qos == "1" { [0x70, 0x50] } else { [0x70, 0x40] };
                for stray in strays {
                    broker.write(&answer(stray)).await;
                    broker.write(&[stray, 2, following[0], following[1]]).await;
                }
                // The answer to this comes behind what was read of them.
                broker.publish(0x32, b"t", 1, b"read").await;
                broker.expect(PUBACK, 1).await;
                assert_eq!(next(&queue).await, "read");
                assert!(!sending.is_finished(), "{round}");
                if qos == "2" {
                    broker.write(&answer(0x50)).await;
                    assert_eq!(broker.read().await.0, 0x62);
                    broker.write(&answer(0x70)).await;
                } else {
                    broker.write(&answer(0x40)).await;
                }
                timeout(SOON, sending).await.expect("it is not acknowledged").unwrap().unwrap();
            }
            queue.close(None).await.unwrap();
        }
    });
}

/// Whatever a broker of version 5 answers, the process lives.
#[test]
fn answers_that_mqtt_does_not_have_end_no_process() {
    alone("hostile::answers_that_mqtt_does_not_have_end_no_process", || async {
        let version5 = [("options.mqtt_version", "5"), ("options.connect_timeout", "2000")];
        // Texts that are none, codes that are none, in the answer to the connect.
        for connack in [
            &b"\x20\x03\0\x03\0"[..],
            b"\x20\x03\0\x7f\0",
            b"\x20\x03\0\xfe\0",
            b"\x20\x08\0\x87\x05\x1f\0\x02\xff\xfe",
            b"\x20\x08\0\x87\x05\x1f\0\x02a\0",
            b"\x20\x0c\0\x87\x09\x26\0\x02\xff\0\0\x02\0\xff",
            b"\x20\x08\0\x87\x05\x12\0\x02\xff\0",
            b"\x20\x02\0\x87",
            b"\x20\x01\0",
        ] {
            let (listener, observed) = (listener().await, Observed::new());
            let queue = queue(&listener, &observed, &version5);
            let script = async {
                let mut broker = Broker::listen(&listener).await;
                broker.write(connack).await;
                broker
            };
            let (opened, _broker) = tokio::join!(queue.open(None), script);
            opened.unwrap_err();
        }
        // After an accepted one.
        for packet in [
            // DISCONNECT: no such code, texts that are none, properties that do not end.
            &b"\xe0\x01\x7f"[..],
            b"\xe0\x01\xfe",
            b"\xe0\x07\x8e\x05\x1f\0\x02\xff\xfe",
            b"\xe0\x07\x8e\x05\x1f\0\x02\0\0",
            b"\xe0\x03\x8e\x05\x1f",
            b"\xe0\0",
            // A second answer to the connect, to no subscription, to its end, without codes.
            b"\x20\x03\0\0\0",
            b"\x90\x04\0\x09\0\x87",
            b"\x90\x03\0\x01\0",
            b"\xb0\x02\0\x09",
            // To no message; AUTH; nothing at all.
            b"\x50\x03\0\x09\x7f",
            b"\x62\x03\0\x09\x7f",
            b"\xf0\0",
            b"\0\0",
            // A message at QoS 3, one with an alias, some with properties that are none.
            b"\x36\x07\0\x01t\0\x01\0x",
            b"\x30\x07\0\x01t\x03\x23\0\x01",
            b"\x30\x0a\0\x01t\x05\x03\0\x02\xff\xfex",
            b"\x30\x0e\0\x01t\x09\x26\0\x02\xff\0\0\x02\0\xffx",
            b"\x30\x0a\0\x01t\x05\x03\0\x02a\0x",
            b"\x30\x06\0\x01t\x01\x7fx",
            b"\x30\x05\0\x01t\x7fx",
            b"\x30\x07\0\x01t\x03\x0b\xff\xff",
            b"\x30\x0a\0\x01t\x06\x02\0\0\0\x01\x01",
        ] {
            let (listener, observed) = (listener().await, Observed::new());
            let queue = queue(&listener, &observed, &version5);
            let (opened, mut broker) = tokio::join!(queue.open(None), Broker::accept(&listener));
            opened.unwrap();
            broker.write(packet).await;
            // It went, or it goes on: then this arrives behind whatever was read of it.
            broker.publish(0x30, b"t", 0, b"end").await;
            let lost = async {
                let mut rest = Vec::new();
                let _ = broker.stream.read_to_end(&mut rest).await;
                Broker::accept(&listener).await.publish(0x30, b"t", 0, b"end").await;
                std::future::pending::<()>().await;
            };
            let end = async { while next(&queue).await != "end" {} };
            tokio::select! {
                () = lost => {}
                () = end => {}
            }
            queue.close(None).await.unwrap();
        }
    });
}
