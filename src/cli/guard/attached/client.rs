//! Asking Suimon: bounded in time and size, and never led elsewhere by a redirect.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use openidconnect::url::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::super::super::Failure;
use crate::guards::wire::Answer;
use crate::outbound;

/// How long one answer may take, body and all.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer that is read: 2,000 manifests of some kilobytes each.
const LARGEST: usize = 16 << 20;
/// The longest token that is read.
const LONGEST_TOKEN: u64 = 4096;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    #[error("it does not answer in time")]
    Slow,
    #[error("the connection failed")]
    Failed,
    #[error("the answer is larger than what is read")]
    TooMuch,
    #[error("the token's file cannot be read or holds no token")]
    NoToken,
    #[error("it refuses the token")]
    Unknown,
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("it answered what is no answer")]
    Unreadable,
    /// Its own words: they name fields and remedies, nobody's data.
    #[error("it refuses: {0}")]
    Refused(String),
}

/// The client of one guard.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    url: Url,
    token: PathBuf,
    client: hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

#[derive(Serialize)]
struct Asked<'a, V> {
    query: &'a str,
    variables: V,
}

impl Client {
    pub fn new(url: Url, token: PathBuf, authorities: Option<&Path>) -> Result<Self, Failure> {
        let made = || -> anyhow::Result<_> {
            let mut roots = outbound::public_authorities();
            if let Some(file) = authorities {
                outbound::add_authorities(&mut roots, "--suimon-authorities", file)?;
            }
            outbound::connector(roots)
        };
        let connector = made().map_err(|error| Failure::usage(format!("{error:#}")))?;
        let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(2)
            // It would try for as long as it may, at once and again. The next question comes by itself.
            .retry_canceled_requests(false)
            .build(connector);
        Ok(Self(Arc::new(Inner { url, token, client })))
    }

    /// Sends a document and gives back its data.
    pub async fn ask<D: DeserializeOwned>(
        &self,
        query: &str,
        variables: impl Serialize,
    ) -> Result<D, NoAnswer> {
        let body = serde_json::to_vec(&Asked { query, variables }).map_err(|_| NoAnswer::Unreadable)?;
        tokio::time::timeout(PATIENCE, self.sent(body)).await.unwrap_or(Err(NoAnswer::Slow))
    }

    async fn sent<D: DeserializeOwned>(&self, body: Vec<u8>) -> Result<D, NoAnswer> {
        let Inner { url, token, client } = &*self.0;
        let bearer = Zeroizing::new(format!("Bearer {}", &**read(token).await?));
        let mut bearer = http::HeaderValue::from_str(&bearer).map_err(|_| NoAnswer::NoToken)?;
        bearer.set_sensitive(true);
        let request = Request::builder()
            .method(Method::POST)
            .uri(url.as_str())
            .header(header::AUTHORIZATION, bearer)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json, application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| NoAnswer::Failed)?;
        let answer = client.request(request).await.map_err(|_| NoAnswer::Failed)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST).collect().await.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() { NoAnswer::TooMuch } else { NoAnswer::Failed }
        })?;
        if status == StatusCode::UNAUTHORIZED {
            return Err(NoAnswer::Unknown);
        }
        let unreadable =
            |_| if status.is_success() { NoAnswer::Unreadable } else { NoAnswer::Status(status) };
        let answer: Answer<D> = serde_json::from_slice(&body.to_bytes()).map_err(unreadable)?;
        match (answer.errors.into_iter().next(), answer.data) {
            (Some(refusal), _) => Err(NoAnswer::Refused(refusal.message)),
            (None, Some(data)) => Ok(data),
            (None, None) => Err(NoAnswer::Unreadable),
        }
    }
}

/// Read each time: who renews a token writes a file.
async fn read(path: &Path) -> Result<Zeroizing<String>, NoAnswer> {
    let length = tokio::fs::metadata(path).await.map_err(|_| NoAnswer::NoToken)?.len();
    if length > LONGEST_TOKEN {
        return Err(NoAnswer::NoToken);
    }
    let text = Zeroizing::new(tokio::fs::read_to_string(path).await.map_err(|_| NoAnswer::NoToken)?);
    let token = text.trim();
    if token.is_empty() {
        return Err(NoAnswer::NoToken);
    }
    Ok(Zeroizing::new(token.to_owned()))
}
