use std::io;

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};

use super::super::TransportError;

/// Why a handshake failed.
pub(super) fn handshake_failed(error: &io::Error) -> TransportError {
    explain(error).unwrap_or_else(|| {
        let what = format!("the TLS handshake broke off: {error} (connection.protocol, connection.port)");
        TransportError::new(what, "connection.protocol")
    })
}

/// What TLS has to say about the end of a connection; nothing where that had other reasons.
pub(in crate::transport) fn explain(error: &io::Error) -> Option<TransportError> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    let (what, key) = match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::AlertReceived(alert) => refusal(*alert),
        Error::InvalidMessage(_) => (
            "what answers there does not speak TLS (connection.protocol, connection.port)".to_owned(),
            "connection.protocol",
        ),
        error => (format!("TLS failed: {error} (connection.protocol)"), "connection.protocol"),
    };
    Some(TransportError::new(what, key))
}

fn certificate(error: &CertificateError) -> (String, &'static str) {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, UnknownIssuer,
    };
    match error {
        Expired | ExpiredContext { .. } => {
            (format!("the broker's certificate has expired: {error} (connection.host)"), "connection.host")
        }
        NotValidYet | NotValidYetContext { .. } => (
            format!("the broker's certificate is not valid yet: {error} (connection.host)"),
            "connection.host",
        ),
        // Bad is the signature of another authority with the name of one that is trusted.
        UnknownIssuer | BadSignature => (
            "the broker's certificate is signed by nobody who is trusted (connection.ca)".to_owned(),
            "connection.ca",
        ),
        NotValidForName | NotValidForNameContext { .. } => (
            format!(
                "the broker's certificate has another name: {error} (connection.host, connection.server_name)"
            ),
            "connection.server_name",
        ),
        _ => (format!("the broker's certificate is not accepted: {error} (connection.ca)"), "connection.ca"),
    }
}

/// What the broker says where it ends the connection.
fn refusal(alert: AlertDescription) -> (String, &'static str) {
    use AlertDescription::{
        AccessDenied, BadCertificate, CertificateExpired, CertificateRequired, CertificateRevoked,
        CertificateUnknown, DecryptError, HandshakeFailure, UnknownCA, UnsupportedCertificate,
    };
    match alert {
        CertificateRequired => (
            "the broker asks for a client certificate (connection.cert, connection.key)".to_owned(),
            "connection.cert",
        ),
        // In TLS 1.2 nothing else tells of a certificate that is missing.
        HandshakeFailure => (
            "the broker refused the handshake; it may ask for a client certificate (connection.cert, connection.key)"
                .to_owned(),
            "connection.cert",
        ),
        AccessDenied | BadCertificate | CertificateExpired | CertificateRevoked | CertificateUnknown
        | DecryptError | UnknownCA | UnsupportedCertificate => (
            format!("the broker refused the client certificate: {alert:?} (connection.cert)"),
            "connection.cert",
        ),
        alert => {
            (format!("the broker ended TLS: {alert:?} (connection.protocol)"), "connection.protocol")
        }
    }
}
