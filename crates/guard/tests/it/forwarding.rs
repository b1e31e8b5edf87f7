//! What goes through as it is.

use http::{Response, StatusCode};
use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::stand::*;

/// Gives each request as bytes and what the origin got of it.
async fn seen(sent: &str) -> String {
    let (recorder, origin) = Recorder::start().await;
    let guard = Running::before(origin, |settings| settings.patience.head = SHORT).await;
    let read = exchange(guard.address, sent.as_bytes()).await;
    assert_eq!(statuses(&read), [200], "{sent}: {read}");
    let [request] = &recorder.requests()[..] else { panic!("one request") };
    request.clone()
}

/// The client's side of an answer given as bytes.
async fn given(request: &str, answer: &'static str) -> String {
    let origin = by_hand(move |mut stream, _| async move {
        until(&mut stream, "\r\n\r\n").await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        rest(&mut stream).await;
    })
    .await;
    let guard = Running::before(origin, |settings| settings.patience.head = SHORT).await;
    exchange(guard.address, request.as_bytes()).await
}

#[tokio::test]
async fn methods_and_targets() {
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        let line = format!("{method} /a%2Fb/%C3%A9/..;/%00?q=a+b%20c&&=&q=%zz HTTP/1.1\r\n");
        assert!(seen(&format!("{line}Host: a.example\r\n\r\n")).await.starts_with(&line));
    }
    for target in ["/", "/?", "//double//", "/a/./b/../c", "/a?b?c", "/%2e%2e/", "/a;b=c", "/~a!$&'()*+,=:@"]
    {
        let line = format!("GET {target} HTTP/1.1\r\n");
        assert!(seen(&format!("{line}Host: a.example\r\n\r\n")).await.starts_with(&line), "{target}");
    }
}

#[tokio::test]
async fn repeated_fields_stay_repeated_and_in_order() {
    let fields = "x-a: 1\r\nx-a: 2\r\nx-a: 1\r\naccept: a, b\r\naccept: c\r\nx-high: \u{e9}\r\nx-empty: \r\n";
    let request = seen(&format!("GET / HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n")).await;
    assert!(request.contains(
        "x-a: 1\r\nx-a: 2\r\nx-a: 1\r\naccept: a, b\r\naccept: c\r\nx-high: \u{e9}\r\nx-empty: \r\n"
    ));

    let answer = "HTTP/1.1 200 Fine\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nX-A: 1\r\nX-A: 2\r\n\
        Content-Length: 0\r\n\r\n";
    let read = given("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", answer).await;
    assert!(read.contains("set-cookie: a=1; Path=/\r\nset-cookie: b=2\r\nx-a: 1\r\nx-a: 2\r\n"), "{read}");
}

