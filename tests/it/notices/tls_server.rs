//! A real SMTP server that speaks TLS and asks for a password: `aiosmtpd`, one process a test.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// Writes an authority and a certificate of its own for these names into a folder: `ca.pem`, `certificate.pem`, `key.pem`.
pub fn certificates(folder: &Path, names: Vec<String>) {
    let key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(folder.join("ca.pem"), authority.self_signed(&key).expect("an authority").pem())
        .expect("a file");
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(names).expect("parameters");
    let certificate = certificate.signed_by(&key, &issuer).expect("a certificate");
    std::fs::write(folder.join("certificate.pem"), certificate.pem()).expect("a file");
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).expect("a file");
}

/// The server's process; killed with it.
pub struct TlsServer {
    pub port: u16,
    process: Child,
    folder: tempfile::TempDir,
}

impl TlsServer {
    /// `mode` is `starttls` or `implicit`; the certificate is for `host`.
    pub fn start(mode: &str, host: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str| folder.path().join(name);
        certificates(folder.path(), vec![host.to_owned()]);
        std::fs::create_dir(file("mails")).expect("a folder for mails");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("the port").port();
        drop(listener);
        let process = Command::new(python())
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/notices/tls_server.py"))
            .args([
                mode.into(),
                file("certificate.pem"),
                file("key.pem"),
                port.to_string().into(),
                file("mails"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let this = Self { port, process, folder };
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(since.elapsed() < Duration::from_secs(20), "nothing listens on port {port}");
            std::thread::sleep(Duration::from_millis(20));
        }
        this
    }

    /// The certificate of its authority.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The mails that it took, as it keeps them.
    pub fn mails(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("mails")).expect("the folder of mails");
        entries
            .map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).expect("a mail"))
            .collect()
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        // It may have ended by itself; the test has failed then.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A Python that has the server: the system's own has the system's packages, another one may come first in the path.
fn python() -> &'static str {
    let has = |python: &&str| {
        Command::new(python)
            .args(["-c", "import aiosmtpd"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    ["python3", "/usr/bin/python3"].into_iter().find(has).expect(
        "aiosmtpd is missing: install the package python3-aiosmtpd (apt-get install python3-aiosmtpd) and run this again",
    )
}
