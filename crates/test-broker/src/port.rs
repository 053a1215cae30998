//! A port that stays the broker's own while the broker is down.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

use crate::process::POLL_INTERVAL;

/// How long the start of a process may take.
const FREE_TIMEOUT: Duration = Duration::from_secs(5);

/// A free port of the loopback interface.
///
/// On Linux the port stays bound to a socket that never listens. Nobody can connect to it, and the broker may still
/// listen on the port, because both sockets allow the reuse of the address. But the kernel gives the port to nobody
/// else: not to a test that asks for any free port, and not to a client that keeps trying to reconnect, whose own
/// end would sooner or later get the very port it wants to reach and so connect to itself.
///
/// Elsewhere two sockets cannot share an address like this, and the port is only known to have been free.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    #[cfg(target_os = "linux")]
    _held: TcpSocket,
}

impl Port {
    /// Takes any free port.
    pub(crate) fn reserve() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        Ok(Self {
            number: socket.local_addr()?.port(),
            #[cfg(target_os = "linux")]
            _held: socket,
        })
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    pub(crate) fn address(&self) -> SocketAddr {
        address(self.number)
    }
}

/// Where brokers listen.
pub(crate) fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Whether nobody listens on the port. That it is reserved does not count.
///
/// Found out by connecting. To listen for a moment would be a nuisance to others: a process that another thread starts
/// just then has a copy of the socket until it runs its program.
pub(crate) fn is_free(port: u16) -> bool {
    TcpStream::connect(address(port)).is_err()
}

/// Waits until nobody listens, because of such copies of a socket that this process has closed.
pub(crate) fn wait_until_free(port: u16) {
    let deadline = Instant::now() + FREE_TIMEOUT;
    while !is_free(port) && Instant::now() < deadline {
        thread::sleep(POLL_INTERVAL);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Binds as an outgoing connection does: without allowing the reuse of the address.
    fn bind_exclusively(address: SocketAddr) -> io::Result<()> {
        TcpSocket::new_v4()?.bind(address)
    }

    #[test]
    fn a_reserved_port_is_nobody_elses_until_it_is_dropped() {
        let port = Port::reserve().unwrap();
        let address = port.address();
        assert_eq!(bind_exclusively(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(port);
        // A process that another test starts just now has a copy of the socket for a moment.
        let deadline = Instant::now() + FREE_TIMEOUT;
        while let Err(error) = bind_exclusively(address) {
            assert!(Instant::now() < deadline, "{error}");
            thread::sleep(POLL_INTERVAL);
        }
    }

    #[test]
    fn a_reserved_port_refuses_connections_until_somebody_listens_on_it() {
        let port = Port::reserve().unwrap();
        let refused = TcpStream::connect(port.address()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let _listener = TcpListener::bind(port.address()).unwrap();
        TcpStream::connect(port.address()).unwrap();
    }
}
