//! The service's own port speaks HTTP/1.1 alone, although the guard in the same program speaks HTTP/2.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_speaks_http2_with_the_service() {
    let app = TestApp::new().await;
    let address = app.url.strip_prefix("http://").expect("a plain port");
    let mut stream = TcpStream::connect(address).await.expect("the service is there");
    // RFC 9113 section 3.4: the preface and empty SETTINGS. A server that speaks it answers with SETTINGS of its own.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(preface).await.expect("the connection is open");
    let mut read = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut read)).await;
    // Closed or reset: either is no answer in that protocol. A server that speaks it would wait for more.
    let _ = ended.expect("the connection ends");
    assert!(read.is_empty() || read.starts_with(b"HTTP/1.1 400 "), "{read:?}");

    let mut stream = TcpStream::connect(address).await.expect("the service is still there");
    stream
        .write_all(b"GET /health/live HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
        .await
        .expect("sent");
    read.clear();
    stream.read_to_end(&mut read).await.expect("an answer");
    assert!(read.starts_with(b"HTTP/1.1 200 OK\r\n") && read.ends_with(b"\r\nok\n"), "{read:?}");
}
