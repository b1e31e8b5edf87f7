//! Origins, guards and clients for the tests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use guard::settings::{Limits, Origin, Patience, Settings};
use guard::{Guard, serve};
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Nothing that a test waits for takes longer, on a busy machine either.
pub const LONG: Duration = Duration::from_secs(20);
/// A patience that runs out within a test.
pub const SHORT: Duration = Duration::from_millis(400);

pub type Body = BoxBody<Bytes, std::io::Error>;

pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// None when it does not come in `LONG`. Counted in short steps: a machine that stood still for longer than that (a guest that its host
/// halted) has counted one of them, and nobody was late.
pub async fn in_time<T>(what: impl Future<Output = T>) -> Option<T> {
    const STEP: Duration = Duration::from_millis(100);
    let mut what = std::pin::pin!(what);
    for _ in 0..LONG.as_millis() / STEP.as_millis() {
        if let Ok(come) = tokio::time::timeout(STEP, what.as_mut()).await {
            return Some(come);
        }
    }
    None
}

pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    in_time(what).await.expect("it comes in time")
}

pub fn settings(origin: SocketAddr) -> Settings {
    Settings {
        origin: Origin {
            address: format!("http://{origin}").parse().unwrap(),
            http2: false,
            authorities: Vec::new(),
            host: None,
            idle_connections: 8,
        },
        limits: Limits::default(),
        patience: Patience::default(),
        trusted: Vec::new(),
        edge_ids: Vec::new(),
    }
}

/// Rules that only measure: what comes is what leaves.
pub fn measuring() -> guard::Rules {
    let rules = edge::Rules { undeclared: edge::Mode::Observe, ..edge::Rules::default() };
    guard::Rules::compile("measuring", rules).unwrap()
}

/// A sink for tests that look elsewhere.
pub struct Nobody;

impl guard::Sink for Nobody {
    fn tell(&self, _: guard::Found<'_>) {}
}

pub fn guard(settings: Settings) -> Guard {
    Guard::new(settings, measuring(), Arc::new(Nobody)).unwrap()
}

/// A guard that runs until it is stopped or dropped.
pub struct Running {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Running {
    pub async fn start(settings: Settings) -> Self {
        Self::start_with(settings, None).await
    }

    pub async fn start_with(settings: Settings, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        Self::of(Arc::new(guard(settings)), TcpListener::bind("127.0.0.1:0").await.unwrap(), tls)
    }

    pub fn on(listener: TcpListener, settings: Settings) -> Self {
        Self::of(Arc::new(guard(settings)), listener, None)
    }

    pub fn of(guard: Arc<Guard>, listener: TcpListener, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(
            guard,
            listener,
            tls.map(|config| Arc::new(guard::Tls::new(config))),
            async {
                let _ = stopped.await;
            },
        ));
        Self { address, stop: Some(stop), serving }
    }

    /// In front of an origin, with the settings changed.
    pub async fn before(origin: SocketAddr, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings(origin);
        change(&mut settings);
        Self::start(settings).await
    }

    /// Asks it to end; gives what comes back at its end.
    pub fn stop(mut self) -> JoinHandle<()> {
        let _ = self.stop.take().map(|stop| stop.send(()));
        self.serving
    }
}

/// An origin of hyper.
pub async fn origin<F, A>(answer: F) -> SocketAddr
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    origin_with(None, answer).await
}

pub async fn origin_with<F, A>(tls: Option<Arc<rustls::ServerConfig>>, answer: F) -> SocketAddr
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (answer, tls) = (answer.clone(), tls.clone());
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let answer = answer(request);
                    async move { Ok::<_, std::convert::Infallible>(answer.await) }
                });
                let builder = Builder::new(TokioExecutor::new());
                // Tests end connections in every way; what counts is what both sides saw.
                match tls {
                    None => drop(builder.serve_connection(TokioIo::new(stream), service).await),
                    Some(tls) => {
                        let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await else { return };
                        drop(builder.serve_connection(TokioIo::new(stream), service).await);
                    }
                }
            });
        }
    });
    address
}

/// An origin that has each connection, with its number from 0 on, handled by hand.
pub async fn by_hand<F, A>(handle: F) -> SocketAddr
where
    F: Fn(TcpStream, usize) -> A + Send + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(handle(stream, number));
        }
    });
    address
}

