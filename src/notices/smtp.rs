//! SMTP over a few connections that are used again. Where a server takes several commands at once (PIPELINING, RFC 2920) a mail costs two
//! round trips instead of four.
//!
//! lettre's own pool is not used. It puts a connection back even when the sending future was dropped in the middle of a
//! command; the next user then reads the answers of the one before and takes a refusal for an acceptance. It also has no
//! time-out on answers, and leaves Nagle's algorithm on, which costs 40 ms a mail on a short line. Here a connection goes
//! back only after a complete, accepted transaction.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::lines::Lines;
use super::mailer::{Email, Outcome};
use super::model::Reason;
use crate::config::{MailConfig, SmtpTls};

/// How long to wait for the answer to the end of the mail. A server may need long to check and store what it has got, and
/// giving up early is worse than elsewhere: the server goes on and accepts, so the next attempt is a second copy. RFC 5321,
/// 4.5.3.2.6, therefore asks for 10 minutes at least; sending the bytes is part of it here (4.5.3.2.5: 3 minutes).
const LAST_ANSWER: Duration = Duration::from_mins(13);

/// An SMTP server and the connections to it.
pub struct Smtp {
    host: String,
    port: u16,
    tls: SmtpTls,
    /// None where `tls` is none.
    tls_parameters: Option<TlsParameters>,
    credentials: Option<Credentials>,
    patience: Duration,
    /// `LAST_ANSWER`, or the patience of commands where that is longer.
    last_patience: Duration,
    hello: ClientId,
    idle: Mutex<Vec<Connection>>,
}

/// A connection that was greeted and let us in.
struct Connection {
    smtp: AsyncSmtpConnection,
    /// It takes several commands at once.
    pipelines: bool,
    /// It leads to this machine itself.
    is_own_machine: bool,
}

/// What a server that let this service in is like.
pub struct Greeting {
    /// It takes several commands at once.
    pub pipelines: bool,
    /// It runs on this machine.
    pub is_own_machine: bool,
}

fn mail_of(email: &Email) -> Mail {
    Mail::new(Some(email.return_path.clone()), Vec::new())
}

fn rcpt_of(email: &Email) -> Rcpt {
    Rcpt::new(email.to.clone(), Vec::new())
}

/// The commands before a mail, for a server that takes them at once.
struct Together<'a>(&'a Email);

impl fmt::Display for Together<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        mail_of(self.0).fmt(formatter)?;
        rcpt_of(self.0).fmt(formatter)?;
        Data.fmt(formatter)
    }
}

type SmtpError = lettre::transport::smtp::Error;

/// How far a transaction had come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Greeting, EHLO, STARTTLS, AUTH: about us, not about the recipient.
    Connecting,
    /// MAIL: a connection that was left open may turn out to be closed.
    Beginning,
    /// RCPT and DATA.
    Under,
    /// The mail itself: the server may have all of it, and have accepted it.
    Ending,
}

enum Trouble {
    Error(SmtpError),
    Timeout,
    /// The connection could not be opened at all.
    Unreachable,
    /// An answer that does not belong to the command.
    Confused,
}

impl From<SmtpError> for Trouble {
    fn from(error: SmtpError) -> Self {
        Trouble::Error(error)
    }
}

impl Smtp {
    /// A server, spoken to as the configuration says.
    pub(super) fn new(config: &MailConfig, host: &str, port: u16) -> anyhow::Result<Self> {
        let tls_parameters = match config.smtp_tls {
            SmtpTls::None => None,
            SmtpTls::Starttls | SmtpTls::Implicit => Some(tls_parameters(config, host)?),
        };
        let credentials = (!config.smtp_username.is_empty()).then(|| {
            Credentials::new(config.smtp_username.clone(), config.smtp_password.expose().to_owned())
        });
        let patience = Duration::from_secs(config.smtp_timeout_seconds);
        Ok(Self {
            host: host.to_owned(),
            port,
            tls: config.smtp_tls,
            tls_parameters,
            credentials,
            patience,
            last_patience: LAST_ANSWER.max(patience),
            hello: ClientId::default(),
            idle: Mutex::default(),
        })
    }

