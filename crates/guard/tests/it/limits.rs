//! How much is taken.

use http::Request;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::stand::*;

#[tokio::test]
async fn heads() {
    let (recorder, origin) = Recorder::start().await;
    let guard = Running::before(origin, |settings| {
        settings.patience.head = SHORT;
        settings.limits.header_fields = 10;
        settings.limits.head_bytes = 20 << 10;
        settings.limits.target_bytes = 100;
    })
    .await;
    let get =
        |target: &str, fields: &str| format!("GET {target} HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n");
    let many = |count: usize| (0..count).map(|number| format!("x-{number}: a\r\n")).collect::<String>();
    for (sent, status) in [
        (get("/", &many(9)), 200),
        (get("/", &many(10)), 431),
        (get("/", &format!("x: {}\r\n", "a".repeat(19 << 10))), 200),
        (get("/", &format!("x: {}\r\n", "a".repeat(20 << 10))), 431),
        (get("/", &format!("x: {}\r\n", "a".repeat(200 << 10))), 431),
        (get(&format!("/{}", "a".repeat(99)), ""), 200),
        (get(&format!("/{}", "a".repeat(100)), ""), 414),
        (get(&format!("/{}", "a".repeat(10 << 10)), ""), 414),
        (get(&format!("/{}", "a".repeat(100 << 10)), ""), 431),
    ] {
        let read = exchange(guard.address, sent.as_bytes()).await;
        // What the guard did not read resets the connection, and may overtake the answer.
        if !read.is_empty() || sent.len() < 100 << 10 {
            assert_eq!(statuses(&read), [status], "{} {read}", sent.len());
        }
    }
    assert_eq!(recorder.requests().len(), 3);
}

#[tokio::test]
async fn bodies() {
    let (recorder, origin) = Recorder::start().await;
    let limit = |settings: &mut guard::Settings| {
        settings.patience.head = SHORT;
        settings.limits.body_bytes = 10;
    };
    let guard = Running::before(origin, limit).await;
    let post =
        |fields: &str, body: &str| format!("POST / HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n\r\n{body}");
    let read = exchange(guard.address, post("Content-Length: 10", "0123456789").as_bytes()).await;
    assert_eq!(statuses(&read), [200]);
    assert_eq!(recorder.requests().len(), 1);
    // Before the origin hears of it, and before the body.
    let read = exchange(guard.address, post("Content-Length: 11", "").as_bytes()).await;
    assert_eq!(statuses(&read), [413]);
    let read =
        exchange(guard.address, post("Content-Length: 11\r\nExpect: 100-continue", "").as_bytes()).await;
    assert_eq!(statuses(&read), [413]);
    assert_eq!((recorder.requests().len(), recorder.beyond().len()), (1, 0));
    // Without a length it is found on the way: broken off, never ended.
    let chunks = "5\r\nhello\r\n".repeat(3) + "0\r\n\r\n";
    let read = exchange(guard.address, post("Transfer-Encoding: chunked", &chunks).as_bytes()).await;
    assert_eq!(statuses(&read), [413], "{read}");
    assert_eq!(recorder.requests().len(), 1);
    assert!(recorder.beyond().iter().all(|request| !request.contains("0\r\n\r\n")));
    // Within, in chunks.
    let chunks = "5\r\nhello\r\n".repeat(2) + "0\r\n\r\n";
    let read = exchange(guard.address, post("Transfer-Encoding: chunked", &chunks).as_bytes()).await;
    assert_eq!(statuses(&read), [200]);
}

/// Over HTTP/2 to the origin, what is too long is reset.
#[tokio::test]
async fn bodies_to_an_origin_of_http_2() {
    let (whole, mut wholes) = tokio::sync::mpsc::unbounded_channel();
    let origin = origin(move |request| {
        let whole = whole.clone();
        async move {
            let collected = http_body_util::BodyExt::collect(request.into_body()).await;
            whole.send(collected.is_ok()).unwrap();
            http::Response::new(full("ok"))
        }
    })
    .await;
    let guard = Running::before(origin, |settings| {
        settings.origin.http2 = true;
        settings.limits.body_bytes = 10;
    })
    .await;
    let (mut sender, body) = piecewise();
    let asking = tokio::spawn(client(true).request(request("POST", &guard, "/", body)));
    for _ in 0..3 {
        // Taken no more once the guard has refused.
        let _ = sender.send_data("hello".into()).await;
    }
    assert_eq!(soon(asking).await.unwrap().unwrap().status(), 413);
    assert_eq!(soon(wholes.recv()).await, Some(false));
}

#[tokio::test]
async fn connections_over_the_limit_wait() {
    let (_, origin) = Recorder::start().await;
    let guard = Running::before(origin, |settings| settings.limits.connections = 2).await;
    let get = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(guard.address).await.unwrap();
        stream.write_all(get).await.unwrap();
        until(&mut stream, "ok").await;
        open.push(stream);
    }
    let mut third = TcpStream::connect(guard.address).await.unwrap();
    third.write_all(get).await.unwrap();
    let mut byte = [0];
    assert!(tokio::time::timeout(SHORT, third.peek(&mut byte)).await.is_err());
    drop(open.pop());
    assert_eq!(statuses(&until(&mut third, "ok").await), [200]);
}

async fn http2(guard: &Running) -> h2::client::SendRequest<bytes::Bytes> {
    let stream = TcpStream::connect(guard.address).await.unwrap();
    let (client, connection) = soon(h2::client::handshake(stream)).await.unwrap();
    tokio::spawn(connection);
    soon(client.ready()).await.unwrap()
}

fn get() -> Request<()> {
    Request::get("http://a.example/").body(()).unwrap()
}

#[tokio::test]
async fn streams_at_once() {
    let origin = by_hand(|mut stream, _| async move { drop(rest(&mut stream).await) }).await;
    let guard = Running::before(origin, |settings| {
        settings.limits.streams = 3;
        settings.patience.answer = SHORT;
    })
    .await;
    let mut client = http2(&guard).await;
    // The settings came with the first answer.
    let (first, _) = client.send_request(get(), true).unwrap();
    assert_eq!(soon(first).await.unwrap().status(), 504);
    assert_eq!(client.current_max_send_streams(), 3);
}

/// CVE-2023-44487: who opens streams only to reset them is sent away.
#[tokio::test]
async fn rapid_reset() {
    const STREAMS: u32 = 10_000;
    let (recorder, origin) = Recorder::start().await;
    let guard = Running::before(origin, |_| ()).await;
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    // GET http /, from the static table, and the host (RFC 7541 appendix A).
    let head = [&[0x82, 0x86, 0x84, 0x01, 9][..], b"a.example"].concat();
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(4, 0, 0, &[]));
    for number in 0..STREAMS {
        // With the end of the head and of the stream, and then CANCEL.
        sent.extend(frame(1, 5, 2 * number + 1, &head));
        sent.extend(frame(3, 0, 2 * number + 1, &[0, 0, 0, 8]));
    }
    let begun = std::time::Instant::now();
    exchange(guard.address, &sent).await;
    // Sent away, not waited for.
    assert!(begun.elapsed() < guard::settings::Patience::default().head);
    let heard = u32::try_from(recorder.requests().len()).unwrap();
    assert!(heard < STREAMS / 10, "{heard}");
    // Others are served.
    let answer = soon(client(true).request(request("GET", &guard, "/", full("")))).await.unwrap();
    assert_eq!(answer.status(), 200);
}
