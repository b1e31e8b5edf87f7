//! HTTP/1.1 and HTTP/2 on both sides, with TLS and without.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response, Version};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::stand::*;

/// An authority of one test's own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn server(&self, protocols: &[&str]) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = rustls::crypto::ring::default_provider().into();
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config =
            config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    fn client(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = rustls::crypto::ring::default_provider().into();
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        config.with_root_certificates(roots).with_no_client_auth()
    }
}

/// Tells what it got, and sends trailers.
async fn telling(request: Request<hyper::body::Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let (body, trailers) = whole_body(body).await;
    let field = |name: &str| parts.headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
    let authority = parts.uri.authority().map_or("-".to_owned(), ToString::to_string);
    let text = format!(
        "{:?} {} host={} authority={authority} cookie={} proto={} body={} trailers={}",
        parts.version,
        parts.uri.path_and_query().unwrap(),
        field("host"),
        field("cookie"),
        field("x-forwarded-proto"),
        body.len(),
        trailers.get("x-sum").map_or("-", |value| value.to_str().unwrap()),
    );
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("theirs"));
    trailers.insert("set-cookie", HeaderValue::from_static("a=1"));
    let frames = [Ok(Frame::data(text.into())), Ok(Frame::trailers(trailers))];
    let mut answer = Response::new(StreamBody::new(futures_util::stream::iter(frames)).boxed());
    answer.headers_mut().insert("trailer", HeaderValue::from_static("x-sum"));
    answer
}

fn sent(version: bool, guard: &Running, scheme: &str) -> Request<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("ours"));
    let frames = [Ok(Frame::data("hello".into())), Ok(Frame::trailers(trailers))];
    let body = StreamBody::new(futures_util::stream::iter(frames)).boxed();
    let mut request = request("POST", guard, "/a?b", body);
    *request.uri_mut() = format!("{scheme}://{}/a?b", guard.address).parse().unwrap();
    let fields = request.headers_mut();
    fields.insert("te", HeaderValue::from_static("trailers"));
    fields.insert("trailer", HeaderValue::from_static("x-sum"));
    fields.append("cookie", HeaderValue::from_static("a=1"));
    if version {
        fields.append("cookie", HeaderValue::from_static("b=2"));
    }
    request
}

fn expected(client2: bool, origin2: bool, proto: &str, guard: &Running) -> String {
    let (version, host, authority) = if origin2 {
        (Version::HTTP_2, "-".to_owned(), guard.address.to_string())
    } else {
        (Version::HTTP_11, guard.address.to_string(), "-".to_owned())
    };
    let cookie = if client2 { "a=1; b=2" } else { "a=1" };
    format!(
        "{version:?} /a?b host={host} authority={authority} cookie={cookie} proto={proto} body=5 trailers=ours"
    )
}

#[tokio::test]
async fn all_four_ways_in_the_clear() {
    let origin = origin(telling).await;
    for (client2, origin2) in [(false, false), (false, true), (true, false), (true, true)] {
        let guard = Running::before(origin, |settings| settings.origin.http2 = origin2).await;
        let client = client(client2);
        for _ in 0..3 {
            let answer = soon(client.request(sent(client2, &guard, "http"))).await.unwrap();
            let (body, trailers) = whole_body(answer).await;
            assert_eq!(body, expected(client2, origin2, "http", &guard));
            assert_eq!(trailers.get("x-sum").unwrap(), "theirs", "{client2} {origin2}");
            assert!(!trailers.contains_key("set-cookie"));
        }
    }
}

