//! Object stores: S3 and what speaks it, Google Cloud Storage, Azure Blob Storage, and single files of a web server. What they need beside
//! an address `object_store` reads from the environment.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use async_trait::async_trait;
use http_body_util::BodyExt;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Sockets;
use hyper_util::rt::TokioExecutor;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::{ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};
use openidconnect::url::Url;

use crate::outbound;

/// For one request and the head of its answer.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Connects to the store of an address: of its bucket, or of its web server. Asks nobody.
///
/// # Errors
/// The environment lacks something, or there is no such kind of store.
pub fn connect(url: &Url, retry: RetryConfig) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let missing = "cannot be used with what the environment says of it";
    let without_words = |error: object_store::Error| anyhow::anyhow!(told(&error)).context(missing);
    Ok(match url.scheme() {
        "s3" => Arc::new(
            AmazonS3Builder::from_env()
                .with_url(named(url)?)
                .with_retry(retry)
                .with_http_connector(Connector)
                .build()
                .map_err(without_words)?,
        ),
        "gs" => Arc::new(
            GoogleCloudStorageBuilder::from_env()
                .with_url(named(url)?)
                .with_retry(retry)
                .with_http_connector(Connector)
                .build()
                .map_err(without_words)?,
        ),
        "az" => Arc::new(
            MicrosoftAzureBuilder::from_env()
                .with_url(named(url)?)
                .with_retry(retry)
                .with_http_connector(Connector)
                .build()
                .map_err(without_words)?,
        ),
        "http" | "https" => Arc::new(
            HttpBuilder::new()
                .with_url(url.origin().ascii_serialization())
                .with_retry(retry)
                .with_client_options(ClientOptions::new().with_allow_http(outbound::is_protected(url)))
                .with_http_connector(Connector)
                .build()
                .map_err(without_words)?,
        ),
        other => bail!("{other}:// is not known; s3://, gs://, az:// and file:// are"),
    })
}

/// Bucket alone: the prefix is ours.
fn named(url: &Url) -> anyhow::Result<String> {
    let bucket = url.host_str().filter(|bucket| !bucket.is_empty()).context("names no bucket")?;
    Ok(format!("{}://{bucket}", url.scheme()))
}

const FORBIDDEN: &str = "the store refuses it (403): look at the credentials and what they may do";
const UNKNOWN: &str = "the store does not know the credentials (401)";

/// What is the matter, without a word of the store's.
pub fn told(error: &object_store::Error) -> String {
    use object_store::Error as E;
    let what = match error {
        E::NotFound { .. } => "there is no such bucket, container or object",
        E::PermissionDenied { .. } => FORBIDDEN,
        E::Unauthenticated { .. } => UNKNOWN,
        E::InvalidPath { .. } => "the prefix is none",
        _ => {
            let mut source: Option<&(dyn Error + 'static)> = Some(error);
            while let Some(this) = source {
                if let Some(failed) = this.downcast_ref::<HttpError>() {
                    match failed.kind() {
                        HttpErrorKind::Connect => return "it cannot be reached".to_owned(),
                        HttpErrorKind::Timeout => return "it does not answer in time".to_owned(),
                        // Ours says more.
                        HttpErrorKind::Unknown => {}
                        kind => return format!("the connection failed ({kind:?})"),
                    }
                }
                if let Some(refused) = this.downcast_ref::<Refused>() {
                    return refused.to_string();
                }
                if let Some(failed) = this.downcast_ref::<std::io::Error>() {
                    return failed.kind().to_string();
                }
                // Of a list the library keeps the status to itself, and tells it in words alone.
                let words = this.to_string();
                for (status, what) in [("403", FORBIDDEN), ("401", UNKNOWN)] {
                    if words.starts_with(&format!("Server returned non-2xx status code: {status}")) {
                        return what.to_owned();
                    }
                }
                source = this.source();
            }
            "the store says no, or its credentials cannot be had: look at its own log, region and endpoint"
        }
    };
    what.to_owned()
}

/// Requests by the connector that the service has, too: no proxy, no redirect, the public's authorities.
#[derive(Debug)]
struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let connector = outbound::connector(outbound::public_authorities())
            .map_err(|error| object_store::Error::Generic { store: "outbound", source: error.into() })?;
        let in_clear =
            options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|value| value == "true");
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(HttpClient::new(Service { client, in_clear }))
    }
}

struct Service {
    client: Client<HttpsConnector<Sockets>, HttpRequestBody>,
    in_clear: bool,
}

impl fmt::Debug for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Service").field("in_clear", &self.in_clear).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(
        "it would be asked in clear: give it an https:// address, or allow it for a store (AWS_ALLOW_HTTP=true)"
    )]
    InClear,
    #[error("no answer in time")]
    Late,
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if !self.in_clear && request.uri().scheme_str() != Some("https") {
            return Err(HttpError::new(HttpErrorKind::Unknown, Refused::InClear));
        }
        let answer = match tokio::time::timeout(PATIENCE, self.client.request(request)).await {
            Err(_) => return Err(HttpError::new(HttpErrorKind::Timeout, Refused::Late)),
            Ok(Err(error)) if error.is_connect() => {
                return Err(HttpError::new(HttpErrorKind::Connect, error));
            }
            Ok(Err(error)) => return Err(HttpError::new(HttpErrorKind::Interrupted, error)),
            Ok(Ok(answer)) => answer,
        };
        Ok(answer.map(|body| {
            HttpResponseBody::new(body.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error)))
        }))
    }
}
