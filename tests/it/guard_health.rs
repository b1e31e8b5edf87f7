//! Health and metrics of `suimon guard`, through the program.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::guard::{Guard, LONG, origin, state};
use crate::guard_parts::{schools, state_schools};

const HEALTH: [&str; 2] = ["--health", "127.0.0.1:0"];

/// Status and text.
async fn told(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = reqwest::get(format!("http://{address}{path}")).await.expect("an answer");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

/// Asks until it is so.
pub async fn becomes(address: SocketAddr, path: &str, so: impl Fn(u16, &str) -> bool) -> String {
    let began = Instant::now();
    loop {
        let (status, text) = told(address, path).await;
        if so(status, &text) {
            return text;
        }
        assert!(began.elapsed() < LONG, "{path} stays {status}: {text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_whether_requests_are_taken_and_why_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (came, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let origin = origin(came.clone(), go.clone()).await;
    state(folder.path(), "enforce");
    // A manifest that somebody is still writing: the guard cannot listen before it is there.
    let rule = folder.path().join("manifests/cache.yaml");
    let text = std::fs::read(&rule).expect("the rule");
    std::fs::remove_file(&rule).expect("removed");
    let late = folder.path().join("late.yaml");
    assert!(Command::new("mkfifo").arg(&late).status().expect("mkfifo").success());
    let mut guard =
        Guard::spawn(folder.path(), origin, &[&HEALTH[..], &["--manifests", "late.yaml"]].concat());
    let health = guard.address_of("health and metrics are told").await;

    let (status, why) = told(health, "/health/ready").await;
    assert!(status == 503 && why.starts_with("starting"), "{status} {why}");
    assert_eq!(told(health, "/health/live").await, (200, "ok\n".to_owned()));
    assert!(told(health, "/metrics").await.1.contains("\nsuimon_guard_ready 0\n"));

    tokio::task::spawn_blocking(move || std::fs::write(late, text))
        .await
        .expect("no panic")
        .expect("written");
    guard.address = guard.address_of("the guard listens").await;
    becomes(health, "/health/ready", |status, text| (status, text) == (200, "ok\n")).await;
    assert!(told(health, "/metrics").await.1.contains("\nsuimon_guard_ready 1\n"));
    assert_eq!(told(health, "/mypage/hanako").await.0, 404);
    // Clients of the guard get nothing of it.
    for path in ["/health/ready", "/metrics"] {
        assert_eq!(guard.get(path).await.text().await.expect("the origin's"), "a page");
    }

    let address = guard.address;
    let slow = tokio::spawn(async move { reqwest::get(format!("http://{address}/mypage/slow")).await });
    tokio::time::timeout(LONG, came.notified()).await.expect("the origin is asked");
    guard.signal("-TERM");
    let why = becomes(health, "/health/ready", |status, _| status == 503).await;
    assert!(why.starts_with("ending"), "{why}");
    assert_eq!(told(health, "/health/live").await.0, 200);
    assert!(told(health, "/metrics").await.1.contains("\nsuimon_guard_ready 0\n"));
    go.notify_one();
    assert_eq!(
        slow.await.expect("no panic").expect("an answer").text().await.expect("whole"),
        "it came late"
    );
    assert_eq!(guard.ended().await.code(), Some(0));
    TcpStream::connect(health).expect_err("it went with the guard");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_is_counted_and_nothing_personal() {
    let folder = tempfile::tempdir().expect("a folder");
    state_schools(folder.path());
    let parts =
        ["--key-file", "guard.key", "--access-log", "access.jsonl", "--tripwire", "enforce", "--admission"];
    let guard = Guard::start(folder.path(), schools().await, &[&parts[..], &HEALTH].concat()).await;
    let health = guard.address_of("health and metrics are told").await;

    let first = guard.get_as("/t/a/pupils", "sid=hanako-a").await;
    let places = first.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
    let place = places
        .filter_map(|cookie| cookie.split(';').next())
        .find(|cookie| cookie.starts_with("suimon-place"));
    let place = place.expect("a place").to_owned();
    let foreign = guard.get_as("/t/b/pupils", &format!("sid=hanako-a; {place}")).await;
    assert_eq!((first.status().as_u16(), foreign.status().as_u16()), (200, 403));
    drop(first.text().await);
    // With her ticket she is inside, and not only called.
    let again = guard.get_as("/t/a/pupils", &format!("sid=hanako-a; {place}")).await;
    assert_eq!(again.status(), 200);
    drop(again.text().await);
    assert_eq!(guard.get_as("/t/a/pupils", "sid=jiro-a").await.status(), 503);

    let written =
        |text: &str| text.contains("suimon_guard_access_log_records_total{outcome=\"written\"} 4\n");
    let text = becomes(health, "/metrics", |_, text| written(text)).await;
    for line in [
        "suimon_guard_people{tenant=\"\",state=\"inside\"} 1",
        "suimon_guard_people{tenant=\"\",state=\"waiting\"} 1",
        "suimon_guard_admission_total{tenant=\"\",channel=\"web\",kind=\"waits\"} 1",
        "suimon_guard_session_findings_total{route=\"page\",kind=\"tenant_of_path\",effect=\"corrected\"} 1",
        "suimon_guard_tripwire_total{event=\"page_marked\"} 2",
        "suimon_guard_tripwire_total{event=\"sighted\"} 0",
        "suimon_guard_access_log_records_total{outcome=\"lost\"} 0",
        "suimon_guard_sessions 1",
        "suimon_guard_reload_failed 0",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    let found = "suimon_guard_caching_findings_total{route=\"page\",kind=\"";
    assert!(
        text.lines().any(|line| line.starts_with(found) && line.contains("effect=\"corrected\"")),
        "{text}"
    );
    for personal in ["hanako", "jiro", "pupils", "sid=", "/t/", "127.0.0.1"] {
        assert!(!text.contains(personal), "{personal}: {text}");
    }
    // The page names all that there are, and no other.
    let helped = text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next());
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guard/health.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let documented =
        page.lines().filter_map(|line| line.strip_prefix("| `suimon_guard_")?.split(['`', '{']).next());
    let documented: BTreeSet<String> = documented.map(|name| format!("suimon_guard_{name}")).collect();
    assert_eq!(helped.map(str::to_owned).collect::<BTreeSet<_>>(), documented);

    // Connections: this one is open until it is dropped.
    let held = TcpStream::connect(guard.address).expect("the guard is there");
    let open = |text: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix("suimon_guard_connections "));
        line.and_then(|number| number.parse().ok()).expect("a number")
    };
    becomes(health, "/metrics", |_, text| open(text) == 1).await;
    drop(held);
    becomes(health, "/metrics", |_, text| open(text) == 0).await;

    std::fs::write(folder.path().join("manifests/schools.yaml"), "kind: System\n").expect("written");
    guard.signal("-HUP");
    becomes(health, "/metrics", |_, text| text.contains("\nsuimon_guard_reload_failed 1\n")).await;
    let (status, text) = told(health, "/health/ready").await;
    assert!(status == 200 && text.contains("is not in force"), "{status} {text}");
    state_schools(folder.path());
    guard.signal("-HUP");
    becomes(health, "/health/ready", |_, text| text == "ok\n").await;
}
