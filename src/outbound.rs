//! Other machines that this service asks: which addresses it may ask at all, and the connector to them. No proxies and no redirects
//! (they would carry secrets elsewhere); TLS by ring, which is given here and not taken from the process.

use std::path::Path;

use anyhow::{Context, ensure};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use openidconnect::url::{Host, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Whether what is sent there is protected: by TLS, or because it does not leave this machine. An address that holds a user or
/// a password is not: `http://127.0.0.1:80@elsewhere` only looks like the own machine.
pub fn is_protected(url: &Url) -> bool {
    let own = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    let anonymous = url.username().is_empty() && url.password().is_none();
    anonymous && (url.scheme() == "https" || (url.scheme() == "http" && own))
}

/// The public's certificate authorities.
pub fn public_authorities() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

/// Adds the certificate authorities of a file (PEM). `setting` is the configuration key that names it.
///
/// # Errors
/// When the file cannot be read or holds none.
pub fn add_authorities(roots: &mut RootCertStore, setting: &str, file: &Path) -> anyhow::Result<()> {
    let place = || format!("{setting}: {}", file.display());
    let before = roots.len();
    for certificate in CertificateDer::pem_file_iter(file).with_context(place)? {
        roots.add(certificate.with_context(place)?).with_context(place)?;
    }
    ensure!(roots.len() > before, "{} holds no certificate", place());
    Ok(())
}

/// Connects by TLS, and in clear where the address says so: who uses it asks [`is_protected`] first.
///
/// # Errors
/// None in practice: ring has what TLS 1.2 and 1.3 want.
pub fn connector(roots: RootCertStore) -> anyhow::Result<HttpsConnector<HttpConnector>> {
    Ok(HttpsConnectorBuilder::new().with_tls_config(tls(roots)?).https_or_http().enable_http1().build())
}

/// Connects by TLS alone, over what another connector opens.
///
/// # Errors
/// As [`connector`].
pub fn secured<R>(
    mut inner: HttpConnector<R>,
    roots: RootCertStore,
) -> anyhow::Result<HttpsConnector<HttpConnector<R>>> {
    inner.enforce_http(false);
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls(roots)?).https_only().enable_http1();
    Ok(builder.wrap_connector(inner))
}

fn tls(roots: RootCertStore) -> anyhow::Result<ClientConfig> {
    Ok(ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_machine_is_asked_in_clear() {
        let protected = |text: &str| Url::parse(text).is_ok_and(|url| is_protected(&url));
        for safe in
            ["https://vault.example", "http://127.0.0.1:8200", "http://[::1]:8200", "http://localhost"]
        {
            assert!(protected(safe), "{safe}");
        }
        for unsafe_one in [
            "http://vault.example",
            "http://127.0.0.1.vault.example",
            "http://127.0.0.1:8200@vault.example",
            "https://user@vault.example",
            "ftp://127.0.0.1",
            "file:///etc/passwd",
        ] {
            assert!(!protected(unsafe_one), "{unsafe_one}");
        }
    }
}
