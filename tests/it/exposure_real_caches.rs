//! The reconstruction against real caches that leak: what nginx and Varnish logged, and who truly got whose page, from the bodies.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::IntoResponse;
use jiff::Timestamp;
use serde_json::Value;
use suimon::clock::{Clock, SystemClock};

use crate::exposure::suimon;
use crate::harness::running::{Running, begin, free};

const PEOPLE: usize = 40;
const NGINX: &str = r#"$msec|$request_time|$request_id|$upstream_cache_status|"$request"|$status|"$http_cookie"|$hostname|$sent_http_content_length"#;
/// `varnishncsa` puts brackets around the time by itself.
const VARNISH: &str =
    r#"%t %D %{X-Request-Id}i %{Varnish:handling}x "%r" %s "%{Cookie}i" %{Content-Length}o"#;

/// The system: a page for whoever is signed in, and a line for each.
#[derive(Clone, Default)]
struct System {
    log: Arc<Mutex<String>>,
}

fn session_of(fields: &HeaderMap) -> Option<String> {
    let cookie = fields.get("cookie")?.to_str().ok()?;
    cookie.split("; ").find_map(|pair| pair.strip_prefix("sid=").map(str::to_owned))
}

async fn page(State(system): State<System>, uri: Uri, fields: HeaderMap) -> impl IntoResponse {
    let session = session_of(&fields).unwrap_or_default();
    let number: usize = session.trim_start_matches("s-").parse().unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(5 + (number as u64 * 7) % 25)).await;
    let id = fields.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let line = format!(
        r#"{{"time":"{}","event":"request","person":"p-{number}","tenant":"t-{}","session":"{session}","path":"{}","status":200,"edge_request_id":"{id}"}}"#,
        SystemClock.now(),
        number % 5,
        uri.path(),
    );
    system.log.lock().unwrap().push_str(&(line + "\n"));
    // Pages of different people differ in length.
    format!("p-{number}\n{}", "x".repeat(100 + number * 3))
}

