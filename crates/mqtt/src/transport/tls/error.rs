use std::{fmt, io};

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error, OtherError};

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
        NotValidYetContext, Other, UnknownIssuer,
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
        Other(OtherError(error)) => unsuitable(&error.to_string()),
        error => not_accepted(error),
    }
}

/// What the library has only a name for, which its text consists of.
fn unsuitable(name: &str) -> TransportError {
    let what = match name {
        "UnsupportedCertVersion" => {
            "the broker's certificate is of X.509 version 1; make it with a subjectAltName"
        }
        "CaUsedAsEndEntity" => {
            "the broker's certificate is a certificate authority's; sign one for the broker with it, or make it with \
             basicConstraints=CA:FALSE"
        }
        name => return not_accepted(name),
    };
    TransportError::new(what, "connection.host", [])
}

fn not_accepted(why: impl fmt::Display) -> TransportError {
    TransportError::new(format!("the broker's certificate is not accepted: {why}"), "connection.ca", [])
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

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::{pki_types::CertificateDer, server::ParsedCertificate};

    use super::*;

    /// The same certificate without its version, which then is 1.
    fn of_version_1(certificate: &[u8]) -> Vec<u8> {
        const VERSION: &[u8] = &[0xA0, 3, 2, 1, 2];
        // Two sequences, one in the other, each with a length of two bytes.
        assert_eq!(
            [certificate[0], certificate[1], certificate[4], certificate[5]],
            [0x30, 0x82, 0x30, 0x82]
        );
        assert_eq!(&certificate[8..13], VERSION);
        let mut changed = [&certificate[..8], &certificate[13..]].concat();
        for at in [2, 6] {
            let length = u16::from_be_bytes([changed[at], changed[at + 1]]) - VERSION.len() as u16;
            changed[at..at + 2].copy_from_slice(&length.to_be_bytes());
        }
        changed
    }

    #[test]
    fn a_certificate_of_version_1_is_told_as_one_with_what_to_do() {
        let names: Vec<_> = (0..20).map(|number| format!("host{number}.example.com")).collect();
        let right = rcgen::generate_simple_self_signed(names).unwrap().cert;
        assert!(ParsedCertificate::try_from(right.der()).is_ok());
        let old = CertificateDer::from(of_version_1(right.der()));
        let error = ParsedCertificate::try_from(&old).err().unwrap();
        let told = explain(&io::Error::other(error)).unwrap();
        assert_eq!(told.key(), "connection.host");
        let told = told.to_string();
        assert!(told.contains("of X.509 version 1; make it with a subjectAltName"), "{told}");
        assert!(!told.contains("UnsupportedCertVersion"), "{told}");
    }
}
