//! `suimon guard` attached to a service: what it keeps comes from there, what it sees goes there, and it goes on without it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use suimon::access::Role;
use suimon::clock::{Clock, SystemClock};
use tokio::net::{TcpListener, TcpStream};

use crate::guard::Guard;
use crate::guard_health::becomes;
use crate::guard_parts::{SCHOOLS, schools};
use crate::harness::{Member, TestApp, text};
use crate::requirements::apply;

const LONG: Duration = Duration::from_secs(30);
const SEALED: &str = "private, no-store, no-cache, max-age=0, stale-if-error=0";
const CACHING: &str = "\
apiVersion: suimon/v1
kind: Requirement
metadata: { name: CACHE-1 }
spec:
  system: schools
  statement: { ja: 保存しない, en: Not stored }
  target: routes:personal
  metric: shared_cache_stores
  threshold: { op: eq, value: 0, unit: responses }
  obligation: MUST
  enforcement: { mode: MODE, mechanism: cache, params: { rule: no_store } }
";

/// The way to the service, which can be cut.
struct Way {
    address: SocketAddr,
    open: Arc<AtomicBool>,
}

impl Way {
    async fn to(url: &str) -> Self {
        let service: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the port");
        let open = Arc::new(AtomicBool::new(true));
        let is_open = open.clone();
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let is_open = is_open.clone();
                tokio::spawn(async move {
                    let Ok(mut to) = TcpStream::connect(service).await else { return };
                    let cut = async {
                        while is_open.load(Ordering::Relaxed) {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                    };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut from, &mut to) => {}
                        () = cut => {}
                    }
                });
            }
        });
        Self { address, open }
    }

    fn cut(&self) {
        self.open.store(false, Ordering::Relaxed);
    }

    fn mend(&self) {
        self.open.store(true, Ordering::Relaxed);
    }
}

struct Scene {
    app: TestApp,
    way: Way,
    officer: Member,
    origin: SocketAddr,
    folder: tempfile::TempDir,
}

impl Scene {
    /// The clock of the service is that of the guard's machine.
    async fn new(mode: &str) -> Self {
        let app = TestApp::beginning(SystemClock.now(), None, &[]).await;
        let caching = CACHING.replace("MODE", mode);
        let applied =
            apply(&app.admin(), &[("schools.yaml", SCHOOLS), ("cache.yaml", &caching)], "first", false).await;
        assert_eq!(applied["__typename"], "ManifestsApplied", "{applied}");
        let folder = tempfile::tempdir().expect("a folder");
        let token = app.operator_member(Role::Service).await.token;
        std::fs::write(folder.path().join("token"), token).expect("written");
        let officer = app.operator_member(Role::ComplianceOfficer).await;
        let way = Way::to(&app.url).await;
        Self { app, way, officer, origin: schools().await, folder }
    }

    async fn guard(&self) -> Guard {
        self.guard_with(&[]).await
    }

    async fn guard_with(&self, more: &[&str]) -> Guard {
        let mut guard = self.spawn(more);
        guard.address = guard.address_of("the guard listens").await;
        guard
    }

    /// Not listening yet.
    fn spawn(&self, more: &[&str]) -> Guard {
        let url = format!("http://{}", self.way.address);
        let attached = [
            "--suimon",
            &url,
            "--suimon-token-file",
            "token",
            "--state",
            "state",
            "--node",
            "edge-1",
            "--poll-seconds",
            "1",
            "--system",
            "schools",
            "--key-file",
            "guard.key",
            "--access-log",
            "access.jsonl",
            "--tripwire",
            "enforce",
        ];
        Guard::spawn_bare(self.folder.path(), self.origin, &[&attached, more].concat())
    }

    async fn asks(&self, query: &str) -> Value {
        let answer = self.officer.gql(query).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"].clone()
    }

