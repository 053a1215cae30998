use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

const CONNECT: u8 = 1;
const SUBSCRIBE: u8 = 8;

/// A broker of version 3.1.1 for one client with so many subscriptions.
///
/// It knows packets of less than 128 bytes alone.
pub(crate) struct Broker {
    pub(crate) port: u16,
    start: Sender<()>,
}

impl Broker {
    /// When it is started, it sends a message with that payload to each of the topics.
    pub(crate) fn new(subscriptions: usize, topics: impl Iterator<Item = String>, payload: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let messages: Vec<u8> = topics.flat_map(|topic| publish(&topic, payload)).collect();
        let (start, started) = mpsc::channel();
        thread::spawn(move || serve(&listener, subscriptions, &messages, &started));
        Self { port, start }
    }

    pub(crate) fn start(&self) {
        self.start.send(()).unwrap();
    }
}

fn serve(listener: &TcpListener, subscriptions: usize, messages: &[u8], started: &Receiver<()>) {
    let (mut client, _) = listener.accept().unwrap();
    let _ = next(&mut client, CONNECT);
    client.write_all(&[0x20, 2, 0, 0]).unwrap();
    for _ in 0..subscriptions {
        let body = next(&mut client, SUBSCRIBE);
        client.write_all(&[0x90, 3, body[0], body[1], 0]).unwrap();
    }
    started.recv().unwrap();
    client.write_all(messages).unwrap();
    // The connection is kept until the client ends it.
    let _ = client.read_to_end(&mut Vec::new());
}

/// What follows the length of the next packet.
fn next(client: &mut TcpStream, kind: u8) -> Vec<u8> {
    let mut head = [0; 2];
    client.read_exact(&mut head).unwrap();
    assert_eq!(head[0] >> 4, kind);
    let mut body = vec![0; usize::from(head[1])];
    client.read_exact(&mut body).unwrap();
    body
}

fn publish(topic: &str, payload: &str) -> Vec<u8> {
    let length = u8::try_from(2 + topic.len() + payload.len()).unwrap();
    let mut packet = vec![0x30, length, 0, u8::try_from(topic.len()).unwrap()];
    packet.extend(topic.as_bytes());
    packet.extend(payload.as_bytes());
    packet
}
