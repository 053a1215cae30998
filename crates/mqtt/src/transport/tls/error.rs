use std::io;

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};

use super::super::TransportError;

/// Why a handshake failed.
pub(super) fn handshake_failed(error: &io::Error) -> TransportError {
    explain(error).unwrap_or_else(|| {
        let what = format!("the TLS handshake broke off: {error}");
        TransportError::new(what, "connection.protocol", ["connection.port"])
    })
}

/// What TLS has to say about the end of a connection; nothing where that had other reasons.
pub(in crate::transport) fn explain(error: &io::Error) -> Option<TransportError> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::AlertReceived(alert) => refusal(*alert),
        Error::InvalidMessage(_) => {
            let what = "what answers there does not speak TLS";
            TransportError::new(what, "connection.protocol", ["connection.port"])
        }
        error => TransportError::new(format!("TLS failed: {error}"), "connection.protocol", []),
    })
}

fn certificate(error: &CertificateError) -> TransportError {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, UnknownIssuer,
    };
    match error {
        Expired | ExpiredContext { .. } => {
            let what = format!("the broker's certificate has expired: {error}");
            TransportError::new(what, "connection.host", [])
        }
        NotValidYet | NotValidYetContext { .. } => {
            let what = format!("the broker's certificate is not valid yet: {error}");
            TransportError::new(what, "connection.host", [])
        }
        // Bad is the signature of another authority with the name of one that is trusted.
        UnknownIssuer | BadSignature => {
            let what = "the broker's certificate is signed by nobody who is trusted";
            TransportError::new(what, "connection.ca", [])
        }
        NotValidForName | NotValidForNameContext { .. } => {
            let what = format!("the broker's certificate has another name: {error}");
            TransportError::new(what, "connection.server_name", ["connection.host"])
        }
        _ => {
            let what = format!("the broker's certificate is not accepted: {error}");
            TransportError::new(what, "connection.ca", [])
        }
    }
}

/// What the broker says where it ends the connection.
fn refusal(alert: AlertDescription) -> TransportError {
    use AlertDescription::{
        AccessDenied, BadCertificate, CertificateExpired, CertificateRequired, CertificateRevoked,
        CertificateUnknown, DecryptError, HandshakeFailure, UnknownCA, UnsupportedCertificate,
    };
    match alert {
        CertificateRequired => {
            let what = "the broker asks for a client certificate";
            TransportError::new(what, "connection.cert", ["connection.key"])
        }
        // In TLS 1.2 nothing else tells of a certificate that is missing.
        HandshakeFailure => {
            let what = "the broker refused the handshake; it may ask for a client certificate";
            TransportError::new(what, "connection.cert", ["connection.key"])
        }
        AccessDenied
        | BadCertificate
        | CertificateExpired
        | CertificateRevoked
        | CertificateUnknown
        | DecryptError
        | UnknownCA
        | UnsupportedCertificate => {
            let what = format!("the broker refused the client certificate: {alert:?}");
            TransportError::new(what, "connection.cert", [])
        }
        alert => TransportError::new(format!("the broker ended TLS: {alert:?}"), "connection.protocol", []),
    }
}
