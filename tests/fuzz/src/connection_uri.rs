use futures_util::FutureExt;
use percent_encoding::percent_decode_str;
use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    run::IOpenable,
};
use pip_services_components::connect::ConnectionParams;
use pip_services_mqtt::MqttConnection;
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
    let expected = expected(&uri);
    assert_eq!(reason, expected.unwrap_or(("UNSUPPORTED_PROTOCOL", Some(LAST))), "{uri:?}: {error}");

    if let Some(uri) = with_secret(&uri) {
        let parameters = ConnectionParams::from_tuples([("uri", &uri)]);
        let error = refusal(&uri);
        let shown = format!("{parameters} {parameters:?} {error:?} {error:#}");
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

/// The key at fault where the URI is not.
const LAST: &str = "connection.protocol";

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
    let opened = connection.open(None).now_or_never().expect("no waiting for a network");
    opened.unwrap_err()
}

/// The code and key of the error for a URI that is no address of a broker.
fn expected(uri: &str) -> Option<(&'static str, Option<&'static str>)> {
    let refused = |code| Some((code, Some("connection.uri")));
    let Ok(url) = Url::parse(uri) else {
        return refused("BAD_URI");
    };
    if url.scheme() != "mqtt" && url.scheme() != "tcp" {
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
