//! The service's listener: HTTP/1.1 and nothing else, with bounds that `axum::serve` has not.
//!
//! What that one speaks depends on the features with which any crate of the build asks for hyper: beside a proxy that speaks
//! HTTP/2 it would accept that, too, and all that comes with it. It waits for ever for the end of a request's head, and takes any
//! number of connections.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use guard::Prompt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

/// What a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; further ones wait in the system's queue.
    pub connections: usize,
    /// While an answer waits to be taken: after it a client that takes nothing is let go.
    pub write: Duration,
    /// For requests under way at the end.
    pub drain: Duration,
    /// From the moment at which a request may begin to the end of its head. A connection that is kept open between two requests
    /// ends after it, too.
    pub head: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        // nginx keeps a connection to its upstream open for 60 s: were it closed earlier on this side, a request could meet the end.
        let seconds = Duration::from_secs;
        Self { connections: 10_000, head: seconds(75), write: seconds(60), drain: seconds(60) }
    }
}

/// After an accept that failed for another reason than its client, such as too many open files.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves until `shutdown` resolves; then takes nothing new and ends when the requests under way are answered.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head);
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
            (accept(&listener).await, place)
        };
        let ((stream, peer), place) = tokio::select! {
            next = next => next,
            () = &mut shutdown => break,
        };
        // Small answers and events leave at once.
        let _ = stream.set_nodelay(true);
        let service = router.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request
        });
        let service = TowerToHyperService::new(service);
        let stream = TokioIo::new(Prompt::new(stream, limits.write));
        let connection = connections.watch(http.serve_connection(stream, service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                // Its text may quote what the client sent; whether it was the client's fault is all that is told.
                tracing::debug!(
                    parse = error.is_parse(),
                    timeout = error.is_timeout(),
                    "a connection broke off"
                );
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain, connections.shutdown()).await.is_err() {
        tracing::warn!("some connections did not end in time; they are broken off");
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::error!(%error, "a connection cannot be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);
    const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    const SLOW: &[u8] = b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n";

    struct Server {
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        task: JoinHandle<()>,
        /// Lets one slow answer go.
        go: Arc<Semaphore>,
    }

    async fn server(limits: Limits) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let go = Arc::new(Semaphore::new(0));
        let waits = go.clone();
        let slow = get(move || async move {
            waits.acquire().await.unwrap().forget();
            "slow\n"
        });
        let router = Router::new().route("/", get(|| async { "here\n" })).route("/slow", slow);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listener, router, limits, async {
            let _ = stopped.await;
        }));
        Server { address, stop, task, go }
    }

    async fn send(address: SocketAddr, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// What comes until the server closes the connection.
    async fn rest(stream: &mut TcpStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        timeout(LONG, stream.read_to_end(&mut bytes)).await.expect("the server closes it").unwrap();
        bytes
    }

    async fn first(stream: &mut TcpStream) -> Vec<u8> {
        let mut bytes = vec![0; 4096];
        let read = timeout(LONG, stream.read(&mut bytes)).await.expect("an answer").unwrap();
        bytes.truncate(read);
        bytes
    }

    #[tokio::test]
    async fn http_2_with_prior_knowledge_is_not_spoken() {
        let server = server(Limits::default()).await;
        // RFC 9113, 3.4: the client's preface, and empty settings.
        let mut stream = send(server.address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
        let answer = rest(&mut stream).await;
        // A server of HTTP/2 would begin with its settings: three bytes of length, then type 4.
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
        assert!(first(&mut send(server.address, GET).await).await.starts_with(b"HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn half_a_head_does_not_hold_a_connection() {
        let server = server(Limits { head: Duration::from_millis(200), ..Limits::default() }).await;
        let mut half = send(server.address, b"GET / HTTP/1.1\r\nhost: a\r\n").await;
        let mut silent = TcpStream::connect(server.address).await.unwrap();
        let answer = rest(&mut half).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
        rest(&mut silent).await;
    }

    #[tokio::test]
    async fn further_connections_wait_for_a_place() {
        let server = server(Limits { connections: 1, ..Limits::default() }).await;
        let mut slow = send(server.address, SLOW).await;
        let mut next = send(server.address, GET).await;
        let mut byte = [0];
        timeout(Duration::from_millis(200), next.read(&mut byte)).await.expect_err("it has no place yet");
        server.go.add_permits(1);
        assert!(first(&mut slow).await.starts_with(b"HTTP/1.1 200"));
        drop(slow);
        assert!(first(&mut next).await.starts_with(b"HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn requests_under_way_are_answered_and_nothing_new_is_taken() {
        let server = server(Limits::default()).await;
        let mut idle = send(server.address, GET).await;
        first(&mut idle).await;
        let mut slow = send(server.address, SLOW).await;
        // It is under way once its handler waits: an answer on another connection came after it was read.
        first(&mut send(server.address, GET).await).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.stop.send(()).unwrap();
        assert!(rest(&mut idle).await.is_empty(), "what only was kept open is closed");
        TcpStream::connect(server.address).await.expect_err("nobody listens");
        server.go.add_permits(1);
        let answer = rest(&mut slow).await;
        assert!(answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"slow\n"), "{answer:?}");
        timeout(LONG, server.task).await.expect("it ends").unwrap();
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_let_go() {
        let limits = Limits { connections: 1, write: Duration::from_millis(300), ..Limits::default() };
        let server = server(limits).await;
        let mut greedy = TcpStream::connect(server.address).await.unwrap();
        // So many requests that their answers fill every buffer on the way.
        let many = GET.repeat(10_000);
        let flood = async { while greedy.write_all(&many).await.is_ok() {} };
        timeout(LONG, flood).await.expect("it is let go");
        let mut next = send(server.address, GET).await;
        assert!(first(&mut next).await.starts_with(b"HTTP/1.1 200"), "there is a place again");
    }

    #[tokio::test]
    async fn the_end_does_not_wait_for_ever() {
        let server = server(Limits { drain: Duration::from_millis(200), ..Limits::default() }).await;
        let _slow = send(server.address, SLOW).await;
        first(&mut send(server.address, GET).await).await;
        server.stop.send(()).unwrap();
        timeout(LONG, server.task).await.expect("it ends").unwrap();
    }
}
