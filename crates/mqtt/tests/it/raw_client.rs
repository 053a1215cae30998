use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    packets::{CONNACK, CONNECT, DISCONNECT, PINGREQ, PINGRESP, PUBACK, PUBLISH, PUBREL, SUBACK, SUBSCRIBE},
    support::SOON,
};

/// One MQTT packet: its first byte, and what follows its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) first: u8,
    pub(crate) body: Vec<u8>,
}

impl Packet {
    /// Takes the first packet off, if it is there in full.
    pub(crate) fn take(bytes: &mut Vec<u8>) -> Option<Self> {
        let (length, size) = variable(bytes.get(1..)?)?;
        let end = 1 + size + length;
        let body = bytes.get(1 + size..end)?.to_vec();
        let first = bytes[0];
        bytes.drain(..end);
        Some(Self { first, body })
    }

    pub(crate) fn kind(&self) -> u8 {
        self.first >> 4
    }

    pub(crate) fn qos(&self) -> u8 {
        self.first >> 1 & 3
    }

    pub(crate) fn is_dup(&self) -> bool {
        self.first & 8 != 0
    }

    fn number(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.body[at], self.body[at + 1]])
    }

    /// Its id; of a PUBLISH only above QoS 0.
    pub(crate) fn id(&self) -> u16 {
        if self.kind() == PUBLISH { self.number(2 + usize::from(self.number(0))) } else { self.number(0) }
    }

    /// The payload of a PUBLISH.
    pub(crate) fn text(&self, version: u8) -> String {
        let id = if self.qos() > 0 { 2 } else { 0 };
        let rest = &self.body[2 + usize::from(self.number(0)) + id..];
        let properties = if version == 5 { variable(rest).unwrap() } else { (0, 0) };
        String::from_utf8(rest[properties.0 + properties.1..].to_vec()).unwrap()
    }
}

/// A number of as many bytes as it needs, and how many these are.
fn variable(bytes: &[u8]) -> Option<(usize, usize)> {
    let size = 1 + bytes.iter().position(|byte| byte & 128 == 0)?;
    let number = bytes[..size].iter().rev().fold(0, |number, byte| number << 7 | usize::from(byte & 127));
    Some((number, size))
}

fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    [&length, text.as_bytes()].concat()
}

/// A client that does nothing by itself: it writes and reads the packets that it is told to.
pub(crate) struct RawClient {
    stream: TcpStream,
    version: u8,
    unread: Vec<u8>,
}

impl RawClient {
    /// Connects without keepalive, and tells whether its session was there.
    pub(crate) async fn connect(
        address: &str,
        version: u8,
        client_id: &str,
        clean: bool,
    ) -> io::Result<(Self, bool)> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut client = Self { stream, version, unread: Vec::new() };
        let mut body = [&string("MQTT")[..], &[version, if clean { 2 } else { 0 }, 0, 0]].concat();
        if version == 5 {
            // The session lasts for ever.
            body.extend(if clean { &[0][..] } else { &[5, 0x11, 255, 255, 255, 255] });
        }
        body.extend(string(client_id));
        client.write(CONNECT << 4, &body).await?;
        let answer = client.read(CONNACK).await?;
        assert_eq!(answer.body[1], 0, "refused");
        Ok((client, answer.body[0] == 1))
    }

    pub(crate) async fn write(&mut self, first: u8, body: &[u8]) -> io::Result<()> {
        let (mut bytes, mut left) = (vec![first], body.len());
        loop {
            let more = if left > 127 { 128 } else { 0 };
            bytes.push(u8::try_from(left & 127).unwrap() | more);
            left >>= 7;
            if left == 0 {
                break;
            }
        }
        bytes.extend(body);
        self.stream.write_all(&bytes).await
    }

    /// The next packet, which has to be of that kind.
    pub(crate) async fn read(&mut self, kind: u8) -> io::Result<Packet> {
        let packet = self.read_any().await?;
        assert_eq!(packet.kind(), kind, "{packet:?}");
        Ok(packet)
    }

    async fn read_any(&mut self) -> io::Result<Packet> {
        loop {
            if let Some(packet) = Packet::take(&mut self.unread) {
                return Ok(packet);
            }
            let read = timeout(SOON, self.stream.read_buf(&mut self.unread)).await;
            if read.expect("nothing comes")? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub(crate) async fn subscribe(&mut self, topic: &str, qos: u8) -> io::Result<()> {
        let properties: &[u8] = if self.version == 5 { &[0] } else { &[] };
        self.write(SUBSCRIBE << 4 | 2, &[&[0, 1], properties, &string(topic), &[qos]].concat()).await?;
        self.read(SUBACK).await.map(drop)
    }

    /// Publishes; `flags` are those of the first byte: DUP 8, QoS 2 and 4, retained 1.
    pub(crate) async fn publish(&mut self, topic: &str, flags: u8, id: u16, text: &str) -> io::Result<()> {
        let id = id.to_be_bytes();
        let id = if flags & 6 == 0 { &[][..] } else { &id };
        let properties: &[u8] = if self.version == 5 { &[0] } else { &[] };
        self.write(PUBLISH << 4 | flags, &[&string(topic), id, properties, text.as_bytes()].concat()).await
    }

    /// Writes a packet that says no more than an id.
    pub(crate) async fn answer(&mut self, kind: u8, id: u16) -> io::Result<()> {
        let flags = if kind == PUBREL { 2 } else { 0 };
        self.write(kind << 4 | flags, &id.to_be_bytes()).await
    }

    /// All that the broker has written without being asked. It answers in order, so that nothing is waited for.
    pub(crate) async fn waiting(&mut self) -> io::Result<Vec<Packet>> {
        self.write(PINGREQ << 4, &[]).await?;
        let mut packets = Vec::new();
        loop {
            match self.read_any().await? {
                packet if packet.kind() == PINGRESP => return Ok(packets),
                packet => packets.push(packet),
            }
        }
    }

    /// Has a Mosquitto that saves on changes write its store. What it acknowledged before is in the store afterwards.
    ///
    /// A retained message is a change that counts. Mosquitto answers, saves at the end of that turn of its main loop,
    /// and reads the next packet of the same connection in a later turn.
    pub(crate) async fn have_it_saved(&mut self) -> io::Result<()> {
        self.publish("saved", 3, 1, "x").await?;
        self.read(PUBACK).await?;
        self.write(PINGREQ << 4, &[]).await?;
        self.read(PINGRESP).await.map(drop)
    }

    /// Takes its leave, and returns when the broker has closed the connection.
    pub(crate) async fn leave(mut self) -> io::Result<()> {
        self.write(DISCONNECT << 4, &[]).await?;
        let end = self.read_any().await.unwrap_err();
        if end.kind() == io::ErrorKind::UnexpectedEof { Ok(()) } else { Err(end) }
    }

    /// Goes without a word, and has what was not read thrown away.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}
