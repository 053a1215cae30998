//! Certificates that tests make, and the files that configurations name.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use pip_services_test_broker::{Engine, TestBroker, TestBrokerBuilder};
use pkcs8::{PrivateKeyInfoRef, der::pem::LineEnding, pkcs5::pbes2};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;

static AUTHORITIES: AtomicUsize = AtomicUsize::new(1);

/// An authority that signs certificates, with a folder for the files of a test.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    folder: TempDir,
}

/// A certificate and its key, in PEM form.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: KeyPair,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Two of one name would be taken for each other.
        let number = AUTHORITIES.fetch_add(1, Ordering::Relaxed);
        params.distinguished_name.push(DnType::CommonName, format!("Authority {number}"));
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem, folder: tempfile::tempdir().unwrap() }
    }

    /// Signs a certificate for a host, or a client, of this name.
    pub(crate) fn sign(&self, name: &str) -> Identity {
        self.sign_with(name, |_| {})
    }

    pub(crate) fn sign_expired(&self, name: &str) -> Identity {
        self.sign_with(name, |params| {
            params.not_before = date_time_ymd(2000, 1, 1);
            params.not_after = date_time_ymd(2001, 1, 1);
        })
    }

    /// Signs a certificate for a host of this name which is one of an authority as well.
    pub(crate) fn sign_authority(&self, name: &str) -> Identity {
        self.sign_with(name, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))
    }

    fn sign_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        Identity { certificate: params.signed_by(&key, &self.issuer).unwrap().pem(), key }
    }

    /// The authority's own certificate.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes a file, and tells where.
    pub(crate) fn file(&self, name: &str, contents: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, contents).unwrap();
        path.display().to_string()
    }

    /// The file of the authority's own certificate.
    pub(crate) fn ca_file(&self) -> String {
        self.file("ca.pem", &self.pem)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Identity {
    /// The key, encrypted as OpenSSL does it.
    pub(crate) fn encrypted_key(&self, password: &str) -> String {
        let parameters =
            pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(2048, &[1; 16], [2; 16]).unwrap();
        let key = PrivateKeyInfoRef::try_from(self.key.serialized_der()).unwrap();
        let encrypted = key.encrypt_with_params(parameters, password).unwrap();
        encrypted.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF).unwrap().to_string()
    }
}

/// A Mosquitto with such a certificate.
pub(crate) fn broker_as(identity: &Identity) -> TestBrokerBuilder {
    TestBroker::builder(Engine::Mosquitto).tls(&identity.certificate, identity.key.serialize_pem())
}
