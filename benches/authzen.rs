//! Decisions over HTTP (AuthZEN 1.0), by Suimon and by Cerbos, with the same rules, the same questions byte for byte, the same
//! client, in turns: `script/bench authzen`, which installs the peer. One question a request, and a hundred in a batch.
//!
//! Suimon alone knows who asks: it looks the token up in the database and checks what it may ask. It also keeps its records of
//! decisions. The client speaks bare HTTP/1.1 over kept connections, because it shares the processors with the servers.
//!
//! `CLIENTS` (32), `SECONDS` (5, of each turn), `TURNS` (3).

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

mod common;
#[path = "common/load.rs"]
mod load;
#[path = "common/peer.rs"]
mod peer;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use common::{SYSTEM, institution, setting};
use load::rate;
use peer::Peer;
use serde_json::{Value, json};
use suimon::access::{self, NewAccount, Role};
use suimon::requirements::{self, ManifestFile, Outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const MANIFESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/vaccine-booking/manifests");
const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/cerbos");
const BATCH: usize = 100;

struct Load {
    name: &'static str,
    address: String,
    /// Whole requests, and the decisions that must come back.
    requests: Vec<(Vec<u8>, Vec<bool>)>,
}

#[tokio::main]
async fn main() {
    let (clients, seconds, turns) = (setting("CLIENTS", 32), setting("SECONDS", 5), setting("TURNS", 3));
    let Ok(program) = std::env::var("SUIMON_BENCH_CERBOS") else {
        println!("run it by `script/bench authzen`, which installs Cerbos");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (suimon, token) = start_suimon(folder.path()).await;
    let (_peer, cerbos) = start_cerbos(Path::new(&program)).await;
    println!("{clients} clients, {turns} turns of {seconds} s each");
    for batch in [1, BATCH] {
        let load = |name, address: &str| {
            let requests = (0..40).map(|start| request(address, &token, start * 7, batch)).collect();
            Arc::new(Load { name, address: address.to_owned(), requests })
        };
        let loads = [load("Cerbos", &cerbos), load("Suimon", &suimon)];
        for load in &loads {
            agree(load).await;
        }
        let mut ratios = Vec::new();
        for _ in 0..turns {
            let mut rates = Vec::new();
            for load in &loads {
                let rate = throughput(load, clients, seconds).await * batch as f64;
                print!("{} {rate:.0} decisions/s   ", load.name);
                rates.push(rate);
            }
            println!();
            ratios.push(rates[1] / rates[0]);
        }
        ratios.sort_by(f64::total_cmp);
        println!("{batch} a request: Suimon to Cerbos, median ratio {:.2}", ratios[ratios.len() / 2]);
    }
}

/// Somebody books a slot: who may, and who may not.
fn question(number: usize) -> (Value, bool) {
    let role = ["call_centre", "data_subject", "janitor"][number % 3];
    let open = number.is_multiple_of(2);
    let question = json!({
        "subject": {
            "type": "operator",
            "id": format!("desk-{number}"),
            // Each server reads the roles under its own name and takes the other for an attribute that no rule asks for.
            "properties": { "roles": [role], "cerbos.roles": [role] },
        },
        "action": { "name": "book" },
        "resource": { "type": "slot", "id": format!("slot-{number}"), "properties": { "accepts_bookings": open } },
        "context": { "system": SYSTEM, "channel": "call_centre" },
    });
    (question, open && role != "janitor")
}

fn request(address: &str, token: &str, start: usize, batch: usize) -> (Vec<u8>, Vec<bool>) {
    let (questions, answers): (Vec<_>, Vec<_>) = (start..start + batch).map(question).unzip();
    let (path, body) = match <[Value; 1]>::try_from(questions) {
        Ok([only]) => ("evaluation", only),
        Err(many) => ("evaluations", json!({ "evaluations": many })),
    };
    let body = body.to_string();
    let head = format!(
        "POST /access/v1/{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    ([head.into_bytes(), body.into_bytes()].concat(), answers)
}

async fn start_suimon(folder: &Path) -> (String, String) {
    let (app, op) = common::service(common::config(folder), 1, |text| text).await;
    let content = std::fs::read(format!("{MANIFESTS}/requirements.yaml")).expect("the example");
    let rules = ManifestFile { name: "requirements.yaml".into(), content };
    let outcome = requirements::apply(&op, vec![rules], "bench", false).await.expect("the rules");
    assert!(matches!(outcome, Outcome::Applied(_)), "the example's rules are right");
    let tenant = access::tenant_by_slug(&op, &institution(0)).await.expect("an institution").id;
    let admin = access::act_locally(&app, "admin").await.expect("the administrator");
    let desk = NewAccount {
        login: "desk-program".into(),
        display_name: "Desk".into(),
        roles: vec![Role::Service],
        password: None,
    };
    access::create_account(&admin, tenant, desk).await.expect("a program's account");
    let scopes = ["decide:authzen".to_owned(), "decide:authzen_roles".to_owned()];
    let token = access::issue_token_for(&app, "desk-program", "bench", &scopes, 1).await.expect("a token");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("the port").to_string();
    tokio::spawn(async move {
        let _ = suimon::http::run(app, listener, std::future::pending()).await;
    });
    (address, token.secret)
}

async fn start_cerbos(program: &Path) -> (Peer, String) {
    let free = || std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let (http, grpc) = (free().expect("a port").to_string(), free().expect("a port").to_string());
    let started = Command::new(program)
        .args(["server", "--log-level=error", "--debug-listen-addr="])
        .arg(format!("--set=server.httpListenAddr={http}"))
        .arg(format!("--set=server.grpcListenAddr={grpc}"))
        .arg(format!("--set=storage.disk.directory={PEER}/policies"))
        .args([
            "--set=storage.driver=disk",
            "--set=telemetry.disabled=true",
            "--set=server.logRequestPayloads=false",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let peer = Peer(started.expect("Cerbos, which script/bench installs"));
    for _ in 0..100 {
        if TcpStream::connect(&http).await.is_ok() {
            return (peer, http);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("Cerbos does not listen");
}

/// One exchange on a kept connection; returns the answer's body.
async fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> Vec<u8> {
    stream.write_all(request).await.expect("a request");
    buffer.clear();
    loop {
        let read = stream.read_buf(buffer).await.expect("an answer");
        assert_ne!(read, 0, "the server closed: {}", String::from_utf8_lossy(buffer));
        let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..end]).expect("a head");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        if let Some(length) = header(head, "content-length") {
            let length: usize = length.parse().expect("a length");
            if buffer.len() >= end + 4 + length {
                return buffer[end + 4..end + 4 + length].to_vec();
            }
        } else {
            assert_eq!(header(head, "transfer-encoding"), Some("chunked"), "{head}");
            if buffer.ends_with(b"\r\n0\r\n\r\n") {
                return unchunked(&buffer[end + 4..]);
            }
        }
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|bytes| bytes == b"\r\n") {
        let length =
            std::str::from_utf8(&rest[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let length = length.expect("the length of a chunk");
        body.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 4 + length..];
    }
    body
}

fn decisions(body: &[u8]) -> Vec<bool> {
    let answer: Value = serde_json::from_slice(body).expect("JSON");
    match answer["evaluations"].as_array() {
        Some(many) => many.iter().map(|one| one["decision"] == true).collect(),
        None => vec![answer["decision"] == true],
    }
}

/// Both decide as the rules say.
async fn agree(load: &Load) {
    let mut stream = TcpStream::connect(&load.address).await.expect("a connection");
    for (request, expected) in &load.requests {
        let body = exchange(&mut stream, request, &mut Vec::new()).await;
        assert_eq!(decisions(&body), *expected, "{}: {}", load.name, String::from_utf8_lossy(&body));
    }
}

/// Requests a second.
async fn throughput(load: &Arc<Load>, clients: usize, seconds: usize) -> f64 {
    rate(clients, seconds, |client, turns| {
        let load = load.clone();
        async move {
            let mut stream = TcpStream::connect(&load.address).await.expect("a connection");
            stream.set_nodelay(true).expect("a socket");
            let (mut number, mut buffer) = (client, Vec::new());
            while turns.go_on() {
                number += 1;
                let (request, _) = &load.requests[number % load.requests.len()];
                exchange(&mut stream, request, &mut buffer).await;
                turns.done();
            }
        }
    })
    .await
}
