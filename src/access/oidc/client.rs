//! Asking a provider over HTTP: bounded in time and size, protected, and never led elsewhere by a redirect.

use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use openidconnect::url::Url;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use tokio::sync::Semaphore;

use crate::outbound;

/// How long one answer may take, body and all.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest answer that is read: lists of keys of large providers have some 20 kB.
const LARGEST: usize = 256 << 10;
/// Questions to one provider at once. Whoever reaches the port can have one asked.
const AT_ONCE: usize = 16;
/// Connections that are kept for the next question.
const IDLE: usize = 4;

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

/// The client for one provider.
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    turns: Semaphore,
}

impl HttpClient {
    /// Trusts the public's certificate authorities and, where one is named, that of the file (PEM).
    pub fn new(ca_file: &str) -> anyhow::Result<Self> {
        let mut roots = outbound::public_authorities();
        if !ca_file.is_empty() {
            outbound::add_authorities(&mut roots, "identity.oidc ca_file", Path::new(ca_file))?;
        }
        let connector = outbound::connector(roots)?;
        Ok(Self {
            client: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(Duration::from_secs(30))
                .pool_max_idle_per_host(IDLE)
                .build(connector),
            turns: Semaphore::new(AT_ONCE),
        })
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
        let url = Url::parse(&request.uri().to_string()).map_err(|_| NoAnswer::Unprotected)?;
        if !outbound::is_protected(&url) {
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
