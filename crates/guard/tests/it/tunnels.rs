//! WebSocket, and what else asks for another protocol.

use futures_util::{SinkExt, StreamExt};
use guard::Settings;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

use crate::stand::*;

/// An origin that gives every message back.
async fn echo() -> std::net::SocketAddr {
    by_hand(|stream, _| async move {
        let mut socket = accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
                return;
            }
        }
    })
    .await
}

async fn open(guard: &Running) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(guard.address).await.unwrap();
    let (socket, answer) = soon(client_async("ws://a.example/chat?room=1", stream)).await.unwrap();
    assert_eq!(answer.status(), 101);
    socket
}

async fn back(socket: &mut WebSocketStream<TcpStream>, message: Message) {
    soon(socket.send(message.clone())).await.unwrap();
    assert_eq!(soon(socket.next()).await.unwrap().unwrap(), message);
}

#[tokio::test]
async fn frames_go_both_ways_until_the_close() {
    // Tunnels go over HTTP/1.1 also to an origin that speaks HTTP/2 otherwise.
    for http2 in [false, true] {
        let guard = Running::before(echo().await, |settings| settings.origin.http2 = http2).await;
        let mut socket = open(&guard).await;
        back(&mut socket, Message::text("hello")).await;
        back(&mut socket, Message::binary(vec![7; 1 << 20])).await;
        soon(socket.close(None)).await.unwrap();
        assert!(matches!(soon(socket.next()).await, None | Some(Ok(Message::Close(_)))));
    }
}

#[tokio::test]
async fn idle_ends() {
    let guard = Running::before(echo().await, |settings| settings.patience.tunnel = SHORT).await;
    let mut socket = open(&guard).await;
    back(&mut socket, Message::text("hello")).await;
    assert!(!matches!(soon(socket.next()).await, Some(Ok(_))));
}

/// One that is used outlives the patience for idle ones, and those of requests.
#[tokio::test]
async fn what_moves_goes_on() {
    let guard = Running::before(echo().await, |settings| {
        settings.patience.tunnel = SHORT;
        settings.patience.head = SHORT;
        settings.patience.body = SHORT;
    })
    .await;
    let mut socket = open(&guard).await;
    let begun = std::time::Instant::now();
    while begun.elapsed() < SHORT * 4 {
        back(&mut socket, Message::text("hello")).await;
        tokio::time::sleep(SHORT / 8).await;
    }
}

/// At the end of the guard a tunnel goes on for the patience and no longer.
#[tokio::test]
async fn drained_at_the_end() {
    let drain = |settings: &mut Settings| settings.patience.drain = SHORT;
    let guard = Running::before(echo().await, drain).await;
    let mut socket = open(&guard).await;
    let ended = guard.stop();
    back(&mut socket, Message::text("still there")).await;
    soon(ended).await.unwrap();
    assert!(!matches!(soon(socket.next()).await, Some(Ok(_))));

    // One that ends by itself is not waited for any longer.
    let guard = Running::before(echo().await, |_| ()).await;
    let mut socket = open(&guard).await;
    let ended = guard.stop();
    soon(socket.close(None)).await.unwrap();
    while soon(socket.next()).await.is_some_and(|message| message.is_ok()) {}
    drop(socket);
    soon(ended).await.unwrap();
}

/// A tunnel counts among the connections.
#[tokio::test]
async fn a_tunnel_keeps_its_place() {
    let guard = Running::before(echo().await, |settings| settings.limits.connections = 1).await;
    let mut socket = open(&guard).await;
    back(&mut socket, Message::text("hello")).await;
    let mut next = TcpStream::connect(guard.address).await.unwrap();
    next.write_all(b"TRACE / HTTP/1.1\r\nHost: a.example\r\n\r\n").await.unwrap();
    let mut byte = [0];
    assert!(tokio::time::timeout(SHORT, next.peek(&mut byte)).await.is_err());
    drop(socket);
    assert_eq!(statuses(&rest(&mut next).await), [405]);
}

#[tokio::test]
async fn only_a_web_socket_is_passed_on() {
    let (recorder, origin) = Recorder::start().await;
    let guard = Running::before(origin, |settings| settings.patience.head = SHORT).await;
    for (method, upgrade) in [
        ("GET", "h2c"),
        ("GET", "websocket, h2c"),
        ("GET", "h2c, websocket"),
        ("GET", "websocket\r\nUpgrade: websocket"),
        ("GET", "TLS/1.0"),
        ("POST", "websocket"),
    ] {
        let sent = format!(
            "{method} / HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: {upgrade}\r\n\r\n"
        );
        assert_eq!(statuses(&exchange(guard.address, sent.as_bytes()).await), [501], "{method} {upgrade}");
    }
    assert_eq!(recorder.requests(), [""; 0]);
    // Without its name in `Connection`, or over HTTP/1.0, the field asks for nothing.
    for (version, connection) in [("1.1", "keep-alive"), ("1.0", "upgrade")] {
        let sent = format!(
            "GET / HTTP/{version}\r\nHost: a.example\r\nConnection: {connection}\r\nUpgrade: websocket\r\n\r\n"
        );
        assert_eq!(statuses(&exchange(guard.address, sent.as_bytes()).await), [200]);
    }
    assert!(recorder.requests().iter().all(|request| !request.contains("upgrade")));
}

/// The origin declines: an ordinary answer, and what follows are ordinary requests, which the guard reads.
#[tokio::test]
async fn declined() {
    let (recorder, origin) = Recorder::start().await;
    let guard = Running::before(origin, |settings| settings.patience.head = SHORT).await;
    let sent = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\
        GET /2 HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n";
    let read = exchange(guard.address, sent.as_bytes()).await;
    assert_eq!(statuses(&read), [200, 200]);
    let [first, second] = &recorder.requests()[..] else { panic!("two requests") };
    assert!(first.contains("connection: upgrade\r\nupgrade: websocket\r\n"), "{first}");
    assert!(second.starts_with("GET /2 ") && !second.contains("192.0.2.9"), "{second}");
}

#[tokio::test]
async fn changed_to_what_nobody_asked_for() {
    for answer in ["Connection: upgrade\r\nUpgrade: h2c", "Upgrade: websocket", "X-A: b"] {
        let origin = by_hand(move |mut stream, _| async move {
            until(&mut stream, "\r\n\r\n").await;
            let answer =
                format!("HTTP/1.1 101 Switching Protocols\r\n{answer}\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            rest(&mut stream).await;
        })
        .await;
        let guard = Running::before(origin, |settings| settings.patience.head = SHORT).await;
        let sent = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        assert_eq!(statuses(&exchange(guard.address, sent.as_bytes()).await), [502], "{answer}");
    }
}
