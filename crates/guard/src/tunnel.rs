//! Tunnels: after `101 Switching Protocols` bytes go both ways until one side ends or nothing moves for too long.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::head::Refusal;

/// The one protocol that is passed on. `h2c` would be a way around everything that is checked here.
const WEBSOCKET: &str = "websocket";

/// Whether a request asks for a tunnel (RFC 6455 section 4.1).
///
/// # Errors
/// When it asks for another protocol: an origin that took it up would speak it past the guard.
pub fn wanted<B>(request: &Request<B>) -> Result<bool, Refusal> {
    let fields = request.headers();
    if request.version() != Version::HTTP_11 || !may_be(fields) {
        return Ok(false);
    }
    if !names_upgrade(fields) {
        return Ok(false);
    }
    let asked = fields.get_all(header::UPGRADE).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
    match asked[..] {
        [one] if one.eq_ignore_ascii_case(WEBSOCKET.as_bytes()) && *request.method() == Method::GET => {
            Ok(true)
        }
        _ => Err(Refusal::Upgrade),
    }
}

/// Whether a request might want one: what only tunnels need is kept for these alone.
pub fn may_be(fields: &HeaderMap) -> bool {
    fields.contains_key(header::UPGRADE)
}

fn names_upgrade(fields: &HeaderMap) -> bool {
    let names = fields.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    names.flat_map(|value| value.split(',')).any(|name| name.trim().eq_ignore_ascii_case("upgrade"))
}

/// Says on a message that it is about a tunnel, after what concerns the connection was taken away.
pub fn say(fields: &mut HeaderMap) {
    fields.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    fields.insert(header::UPGRADE, HeaderValue::from_static(WEBSOCKET));
}

/// Whether an answer says that it changes to what was asked for.
pub fn agreed(fields: &HeaderMap) -> bool {
    let said = fields.get(header::UPGRADE).map(HeaderValue::as_bytes);
    said.is_some_and(|said| said.eq_ignore_ascii_case(WEBSOCKET.as_bytes())) && names_upgrade(fields)
}

/// Carries bytes both ways until an end, or until nothing moved for `patience`.
///
/// # Errors
/// When one side breaks off or stands still.
pub async fn carry(client: OnUpgrade, origin: OnUpgrade, patience: Duration) -> io::Result<()> {
    let other = |error: hyper::Error| io::Error::other(error);
    let (client, origin) = (client.await.map_err(other)?, origin.await.map_err(other)?);
    let moved = Arc::new(AtomicU64::new(0));
    let mut client = Counted { inner: TokioIo::new(client), moved: moved.clone() };
    let mut origin = Counted { inner: TokioIo::new(origin), moved: moved.clone() };
    let still = async {
        let mut seen = moved.load(Ordering::Relaxed);
        loop {
            tokio::time::sleep(patience).await;
            let now = moved.load(Ordering::Relaxed);
            if now == seen {
                return;
            }
            seen = now;
        }
    };
    tokio::select! {
        carried = tokio::io::copy_bidirectional(&mut client, &mut origin) => carried.map(|_| ()),
        () = still => Err(io::ErrorKind::TimedOut.into()),
    }
}

pin_project! {
    /// Counts what it reads.
    struct Counted<T> {
        #[pin]
        inner: T,
        moved: Arc<AtomicU64>,
    }
}

impl<T: AsyncRead> AsyncRead for Counted<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        ready!(this.inner.poll_read(context, buffer))?;
        this.moved.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite> AsyncWrite for Counted<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
