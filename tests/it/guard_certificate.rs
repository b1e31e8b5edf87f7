//! Another certificate while `suimon guard` runs, seen by clients of TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};

use crate::guard::{Guard, LONG, SEALED, origin, state};

/// A certificate with its key, in files.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    std::fs::write(folder.join("guard.pem"), made.cert.pem()).expect("written");
    std::fs::write(folder.join("guard.key"), made.signing_key.serialize_pem()).expect("written");
    made.cert.der().clone()
}

/// A client that takes up sessions again where it may.
fn client(known: &[&CertificateDer<'static>]) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in known {
        roots.add((*certificate).clone()).expect("a certificate");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(builder.expect("versions").with_root_certificates(roots).with_no_client_auth())
}

/// A connection over TLS that is kept open.
struct Kept(rustls::StreamOwned<rustls::ClientConnection, TcpStream>);

impl Kept {
    fn open(address: SocketAddr, config: &Arc<rustls::ClientConfig>) -> Self {
        let name = ServerName::try_from("localhost").expect("a name");
        let client = rustls::ClientConnection::new(config.clone(), name).expect("a client");
        let stream = TcpStream::connect(address).expect("the guard is there");
        stream.set_read_timeout(Some(LONG)).expect("a limit");
        Self(rustls::StreamOwned::new(client, stream))
    }

    /// The head of a page's answer.
    fn ask(&mut self) -> String {
        self.0.write_all(b"GET /mypage/1 HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\na page") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap_or_else(|error| {
                panic!("{error} after {}", String::from_utf8_lossy(&read));
            });
            read.push(byte[0]);
        }
        String::from_utf8(read).expect("text")
    }

    fn shown(&self) -> &CertificateDer<'static> {
        self.0.conn.peer_certificates().and_then(|chain| chain.first()).expect("a certificate")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_certificate_is_shown_without_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    state(folder, "audit");
    let origin = origin(Arc::default(), Arc::default()).await;
    let first = certify(folder);
    // A connection of this test may rest for long on a busy machine.
    let files = ["--tls-certificate", "guard.pem", "--tls-key", "guard.key", "--patience", "head=600"];
    let guard = Guard::start(folder, origin, &files).await;
    let address = guard.address;
    let second = certify(folder);
    let config = client(&[&first, &second]);
    let connect = async || {
        let config = config.clone();
        let open = move || {
            let mut kept = Kept::open(address, &config);
            let head = kept.ask();
            (kept, head)
        };
        tokio::task::spawn_blocking(open).await.expect("no panic")
    };

    // New files alone change nothing, and neither do they with manifests that have problems.
    let (mut kept, head) = connect().await;
    assert!(kept.shown() == &first && head.contains("public, max-age=60"), "{head}");
    let manifest = folder.join("manifests/cache.yaml");
    let stated = std::fs::read(&manifest).expect("the rule");
    std::fs::write(&manifest, "kind: Requirement\n").expect("written");
    guard.signal("-HUP");
    guard.says("cache.yaml:1:1", 1).await;
    assert_eq!(connect().await.0.shown(), &first);

    std::fs::write(&manifest, stated).expect("written");
    guard.signal("-HUP");
    guard.says("another certificate is shown from now on", 1).await;
    // Though this client remembers a session in which it saw the first one.
    assert_eq!(connect().await.0.shown(), &second);
    let (mut kept, head) = tokio::task::spawn_blocking(move || {
        let head = kept.ask();
        (kept, head)
    })
    .await
    .expect("no panic");
    assert!(kept.shown() == &first && head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");

    // A broken file: neither it nor the rules that came with it.
    let key = std::fs::read(folder.join("guard.key")).expect("the key");
    state(folder, "enforce");
    for (text, why) in [(&b"no key"[..], "guard.key: cannot be read"), (&key[..], "guard.pem with guard.key")]
    {
        if text == key {
            // The certificate is another one, and its key has not come.
            certify(folder);
        }
        std::fs::write(folder.join("guard.key"), text).expect("written");
        guard.signal("-HUP");
        let line = guard.says(why, 1).await;
        assert!(line.contains("the rules in force stay, and the certificate with them"), "{line}");
        let (kept, head) = connect().await;
        assert!(kept.shown() == &second && head.contains("public, max-age=60"), "{head}");
    }
    let third = certify(folder);
    guard.signal("-HUP");
    guard.says("other rules are in force", 1).await;
    guard.says("another certificate is shown from now on", 2).await;
    let only_third = client(&[&third]);
    let asked = tokio::task::spawn_blocking(move || Kept::open(address, &only_third).ask());
    assert!(asked.await.expect("no panic").contains(SEALED));
    let head = tokio::task::spawn_blocking(move || kept.ask()).await.expect("no panic");
    assert!(head.contains(SEALED), "the rules are for connections that are open, too: {head}");
}
