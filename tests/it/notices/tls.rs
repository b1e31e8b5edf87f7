//! Mail over TLS: by STARTTLS and from the first byte, with a user; and what happens when the server cannot be trusted.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::fixture::Fixture;
use super::sink::Sink;
use super::tls_server::TlsServer;

const USER: [&str; 2] = ["mail.smtp_username=suimon", "mail.smtp_password=open sesame"];

async fn fixture(server: &TlsServer, mode: &str, further: &[&str]) -> Fixture {
    let all = [
        "mail.transport=smtp".to_owned(),
        "mail.smtp_host=localhost".to_owned(),
        format!("mail.smtp_tls={mode}"),
        format!("mail.smtp_port={}", server.port),
    ];
    let all: Vec<&str> = all.iter().map(String::as_str).chain(further.iter().copied()).collect();
    Fixture::with(&all).await
}

fn trusting(server: &TlsServer) -> String {
    format!("mail.smtp_ca_file={}", server.authority().display())
}

async fn everybody_is_told(mode: &str) {
    let server = TlsServer::start(mode, "localhost");
    let fixture = fixture(&server, mode, &[USER[0], USER[1], &trusting(&server)]).await;
    let revision = fixture.people(5).await;
    let notice = fixture.approved(revision).await;
    let sent = fixture.send().await;
    assert_eq!((sent.accepted, sent.deferred, sent.failed), (5, 0, 0));
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 5 0 0");
    let mails = server.mails();
    assert_eq!(mails.len(), 5);
    for mail in mails {
        assert!(mail.starts_with("X-Tls: TLSv1.3\r\nX-User: suimon\r\n"), "{mail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_starttls_with_a_user() {
    everybody_is_told("starttls").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_tls_from_the_first_byte_with_a_user() {
    everybody_is_told("implicit").await;
}

/// Nothing leaves, and everything waits for another attempt.
async fn nobody_is_told(fixture: Fixture) {
    let revision = fixture.people(2).await;
    let notice = fixture.approved(revision).await;
    let sent = fixture.send().await;
    assert_eq!((sent.accepted, sent.failed), (0, 0));
    // The second need not be tried when nobody lets the first in.
    let standing = fixture.standing(&notice).await;
    assert!(["APPROVED 0 0 0 2 0", "APPROVED 1 0 0 1 0"].contains(&standing.as_str()), "{standing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_vouches_for_ends_it() {
    for mode in ["starttls", "implicit"] {
        let server = TlsServer::start(mode, "localhost");
        nobody_is_told(fixture(&server, mode, &USER).await).await;
        assert!(server.mails().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_ends_it() {
    let server = TlsServer::start("starttls", "mail.example");
    nobody_is_told(fixture(&server, "starttls", &[USER[0], USER[1], &trusting(&server)]).await).await;
    assert!(server.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_ends_it() {
    let server = TlsServer::start("starttls", "localhost");
    let wrong = [USER[0], "mail.smtp_password=open barley", &trusting(&server)];
    nobody_is_told(fixture(&server, "starttls", &wrong).await).await;
    assert!(server.mails().is_empty());
}

/// Somebody in between may take the offer out of the server's greeting: then nothing is sent in the clear.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_gets_nothing() {
    let sink = Sink::start(&[]);
    nobody_is_told(Fixture::sending_to(&sink, &["mail.smtp_tls=starttls"]).await).await;
    assert_eq!(sink.count(), 0);
}

/// What somebody who sits on the line says in the server's name behind its answer to STARTTLS: that all went well.
const FORGED: &str = "250-localhost\r\n250 AUTH PLAIN\r\n250 yes\r\n235 welcome\r\n250 yes\r\n250 yes\r\n354 go on\r\n250 queued\r\n";

/// Passes on what both sides say, and adds that.
async fn somebody_in_between(server: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            tokio::spawn(async move {
                let (mut bytes, mut greetings) = ([0; 4096], 0);
                while let Ok(number @ 1..) = from_server.read(&mut bytes).await {
                    let mut said = bytes[..number].to_vec();
                    if said.starts_with(b"220") {
                        greetings += 1;
                        if greetings == 2 {
                            said.extend_from_slice(FORGED.as_bytes());
                        }
                    }
                    if to_client.write_all(&said).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_before_tls_counts_for_nothing_after_it() {
    let server = TlsServer::start("starttls", "localhost");
    let port = format!("mail.smtp_port={}", somebody_in_between(server.port).await);
    let fixture = fixture(&server, "starttls", &[USER[0], USER[1], &trusting(&server), &port]).await;
    nobody_is_told(fixture).await;
    assert!(server.mails().is_empty());
}
