use std::{
    future, io,
    net::{Ipv4Addr, SocketAddr},
    pin::pin,
    sync::LazyLock,
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, sink},
    net::{TcpListener, TcpStream},
    runtime::{self, Handle},
    sync::oneshot,
    time::timeout,
};

/// How long what is on its way may take when nobody waits for it any more.
const GRACE: Duration = Duration::from_secs(1);

/// As much as one system call moves.
const BUFFER: usize = 64 * 1024;

/// Relays run on a thread of their own, so that none ends with the runtime of a caller: see [`Relay`].
static RUNTIME: LazyLock<io::Result<Handle>> = LazyLock::new(|| {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let serve = move || runtime.block_on(future::pending::<()>());
    thread::Builder::new().name("mqtt-relay".into()).spawn(serve)?;
    Ok(handle)
});

/// Where the client connects to, instead of the broker.
pub(super) struct Entrance {
    listener: TcpListener,
    pub(super) address: SocketAddr,
}

impl Entrance {
    pub(super) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Waits for the client, and lets nobody else in. Who else on this machine comes first gets a connection
    /// to the broker as any that it can make itself, and the client's attempt fails.
    pub(super) async fn admit(self, broker: TcpStream) -> io::Result<Relay> {
        let (client, _) = self.listener.accept().await?;
        Relay::start(client, broker)
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
}

impl Relay {
    fn start(client: TcpStream, broker: TcpStream) -> io::Result<Self> {
        client.set_nodelay(true)?;
        broker.set_nodelay(true)?;
        // Sockets belong to the runtime that they were made in.
        let (client, broker) = (client.into_std()?, broker.into_std()?);
        let handle = RUNTIME.as_ref().map_err(|error| io::Error::from(error.kind()))?;
        let _entered = handle.enter();
        let (client, broker) = (TcpStream::from_std(client)?, TcpStream::from_std(broker)?);
        let (kept, cut) = oneshot::channel();
        let (deliver, delivered) = oneshot::channel();
        handle.spawn(relay(client, broker, cut, deliver));
        Ok(Self { _kept: kept, delivered })
    }

    /// Waits until the client has closed its side, and what it wrote is on its way to the broker.
    pub(super) async fn delivered(&mut self) {
        let _ = (&mut self.delivered).await;
    }
}

async fn relay(
    client: TcpStream,
    broker: TcpStream,
    cut: oneshot::Receiver<()>,
    deliver: oneshot::Sender<()>,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_broker, mut to_broker) = broker.into_split();
    {
        let mut upward = pin!(async {
            pass_on(&mut from_client, &mut to_broker).await;
            drop(deliver);
        });
        let mut downward = pin!(pass_on(&mut from_broker, &mut to_client));
        tokio::select! {
            // A socket that is closed with something unread takes back what was written to it.
            () = &mut upward => drop(timeout(GRACE, downward).await),
            () = &mut downward => {}
            _ = cut => drop(timeout(GRACE, upward).await),
        }
    }
    drop((from_broker, to_broker));
    let _ = to_client.shutdown().await;
    pass_on(&mut from_client, &mut sink()).await;
}

/// Passes on until there is nothing more to read. What cannot be written is dropped.
async fn pass_on(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let _ = to.write_all(&buffer[..length]).await;
    }
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    async fn relayed() -> (TcpStream, Relay, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let to_broker = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (broker, _) = listener.accept().await.unwrap();
        let entrance = Entrance::open().await.unwrap();
        let client = TcpStream::connect(entrance.address).await.unwrap();
        (client, entrance.admit(to_broker).await.unwrap(), broker)
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
    async fn what_a_client_wrote_before_it_closed_is_on_its_way_to_the_broker() {
        let (mut client, mut relay, mut broker) = relayed().await;
        // Never read by the client.
        broker.write_all(b"anything").await.unwrap();
        client.readable().await.unwrap();
        client.write_all(&[7; 100_000]).await.unwrap();
        drop(client);
        timeout(SOON, relay.delivered()).await.unwrap();
        drop(relay);
        assert_eq!(read_to_end(&mut broker).await.unwrap(), [7; 100_000]);
    }
}