/// An answer to `HEAD` has no body (RFC 9110 section 9.3.2), whoever gives it; over HTTP/2 a client resets the stream for one.
#[tokio::test]
async fn nobody_answers_head_with_a_body() {
    use crate::{admission, school};
    let clock: guard::admission::Clock = Arc::new(|| Duration::from_secs(1_700_000_000));
    let set = admission::settings(0);
    let chance = admission::chance(1);
    let queue = guard::admission::Admission::new(
        set,
        admission::keys(&["a"]),
        chance,
        clock,
        admission::Told::default(),
    );
    let queue = Arc::new(queue.unwrap());
    let scene = school::Scene::with(school::identity(school::declaration()), |guard| {
        guard.with_admission(queue).with_tripwire(crate::tripwire::quiet())
    })
    .await;
    for (target, status) in [
        ("/mypage/x.css", 404),
        ("/mypage/", 503),
        ("/assets/x", 200),
        ("/.well-known/suimon/guard/status", 200),
        ("/.well-known/suimon/guard/nothing", 404),
    ] {
        for http2 in [true, false] {
            let got = scene.send_with(client(http2), "HEAD", target, &[]).await;
            assert_eq!((got.status.as_u16(), &*got.body), (status, ""), "{target} {http2}");
            // As long as what GET would give.
            assert_ne!(got.field("content-length"), Some("0"), "{target} {http2}");
        }
    }
}

#[tokio::test]
async fn all_four_ways_encrypted() {
    let authority = Authority::new();
    for (client2, origin2) in [(false, false), (false, true), (true, false), (true, true)] {
        let protocols: &[&str] = if origin2 { &["h2", "http/1.1"] } else { &["http/1.1"] };
        let origin = origin_with(Some(authority.server(protocols)), telling).await;
        let mut settings = settings(origin);
        settings.origin.address = format!("https://{origin}").parse().unwrap();
        // Where the origin has none, ALPN finds that out.
        settings.origin.http2 = true;
        settings.origin.authorities = authority.0.pem().into_bytes();
        let guard = Running::start_with(settings, Some(authority.server(&["h2", "http/1.1"]))).await;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new().with_tls_config(authority.client()).https_only();
        let connector = if client2 {
            connector.enable_http2().wrap_connector(tcp)
        } else {
            connector.enable_http1().wrap_connector(tcp)
        };
        let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector);
        for _ in 0..3 {
            let answer = soon(client.request(sent(client2, &guard, "https"))).await.unwrap();
            assert_eq!(answer.version(), if client2 { Version::HTTP_2 } else { Version::HTTP_11 });
            let (body, trailers) = whole_body(answer).await;
            assert_eq!(body, expected(client2, origin2, "https", &guard));
            assert_eq!(trailers.get("x-sum").unwrap(), "theirs");
        }
    }
}

#[tokio::test]
async fn an_origin_that_nobody_vouches_for() {
    let origin = origin_with(Some(Authority::new().server(&["h2", "http/1.1"])), telling).await;
    for http2 in [false, true] {
        let guard = Running::before(origin, |settings| {
            settings.origin.address = format!("https://{origin}").parse().unwrap();
            settings.origin.http2 = http2;
        })
        .await;
        let answer = soon(client(false).request(request("GET", &guard, "/", full("")))).await.unwrap();
        assert_eq!(answer.status(), 503);
        assert_eq!(whole_body(answer).await.0, "the system is not there; try again soon\n");
    }
}

