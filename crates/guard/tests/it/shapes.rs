//! Requests that two programs could read in two ways, as bytes: what the origin gets of each, byte for byte, and what the client.

use crate::stand::*;

/// Refused, with this status, before a whole request came to the origin. Each is one request, or one and what an attacker wants to
/// be read as another.
const REFUSED: &[(&str, u16, &str)] = &[
    (
        "2cl diff",
        400,
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nhello",
    ),
    ("cl list", 400, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5, 5\r\n\r\nhello"),
    (
        "te space",
        400,
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\nhello",
    ),
    (
        "xchunked",
        400,
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    (
        "chunked,identity",
        400,
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked, identity\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    (
        "gzip,chunked",
        501,
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    (
        "te twice",
        501,
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    (
        "te x then chunked",
        501,
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    (
        "te vt",
        400,
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: \x0bchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    (
        "te 1.0",
        400,
        "POST / HTTP/1.0\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    ("obs-fold", 400, "GET / HTTP/1.1\r\nHost: a.example\r\nX-A: b\r\n c\r\n\r\n"),
    ("fold first", 400, "GET / HTTP/1.1\r\n X-A: b\r\nHost: a.example\r\n\r\n"),
    ("bare cr", 400, "GET / HTTP/1.1\r\nHost: a.example\r\nX-A: b\rX-B: c\r\n\r\n"),
    ("nul", 400, "GET / HTTP/1.1\r\nHost: a.example\r\nX-A: b\0c\r\n\r\n"),
    ("leading sp", 400, " GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
    ("two sp", 400, "GET  / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
    ("sp in target", 400, "GET /a b HTTP/1.1\r\nHost: a.example\r\n\r\n"),
    ("tab", 400, "GET\t/\tHTTP/1.1\r\nHost: a.example\r\n\r\n"),
    ("version 1.2", 400, "GET / HTTP/1.2\r\nHost: a.example\r\n\r\n"),
    ("version 2.0", 400, "GET / HTTP/2.0\r\nHost: a.example\r\n\r\n"),
    ("0.9", 400, "GET /\r\n\r\n"),
    ("absolute other", 400, "GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"),
    ("2 host", 400, "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n"),
    ("2 same host", 400, "GET / HTTP/1.1\r\nHost: a.example\r\nHost: a.example\r\n\r\n"),
    ("no host", 400, "GET / HTTP/1.1\r\nX-A: b\r\n\r\n"),
    ("empty host", 400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    ("host @", 400, "GET / HTTP/1.1\r\nHost: b.example@a.example\r\n\r\n"),
    ("host ,", 400, "GET / HTTP/1.1\r\nHost: a.example,b.example\r\n\r\n"),
    ("host /", 400, "GET / HTTP/1.1\r\nHost: a.example/x\r\n\r\n"),
    ("cl +5", 400, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: +5\r\n\r\nhello"),
    ("cl -5", 400, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: -5\r\n\r\nhello"),
    ("cl 0x5", 400, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0x5\r\n\r\nhello"),
    ("cl empty", 400, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length:\r\n\r\nhello"),
    (
        "cl 2^64",
        400,
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 18446744073709551616\r\n\r\nhello",
    ),
    (
        "chunk ext lf",
        400,
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n",
    ),
    (
        "chunk lf",
        400,
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
    ),
    (
        "chunk size x",
        400,
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nhello\r\n0\r\n\r\n",
    ),
    (
        "chunk size 0x5",
        400,
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    ),
    (
        "chunk size -5",
        400,
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    ),
    (
        "chunk size huge",
        400,
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
    ),
    (
        "chunk too long data",
        400,
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX\r\n0\r\n\r\n",
    ),
    ("name sp", 400, "GET / HTTP/1.1\r\nHost: a.example\r\nX A: b\r\n\r\n"),
    ("no colon", 400, "GET / HTTP/1.1\r\nHost: a.example\r\nX-A\r\n\r\n"),
    ("empty name", 400, "GET / HTTP/1.1\r\nHost: a.example\r\n: b\r\n\r\n"),
    ("asterisk get", 400, "GET * HTTP/1.1\r\nHost: a.example\r\n\r\n"),
    ("authority form", 400, "GET a.example:80 HTTP/1.1\r\nHost: a.example\r\n\r\n"),
    (
        "connect",
        405,
        "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    ),
    ("trace", 405, "TRACE / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
    (
        "upgrade h2c",
        501,
        "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
    ),
    (
        "ws body",
        501,
        "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello",
    ),
];

/// Passed on: what the origin gets is its line, the host, its fields, those of the guard, and the body.
const PASSED: &[(&str, &str, Wanted)] = &[
    (
        "cl+te",
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n",
        Wanted { line: "POST /", fields: "", body: Body::Chunked },
    ),
    (
        "te+cl",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n",
        Wanted { line: "POST /", fields: "", body: Body::Chunked },
    ),
    (
        "2cl same",
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        Wanted { line: "POST /", fields: "", body: Body::Long },
    ),
    (
        "bare lf",
        "GET / HTTP/1.1\nHost: a.example\nX-A: b\n\n",
        Wanted { line: "GET /", fields: "x-a: b\r\n", body: Body::None },
    ),
    (
        "bare lf in value",
        "GET / HTTP/1.1\r\nHost: a.example\r\nX-A: b\nX-B: c\r\n\r\n",
        Wanted { line: "GET /", fields: "x-a: b\r\nx-b: c\r\n", body: Body::None },
    ),
    (
        "leading crlf",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        Wanted { line: "GET /", fields: "", body: Body::None },
    ),
    (
        "absolute same",
        "GET http://a.example/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n",
        Wanted { line: "GET /x?y", fields: "", body: Body::None },
    ),
    (
        "cl 005",
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 005\r\n\r\nhello",
        Wanted { line: "POST /", fields: "", body: Body::Long },
    ),
    (
        "chunk ext",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\n\r\n",
        Wanted { line: "POST /", fields: "", body: Body::Chunked },
    ),
    (
        "chunk size sp",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
        Wanted { line: "POST /", fields: "", body: Body::Chunked },
    ),
    (
        "get body",
        "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello",
        Wanted { line: "GET /", fields: "", body: Body::Long },
    ),
    (
        "crlf percent",
        "GET /%0d%0aX-B:%20c HTTP/1.1\r\nHost: a.example\r\nX-A: b%0d%0aX-B: c\r\n\r\n",
        Wanted { line: "GET /%0d%0aX-B:%20c", fields: "x-a: b%0d%0aX-B: c\r\n", body: Body::None },
    ),
    (
        "fragment",
        "GET /a#b HTTP/1.1\r\nHost: a.example\r\n\r\n",
        Wanted { line: "GET /a", fields: "", body: Body::None },
    ),
    (
        "options *",
        "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n",
        Wanted { line: "OPTIONS *", fields: "", body: Body::None },
    ),
];

struct Wanted {
    line: &'static str,
    fields: &'static str,
    body: Body,
}

/// Of five letters, or none.
#[derive(Clone, Copy)]
enum Body {
    None,
    Long,
    Chunked,
}

const OURS: &str = "forwarded: for=127.0.0.1;host=\"a.example\";proto=http\r\nx-forwarded-for: 127.0.0.1\r\n\
    x-forwarded-host: a.example\r\nx-forwarded-proto: http\r\nvia: 1.1 suimon\r\n";

impl Wanted {
    fn bytes(&self) -> String {
        let Self { line, fields, body } = self;
        let (length, chunked, body) = match body {
            Body::None => ("", "", ""),
            Body::Long => ("content-length: 5\r\n", "", "hello"),
            Body::Chunked => ("", "transfer-encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        };
        format!("{line} HTTP/1.1\r\nhost: a.example\r\n{fields}{length}{OURS}{chunked}\r\n{body}")
    }
}

async fn guarded() -> (Recorder, Running) {
    let (recorder, origin) = Recorder::start().await;
    let short = |settings: &mut guard::Settings| {
        settings.patience.head = SHORT;
        settings.patience.body = SHORT;
    };
    (recorder, Running::before(origin, short).await)
}

#[tokio::test]
async fn refused() {
    for (name, status, sent) in REFUSED {
        let (recorder, guard) = guarded().await;
        let read = exchange(guard.address, sent.as_bytes()).await;
        assert_eq!(statuses(&read), [*status], "{name}: {read}");
        assert!(read.contains("connection: close\r\n"), "{name}: {read}");
        assert_eq!(recorder.requests(), [""; 0], "{name}");
    }
}

#[tokio::test]
async fn passed_on() {
    for (name, sent, wanted) in PASSED {
        let (recorder, guard) = guarded().await;
        let read = exchange(guard.address, sent.as_bytes()).await;
        assert_eq!(statuses(&read), [200], "{name}: {read}");
        assert_eq!(recorder.requests(), [wanted.bytes()], "{name}");
        assert_eq!(recorder.beyond(), [""; 0], "{name}");
    }
}

/// RFC 9112 section 6.1: where length and transfer coding come together, the connection ends with the answer, so what follows is
/// never read, neither as a request nor as a body.
#[tokio::test]
async fn length_and_coding_end_the_connection() {
    for (_, sent, _) in PASSED.iter().filter(|(name, ..)| ["cl+te", "te+cl"].contains(name)) {
        assert!(sent.contains("/smuggled"));
        let (recorder, guard) = guarded().await;
        let read = exchange(guard.address, sent.as_bytes()).await;
        assert!(read.contains("connection: close\r\n"), "{read}");
        assert_eq!(recorder.requests().len(), 1);
    }
}

#[tokio::test]
async fn trailers_that_would_frame_are_left_out() {
    let (recorder, guard) = guarded().await;
    let sent = "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nTrailer: content-length, x-a\r\n\r\n\
        5\r\nhello\r\n0\r\nContent-Length: 3\r\nX-A: b\r\n\r\n";
    let read = exchange(guard.address, sent.as_bytes()).await;
    assert_eq!(statuses(&read), [200]);
    let [request] = &recorder.requests()[..] else { panic!("one request") };
    assert!(request.ends_with("\r\n\r\n5\r\nhello\r\n0\r\nx-a: b\r\n\r\n"), "{request}");
}

#[tokio::test]
async fn pipelined_requests_stay_two() {
    let (recorder, guard) = guarded().await;
    let sent = "POST /1 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello\
        GET /2 HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let read = exchange(guard.address, sent.as_bytes()).await;
    assert_eq!(statuses(&read), [200, 200]);
    let wanted = [("POST /1", Body::Long), ("GET /2", Body::None)];
    let wanted = wanted.map(|(line, body)| Wanted { line, fields: "", body }.bytes());
    assert_eq!(recorder.requests(), wanted);
}

/// A body that does not come whole never becomes a whole one at the origin.
#[tokio::test]
async fn a_body_that_breaks_off_stays_broken() {
    for sent in [
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 50\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nz\r\n",
    ] {
        let (recorder, guard) = guarded().await;
        let read = exchange(guard.address, sent.as_bytes()).await;
        let [status] = statuses(&read)[..] else { panic!("one answer: {read}") };
        assert_eq!(status, if sent.ends_with("z\r\n") { 400 } else { 408 });
        assert_eq!(recorder.requests(), [""; 0]);
    }
}