    /// Sends one mail. Dropping the future closes its connection. `ending` becomes true before the server can have all of the mail.
    pub async fn send(&self, email: &Email, ending: &AtomicBool) -> Outcome {
        // A connection that waited may have been closed by the server; that is no attempt of this mail.
        let waiting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(connection) = waiting {
            match self.transaction(connection, email, ending).await {
                Err((Stage::Beginning, trouble)) if !is_permanent(&trouble) => {}
                result => return self.judge(result),
            }
        }
        match self.connect().await {
            Ok(connection) => self.judge(self.transaction(connection, email, ending).await),
            Err(trouble) => self.judge(Err((Stage::Connecting, trouble))),
        }
    }

    /// Name and port.
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Connects as for a mail, sends none, and tells what the server is like, or why it does not let this service in.
    pub async fn greet(&self) -> Result<Greeting, Reason> {
        match self.connect().await {
            Ok(mut connection) => {
                let _ = timeout(Duration::from_secs(2), connection.smtp.abort()).await;
                Ok(Greeting { pipelines: connection.pipelines, is_own_machine: connection.is_own_machine })
            }
            Err(trouble) => Err(not_let_in(&trouble)),
        }
    }

    /// Closes the connections that wait, politely.
    pub async fn rest(&self) {
        let connections = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for mut connection in connections {
            // The server may have gone; there is nothing left to lose.
            let _ = timeout(Duration::from_secs(2), connection.smtp.abort()).await;
        }
    }

