//! The way to the origin: a pool of connections over HTTP/1.1 or HTTP/2.

use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::body::Sent;
use crate::settings::{Limits, Origin, Patience};

/// What is wrong with how the origin is set up.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    #[error("origin: the address wants the form http://host:port or https://host:port, without a path")]
    Address,
    #[error("origin: the file of certificate authorities holds no certificate in PEM")]
    Authorities,
    #[error("origin: a certificate authority cannot be used: {0}")]
    Authority(rustls::Error),
    #[error("origin: TLS cannot be set up: {0}")]
    Tls(rustls::Error),
}

/// Why there is no answer of the origin.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    #[error("no connection to the origin")]
    Connect(#[source] Error),
    #[error("the origin did not answer in time")]
    Late,
    #[error("the origin's answer cannot be read, or it broke off")]
    Broken(#[source] Error),
}

/// Connections to the origin.
pub struct Pool {
    client: Client<HttpsConnector<HttpConnector>, Sent>,
    scheme: Scheme,
    authority: Authority,
    answer: std::time::Duration,
}

impl Pool {
    /// Connects to nobody yet.
    ///
    /// # Errors
    /// [`OriginError`]: what is wrong with the settings.
    pub fn new(origin: &Origin, limits: &Limits, patience: &Patience) -> Result<Self, OriginError> {
        let (Some(scheme), Some(authority)) = (origin.address.scheme(), origin.address.authority()) else {
            return Err(OriginError::Address);
        };
        let known = [Scheme::HTTP, Scheme::HTTPS].contains(scheme);
        let rooted = matches!(origin.address.path(), "" | "/") && origin.address.query().is_none();
        if !known || !rooted || authority.as_str().contains('@') {
            return Err(OriginError::Address);
        }
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(patience.connect));
        let tls = HttpsConnectorBuilder::new().with_tls_config(tls(&origin.authorities)?).https_or_http();
        let connector = if origin.http2 {
            tls.enable_all_versions().wrap_connector(tcp)
        } else {
            tls.enable_http1().wrap_connector(tcp)
        };
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(std::time::Duration::from_secs(60))
            .pool_max_idle_per_host(origin.idle_connections)
            .http1_max_headers(limits.header_fields)
            .http1_max_buf_size(limits.head_bytes.max(MIN_BUFFER))
            .http2_max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            // Ours says what the client asked for.
            .set_host(false);
        if origin.http2 && *scheme == Scheme::HTTP {
            builder.http2_only(true);
        }
        Ok(Self {
            client: builder.build(connector),
            scheme: scheme.clone(),
            authority: authority.clone(),
            answer: patience.answer,
        })
    }

    /// The origin's address of a target.
    pub fn address(&self, target: PathAndQuery) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(target);
        // All three are there and each was parsed as such.
        Uri::from_parts(parts).unwrap_or_default()
    }

    /// Asks the origin; the head of its answer.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn ask(&self, request: Request<Sent>) -> Result<Response<Incoming>, NoAnswer> {
        match tokio::time::timeout(self.answer, self.client.request(request)).await {
            Err(_) => Err(NoAnswer::Late),
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.is_connect() => Err(NoAnswer::Connect(error)),
            Ok(Err(error)) => Err(NoAnswer::Broken(error)),
        }
    }
}

/// hyper's own least.
const MIN_BUFFER: usize = 8192;

fn tls(authorities: &[u8]) -> Result<ClientConfig, OriginError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if !authorities.is_empty() {
        let mut some = false;
        for certificate in CertificateDer::pem_slice_iter(authorities) {
            roots.add(certificate.map_err(|_| OriginError::Authorities)?).map_err(OriginError::Authority)?;
            some = true;
        }
        if !some {
            return Err(OriginError::Authorities);
        }
    }
    let provider = rustls::crypto::ring::default_provider().into();
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(OriginError::Tls)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
