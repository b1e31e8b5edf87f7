//! What `suimon guard` does beside caching rules, through the program: schools kept apart, marked pages, records, a waiting room.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};

use suimon::clock::{Clock, SystemClock};

use crate::guard::{Guard, SEALED, state};

/// A system of two schools whose application says who is signed in, and one that mixes nobody up.
pub const SCHOOLS: &str = "\
apiVersion: suimon/v1
kind: System
metadata: { name: schools }
spec:
  title: { ja: 学校, en: Schools }
  operator: { name: { ja: 会社, en: Company } }
  timeZone: Asia/Tokyo
  tenantsKind: { ja: 学校, en: school }
  channels: [web, call_centre]
  recordTypes:
    - name: pupil
      title: { ja: 生徒, en: Pupil }
      externalId: Number
      fields:
        - name: name
          title: { ja: 氏名, en: Name }
          category: name
          protection: encrypted
          kind: name
          retention: P1Y
  routes:
    - { name: page, pattern: /t/**, personal: true, shows: [{ recordType: pupil }] }
    - { name: login, pattern: /login, personal: true }
  sessions:
    cookies: [sid]
    subjectHeader: X-Portal-Subject
    tenantHeader: X-Portal-Tenant
    tenantPaths: ['/t/{tenant}/**']
    signIn: [login]
---
apiVersion: suimon/v1
kind: Requirement
metadata: { name: CAP-1 }
spec:
  system: schools
  statement: { ja: 一人ずつ, en: One at a time }
  target: system
  metric: people_inside
  threshold: { op: lte, value: 1, unit: people }
  obligation: MUST
  enforcement: { mode: enforce, mechanism: admission, params: { rate: 100, concurrency: 1 } }
";

/// Whoever has the cookie `sid=NAME-TENANT` is that person of that school.
pub async fn schools() -> SocketAddr {
    let page = |request: Request| async move {
        let cookie =
            request.headers().get("cookie").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let session =
            cookie.split("; ").find_map(|one| one.strip_prefix("sid=")).unwrap_or_default().to_owned();
        let (person, tenant) = session.split_once('-').unwrap_or_default();
        let fields = [
            (HeaderName::from_static("content-type"), "text/html; charset=utf-8".to_owned()),
            (HeaderName::from_static("x-portal-subject"), person.to_owned()),
            (HeaderName::from_static("x-portal-tenant"), tenant.to_owned()),
        ];
        (
            fields,
            format!("<!doctype html><html><head><title>{person}</title></head><body>{person}</body></html>"),
        )
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the port");
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(page)).await });
    address
}

pub fn state_schools(folder: &Path) {
    let manifests = folder.join("manifests");
    std::fs::create_dir_all(&manifests).expect("a folder");
    std::fs::write(manifests.join("schools.yaml"), SCHOOLS).expect("written");
}

impl Guard {
    pub async fn get_as(&self, path: &str, cookie: &str) -> reqwest::Response {
        let client =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let request = client.get(format!("http://{}{path}", self.address)).header("cookie", cookie);
        request.header("accept", "text/html").send().await.expect("an answer")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schools_are_kept_apart_pages_are_marked_and_each_answer_has_a_record() {
    let folder = tempfile::tempdir().expect("a folder");
    state_schools(folder.path());
    let origin = schools().await;
    let parts = ["--key-file", "guard.key", "--access-log", "access.jsonl", "--tripwire", "enforce"];
    let mut guard = Guard::start(folder.path(), origin, &parts).await;

    let own = guard.get_as("/t/a/pupils", "sid=hanako-a").await;
    assert_eq!(own.status(), 200);
    let fields = own.headers().clone();
    assert!(
        !fields.contains_key("x-portal-subject") && !fields.contains_key("x-portal-tenant"),
        "{fields:?}"
    );
    let mark = fields["suimon-response"].to_str().expect("text").to_owned();
    let page = own.text().await.expect("a page");
    assert!(page.contains("/.well-known/suimon/guard/tripwire") && page.contains("hanako"), "{page}");
    // The admin of school A on a page of school B, before the system hears of it.
    assert_eq!(guard.get_as("/t/b/pupils", "sid=hanako-a").await.status(), 403);
    guard.says("against what is declared of sessions", 1).await;
    // What the page would load.
    let script = page.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a script");
    let script = guard.get(script).await;
    assert_eq!(script.status(), 200);
    assert!(script.headers()["content-type"].to_str().expect("text").starts_with("text/javascript"));

    guard.signal("-TERM");
    assert_eq!(guard.ended().await.code(), Some(0));
    let log = std::fs::read_to_string(folder.path().join("access.jsonl")).expect("a log");
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let records: Vec<_> = lines.iter().filter(|line| line["response"].is_string()).collect();
    assert_eq!(records.len(), 2, "{log}");
    assert!(mark.contains(records[0]["response"].as_str().expect("an id")), "{mark}: {log}");
    assert_eq!((&records[0]["status"], &records[1]["status"]), (&200.into(), &403.into()), "{log}");
    assert!(records[0]["subject"].as_str().is_some_and(|subject| subject.starts_with('k')), "{log}");
    for personal in ["hanako", "pupils", "sid"] {
        assert!(!log.contains(personal), "{personal}: {log}");
    }
    let key = std::fs::read_to_string(folder.path().join("guard.key")).expect("a key");
    assert_eq!(key.trim().len(), 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_what_a_requirement_states_people_wait() {
    let folder = tempfile::tempdir().expect("a folder");
    state_schools(folder.path());
    let origin = schools().await;
    let guard = Guard::start(folder.path(), origin, &["--key-file", "guard.key", "--admission"]).await;
    let first = guard.get_as("/t/a/pupils", "sid=hanako-a").await;
    assert_eq!(first.status(), 200);
    let ticket = first.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
    let ticket = ticket
        .filter_map(|cookie| cookie.split(';').next())
        .find(|cookie| cookie.starts_with("suimon-place"));
    let ticket = ticket.expect("a place").to_owned();
    // One at a time: the next waits, told in her language, and asks again by herself.
    let second = guard.get_as("/t/a/pupils", "sid=jiro-a").await;
    assert_eq!(second.status(), 503);
    assert!(second.headers().contains_key("retry-after"));
    let page = second.text().await.expect("a page");
    assert!(page.contains("<html lang=") && !page.contains("<script"), "{page}");
    // Who is inside goes on.
    assert_eq!(guard.get_as("/t/a/pupils", &format!("sid=hanako-a; {ticket}")).await.status(), 200);
    let status = guard.get("/.well-known/suimon/guard/status").await;
    assert_eq!(status.status(), 200);
    assert!(status.headers()["cache-control"].to_str().expect("text").starts_with("public, max-age="));
}

/// Two limits whose reserved shares are too large together, and a rule about caching; one of the limits and the rule are only
/// watched until an instant.
fn state_excepted(folder: &Path, until: jiff::Timestamp) {
    state_schools(folder);
    let requirement = |name: &str, target: &str, kept: &str| {
        format!(
            "apiVersion: suimon/v1
kind: Requirement
metadata: {{ name: {name} }}
spec:
  system: schools
  statement: {{ ja: 要件, en: A requirement }}
  target: {target}
  metric: something
  threshold: {{ op: lte, value: 1, unit: things }}
  obligation: MUST
  enforcement: {{ mode: enforce, {kept} }}
"
        )
    };
    let exception = |requirement: &str| {
        format!(
            "apiVersion: suimon/v1
kind: Exception
metadata: {{ name: EXC-{requirement} }}
spec:
  system: schools
  requirement: {requirement}
  reason: {{ ja: 移行中, en: Being moved }}
  approver: security
  mode: audit
  expires: {until}
"
        )
    };
    let limit = |more: &str| format!("mechanism: admission, params: {{ rate: 100, concurrency: 9{more} }}");
    let stated = [
        requirement("CAP-2", "system", &limit("")),
        requirement(
            "CAP-3",
            "system",
            &limit(", order: { by: shuffle_then_fifo, opensAt: 2021-04-26T09:00:00+09:00 }"),
        ),
        requirement("CACHE-1", "routes:personal", "mechanism: cache, params: { rule: no_store }"),
        exception("CAP-3"),
        exception("CACHE-1"),
    ];
    std::fs::write(folder.join("manifests/more.yaml"), stated.join("---\n")).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_cannot_be_kept_hold_no_other_rule_back() {
    let folder = tempfile::tempdir().expect("a folder");
    state_excepted(folder.path(), SystemClock.now() + jiff::SignedDuration::from_secs(5));
    let guard =
        Guard::start(folder.path(), schools().await, &["--key-file", "guard.key", "--admission"]).await;
    guard.says("an exception holds", 2).await;
    // Whoever has a place waits, or does not, in the order of before.
    let inside = guard.get_as("/t/a/pupils", "sid=hanako-a").await;
    assert_eq!(inside.status(), 200);
    let given = inside.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
    let place =
        given.filter_map(|cookie| cookie.split(';').next()).find(|cookie| cookie.contains("suimon-place"));
    let cookies = format!("sid=hanako-a; {}", place.expect("a place"));
    guard.says("other rules are in force", 1).await;
    let answer = guard.get_as("/t/a/pupils", &cookies).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["cache-control"]),
        (200, &HeaderValue::from_static(SEALED))
    );
    // It is told, and tried again: somebody may mend the files.
    let line = guard.says("limits of before stay", 1).await;
    assert!(line.contains("--admission"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_cannot_be_set_up_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    state(folder.path(), "enforce");
    let refused = |more: &[&str]| {
        // One that starts all the same would never end by itself.
        let mut command = Command::new("timeout");
        command.args([
            "60",
            env!("CARGO_BIN_EXE_suimon"),
            "guard",
            "--manifests",
            "manifests",
            "--listen",
            "127.0.0.1:0",
            "--origin",
            "http://127.0.0.1:1",
        ]);
        let ran = command.args(more).current_dir(folder.path()).output().expect("the program runs");
        (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    let (code, said) = refused(&["--tripwire", "enforce"]);
    assert!(code == Some(2) && said.contains("--key-file"), "{said}");
    let (code, said) = refused(&["--key-file", "guard.key", "--admission"]);
    assert!(code == Some(2) && said.contains("states `mechanism: admission`"), "{said}");
    let system = folder.path().join("manifests/system.yaml");
    let stated = std::fs::read_to_string(&system).expect("the system");
    let (silent, _) = stated.split_once("\n  sessions:").expect("sessions come last");
    std::fs::write(&system, format!("{silent}\n")).expect("written");
    let (code, said) = refused(&["--key-file", "guard.key", "--identity-binding"]);
    assert!(code == Some(2) && said.contains("states no `sessions`"), "{said}");
    let (code, said) = refused(&["--key-file", "guard.key", "--access-log", "no/such/folder/log"]);
    assert!(code == Some(2) && said.contains("cannot be written"), "{said}");
    std::fs::write(folder.path().join("short.key"), "abc\n").expect("written");
    Command::new("chmod").args(["600", "short.key"]).current_dir(folder.path()).status().expect("chmod");
    let (code, said) = refused(&["--key-file", "short.key", "--tripwire", "audit"]);
    assert!(code == Some(2) && said.contains("does not hold 64 hexadecimal digits"), "{said}");
}
