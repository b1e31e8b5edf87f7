//! What manifests state of admission and of suffixes, kept by `suimon guard` and written for other edges.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use axum::Router;
use axum::extract::Request;
use jiff::SignedDuration;
use suimon::clock::{Clock, SystemClock};

use crate::guard::Guard;

const SYSTEM: &str = "\
apiVersion: suimon/v1
kind: System
metadata: { name: booking }
spec:
  title: { ja: 予約, en: Booking }
  operator: { name: { ja: 会社, en: Company } }
  timeZone: Asia/Tokyo
  tenantsKind: { ja: 病院, en: hospital }
  channels: [web, call_centre, api, mobile]
  recordTypes:
    - name: person
      title: { ja: 本人, en: Person }
      externalId: Number
      fields:
        - { name: name, title: { ja: 氏名, en: Name }, category: name, protection: encrypted, kind: name, retention: P1Y }
  routes:
    - { name: mypage, pattern: /mypage/**, personal: true, suffixes: [pdf] }
    - { name: files, pattern: /files/**, personal: false, suffixes: [css] }
";

/// A requirement about admission with these parameters.
fn requirement(name: &str, params: &str) -> String {
    format!(
        "---
apiVersion: suimon/v1
kind: Requirement
metadata: {{ name: {name} }}
spec:
  system: booking
  statement: {{ ja: 上限, en: A limit }}
  target: system
  metric: people_inside
  threshold: {{ op: lte, value: 1, unit: people }}
  obligation: MUST
  enforcement:
    mode: enforce
    mechanism: admission
    params: {params}
"
    )
}

/// An exception that lets so many people in, until an instant.
fn exception(people: u32, expires: jiff::Timestamp) -> String {
    format!(
        "---
apiVersion: suimon/v1
kind: Exception
metadata: {{ name: EXC-1 }}
spec:
  system: booking
  requirement: CAP-1
  reason: {{ ja: 一日だけ, en: One day only }}
  approver: operations
  upTo: {{ concurrency: {people} }}
  expires: {expires}
"
    )
}

fn measured() -> String {
    let at = "channels: [web, call_centre, api, mobile]";
    let figures = format!(
        "{at}\n  measured: {{ concurrency: 1, inFlight: 5, at: \"2021-04-01T00:00:00Z\", source: a load test }}"
    );
    SYSTEM.replace(at, &figures)
}

fn state(folder: &Path, documents: &[&str]) {
    let manifests = folder.join("manifests");
    std::fs::create_dir_all(&manifests).expect("a folder");
    std::fs::write(manifests.join("all.yaml"), documents.concat()).expect("written");
}

async fn origin() -> SocketAddr {
    let page = |_: Request| async { ([("content-type", "text/html; charset=utf-8")], "a page") };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the port");
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(page)).await });
    address
}

const ADMITS: [&str; 3] = ["--key-file", "guard.key", "--admission"];

impl Guard {
    /// Somebody without a ticket, with these fields.
    async fn newcomer(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        let mut request = client.expect("a client").get(format!("http://{}{path}", self.address));
        if !fields.iter().any(|(name, _)| *name == "accept") {
            request = request.header("accept", "text/html");
        }
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.send().await.expect("an answer")
    }
}

fn refused(folder: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
    command.args(["guard", "--manifests", "manifests", "--listen", "127.0.0.1:0"]);
    command.args(["--origin", "http://127.0.0.1:1"]).args(more);
    let ran = command.current_dir(folder).output().expect("the program runs");
    (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
}

/// The kind of answer that a program gets.
async fn kind(answer: reqwest::Response) -> String {
    let body: serde_json::Value = serde_json::from_str(&answer.text().await.expect("text")).expect("JSON");
    body["type"].as_str().expect("a kind").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_programs_and_open_paths_are_as_stated() {
    let folder = tempfile::tempdir().expect("a folder");
    let params = "
      rate: 1000
      concurrency: 10
      reserve: { call_centre: 0.1, api: 0.1, mobile: 0.1 }
      channels:
        call_centre: { knownBy: { path: /desk/** } }
        api: { knownBy: { host: api.example.jp } }
        mobile: { knownBy: { header: { name: X-App, value: phone } } }
      open: [/healthz]
      apiClients: [/api/**]";
    state(folder.path(), &[SYSTEM, &requirement("CAP-1", params)]);
    let more = [&ADMITS[..], &["--trusted", "127.0.0.1/32"]].concat();
    let guard = Guard::start(folder.path(), origin().await, &more).await;
    // Seven of ten places are nobody's in particular.
    for _ in 0..7 {
        assert_eq!(guard.newcomer("/book", &[]).await.status(), 200);
    }
    assert_eq!(guard.newcomer("/book", &[]).await.status(), 503);
    // A program, by its path alone: what it accepts is what browsers do.
    assert_eq!(kind(guard.newcomer("/api/book", &[]).await).await, "urn:suimon:admission:waiting");
    // Each channel has its own place, by what it is known by.
    let own: [(&str, &[(&str, &str)]); 3] =
        [("/desk/book", &[]), ("/book", &[("host", "api.example.jp")]), ("/book", &[("x-app", "phone")])];
    for (path, fields) in own {
        for status in [200, 503] {
            assert_eq!(guard.newcomer(path, fields).await.status(), status, "{path} {fields:?}");
        }
    }
    // What needs no place.
    for _ in 0..3 {
        assert_eq!(guard.newcomer("/healthz", &[]).await.status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_have_budgets_and_rooms_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let params = "
      rate: 1000
      concurrency: 10
      tenants:
        paths: ['/t/{tenant}/**', '/{tenant}/mine']
        each: { rate: 100, concurrency: 1 }
        named: { north: {}, south: { concurrency: 2 } }
      waitingRoom: { status: 200 }";
    state(folder.path(), &[SYSTEM, &requirement("CAP-1", params)]);
    let guard = Guard::start(folder.path(), origin().await, &ADMITS).await;
    // One at a time at one, two at the other, whichever of its paths; the page of those who wait is answered as stated.
    for (path, goes_in) in [
        ("/t/north/book", true),
        ("/north/mine", false),
        ("/t/south/book", true),
        ("/south/mine", true),
        ("/t/south/book", false),
        ("/t/other/book", true),
        ("/book", true),
    ] {
        let answer = guard.newcomer(path, &[]).await;
        assert_eq!(answer.status(), 200, "{path}");
        let page = answer.text().await.expect("text");
        assert_eq!(page == "a page", goes_in, "{path}: {page}");
        assert_eq!(page.contains("<html lang="), !goes_in, "{path}: {page}");
    }
    let of_north = guard.newcomer("/.well-known/suimon/guard/status/north", &[]).await;
    assert_eq!(of_north.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_waiting_are_as_stated() {
    let folder = tempfile::tempdir().expect("a folder");
    let later = SystemClock.now() + SignedDuration::from_hours(1);
    let before = SystemClock.now() - SignedDuration::from_hours(1);
    let origin = origin().await;
    let program = [("accept", "application/json")];
    let start = |order: String| {
        state(
            folder.path(),
            &[SYSTEM, &requirement("CAP-1", &format!("{{ rate: 100, concurrency: 1, order: {order} }}"))],
        );
        Guard::start(folder.path(), origin, &ADMITS)
    };
    // Nobody goes in before the opening, though there is room.
    let guard = start(format!("{{ by: shuffle_then_fifo, opensAt: \"{later}\" }}")).await;
    assert_eq!(kind(guard.newcomer("/book", &program).await).await, "urn:suimon:admission:early");
    drop(guard);
    let guard = start(format!("{{ by: lottery, closesAt: \"{before}\" }}")).await;
    // The first one only makes the draw, which was over before anybody came.
    guard.newcomer("/book", &program).await;
    assert_eq!(kind(guard.newcomer("/book", &program).await).await, "urn:suimon:admission:closed");
    drop(guard);
    let groups = format!(
        "{{ by: by_group, field: {{ query: month }}, groups: [{{ name: spring, values: [\"4\"], opensAt: \"{before}\" }}, \
         {{ name: others, opensAt: \"{later}\" }}] }}"
    );
    let guard = start(groups).await;
    assert_eq!(kind(guard.newcomer("/book", &program).await).await, "urn:suimon:admission:early");
    assert_eq!(kind(guard.newcomer("/book?month=5", &program).await).await, "urn:suimon:admission:early");
    assert_eq!(guard.newcomer("/book?month=4", &program).await.text().await.expect("text"), "a page");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_together_or_was_not_measured_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let one = requirement("CAP-1", "{ rate: 100, concurrency: 2, order: { by: fifo } }");
    let other =
        "{ rate: 50, concurrency: 9, order: { by: lottery, closesAt: \"2021-04-26T09:00:00+09:00\" } }";
    state(folder.path(), &[SYSTEM, &one, &requirement("CAP-2", other)]);
    let (code, said) = refused(folder.path(), &[]);
    assert!(code == Some(2) && said.contains("`CAP-1` and `CAP-2` state different orders"), "{said}");
    // Above what was measured: not without an exception that goes so far.
    state(folder.path(), &[&measured(), &one]);
    let (code, said) = refused(folder.path(), &[]);
    let place = "all.yaml:21:1: spec.enforcement.params.concurrency: `CAP-1` states a concurrency of 2, and `booking` was measured to bear 1";
    assert!(code == Some(2) && said.contains(place) && said.contains("measure again"), "{said}");
    let ends = SystemClock.now() + SignedDuration::from_secs(12);
    state(folder.path(), &[&measured(), &one, &exception(2, ends)]);
    let guard =
        Guard::start(folder.path(), origin().await, &[&ADMITS[..], &["--in-flight", "50"]].concat()).await;
    guard.says("--in-flight is above what was measured", 1).await;
    let mut inside = Vec::new();
    for _ in 0..2 {
        let answer = guard.newcomer("/book", &[]).await;
        assert_eq!(answer.status(), 200);
        inside.push(ticket(&answer));
    }
    assert_eq!(guard.newcomer("/book", &[]).await.status(), 503);
    // It ends by itself: who is inside stays, and nobody new comes until fewer are inside than were measured.
    guard.says("the measured ones are kept", 1).await;
    for ticket in &inside {
        assert_eq!(guard.newcomer("/book", &[("cookie", ticket)]).await.status(), 200);
    }
    assert_eq!(guard.newcomer("/book", &[]).await.status(), 503);
    drop(guard);
    // Nor does a restart open it again: the exception is over, and no reason to stay away either.
    let guard = Guard::start(folder.path(), origin().await, &ADMITS).await;
    assert_eq!(guard.newcomer("/book", &[]).await.status(), 200);
    assert_eq!(guard.newcomer("/book", &[]).await.status(), 503);
}

fn ticket(answer: &reqwest::Response) -> String {
    let given = answer.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
    let mut given = given.filter_map(|cookie| cookie.split(';').next());
    given.find(|cookie| cookie.starts_with("suimon-place")).expect("a place").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn declared_suffixes_are_known_to_the_guard_and_to_every_export() {
    let folder = tempfile::tempdir().expect("a folder");
    state(folder.path(), &[SYSTEM]);
    let guard = Guard::start(folder.path(), origin().await, &[]).await;
    for (path, status) in [("/mypage/answer.pdf", 200), ("/mypage/answer.css", 404), ("/mypage/answer", 200)]
    {
        assert_eq!(guard.newcomer(path, &[]).await.status(), status, "{path}");
    }
    // A personal page under a public prefix: no cache may keep it.
    let kept = |answer: reqwest::Response| {
        answer
            .headers()
            .get("cache-control")
            .is_some_and(|value| value.to_str().expect("text").contains("no-store"))
    };
    assert!(!kept(guard.newcomer("/files/site.css", &[]).await));
    assert!(kept(guard.newcomer("/files/answer.pdf", &[]).await));
    let export = |edge: &str, documents: &[&str]| {
        state(folder.path(), documents);
        let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
        command.args(["export", edge, "--manifests", "manifests", "--into", "written", "--replace"]);
        let ran = command.current_dir(folder.path()).output().expect("the program runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let files = std::fs::read_dir(folder.path().join("written")).expect("a folder");
        let text = |file: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(file.expect("a file").path()).expect("text")
        };
        let mut texts: String = files.map(text).collect();
        texts.push_str(&String::from_utf8_lossy(&ran.stdout));
        std::fs::remove_dir_all(folder.path().join("written")).expect("removed");
        texts
    };
    for edge in ["nginx", "varnish", "cloudflare"] {
        let with = export(edge, &[SYSTEM]);
        let without = export(edge, &[&SYSTEM.replace(", suffixes: [pdf]", "")]);
        assert_eq!((with.contains("pdf"), without.contains("pdf")), (true, false), "{edge}:\n{with}");
    }
    // CloudFront cannot refuse by suffix nor say `only these`: it is told so, and the route is personal there.
    let shared = requirement("CACHE-1", "{ rule: public, maxAge: 60 }")
        .replace("target: system", "target: route:files")
        .replace("mechanism: admission", "mechanism: cache");
    let note = "files: a public route with a list of suffixes is personal at CloudFront";
    let said = export("cloudfront", &[SYSTEM, &shared]);
    assert!(said.contains(note), "{said}");
    let said = export("cloudfront", &[&SYSTEM.replace(", suffixes: [css]", ""), &shared]);
    assert!(!said.contains(note), "{said}");
}
