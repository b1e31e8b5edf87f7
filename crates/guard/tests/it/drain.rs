//! The end of a guard.

use std::time::Instant;

use http::Response;
use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::stand::*;

#[tokio::test]
async fn an_answer_under_way_is_completed() {
    for http2 in [false, true] {
        let (senders, mut sender) = tokio::sync::mpsc::unbounded_channel();
        let origin = origin(move |_| {
            let (sender, body) = piecewise();
            senders.send(sender).unwrap();
            async move { Response::new(body) }
        })
        .await;
        let guard = Running::before(origin, |_| ()).await;
        let address = guard.address;
        let mut answer = soon(client(http2).request(request("GET", &guard, "/", full("")))).await.unwrap();
        let mut sender = sender.recv().await.unwrap();
        sender.send_data("first".into()).await.unwrap();
        assert_eq!(piece(answer.body_mut()).await, "first");
        let ended = guard.stop();
        // New ones are refused, as soon as the listener is gone.
        soon(async { while TcpStream::connect(address).await.is_ok() {} }).await;
        assert!(!ended.is_finished());
        sender.send_data("second".into()).await.unwrap();
        assert_eq!(piece(answer.body_mut()).await, "second");
        drop(sender);
        assert_eq!(whole_body(answer).await.0, "");
        soon(ended).await.unwrap();
    }
}

#[tokio::test]
async fn idle_connections_close_at_once() {
    let (_, origin) = Recorder::start().await;
    let guard = Running::before(origin, |_| ()).await;
    let mut used = TcpStream::connect(guard.address).await.unwrap();
    used.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await.unwrap();
    until(&mut used, "ok").await;
    let client = client(true);
    let answer = soon(client.request(request("GET", &guard, "/", full("")))).await.unwrap();
    whole_body(answer).await;
    let mut silent = TcpStream::connect(guard.address).await.unwrap();
    let begun = Instant::now();
    let ended = guard.stop();
    soon(ended).await.unwrap();
    assert_eq!(rest(&mut used).await, "");
    assert_eq!(rest(&mut silent).await, "");
    assert!(begun.elapsed() < guard::settings::Patience::default().drain);
}

/// What does not end by itself ends with the patience, and the client knows that its answer is not whole.
#[tokio::test]
async fn an_answer_without_an_end_is_cut_off() {
    for http2 in [false, true] {
        let (senders, mut sender) = tokio::sync::mpsc::unbounded_channel();
        let origin = origin(move |_| {
            let (sender, body) = piecewise();
            senders.send(sender).unwrap();
            async move { Response::new(body) }
        })
        .await;
        let guard = Running::before(origin, |settings| settings.patience.drain = SHORT).await;
        let mut answer = soon(client(http2).request(request("GET", &guard, "/", full("")))).await.unwrap();
        let mut sender = sender.recv().await.unwrap();
        sender.send_data("first".into()).await.unwrap();
        assert_eq!(piece(answer.body_mut()).await, "first");
        soon(guard.stop()).await.unwrap();
        assert!(soon(answer.body_mut().frame()).await.unwrap().is_err());
    }
}