async fn system() -> (System, SocketAddr) {
    let system = System::default();
    let router = Router::new().fallback(page).with_state(system.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the port");
    tokio::spawn(async move { axum::serve(listener, router).await });
    (system, address)
}

/// nginx, which keeps every page for a second by its path alone. `log`: the edge; else one behind it.
fn nginx(folder: &Path, upstream: SocketAddr, log: Option<&Path>) -> (Running, SocketAddr) {
    let (listen, here) = (free(), folder.display());
    std::fs::create_dir_all(folder).expect("a folder");
    let logs = match log {
        Some(log) => format!("access_log {} leak; ", log.display()),
        None => "access_log off; ".to_owned(),
    };
    let id = if log.is_some() { "$request_id" } else { "$http_x_request_id" };
    let conf = format!(
        "daemon off; user root; worker_processes 1; pid {here}/pid; events {{ worker_connections 256; }}
         http {{ log_format leak '{NGINX}'; {logs} proxy_cache_path {here}/cache keys_zone=k:1m;
         client_body_temp_path {here}/b; proxy_temp_path {here}/p; fastcgi_temp_path {here}/f; uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
         server {{ listen {listen}; location / {{ proxy_pass http://{upstream}; proxy_set_header X-Request-Id {id};
         proxy_cache k; proxy_cache_key $uri; proxy_cache_valid 200 1s; proxy_ignore_headers Cache-Control Set-Cookie Vary; }} }} }}"
    );
    let path = folder.join("nginx.conf");
    std::fs::write(&path, conf).expect("written");
    let error = folder.join("error.log").display().to_string();
    (begin("/usr/sbin/nginx", &["-e", &error, "-c", &path.display().to_string()]), listen)
}

async fn answers(address: SocketAddr) {
    let began = Instant::now();
    while reqwest::get(format!("http://{address}/start")).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(40), "{address} does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Everybody looks at the own page again and again; whose page it was is in it. (whose, who)
async fn visits(address: SocketAddr, seed: u64) -> BTreeSet<(String, String)> {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let client = reqwest::Client::builder().pool_max_idle_per_host(16).build().expect("a client");
    let mut tasks = Vec::new();
    for number in 0..PEOPLE {
        let (client, seen) = (client.clone(), seen.clone());
        tasks.push(tokio::spawn(async move {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number as u64 * 7_919 + 1);
            for _ in 0..8 {
                // xorshift64
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                tokio::time::sleep(Duration::from_millis(state % 2_500)).await;
                let path = if state & 1 == 0 { "/mypage" } else { "/mypage/apply" };
                let asked = client
                    .get(format!("http://{address}{path}"))
                    .header("cookie", format!("lang=ja; sid=s-{number}"));
                let body = asked.send().await.expect("an answer").text().await.expect("a body");
                let owner = body.lines().next().expect("a name").to_owned();
                if owner != format!("p-{number}") {
                    seen.lock().unwrap().insert((owner, format!("p-{number}")));
                }
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    Arc::try_unwrap(seen).expect("all have ended").into_inner().unwrap()
}

fn check(
    folder: &Path,
    from: Timestamp,
    form: [&str; 2],
    more: &[&str],
    truth: &BTreeSet<(String, String)>,
) -> (usize, usize) {
    let (from, to) = (from.to_string(), SystemClock.now().to_string());
    let question =
        ["exposure", "reconstruct", "logs", "--from", &from, "--to", &to, "--personal", "/mypage/**"];
    let rest = ["--session-cookie", "sid", "--format", "json"];
    let told = suimon(folder, &[&question[..], &rest, &form, more].concat());
    // An hour that began just now may have no line yet in one of the logs, and then that is said.
    let hour_began = from.as_str().get(..13) != to.as_str().get(..13);
    assert!(told.code == 0 || hour_began && told.code == 3, "{} {}{}", told.code, told.stderr, told.stdout);
    let told: Value = serde_json::from_str(&told.stdout).expect("JSON");
    let people = told["reconstruction"]["people"].as_array().expect("people").clone();
    let of = |class: &str| -> BTreeSet<String> {
        let people = people.iter().filter(|person| person["exposure"] == class);
        people.map(|person| person["person"].as_str().expect("an id").to_owned()).collect()
    };
    let exposed: BTreeSet<String> = truth.iter().map(|(owner, _)| owner.clone()).collect();
    let (confirmed, possible) = (of("confirmed"), of("possible"));
    assert!(confirmed.is_subset(&exposed), "wrongly confirmed: {:?}", &confirmed - &exposed);
    let left_out = &(&exposed - &confirmed) - &possible;
    assert!(left_out.is_empty(), "left out: {left_out:?} {}", told["reconstruction"]["answers"]);
    // Who got a page that was confirmed.
    for person in &people {
        for viewer in person["tenants"]
            .as_array()
            .expect("tenants")
            .iter()
            .flat_map(|tenant| tenant["seen_by"].as_array().expect("viewers"))
        {
            let pair = (
                person["person"].as_str().expect("an id").to_owned(),
                viewer.as_str().expect("an id").to_owned(),
            );
            assert!(truth.contains(&pair), "{pair:?}");
        }
    }
    assert_eq!(told["reconstruction"]["joined_by"], "request_ids");
    assert!(!exposed.is_empty(), "nothing leaked: {}", told["reconstruction"]["answers"]);
    (confirmed.len(), exposed.len())
}

/// Everybody had signed in before.
fn write_logs(folder: &Path, from: Timestamp, system: &System) {
    let sign_in = |number| {
        format!(
            "{{\"time\":\"{from}\",\"event\":\"login\",\"person\":\"p-{number}\",\"tenant\":\"t-{}\",\"session\":\"s-{number}\"}}\n",
            number % 5
        )
    };
    let log: String = (0..PEOPLE).map(sign_in).chain([system.log.lock().unwrap().clone()]).collect();
    std::fs::write(folder.join("logs/origin.jsonl"), log).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_that_leaks_is_read_rightly() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("logs")).expect("a folder");
    let (system, origin) = system().await;
    let from = SystemClock.now();
    let log = folder.path().join("logs/edge.log");
    let (running, edge) = nginx(&folder.path().join("edge"), origin, Some(&log));
    answers(edge).await;
    let truth = visits(edge, 7).await;
    // It writes its last lines.
    drop(running);
    write_logs(folder.path(), from, &system);
    // nginx counts lives in whole seconds.
    let facts = ["--time-to-live", "2", "--tiers", "1", "--single-copy"];
    let (confirmed, exposed) = check(folder.path(), from, ["--nginx-format", NGINX], &facts, &truth);
    assert!(confirmed * 2 >= exposed, "{confirmed} of {exposed}");
    // Who knows nothing of the cache is told nothing wrong.
    check(folder.path(), from, ["--nginx-format", NGINX], &[], &truth);
}

/// What the first one calls a miss is another person's page.
#[tokio::test(flavor = "multi_thread")]
async fn one_nginx_behind_another_is_read_rightly() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("logs")).expect("a folder");
    let (system, origin) = system().await;
    let from = SystemClock.now();
    let (_behind, middle) = nginx(&folder.path().join("middle"), origin, None);
    let log = folder.path().join("logs/edge.log");
    let (running, edge) = nginx(&folder.path().join("edge"), middle, Some(&log));
    answers(edge).await;
    let truth = visits(edge, 11).await;
    drop(running);
    write_logs(folder.path(), from, &system);
    let facts = ["--time-to-live", "2", "--tiers", "2"];
    check(folder.path(), from, ["--nginx-format", NGINX], &facts, &truth);
    check(folder.path(), from, ["--nginx-format", NGINX], &[], &truth);
}

#[tokio::test(flavor = "multi_thread")]
async fn varnish_that_leaks_is_read_rightly() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("logs")).expect("a folder");
    let (system, origin) = system().await;
    let from = SystemClock.now();
    let edge = free();
    let vcl = format!(
        "vcl 4.1;\nbackend default {{ .host = \"127.0.0.1\"; .port = \"{}\"; }}
sub vcl_recv {{ unset req.http.X-Request-Id; set req.http.X-Request-Id = req.xid; return (hash); }}
sub vcl_backend_response {{ set beresp.ttl = 1s; set beresp.grace = 0s; unset beresp.http.Set-Cookie; unset beresp.http.Vary; return (deliver); }}\n",
        origin.port()
    );
    let conf = folder.path().join("main.vcl");
    std::fs::write(&conf, vcl).expect("written");
    let (name, address) = (folder.path().join("n").display().to_string(), edge.to_string());
    let cc = "cc_command=exec gcc -O0 -g0 -w -fPIC -shared -o %o %s";
    let conf = conf.display().to_string();
    let arguments = [
        "-F",
        "-j",
        "none",
        "-T",
        "none",
        "-s",
        "malloc,16m",
        "-a",
        &address,
        "-n",
        &name,
        "-p",
        cc,
        "-f",
        &conf,
    ];
    let _varnish = begin("/usr/sbin/varnishd", &arguments);
    answers(edge).await;
    let log = folder.path().join("logs/edge.log");
    let written = log.display().to_string();
    let logging = begin("/usr/bin/varnishncsa", &["-n", &name, "-F", VARNISH, "-w", &written]);
    // It reads what comes from now on.
    let began = Instant::now();
    while std::fs::metadata(&log).map_or(0, |found| found.len()) == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "varnishncsa writes nothing");
        let _ = reqwest::get(format!("http://{edge}/start")).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let truth = visits(edge, 13).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(logging);
    write_logs(folder.path(), from, &system);
    let facts = ["--time-to-live", "1", "--tiers", "1", "--single-copy"];
    check(folder.path(), from, ["--apache-format", VARNISH], &facts, &truth);
    check(folder.path(), from, ["--apache-format", VARNISH], &[], &truth);
}
