//! One connection of HTTP/2 to the origin, for all requests.
//!
//! Not by the pool that speaks HTTP/1.1: that takes the name which the origin is asked for as its address, and a client could
//! then open a connection to the origin for each name that it makes up.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tower_service::Service;

use crate::origin::BoxError;
use crate::settings::{Limits, Patience};
use crate::upload::Sent;

/// How long an origin that speaks HTTP/1.1 only, as ALPN told, is not asked again.
const AGAIN: Duration = Duration::from_secs(60);

/// What was found at the last connecting.
enum Found {
    Nothing,
    Connection(Numbered),
    Http1 { at: Instant },
    Failure { at: Instant, text: String },
}

/// The connection, and the how manieth it is.
#[derive(Clone)]
pub struct Numbered {
    number: u64,
    sender: SendRequest<Sent>,
}

pub struct Multiplexed {
    connector: HttpsConnector<HttpConnector>,
    address: Uri,
    builder: Builder<TokioExecutor>,
    patience: Duration,
    found: Mutex<Found>,
    made: AtomicU64,
}

impl Multiplexed {
    pub fn new(
        connector: HttpsConnector<HttpConnector>,
        address: Uri,
        limits: &Limits,
        patience: &Patience,
    ) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            // A connection that lost its other side is not waited on by every request.
            .keep_alive_interval(patience.connect)
            .keep_alive_timeout(patience.connect);
        let (patience, found) = (patience.connect, Mutex::new(Found::Nothing));
        Self { connector, address, builder, patience, found, made: AtomicU64::new(0) }
    }

    /// The connection, made anew when there is none; none when the origin speaks HTTP/1.1 only.
    ///
    /// # Errors
    /// When none can be made.
    pub async fn connection(&self) -> Result<Option<Numbered>, BoxError> {
        self.connection_after(0).await
    }

    /// A later connection than the one of this number.
    async fn connection_after(&self, last: u64) -> Result<Option<Numbered>, BoxError> {
        let asked = Instant::now();
        let mut found = self.found.lock().await;
        match &*found {
            Found::Connection(connection) if connection.number > last && !connection.sender.is_closed() => {
                return Ok(Some(connection.clone()));
            }
            Found::Http1 { at } if at.elapsed() < AGAIN => return Ok(None),
            // Made while this one waited for it: each would else wait for an attempt of its own, one after the other.
            Found::Failure { at, text } if *at >= asked => return Err(text.clone().into()),
            Found::Nothing | Found::Connection(_) | Found::Http1 { .. } | Found::Failure { .. } => {}
        }
        let made = tokio::time::timeout(self.patience, self.connect()).await;
        match made.unwrap_or_else(|_| Err("the handshake took too long".into())) {
            Ok(Some(sender)) => {
                let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
                let connection = Numbered { number, sender };
                *found = Found::Connection(connection.clone());
                Ok(Some(connection))
            }
            Ok(None) => {
                *found = Found::Http1 { at: Instant::now() };
                Ok(None)
            }
            Err(error) => {
                *found = Found::Failure { at: Instant::now(), text: error.to_string() };
                Err(error)
            }
        }
    }

    async fn connect(&self) -> Result<Option<SendRequest<Sent>>, BoxError> {
        let stream = self.connector.clone().call(self.address.clone()).await?;
        let encrypted = self.address.scheme() == Some(&http::uri::Scheme::HTTPS);
        if encrypted && !stream.connected().is_negotiated_h2() {
            return Ok(None);
        }
        let (sender, connection) = self.builder.handshake(stream).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the origin ended");
            }
        });
        Ok(Some(sender))
    }

    /// Sends a request, once more on a new connection when the origin certainly did nothing with it.
    ///
    /// # Errors
    /// When it did or may have, or when there is no new connection.
    pub async fn send(
        &self,
        connection: Numbered,
        request: Request<Sent>,
    ) -> Result<Response<Incoming>, BoxError> {
        let again = copy(&request);
        let Numbered { number, mut sender } = connection;
        let mut failed = match sender.try_send_request(request).await {
            Ok(answer) => return Ok(answer),
            Err(failed) => failed,
        };
        let unsent = failed.take_message();
        let error = failed.into_error();
        let Some(request) = unsent.or_else(|| again.filter(|_| is_untouched(&error))) else {
            return Err(error.into());
        };
        let Some(mut connection) = self.connection_after(number).await? else { return Err(error.into()) };
        Ok(connection.sender.send_request(request).await?)
    }
}

/// A request that can be sent once more, because nothing of it is gone: it has no body.
fn copy(request: &Request<Sent>) -> Option<Request<Sent>> {
    let Sent::Nothing = request.body() else { return None };
    let mut copy = Request::new(Sent::Nothing);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// Whether the origin says that it did nothing with the request: it takes no more on this connection, or not this one (RFC 9113
/// section 8.7).
fn is_untouched(error: &hyper::Error) -> bool {
    let said = error.source().and_then(|error| error.downcast_ref::<h2::Error>());
    said.filter(|said| said.is_remote()).is_some_and(|said| {
        said.is_go_away() && said.reason() == Some(h2::Reason::NO_ERROR)
            || said.is_reset() && said.reason() == Some(h2::Reason::REFUSED_STREAM)
    })
}