#[tokio::test]
async fn answers_without_a_body() {
    let head = "HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let read = given(head, "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").await;
    assert!(read.contains("content-length: 1234\r\n") && read.ends_with("\r\n\r\n"), "{read}");
    // No length that GET would not have.
    let read = given(head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    assert!(!read.contains("content-length") && read.ends_with("\r\n\r\n"), "{read}");
    let get = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let read = given(get, "HTTP/1.1 204 No Content\r\n\r\n").await;
    assert!(!read.contains("content-length") && !read.contains("transfer-encoding"), "{read}");
    let read = given(get, "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 1234\r\n\r\n").await;
    assert_eq!(statuses(&read), [304]);
    assert!(read.contains("etag: \"a\"\r\n") && read.ends_with("\r\n\r\n"), "{read}");
    let read = given(get, "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n").await;
    assert!(!read.contains("content-length"), "{read}");
    let read = given(get, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert!(read.contains("content-length: 0\r\n"), "{read}");
}

#[tokio::test]
async fn ranges() {
    let request =
        seen("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-4\r\nIf-Range: \"a\"\r\n\r\n").await;
    assert!(request.contains("range: bytes=0-4\r\nif-range: \"a\"\r\n"));
    let answer =
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/10\r\nContent-Length: 5\r\n\r\nhello";
    let read = given("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", answer).await;
    assert_eq!(statuses(&read), [206]);
    assert!(read.contains("content-range: bytes 0-4/10\r\n") && read.ends_with("\r\n\r\nhello"), "{read}");
}

/// Ended by the origin's close: the client gets it in chunks, so that it knows the end from a break.
#[tokio::test]
async fn an_answer_until_the_end_of_the_connection() {
    let origin = by_hand(|mut stream, _| async move {
        until(&mut stream, "\r\n\r\n").await;
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello").await.unwrap();
    })
    .await;
    let guard = Running::before(origin, |settings| settings.patience.head = SHORT).await;
    let read = exchange(guard.address, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    assert!(read.ends_with("5\r\nhello\r\n0\r\n\r\n"), "{read}");
}

#[tokio::test]
async fn http_1_0_clients() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let read = given("GET / HTTP/1.0\r\nHost: a.example\r\n\r\n", answer).await;
    assert!(!read.contains("transfer-encoding") && read.ends_with("\r\n\r\nhello"), "{read}");
    // And one that keeps its connection.
    let (recorder, origin) = Recorder::start().await;
    let guard = Running::before(origin, |settings| settings.patience.head = SHORT).await;
    let one = "GET / HTTP/1.0\r\nHost: a.example\r\nConnection: keep-alive\r\n\r\n";
    assert_eq!(statuses(&exchange(guard.address, one.repeat(2).as_bytes()).await), [200, 200]);
    assert!(recorder.requests().iter().all(|request| request.starts_with("GET / HTTP/1.1\r\n")));
}

#[tokio::test]
async fn a_connection_is_kept_on_both_sides() {
    let (connections, mut opened) = tokio::sync::mpsc::unbounded_channel();
    let origin = by_hand(move |mut stream, number| {
        connections.send(number).unwrap();
        async move {
            for _ in 0..5 {
                until(&mut stream, "\r\n\r\n").await;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await.unwrap();
            }
        }
    })
    .await;
    let guard = Running::before(origin, |_| ()).await;
    let mut client = TcpStream::connect(guard.address).await.unwrap();
    for _ in 0..5 {
        client.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await.unwrap();
        until(&mut client, "hello").await;
    }
    assert_eq!(opened.recv().await, Some(0));
    assert!(opened.try_recv().is_err());
}

#[tokio::test]
async fn continue_wanted_and_not() {
    // Wanted: the client hears it before it sent anything, and the origin says it before it got anything.
    let origin = by_hand(|mut stream, _| async move {
        let head = until(&mut stream, "\r\n\r\n").await;
        assert!(head.contains("expect: 100-continue\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
        until(&mut stream, "hello").await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    })
    .await;
    let guard = Running::before(origin, |_| ()).await;
    let head = b"POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    let mut client = TcpStream::connect(guard.address).await.unwrap();
    client.write_all(head).await.unwrap();
    assert_eq!(until(&mut client, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"hello").await.unwrap();
    assert_eq!(statuses(&until(&mut client, "ok").await), [200]);

    // Not wanted: the client hears that, and no 100.
    let (heard, beyond) = tokio::sync::oneshot::channel();
    let heard = std::sync::Mutex::new(Some(heard));
    let origin = by_hand(move |mut stream, _| {
        let heard = heard.lock().unwrap().take().unwrap();
        async move {
            until(&mut stream, "\r\n\r\n").await;
            stream
                .write_all(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno")
                .await
                .unwrap();
            heard.send(rest(&mut stream).await).unwrap();
        }
    })
    .await;
    let guard = Running::before(origin, |_| ()).await;
    let mut client = TcpStream::connect(guard.address).await.unwrap();
    client.write_all(head).await.unwrap();
    let read = rest(&mut client).await;
    assert_eq!(statuses(&read), [417], "{read}");
    assert_eq!(soon(beyond).await.unwrap(), "");

    // Neither: it is not left waiting.
    let echo =
        crate::stand::origin(|request| async move { Response::new(full(whole_body(request).await.0)) }).await;
    let guard = Running::before(echo, |_| ()).await;
    let mut client = TcpStream::connect(guard.address).await.unwrap();
    client.write_all(head).await.unwrap();
    until(&mut client, "HTTP/1.1 100 Continue\r\n\r\n").await;
    client.write_all(b"hello").await.unwrap();
    assert_eq!(statuses(&until(&mut client, "hello").await), [200]);
}

/// hyper's server sends no information of its own: the client sees the final answer alone.
#[tokio::test]
async fn early_hints_stay_behind() {
    let answer =
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let read = given("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", answer).await;
    assert_eq!(statuses(&read), [200]);
    assert!(!read.contains("link"), "{read}");
}

/// Each side gets the first piece before the other one sends the second: nothing is held back, nothing is collected.
#[tokio::test]
async fn bodies_are_streamed() {
    for (http2, origin_http2) in [(false, false), (false, true), (true, false), (true, true)] {
        let echo = crate::stand::origin(|mut request| async move {
            let (mut sender, body) = piecewise();
            tokio::spawn(async move {
                while let Some(Ok(frame)) = request.body_mut().frame().await {
                    if let Ok(data) = frame.into_data() {
                        sender.send_data(data).await.unwrap();
                    }
                }
            });
            Response::new(body)
        })
        .await;
        let guard = Running::before(echo, |settings| settings.origin.http2 = origin_http2).await;
        let (mut sender, body) = piecewise();
        let mut answer = soon(client(http2).request(request("POST", &guard, "/", body))).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        for number in 0..50_u8 {
            sender.send_data(vec![number; 10].into()).await.unwrap();
            assert_eq!(piece(answer.body_mut()).await, vec![number; 10]);
        }
        drop(sender);
        assert_eq!(whole_body(answer).await.0, "");
    }
}

#[tokio::test]
async fn big_bodies_arrive_whole() {
    let bytes: bytes::Bytes = (0..8_u32 << 20).map(|number| (number * 31 % 251) as u8).collect();
    for (http2, origin_http2) in [(false, false), (true, true)] {
        let echo =
            crate::stand::origin(|request| async move { Response::new(full(whole_body(request).await.0)) })
                .await;
        let guard = Running::before(echo, |settings| settings.origin.http2 = origin_http2).await;
        let sent = request("POST", &guard, "/", full(bytes.clone()));
        let answer = soon(client(http2).request(sent)).await.unwrap();
        assert!(whole_body(answer).await.0 == bytes);
    }
}

/// An origin that does not read and a client that does not read stop the other side, instead of filling the guard's memory.
#[tokio::test]
async fn what_is_not_read_is_not_taken() {
    const MOST: usize = 24 << 20;
    let (full, mut filled) = tokio::sync::mpsc::unbounded_channel();
    let origin = by_hand(move |mut stream, _| {
        let full = full.clone();
        async move {
            let head = until(&mut stream, "\r\n\r\n").await;
            if head.starts_with("POST") {
                std::future::pending::<()>().await;
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
            full.send(fill(&mut stream).await).unwrap();
        }
    })
    .await;
    let guard = Running::before(origin, |settings| settings.limits.body_bytes = u64::MAX).await;
    let mut client = TcpStream::connect(guard.address).await.unwrap();
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    assert!(fill(&mut client).await < MOST);
    let mut client = TcpStream::connect(guard.address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await.unwrap();
    assert!(soon(filled.recv()).await.unwrap() < MOST);
    // The origin broke off because it could send no more: the client finds less than a whole answer.
    assert!(!rest(&mut client).await.ends_with("0\r\n\r\n"));
}

/// Sends chunks until none is taken for a while; how many bytes were taken.
async fn fill(stream: &mut TcpStream) -> usize {
    let chunk = format!("1000\r\n{}\r\n", "a".repeat(0x1000));
    let mut taken = 0;
    while let Ok(Ok(())) = tokio::time::timeout(SHORT * 2, stream.write_all(chunk.as_bytes())).await {
        taken += chunk.len();
        assert!(taken < 256 << 20, "without an end");
    }
    taken
}
