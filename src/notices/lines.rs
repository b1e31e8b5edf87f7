//! The stream to a mail server before it is protected: it hands over one line at a time.
//!
//! Whoever sits on the line can send more behind the server's answer to STARTTLS, in clear. lettre reads ahead, and would take that for
//! what the server says once TLS is there: "accepted", for mails that nobody has. What was not read as a line here is read by TLS, which
//! it does not fit: then there is no connection.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A stream that is read line by line until [`Plain::end`].
#[derive(Debug)]
pub struct Lines {
    stream: TcpStream,
    by_line: Arc<AtomicBool>,
}

/// The time before protection.
pub struct Plain(Arc<AtomicBool>);

impl Plain {
    /// Nothing further is said before protection: what comes now is read as it comes.
    pub fn end(self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Lines {
    pub fn new(stream: TcpStream) -> (Self, Plain) {
        let by_line = Arc::new(AtomicBool::new(true));
        (Self { stream, by_line: by_line.clone() }, Plain(by_line))
    }
}

impl AsyncRead for Lines {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.by_line.load(Ordering::Relaxed) {
            return Pin::new(&mut self.stream).poll_read(context, out);
        }
        let mut ahead = [0; 512];
        let mut ahead = ReadBuf::new(&mut ahead);
        let seen = ready!(self.stream.poll_peek(context, &mut ahead))?;
        let line = ahead.filled().iter().position(|byte| *byte == b'\n').map_or(seen, |end| end + 1);
        // At the end of the stream nothing was seen, and nothing is read.
        let mut read = [0; 512];
        let mut read = ReadBuf::new(read.get_mut(..line.min(out.remaining())).unwrap_or_default());
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
        out.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Lines {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Lines {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}
