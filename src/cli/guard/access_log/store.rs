//! Object stores: S3 and what speaks it, Google Cloud Storage, Azure Blob Storage, a folder (of a shared disk).

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
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
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};
use openidconnect::url::Url;

use crate::outbound;

/// For one request and the head of its answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// For one object with all that belongs to it: credentials, a second attempt.
const PATIENCE_FOR_ONE: Duration = Duration::from_secs(90);

/// Where parts are sent.
pub struct Store {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl Store {
    /// Reads an address; what it needs beside it (credentials, region, endpoint) `object_store` reads from the environment. Asks nobody.
    ///
    /// # Errors
    /// It is no address of a store, holds a secret, or the environment lacks something.
    pub fn open(text: &str) -> anyhow::Result<Self> {
        let url = Url::parse(text).context("is no address; write it as s3://BUCKET/PREFIX")?;
        let names_only = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.port().is_none();
        ensure!(
            names_only,
            "must name nothing but a bucket and a prefix; keys and addresses come from the environment"
        );
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(200),
                max_backoff: Duration::from_secs(2),
                base: 2.,
            },
            // Sending is tried again and again anyway.
            max_retries: 1,
            retry_timeout: PATIENCE,
        };
        let missing = "cannot be used with what the environment says of it";
        let store: Arc<dyn ObjectStore> = match url.scheme() {
            "s3" => Arc::new(
                AmazonS3Builder::from_env()
                    .with_url(named(&url)?)
                    .with_retry(retry)
                    .with_http_connector(Connector)
                    .build()
                    .map_err(|error| anyhow::anyhow!(told(&error)))
                    .context(missing)?,
            ),
            "gs" => Arc::new(
                GoogleCloudStorageBuilder::from_env()
                    .with_url(named(&url)?)
                    .with_retry(retry)
                    .with_http_connector(Connector)
                    .build()
                    .map_err(|error| anyhow::anyhow!(told(&error)))
                    .context(missing)?,
            ),
            "az" => Arc::new(
                MicrosoftAzureBuilder::from_env()
                    .with_url(named(&url)?)
                    .with_retry(retry)
                    .with_http_connector(Connector)
                    .build()
                    .map_err(|error| anyhow::anyhow!(told(&error)))
                    .context(missing)?,
            ),
            "file" => {
                let Ok(folder) = url.to_file_path() else {
                    bail!("is no folder; write it as file:///FOLDER")
                };
                super::folder::make(&folder).context("the folder cannot be made")?;
                let store =
                    LocalFileSystem::new_with_prefix(folder).context("is no folder")?.with_fsync(true);
                return Ok(Self { store: Arc::new(store), prefix: Path::default() });
            }
            other => bail!("{other}:// is not known; s3://, gs://, az:// and file:// are"),
        };
        let prefix = Path::from_url_path(url.path()).context("the prefix is none")?;
        Ok(Self { store, prefix })
    }

    /// Puts one object. Again under the same name it is the same object.
    ///
    /// # Errors
    /// A few words that tell nothing but what is the matter: stores repeat keys and requests in what they say.
    pub async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), String> {
        let path = self.prefix.clone().join(name);
        match tokio::time::timeout(PATIENCE_FOR_ONE, self.store.put(&path, bytes.into())).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(told(&error)),
            Err(_) => Err("it does not answer in time".to_owned()),
        }
    }
}

/// Bucket alone: the prefix is ours.
fn named(url: &Url) -> anyhow::Result<String> {
    let bucket = url.host_str().filter(|bucket| !bucket.is_empty()).context("names no bucket")?;
    Ok(format!("{}://{bucket}", url.scheme()))
}

/// What is the matter, without a word of the store's.
fn told(error: &object_store::Error) -> String {
    use object_store::Error as E;
    let what = match error {
        E::NotFound { .. } => "there is no such bucket or container",
        E::PermissionDenied { .. } => {
            "the store refuses it (403): look at the credentials and what they may do"
        }
        E::Unauthenticated { .. } => "the store does not know the credentials (401)",
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
    #[error("it would be asked in clear: give it an https:// endpoint, or allow it (AWS_ALLOW_HTTP=true)")]
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
