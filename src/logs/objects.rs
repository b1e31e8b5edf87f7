//! Logs in object stores: one object, all below a prefix, or those that a pattern takes.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig};
use openidconnect::url::Url;
use tokio::runtime::Handle;

use super::Problem;
use super::source::{Place, Source};
use super::stores::{connect, told};

/// Kinds of stores that are read.
const SCHEMES: [&str; 5] = ["s3://", "gs://", "az://", "https://", "http://"];
/// For a list of all that a prefix has.
const PATIENCE: Duration = Duration::from_secs(600);
/// Objects that one address may stand for.
const MOST: usize = 1_000_000;

/// Whether it names something that is not a file.
pub fn is_address(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// The part of an address that all its objects have: scheme and bucket, or web server.
pub fn root_of(address: &str) -> &str {
    let begin = address.find("://").map_or(0, |at| at + 3);
    let end = address.get(begin..).and_then(|rest| rest.find('/')).map_or(address.len(), |at| begin + at + 1);
    address.get(..end).unwrap_or(address)
}

/// Objects that were found, and those that are none.
#[derive(Default)]
pub struct Objects {
    pub logs: Vec<Source>,
    pub left_out: Vec<String>,
}

/// An address in its parts.
struct Address<'t> {
    scheme: &'static str,
    bucket: &'t str,
    /// May be a pattern.
    key: &'t str,
    url: Url,
}

fn parse(text: &str) -> Result<Address<'_>, Problem> {
    let Some(scheme) = SCHEMES.into_iter().find(|scheme| text.starts_with(scheme)) else {
        return Err(wrong("is of no kind that is read; s3://, gs://, az://, https:// and files are"));
    };
    // A pattern's `?` would begin the query of an address, and its brackets are none there.
    let rest = text.get(scheme.len()..).unwrap_or_default();
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let address = format!("{scheme}{bucket}/{}", if is_web(scheme) { key } else { "" });
    // Before it is known to hold no secret it is not repeated.
    let url =
        Url::parse(&address).map_err(|error| Problem::Secret(format!("{scheme}… is no address: {error}")))?;
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(Problem::Secret(format!(
            "{scheme}… has a user, a key or a query, which would stand in the result: keys come from the environment, and what is signed in its address can be fetched by another program and given as `-`"
        )));
    }
    Ok(Address { scheme, bucket, key, url })
}

fn is_web(scheme: &str) -> bool {
    scheme.starts_with("http")
}

fn wrong(why: &str) -> Problem {
    Problem::Wrong(why.to_owned())
}

fn store_of(url: &Url) -> Result<Arc<dyn ObjectStore>, Problem> {
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(5),
            base: 2.,
        },
        max_retries: 3,
        retry_timeout: Duration::from_secs(90),
    };
    connect(url, retry).map_err(|error| wrong(&format!("{error:#}")))
}

/// A store that is connected to, for reading one object after another.
pub struct Stored {
    store: Arc<dyn ObjectStore>,
    /// The one file of a web server.
    file: Option<Path>,
}

impl Stored {
    /// Connects to the store of an address. Asks nobody.
    ///
    /// # Errors
    /// [`Problem`]: the address is none, or the environment lacks something.
    pub fn connect(address: &str) -> Result<Self, Problem> {
        let Address { scheme, url, .. } = parse(address)?;
        Ok(Self { store: store_of(&url)?, file: is_web(scheme).then(|| web_file(&url)).transpose()? })
    }

    /// One of its objects, as `name`.
    ///
    /// # Errors
    /// [`Problem`]: there can be no such key.
    pub fn object(&self, key: &str, name: String, size: u64) -> Result<Source, Problem> {
        let path = match &self.file {
            Some(file) => file.clone(),
            None => Path::parse(key).map_err(|_| wrong("has no such key"))?,
        };
        Ok(Source { place: Place::Object { store: Arc::clone(&self.store), path }, name, size })
    }
}

fn web_file(url: &Url) -> Result<Path, Problem> {
    Path::from_url_path(url.path()).map_err(|_| wrong("names no file of a web server"))
}

/// Finds the objects that an address names. Must not run on a thread that drives the runtime.
///
/// # Errors
/// [`Problem`], of this address.
pub fn collect(text: &str, handle: &Handle) -> Result<Objects, Problem> {
    let Address { scheme, bucket, key, url } = parse(text)?;
    let store = store_of(&url)?;
    let mut found = Objects::default();
    if is_web(scheme) {
        let place = Place::Object { store, path: web_file(&url)? };
        found.logs.push(Source { place, name: text.to_owned(), size: 0 });
        return Ok(found);
    }
    let begin = format!("{scheme}{bucket}/");
    let objects = handle.block_on(async { tokio::time::timeout(PATIENCE, objects(&*store, key)).await });
    let objects = match objects {
        Ok(Ok(objects)) => objects,
        Ok(Err(error)) => return Err(Problem::Unreadable(told(&error))),
        Err(_) => return Err(Problem::Unreadable("it does not answer in time".to_owned())),
    };
    let pattern = key.contains(['*', '?', '[']);
    let pattern = if pattern {
        Some(glob::Pattern::new(key).map_err(|error| wrong(&format!("is no pattern: {}", error.msg)))?)
    } else {
        None
    };
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
    for ObjectMeta { location, size, .. } in objects {
        let own = location.as_ref();
        let name = format!("{begin}{own}");
        if pattern.as_ref().is_some_and(|pattern| !pattern.matches_with(own, options)) {
            continue;
        }
        let last = location.filename().unwrap_or_default();
        // As in folders.
        let is_document = pattern.is_none() && own != key && last.to_ascii_lowercase().ends_with(".json");
        if last.starts_with('.') || is_document {
            found.left_out.push(name);
            continue;
        }
        let place = Place::Object { store: Arc::clone(&store), path: location };
        found.logs.push(Source { place, name, size });
    }
    if found.logs.is_empty() {
        return Err(wrong("names nothing that could be a log: there is no such object, and none below it"));
    }
    Ok(found)
}

/// The object of this key, or else all below it. Of a pattern: all below what stands before its first sign.
async fn objects(store: &dyn ObjectStore, key: &str) -> object_store::Result<Vec<ObjectMeta>> {
    let sign = key.find(['*', '?', '[']);
    if sign.is_none() && !key.is_empty() && !key.ends_with('/') {
        match store.head(&Path::parse(key)?).await {
            Ok(object) => return Ok(vec![object]),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let folder = match sign {
        Some(at) => key.get(..at).and_then(|before| before.rsplit_once('/')).map_or("", |(folder, _)| folder),
        None => key.trim_end_matches('/'),
    };
    let folder = Path::parse(folder)?;
    let mut list = store.list(Some(&folder));
    let mut found = Vec::new();
    while let Some(object) = list.try_next().await? {
        found.push(object);
        if found.len() > MOST {
            return Err(object_store::Error::Generic { store: "list", source: "too many objects".into() });
        }
    }
    Ok(found)
}
