use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    run::IOpenable,
};
use pip_services_messaging::IMessageQueue;
use pip_services_mqtt::MqttMessageQueue;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

use crate::{
    packets::{
        CONNACK, CONNECT, PINGREQ, PINGRESP, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, SUBACK, SUBSCRIBE,
        packet,
    },
    support::message,
};

/// How many connections are reset, one after the other.
const RESETS: usize = 100;

/// Three times what a connection keeps in flight.
const AT_ONCE: usize = 300;

/// How many acknowledgements later each comes a second time, as when the client has sent a message again.
const LAG: usize = 5;

#[derive(Default)]
struct Broker {
    /// The texts of the messages that it has taken and answered to.
    taken: Mutex<HashSet<String>>,
    /// The ids of messages at QoS 2 that were not released, on whichever connection. What comes under one of them it takes for
    /// a repetition, whatever it is, as brokers may.
    unreleased: Mutex<HashSet<[u8; 2]>>,
    /// Whether it keeps the client's session.
    keeps: AtomicBool,
    resets: AtomicUsize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_at_qos_1_end_when_connections_are_reset_and_none_is_ok_that_the_broker_has_not() {
    sends_end_when_connections_are_reset("1", "true").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_at_qos_2_end_when_connections_are_reset_and_none_is_ok_that_the_broker_has_not() {
    sends_end_when_connections_are_reset("2", "true").await;
}

/// The client begins anew with each connection, and the broker's session goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_of_a_kept_session_end_when_connections_are_reset_and_none_is_ok_that_the_broker_has_not() {
    sends_end_when_connections_are_reset("1", "false").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_of_a_kept_session_at_qos_2_are_not_taken_for_others_that_a_reset_left_unreleased() {
    sends_end_when_connections_are_reset("2", "false").await;
}

async fn sends_end_when_connections_are_reset(qos: &str, clean_session: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = ConfigParams::from_tuples([
        ("connection.host", "127.0.0.1"),
        ("client_id", "resetting"),
        ("options.qos", qos),
        ("options.clean_session", clean_session),
        ("options.serialize_envelope", "false"),
        ("options.reconnect_timeout", "1"),
        ("options.max_reconnect_timeout", "20"),
        ("options.send_timeout", "20000"),
    ]);
    config.put("connection.port", listener.local_addr().unwrap().port());
    let broker = Arc::new(Broker::default());
    tokio::spawn(broker.clone().serve(listener));
    let queue = Arc::new(MqttMessageQueue::new("orders"));
    queue.configure(&config).unwrap();
    queue.open(None).await.unwrap();

    let mut round = 0;
    while broker.resets.load(Ordering::Relaxed) < RESETS {
        let send = |number| {
            let (queue, sent) = (queue.clone(), format!("{round}.{number}"));
            tokio::spawn(async move { (queue.send(None, message(&sent)).await.is_ok(), sent) })
        };
        for sending in (0..AT_ONCE).map(send).collect::<Vec<_>>() {
            let (ok, sent) = sending.await.unwrap();
            assert!(
                !ok || broker.taken.lock().unwrap().contains(&sent),
                "{sent} is Ok, and the broker has it not"
            );
        }
        round += 1;
    }
}

impl Broker {
    async fn serve(self: Arc<Self>, listener: TcpListener) {
        for number in 0.. {
            let (connection, _) = listener.accept().await.unwrap();
            // Another place each time: at the first message, in the midst of those in flight, after them.
            let messages = if number < RESETS { number * 7 % 150 } else { usize::MAX };
            self.answer(connection, messages).await;
            self.resets.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Answers to so many messages, and resets the connection at the next one.
    async fn answer(&self, mut connection: TcpStream, messages: usize) {
        connection.set_nodelay(true).unwrap();
        let mut left = messages;
        let mut repeats = VecDeque::new();
        while let Some((first, body)) = packet(&mut connection).await {
            let answer = match first >> 4 {
                CONNECT => {
                    let is_clean = body[7] & 2 != 0;
                    if is_clean {
                        self.unreleased.lock().unwrap().clear();
                    }
                    self.keeps.store(!is_clean, Ordering::Relaxed);
                    vec![CONNACK << 4, 2, u8::from(!is_clean), 0]
                }
                PUBLISH if left == 0 => break,
                PUBLISH => {
                    left -= 1;
                    let id = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
                    let is_qos_1 = first >> 1 & 3 == 1;
                    if is_qos_1 || self.unreleased.lock().unwrap().insert([body[id], body[id + 1]]) {
                        let text = String::from_utf8(body[id + 2..].to_vec()).unwrap();
                        self.taken.lock().unwrap().insert(text);
                    }
                    let answer = if is_qos_1 { PUBACK } else { PUBREC };
                    vec![answer << 4, 2, body[id], body[id + 1]]
                }
                PUBREL => {
                    self.unreleased.lock().unwrap().remove(&[body[0], body[1]]);
                    vec![PUBCOMP << 4, 2, body[0], body[1]]
                }
                SUBSCRIBE => vec![SUBACK << 4, 3, body[0], body[1], 0],
                PINGREQ => vec![PINGRESP << 4, 0],
                _ => continue,
            };
            let repeat = if repeats.len() < LAG { None } else { repeats.pop_front() };
            if connection
                .write_all(&[&answer[..], repeat.as_deref().unwrap_or_default()].concat())
                .await
                .is_err()
            {
                break;
            }
            // Of two answers to one release of a kept session's message, which no broker gives, the second can be taken for
            // that to the next message under its id.
            let may_repeat = match answer[0] >> 4 {
                PUBACK => true,
                PUBCOMP => !self.keeps.load(Ordering::Relaxed),
                _ => false,
            };
            if may_repeat {
                repeats.push_back(answer);
            }
        }
        connection.set_zero_linger().unwrap();
    }
}
