//! The service's own connections: HTTP/1.1 and nothing else, whatever features other parts of the program switch on in hyper.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// After an error that is not about one connection, such as too many open files: until then some may have been closed.
const PAUSE: Duration = Duration::from_secs(1);

/// What a connection may take.
pub(super) struct Limits {
    /// For the head of a request and the wait for it, on a new connection as between two requests.
    pub head: Duration,
    /// Connections at once; further ones wait in the system's queue.
    pub connections: usize,
}

impl Limits {
    pub const SERVICE: Self = Self { head: Duration::from_secs(30), connections: 10_000 };
}

/// Serves until `shutdown` resolves, then takes no new connection and returns when each open one has got the answer that it
/// waits for.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head);
    tokio::pin!(shutdown);
    loop {
        let accepted = async {
            // Taken first: whoever finds no place costs nothing here. The semaphore is never closed.
            let place = places.clone().acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let service = TowerToHyperService::new(router.clone());
                let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
                tokio::spawn(async move {
                    let _place = place;
                    if let Err(error) = connection.await {
                        // Of whoever sends nonsense or goes away: nothing that anybody has to act on.
                        tracing::debug!(%error, "a connection ended early");
                    }
                });
            }
            Err(error) if is_of_one_connection(error.kind()) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                // The end does not wait for the pause.
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = &mut shutdown => break,
                }
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Of a client that is gone already.
fn is_of_one_connection(error: ErrorKind) -> bool {
    matches!(error, ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::{Notify, oneshot};
    use tokio::task::JoinHandle;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);
    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";

    async fn start(router: Router, limits: Limits) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(listener, router, limits, async {
            let _ = stopped.await;
        }));
        (address, stop, served)
    }

    fn router() -> Router {
        Router::new().route("/", get(|| async { "hello" }))
    }

    async fn rest(stream: &mut TcpStream) -> String {
        let mut read = Vec::new();
        let end = tokio::time::timeout(LONG, stream.read_to_end(&mut read)).await;
        let _ = end.expect("the connection ends");
        String::from_utf8_lossy(&read).into_owned()
    }

    #[tokio::test]
    async fn a_head_that_does_not_end_is_not_waited_for() {
        let limits = Limits { head: Duration::from_millis(300), connections: 10 };
        let (address, _stop, _served) = start(router(), limits).await;
        for sent in [&b""[..], b"GET / HT", b"GET / HTTP/1.1\r\nHost: a.exa"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(sent).await.unwrap();
            assert!(!rest(&mut stream).await.contains(" 200 "));
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(GET).await.unwrap();
        assert!(rest(&mut stream).await.ends_with("hello"));
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_wait() {
        let limits = Limits { head: LONG, connections: 1 };
        let (address, _stop, _served) = start(router(), limits).await;
        let first = TcpStream::connect(address).await.unwrap();
        // Accepted only now, else the second might be the one that is served.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(GET).await.unwrap();
        let mut byte = [0];
        let answered = tokio::time::timeout(Duration::from_millis(300), second.peek(&mut byte)).await;
        assert!(answered.is_err(), "there is no place for it");
        drop(first);
        assert!(rest(&mut second).await.ends_with("hello"));
    }

    #[tokio::test]
    async fn a_request_under_way_is_finished() {
        let (came, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (heard, wait) = (came.clone(), go.clone());
        let slow = move || async move {
            heard.notify_one();
            wait.notified().await;
            "finished"
        };
        let limits = Limits { head: LONG, connections: 10 };
        let (address, stop, served) = start(Router::new().route("/", get(slow)), limits).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(GET).await.unwrap();
        came.notified().await;
        stop.send(()).unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!served.is_finished());
        assert!(TcpStream::connect(address).await.is_err(), "nobody new comes in");
        go.notify_one();
        assert!(rest(&mut stream).await.ends_with("finished"));
        tokio::time::timeout(LONG, served).await.unwrap().unwrap();
    }
}
