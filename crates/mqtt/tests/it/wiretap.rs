use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

const PUBLISH: u8 = 3;
const PUBREL: u8 = 6;

/// Passes on what a broker and one client write, and takes down what the broker does with messages at QoS 2 that it
/// must not do. So it can be told what comes of the broker and what of the client.
pub(crate) struct Wiretap {
    pub(crate) address: SocketAddr,
    record: Arc<Mutex<Record>>,
}

#[derive(Default)]
pub(crate) struct Record {
    /// What was published and not released, by the packet's id.
    open: HashMap<u16, String>,
    /// Under which id a text was published last, and whether it was released.
    published: HashMap<String, (u16, bool)>,
    /// What was published again after its release, or under another id, both of which the protocol forbids.
    pub(crate) repeated: HashSet<String>,
    /// What was published under the id of another message that was not released: a client may take it for that one.
    pub(crate) confused: HashSet<String>,
}

impl Wiretap {
    pub(crate) async fn to(broker: SocketAddr, version: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let record = Arc::new(Mutex::new(Record::default()));
        let has_properties = version == "5";
        tokio::spawn({
            let record = record.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let record = record.clone();
                    tokio::spawn(async move {
                        let Ok(server) = TcpStream::connect(broker).await else { return };
                        let _ = (client.set_nodelay(true), server.set_nodelay(true));
                        let (mut from_client, to_client) = client.into_split();
                        let (from_server, mut to_server) = server.into_split();
                        tokio::select! {
                            _ = copy(&mut from_client, &mut to_server) => {}
                            () = pass_on(from_server, to_client, &record, has_properties) => {}
                        }
                    });
                }
            }
        });
        Self { address, record }
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap()
    }
}

async fn pass_on(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    record: &Mutex<Record>,
    has_properties: bool,
) {
    let (mut piece, mut unread) = ([0; 4096], Vec::new());
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        unread.extend_from_slice(&piece[..length]);
        while let Some((first, body, end)) = packet(&unread) {
            record.lock().unwrap().note(first, body, has_properties);
            unread.drain(..end);
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

/// The first packet if it is there in full: its first byte, what follows its length, and where it ends.
fn packet(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (length, size) = variable(bytes.get(1..)?)?;
    let end = 1 + size + length;
    Some((bytes[0], bytes.get(1 + size..end)?, end))
}

/// A number of as many bytes as it needs, and how many these are.
fn variable(bytes: &[u8]) -> Option<(usize, usize)> {
    let size = 1 + bytes.iter().position(|byte| byte & 128 == 0)?;
    let number = bytes[..size].iter().rev().fold(0, |number, byte| number << 7 | usize::from(byte & 127));
    Some((number, size))
}

impl Record {
    fn note(&mut self, first: u8, body: &[u8], has_properties: bool) {
        let number = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
        match (first >> 4, first >> 1 & 3) {
            (PUBLISH, 2) => {
                let at = 2 + usize::from(number(0));
                let rest = &body[at + 2..];
                let properties = if has_properties { variable(rest).unwrap() } else { (0, 0) };
                let text = String::from_utf8(rest[properties.0 + properties.1..].to_vec()).unwrap();
                self.publish(number(at), text);
            }
            (PUBREL, _) => {
                if let Some(text) = self.open.remove(&number(0)) {
                    self.published.insert(text, (number(0), true));
                }
            }
            _ => {}
        }
    }

    fn publish(&mut self, id: u16, text: String) {
        let before = self.published.insert(text.clone(), (id, false));
        if before.is_some_and(|before| before != (id, false)) {
            self.repeated.insert(text.clone());
        }
        if self.open.insert(id, text.clone()).is_some_and(|other| other != text) {
            self.confused.insert(text);
        }
    }
}
