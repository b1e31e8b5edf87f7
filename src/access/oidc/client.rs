//! Asking a provider over HTTP: bounded in time and size, protected, and never led elsewhere by a redirect.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use openidconnect::url::{Host, Url};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::Semaphore;

/// How long one answer may take, body and all.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest answer that is read: lists of keys of large providers have some 20 kB.
const LARGEST: usize = 256 << 10;
/// Questions to one provider at once. Whoever reaches the port can have one asked.
const AT_ONCE: usize = 16;

/// Why there is no answer. What the provider said is not repeated: it may quote codes and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error("the address is neither https nor on this machine")]
    Unprotected,
    #[error("the provider does not answer in time")]
    Slow,
    #[error("the connection failed")]
    Failed,
    #[error("the answer is larger than what is read")]
    TooMuch,
}

/// Whether what is sent there is protected: by TLS, or because it does not leave this machine.
pub fn protected(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    let anonymous = url.username().is_empty() && url.password().is_none();
    anonymous && (url.scheme() == "https" || (url.scheme() == "http" && loopback))
}

/// The client for one provider.
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    turns: Semaphore,
}

impl HttpClient {
    /// Trusts the public's certificate authorities and, where one is named, that of the file (PEM).
    pub fn new(ca_file: &str) -> anyhow::Result<Self> {
        let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if !ca_file.is_empty() {
            let read = || -> anyhow::Result<Vec<_>> {
                Ok(CertificateDer::pem_file_iter(ca_file)?.collect::<Result<Vec<_>, _>>()?)
            };
            let (added, _) = roots.add_parsable_certificates(
                read().with_context(|| format!("identity.oidc ca_file: cannot read {ca_file}"))?,
            );
            anyhow::ensure!(added > 0, "identity.oidc ca_file: {ca_file} holds no certificate");
        }
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            turns: Semaphore::new(AT_ONCE),
        })
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
        let url = Url::parse(&request.uri().to_string()).map_err(|_| NoAnswer::Unprotected)?;
        if !protected(&url) {
            return Err(NoAnswer::Unprotected);
        }
        let answered = async {
            let _turn = self.turns.acquire().await.map_err(|_| NoAnswer::Failed)?;
            let request = request.map(|body| Full::new(Bytes::from(body)));
            let response = self.client.request(request).await.map_err(|_| NoAnswer::Failed)?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, LARGEST).collect().await.map_err(|error| {
                if error.is::<http_body_util::LengthLimitError>() {
                    NoAnswer::TooMuch
                } else {
                    NoAnswer::Failed
                }
            })?;
            Ok(HttpResponse::from_parts(parts, body.to_bytes().to_vec()))
        };
        tokio::time::timeout(PATIENCE, answered).await.unwrap_or(Err(NoAnswer::Slow))
    }
}

impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, NoAnswer>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}