    /// Waits until an answer is as wanted.
    async fn until(&self, query: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let data = self.asks(query).await;
            if holds(&data) {
                return data;
            }
            assert!(began.elapsed() < LONG, "{query}: {data}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn kept_as(guard: &Guard, path: &str) -> String {
    let answer = guard.get(path).await;
    answer.headers().get("cache-control").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// Waits until answers leave as wanted.
async fn until_kept(guard: &Guard, path: &str, wanted: &str) {
    let began = Instant::now();
    while kept_as(guard, path).await != wanted {
        assert!(began.elapsed() < LONG, "{path} is not kept as {wanted:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What the script of a page would send that another browser holds.
fn report_of(mark: &str, viewer: &str) -> String {
    let id = mark.split('.').nth(1).unwrap_or_default();
    let digest = Sha256::digest(format!("suimon-tripwire-v1,32:{id},{}:{viewer},", viewer.len()));
    let check: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    json!({ "mark": mark, "viewer": check, "how": "page" }).to_string()
}

fn exception() -> String {
    let (now, day) = (SystemClock.now(), SignedDuration::from_hours(24));
    format!(
        "apiVersion: suimon/v1
kind: Exception
metadata: {{ name: EXC-1 }}
spec:
  system: schools
  requirement: CACHE-1
  reason: {{ ja: 移行中, en: Being moved }}
  approver: security
  mode: observe
  expires: {}
",
        now.checked_add(day).unwrap()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_what_is_in_force_and_only_exceptions_that_somebody_approved() {
    let scene = Scene::new("enforce").await;
    let guard = scene.guard().await;
    until_kept(&guard, "/t/a/pupils", SEALED).await;
    let nodes = "{ system(name: \"schools\") { guards { node isCurrent isSilent } } }";
    let current = json!([{ "node": "edge-1", "isCurrent": true, "isSilent": false }]);
    scene.until(nodes, |data| data["system"]["guards"] == current).await;

    // Applied, and approved by nobody: it holds nowhere.
    let applied = apply(&scene.app.admin(), &[("exception.yaml", &exception())], "moving", false).await;
    assert_eq!(applied["__typename"], "ManifestsApplied", "{applied}");
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(kept_as(&guard, "/t/a/pupils").await, SEALED);
    let version =
        scene.asks("{ exception(name: \"EXC-1\") { holds version { version fingerprint } } }").await;
    assert_eq!(version["exception"]["holds"], false);
    let approve =
        "mutation($fingerprint: String!) { approveManifest(kind: EXCEPTION, name: \"EXC-1\", version: 1,
        fingerprint: $fingerprint) { __typename ... on Problem { message } } }";
    let fingerprint = &version["exception"]["version"]["fingerprint"];
    let approved = scene.officer.gql_with(approve, json!({ "fingerprint": fingerprint })).await;
    assert_eq!(approved["data"]["approveManifest"]["__typename"], "ManifestApproval", "{approved}");
    until_kept(&guard, "/t/a/pupils", "").await;
    // Withdrawn: at the next question it is over.
    let withdraw =
        "mutation { withdrawManifest(kind: EXCEPTION, name: \"EXC-1\", reason: \"done\") { __typename } }";
    let withdrawn = scene.app.admin().gql(withdraw).await;
    assert_eq!(withdrawn["data"]["withdrawManifest"]["__typename"], "ManifestChange", "{withdrawn}");
    until_kept(&guard, "/t/a/pupils", SEALED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_page_opens_an_incident_even_when_the_service_was_away() {
    let scene = Scene::new("enforce").await;
    let mut guard = scene.guard().await;
    // Faults of the system's answers are findings, each once.
    for _ in 0..3 {
        assert_eq!(guard.get("/t/a/pupils").await.status(), 200);
    }
    let findings = "{ findings(open: true) { nodes { summary } } }";
    let is_told = |data: &Value| {
        let nodes = data["findings"]["nodes"].as_array().unwrap();
        nodes.iter().filter(|node| text(&node["summary"]).contains("`cache_control_absent`")).count() == 1
    };
    scene.until(findings, is_told).await;

    scene.way.cut();
    guard.says("Suimon gives no rules", 1).await;
    // Nobody's browser got Hanako's page from a cache, and tells.
    let hanako = format!("sid=hanako-a; __Host-suimon-viewer=v1.nonce.{}", "a".repeat(32));
    let page = guard.get_as("/t/a/pupils", &hanako).await;
    assert_eq!(page.status(), 200);
    let mark = page.headers()["suimon-response"].to_str().unwrap().to_owned();
    let stranger = format!("v1.nonce.{}", "b".repeat(32));
    let sent = reqwest::Client::new()
        .post(format!("http://{}/.well-known/suimon/guard/report", guard.address))
        .header("content-type", "application/json")
        .header("sec-fetch-site", "same-origin")
        .header("cookie", format!("__Host-suimon-viewer={stranger}"))
        .body(report_of(&mark, &stranger))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 204, "{:?}", sent.text().await);
    guard.says("a browser got an answer that was made for another", 1).await;
    guard.says("they wait on the disk", 1).await;
    // Killed: what it had to tell is on the disk.
    guard.signal("-KILL");
    guard.ended().await;
    let outbox = std::fs::read_to_string(scene.folder.path().join("state/outbox.jsonl")).unwrap();
    assert!(outbox.contains("\"sighting\"") && !outbox.contains("hanako"), "{outbox}");

    // Started while the service is away: by the rules of the last time.
    let guard = scene.guard().await;
    guard.says("those of the last time are kept", 1).await;
    assert_eq!(kept_as(&guard, "/t/a/pupils").await, SEALED);
    scene.way.mend();
    guard.says("belong to an incident", 1).await;
    let incident = "{ incidents(first: 2) { nodes { number system sightings(first: 5) { nodes { route owner viewer hidden } } } } }";
    let data = scene.asks(incident).await;
    let incident = &data["incidents"]["nodes"][0];
    assert_eq!((&incident["number"], &incident["system"]), (&json!(1), &json!("schools")), "{data}");
    let sighting = &incident["sightings"]["nodes"][0];
    assert_eq!((&sighting["route"], &sighting["hidden"]), (&json!("page"), &json!(true)), "{data}");
    assert!(sighting["owner"].as_str().is_some_and(|owner| owner.contains('.')), "{data}");
    let outbox = scene.folder.path().join("state/outbox.jsonl");
    let began = Instant::now();
    while !std::fs::read_to_string(&outbox).unwrap().is_empty() {
        assert!(began.elapsed() < LONG, "what was taken is kept");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_put_into_force_is_not_remembered_either() {
    let scene = Scene::new("enforce").await;
    let mut guard = scene.guard_with(&["--admission", "--health", "127.0.0.1:0"]).await;
    let health = guard.address_of("health and metrics are told").await;
    let nodes = "{ system(name: \"schools\") { guards { isCurrent } } }";
    let is =
        |current: bool| move |data: &Value| data["system"]["guards"] == json!([{ "isCurrent": current }]);
    scene.until(nodes, is(true)).await;
    let remembered = scene.folder.path().join("state/rules.json");
    let before = std::fs::read(&remembered).unwrap();
    // While somebody is inside the order of waiting cannot change, and nothing that comes with it.
    assert_eq!(guard.get_as("/t/a/pupils", "sid=hanako-a").await.status(), 200);
    let order = "concurrency: 1, order: { by: shuffle_then_fifo, opensAt: 2021-04-26T09:00:00+09:00 }";
    let changed = SCHOOLS.replace("concurrency: 1", order);
    let looser = CACHING.replace("MODE", "observe");
    let set = [("schools.yaml", &*changed), ("cache.yaml", &looser)];
    let applied = apply(&scene.app.admin(), &set, "another order", false).await;
    assert_eq!(applied["__typename"], "ManifestsApplied", "{applied}");
    guard.says("the rules in force stay", 1).await;
    assert_eq!(std::fs::read(&remembered).unwrap(), before);
    becomes(health, "/health/ready", |status, text| status == 200 && text.contains("is not in force")).await;
    // Nobody else works in its folder.
    let url = format!("http://{}", scene.way.address);
    let second = Command::new(env!("CARGO_BIN_EXE_suimon"))
        .args(["guard", "--listen", "127.0.0.1:0", "--origin", "http://127.0.0.1:9", "--suimon", &url])
        .args(["--suimon-token-file", "token", "--state", "state", "--system", "schools"])
        .current_dir(scene.folder.path())
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(second.status.code() == Some(2) && said.contains("another guard has it"), "{said}");
    guard.signal("-TERM");
    assert_eq!(guard.ended().await.code(), Some(0));
    // Nobody is inside any more: now it can be kept.
    let _guard = scene.guard_with(&["--admission"]).await;
    scene.until(nodes, is(true)).await;
    assert_ne!(std::fs::read(&remembered).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hang_up_before_it_listens_does_not_end_it() {
    let scene = Scene::new("enforce").await;
    scene.way.cut();
    let guard = scene.spawn(&["--health", "127.0.0.1:0"]);
    let health = guard.address_of("health and metrics are told").await;
    becomes(health, "/health/ready", |status, text| status == 503 && text.starts_with("starting")).await;
    guard.signal("-HUP");
    scene.way.mend();
    guard.says("the guard listens", 1).await;
    // What was asked for is done now.
    guard.says("the manifests state the rules in force", 1).await;
    becomes(health, "/health/ready", |_, text| text == "ok\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_cannot_begin_with_is_told() {
    let scene = Scene::new("enforce").await;
    let url = format!("http://{}", scene.way.address);
    let run = |url: &str, more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_suimon"))
            .args(["guard", "--listen", "127.0.0.1:0", "--origin", "http://127.0.0.1:9", "--suimon", url])
            .args(more)
            .current_dir(scene.folder.path())
            .output()
            .expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let said = said.lines().filter(|line| !line.contains(" WARN ")).collect::<Vec<_>>().join("\n");
        format!(
            "{}: {}",
            output.status.code().unwrap_or(-1),
            said.replace(&scene.way.address.to_string(), "SERVICE")
        )
    };
    let whole = ["--suimon-token-file", "token", "--state", "other", "--system", "schools"];
    let replaced = |name: &str, value: &'static str| {
        let mut more = whole;
        let at = more.iter().position(|one| *one == name).unwrap();
        more[at + 1] = value;
        more
    };
    std::fs::write(scene.folder.path().join("wrong"), "suimon_nobody").unwrap();
    let mut told = vec![
        run(&url, &whole[..4]),
        run("http://suimon.example.jp", &whole),
        run(&url, &replaced("--suimon-token-file", "wrong")),
        run(&url, &replaced("--suimon-token-file", "missing")),
        run(&url, &replaced("--system", "nowhere")),
    ];
    // Where nobody listens.
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    told.push(run(&format!("http://{nobody}"), &whole));
    insta::assert_snapshot!(told.join("\n\n"));
    assert!(!Path::new(&scene.folder.path().join("other/rules.json")).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_looked_at_becomes_evidence_of_the_version_that_it_kept() {
    let scene = Scene::new("enforce").await;
    let guard = scene.guard().await;
    for _ in 0..3 {
        assert_eq!(guard.get("/t/a/pupils").await.status(), 200);
    }
    end(guard).await;
    let status = "{ requirementStatuses(system: \"schools\") { nodes { requirement { name } standing result
        evidence { collector result summary } } } }";
    let of = async |name: &str| {
        let data = scene.asks(status).await;
        let nodes = data["requirementStatuses"]["nodes"].as_array().unwrap();
        nodes.iter().find(|node| node["requirement"]["name"] == name).unwrap().clone()
    };
    let cache = of("CACHE-1").await;
    assert_eq!((&cache["standing"], &cache["result"]), (&json!("CURRENT"), &json!("WARN")), "{cache}");
    assert_eq!(cache["evidence"][0]["collector"], "guard.edge-1");
    let summary = text(&cache["evidence"][0]["summary"]);
    assert!(summary.contains("mode enforce: 3 responses judged, 3 corrected, 0 wrong"), "{summary}");
    // It had no option to keep the limits, and so says nothing of them.
    assert_eq!(of("CAP-1").await["standing"], "UNKNOWN");
    let list = "{ requirement(name: \"CACHE-1\") { evidence { nodes { result fingerprint } } } }";
    let count = async || scene.asks(list).await["requirement"]["evidence"]["nodes"].as_array().unwrap().len();
    // Nothing came by, or only what the hour has a record of.
    end(scene.guard().await).await;
    let guard = scene.guard().await;
    assert_eq!(guard.get("/t/a/pupils").await.status(), 200);
    end(guard).await;
    assert_eq!(count().await, 1);

    // Less strict: what was seen under the version before is not evidence of this one.
    let guard = scene.guard().await;
    assert_eq!(guard.get("/t/a/pupils").await.status(), 200);
    let looser = CACHING.replace("MODE", "observe");
    let applied = apply(&scene.app.admin(), &[("cache.yaml", &looser)], "looser", false).await;
    assert_eq!(applied["__typename"], "ManifestsApplied", "{applied}");
    assert_eq!(of("CACHE-1").await["standing"], "STALE");
    until_kept(&guard, "/t/a/pupils", "").await;
    assert_eq!(guard.get("/t/a/pupils").await.status(), 200);
    end(guard).await;
    let cache = of("CACHE-1").await;
    assert_eq!((&cache["standing"], &cache["result"]), (&json!("CURRENT"), &json!("FAIL")), "{cache}");
    assert!(text(&cache["evidence"][0]["summary"]).contains("mode observe"), "{cache}");
    assert_eq!(count().await, 2);
    let outbox = std::fs::read_to_string(scene.folder.path().join("state/outbox.jsonl")).unwrap();
    assert_eq!(outbox, "", "all was taken");
}

async fn end(mut guard: Guard) {
    guard.signal("-TERM");
    assert_eq!(guard.ended().await.code(), Some(0));
}
