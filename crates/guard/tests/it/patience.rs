//! Clients that are slow on purpose: each ends by the patience that is set for it.

use std::time::{Duration, Instant};

use guard::Settings;
use http::{Request, Response};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::stand::*;

fn short(settings: &mut Settings) {
    settings.patience.head = SHORT;
    settings.patience.body = SHORT;
    settings.patience.handshake = SHORT;
}

/// Writes a byte again and again until the other side has had enough; how long that took.
async fn dribble(mut stream: TcpStream, bytes: impl Iterator<Item = u8>) -> Duration {
    let begun = Instant::now();
    let (mut reading, mut writing) = stream.split();
    let written = async {
        for byte in bytes {
            if writing.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(SHORT / 10).await;
        }
    };
    let read = async { drop(tokio::io::copy(&mut reading, &mut tokio::io::sink()).await) };
    soon(async {
        tokio::select! {
            () = written => panic!("it was all taken"),
            () = read => (),
        }
    })
    .await;
    begun.elapsed()
}

#[tokio::test]
async fn a_head_in_drops() {
    let (recorder, origin) = Recorder::start().await;
    let guard = Running::before(origin, short).await;
    for begin in ["GET / HTTP/1.1\r\nHost: a.example\r\nX-A: ", "GET /", "", "PRI * HTTP/2.0\r\n\r"] {
        let mut stream = TcpStream::connect(guard.address).await.unwrap();
        stream.write_all(begin.as_bytes()).await.unwrap();
        // The preface of HTTP/2 is one byte short, and none is added.
        let drops = if begin.starts_with("PRI") || begin.is_empty() { 0 } else { usize::MAX };
        let took = if drops == 0 {
            let begun = Instant::now();
            rest(&mut stream).await;
            begun.elapsed()
        } else {
            dribble(stream, std::iter::repeat(b'a')).await
        };
        assert!(took >= SHORT / 2 && took < SHORT * 10, "{begin:?} {took:?}");
    }
    assert_eq!(recorder.requests(), [""; 0]);
}

#[tokio::test]
async fn a_body_that_stops() {
    let (recorder, origin) = Recorder::start().await;
    let guard = Running::before(origin, short).await;
    let mut stream = TcpStream::connect(guard.address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100\r\n\r\nhel";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(statuses(&rest(&mut stream).await), [408]);
    assert_eq!(recorder.requests(), [""; 0]);
}

#[tokio::test]
async fn idle_connections() {
    let (_, origin) = Recorder::start().await;
    let guard = Running::before(origin, short).await;
    let mut stream = TcpStream::connect(guard.address).await.unwrap();
    for _ in 0..2 {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await.unwrap();
        until(&mut stream, "ok").await;
    }
    assert_eq!(rest(&mut stream).await, "");
}

/// HTTP/2: answering pings is no work that keeps a connection.
#[tokio::test]
async fn idle_connections_of_http_2() {
    let (_, origin) = Recorder::start().await;
    let guard = Running::before(origin, short).await;
    let stream = TcpStream::connect(guard.address).await.unwrap();
    let (client, connection) = soon(h2::client::handshake(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut client = soon(client.ready()).await.unwrap();
    let get = || Request::get("http://a.example/").body(()).unwrap();
    let answer = soon(client.send_request(get(), true).unwrap().0).await.unwrap();
    assert_eq!(whole_frames(answer).await, "ok");
    // As long as the client keeps its half open, the guard ends it.
    soon(connection).await.unwrap().unwrap();
}

async fn whole_frames(answer: Response<h2::RecvStream>) -> String {
    let mut body = answer.into_body();
    let mut text = String::new();
    while let Some(data) = soon(body.data()).await {
        let data = data.unwrap();
        let _ = body.flow_control().release_capacity(data.len());
        text.push_str(&String::from_utf8_lossy(&data));
    }
    text
}

#[tokio::test]
async fn a_handshake_that_never_ends() {
    let (_, origin) = Recorder::start().await;
    let mut settings = settings(origin);
    short(&mut settings);
    let provider = rustls::crypto::ring::default_provider().into();
    let config =
        rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_cert_resolver(std::sync::Arc::new(Nobody));
    let guard = Running::start_with(settings, Some(std::sync::Arc::new(config))).await;
    // The beginning of a record that would be long.
    for begin in [&b""[..], b"\x16\x03\x01\x20\x00\x01"] {
        let mut stream = TcpStream::connect(guard.address).await.unwrap();
        stream.write_all(begin).await.unwrap();
        let begun = Instant::now();
        assert_eq!(rest(&mut stream).await, "");
        assert!(begun.elapsed() >= SHORT / 2);
    }
}

/// Has no certificate for anybody.
#[derive(Debug)]
struct Nobody;

impl rustls::server::ResolvesServerCert for Nobody {
    fn resolve(
        &self,
        _: rustls::server::ClientHello<'_>,
    ) -> Option<std::sync::Arc<rustls::sign::CertifiedKey>> {
        None
    }
}

/// An endless answer; tells when the guard broke off.
async fn endless() -> (std::net::SocketAddr, tokio::sync::mpsc::UnboundedReceiver<()>) {
    let (ended, ends) = tokio::sync::mpsc::unbounded_channel();
    let origin = by_hand(move |mut stream, _| {
        let ended = ended.clone();
        async move {
            until(&mut stream, "\r\n\r\n").await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
            let chunk = format!("4000\r\n{}\r\n", "a".repeat(0x4000));
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
            ended.send(()).unwrap();
        }
    })
    .await;
    (origin, ends)
}

#[tokio::test]
async fn an_answer_that_is_not_read() {
    let (origin, mut ends) = endless().await;
    let guard = Running::before(origin, short).await;
    let mut stream = TcpStream::connect(guard.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await.unwrap();
    soon(ends.recv()).await.unwrap();
    assert!(!rest(&mut stream).await.ends_with("0\r\n\r\n"));
}

/// HTTP/2: a stream that is granted no bytes ends; its connection, and a stream that goes on, do not.
#[tokio::test]
async fn an_answer_that_is_not_granted() {
    let (origin, mut ends) = endless().await;
    let guard = Running::before(origin, |settings| {
        settings.patience.body = SHORT;
    })
    .await;
    let stream = TcpStream::connect(guard.address).await.unwrap();
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(1000).initial_connection_window_size(1 << 20);
    let (client, connection) = soon(builder.handshake::<_, bytes::Bytes>(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut client = soon(client.ready()).await.unwrap();
    let get = || Request::get("http://a.example/").body(()).unwrap();
    let (stuck, _) = client.send_request(get(), true).unwrap();
    let (moving, _) = client.send_request(get(), true).unwrap();
    let (mut stuck, mut moving) =
        (soon(stuck).await.unwrap().into_body(), soon(moving).await.unwrap().into_body());
    // The moving one is read all the while.
    let reading = tokio::spawn(async move {
        let mut read = 0;
        let begun = Instant::now();
        while begun.elapsed() < SHORT * 4 {
            let data = soon(moving.data()).await.unwrap().unwrap();
            moving.flow_control().release_capacity(data.len()).unwrap();
            read += data.len();
        }
        read
    });
    soon(ends.recv()).await.unwrap();
    let end = soon(async {
        loop {
            match stuck.data().await {
                Some(Ok(_)) => {}
                end => return end,
            }
        }
    })
    .await;
    assert!(end.expect("no clean end").unwrap_err().is_reset());
    assert!(reading.await.unwrap() > 100_000);
}
