//! One request, again and again over a kept connection, and as little work as can be for it: the clients share their processor
//! with the origin.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::proxies::{Kind, Proxy};

const PATH: &str = "/mypage/1";

/// What a proxy is asked for.
pub struct Asked {
    pub kind: Kind,
    pub address: SocketAddr,
    pub cookies: String,
    request: Vec<u8>,
}

/// A kept connection.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Asked {
    /// A person with a session, in a browser that has been here before. Looks once whether the proxy does what it is measured for.
    pub fn of(proxy: &Proxy) -> Self {
        let mut asked = Self::with(proxy, "sid=person-1".to_owned());
        let first = asked.answer();
        // The viewer's cookie, where the guard gives one.
        let given = first.lines().filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
        let cookies = given.fold(asked.cookies, |cookies, given| format!("{cookies}; {given}"));
        asked = Self::with(proxy, cookies);
        let answer = asked.answer();
        let has = |what: &str| answer.contains(what);
        let guarded = has("no-store, no-cache");
        let right = match proxy.kind {
            Kind::Direct | Kind::Nginx | Kind::HaProxy => !guarded && has("x-subject: person-1"),
            Kind::Guard => guarded && has("x-subject: person-1") && !has("tripwire"),
            Kind::Rewriting => guarded && has("/.well-known/suimon/guard/tripwire"),
            Kind::Sessions => guarded && !has("x-subject"),
        };
        assert!(right && has("</html>"), "{} does something else:\n{answer}", proxy.kind.name());
        asked
    }

    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    pub fn connect(&self) -> io::Result<Client> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(Client { stream, buffer: Vec::with_capacity(32 << 10) })
    }

    fn with(proxy: &Proxy, cookies: String) -> Self {
        let Proxy { kind, address, .. } = *proxy;
        let request = format!("GET {PATH} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookies}\r\n\r\n");
        Self { kind, address, cookies, request: request.into_bytes() }
    }

    /// Names of fields in small letters.
    fn answer(&self) -> String {
        let mut client = self.connect().expect("the proxy is there");
        client.ask(self).unwrap_or_else(|error| panic!("{}: {error}", self.kind.name()));
        let answer = String::from_utf8_lossy(&client.buffer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let small = |line: &str| match line.split_once(':') {
            Some((name, value)) => format!("{}:{value}\r\n", name.to_ascii_lowercase()),
            None => format!("{line}\r\n"),
        };
        format!("{}\r\n{body}", head.lines().map(small).collect::<String>())
    }
}

impl Client {
    /// Gives back the memory of the last answer.
    pub fn forget(&mut self) {
        self.buffer = Vec::new();
    }

    /// Sends the request and takes the whole answer.
    pub fn ask(&mut self, asked: &Asked) -> io::Result<()> {
        self.stream.write_all(&asked.request)?;
        self.buffer.clear();
        let mut piece = [0; 16 << 10];
        let mut whole = None;
        loop {
            let read = self.stream.read(&mut piece)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.buffer.extend_from_slice(&piece[..read]);
            if whole.is_none() {
                whole = Whole::of(&self.buffer)?;
            }
            match whole {
                Some(Whole::At(length)) if self.buffer.len() >= length => return Ok(()),
                Some(Whole::Chunked) if self.buffer.ends_with(b"\r\n0\r\n\r\n") => return Ok(()),
                _ => {}
            }
        }
    }
}

/// When an answer is whole.
#[derive(Clone, Copy)]
enum Whole {
    At(usize),
    /// With the last chunk; nothing follows it, for nobody has asked for more.
    Chunked,
}

impl Whole {
    /// None before the end of the head.
    fn of(read: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
        let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
        if !head.starts_with("http/1.1 200 ") {
            return Err(io::Error::other(head));
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length = length.and_then(|length| length.trim().parse::<usize>().ok());
        Ok(Some(length.map_or(Self::Chunked, |length| Self::At(end + 4 + length))))
    }
}
