use std::{
    future, io,
    net::{Ipv4Addr, SocketAddr},
    pin::pin,
    sync::{Arc, LazyLock, OnceLock},
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, sink, split},
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::{self, Handle},
    sync::oneshot,
    time::timeout,
};

use super::{backlog::Backlog, connect_packet};
use crate::{
    secret::Secret,
    transport::{Opened, Transport, TransportError},
};

/// How long what is on its way may take when nobody waits for it any more.
const GRACE: Duration = Duration::from_secs(1);

/// As much as one system call moves.
const BUFFER: usize = 64 * 1024;

/// What the system may hold of what is passed on to a client.
const SEND_BUFFER: u32 = 128 * 1024;

/// Relays run on a thread of their own, so that none ends with the runtime of a caller: see [`Relay`].
static RUNTIME: LazyLock<io::Result<Handle>> = LazyLock::new(|| {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let serve = move || runtime.block_on(future::pending::<()>());
    thread::Builder::new().name("mqtt-relay".into()).spawn(serve)?;
    Ok(handle)
});

fn runtime() -> io::Result<&'static Handle> {
    RUNTIME.as_ref().map_err(|error| io::Error::from(error.kind()))
}

/// Connects to the broker on the relays' thread, which the sockets belong to from then on.
pub(super) async fn reach(
    transport: Arc<Transport>,
    address: SocketAddr,
) -> io::Result<Result<Opened, TransportError>> {
    let (mut give, opened) = oneshot::channel();
    runtime()?.spawn(async move {
        tokio::select! {
            opened = transport.connect(address) => drop(give.send(opened)),
            () = give.closed() => {}
        }
    });
    opened.await.map_err(|_| io::ErrorKind::BrokenPipe.into())
}

/// Where the client connects to, instead of the broker.
pub(super) struct Entrance {
    listener: TcpListener,
    pub(super) address: SocketAddr,
}

impl Entrance {
    pub(super) async fn open() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // For the connection that it accepts: what is in there can be held back no more.
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(1024)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Waits for the client, and lets nobody else in. Who else on this machine comes before it gets the connection,
    /// with the password where it knows the user name, and the client's attempt fails.
    pub(super) async fn admit(
        self,
        broker: Opened,
        password: Option<Secret>,
        backlog: Arc<Backlog>,
    ) -> io::Result<Relay> {
        let (client, _) = self.listener.accept().await?;
        Relay::start(client, broker, password, backlog)
    }
}

/// Passes on what the client and the broker write to each other, and keeps from the client that the broker
/// resets a connection.
///
/// The C library frees a message at QoS 1 or 2 twice whose write fails, which ends the process. Here no write
/// fails: when the broker is lost, the client reads the end of the stream, and what it still writes is taken
/// and dropped until it closes its side. So the client's socket must be open longer than the client's own.
pub(super) struct Relay {
    /// Gone with this handle, which cuts the connection to the broker.
    _kept: oneshot::Sender<()>,
    delivered: oneshot::Receiver<()>,
    lost: Arc<OnceLock<io::Error>>,
}

impl Relay {
    fn start(
        client: TcpStream,
        broker: Opened,
        password: Option<Secret>,
        backlog: Arc<Backlog>,
    ) -> io::Result<Self> {
        client.set_nodelay(true)?;
        // Sockets belong to the runtime that they were made in.
        let client = client.into_std()?;
        let handle = runtime()?;
        let _entered = handle.enter();
        let client = TcpStream::from_std(client)?;
        let (kept, cut) = oneshot::channel();
        let (deliver, delivered) = oneshot::channel();
        let lost = Arc::new(OnceLock::new());
        handle.spawn(relay(client, broker, password, backlog, cut, deliver, lost.clone()));
        Ok(Self { _kept: kept, delivered, lost })
    }

    /// What the transport says about the end of the connection to the broker.
    pub(super) fn why_lost(&self) -> Option<TransportError> {
        self.lost.get().and_then(TransportError::from_lost)
    }

    /// Waits until the client has closed its side, and what it wrote is on its way to the broker.
    pub(super) async fn delivered(&mut self) {
        let _ = (&mut self.delivered).await;
    }
}

async fn relay(
    client: TcpStream,
    broker: Opened,
    password: Option<Secret>,
    backlog: Arc<Backlog>,
    mut cut: oneshot::Receiver<()>,
    deliver: oneshot::Sender<()>,
    lost: Arc<OnceLock<io::Error>>,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let greeted = async {
        let connect = connect_packet::read(&mut from_client, password.as_ref()).await?;
        broker.greet(&connect).await
    };
    let greeted = tokio::select! {
        greeted = greeted => greeted,
        _ = &mut cut => Err(io::ErrorKind::Interrupted.into()),
    };
    match greeted {
        Ok(broker) => {
            let (mut from_broker, mut to_broker) = split(broker);
            let mut upward = pin!(async {
                let _ = pass_on(&mut from_client, &mut to_broker, None).await;
                let _ = to_broker.shutdown().await;
                drop(deliver);
            });
            let mut downward = pin!(async {
                if let Err(error) = pass_on(&mut from_broker, &mut to_client, Some(&backlog)).await {
                    // Before the client reads the end.
                    let _ = lost.set(error);
                }
            });
            tokio::select! {
                // A socket that is closed with something unread takes back what was written to it.
                () = &mut upward => drop(timeout(GRACE, downward).await),
                () = &mut downward => {}
                _ = cut => drop(timeout(GRACE, upward).await),
            }
        }
        Err(error) => drop(lost.set(error)),
    }
    let _ = to_client.shutdown().await;
    let _ = pass_on(&mut from_client, &mut sink(), None).await;
}

