//! Connections: accepted up to a limit, encrypted or not, and let go one after the other at the end.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;

use crate::Guard;
use crate::fields::Caller;
use crate::settings::Settings;

/// Serves until `shutdown`, then lets go: no new connection, each open one after the answer that it waits for. Returns when all
/// are gone or the patience for it is over.
pub async fn serve(
    guard: Arc<Guard>,
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    shutdown: impl Future<Output = ()>,
) {
    let settings = guard.settings();
    let places = Arc::new(Semaphore::new(settings.limits.connections));
    let acceptor = tls.map(TlsAcceptor::from);
    let builder = builder(settings);
    let open = GracefulShutdown::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = async {
            // Taken first: whoever finds no place waits in the system's queue and costs nothing here.
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Of one connection that is gone already, or of too many open files: then a moment helps.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (guard, acceptor, builder) = (guard.clone(), acceptor.clone(), builder.clone());
        let watcher = open.watcher();
        tokio::spawn(async move {
            let _place = place;
            let _ = stream.set_nodelay(true);
            let caller = Caller { address, encrypted: acceptor.is_some() };
            let patience = guard.settings().patience;
            let service = service_fn(move |request: Request<Incoming>| {
                let guard = guard.clone();
                async move { Ok::<_, Infallible>(guard.answer(request, caller).await) }
            });
            let served = match acceptor {
                None => {
                    let stream = TokioIo::new(Prompt::new(stream, patience.body));
                    watcher.watch(builder.serve_connection_with_upgrades(stream, service).into_owned()).await
                }
                Some(acceptor) => {
                    let handshake = acceptor.accept(Prompt::new(stream, patience.body));
                    let Ok(Ok(stream)) = tokio::time::timeout(patience.handshake, handshake).await else {
                        return;
                    };
                    let stream = TokioIo::new(stream);
                    watcher.watch(builder.serve_connection_with_upgrades(stream, service).into_owned()).await
                }
            };
            if let Err(error) = served {
                // Of whoever sends nonsense or goes away: nothing that anybody has to act on.
                tracing::debug!(error, "a connection ended early");
            }
        });
    }
    drop(listener);
    let drain = guard.settings().patience.drain;
    let gone = async {
        open.shutdown().await;
        guard.tunnels().close();
        guard.tunnels().wait().await;
    };
    if tokio::time::timeout(drain, gone).await.is_err() {
        tracing::warn!("some connections were still open when the time for their end was over");
    }
}

fn builder(settings: &Settings) -> Builder<TokioExecutor> {
    let Settings { limits, patience, .. } = settings;
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .max_headers(limits.header_fields)
        .max_buf_size((limits.head_bytes + limits.target_bytes).max(16 << 10))
        .half_close(false);
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

/// A connection whose other side must go on taking what is written.
struct Prompt {
    stream: TcpStream,
    /// Boxed, because connections are moved while they are set up.
    timer: Pin<Box<Sleep>>,
    patience: Duration,
    waiting: bool,
}

impl Prompt {
    fn new(stream: TcpStream, patience: Duration) -> Self {
        Self { stream, timer: Box::pin(tokio::time::sleep(patience)), patience, waiting: false }
    }

    fn written<T>(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match write(Pin::new(&mut self.stream), context) {
            Poll::Ready(written) => {
                self.waiting = false;
                Poll::Ready(written)
            }
            Poll::Pending => {
                if !self.waiting {
                    self.waiting = true;
                    self.timer.as_mut().reset(Instant::now() + self.patience);
                }
                ready!(self.timer.as_mut().poll(context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncRead for Prompt {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Prompt {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().written(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().written(context, |stream, context| stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().written(context, |stream, context| stream.poll_write_vectored(context, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
