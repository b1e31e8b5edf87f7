//! A real SMTP server that rejects, delays and drops on command: Postfix's `smtp-sink`, one process a test.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mail_parser::{HeaderName, MessageParser};

/// The server's process; killed with it.
pub struct Sink {
    pub port: u16,
    process: Option<Child>,
    folder: tempfile::TempDir,
    starts: u32,
}

/// A mail that the server has accepted.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub message_id: String,
    pub subject: String,
    pub body: String,
    pub source: String,
}

fn program() -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/lib/postfix/sbin")])
        .map(|folder| folder.join("smtp-sink"))
        .find(|program| program.is_file())
        .expect(
            "smtp-sink is missing: install the package postfix (apt-get install postfix) and run this again",
        )
}

impl Sink {
    /// A server on a free port. `options` as in smtp-sink(1).
    pub fn start(options: &[&str]) -> Self {
        let mut this = Self::reserved();
        this.restart(options);
        this
    }

    /// A free port on which nothing listens yet.
    pub fn reserved() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("the port").port();
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { port, process: None, folder, starts: 0 }
    }

    /// Ends the server and starts it again on the same port with other options. What it accepted is kept.
    pub fn restart(&mut self, options: &[&str]) {
        self.stop();
        self.starts += 1;
        let dumps = self.folder.path().join(self.starts.to_string());
        std::fs::create_dir(&dumps).expect("a folder for mails");
        let mut command = Command::new(program());
        // It refuses to keep the privileges of root unless it is told whose to take.
        if std::fs::metadata(&dumps).expect("the folder").uid() == 0 {
            command.args(["-u", "root"]);
        }
        command.arg("-d").arg(dumps.join("mail.")).args(options);
        command.arg(format!("127.0.0.1:{}", self.port)).arg("256");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().expect("smtp-sink starts"));
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                since.elapsed() < Duration::from_secs(10),
                "smtp-sink does not listen on port {}",
                self.port
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the server.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("smtp-sink ends");
            process.wait().expect("smtp-sink ended");
        }
    }

    /// How many mails were accepted.
    pub fn count(&self) -> usize {
        self.sources().len()
    }

    /// How many mails were accepted or begun: quick to ask, however many there are.
    pub fn begun(&self) -> usize {
        let entries = |start: u32| std::fs::read_dir(self.folder.path().join(start.to_string()));
        (1..=self.starts).map(|start| entries(start).expect("the folder of mails").count()).sum()
    }

    fn sources(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for start in 1..=self.starts {
            let folder = self.folder.path().join(start.to_string());
            let entries = std::fs::read_dir(folder).expect("the folder of mails");
            let files_here = entries.map(|entry| entry.expect("an entry").path());
            // A transaction that has not come to its text has a file too, until its end or for ever when the server ends.
            files.extend(files_here.filter(|file| {
                std::fs::read(file).is_ok_and(|text| text.windows(12).any(|window| window == b"Message-ID: "))
            }));
        }
        files
    }

    /// All mails that were accepted.
    pub fn mails(&self) -> Vec<Mail> {
        self.sources()
            .into_iter()
            .map(|file| {
                let source = std::fs::read(file).expect("a mail");
                let mail = MessageParser::default().parse(&source).expect("a mail");
                let to = mail.header(HeaderName::Other("X-Rcpt-Args".into())).and_then(|to| to.as_text());
                Mail {
                    to: to.expect("a recipient").trim_matches(['<', '>']).to_owned(),
                    message_id: mail.message_id().expect("a Message-ID").to_owned(),
                    subject: mail.subject().expect("a subject").to_owned(),
                    body: mail.body_text(0).expect("a text").replace("\r\n", "\n"),
                    source: String::from_utf8(source.clone()).expect("mails are ASCII"),
                }
            })
            .collect()
    }

    /// Mails by recipient.
    pub fn by_recipient(&self) -> BTreeMap<String, Vec<Mail>> {
        let mut found: BTreeMap<String, Vec<Mail>> = BTreeMap::new();
        for mail in self.mails() {
            found.entry(mail.to.clone()).or_default().push(mail);
        }
        found
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stop();
    }
}