/// Passes on until there is nothing more to read, at the pace that a backlog allows. What cannot be written is
/// dropped.
async fn pass_on(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    backlog: Option<&Backlog>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        if let Some(backlog) = backlog {
            backlog.room().await;
        }
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        // What encrypts holds back what does not fill its buffer.
        if to.write_all(&buffer[..length]).await.is_ok() {
            let _ = to.flush().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    const CONNECT: &[u8] = b"\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0";

    async fn relayed() -> (TcpStream, Relay, TcpStream) {
        relayed_with(Arc::default()).await
    }

    async fn relayed_with(backlog: Arc<Backlog>) -> (TcpStream, Relay, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let to_broker = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut broker, _) = listener.accept().await.unwrap();
        let entrance = Entrance::open().await.unwrap();
        let mut client = TcpStream::connect(entrance.address).await.unwrap();
        let relay = entrance.admit(Opened::Stream(Box::new(to_broker)), None, backlog).await.unwrap();
        client.write_all(CONNECT).await.unwrap();
        let mut connect = [0; CONNECT.len()];
        broker.read_exact(&mut connect).await.unwrap();
        assert_eq!(connect, CONNECT);
        (client, relay, broker)
    }

    async fn read_to_end(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        timeout(SOON, stream.read_to_end(&mut read)).await.expect("the stream does not end")?;
        Ok(read)
    }

    #[tokio::test]
    async fn a_client_reads_the_end_and_can_still_write_when_the_broker_resets_the_connection() {
        let (mut client, _relay, mut broker) = relayed().await;
        broker.write_all(b"the last words").await.unwrap();
        let mut words = [0; 14];
        client.read_exact(&mut words).await.unwrap();
        broker.set_zero_linger().unwrap();
        drop(broker);
        assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
        for _ in 0..1000 {
            timeout(SOON, client.write_all(&[0; 10_000])).await.expect("nobody reads it").unwrap();
        }
    }

    #[tokio::test]
    async fn a_client_can_still_write_when_its_relay_is_cut_off() {
        let (mut client, relay, mut broker) = relayed().await;
        drop(relay);
        assert_eq!(read_to_end(&mut broker).await.unwrap(), b"");
        assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
        for _ in 0..1000 {
            timeout(SOON, client.write_all(&[0; 10_000])).await.expect("nobody reads it").unwrap();
        }
    }

    #[tokio::test]
    async fn a_relay_that_is_cut_off_lets_go_of_a_broker_that_reads_nothing() {
        let (mut client, relay, mut broker) = relayed().await;
        let mut written = 0;
        while let Ok(length) = timeout(GRACE, client.write(&[0; 100_000])).await {
            written += length.unwrap();
        }
        drop(relay);
        assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
        assert!(read_to_end(&mut broker).await.unwrap().len() < written);
    }

    #[tokio::test]
    async fn a_broker_has_to_wait_while_messages_wait_and_the_client_has_not() {
        let backlog: Arc<Backlog> = Arc::default();
        let (mut client, _relay, mut broker) = relayed_with(backlog.clone()).await;
        let waiting = [backlog.add_bytes(900_000), backlog.add_bytes(900_000)];
        let mut written = 0;
        while let Ok(length) = timeout(GRACE, broker.write(&[7; 100_000])).await {
            written += length.unwrap();
        }
        client.write_all(b"upward").await.unwrap();
        let mut upward = [0; 6];
        timeout(SOON, broker.read_exact(&mut upward)).await.expect("it waits as well").unwrap();
        drop(waiting);
        let mut read = vec![0; written];
        timeout(SOON, client.read_exact(&mut read)).await.expect("it does not go on").unwrap();
        assert!(read.iter().all(|byte| *byte == 7));
    }

    #[tokio::test]
    async fn what_a_client_wrote_before_it_closed_is_on_its_way_to_the_broker() {
        let (mut client, mut relay, mut broker) = relayed().await;
        // Never read by the client.
        broker.write_all(b"anything").await.unwrap();
        client.readable().await.unwrap();
        // Not more than TCP takes at once: a close with something unread takes the rest back.
        client.write_all(&[7; 50_000]).await.unwrap();
        drop(client);
        timeout(SOON, relay.delivered()).await.unwrap();
        drop(relay);
        assert_eq!(read_to_end(&mut broker).await.unwrap(), [7; 50_000]);
    }
}
