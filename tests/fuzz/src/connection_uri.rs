use percent_encoding::percent_decode_str;
use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    run::IOpenable,
};
use pip_services_components::connect::ConnectionParams;
use pip_services_mqtt::MqttConnection;
use tokio::runtime::{Builder, Runtime};
use url::Url;

use crate::secret::{SECRET, with_secret};

/// A URI is the address of a broker, or refused with a reason; and neither the parameters nor an error show its password.
pub fn connection_uri(data: &[u8]) {
    let uri = String::from_utf8_lossy(data);
    if uri.is_empty() {
        return;
    }
    let error = refusal(&uri);
    let reason = (error.code(), error.detail("key"));
    let expected = expected(&uri).unwrap_or(("UNSUPPORTED_PROTOCOL", Some(LAST)));
    // TLS and WebSocket ask more of a host than that there is one.
    let unfit_host = reason == ("BAD_VALUE", Some("connections.first.host")) && names_its_host(&uri);
    assert!(reason == expected || unfit_host, "{uri:?}: {error} ({reason:?} instead of {expected:?})");

    if let Some(uri) = with_secret(&uri) {
        let parameters = ConnectionParams::from_tuples([("uri", &uri)]);
        let error = refusal(&uri);
        let shown = format!("{parameters} {parameters:?} {error:?} {error:#}");
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

/// The key at fault where the URI is not.
const LAST: &str = "connections.last.protocol";

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().build().unwrap();
}

/// Why a connection cannot be opened that has the URI as its first address. The last one is always refused: nothing is
/// connected to, and what is told is the first fault.
fn refusal(uri: &str) -> ApplicationError {
    let connection = MqttConnection::new();
    let config = ConfigParams::from_tuples([
        ("client_id", "fuzz"),
        ("connections.first.uri", uri),
        ("connections.last.protocol", "none"),
    ]);
    connection.configure(&config).unwrap();
    RUNTIME.with(|runtime| runtime.block_on(connection.open(None))).unwrap_err()
}

/// Whether the host's name goes to the broker.
fn names_its_host(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| !["mqtt", "tcp"].contains(&url.scheme()))
}

/// The code and key of the error for a URI that is no address of a broker.
fn expected(uri: &str) -> Option<(&'static str, Option<&'static str>)> {
    let refused = |code| Some((code, Some("connections.first.uri")));
    let Ok(url) = Url::parse(uri) else {
        return refused("BAD_URI");
    };
    if !["mqtt", "tcp", "mqtts", "ssl", "tls", "ws", "wss"].contains(&url.scheme()) {
        return refused("UNSUPPORTED_PROTOCOL");
    }
    if url.host_str().unwrap_or_default().is_empty() {
        return refused("NO_HOST");
    }
    let is_text = |part| percent_decode_str(part).decode_utf8().is_ok();
    if !is_text(url.username()) || !url.password().is_none_or(is_text) {
        return refused("BAD_URI");
    }
    None
}
