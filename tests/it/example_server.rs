//! `script/server`: everything starts together, is there, and ends together in order.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The story of the day is played first, by a program without optimisation, on a machine that may be busy.
const LONG: Duration = Duration::from_secs(600);
/// The service, two guards, a cache, two applications.
const PORTS: u16 = 6;

/// The script, with this build of the program and a folder of its own.
fn script(data: &Path, port: u16) -> Command {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/script/server"));
    command.env("SUIMON", env!("CARGO_BIN_EXE_suimon")).env("DATA", data).env("PORT", port.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The first of so many ports in a row that nobody has.
fn free_ports() -> u16 {
    let all_free = |first: u16| {
        let ports: Vec<_> =
            (first..first + PORTS).map(|port| TcpListener::bind(("127.0.0.1", port))).collect();
        ports.iter().all(Result::is_ok)
    };
    let of_the_system = || {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("the port").port();
        // Below those that systems give to whoever asks for any: other tests do.
        20_000 + port % 10_000
    };
    std::iter::repeat_with(of_the_system).take(100).find(|first| all_free(*first)).expect("free ports")
}

fn lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    lines
}

/// The running script; a test that fails leaves nothing behind.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
            let _ = self.0.wait();
        }
    }
}

/// What is said up to a line with these words.
fn until(lines: &Receiver<String>, words: &str) -> String {
    let (began, mut said) = (Instant::now(), String::new());
    while !said.contains(words) {
        let left = LONG.saturating_sub(began.elapsed());
        let line = lines.recv_timeout(left).unwrap_or_else(|_| panic!("it did not say {words:?}:\n{said}"));
        said += &format!("{line}\n");
    }
    said
}

fn ended(script: &mut Child) -> Option<i32> {
    let began = Instant::now();
    loop {
        if let Some(status) = script.try_wait().expect("ours") {
            return status.code();
        }
        assert!(began.elapsed() < LONG, "it does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
}

async fn status(port: u16, path: &str) -> u16 {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    http.get(format!("http://localhost:{port}{path}")).send().await.expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_starts_together_and_ends_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let port = free_ports();
    let mut running = Running(script(&data, port).spawn().expect("bash"));
    let told = lines(running.0.stdout.take().expect("piped"));
    let said = until(&told, "Ctrl-C ends all of it");
    for (at, path) in
        [(0, "/graphiql"), (1, "/?lang=en"), (2, "/slots/kirigasawa"), (3, "/login"), (4, "/"), (5, "/")]
    {
        assert_eq!(status(port + at, path).await, 200, "{at} {path}\n{said}");
    }
    assert!(said.contains(&format!("http://localhost:{}/?lang=en", port + 1)), "{said}");

    // A second one finds the first port taken, says so, and leaves the first one alone.
    let taken = script(&data, port).output().expect("bash");
    let complained = String::from_utf8_lossy(&taken.stderr).into_owned();
    assert_eq!(taken.status.code(), Some(1), "{complained}");
    let expected = format!("cannot listen on 127.0.0.1:{port}");
    assert!(complained.contains(&expected) && complained.contains("PORT="), "{complained}");
    assert_eq!(status(port + 2, "/").await, 200);

    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
    assert_eq!(ended(&mut running.0), Some(0));
    for at in 0..PORTS {
        assert!(TcpListener::bind(("127.0.0.1", port + at)).is_ok(), "{at} is still there");
    }
    // Each ended by itself, the access log to its last line.
    for name in ["guard-online-application", "guard-vaccine-booking", "online-application", "service"] {
        let log = std::fs::read_to_string(data.join(format!("logs/{name}.log"))).expect("a log");
        assert!(log.contains("ended"), "{name}: {log}");
    }
    let log = std::fs::read_to_string(data.join("access-online-application.jsonl")).expect("a log");
    assert!(log.trim_end().ends_with('}') && log.contains("\"event\":\"end\""), "{log}");
}
