use std::io::ErrorKind;

use pip_services_commons::{config::redacted, errors::ApplicationError};
use tokio::net::TcpListener;

use crate::connect::{ConnectionParams, ConnectionResolver};

const ANY_ADDRESS: &str = "0.0.0.0";

/// Listens where the connection tells.
pub(super) async fn listen(
    resolver: &ConnectionResolver,
    correlation_id: Option<&str>,
) -> Result<TcpListener, ApplicationError> {
    let Some(connection) = resolver.resolve(correlation_id).await? else {
        let error = misconfigured("NO_CONNECTION", "connection", "is missing; it must have a port");
        return Err(error.with_correlation_id(correlation_id));
    };
    let port = port(&connection).map_err(|error| error.with_correlation_id(correlation_id))?;
    let host = connection.get_host().unwrap_or(ANY_ADDRESS);
    TcpListener::bind((host, port)).await.map_err(|error| {
        let (key, why) = match error.kind() {
            ErrorKind::AddrInUse => ("connection.port", "is in use"),
            ErrorKind::PermissionDenied => ("connection.port", "needs a permission"),
            _ => ("connection.host", "is no address of this machine"),
        };
        let host = redacted("connection.host", host);
        let message = format!("cannot listen at {host}:{port}: {key} {why}");
        ApplicationError::connection(correlation_id, "CANNOT_CONNECT", message)
            .with_details("key", key)
            .with_cause(error)
    })
}

fn port(connection: &ConnectionParams) -> Result<u16, ApplicationError> {
    // What discovery gives was not seen when the counters were configured.
    check_protocol(connection, "connection")?;
    connection.port_from(0, "connection.port")?.ok_or_else(|| {
        misconfigured("NO_PORT", "connection.port", "is missing; it must be a number from 0 to 65535")
    })
}

/// Whether there is a server for the protocol of a connection, which is configured as that section.
pub(super) fn check_protocol(connection: &ConnectionParams, section: &str) -> Result<(), ApplicationError> {
    match connection.get_protocol() {
        None | Some("http") => Ok(()),
        Some(protocol) => {
            let key = format!("{section}.protocol");
            let why = format!("is '{}'; it must be http", redacted(&key, protocol));
            Err(misconfigured("UNSUPPORTED_PROTOCOL", &key, &why))
        }
    }
}

fn misconfigured(code: &'static str, key: &str, why: &str) -> ApplicationError {
    ApplicationError::config(None, code, format!("{key} {why}")).with_details("key", key)
}
