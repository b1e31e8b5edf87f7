//! Speaks to a holder of keys on another machine: bounded in time and size, no redirects and no proxies (they would carry keys and
//! tokens elsewhere), TLS by the certificates of public authorities or those that are named.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::RootCertStore;
use zeroize::Zeroizing;

use super::KeyTrouble;
use crate::outbound;

/// A wrapped key and its wrapping are a few hundred bytes.
const MAX_ANSWER: usize = 64 << 10;
/// How often one request is sent, all within the time that is allowed.
const TRIES: u32 = 3;
/// Before the second try; twice as long before the third.
const PAUSE: Duration = Duration::from_millis(100);

/// A service that holds keys.
pub struct Remote {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    address: String,
    /// The configuration key of its address, for the texts of errors.
    setting: &'static str,
    timeout: Duration,
}

/// What is asked. Its headers may hold tokens and its body a key.
pub struct Question {
    pub method: Method,
    /// Begins with `/`.
    pub path: String,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Zeroizing<Vec<u8>>,
}

/// What came back. The body may hold a key.
pub struct Answer {
    pub status: StatusCode,
    pub body: Zeroizing<Vec<u8>>,
}

impl Remote {
    /// `ca_file` replaces the public authorities where it is not empty.
    ///
    /// # Errors
    /// When the authorities cannot be read. Nothing is asked yet.
    pub fn new(address: &str, setting: &'static str, ca_file: &str, seconds: u64) -> anyhow::Result<Self> {
        let roots = match ca_file {
            "" => outbound::public_authorities(),
            file => {
                let mut roots = RootCertStore::empty();
                outbound::add_authorities(&mut roots, "keys.transit_ca_file", Path::new(file))?;
                roots
            }
        };
        // Which addresses may be asked without TLS is decided by the configuration.
        let connector = outbound::connector(roots)?;
        let client =
            Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(30)).build(connector);
        Ok(Self {
            client,
            address: address.trim_end_matches('/').to_owned(),
            setting,
            timeout: Duration::from_secs(seconds),
        })
    }

    /// Host and port, as the header `Host` names them.
    pub fn authority(&self) -> &str {
        self.address.split_once("://").map_or("", |(_, authority)| authority)
    }

    /// The configuration key of the address.
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// Asks, a few times where the service is busy or the connection breaks. `question` is called for each try: signatures and
    /// renewed tokens are of the moment. `passing` says which answers are worth another try.
    ///
    /// # Errors
    /// When the service is away, and those of `question`.
    pub async fn ask<'a>(
        &self,
        question: &(dyn Fn() -> BoxFuture<'a, Result<Question, KeyTrouble>> + Send + Sync),
        passing: fn(&Answer) -> bool,
    ) -> Result<Answer, KeyTrouble> {
        let tries = async {
            let mut pause = PAUSE;
            for _ in 1..TRIES {
                match self.once(question().await?).await {
                    Ok(answer) if !passing(&answer) => return Ok(answer),
                    Ok(_) | Err(_) => tokio::time::sleep(pause).await,
                }
                pause *= 2;
            }
            self.once(question().await?).await
        };
        let answer = tokio::time::timeout(self.timeout, tries).await;
        answer.unwrap_or_else(|_| Err(self.away("does not answer in time")))
    }

    async fn once(&self, question: Question) -> Result<Answer, KeyTrouble> {
        let uri = format!("{}{}", self.address, question.path).parse::<Uri>();
        let uri = uri.map_err(|_| KeyTrouble::refused(format!("{}: is not an address", self.setting)))?;
        let mut request = Request::builder().method(question.method).uri(uri);
        for (name, value) in question.headers {
            request = request.header(name, value);
        }
        // Wiped when the connection has taken it.
        let body = Full::new(Bytes::from_owner(question.body));
        let request = request
            .body(body)
            .map_err(|_| KeyTrouble::refused(format!("{}: a request cannot be made", self.setting)))?;
        // Its error is not quoted: it may hold what the peer says of itself.
        let answer = self.client.request(request).await.map_err(|error| {
            let what = if error.is_connect() { "cannot be reached" } else { "broke off" };
            self.away(what)
        })?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|_| self.away("gave an answer that is too long or breaks off"))?.to_bytes();
        let body = match body.try_into_mut() {
            Ok(own) => Zeroizing::new(Vec::from(own)),
            Err(shared) => Zeroizing::new(shared.to_vec()),
        };
        Ok(Answer { status: head.status, body })
    }

    /// The service could not be asked.
    pub fn away(&self, what: &str) -> KeyTrouble {
        KeyTrouble::away(format!(
            "{}: the key service {what}; check the address, the network, its certificate and keys.timeout_seconds",
            self.setting
        ))
    }
}

/// Whether an answer with this status is worth another try.
pub fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// A header whose value is a secret.
pub fn secret_header(value: &str, setting: &str) -> Result<HeaderValue, KeyTrouble> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| KeyTrouble::refused(format!("{setting}: holds characters that no header may have")))?;
    value.set_sensitive(true);
    Ok(value)
}
