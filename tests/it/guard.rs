//! `suimon guard` through the program: rules from manifests alone, changed while it runs, and an end that loses nobody.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderName;
use axum::response::IntoResponse;
use axum::routing::get;
use edge::{Caching, Class, Lifetime};
use rustls::pki_types::ServerName;
use suimon::clock::{Clock, SystemClock};
use suimon::requirements::caching_rules;
use suimon::requirements::manifest::parse_files;
use tokio::sync::Notify;

pub const LONG: Duration = Duration::from_secs(30);
pub const SEALED: &str = "private, no-store, no-cache, max-age=0, stale-if-error=0";

/// A running `suimon guard`.
pub struct Guard {
    program: Child,
    said: Arc<Mutex<String>>,
    pub address: SocketAddr,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Guard {
    pub async fn start(folder: &Path, origin: SocketAddr, more: &[&str]) -> Self {
        Self::start_with(folder, origin, more, &[]).await
    }

    /// With something in its environment.
    pub async fn start_with(
        folder: &Path,
        origin: SocketAddr,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let more = [&["--manifests", "manifests"], more].concat();
        Self::start_bare(folder, origin, &more, environment).await
    }

    /// Without manifests.
    pub async fn start_bare(
        folder: &Path,
        origin: SocketAddr,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        Self::running(Self::command(folder, origin, more, environment), "the guard listens").await
    }

    /// Not listening yet.
    pub fn spawn(folder: &Path, origin: SocketAddr, more: &[&str]) -> Self {
        let more = [&["--manifests", "manifests"], more].concat();
        Self::begun(Self::command(folder, origin, &more, &[]))
    }

    /// Without manifests, and not listening yet.
    pub fn spawn_bare(folder: &Path, origin: SocketAddr, more: &[&str]) -> Self {
        Self::begun(Self::command(folder, origin, more, &[]))
    }

    fn command(folder: &Path, origin: SocketAddr, more: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
        command.args(["guard", "--listen", "127.0.0.1:0", "--origin"]);
        command.arg(format!("http://{origin}")).args(more).current_dir(folder);
        command.envs(environment.iter().copied());
        command
    }

    /// A program that needs no database, once it says that it listens.
    pub async fn running(command: Command, says: &str) -> Self {
        let mut guard = Self::begun(command);
        guard.address = guard.address_of(says).await;
        guard
    }

    fn begun(mut command: Command) -> Self {
        // There is none, and nobody asks for one.
        command.env("SUIMON_DATABASE_URL", "postgres://nobody@127.0.0.1:1/none");
        let mut program = command.stderr(Stdio::piped()).spawn().expect("the program starts");
        let errors = BufReader::new(program.stderr.take().expect("piped"));
        let said = Arc::new(Mutex::new(String::new()));
        let heard = said.clone();
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                *heard.lock().unwrap() += &format!("{line}\n");
            }
        });
        Self { program, said, address: SocketAddr::from(([127, 0, 0, 1], 0)) }
    }

    /// Of the listener that it tells of with a text.
    pub async fn address_of(&self, text: &str) -> SocketAddr {
        let line = self.says(text, 1).await;
        let address = line.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next());
        address.and_then(|text| text.parse().ok()).expect("an address")
    }

    /// Waits until it has said a text so many times; gives the last line with it.
    pub async fn says(&self, text: &str, times: usize) -> String {
        let began = Instant::now();
        loop {
            let said = self.said.lock().unwrap().clone();
            if let Some(line) = said.lines().filter(|line| line.contains(text)).nth(times - 1) {
                return line.to_owned();
            }
            assert!(began.elapsed() < LONG, "it did not say {text:?}:\n{said}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.program.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill").success());
    }

    pub async fn get(&self, target: &str) -> reqwest::Response {
        reqwest::get(format!("http://{}{target}", self.address)).await.expect("an answer")
    }

    pub async fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.program.try_wait().expect("the program is ours") {
                return status;
            }
            assert!(began.elapsed() < LONG, "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Wants every page kept by everybody; `/mypage/slow` waits.
pub async fn origin(came: Arc<Notify>, go: Arc<Notify>) -> SocketAddr {
    let careless = |_: Request| async {
        let fields = [("cache-control", "public, max-age=60"), ("etag", "\"1\""), ("set-cookie", "sid=1")];
        (fields.map(|(name, value)| (HeaderName::from_static(name), value)), "a page").into_response()
    };
    let slow = move || async move {
        came.notify_one();
        go.notified().await;
        "it came late"
    };
    let router = Router::new().route("/mypage/slow", get(slow)).fallback(careless);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the port");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// The example's system and what it learnt, in a mode.
pub fn state(folder: &Path, mode: &str) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/online-application");
    let read = |file: &str| std::fs::read_to_string(example.join(file)).expect("the example");
    let rule = read("corrective/NFR-CACHE-001.yaml").replace("mode: enforce", &format!("mode: {mode}"));
    let manifests = folder.join("manifests");
    std::fs::create_dir_all(&manifests).expect("a folder");
    std::fs::write(manifests.join("system.yaml"), read("manifests/system.yaml")).expect("written");
    std::fs::write(manifests.join("cache.yaml"), rule).expect("written");
}

pub fn cache_control(answer: &reqwest::Response) -> &str {
    answer.headers()["cache-control"].to_str().expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_come_from_manifests_and_change_without_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let (came, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let origin = origin(came.clone(), go.clone()).await;
    state(folder.path(), "audit");
    let mut guard = Guard::start(folder.path(), origin, &[]).await;

    // Told, not changed.
    let answer = guard.get("/mypage/hanako?token=geheim").await;
    assert_eq!(cache_control(&answer), "public, max-age=60");
    let line = guard.says("kind=\"cache_control_permits\"", 1).await;
    assert!(line.contains("route=\"mypage\"") && line.contains("effect=Reported"), "{line}");

    state(folder.path(), "enforce");
    guard.signal("-HUP");
    guard.says("other rules are in force", 1).await;
    let personal = guard.get("/mypage/hanako?token=geheim").await;
    assert_eq!((personal.status().as_u16(), cache_control(&personal)), (200, SEALED));
    assert!(!personal.headers().contains_key("etag") && personal.headers().contains_key("set-cookie"));
    assert_eq!(cache_control(&guard.get("/nobody/declared/this").await), SEALED);
    // Public, but it signs somebody in.
    assert_eq!(cache_control(&guard.get("/assets/a.css").await), SEALED);
    assert_eq!(guard.get("/mypage/hanako.css").await.status(), 404);
    assert!(guard.says("kind=\"unknown_suffix\"", 1).await.contains("effect=Corrected"));

    // Once for a route and a kind, however often.
    for _ in 0..3 {
        guard.get("/mypage/hanako?token=geheim").await;
    }

    // Bad manifests: what is wrong is said, and the rules stay.
    std::fs::write(folder.path().join("manifests/cache.yaml"), "kind: Requirement\n").expect("written");
    guard.signal("-HUP");
    guard.says("the rules in force stay", 1).await;
    guard.says("cache.yaml:1:1", 1).await;
    assert_eq!(cache_control(&guard.get("/mypage/hanako").await), SEALED);

    // The end: nobody new, and whoever waits gets the answer.
    let address = guard.address;
    let slow = tokio::spawn(async move { reqwest::get(format!("http://{address}/mypage/slow")).await });
    tokio::time::timeout(LONG, came.notified()).await.expect("the origin is asked");
    guard.signal("-TERM");
    let began = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(began.elapsed() < LONG, "it still takes connections");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(guard.program.try_wait().expect("ours").is_none(), "it waits for the answer");
    go.notify_one();
    let answer = slow.await.expect("no panic").expect("an answer");
    assert_eq!(cache_control(&answer), SEALED);
    assert_eq!(answer.text().await.expect("whole"), "it came late");
    assert_eq!(guard.ended().await.code(), Some(0));

    let said = guard.said.lock().unwrap().clone();
    let told = |effect: &str| {
        let words = ["against the caching rules", "\"cache_control_permits\"", "\"mypage\"", effect];
        said.lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
    };
    assert_eq!((told("Reported"), told("Corrected")), (1, 1), "{said}");
    for personal in ["hanako", "geheim", "sid=1"] {
        assert!(!said.contains(personal), "{personal}: {said}");
    }
}

/// A manifest beside the others: that the rule is watched only, from and until instants of the machine's clock.
fn except(folder: &Path, from: jiff::Timestamp, until: jiff::Timestamp) {
    let text = format!(
        "apiVersion: suimon/v1
kind: Exception
metadata: {{ name: EXC-MOVING }}
spec:
  system: online-application
  requirement: NFR-CACHE-001
  reason: {{ ja: 移行中, en: Being moved }}
  approver: security
  mode: audit
  inForceFrom: {from}
  expires: {until}
"
    );
    std::fs::write(folder.join("manifests/exception.yaml"), text).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_begins_and_ends_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    state(folder.path(), "enforce");
    let from = SystemClock.now() + jiff::SignedDuration::from_secs(5);
    except(folder.path(), from, from + jiff::SignedDuration::from_secs(5));
    let origin = origin(Arc::default(), Arc::default()).await;
    let guard = Guard::start(folder.path(), origin, &[]).await;
    // Nobody touches anything: the rules change when their time comes.
    for (change, expected) in [(1, "public, max-age=60"), (2, SEALED)] {
        guard.says("other rules are in force", change).await;
        assert_eq!(cache_control(&guard.get("/mypage/hanako").await), expected);
    }
    let line = guard.says("an exception holds", 1).await;
    assert!(line.contains("EXC-MOVING"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_of_a_file_has_its_end_too() {
    let folder = tempfile::tempdir().expect("a folder");
    state(folder.path(), "enforce");
    let now = SystemClock.now();
    except(folder.path(), now, now + jiff::SignedDuration::from_hours(24));
    let file = folder.path().join("manifests/exception.yaml");
    let text = std::fs::read_to_string(&file).expect("written");
    let kept: Vec<&str> =
        text.lines().filter(|line| !line.contains("inForceFrom") && !line.contains("expires")).collect();
    // It states no beginning, and an end that nobody will live to see.
    let endless = format!("{}\n  expires: 2090-01-01T00:00:00Z\n", kept.join("\n"));
    std::fs::write(&file, endless).expect("written");
    for command in [
        &["export", "nginx", "--manifests", "manifests", "--into", "nginx"][..],
        &["guard", "--manifests", "manifests", "--listen", "127.0.0.1:0", "--origin", "http://127.0.0.1:1"][..],
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_suimon"));
        let ran = program.args(command).current_dir(folder.path()).output().expect("the program runs");
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(
            ran.status.code() == Some(2)
                && said.contains("exception.yaml:10")
                && said.contains("more than 366 days"),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_rules_in_the_words_of_other_edges() {
    let folder = tempfile::tempdir().expect("a folder");
    state(folder.path(), "enforce");
    let export = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
        command.args(["export", "--manifests", "manifests"]).args(more).current_dir(folder.path());
        let ran = command.output().expect("the program runs");
        let said = [ran.stdout, ran.stderr].concat();
        (ran.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let files = ["suimon-online-application-http.conf", "suimon-online-application-location.conf"];
    let (code, said) = export(&["nginx", "--into", "nginx"]);
    assert!(code == Some(0) && files.iter().all(|file| said.contains(file)), "{said}");
    // nginx itself reads them.
    let nginx = folder.path().join("nginx");
    let main = format!(
        "daemon off; error_log stderr; pid {0}/pid; events {{}} http {{ access_log off; client_body_temp_path {0}/b; \
         proxy_temp_path {0}/p; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; scgi_temp_path {0}/s; include {0}/{1}; \
         server {{ listen 127.0.0.1:1; location / {{ include {0}/{2}; proxy_pass http://127.0.0.1:2; }} }} }}",
        nginx.display(),
        files[0],
        files[1]
    );
    std::fs::write(nginx.join("main.conf"), main).expect("written");
    let program = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
    let read = Command::new(program).args(["-t", "-c"]).arg(nginx.join("main.conf")).output();
    let read = read.expect("nginx is installed (package nginx)");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let (code, said) = export(&["nginx", "--into", "nginx"]);
    assert!(code == Some(2) && said.contains("is there already"), "{said}");
    assert_eq!(export(&["nginx", "--into", "nginx", "--replace"]).0, Some(0));
    for (edge, file) in [
        ("varnish", "suimon-online-application.vcl"),
        ("cloudfront", "suimon-online-application-cloudfront.tf.json"),
        ("cloudflare", "suimon-online-application-cloudflare.tf.json"),
    ] {
        let (code, said) = export(&[edge, "--into", edge, "--identity-binding"]);
        assert_eq!(code, Some(0), "{said}");
        let text = std::fs::read_to_string(folder.path().join(edge).join(file)).expect("the file");
        assert!(
            !file.ends_with("json") || serde_json::from_str::<serde_json::Value>(&text).is_ok(),
            "{text}"
        );
    }
    // What will not hold for ever says so.
    let from = SystemClock.now() - jiff::SignedDuration::from_secs(60);
    except(folder.path(), from, from + jiff::SignedDuration::from_hours(1));
    let (_, said) = export(&["nginx", "--into", "later"]);
    assert!(
        said.contains("the exception EXC-MOVING holds") && said.contains("export them again then"),
        "{said}"
    );
    assert_eq!(export(&["squid", "--into", "x"]).0, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_not_start_on_what_it_cannot_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
        command.args(["guard", "--manifests", "manifests", "--listen", "127.0.0.1:0"]).args(more);
        let ran = command.current_dir(folder.path()).output().expect("the program runs");
        (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    let origin = ["--origin", "http://127.0.0.1:1"];
    let (code, said) = refused(&origin);
    assert!(code == Some(2) && said.contains("manifests: cannot be read"), "{said}");
    state(folder.path(), "enforce");
    let (code, said) = refused(&[&origin[..], &["--system", "another"]].concat());
    assert!(code == Some(2) && said.contains("no system `another`"), "{said}");
    let (code, said) = refused(&["--origin", "http://127.0.0.1:1/path"]);
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = refused(&[&origin[..], &["--trusted", "everybody"]].concat());
    assert!(code == Some(2) && said.contains("--trusted everybody"), "{said}");
    std::fs::write(folder.path().join("manifests/system.yaml"), "kind: System\n").expect("written");
    let (code, said) = refused(&origin);
    assert!(code == Some(2) && said.contains("system.yaml:1:1"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_speaks_tls_with_the_certificate_it_is_given() {
    let folder = tempfile::tempdir().expect("a folder");
    state(folder.path(), "enforce");
    let origin = origin(Arc::default(), Arc::default()).await;
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    std::fs::write(folder.path().join("guard.pem"), made.cert.pem()).expect("written");
    std::fs::write(folder.path().join("guard.key"), made.signing_key.serialize_pem()).expect("written");
    let files = ["--tls-certificate", "guard.pem", "--tls-key", "guard.key"];
    let guard = Guard::start(folder.path(), origin, &files).await;

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let address = guard.address;
    let read = tokio::task::spawn_blocking(move || {
        let name = ServerName::try_from("localhost").expect("a name");
        let client = rustls::ClientConnection::new(Arc::new(config), name).expect("a client");
        let stream = TcpStream::connect(address).expect("the guard is there");
        stream.set_read_timeout(Some(LONG)).expect("a limit");
        let mut stream = rustls::StreamOwned::new(client, stream);
        stream
            .write_all(b"GET /mypage/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .expect("sent");
        let mut read = Vec::new();
        // The end of the connection may come without TLS's own word for it.
        let _ = stream.read_to_end(&mut read);
        String::from_utf8_lossy(&read).into_owned()
    });
    let read = read.await.expect("no panic");
    assert!(read.starts_with("HTTP/1.1 200 OK\r\n") && read.contains(SEALED), "{read}");
}

/// The example's system under requirements about caching: target, mode and parameters of each.
fn rules(stated: &[(&str, &str, &str)]) -> edge::Rules {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/online-application");
    let read = |file: &str| std::fs::read_to_string(example.join(file)).expect("the example");
    let rule = read("corrective/NFR-CACHE-001.yaml");
    let mut files = vec![("system.yaml".to_owned(), read("manifests/system.yaml"))];
    for (at, (target, mode, params)) in stated.iter().enumerate() {
        let text = rule
            .replace("name: NFR-CACHE-001", &format!("name: NFR-CACHE-{at}"))
            .replace("target: routes:personal", &format!("target: {target}"))
            .replace("mode: enforce", &format!("mode: {mode}"))
            .replace("{ rule: no_store }", params);
        files.push((format!("{at}.yaml"), text));
    }
    let set = parse_files(files).expect("manifests in order");
    let system = set.system("online-application").expect("the system");
    caching_rules(system, set.requirements_of("online-application").map(|(_, requirement)| requirement))
}

const NO_STORE: &str = "{ rule: no_store }";
const MINUTE: &str = "{ rule: public, maxAge: 60 }";
const HOUR: &str = "{ rule: public, maxAge: 3600 }";

#[test]
fn what_is_personal_is_enforced_until_somebody_says_less() {
    let modes = |stated: &[(&str, &str, &str)]| {
        let rules = rules(stated);
        let of = |name: &str| rules.routes.iter().find(|route| route.name == name).expect("declared").mode;
        (of("mypage"), of("admin"), rules.undeclared)
    };
    use edge::Mode::{Audit, Enforce, Observe};
    assert_eq!(modes(&[]), (Enforce, Enforce, Enforce));
    assert_eq!(modes(&[("routes:personal", "audit", NO_STORE)]), (Audit, Audit, Audit));
    assert_eq!(modes(&[("route:mypage", "observe", NO_STORE)]), (Observe, Enforce, Enforce));
    // Of several the strictest.
    let both = [("routes:personal", "observe", NO_STORE), ("route:admin", "audit", NO_STORE)];
    assert_eq!(modes(&both), (Observe, Audit, Observe));
    assert_eq!(modes(&[both[0], ("system", "enforce", NO_STORE)]), (Enforce, Enforce, Enforce));
}

#[test]
fn public_routes_get_what_the_strictest_requirement_declares() {
    let caching = |stated: &[(&str, &str, &str)]| {
        let rules = rules(stated);
        let assets = rules.routes.into_iter().find(|route| route.name == "assets").expect("declared");
        (assets.class, assets.mode)
    };
    let shared = |max_age| Class::Public(Caching::Shared(Lifetime { max_age, ..Lifetime::default() }));
    use edge::Mode::{Audit, Enforce};
    assert_eq!(caching(&[]), (Class::Public(Caching::Origin), Enforce));
    let hour = ("route:assets", "enforce", HOUR);
    assert_eq!(caching(&[hour]), (shared(3600), Enforce));
    assert_eq!(caching(&[hour, ("routes:public", "enforce", MINUTE)]), (shared(60), Enforce));
    assert_eq!(
        caching(&[hour, ("routes:public", "enforce", NO_STORE)]),
        (Class::Public(Caching::NoStore), Enforce)
    );
    // What is only looked at takes nothing from what is enforced.
    assert_eq!(caching(&[hour, ("routes:public", "audit", NO_STORE)]), (shared(3600), Enforce));
    assert_eq!(caching(&[("routes:public", "audit", MINUTE)]), (shared(60), Audit));
    // About others.
    assert_eq!(caching(&[("routes:personal", "audit", NO_STORE)]), (Class::Public(Caching::Origin), Enforce));
}
