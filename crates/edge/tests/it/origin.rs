//! An origin, and a client that shows the bytes it got.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// An origin that answers with who asked and how often it was asked.
pub fn origin() -> u16 {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            std::thread::spawn(move || {
                let mut request = Vec::new();
                let mut chunk = [0; 4_096];
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut chunk) {
                        Ok(read @ 1..) => request.extend_from_slice(&chunk[..read]),
                        _ => return,
                    }
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                let field = |name: &str| {
                    request
                        .lines()
                        .find_map(|line| {
                            line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name))
                        })
                        .map_or("-", |(_, value)| value)
                };
                let path = request.split(' ').nth(1).unwrap_or_default();
                let asked = ASKED.fetch_add(1, Ordering::SeqCst);
                let body = format!(
                    "{path} for {} conditions {}{} channel {} number {asked}",
                    field("cookie"),
                    field("if-none-match"),
                    field("if-modified-since"),
                    field("x-suimon-channel")
                );
                let cookie = if path.contains("cookie") { "Set-Cookie: sid=taro\r\n" } else { "" };
                let accel = if path.contains("accel") { "X-Accel-Expires: 0\r\n" } else { "" };
                let is_outage = path.contains("outage");
                let status = if is_outage { "503 Service Unavailable" } else { "200 OK" };
                let tag = if is_outage {
                    ""
                } else if path.contains("tagged") {
                    "Suimon-Subject-Tag: v1.k1.0123456789abcdef0123456789abcdef\r\n"
                } else {
                    "Suimon-Subject-Tag: anonymous\r\n"
                };
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\nCache-Control: max-age=600\r\nETag: \"e\"\r\nVary: Accept-Language\r\n\
                     Last-Modified: Mon, 02 Jan 2023 00:00:00 GMT\r\nExpires: Fri, 01 Jan 2037 00:00:00 GMT\r\n{cookie}{tag}{accel}\r\n{body}",
                    body.len()
                );
            });
        }
    });
    port
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// The whole response as text.
pub fn get(port: u16, path: &str, more: &str) -> String {
    for _ in 0..600 {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout above nought");
            let _ =
                write!(stream, "GET {path} HTTP/1.1\r\nHost: example.jp\r\nConnection: close\r\n{more}\r\n");
            let mut text = Vec::new();
            let _ = stream.read_to_end(&mut text);
            if !text.is_empty() {
                return String::from_utf8_lossy(&text).into_owned();
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("nothing answers on port {port}");
}

pub fn lines<'t>(response: &'t str, field: &str) -> Vec<&'t str> {
    let head = response.split("\r\n\r\n").next().unwrap_or_default();
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(key, _)| key.eq_ignore_ascii_case(field))
        .map(|(_, value)| value)
        .collect()
}
