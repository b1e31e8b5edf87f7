//! Connections: accepted up to a limit, encrypted or not, and let go one after the other at the end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::fields::Caller;
use crate::places::Place;
use crate::prompt::Prompt;
use crate::settings::Settings;
use crate::streams::{self, Leaving, Streams};
use crate::{Guard, Tls, tunnel};

/// What a tunnel needs of the connection that it came by: it outlives it.
#[derive(Clone, Default)]
pub struct Tie {
    pub tasks: TaskTracker,
    /// When it comes, everything ends.
    pub end: CancellationToken,
    /// Among [`crate::settings::Limits::connections`].
    pub place: Option<Arc<Place>>,
}

/// Serves until `shutdown`, then lets go: no new connection, each open one after the answer that it waits for. Returns when all
/// are gone; those that are not when the patience for it is over are cut off.
pub async fn serve(
    guard: Arc<Guard>,
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    shutdown: impl Future<Output = ()>,
) {
    let settings = guard.settings();
    let places = guard.places();
    let (tasks, leave, end) = (TaskTracker::new(), CancellationToken::new(), CancellationToken::new());
    tokio::pin!(shutdown);
    loop {
        let accepted = async {
            // Taken first: whoever finds no place waits in the system's queue and costs nothing here.
            let place = places.free().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, address)) => {
                let caller = Caller { address, encrypted: tls.is_some() };
                let tie =
                    Tie { tasks: tasks.clone(), end: end.clone(), place: Some(Arc::new(places.take(place))) };
                let connection = Connection { guard: guard.clone(), caller, tie, leave: leave.clone() };
                let (acceptor, end) = (tls.as_deref().map(Tls::acceptor), end.clone());
                tasks.spawn(async move { end.run_until_cancelled(connection.serve(stream, acceptor)).await });
            }
            Err(error) => {
                // Of one connection that is gone already, or of too many open files: then a moment helps.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    leave.cancel();
    tasks.close();
    if tokio::time::timeout(settings.patience.drain, tasks.wait()).await.is_err() {
        tracing::warn!("some connections were still open when the time for their end was over");
        end.cancel();
        tasks.wait().await;
    }
}

struct Connection {
    guard: Arc<Guard>,
    caller: Caller,
    tie: Tie,
    leave: CancellationToken,
}

impl Connection {
    async fn serve(self, stream: TcpStream, acceptor: Option<TlsAcceptor>) {
        // Without it the connection is slower and still right.
        let _ = stream.set_nodelay(true);
        let patience = self.guard.settings().patience;
        let stream = Prompt::new(stream, patience.body);
        let Some(acceptor) = acceptor else {
            return self.requests(stream).await;
        };
        let handshake = tokio::time::timeout(patience.handshake, acceptor.accept(stream));
        if let Some(Ok(Ok(stream))) = self.leave.run_until_cancelled(Box::pin(handshake)).await {
            // Boxed, so that connections without TLS have no room for it.
            Box::pin(self.requests(stream)).await;
        }
    }

    async fn requests(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let Self { guard, caller, tie, leave } = self;
        let patience = guard.settings().patience;
        let open = Arc::new(streams::Open::new());
        let idle = streams::idle(open.clone(), patience.head);
        let streams = Streams { tasks: tie.tasks.clone(), end: tie.end.clone(), patience: patience.body };
        let builder = builder(guard.settings(), streams);
        let service = service_fn(move |mut request: Request<Incoming>| {
            let counted = streams::Request::new(open.clone());
            if tunnel::may_be(request.headers()) {
                request.extensions_mut().insert(tie.clone());
            }
            let guard = guard.clone();
            // Else hyper keeps room for it as long as the connection is open, and most are idle.
            Box::pin(async move {
                let answer = guard.answer(request, caller).await;
                Ok::<_, Infallible>(answer.map(|body| Leaving::new(body, counted)))
            })
        });
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        tokio::pin!(connection, idle);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = leave.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            // What hyper does not see: a connection that says nothing from its first byte on, and one of HTTP/2 without streams.
            () = idle => {
                connection.as_mut().graceful_shutdown();
                // The last piece of an answer may still be on its way.
                match tokio::time::timeout(patience.body, connection).await {
                    Ok(served) => served,
                    Err(_) => return,
                }
            }
        };
        if let Err(error) = served {
            // Of whoever sends nonsense or goes away: nothing that anybody has to act on.
            tracing::debug!(error, "a connection ended early");
        }
    }
}

fn builder(settings: &Settings, streams: Streams) -> Builder<Streams> {
    let Settings { limits, patience, .. } = settings;
    let mut builder = Builder::new(streams);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .max_buf_size((limits.head_bytes + limits.target_bytes).max(16 << 10))
        .half_close(false);
    if let Some(fields) = limits.unusual_fields() {
        builder.http1().max_headers(fields);
    }
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        // Who opens streams only to reset them is sent away (CVE-2023-44487).
        .max_pending_accept_reset_streams(20)
        .keep_alive_interval(patience.head)
        .keep_alive_timeout(patience.head);
    builder
}
