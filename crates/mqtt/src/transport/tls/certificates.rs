//! Certificates and keys from files in PEM form.

use std::{fs, path::Path};

use pip_services_commons::errors::ApplicationError;
use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument, pkcs5};
use tokio_rustls::rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
};

use super::Section;
use crate::secret::Secret;

const CONVERT: &str = "`openssl pkcs8 -topk8 -v2 aes256` converts it";

/// Those who may sign a broker's certificate: of the file, or those that the system trusts.
pub(super) fn roots(section: Section<'_>, ca: Option<&Path>) -> Result<RootCertStore, ApplicationError> {
    let mut roots = RootCertStore::empty();
    let Some(file) = ca else {
        // Some are of forms that nobody uses any more.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(section.bad("ca", "is not set, and this system has no root certificates"));
        }
        return Ok(roots);
    };
    for certificate in certificates(section, file, "ca")? {
        roots.add(certificate).map_err(|_| section.bad("ca", "has a certificate that cannot be read"))?;
    }
    Ok(roots)
}

/// The client's certificate, and those of who signed it.
pub(super) fn chain(
    section: Section<'_>,
    file: &Path,
) -> Result<Vec<CertificateDer<'static>>, ApplicationError> {
    certificates(section, file, "cert")
}

fn certificates(
    section: Section<'_>,
    file: &Path,
    name: &str,
) -> Result<Vec<CertificateDer<'static>>, ApplicationError> {
    let pem = read(section, file, name)?;
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(|| {
        section.bad(name, format!("names '{}', which has no certificates in PEM form", file.display()))
    })
}

/// The client's key. No error shows anything of the file.
pub(super) fn private_key(
    section: Section<'_>,
    file: &Path,
    password: Option<&Secret>,
) -> Result<PrivateKeyDer<'static>, ApplicationError> {
    let pem = read(section, file, "key")?;
    let text = String::from_utf8_lossy(&pem);
    if let Some(encrypted) = encrypted_part(&text) {
        let Some(password) = password else {
            let what = format!("is not set, but the key in {} is encrypted", section.key("key"));
            return Err(section.bad("key_password", what));
        };
        return decrypt(section, encrypted, password);
    }
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(section.bad("key", format!("is encrypted in OpenSSL's old form; {CONVERT}")));
    }
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        section.bad("key", format!("names '{}', which has no private key in PEM form", file.display()))
    })
}

fn encrypted_part(text: &str) -> Option<&str> {
    let (begin, end) = ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "-----END ENCRYPTED PRIVATE KEY-----");
    let part = &text[text.find(begin)?..];
    Some(&part[..part.find(end)? + end.len()])
}

fn decrypt(
    section: Section<'_>,
    pem: &str,
    password: &Secret,
) -> Result<PrivateKeyDer<'static>, ApplicationError> {
    let unreadable = || section.bad("key", "has an encrypted key that cannot be read");
    let unsupported =
        || section.bad("key", format!("is encrypted in a way that is not supported; {CONVERT}"));
    let (_, document) = SecretDocument::from_pem(pem).map_err(|_| unreadable())?;
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| unsupported())?;
    let key = encrypted.decrypt(password.expose()).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(error) if error != pkcs5::Error::DecryptFailed => unsupported(),
        // Also where the wrong password gives something that is no key.
        _ => section.bad("key_password", format!("does not open the key in {}", section.key("key"))),
    })?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

fn read(section: Section<'_>, file: &Path, name: &str) -> Result<Vec<u8>, ApplicationError> {
    fs::read(file).map_err(|error| {
        section.bad(name, format!("names '{}', which cannot be read: {error}", file.display()))
    })
}
