//! What stays the same while a guard runs: where it listens, what it stands in front of, how long and how much.

use std::time::Duration;

use http::Uri;
use http::header::HeaderName;
use http::uri::Authority;
use ipnet::IpNet;

/// How a guard is set up. The rules come apart ([`crate::Rules`]), because they change while it runs.
#[derive(Clone, Debug)]
pub struct Settings {
    pub origin: Origin,
    pub limits: Limits,
    pub patience: Patience,
    /// Networks (CIDR, such as `10.0.0.0/8`; a single address is one of `/32` or `/128`) of the proxies before the guard, such as the
    /// nodes of an edge: what they say of the client is passed on. What anybody else says is thrown away.
    pub trusted: Vec<IpNet>,
    /// In which the edge gives the number of its request, such as `x-amz-cf-id` or `cf-ray`. Best the one of the edge that is there: if
    /// several are in a request, none counts. None: [`crate::access_log::EDGE_IDS`].
    pub edge_ids: Vec<HeaderName>,
}

/// The system behind the guard.
#[derive(Clone, Debug)]
pub struct Origin {
    /// `http://host:port` or `https://host:port`, without a path.
    pub address: Uri,
    /// HTTP/2: with `https` where ALPN finds it, with `http` from the first byte, because it is known that the origin speaks it.
    /// Tunnels go over HTTP/1.1 all the same.
    pub http2: bool,
    /// Certificate authorities in PEM beside those of the system's list (webpki-roots); none: only those.
    pub authorities: Vec<u8>,
    /// The name that the origin is asked for; none: the one that the client asked for.
    pub host: Option<Authority>,
    /// Idle connections that are kept.
    pub idle_connections: usize,
}

/// How much is taken.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once, tunnels among them; further ones wait in the system's queue.
    pub connections: usize,
    /// Header fields of a request or of an answer.
    pub header_fields: usize,
    /// Bytes of a head (request line or status line and header fields).
    pub head_bytes: usize,
    /// Bytes of a request's target.
    pub target_bytes: usize,
    /// Bytes of a request's body.
    pub body_bytes: u64,
    /// Requests at once on a connection of HTTP/2.
    pub streams: u32,
}

impl Limits {
    /// hyper's own limit of header fields. Told the same number, it makes room for them on the heap with each message.
    const USUAL_FIELDS: usize = 100;

    /// The limit of header fields where it is not hyper's own.
    pub(crate) fn unusual_fields(&self) -> Option<usize> {
        Some(self.header_fields).filter(|fields| *fields != Self::USUAL_FIELDS)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            header_fields: Self::USUAL_FIELDS,
            head_bytes: 64 << 10,
            target_bytes: 8 << 10,
            body_bytes: 64 << 20,
            streams: 128,
        }
    }
}

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the whole head of a request and the wait for it, on a new connection as between two requests.
    pub head: Duration,
    /// For the handshake of TLS.
    pub handshake: Duration,
    /// For the next piece of a body, in both directions: to come, and at the client's to be taken.
    pub body: Duration,
    /// For a connection to the origin.
    pub connect: Duration,
    /// For the head of the origin's answer, after the last piece of the request that the origin took.
    pub answer: Duration,
    /// For the next byte through a tunnel, such as a WebSocket.
    pub tunnel: Duration,
    /// For requests and tunnels that are under way when the guard ends.
    pub drain: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            head: seconds(15),
            handshake: seconds(10),
            body: seconds(30),
            connect: seconds(5),
            answer: seconds(60),
            tunnel: seconds(600),
            drain: seconds(30),
        }
    }
}
