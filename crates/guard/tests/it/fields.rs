//! Header fields that the guard takes away, adds and believes.

use guard::Settings;
use tokio::io::AsyncWriteExt;

use crate::stand::*;

async fn seen(sent: &str, change: impl FnOnce(&mut Settings)) -> String {
    let (recorder, origin) = Recorder::start().await;
    let guard = Running::before(origin, |settings| {
        settings.patience.head = SHORT;
        change(settings);
    })
    .await;
    let read = exchange(guard.address, sent.as_bytes()).await;
    assert_eq!(statuses(&read), [200], "{read}");
    recorder.requests().concat()
}

#[tokio::test]
async fn what_concerns_the_connection_stays_behind() {
    let request = seen(
        "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, X-Own, Cookie, x-forwarded-for\r\nX-Own: 1\r\n\
         Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers, deflate\r\nUpgrade: h2c\r\n\
         Proxy-Authorization: Basic eA==\r\nCookie: sid=1\r\nContent_Length: 4\r\nX-Kept: 1\r\n\r\n",
        |_| (),
    )
    .await;
    assert_eq!(
        request,
        "GET / HTTP/1.1\r\nhost: a.example\r\nx-kept: 1\r\ncookie: sid=1\r\n\
         forwarded: for=127.0.0.1;host=\"a.example\";proto=http\r\nx-forwarded-for: 127.0.0.1\r\n\
         x-forwarded-host: a.example\r\nx-forwarded-proto: http\r\nvia: 1.1 suimon\r\nte: trailers\r\n\r\n"
    );
    let origin = by_hand(|mut stream, _| async move {
        until(&mut stream, "\r\n\r\n").await;
        let answer = "HTTP/1.1 200 OK\r\nConnection: X-Own, Set-Cookie\r\nX-Own: 1\r\nKeep-Alive: timeout=5\r\n\
            Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let guard = Running::before(origin, |settings| settings.patience.head = SHORT).await;
    let read = exchange(guard.address, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    for gone in ["x-own", "keep-alive", "proxy-authenticate", "upgrade", "connection"] {
        assert!(!read.contains(gone), "{gone}: {read}");
    }
    assert!(read.contains("set-cookie: a=1\r\n"));
}

const CLAIMS: &str = "GET / HTTP/1.1\r\nHost: a.example\r\nForwarded: for=192.0.2.9;proto=https\r\n\
    X-Forwarded-For: 203.0.113.1\r\nX-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Host: b.example\r\nX-Forwarded-Proto: https\r\n\
    X-Forwarded-Port: 443\r\nX-Real-IP: 192.0.2.9\r\nX_Forwarded_For: 192.0.2.9\r\nX-Original-URL: /admin\r\n\
    X-Rewrite-URL: /admin\r\nX-Forwarded-Prefix: /admin\r\n\r\n";

#[tokio::test]
async fn a_stranger_says_nothing_of_the_client() {
    assert_eq!(
        seen(CLAIMS, |settings| settings.trusted = vec!["192.0.2.0/24".parse().unwrap()]).await,
        "GET / HTTP/1.1\r\nhost: a.example\r\nforwarded: for=127.0.0.1;host=\"a.example\";proto=http\r\n\
         x-forwarded-for: 127.0.0.1\r\nx-forwarded-host: a.example\r\nx-forwarded-proto: http\r\nvia: 1.1 suimon\r\n\r\n"
    );
}

#[tokio::test]
async fn a_trusted_proxy_does() {
    let request = seen(CLAIMS, |settings| settings.trusted = vec!["127.0.0.0/8".parse().unwrap()]).await;
    for line in [
        "forwarded: for=192.0.2.9;proto=https, for=127.0.0.1;host=\"a.example\";proto=http\r\n",
        "x-forwarded-for: 203.0.113.1, 192.0.2.9, 127.0.0.1\r\n",
        "x-forwarded-host: b.example\r\n",
        "x-forwarded-proto: https\r\n",
        "x-forwarded-port: 443\r\n",
    ] {
        assert!(request.contains(line), "{line}: {request}");
    }
    // A visitor says this through every proxy that does not know it.
    for name in ["x-original-url", "x-rewrite-url", "x-forwarded-prefix"] {
        assert!(CLAIMS.to_lowercase().contains(name) && !request.contains(name), "{name}: {request}");
    }
}

#[tokio::test]
async fn the_host_is_kept_or_replaced() {
    let get = "GET / HTTP/1.1\r\nHost: A.example:8080\r\n\r\n";
    assert!(seen(get, |_| ()).await.contains("\r\nhost: A.example:8080\r\n"));
    let replaced = |settings: &mut Settings| settings.origin.host = Some("inner.example".parse().unwrap());
    let request = seen(get, replaced).await;
    assert!(request.contains("\r\nhost: inner.example\r\n"), "{request}");
    assert!(request.contains("\r\nx-forwarded-host: A.example:8080\r\n"), "{request}");
}

/// RFC 9110 section 7.6.3, and the version by which each request came.
#[tokio::test]
async fn the_way_is_told() {
    let sent = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: via\r\nVia: 1.0 fred, 1.1 edge.example (1.1 suimon)\r\n\r\n";
    let request = seen(sent, |_| ()).await;
    assert!(
        request.contains("\r\nvia: 1.0 fred, 1.1 edge.example (1.1 suimon), 1.1 suimon\r\n"),
        "{request}"
    );
    let old = seen("GET / HTTP/1.0\r\nHost: a.example\r\n\r\n", |_| ()).await;
    assert!(old.contains("\r\nvia: 1.0 suimon\r\n"), "{old}");

    let (recorder, origin) = Recorder::start().await;
    let guard = Running::before(origin, |_| ()).await;
    let answer = soon(client(true).request(request_of(&guard))).await.unwrap();
    assert_eq!(answer.status(), 200);
    let request = recorder.requests().concat();
    assert!(request.contains("\r\nvia: 2 suimon\r\n"), "{request}");
}

fn request_of(guard: &Running) -> http::Request<Body> {
    request("GET", guard, "/", full(""))
}

/// A guard whose origin is that guard: the second time round it says so, instead of going on until nothing is left.
#[tokio::test]
async fn a_loop_ends() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let guard = Running::on(listener, settings(address));
    let sent = b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
    assert_eq!(statuses(&exchange(guard.address, sent).await), [508]);
}
