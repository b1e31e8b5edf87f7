//! With what the guard speaks TLS, which can be changed while it does.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_rustls::TlsAcceptor;

/// Certificate, key and protocols. A handshake keeps to what was in force when it began, and so does the connection that comes
/// of it.
pub struct Tls(ArcSwap<rustls::ServerConfig>);

impl Tls {
    /// For HTTP/2, `config` names `h2` in its `alpn_protocols`.
    pub fn new(config: Arc<rustls::ServerConfig>) -> Self {
        Self(ArcSwap::new(config))
    }

    /// For handshakes that begin from now on. Sessions that clients remember are void, as far as `config` has its own memory of
    /// them: who took one up again would be shown no certificate (RFC 8446 section 2.2).
    pub fn replace(&self, config: Arc<rustls::ServerConfig>) {
        self.0.store(config);
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.load_full())
    }
}