    async fn patiently<T>(&self, answer: impl Future<Output = Result<T, SmtpError>>) -> Result<T, Trouble> {
        match timeout(self.patience, answer).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(Trouble::Timeout),
        }
    }

    async fn connect(&self) -> Result<Connection, Trouble> {
        let server = (self.host.as_str(), self.port);
        let mut is_own_machine = false;
        let mut connection = if self.tls == SmtpTls::Implicit {
            let tls = self.tls_parameters.clone();
            self.patiently(AsyncSmtpConnection::connect_tokio1(
                server,
                Some(self.patience),
                &self.hello,
                tls,
                None,
            ))
            .await?
        } else {
            let stream = match timeout(self.patience, TcpStream::connect(server)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(_)) | Err(_) => return Err(Trouble::Unreachable),
            };
            stream.set_nodelay(true).map_err(|_| Trouble::Unreachable)?;
            is_own_machine = stream.peer_addr().is_ok_and(|address| address.ip().is_loopback());
            let (stream, plain) = Lines::new(stream);
            let mut connection = self
                .patiently(AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello))
                .await?;
            if let (SmtpTls::Starttls, Some(tls)) = (self.tls, &self.tls_parameters) {
                self.patiently(connection.starttls(tls.clone(), &self.hello)).await?;
            }
            plain.end();
            connection
        };
        // lettre keeps of the greeting only what it knows itself. Asked before the login, which a server may forget at a greeting.
        let pipelines = match self.patiently(connection.command(Ehlo::new(self.hello.clone()))).await {
            Ok(extensions) => extensions.message().any(|line| line.trim().eq_ignore_ascii_case("PIPELINING")),
            Err(trouble) if is_permanent(&trouble) => false,
            Err(trouble) => return Err(trouble),
        };
        if let Some(credentials) = &self.credentials {
            self.patiently(connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials)).await?;
        }
        Ok(Connection { smtp: connection, pipelines, is_own_machine })
    }

    /// One mail over a connection, which waits for the next one only after a complete success.
    async fn transaction(
        &self,
        mut connection: Connection,
        email: &Email,
        ending: &AtomicBool,
    ) -> Result<u16, (Stage, Trouble)> {
        let smtp = &mut connection.smtp;
        let begun = match connection.pipelines {
            true => self.begin_at_once(smtp, email).await,
            false => self.begin(smtp, email).await,
        };
        let ended = match begun {
            Ok(()) => {
                ending.store(true, Ordering::Relaxed);
                self.end(smtp, email).await.map_err(|trouble| (Stage::Ending, trouble))
            }
            Err(failure) => Err(failure),
        };
        match ended {
            Ok(code) => {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
                Ok(code)
            }
            Err((stage, trouble)) => {
                // After a refusal the server still waits for us; say good-bye rather than vanish.
                if is_refusal(&trouble) {
                    let _ = timeout(Duration::from_secs(2), connection.smtp.abort()).await;
                }
                Err((stage, trouble))
            }
        }
    }

    /// Command by command, until the server waits for the mail.
    async fn begin(&self, smtp: &mut AsyncSmtpConnection, email: &Email) -> Result<(), (Stage, Trouble)> {
        let mail = self.patiently(smtp.command(mail_of(email))).await;
        mail.map_err(|trouble| (Stage::Beginning, trouble))?;
        let under = |trouble| (Stage::Under, trouble);
        self.patiently(smtp.command(rcpt_of(email))).await.map_err(under)?;
        let data = self.patiently(smtp.command(Data)).await.map_err(under)?;
        waits_for_mail(&data).map_err(under)
    }

    /// All commands at once. Each has its answer, in their order.
    async fn begin_at_once(
        &self,
        smtp: &mut AsyncSmtpConnection,
        email: &Email,
    ) -> Result<(), (Stage, Trouble)> {
        let mail = self.patiently(smtp.command(Together(email))).await;
        mail.map_err(|trouble| (Stage::Beginning, trouble))?;
        let under = |trouble| (Stage::Under, trouble);
        let recipient = self.patiently(smtp.read_response()).await;
        if recipient.as_ref().is_err_and(|trouble| !is_refusal(trouble)) {
            return recipient.map(|_| ()).map_err(under);
        }
        let data = self.patiently(smtp.read_response()).await;
        if recipient.is_err() && data.as_ref().is_ok_and(|data| data.has_code(354)) {
            // It waits for a mail to nobody (RFC 2920, 3.1): its end is all that comes.
            let _ = timeout(Duration::from_secs(2), smtp.message_iter(std::iter::empty::<&[u8]>())).await;
        }
        recipient.and(data).and_then(|data| waits_for_mail(&data)).map_err(under)
    }

    /// The mail itself.
    async fn end(&self, smtp: &mut AsyncSmtpConnection, email: &Email) -> Result<u16, Trouble> {
        let answer = timeout(self.last_patience, smtp.message(&email.bytes)).await;
        let code = u16::from(answer.map_err(|_| Trouble::Timeout)??.code());
        (200..=299).contains(&code).then_some(code).ok_or(Trouble::Confused)
    }

    fn judge(&self, result: Result<u16, (Stage, Trouble)>) -> Outcome {
        let (stage, trouble) = match result {
            Ok(code) => return Outcome::Accepted { code: Some(code) },
            Err(failure) => failure,
        };
        let code = match &trouble {
            Trouble::Error(error) => error.status().map(u16::from),
            _ => None,
        };
        if stage == Stage::Connecting {
            return Outcome::NotNow { reason: not_let_in(&trouble), code };
        }
        if stage == Stage::Ending && !is_refusal(&trouble) {
            // Whether the server has accepted is not known. Another attempt may be a second copy, none may be no copy: that is
            // for a person to decide, who can look into the server's log.
            return Outcome::Never { reason: Reason::Ambiguous, code };
        }
        let reason = match &trouble {
            Trouble::Unreachable => Reason::NoConnection,
            Trouble::Timeout => Reason::TooSlow,
            Trouble::Error(error) if error.is_permanent() => {
                return Outcome::Never { reason: Reason::Refused, code };
            }
            Trouble::Error(error) if error.is_transient() => Reason::TemporarilyRefused,
            // lettre takes the end of the connection for an incomplete answer.
            Trouble::Error(error) if error.is_response() => Reason::ConnectionLost,
            Trouble::Confused => Reason::NotUnderstood,
            Trouble::Error(error) if error.is_client() => Reason::NotUnderstood,
            Trouble::Error(_) => Reason::ConnectionLost,
        };
        Outcome::NotNow { reason, code }
    }
}

/// The server's certificate must come from an authority that the public trusts or `mail.smtp_ca_file` names.
fn tls_parameters(config: &MailConfig, host: &str) -> anyhow::Result<TlsParameters> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if !config.smtp_ca_file.is_empty() {
        let pem = std::fs::read(&config.smtp_ca_file)
            .with_context(|| format!("mail.smtp_ca_file: cannot read {}", config.smtp_ca_file))?;
        let authority = Certificate::from_pem(&pem).ok();
        builder = builder.add_root_certificate(authority.with_context(|| {
            format!("mail.smtp_ca_file: {} is no certificate; wants PEM", config.smtp_ca_file)
        })?);
    }
    builder
        .build()
        .ok()
        .context("mail.smtp_host: cannot be used for TLS; wants the name in the server's certificate")
}

