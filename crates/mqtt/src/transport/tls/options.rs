use std::path::PathBuf;

use pip_services_commons::{config::ConfigParams, errors::ApplicationError};
use tokio_rustls::rustls::pki_types::ServerName;

use super::Section;
use crate::secret::Secret;

/// The parameters of a connection that concern TLS.
#[derive(Debug)]
pub(super) struct TlsOptions {
    /// Who may have signed the broker's certificate; absent: whom the system trusts.
    pub(super) ca: Option<PathBuf>,
    pub(super) client: Option<ClientCertificate>,
    /// Whether any certificate of the broker will do.
    pub(super) insecure: bool,
    /// The name that the broker's certificate must have.
    pub(super) server_name: ServerName<'static>,
}

#[derive(Debug)]
pub(super) struct ClientCertificate {
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
    pub(super) key_password: Option<Secret>,
}

impl TlsOptions {
    pub(super) fn from_params(
        section: Section<'_>,
        params: &ConfigParams,
        host: &str,
    ) -> Result<Self, ApplicationError> {
        let file = |name| file(section, params, name);
        let missing =
            |name, other| Err(section.bad(name, format!("is not set, but {} is", section.key(other))));
        let text = |key: &str| params.get(key).filter(|text| !text.is_empty());
        let client = match (file("cert")?, file("key")?) {
            (Some(cert), Some(key)) => {
                Some(ClientCertificate { cert, key, key_password: text("key_password").map(Secret::new) })
            }
            (Some(_), None) => return missing("key", "cert"),
            (None, Some(_)) => return missing("cert", "key"),
            (None, None) => None,
        };
        let insecure = params.try_get_as_boolean("insecure").map_err(|_| {
            section.bad(
                "insecure",
                format!("is '{}'; it must be true or false", params.get_as_string("insecure")),
            )
        })?;
        let (name_key, name) = match text("server_name") {
            Some(name) => ("server_name", name),
            None => ("host", host),
        };
        Ok(Self {
            ca: file("ca")?,
            client,
            insecure: insecure.unwrap_or_default(),
            server_name: ServerName::try_from(name.to_owned()).map_err(|_| {
                section.bad(name_key, format!("is '{name}'; it must be a host's name or address"))
            })?,
        })
    }
}

fn file(
    section: Section<'_>,
    params: &ConfigParams,
    name: &str,
) -> Result<Option<PathBuf>, ApplicationError> {
    match params.get(name).filter(|text| !text.is_empty()) {
        // It may be a private key, so it is not shown.
        Some(text) if text.contains("-----BEGIN") => {
            Err(section.bad(name, "has the contents of a file; it must be the file's path"))
        }
        text => Ok(text.map(PathBuf::from)),
    }
}