/// Reads on until the text is there; what was read so far.
pub async fn until(stream: &mut TcpStream, text: &str) -> String {
    let mut read = Vec::new();
    soon(async {
        while !String::from_utf8_lossy(&read).contains(text) {
            let mut piece = [0; 4096];
            let count = stream.read(&mut piece).await.unwrap();
            assert!(count > 0, "it ended with {:?}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&piece[..count]);
        }
    })
    .await;
    String::from_utf8_lossy(&read).into_owned()
}

/// The rest until the end, be it clean or not.
pub async fn rest(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    soon(async {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut piece).await {
            read.extend_from_slice(&piece[..count]);
        }
    })
    .await;
    String::from_utf8_lossy(&read).into_owned()
}

/// Sends bytes and reads what comes until the guard closes the connection.
pub async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A guard that has refused may have closed before everything was sent.
    let _ = stream.write_all(bytes).await;
    rest(&mut stream).await
}

/// Statuses of the answers in what a connection gave.
pub fn statuses(read: &str) -> Vec<u16> {
    let said = read.split("HTTP/1.").skip(1);
    said.filter_map(|answer| answer.get(2..5)?.parse().ok()).collect()
}

/// An origin that keeps each request as its bytes came, and what came beyond the last whole one.
#[derive(Clone, Default)]
pub struct Recorder {
    requests: Arc<Mutex<Vec<String>>>,
    beyond: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    pub async fn start() -> (Self, SocketAddr) {
        let recorder = Self::default();
        let kept = recorder.clone();
        let address = by_hand(move |stream, _| kept.clone().record(stream)).await;
        (recorder, address)
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Of connections that ended within a request.
    pub fn beyond(&self) -> Vec<String> {
        self.beyond.lock().unwrap().clone()
    }

    async fn record(self, mut stream: TcpStream) {
        let mut read = Vec::new();
        loop {
            let mut piece = [0; 4096];
            let count = stream.read(&mut piece).await.unwrap_or(0);
            if count == 0 {
                if !read.is_empty() {
                    self.beyond.lock().unwrap().push(String::from_utf8_lossy(&read).into_owned());
                }
                return;
            }
            read.extend_from_slice(&piece[..count]);
            while let Some(length) = whole(&read) {
                let request: Vec<u8> = read.drain(..length).collect();
                self.requests.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            }
        }
    }
}

/// Length of the first request, when it is whole. It reads as simply as the simplest origin would.
fn whole(read: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(read).to_lowercase();
    let head = text.find("\r\n\r\n")? + 4;
    let field = |name: &str| {
        let found = text[..head].split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found.map(|value| value.trim().to_owned())
    };
    if field("transfer-encoding").is_some() {
        // From the line break before the last chunk, of which there is one before an empty body, too.
        let last = head - 2 + text[head - 2..].find("\r\n0\r\n")?;
        return Some(last + text[last..].find("\r\n\r\n")? + 4);
    }
    let length: usize = field("content-length").map_or(0, |length| length.parse().unwrap());
    (read.len() >= head + length).then_some(head + length)
}

pub type Client =
    hyper_util::client::legacy::Client<hyper_util::client::legacy::connect::HttpConnector, Body>;

/// A client that speaks HTTP/2 from the first byte, or HTTP/1.1.
pub fn client(http2: bool) -> Client {
    hyper_util::client::legacy::Client::builder(TokioExecutor::new()).http2_only(http2).build_http()
}

/// A request of a client to a guard. On HTTP/2 the address is also the host that is asked for.
pub fn request(method: &str, guard: &Running, target: &str, body: Body) -> Request<Body> {
    let address = format!("http://{}{target}", guard.address);
    Request::builder().method(method).uri(address).body(body).unwrap()
}

/// A body that is sent as pieces are put into it.
pub fn piecewise() -> (http_body_util::channel::Sender<Bytes, std::io::Error>, Body) {
    let (sender, body) = http_body_util::channel::Channel::new(1);
    (sender, body.boxed())
}

/// The next piece of a body.
pub async fn piece<B>(body: &mut B) -> Bytes
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Debug,
{
    soon(body.frame()).await.expect("a piece").unwrap().into_data().expect("no trailers")
}

/// A whole body and its trailers.
pub async fn whole_body<B>(body: B) -> (Bytes, http::HeaderMap)
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let collected = soon(body.collect()).await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    (collected.to_bytes(), trailers)
}
