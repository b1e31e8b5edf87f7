//! The way to the origin: a pool of connections over HTTP/1.1 or HTTP/2.

use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::Instant;

use crate::forward;
use crate::multiplexed::Multiplexed;
use crate::settings::{Limits, Origin, Patience};
use crate::upload::{Fault, Sent, Upload};

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
    Connect(#[source] BoxError),
    #[error("the origin did not answer in time")]
    Late,
    #[error("the origin's answer cannot be read, or it broke off")]
    Broken(#[source] BoxError),
    #[error("the origin's answer says its length in two ways, or in a coding that is not taken")]
    Coding,
    #[error("the origin changed to a protocol that nobody asked for")]
    Protocol,
    #[error("the request's body did not come whole: {0:?}")]
    Request(Fault),
}

/// Of several libraries.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request to the origin.
pub struct Asked<'a> {
    /// Of whose address the path and the query count.
    pub request: Request<Sent>,
    /// The name that the origin is asked for.
    pub host: &'a Authority,
    /// It may become a tunnel.
    pub tunnel: bool,
    /// None: it has no body.
    pub upload: Option<&'a Arc<Upload>>,
}

/// Connections to the origin.
pub struct Pool {
    http1: Client<HttpsConnector<HttpConnector>, Sent>,
    http2: Option<Multiplexed>,
    scheme: Scheme,
    authority: Authority,
    answer: Duration,
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
        let tls = tls(&origin.authorities)?;
        let connector = || HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http();
        let http2 = origin.http2.then(|| {
            let connector = connector().enable_all_versions().wrap_connector(tcp.clone());
            Multiplexed::new(connector, origin.address.clone(), limits, patience)
        });
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(origin.idle_connections)
            .http1_max_buf_size(limits.head_bytes.max(MIN_BUFFER))
            // Ours says what the client asked for.
            .set_host(false);
        if let Some(fields) = limits.unusual_fields() {
            builder.http1_max_headers(fields);
        }
        Ok(Self {
            http1: builder.build(connector().enable_http1().wrap_connector(tcp)),
            http2,
            scheme: scheme.clone(),
            authority: authority.clone(),
            answer: patience.answer,
        })
    }

    /// Asks the origin; the head of its answer.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn ask(&self, asked: Asked<'_>) -> Result<Response<Incoming>, NoAnswer> {
        let upload = asked.upload;
        let start = Instant::now();
        let asking = self.send(asked);
        tokio::pin!(asking);
        let answer = loop {
            // A long body is not a late answer, as long as the origin takes it.
            let moved = upload.map_or(start, |upload| upload.moved());
            let end = moved + self.answer;
            match tokio::time::timeout_at(end, asking.as_mut()).await {
                Ok(answer) => break answer,
                Err(_) if upload.is_some_and(|upload| upload.moved() > moved) => {}
                Err(_) => return Err(NoAnswer::Late),
            }
        };
        if let Some(upload) = upload {
            upload.answer();
        }
        // What broke off on the way in is nothing that the origin did.
        answer.map_err(|why| upload.and_then(|upload| upload.fault()).map_or(why, NoAnswer::Request))
    }

    async fn send(&self, asked: Asked<'_>) -> Result<Response<Incoming>, NoAnswer> {
        let Asked { mut request, host, tunnel, upload } = asked;
        let target = forward::target(&request);
        // Boxed here and below: what most requests to most origins do not need would make all of them ten kilobytes larger.
        if let Some(http2) = self.http2.as_ref().filter(|_| !tunnel)
            && let Some(connection) = Box::pin(http2.connection()).await.map_err(NoAnswer::Connect)?
        {
            // No field of HTTP/1.1 beside the pseudo-field of the same meaning (RFC 9113 section 8.3.1).
            request.headers_mut().remove(header::HOST);
            *request.uri_mut() = address(&self.scheme, host, target);
            *request.version_mut() = Version::HTTP_2;
            if let Some(upload) = upload {
                // hyper tells nothing of `100 Continue` on HTTP/2.
                upload.want();
            }
            return Box::pin(http2.send(connection, request)).await.map_err(NoAnswer::Broken);
        }
        if let Ok(host) = HeaderValue::from_str(host.as_str()) {
            request.headers_mut().insert(header::HOST, host);
        }
        *request.uri_mut() = address(&self.scheme, &self.authority, target);
        *request.version_mut() = Version::HTTP_11;
        if let Some(upload) = upload.cloned() {
            hyper::ext::on_informational(&mut request, move |answer| {
                if answer.status() == StatusCode::CONTINUE {
                    upload.want();
                }
            });
        }
        self.http1.request(request).await.map_err(|error| {
            if error.is_connect() { NoAnswer::Connect(error.into()) } else { NoAnswer::Broken(error.into()) }
        })
    }
}

fn address(scheme: &Scheme, authority: &Authority, target: PathAndQuery) -> Uri {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme.clone());
    parts.authority = Some(authority.clone());
    parts.path_and_query = Some(target);
    // All three are there and each was parsed as such.
    Uri::from_parts(parts).unwrap_or_default()
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
