use std::{io, net::Ipv4Addr, sync::LazyLock, thread};

use paho_mqtt::AsyncClient;
use tokio::{
    io::copy_bidirectional_with_sizes,
    net::{TcpListener, TcpStream},
    runtime::{Builder, Handle},
};

use super::{Contender, Handler, Paho, paho::PahoSender};
use crate::{
    job::{Link, Pace, Reception},
    outcome::Outcome,
};

/// As much as one system call moves.
const BUFFER: usize = 64 * 1024;

/// Relays run on a thread of their own, as this project's do.
static RUNTIME: LazyLock<io::Result<Handle>> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    Ok(handle)
});

/// paho-mqtt with the least that a queue has to have between it and its user.
///
/// Its connection goes through a relay in its process that only copies bytes: the C library frees a message twice when a write
/// fails, so whoever has to survive a reset of the connection needs one. And messages go to a task of their own: what is done on
/// the library's thread holds up all clients of the process.
pub(crate) struct Relayed;

impl Relayed {
    pub(crate) const NAME: &str = "paho-mqtt through a relay";
}

impl Contender for Relayed {
    type Sender = PahoSender;
    type Receiver = AsyncClient;

    async fn sender(link: &Link, pace: Pace) -> Outcome<PahoSender> {
        Paho::sender(&relayed(link).await?, pace).await
    }

    async fn receiver(link: &Link, _: Reception, handler: Handler) -> Outcome<AsyncClient> {
        Paho::receiver(&relayed(link).await?, Reception::Receive, handler).await
    }
}

/// The link with the port of a relay.
async fn relayed(link: &Link) -> Outcome<Link> {
    let port = link.port;
    let runtime = RUNTIME.as_ref().map_err(|error| error.to_string())?;
    let listening = runtime.spawn(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let listener = listening.await??;
    let link = Link { port: listener.local_addr()?.port(), ..link.clone() };
    runtime.spawn(async move {
        // Where it fails, so does the client.
        let _ = relay(listener, port).await;
    });
    Ok(link)
}

async fn relay(listener: TcpListener, port: u16) -> io::Result<()> {
    let (mut client, _) = listener.accept().await?;
    let mut broker = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    client.set_nodelay(true)?;
    broker.set_nodelay(true)?;
    copy_bidirectional_with_sizes(&mut client, &mut broker, BUFFER, BUFFER).await?;
    Ok(())
}
