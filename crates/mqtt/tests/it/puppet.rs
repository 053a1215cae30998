use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use pip_services_commons::config::ConfigParams;
use tokio::{
    io::AsyncWriteExt,
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Mutex as AsyncMutex, watch},
};

use crate::{
    packets::{
        CONNACK, CONNECT, DISCONNECT, PINGREQ, PINGRESP, PUBACK, PUBLISH, PUBREC, SUBACK, SUBSCRIBE,
        UNSUBACK, UNSUBSCRIBE, packet, text,
    },
    support::eventually,
};

/// A broker of version 3.1.1 that does what a test tells it, and writes down what it reads and answers.
#[derive(Clone)]
pub(crate) struct Puppet {
    pub(crate) port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    record: Mutex<Vec<String>>,
    refused: Mutex<HashSet<String>>,
    /// The topics to whose subscription it says nothing.
    ignored: Mutex<HashSet<String>>,
    /// Whether it goes on to read and to answer, beyond what it takes to connect and to subscribe.
    silent: watch::Sender<bool>,
    /// The kinds of packets that it leaves without an answer.
    unanswered: Mutex<HashSet<u8>>,
    /// The kind of packet at which it closes the connection.
    cut_at: Mutex<Option<u8>>,
    client: AsyncMutex<Option<OwnedWriteHalf>>,
}

impl Puppet {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let puppet = Self { port: listener.local_addr().unwrap().port(), state: Arc::default() };
        tokio::spawn({
            let state = puppet.state.clone();
            async move {
                while let Ok((connection, _)) = listener.accept().await {
                    state.serve(connection).await;
                }
            }
        });
        puppet
    }

    /// What leads a queue or a connection to it, without signs of life between them.
    pub(crate) fn config(&self, more: &[(&str, &str)]) -> ConfigParams {
        let mut config = ConfigParams::from_tuples([
            ("connection.host", "127.0.0.1"),
            ("options.keepalive_timeout", "60000"),
            ("options.qos", "1"),
            ("options.serialize_envelope", "false"),
        ]);
        config.put("connection.port", self.port);
        more.iter().for_each(|(key, value)| config.put(*key, *value));
        config
    }

    /// What it has read and answered so far, but for signs of life: `SUBSCRIBE orders`, `PUBACK`.
    pub(crate) fn record(&self) -> Vec<String> {
        self.state.record.lock().unwrap().clone()
    }

    /// It stops to read and to answer, or goes on.
    pub(crate) fn set_silent(&self, silent: bool) {
        self.state.silent.send_replace(silent);
    }

    /// It refuses to subscribe to the topic, or does so no more.
    pub(crate) fn set_refused(&self, topic: &str, refused: bool) {
        let mut topics = self.state.refused.lock().unwrap();
        if refused {
            topics.insert(topic.to_owned())
        } else {
            topics.remove(topic)
        };
    }

    /// It does not answer to a subscription to the topic.
    pub(crate) fn ignore(&self, topic: &str) {
        self.state.ignored.lock().unwrap().insert(topic.to_owned());
    }

    /// It reads packets of that kind and does not answer, or answers again.
    pub(crate) fn set_unanswered(&self, kind: u8, unanswered: bool) {
        let mut kinds = self.state.unanswered.lock().unwrap();
        if unanswered {
            kinds.insert(kind)
        } else {
            kinds.remove(&kind)
        };
    }

    /// It closes each connection at a packet of that kind, or does so no more: CONNECT is answered before, others are not.
    pub(crate) fn set_cut_at(&self, kind: Option<u8>) {
        *self.state.cut_at.lock().unwrap() = kind;
    }

    /// It closes the connection that it has.
    pub(crate) async fn cut(&self) {
        *self.state.client.lock().await = None;
    }

    /// How many such lines its record has.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.state.record.lock().unwrap().iter().filter(|line| *line == what).count()
    }

    /// It sends a message at QoS 0 to its client.
    pub(crate) async fn publish(&self, topic: &str, payload: &str) {
        let length = u8::try_from(2 + topic.len() + payload.len()).unwrap();
        let mut packet = vec![PUBLISH << 4, length, 0, u8::try_from(topic.len()).unwrap()];
        packet.extend(topic.as_bytes());
        packet.extend(payload.as_bytes());
        self.state.write(&packet).await;
    }

    /// It waits until its client has passed on all that it sent before: it sends a message at QoS 2, and has the answer. As it
    /// does not release it, the client passes it on to nobody.
    pub(crate) async fn all_passed_on(&self) {
        self.state.write(&[PUBLISH << 4 | 0x04, 5, 0, 1, b'x', 0, 1]).await;
        eventually("it has an answer", async || self.count("PUBREC") > 0).await;
    }
}

impl State {
    async fn serve(&self, connection: TcpStream) {
        connection.set_nodelay(true).unwrap();
        let (mut from, to) = connection.into_split();
        *self.client.lock().await = Some(to);
        self.answer(&mut from).await;
        *self.client.lock().await = None;
    }

    async fn answer(&self, from: &mut OwnedReadHalf) {
        while let Some((first, body)) = packet(from).await {
            let kind = first >> 4;
            match kind {
                CONNECT => self.note("CONNECT"),
                PUBLISH => self.note(format!("PUBLISH {}", text(&body))),
                SUBSCRIBE => self.note(format!("SUBSCRIBE {}", text(&body[2..]))),
                UNSUBSCRIBE => self.note(format!("UNSUBSCRIBE {}", text(&body[2..]))),
                DISCONNECT => self.note("DISCONNECT"),
                PUBREC => self.note("PUBREC"),
                _ => {}
            }
            if !matches!(kind, CONNECT | SUBSCRIBE) {
                self.silent.subscribe().wait_for(|silent| !silent).await.unwrap();
            }
            let is_cut = *self.cut_at.lock().unwrap() == Some(kind);
            let unanswered = self.unanswered.lock().unwrap().contains(&kind) || (is_cut && kind != CONNECT);
            match kind {
                _ if unanswered => {}
                SUBSCRIBE if self.ignored.lock().unwrap().contains(&text(&body[2..])) => {}
                CONNECT => self.write(&[CONNACK << 4, 2, 0, 0]).await,
                PUBLISH if first >> 1 & 3 == 1 => {
                    let id = 2 + text(&body).len();
                    self.note("PUBACK");
                    self.write(&[PUBACK << 4, 2, body[id], body[id + 1]]).await;
                }
                SUBSCRIBE => {
                    let refused = self.refused.lock().unwrap().contains(&text(&body[2..]));
                    let granted = if refused { 0x80 } else { body[body.len() - 1] };
                    self.write(&[SUBACK << 4, 3, body[0], body[1], granted]).await;
                }
                UNSUBSCRIBE => self.write(&[UNSUBACK << 4, 2, body[0], body[1]]).await,
                PINGREQ => self.write(&[PINGRESP << 4, 0]).await,
                _ => {}
            }
            if is_cut {
                return;
            }
        }
    }

    fn note(&self, what: impl Into<String>) {
        self.record.lock().unwrap().push(what.into());
    }

    async fn write(&self, packet: &[u8]) {
        if let Some(client) = &mut *self.client.lock().await {
            let _ = client.write_all(packet).await;
        }
    }
}
