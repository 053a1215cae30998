//! WebSocket: MQTT in binary frames, as the MQTT specification has it.

use std::{future::ready, io};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use pip_services_commons::errors::ApplicationError;
use tokio::io::{AsyncWriteExt, join};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{HeaderValue, Uri},
        protocol::WebSocketConfig,
    },
};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

use super::{ByteStream, Protocol, Section, TransportError};

/// Where brokers usually are.
const DEFAULT_PATH: &str = "/mqtt";

/// The longest packet of MQTT, which a broker may put into one frame.
const LONGEST_FRAME: usize = 256 * 1024 * 1024 + 5;

pub(crate) type Upgraded = WebSocketStream<Box<dyn ByteStream>>;

/// The address that a broker is asked for over HTTP.
pub(super) struct WebSocket(Uri);

impl WebSocket {
    pub(super) fn new(
        protocol: Protocol,
        host: &str,
        port: u16,
        path: Option<&str>,
        section: Section<'_>,
    ) -> Result<Self, ApplicationError> {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let authority = if port == protocol.default_port() { host } else { format!("{host}:{port}") };
        let path = path.filter(|path| *path != "/").unwrap_or(DEFAULT_PATH);
        Uri::builder()
            .scheme(protocol.to_string().as_str())
            .authority(authority)
            .path_and_query(path)
            .build()
            .map(Self)
            .map_err(|error| {
                let uri = section.key("uri");
                section.bad("host", format!("or {uri} cannot be asked for over HTTP: {error}"))
            })
    }

    pub(super) async fn upgrade(&self, stream: Box<dyn ByteStream>) -> Result<Upgraded, TransportError> {
        let mut request = self.0.clone().into_client_request().map_err(|error| upgrade_failed(&error))?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("mqtt"));
        let config = WebSocketConfig::default()
            .max_message_size(Some(LONGEST_FRAME))
            .max_frame_size(Some(LONGEST_FRAME));
        let upgraded = client_async_with_config(request, stream, Some(config)).await;
        upgraded.map(|(websocket, _)| websocket).map_err(|error| upgrade_failed(&error))
    }
}

fn upgrade_failed(error: &Error) -> TransportError {
    match error {
        Error::Io(error) => TransportError::from_lost(error).unwrap_or_else(|| {
            let what = format!("the WebSocket handshake broke off: {error}");
            TransportError::new(what, "connection.protocol", ["connection.port"])
        }),
        Error::Http(response) => {
            let status = response.status();
            let what = format!("the server answers that path with HTTP status {status} instead of WebSocket");
            TransportError::new(what, "connection.uri", [])
        }
        error => {
            let what = format!("what answers there offers no MQTT over WebSocket: {error}");
            TransportError::new(what, "connection.protocol", [])
        }
    }
}

/// Writes the first packet past the library, which logs every frame that it writes, and turns what follows into
/// a stream of bytes.
pub(super) async fn greet(mut upgraded: Upgraded, packet: &[u8]) -> io::Result<Box<dyn ByteStream>> {
    let stream = upgraded.get_mut();
    stream.write_all(&frame(packet, fastrand::u32(..).to_be_bytes())).await?;
    stream.flush().await?;

    let (sink, stream) = upgraded.split();
    let sink = sink.with(|bytes: Bytes| ready(Ok::<_, Error>(Message::Binary(bytes)))).sink_map_err(io_error);
    let stream = stream.filter_map(|message| {
        ready(match message {
            Ok(Message::Binary(bytes)) => Some(Ok(bytes)),
            Ok(Message::Text(_)) => Some(Err(io::ErrorKind::InvalidData.into())),
            Ok(_) => None,
            Err(error) => Some(Err(io_error(error))),
        })
    });
    Ok(Box::new(join(StreamReader::new(stream), SinkWriter::new(CopyToBytes::new(sink)))))
}

/// A binary frame of a client: its length, its mask, and the payload under it.
fn frame(payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![0x82];
    match payload.len() {
        length @ ..126 => frame.push(0x80 | length as u8),
        length @ ..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        error => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::sink;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;

    #[tokio::test]
    async fn the_first_packet_is_one_masked_binary_frame_whatever_its_length() {
        for length in [0, 1, 125, 126, 65_535, 65_536, 70_000] {
            let packet = (0..length).map(|index| index as u8).collect::<Vec<_>>();
            let frame = frame(&packet, [1, 2, 3, 4]);
            let stream = join(&frame[..], sink());
            let mut server = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
            let message = server.next().await.unwrap().unwrap();
            assert_eq!(message, Message::Binary(packet.into()), "{length}");
        }
    }
}