/// lettre takes 2xx and 3xx alike for success. Here the difference is whether the server has the mail.
fn waits_for_mail(data: &Response) -> Result<(), Trouble> {
    data.has_code(354).then_some(()).ok_or(Trouble::Confused)
}

/// Whether the server has said no.
fn is_refusal(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Error(error) if error.status().is_some())
}

/// Why a server could not be spoken to at all.
fn not_let_in(trouble: &Trouble) -> Reason {
    match trouble {
        Trouble::Unreachable | Trouble::Timeout => Reason::NoConnection,
        Trouble::Error(_) | Trouble::Confused => Reason::ServerClosed,
    }
}

fn is_permanent(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Error(error) if error.is_permanent())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lettre::Address;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    /// How a server of these tests behaves.
    #[derive(Clone, Copy)]
    struct Server {
        pipelines: bool,
        /// Mails after which it closes a connection.
        mails: usize,
        /// Its answers; to the end of a mail perhaps none.
        again: &'static str,
        mail: &'static str,
        recipient: &'static str,
        data: &'static str,
        last: Option<&'static str>,
    }

    const PLAIN: Server = Server {
        pipelines: false,
        mails: usize::MAX,
        again: "",
        mail: "250 yes\r\n",
        recipient: "250 yes\r\n",
        data: "354 go on\r\n",
        last: Some("250 queued\r\n"),
    };
    const PIPELINING: Server = Server { pipelines: true, ..PLAIN };

    /// What it was told, line by line, over all connections until the listener is dropped. One that takes commands at once answers them at
    /// once: a client that waits for the answer to the first before it sends the second waits for ever.
    async fn serve(listener: Arc<TcpListener>, server: Server, told: Arc<Mutex<Vec<String>>>) {
        while let Ok((stream, _)) = listener.accept().await {
            converse(stream, server, &told).await;
        }
    }

    async fn converse(stream: TcpStream, server: Server, told: &Mutex<Vec<String>>) {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 test\r\n").await.unwrap();
        let (mut line, mut within_mail, mut answers) = (String::new(), false, String::new());
        let (mut greeted, mut mails) = (false, 0);
        while stream.read_line(&mut line).await.unwrap_or_default() > 0 {
            let text = line.trim_end().to_owned();
            let held = server.pipelines && (text.starts_with("MAIL") || text.starts_with("RCPT"));
            let answer = match text.as_str() {
                "." if within_mail => {
                    within_mail = false;
                    mails += 1;
                    server.last
                }
                _ if within_mail => Some(""),
                "DATA" => {
                    within_mail = server.data.starts_with("354");
                    Some(server.data)
                }
                text if text.starts_with("RCPT") => Some(server.recipient),
                text if text.starts_with("MAIL") => Some(server.mail),
                text if text.starts_with("EHLO")
                    && std::mem::replace(&mut greeted, true)
                    && !server.again.is_empty() =>
                {
                    Some(server.again)
                }
                text if text.starts_with("EHLO") && server.pipelines => {
                    Some("250-test\r\n250-SIZE 1000000\r\n250 pipelining\r\n")
                }
                _ => Some("250 yes\r\n"),
            };
            answers.push_str(answer.unwrap_or_default());
            told.lock().unwrap().push(text);
            line.clear();
            if !held && stream.write_all(std::mem::take(&mut answers).as_bytes()).await.is_err() {
                return;
            }
            if mails == server.mails {
                return;
            }
        }
    }

    async fn sent_to(server: Server, mails: usize) -> (Vec<Outcome>, Vec<String>) {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let port = listener.local_addr().unwrap().port();
        let told = Arc::new(Mutex::default());
        let server = tokio::spawn(serve(listener, server, told.clone()));
        let smtp = Smtp {
            host: "127.0.0.1".into(),
            port,
            tls: SmtpTls::None,
            tls_parameters: None,
            credentials: None,
            patience: Duration::from_secs(20),
            last_patience: Duration::from_millis(300),
            hello: ClientId::default(),
            idle: Mutex::default(),
        };
        let address: Address = "somebody@school.example".parse().unwrap();
        let email = Email {
            message_id: "<1@suimon.example>".into(),
            return_path: address.clone(),
            to: address,
            bytes: b"Subject: x\r\n\r\nx\r\n".to_vec(),
        };
        let mut outcomes = Vec::new();
        for _ in 0..mails {
            outcomes.push(smtp.send(&email, &AtomicBool::new(false)).await);
        }
        drop(smtp);
        server.abort();
        let _ = server.await;
        let told = told.lock().unwrap().clone();
        (outcomes, told)
    }

    #[tokio::test]
    async fn the_answer_to_the_end_of_a_mail_decides_and_its_absence_decides_nothing() {
        let ambiguous = Outcome::Never { reason: Reason::Ambiguous, code: None };
        for server in [PLAIN, PIPELINING] {
            for (last, expected) in [
                (Some("250 queued\r\n"), Outcome::Accepted { code: Some(250) }),
                (
                    Some("452 full\r\n"),
                    Outcome::NotNow { reason: Reason::TemporarilyRefused, code: Some(452) },
                ),
                (Some("554 no\r\n"), Outcome::Never { reason: Reason::Refused, code: Some(554) }),
                (Some("what?\r\n"), ambiguous),
                (Some("354 go on\r\n"), ambiguous),
                (None, ambiguous),
            ] {
                assert_eq!(sent_to(Server { last, ..server }, 1).await.0, [expected], "{last:?}");
            }
        }
    }

    #[tokio::test]
    async fn commands_go_at_once_to_a_server_that_takes_them_so() {
        let (outcomes, told) = sent_to(PIPELINING, 2).await;
        assert_eq!(outcomes, [Outcome::Accepted { code: Some(250) }; 2]);
        assert_eq!(told.iter().filter(|line| line.starts_with("MAIL")).count(), 2, "over one connection");
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_while_it_waited_costs_no_attempt() {
        for server in [PLAIN, PIPELINING] {
            let (outcomes, told) = sent_to(Server { mails: 1, ..server }, 3).await;
            assert_eq!(outcomes, [Outcome::Accepted { code: Some(250) }; 3]);
            assert_eq!(told.iter().filter(|line| *line == ".").count(), 3, "each once: {told:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_wants_no_second_greeting_gets_commands_one_by_one() {
        let (outcomes, _) = sent_to(Server { again: "503 once\r\n", ..PLAIN }, 2).await;
        assert_eq!(outcomes, [Outcome::Accepted { code: Some(250) }; 2]);
        // One that has no time now has none for this mail either.
        let (outcomes, told) = sent_to(Server { again: "421 later\r\n", ..PIPELINING }, 1).await;
        assert!(outcomes.iter().all(|outcome| outcome.is_unreachable()), "{outcomes:?}");
        assert!(told.iter().all(|line| !line.starts_with("MAIL")), "{told:?}");
    }

    #[tokio::test]
    async fn a_refused_recipient_gets_no_mail_whatever_is_said_to_its_end() {
        let refused = Outcome::Never { reason: Reason::Refused, code: Some(550) };
        for data in ["354 go on\r\n", "554 nobody\r\n", "503 no\r\n", "250 yes\r\n"] {
            for last in [Some("554 nobody\r\n"), Some("250 queued\r\n"), Some("")] {
                for server in [PLAIN, PIPELINING] {
                    let server = Server { recipient: "550 unknown\r\n", data, last, ..server };
                    let (outcomes, told) = sent_to(server, 1).await;
                    assert_eq!(outcomes, [refused], "{data} {last:?}");
                    assert!(told.iter().all(|line| !line.starts_with("Subject")), "{told:?}");
                }
            }
        }
        let first = Server { mail: "550 not from you\r\n", ..PIPELINING };
        let (outcomes, told) = sent_to(first, 2).await;
        assert_eq!(outcomes, [refused; 2]);
        assert!(told.iter().all(|line| !line.starts_with("Subject")), "{told:?}");
        let later = Server { recipient: "450 later\r\n", ..PIPELINING };
        let expected = Outcome::NotNow { reason: Reason::TemporarilyRefused, code: Some(450) };
        assert_eq!(sent_to(later, 1).await.0, [expected]);
        // Without 354 there is nothing to be sent, whoever may be written to.
        let confused = Server { data: "250 yes\r\n", ..PIPELINING };
        let expected = Outcome::NotNow { reason: Reason::NotUnderstood, code: None };
        assert_eq!(sent_to(confused, 1).await.0, [expected]);
    }

    #[test]
    fn the_last_answer_may_take_as_long_as_the_standard_says() {
        assert!(LAST_ANSWER >= Duration::from_mins(10));
    }
}
