use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use pip_services_test_broker::TestBroker;

/// How long a packet may take. Far more than it does: it only ends a test that would hang.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What CONNACK says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Connack {
    Accepted { session_present: bool },
    Refused { code: u8 },
}

/// A connection that speaks just enough MQTT 3.1.1.
pub(crate) struct Client(TcpStream);

impl Client {
    /// Opens a connection and says nothing.
    pub(crate) fn silent(broker: &TestBroker) -> Self {
        let stream = TcpStream::connect(broker.address()).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        Self(stream)
    }

    /// Connects as anybody, with a new session that ends with the connection.
    pub(crate) fn connect(broker: &TestBroker, id: &str) -> Self {
        let mut client = Self::silent(broker);
        client.send_connect(id, true, None);
        assert_eq!(client.read_connack(), Connack::Accepted { session_present: false });
        client
    }

    /// Connects with a session that stays. Returns whether the broker still had it.
    pub(crate) fn resume(broker: &TestBroker, id: &str) -> (Self, bool) {
        let mut client = Self::silent(broker);
        client.send_connect(id, false, None);
        match client.read_connack() {
            Connack::Accepted { session_present } => (client, session_present),
            refused @ Connack::Refused { .. } => panic!("{refused:?}"),
        }
    }

    pub(crate) fn send_connect(&mut self, id: &str, clean: bool, user: Option<(&str, &str)>) {
        let flags = if clean { 0b0000_0010 } else { 0 } | if user.is_some() { 0b1100_0000 } else { 0 };
        // Protocol level 4 is version 3.1.1; keep alive 0 is none.
        let mut body = [string("MQTT"), vec![4, flags, 0, 0], string(id)].concat();
        if let Some((name, password)) = user {
            body.extend([string(name), string(password)].concat());
        }
        self.send(0x10, &body);
    }

    pub(crate) fn read_connack(&mut self) -> Connack {
        let (kind, body) = self.read().unwrap();
        assert_eq!(kind, 0x20, "not a CONNACK: {body:?}");
        match body[1] {
            0 => Connack::Accepted { session_present: body[0] == 1 },
            code => Connack::Refused { code },
        }
    }

    /// Subscribes with QoS 1.
    pub(crate) fn subscribe(&mut self, topic: &str) {
        self.send(0x82, &[vec![0, 1], string(topic), vec![1]].concat());
        assert_eq!(self.read().unwrap(), (0x90, vec![0, 1, 1]), "not a SUBACK for QoS 1");
    }

    /// Subscribes, which the broker refuses.
    pub(crate) fn fail_to_subscribe(&mut self, topic: &str) {
        self.send(0x82, &[vec![0, 1], string(topic), vec![1]].concat());
        assert_eq!(self.read().unwrap(), (0x90, vec![0, 1, 0x80]), "not a SUBACK that refuses");
    }

    /// Publishes with QoS 1 and waits for the acknowledgement.
    pub(crate) fn publish(&mut self, topic: &str, payload: &[u8]) {
        self.send(0x32, &[&string(topic), &[0, 7][..], payload].concat());
        assert_eq!(self.read().unwrap(), (0x40, vec![0, 7]), "not a PUBACK");
    }

    /// Reads the payload of a message that came with QoS 1, and acknowledges it.
    pub(crate) fn read_message(&mut self) -> Vec<u8> {
        let (kind, body) = self.read().unwrap();
        assert_eq!(kind & 0b1111_0110, 0x32, "not a PUBLISH of QoS 1: {body:?}");
        let topic_length = usize::from(u16::from_be_bytes([body[0], body[1]]));
        let (id, payload) = body[2 + topic_length..].split_at(2);
        self.send(0x40, id);
        payload.to_vec()
    }

    /// Sends a ping and reads the answer.
    pub(crate) fn ping(&mut self) {
        self.send(0xc0, &[]);
        assert_eq!(self.read().unwrap(), (0xd0, vec![]), "not a PINGRESP");
    }

    pub(crate) fn disconnect(mut self) {
        self.send(0xe0, &[]);
    }

    /// Fails if anything comes within `time`.
    pub(crate) fn hears_nothing_for(&mut self, time: Duration) {
        self.0.set_read_timeout(Some(time)).unwrap();
        let mut packet = [0; 128];
        match uninterrupted(|| self.0.peek(&mut packet)) {
            Ok(length) => panic!("this came: {:?}", &packet[..length]),
            Err(error) => assert!(is_timeout(&error), "{error}"),
        }
        self.0.set_read_timeout(Some(TIMEOUT)).unwrap();
    }

    /// Whether the other side ends the connection, without a packet before.
    pub(crate) fn is_closed(&mut self) -> bool {
        match uninterrupted(|| self.0.read(&mut [0])) {
            Ok(0) => true,
            Ok(_) => panic!("a packet came before the end"),
            Err(error) => !is_timeout(&error),
        }
    }

    fn send(&mut self, kind: u8, body: &[u8]) {
        let length = u8::try_from(body.len()).ok().filter(|length| *length < 128);
        let length = length.expect("packets here are short");
        self.0.write_all(&[&[kind, length], body].concat()).unwrap();
    }

    fn read(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head)?;
        let [kind, length] = head;
        assert!(length < 128, "packets here are short");
        let mut body = vec![0; usize::from(length)];
        self.0.read_exact(&mut body)?;
        Ok((kind, body))
    }
}

/// Tries again when a signal came in between, as it does when a child of another test ends.
pub(crate) fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    [&length.to_be_bytes(), text.as_bytes()].concat()
}
