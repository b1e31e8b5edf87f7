//! Accounts at providers, with keys made for the test, and what they post.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{HeaderName, MessageParser};
use reqwest::StatusCode;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use suimon::access::Role;

use super::fixture::Fixture;
use super::returns::{history, told};
use super::sink::Sink;
use crate::harness::TestApp;

pub const TOPIC: &str = "arn:aws:sns:ap-northeast-1:123456789012:notices";

/// Posts `body` to a provider's webhook.
pub async fn post(
    app: &TestApp,
    provider: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> StatusCode {
    let mut request = app.http.post(format!("{}/hooks/{provider}", app.url)).body(body.into());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer").status()
}

/// A header of each mail that the server took, unfolded, by recipient's pseudonym; with the Message-ID.
pub fn headers_of(sink: &Sink, name: &str) -> BTreeMap<String, (String, String)> {
    let mails = sink.mails().into_iter().map(|mail| {
        let parsed = MessageParser::default().parse(mail.source.as_bytes()).expect("a mail");
        let raw = parsed.header_raw(HeaderName::parse(name).expect("a name")).unwrap_or_default();
        let person = mail.to.split('@').next().unwrap_or_default().to_owned();
        (
            person,
            (raw.replace("\r\n", "").replace('\n', "").trim().to_owned(), format!("<{}>", mail.message_id)),
        )
    });
    mails.collect()
}

/// What became of the messages to these people, a line each.
pub async fn lines(fixture: &Fixture, notice: &str, people: &[&str]) -> String {
    let mut lines = Vec::new();
    for person in people {
        lines.push(format!("{person} {}", told(&history(fixture, notice, person).await.1)));
    }
    lines.join("\n")
}

/// The details of audit entries of this action, once there are some.
pub async fn audited(fixture: &Fixture, action: &str) -> Vec<Value> {
    let operator = fixture.app.operator().await.id;
    let query =
        "query($id: ID!, $action: String!) { auditEntries(tenantId: $id, filter: { action: $action }) {
        nodes { object allowed detail } } }";
    let auditor = fixture.app.operator_member(Role::Auditor).await;
    for _ in 0..100 {
        let answer = auditor.gql_with(query, json!({ "id": operator, "action": action })).await;
        let nodes =
            answer["data"]["auditEntries"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        if !nodes.is_empty() {
            return nodes;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("no entry of {action}");
}

/// An account at SendGrid.
pub struct Sendgrid(EcdsaKeyPair);

impl Sendgrid {
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random);
        Self(key.expect("a key"))
    }

    /// As its page shows the key: what stands before the point of every P-256 key, and the point.
    pub fn public_key(&self) -> String {
        let head = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").expect("bytes");
        STANDARD.encode([&head, self.0.public_key().as_ref()].concat())
    }

    pub fn sign(&self, at: &str, body: &str) -> String {
        let signed = [at.as_bytes(), body.as_bytes()].concat();
        STANDARD.encode(self.0.sign(&SystemRandom::new(), &signed).expect("a signature"))
    }

    /// Posts events, signed now.
    pub async fn post(&self, app: &TestApp, events: &Value) -> StatusCode {
        let (at, body) = (app.now().as_second().to_string(), events.to_string());
        let signature = self.sign(&at, &body);
        let headers = [
            ("X-Twilio-Email-Event-Webhook-Signature", signature.as_str()),
            ("X-Twilio-Email-Event-Webhook-Timestamp", at.as_str()),
        ];
        post(app, "sendgrid", &headers, body).await
    }
}

/// SNS, with a certificate of its own.
pub struct Sns {
    folder: tempfile::TempDir,
    /// Where its certificates and confirmations lie.
    pub place: String,
}

fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).output().expect("openssl");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

impl Sns {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join("key.pem");
        openssl(&[
            "genpkey",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
            "-out",
            key.to_str().unwrap(),
        ]);
        let pem = std::fs::read_to_string(&key).expect("the key");
        let pair = rcgen::KeyPair::from_pem(&pem).expect("a key");
        let certificate = rcgen::CertificateParams::new(vec!["sns.amazonaws.example".to_owned()])
            .and_then(|parameters| parameters.self_signed(&pair))
            .expect("a certificate");
        std::fs::write(folder.path().join("certificate.pem"), certificate.pem()).expect("written");
        Self { folder, place: "https://sns.ap-northeast-1.amazonaws.com".to_owned() }
    }

    /// The file with its certificate.
    pub fn certificate(&self) -> String {
        self.folder.path().join("certificate.pem").display().to_string()
    }

    /// A signed envelope of this kind; `change` is done before it is signed.
    pub fn envelope(
        &self,
        at: jiff::Timestamp,
        kind: &str,
        message: &str,
        change: impl Fn(&mut Value),
    ) -> Value {
        let mut envelope = json!({
            "Type": kind, "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": TOPIC, "Message": message,
            "Timestamp": at.to_string(), "SignatureVersion": "2",
            "SigningCertURL": format!("{}/SimpleNotificationService-0a1b2c.pem", self.place),
        });
        let fields: &[&str] = if kind == "Notification" {
            &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
        } else {
            envelope["Token"] = "2336412f37".into();
            let url = format!("{}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37", self.place);
            envelope["SubscribeURL"] = url.into();
            &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        };
        change(&mut envelope);
        let present =
            fields.iter().filter_map(|name| Some(format!("{name}\n{}\n", envelope[*name].as_str()?)));
        let signed = self.folder.path().join("signed");
        std::fs::write(&signed, present.collect::<String>()).expect("written");
        let digest = if envelope["SignatureVersion"] == "1" { "-sha1" } else { "-sha256" };
        let key = self.folder.path().join("key.pem");
        let signature = openssl(&["dgst", digest, "-sign", key.to_str().unwrap(), signed.to_str().unwrap()]);
        envelope["Signature"] = STANDARD.encode(signature).into();
        envelope
    }

    /// Posts what SES says, signed now.
    pub async fn notify(&self, app: &TestApp, said: &Value) -> StatusCode {
        let envelope = self.envelope(app.now(), "Notification", &said.to_string(), |_| {});
        post(app, "ses", &[], envelope.to_string()).await
    }

    /// Answers for its certificate and confirmations, at a port of this machine: what it was asked for.
    pub fn listen(&mut self) -> Arc<Mutex<Vec<String>>> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        self.place = format!("http://{}", listener.local_addr().expect("the port"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (paths, pem) =
            (asked.clone(), std::fs::read_to_string(self.certificate()).expect("a certificate"));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let (mut request, mut piece) = (Vec::new(), [0; 1024]);
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut piece).expect("a request") {
                        0 => break,
                        length => request.extend_from_slice(&piece[..length]),
                    }
                }
                let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
                let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
                let body =
                    if path.ends_with(".pem") { pem.as_str() } else { "<ConfirmSubscriptionResponse/>" };
                let status = if path.contains("ffff") { "404 Not Found" } else { "200 OK" };
                paths.lock().expect("paths").push(path);
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        asked
    }
}

/// What SES says of a mail that bounced.
pub fn ses_bounce(id: &str, kind: [&str; 2], status: &str, mail: Value) -> Value {
    json!({ "eventType": "Bounce", "mail": mail, "bounce": {
        "feedbackId": id, "bounceType": kind[0], "bounceSubType": kind[1], "timestamp": "2023-10-26T09:00:00.000Z",
        "bouncedRecipients": [{ "emailAddress": "somebody@school.example", "action": "failed", "status": status,
            "diagnosticCode": format!("smtp; 550 {status} <somebody@school.example> no") }] } })
}
