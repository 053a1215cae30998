use std::io::ErrorKind;

use pip_services_commons::errors::ApplicationError;
use tokio::net::TcpListener;

use crate::connect::ConnectionResolver;

const ANY_ADDRESS: &str = "0.0.0.0";

/// Listens where the connection tells.
pub(super) async fn listen(
    resolver: &ConnectionResolver,
    correlation_id: Option<&str>,
) -> Result<TcpListener, ApplicationError> {
    let misconfigured = |code, key: &str, why| {
        ApplicationError::config(correlation_id, code, format!("{key} {why}")).with_details("key", key)
    };
    let Some(connection) = resolver.resolve(correlation_id).await? else {
        return Err(misconfigured("NO_CONNECTION", "connection", "is missing; it must have a port".into()));
    };
    if let Some(protocol) = connection.get_protocol().filter(|protocol| *protocol != "http") {
        let why = format!("is '{protocol}'; it must be http");
        return Err(misconfigured("UNSUPPORTED_PROTOCOL", "connection.protocol", why));
    }
    // Not by `get_port`, as 0 has a meaning here.
    let port = connection.as_config().get_as_string("port");
    let allowed = "it must be a number from 0 to 65535";
    if port.trim().is_empty() {
        return Err(misconfigured("NO_PORT", "connection.port", format!("is missing; {allowed}")));
    }
    let Ok(port) = port.trim().parse::<u16>() else {
        return Err(misconfigured("BAD_VALUE", "connection.port", format!("is '{port}'; {allowed}")));
    };
    let host = connection.get_host().unwrap_or(ANY_ADDRESS);
    TcpListener::bind((host, port)).await.map_err(|error| {
        let (key, why) = match error.kind() {
            ErrorKind::AddrInUse => ("connection.port", "is in use"),
            ErrorKind::PermissionDenied => ("connection.port", "needs a permission"),
            _ => ("connection.host", "is no address of this machine"),
        };
        let message = format!("cannot listen at {host}:{port}: {key} {why}");
        ApplicationError::connection(correlation_id, "CANNOT_CONNECT", message)
            .with_details("key", key)
            .with_cause(error)
    })
}
