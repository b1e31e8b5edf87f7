//! The guard's certificate, which can be another one while it runs.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use guard::Tls;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Failure;

/// The files of a certificate, and what was read of them.
pub struct Certificate {
    files: Files,
    tls: Arc<Tls>,
    shown: Mutex<Chain>,
}

const CERTIFICATE: &str = "the guard's certificate in PEM, then those that lead to its authority";
const KEY: &str = "the certificate's private key in PEM, without a password";

fn cannot_read(file: &Path, why: &dyn Display, holds: &str) -> Failure {
    Failure::usage(format!("{}: cannot be read ({why}); it holds {holds}", file.display()))
}

/// PEM.
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The certificate and those that lead to its authority.
type Chain = Vec<CertificateDer<'static>>;

/// What was read, and is not shown yet.
pub struct Read {
    chain: Chain,
    config: Arc<rustls::ServerConfig>,
}

impl Certificate {
    /// What the files hold now.
    pub fn open(files: Files) -> Result<Self, Failure> {
        let Read { chain, config } = files.read()?;
        Ok(Self { files, tls: Arc::new(Tls::new(config)), shown: Mutex::new(chain) })
    }

    pub fn tls(&self) -> Arc<Tls> {
        self.tls.clone()
    }

    /// What the files hold now, which is not shown before [`Certificate::show`].
    pub fn read(&self) -> Result<Read, Failure> {
        self.files.read()
    }

    /// Shows it to whoever connects from now on; whether it is another one.
    pub fn show(&self, Read { chain, config }: Read) -> bool {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        // A key goes with one certificate: the same chain has the same key, and sessions that clients remember stay good.
        if *shown == chain {
            return false;
        }
        self.tls.replace(config);
        *shown = chain;
        true
    }
}

impl Files {
    /// HTTP/2 and HTTP/1.1 over TLS.
    fn read(&self) -> Result<Read, Failure> {
        let Self { certificate, key } = self;
        let chain: Chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|error| cannot_read(certificate, &error, CERTIFICATE))?;
        if chain.is_empty() {
            return Err(cannot_read(certificate, &"no certificate is in it", CERTIFICATE));
        }
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| cannot_read(key, &error, KEY))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain.clone(), secret));
        let mut config = config.map_err(|error| {
            Failure::usage(format!(
                "{} with {}: {error}; the first certificate is the guard's own, and the key is the one that it was made for",
                certificate.display(),
                key.display()
            ))
        })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Read { chain, config: Arc::new(config) })
    }
}
