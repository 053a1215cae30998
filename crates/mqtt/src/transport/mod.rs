//! The ways to a broker: TCP, TLS over it, and WebSocket over either.
//!
//! What the client says is the same on all of them, so it knows of none: the relay opens the way and passes
//! the bytes on.

mod error;
mod protocol;
mod section;
#[cfg(feature = "tls")]
mod tls;
mod traffic;
#[cfg(feature = "websocket")]
mod websocket;

use std::{fmt, io, net::SocketAddr};

use pip_services_commons::{config::ConfigParams, errors::ApplicationError};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use self::traffic::Noted;
pub(crate) use self::{error::TransportError, protocol::Protocol, section::Section, traffic::Traffic};

/// The parameters of a connection that only count where it is encrypted.
const TLS_KEYS: [&str; 6] = ["ca", "cert", "insecure", "key", "key_password", "server_name"];

/// A stream of bytes to a broker.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// How to reach a broker, with all that it takes read and checked.
pub(crate) struct Transport {
    protocol: Protocol,
    #[cfg(feature = "tls")]
    tls: Option<tls::Tls>,
    #[cfg(feature = "websocket")]
    websocket: Option<websocket::WebSocket>,
}

impl Transport {
    /// Reads what the protocol needs from the parameters of a connection, and the files that they name.
    pub(crate) fn new(
        protocol: Protocol,
        host: &str,
        port: u16,
        path: Option<&str>,
        section: Section<'_>,
        params: &ConfigParams,
    ) -> Result<Self, ApplicationError> {
        // Each feature needs some of it.
        #[cfg(not(all(feature = "tls", feature = "websocket")))]
        let _ = (host, port, path);
        if !protocol.is_encrypted()
            && let Some(key) =
                TLS_KEYS.iter().find(|key| params.get(key).is_some_and(|text| !text.is_empty()))
        {
            let what = format!("is set, but the protocol '{protocol}' is not encrypted; use mqtts or wss");
            return Err(section.bad(key, what));
        }
        Ok(Self {
            protocol,
            #[cfg(feature = "tls")]
            tls: protocol.is_encrypted().then(|| tls::Tls::from_params(section, params, host)).transpose()?,
            #[cfg(feature = "websocket")]
            websocket: protocol
                .is_websocket()
                .then(|| websocket::WebSocket::new(protocol, host, port, path, section))
                .transpose()?,
        })
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether it is encrypted, and yet nobody knows with whom.
    pub(crate) fn is_unverified(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.as_ref().is_some_and(|tls| !tls.is_verified());
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Connects, as far as to where the client can speak.
    pub(crate) async fn connect(&self, address: SocketAddr) -> Result<Opened, TransportError> {
        let tcp = TcpStream::connect(address).await.map_err(|error| TransportError::unreachable(&error))?;
        tcp.set_nodelay(true).map_err(|error| TransportError::unreachable(&error))?;
        let traffic = Traffic::default();
        let stream = self.secure(Noted::new(tcp, traffic.clone())).await?;
        #[cfg(feature = "websocket")]
        if let Some(websocket) = &self.websocket {
            let upgraded = websocket.upgrade(stream).await?;
            return Ok(Opened { traffic, stream: OpenedStream::WebSocket(Box::new(upgraded)) });
        }
        Ok(Opened { traffic, stream: OpenedStream::Bytes(stream) })
    }

    async fn secure(&self, tcp: Noted) -> Result<Box<dyn ByteStream>, TransportError> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return Ok(Box::new(tls.connect(tcp).await?));
        }
        Ok(Box::new(tcp))
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

/// A connection on which nothing has been said yet.
pub(crate) struct Opened {
    pub(crate) traffic: Traffic,
    stream: OpenedStream,
}

enum OpenedStream {
    Bytes(Box<dyn ByteStream>),
    #[cfg(feature = "websocket")]
    WebSocket(Box<websocket::Upgraded>),
}

impl Opened {
    #[cfg(test)]
    pub(crate) fn plain(tcp: TcpStream) -> Self {
        let traffic = Traffic::default();
        Self { traffic: traffic.clone(), stream: OpenedStream::Bytes(Box::new(Noted::new(tcp, traffic))) }
    }

    /// Writes the first packet. It can hold a password, so it is in no log of the libraries on the way.
    pub(crate) async fn greet(self, packet: &[u8]) -> io::Result<Box<dyn ByteStream>> {
        match self.stream {
            OpenedStream::Bytes(mut stream) => {
                stream.write_all(packet).await?;
                stream.flush().await?;
                Ok(stream)
            }
            #[cfg(feature = "websocket")]
            OpenedStream::WebSocket(upgraded) => websocket::greet(*upgraded, packet).await,
        }
    }
}
