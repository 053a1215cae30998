//! TLS, with rustls. It names its cryptography itself, so it needs no default of the process.

mod certificates;
mod error;
mod options;
mod unverified;

use std::sync::Arc;

use pip_services_commons::{config::ConfigParams, errors::ApplicationError};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{self, ClientConfig, crypto::ring, pki_types::ServerName},
};

pub(super) use self::error::explain;
use self::{error::handshake_failed, options::TlsOptions, unverified::Unverified};
use super::{Section, TransportError, traffic::Noted};

/// How to encrypt a connection, and whom to expect at its other end.
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    verified: bool,
}

impl Tls {
    /// Reads the parameters of a connection, and the files that they name.
    pub(super) fn from_params(
        section: Section<'_>,
        params: &ConfigParams,
        host: &str,
    ) -> Result<Self, ApplicationError> {
        let options = TlsOptions::from_params(section, params, host)?;
        let provider = Arc::new(ring::default_provider());
        let unverified = Unverified::new(&provider);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| section.bad("protocol", format!("cannot be served: {error}")))?;
        let builder = if options.insecure {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(unverified))
        } else {
            builder.with_root_certificates(certificates::roots(section, options.ca.as_deref())?)
        };
        let config = match &options.client {
            Some(client) => {
                let chain = certificates::chain(section, &client.cert)?;
                let key = certificates::private_key(section, &client.key, client.key_password.as_ref())?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| bad_client_certificate(section, error))?
            }
            None => builder.with_no_client_auth(),
        };
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self { connector, name: options.server_name, verified: !options.insecure })
    }

    /// Whether the broker's certificate is verified.
    pub(super) fn is_verified(&self) -> bool {
        self.verified
    }

    pub(super) async fn connect(&self, tcp: Noted) -> Result<TlsStream<Noted>, TransportError> {
        self.connector.connect(self.name.clone(), tcp).await.map_err(|error| handshake_failed(&error))
    }
}

fn bad_client_certificate(section: Section<'_>, error: rustls::Error) -> ApplicationError {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            let cert = section.key("cert");
            section.bad("key", format!("does not belong to the certificate in {cert}"))
        }
        rustls::Error::InvalidCertificate(_) => section.bad("cert", "has a certificate that cannot be read"),
        _ => section.bad("key", "has a key of a kind that is not supported"),
    }
}
