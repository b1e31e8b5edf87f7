//! Origins that lie, break off, say nothing or are not there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use guard::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stand::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello";

fn short(settings: &mut Settings) {
    settings.patience.head = SHORT;
    settings.patience.body = SHORT;
    settings.patience.answer = SHORT;
}

/// The client's side of an answer that the origin gives as these bytes, before it closes.
async fn given(answer: &'static [u8]) -> String {
    let origin = by_hand(move |mut stream, _| async move {
        until(&mut stream, "\r\n\r\n").await;
        let _ = stream.write_all(answer).await;
    })
    .await;
    let guard = Running::before(origin, short).await;
    exchange(guard.address, GET.as_bytes()).await
}

#[tokio::test]
async fn shorter_than_it_says() {
    let read = given(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").await;
    assert!(read.contains("content-length: 10\r\n") && read.ends_with("\r\n\r\nhello"), "{read}");
    let read = given(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
    assert!(read.contains("transfer-encoding: chunked\r\n") && read.ends_with("5\r\nhello\r\n"), "{read}");
    let read = given(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nz\r\n").await;
    assert!(read.ends_with("5\r\nhello\r\n"), "{read}");
}

/// What comes beyond the length is nobody's answer, be it there with the answer or after it.
#[tokio::test]
async fn longer_than_it_says() {
    let origin = by_hand(|mut stream, number| async move {
        until(&mut stream, "\r\n\r\n").await;
        let beyond = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled";
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello{beyond}");
        if number % 2 == 0 {
            let _ = stream.write_all(answer.as_bytes()).await;
        } else {
            let (own, beyond) = answer.split_at(answer.len() - beyond.len());
            let _ = stream.write_all(own.as_bytes()).await;
            tokio::task::yield_now().await;
            let _ = stream.write_all(beyond.as_bytes()).await;
        }
        rest(&mut stream).await;
    })
    .await;
    let guard = Running::before(origin, short).await;
    let mut client = TcpStream::connect(guard.address).await.unwrap();
    let mut answers = 0;
    for _ in 0..50 {
        client.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await.unwrap();
        let read = until(&mut client, "\r\n\r\n").await;
        // A connection that is found broken when it is used: an honest failure.
        if read.contains(" 200 ") {
            let read = if read.ends_with("hello") { read } else { read + &until(&mut client, "hello").await };
            assert!(!read.contains("smuggled"), "{read}");
            answers += 1;
        } else {
            assert!(read.contains(" 502 "), "{read}");
            until(&mut client, "broke off\n").await;
        }
    }
    assert!(answers > 0);
}

#[tokio::test]
async fn lengths_and_codings_that_contradict() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello",
        b"no answer at all\r\n\r\n",
        b"\x00\xff\x00\xff",
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Len",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ] {
        let read = given(answer).await;
        assert_eq!(statuses(&read), [502], "{}: {read}", String::from_utf8_lossy(answer));
        assert!(read.contains("cache-control: private, no-store"), "{read}");
    }
    let read = given(b"HTTP/1.1 200 OK\r\nContent-Length: 05\r\nContent-Length: 5\r\n\r\nhello").await;
    assert_eq!(read.matches("content-length").count(), 1, "{read}");
    assert!(read.contains("content-length: 5\r\n"), "{read}");
}

#[tokio::test]
async fn a_huge_head() {
    let mut answer = b"HTTP/1.1 200 OK\r\nX-A: ".to_vec();
    answer.resize(200 << 10, b'a');
    answer.extend_from_slice(b"\r\nContent-Length: 0\r\n\r\n");
    let read = given(answer.leak()).await;
    assert_eq!(statuses(&read), [502]);
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n".to_vec();
    for number in 0..101 {
        answer.extend_from_slice(format!("x-{number}: a\r\n").as_bytes());
    }
    answer.extend_from_slice(b"\r\n");
    let read = given(answer.leak()).await;
    assert_eq!(statuses(&read), [502]);
}

#[tokio::test]
async fn reset_before_and_within_an_answer() {
    for answer in ["", "HTTP/1.1 200 OK\r\n\r\nhel", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"] {
        let origin = by_hand(move |mut stream, _| async move {
            until(&mut stream, "\r\n\r\n").await;
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.set_zero_linger().unwrap();
        })
        .await;
        let guard = Running::before(origin, short).await;
        let read = exchange(guard.address, GET.as_bytes()).await;
        // Whether the reset overtakes what was sent is the network's affair. A whole answer it never is.
        if statuses(&read) == [200] {
            assert!(!read.ends_with("0\r\n\r\n"), "{read}");
        } else {
            assert_eq!(statuses(&read), [502], "{read}");
        }
    }
}

/// The origin closes its idle connections: the next request goes over a new one and is sent once.
#[tokio::test]
async fn closed_while_idle() {
    let posts = Arc::new(AtomicUsize::new(0));
    let counted = posts.clone();
    let (closed, mut closing) = tokio::sync::mpsc::unbounded_channel();
    let origin = by_hand(move |mut stream, _| {
        let (counted, closed) = (counted.clone(), closed.clone());
        async move {
            until(&mut stream, "hello").await;
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            stream.write_all(answer).await.unwrap();
            drop(stream);
            closed.send(()).unwrap();
        }
    })
    .await;
    let guard = Running::before(origin, short).await;
    for round in 1..=20 {
        let read =
            exchange(guard.address, POST.replace("Content", "Connection: close\r\nContent").as_bytes()).await;
        soon(closing.recv()).await.unwrap();
        assert_eq!(statuses(&read), [200], "{round}: {read}");
        assert_eq!(posts.load(Ordering::SeqCst), round);
    }
}

/// The origin took the request and closed without an answer: nobody knows what it did, so it is not sent twice.
#[tokio::test]
async fn a_request_that_was_sent_is_not_sent_again() {
    for sent in [POST, GET] {
        let heard = Arc::new(AtomicUsize::new(0));
        let counted = heard.clone();
        let origin = by_hand(move |mut stream, _| {
            let counted = counted.clone();
            async move {
                // One answer first, so that the connection is an old one.
                until(&mut stream, "\r\n\r\n").await;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
                until(&mut stream, "\r\n\r\n").await;
                counted.fetch_add(1, Ordering::SeqCst);
            }
        })
        .await;
        let guard = Running::before(origin, short).await;
        assert_eq!(statuses(&exchange(guard.address, GET.as_bytes()).await), [200]);
        assert_eq!(statuses(&exchange(guard.address, sent.as_bytes()).await), [502]);
        assert_eq!(heard.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn no_answer_in_time() {
    let origin = by_hand(|mut stream, _| async move { drop(rest(&mut stream).await) }).await;
    let guard = Running::before(origin, short).await;
    for sent in [GET, POST] {
        let read = exchange(guard.address, sent.as_bytes()).await;
        assert_eq!(statuses(&read), [504], "{read}");
    }
}

/// A long upload is not a late answer, as long as it goes on.
#[tokio::test]
async fn patience_counts_from_the_last_piece() {
    let origin = by_hand(|mut stream, _| async move {
        until(&mut stream, "0\r\n\r\n").await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    })
    .await;
    let guard = Running::before(origin, short).await;
    let mut client = TcpStream::connect(guard.address).await.unwrap();
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    let begun = std::time::Instant::now();
    while begun.elapsed() < SHORT * 3 {
        client.write_all(b"1\r\na\r\n").await.unwrap();
        tokio::time::sleep(SHORT / 8).await;
    }
    client.write_all(b"0\r\n\r\n").await.unwrap();
    assert_eq!(statuses(&until(&mut client, "ok").await), [200]);
}

#[tokio::test]
async fn not_there() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = listener.local_addr().unwrap();
    drop(listener);
    for http2 in [false, true] {
        let guard = Running::before(origin, |settings| {
            short(settings);
            settings.origin.http2 = http2;
        })
        .await;
        let read = exchange(guard.address, GET.as_bytes()).await;
        assert_eq!(statuses(&read), [503], "{read}");
        assert!(read.contains("retry-after: 5\r\n") && !read.contains(&origin.port().to_string()), "{read}");
    }
}

#[tokio::test]
async fn a_body_that_stands_still() {
    let origin = by_hand(|mut stream, _| async move {
        until(&mut stream, "\r\n\r\n").await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").await.unwrap();
        rest(&mut stream).await;
    })
    .await;
    let guard = Running::before(origin, short).await;
    let read = exchange(guard.address, GET.as_bytes()).await;
    assert!(read.contains("content-length: 10\r\n") && read.ends_with("\r\n\r\nhello"), "{read}");
}

/// The answer comes before the request's body was read: the client gets it, and the rest of the body never counts as a request.
#[tokio::test]
async fn answered_before_the_body() {
    let origin = by_hand(|mut stream, _| async move {
        until(&mut stream, "\r\n\r\n").await;
        stream.write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno").await.unwrap();
        let mut piece = [0; 4096];
        while let Ok(1..) = stream.read(&mut piece).await {}
    })
    .await;
    let guard = Running::before(origin, short).await;
    let mut client = TcpStream::connect(guard.address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100000\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let read = until(&mut client, "no").await;
    assert_eq!(statuses(&read), [413], "{read}");
    let _ = client.write_all(b"GET /2 HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    assert_eq!(statuses(&rest(&mut client).await), [0; 0]);
}
