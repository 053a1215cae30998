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

use crate::{
    packets::{PUBLISH, PUBREL},
    raw_client::{Packet, RawClient},
};

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
    /// A wiretap in front of the broker. With the address of a Mosquitto that keeps what it has, nothing that it writes
    /// is passed on before it has saved what it did: it behaves like a broker that saves and then answers.
    pub(crate) async fn to(broker: SocketAddr, version: u8, saved_by: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let record = Arc::new(Mutex::new(Record::default()));
        tokio::spawn({
            let record = record.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let (record, saved_by) = (record.clone(), saved_by.clone());
                    tokio::spawn(async move {
                        let Ok(server) = TcpStream::connect(broker).await else { return };
                        let _ = (client.set_nodelay(true), server.set_nodelay(true));
                        let saver = match saved_by {
                            Some(address) => match RawClient::connect(&address, 4, "", true).await {
                                Ok((saver, _)) => Some(saver),
                                Err(_) => return,
                            },
                            None => None,
                        };
                        let (mut from_client, to_client) = client.into_split();
                        let (from_server, mut to_server) = server.into_split();
                        tokio::select! {
                            _ = copy(&mut from_client, &mut to_server) => {}
                            () = pass_on(from_server, to_client, saver, &record, version) => {}
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
    mut saver: Option<RawClient>,
    record: &Mutex<Record>,
    version: u8,
) {
    let (mut piece, mut unread) = (vec![0; 65_536], Vec::new());
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        if let Some(saver) = &mut saver
            && saver.have_it_saved().await.is_err()
        {
            return;
        }
        unread.extend_from_slice(&piece[..length]);
        while let Some(packet) = Packet::take(&mut unread) {
            record.lock().unwrap().note(&packet, version);
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

impl Record {
    fn note(&mut self, packet: &Packet, version: u8) {
        match (packet.kind(), packet.qos()) {
            (PUBLISH, 2) => self.publish(packet.id(), packet.text(version)),
            (PUBREL, _) => {
                if let Some(text) = self.open.remove(&packet.id()) {
                    self.published.insert(text, (packet.id(), true));
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
