//! Where parts are sent: an object store, or a folder (of a shared disk).

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, ObjectStoreExt, RetryConfig};
use openidconnect::url::Url;

use crate::logs::stores::{PATIENCE, connect, told};

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
        let store: Arc<dyn ObjectStore> = match url.scheme() {
            "file" => {
                let Ok(folder) = url.to_file_path() else {
                    bail!("is no folder; write it as file:///FOLDER")
                };
                super::folder::make(&folder).context("the folder cannot be made")?;
                let store =
                    LocalFileSystem::new_with_prefix(folder).context("is no folder")?.with_fsync(true);
                return Ok(Self { store: Arc::new(store), prefix: Path::default() });
            }
            "s3" | "gs" | "az" => connect(&url, retry)?,
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
