//! A network between a client and its broker, which can be cut.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc as std_mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::BrokerError;

/// What a packet of an Ethernet holds of a TCP stream.
const PACKET: usize = 1460;

/// Passes connections on to a broker, on a free port of `127.0.0.1`, and can cut and slow them.
///
/// All calls take `&self` and return when what they promise is true. Dropping it closes all connections.
///
/// ```
/// use std::io::{Read, Write};
/// use pip_services_test_broker::Proxy;
///
/// let server = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let proxy = Proxy::to(server.local_addr()?)?;
/// let mut client = std::net::TcpStream::connect(proxy.address())?;
/// client.write_all(b"hello")?;
/// let mut got = [0; 5];
/// server.accept()?.0.read_exact(&mut got)?;
/// assert_eq!(&got, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    commands: mpsc::UnboundedSender<(Command, std_mpsc::Sender<()>)>,
    thread: Option<JoinHandle<()>>,
}

/// What the proxy's thread is told.
#[derive(Debug)]
enum Command {
    Cut(bool),
    Delay { one_in: u64, delay: Duration },
    Disconnect,
}

/// How the network is at present.
#[derive(Debug, Clone, Copy, Default)]
struct Network {
    cut: bool,
    delay: Duration,
    /// Of so many pieces one takes longer; with zero or one, each.
    one_in: u64,
}

impl Proxy {
    /// A proxy to whoever listens there, now or later.
    ///
    /// # Errors
    ///
    /// [`BrokerError::Io`] if the system gives it no port or thread.
    pub fn to(target: SocketAddr) -> Result<Self, BrokerError> {
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(BrokerError::io("make a runtime"))?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(BrokerError::io("listen on a free port"))?;
        let address = listener.local_addr().map_err(BrokerError::io("tell the port"))?;
        let (commands, inbox) = mpsc::unbounded_channel();
        let thread = thread::Builder::new()
            .name(format!("test-proxy-{}", address.port()))
            .spawn(move || serve(&runtime, listener, target, inbox))
            .map_err(BrokerError::io("start a thread for the proxy"))?;
        Ok(Self { address, commands, thread: Some(thread) })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts the network: what is sent from now on waits, in both directions, and neither side is told. A new
    /// connection seems to be made, as the system accepts it, and goes nowhere.
    pub fn cut(&self) {
        self.tell(Command::Cut(true));
    }

    /// Mends the network. What waited goes on, as it does when TCP repeats what was not acknowledged.
    pub fn heal(&self) {
        self.tell(Command::Cut(false));
    }

    /// Makes each piece of data that it passes on take so much longer.
    pub fn delay(&self, delay: Duration) {
        self.tell(Command::Delay { one_in: 1, delay });
    }

    /// Makes one in so many packets of a connection take so much longer, in each direction. What follows it waits for
    /// it, as TCP keeps the order. A packet is what arrives together, and no more than a packet of a network holds.
    pub fn delay_one_in(&self, one_in: u64, delay: Duration) {
        self.tell(Command::Delay { one_in, delay });
    }

    /// Closes all connections that there are, on both sides.
    pub fn disconnect(&self) {
        self.tell(Command::Disconnect);
    }

    fn tell(&self, command: Command) {
        let (done, obeyed) = std_mpsc::channel();
        // Its thread runs for as long as this value lives.
        if self.commands.send((command, done)).is_ok() {
            let _ = obeyed.recv();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Closes the channel for the thread to see.
        self.commands = mpsc::unbounded_channel().0;
        if let Some(thread) = self.thread.take() {
            // Its panic was printed when it happened.
            let _ = thread.join();
        }
    }
}

/// Serves until the commands end. There is no other thread, so that nothing is passed on while a command is obeyed.
fn serve(
    runtime: &Runtime,
    listener: std::net::TcpListener,
    target: SocketAddr,
    mut inbox: mpsc::UnboundedReceiver<(Command, std_mpsc::Sender<()>)>,
) {
    runtime.block_on(async {
        // It fails only outside of a runtime.
        let Ok(listener) = TcpListener::from_std(listener) else { return };
        let network = watch::Sender::new(Network::default());
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                command = inbox.recv() => {
                    let Some((command, done)) = command else { return };
                    match command {
                        Command::Cut(cut) => network.send_modify(|network| network.cut = cut),
                        Command::Delay { one_in, delay } => network.send_modify(|network| {
                            (network.one_in, network.delay) = (one_in, delay);
                        }),
                        Command::Disconnect => connections.shutdown().await,
                    }
                    // Nobody waits for it any more where the test has ended.
                    let _ = done.send(());
                }
                accepted = listener.accept() => {
                    // A client that has gone already is no concern of others.
                    if let Ok((client, _)) = accepted {
                        connections.spawn(pass_on(client, target, network.subscribe()));
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    });
}

/// Connects to the target and passes on what comes, in both directions, until one of them ends.
async fn pass_on(client: TcpStream, target: SocketAddr, mut network: watch::Receiver<Network>) {
    // An error is that the proxy ends; one of a connection ends it on both sides.
    let Ok(_) = network.wait_for(|network| !network.cut).await.map(drop) else { return };
    let Ok(server) = TcpStream::connect(target).await else { return };
    // Neither is a reason to wait: that is what `delay` is for.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        _ = copy(from_client, to_server, network.clone()) => {}
        _ = copy(from_server, to_client, network) => {}
    }
}

async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut network: watch::Receiver<Network>,
) -> io::Result<()> {
    let mut piece = vec![0; 64 * 1024];
    for number in 1u64.. {
        let longest = if network.borrow().one_in > 1 { PACKET } else { piece.len() };
        let size = from.read(&mut piece[..longest]).await?;
        let Network { delay, one_in, .. } = *network.borrow();
        if !delay.is_zero() && number.is_multiple_of(one_in.max(1)) {
            sleep(delay).await;
        }
        // Also the end of the connection has to wait. An error is that the proxy ends.
        if network.wait_for(|network| !network.cut).await.is_err() || size == 0 {
            return Ok(());
        }
        to.write_all(&piece[..size]).await?;
    }
    Ok(())
}