/// Nothing of HTTP/1.1 that a stream must not carry, in the guard's own answers neither.
#[tokio::test]
async fn refusals_over_http_2() {
    let origin = origin(telling).await;
    let guard = Running::before(origin, |settings| {
        settings.limits.target_bytes = 20;
        settings.limits.body_bytes = 3;
    })
    .await;
    // By the lower level, for there hyper passes on what a well-behaved client would not send.
    let stream = tokio::net::TcpStream::connect(guard.address).await.unwrap();
    let (client, connection) = soon(h2::client::handshake(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut client = soon(client.ready()).await.unwrap();
    for (request, status) in [
        (Request::get("http://a.example/0123456789012345678901"), 414),
        (Request::trace("http://a.example/"), 405),
        (Request::get("http://a.example/").header("host", "b.example"), 400),
        (Request::get("http://b@a.example/"), 400),
        (Request::post("http://a.example/").header("content-length", "4"), 413),
    ] {
        let ended = status != 413;
        let (answer, _sent) = client.send_request(request.body(()).unwrap(), ended).unwrap();
        let answer = soon(answer).await.unwrap();
        assert_eq!(answer.status(), status);
        assert!(!answer.headers().contains_key("connection"));
    }
    // The connection went through it all.
    let request = Request::get("http://a.example/").body(()).unwrap();
    assert_eq!(soon(client.send_request(request, true).unwrap().0).await.unwrap().status(), 200);
}

/// A request that is not well formed is reset, and goes no further.
#[tokio::test]
async fn malformed_over_http_2() {
    let (recorder, origin) = Recorder::start().await;
    let guard = Running::before(origin, |_| ()).await;
    let get = || Request::get("http://a.example/");
    for request in [
        get().header("connection", "keep-alive"),
        get().header("transfer-encoding", "chunked"),
        get().header("upgrade", "h2c"),
        get().header("te", "gzip"),
        get().header("content-length", "5"),
        get().header("content-length", "x"),
    ] {
        let stream = tokio::net::TcpStream::connect(guard.address).await.unwrap();
        let (mut client, connection) = soon(h2::client::handshake(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = request.body(()).unwrap();
        let fields = format!("{:?}", request.headers());
        let Ok((answer, _)) = client.send_request(request, true) else { continue };
        match soon(answer).await {
            Err(error) => assert!(error.is_reset() || error.is_go_away(), "{fields} {error}"),
            Ok(answer) => assert_eq!(answer.status(), 400, "{fields}"),
        }
    }
    assert_eq!(recorder.requests(), [""; 0]);
}

/// An answer that breaks off is reset, not ended.
#[tokio::test]
async fn broken_off_over_http_2() {
    let origin = by_hand(|mut stream, _| async move {
        use tokio::io::AsyncWriteExt;
        until(&mut stream, "\r\n\r\n").await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            .await
            .unwrap();
    })
    .await;
    let guard = Running::before(origin, |_| ()).await;
    let get = request("GET", &guard, "/", Full::default().map_err(|never| match never {}).boxed());
    let answer = soon(client(true).request(get)).await.unwrap();
    assert!(soon(answer.into_body().collect()).await.is_err());
}

/// An origin that ends each connection after a request, or refuses a stream: what it did not look at goes over a new connection.
#[tokio::test]
async fn an_origin_that_takes_no_more() {
    for refuses in [false, true] {
        let (counted, mut counts) = tokio::sync::mpsc::unbounded_channel();
        let origin = by_hand(move |stream, number| {
            let counted = counted.clone();
            async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                let mut taken = 0;
                while let Some(Ok((request, mut answer))) = connection.accept().await {
                    if refuses && number == 0 {
                        answer.send_reset(h2::Reason::REFUSED_STREAM);
                        connection.graceful_shutdown();
                        continue;
                    }
                    counted.send(request.uri().path().to_owned()).unwrap();
                    drop(answer.send_response(Response::new(()), true));
                    taken += 1;
                    if taken == 2 {
                        connection.graceful_shutdown();
                    }
                }
            }
        })
        .await;
        let guard = Running::before(origin, |settings| settings.origin.http2 = true).await;
        let client = client(false);
        for number in 0..20 {
            let path = format!("/{number}");
            let answer = soon(client.request(request("GET", &guard, &path, full("")))).await.unwrap();
            assert_eq!(answer.status(), 200, "{refuses} {number}");
            assert_eq!(soon(counts.recv()).await, Some(path));
            assert!(counts.try_recv().is_err());
        }
    }
}

/// A request that was sent and reset otherwise is not sent again.
#[tokio::test]
async fn an_origin_that_resets() {
    let (counted, mut counts) = tokio::sync::mpsc::unbounded_channel();
    let origin = by_hand(move |stream, _| {
        let counted = counted.clone();
        async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((_, mut answer))) = connection.accept().await {
                counted.send(()).unwrap();
                answer.send_reset(h2::Reason::INTERNAL_ERROR);
            }
        }
    })
    .await;
    let guard = Running::before(origin, |settings| settings.origin.http2 = true).await;
    let answer = soon(client(false).request(request("GET", &guard, "/", full("")))).await.unwrap();
    assert_eq!(answer.status(), 502);
    assert_eq!(soon(counts.recv()).await, Some(()));
    assert!(counts.try_recv().is_err());
}
