//! Limits and patience of `suimon guard` as options, through the program.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::guard::{Guard, LONG, SEALED, cache_control, origin, state};

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_patience_are_set_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    state(folder.path(), "enforce");
    let origin = origin(Arc::default(), Arc::default()).await;
    let stated = ["--limit", "head-bytes=2000", "--limit", "target-bytes=100", "--limit", "body-bytes=10"];
    let patience = ["--patience", "head=1.5", "--patience", "answer=1.5"];
    let guard = Guard::start(folder.path(), origin, &[&stated[..], &patience].concat()).await;
    // None is kept: it might end just when it is used again.
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    let url = |path: &str| format!("http://{}{path}", guard.address);
    let long = "x".repeat(3_000);
    let headed = async |length: usize| {
        let sent = http.get(url("/mypage/1")).header("x-long", &long[..length]).send().await;
        sent.expect("an answer").status().as_u16()
    };
    assert_eq!((headed(1_000).await, headed(3_000).await), (200, 431));
    assert_eq!(
        http.get(url(&format!("/mypage/{}", &long[..100]))).send().await.expect("an answer").status(),
        414
    );
    let posted = async |length: usize| {
        let sent = http.post(url("/mypage/1")).body(long[..length].to_owned()).send().await;
        sent.expect("an answer").status().as_u16()
    };
    assert_eq!((posted(10).await, posted(11).await), (200, 413));

    // By itself it would wait 15 seconds, and a minute for an answer.
    assert_eq!(guard.get("/mypage/slow").await.status(), 504);
    let address = guard.address;
    let waited = |sent: &'static str| async move {
        let wait = move || {
            let mut stream = TcpStream::connect(address).expect("the guard is there");
            stream.set_read_timeout(Some(LONG)).expect("a limit");
            stream.write_all(sent.as_bytes()).expect("sent");
            let (began, mut read) = (Instant::now(), String::new());
            stream.read_to_string(&mut read).expect("it ends the connection");
            assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
            read
        };
        tokio::task::spawn_blocking(wait).await.expect("no panic")
    };
    assert_eq!(waited("").await, "");
    waited("GET /mypage/1 HTTP/1.1\r\nHost: a").await;
    assert_eq!(cache_control(&guard.get("/mypage/1").await), SEALED);
}

#[test]
fn limits_that_cannot_be_meant_are_refused_and_all_are_documented() {
    let run = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
        let ran = command.arg("guard").args(more).output().expect("the program runs");
        let said = [ran.stdout, ran.stderr].concat();
        (ran.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let needed = ["--manifests", "none", "--origin", "http://127.0.0.1:1"];
    for (more, why) in [
        (&["--limit", "heads=1"][..], "there are connections, header-fields, head-bytes"),
        (&["--limit", "head-bytes"], "write head-bytes=… with a whole number from 1024 to 1048576"),
        (&["--limit", "head-bytes=1023"], "from 1024 to 1048576"),
        (&["--limit", "streams=1.5"], "with a whole number from 1 to 10000"),
        (&["--limit", "body-bytes=-1"], "from 0 to"),
        (&["--patience", "drain=1"], "there are head, handshake, body, connect, answer, tunnel"),
        (&["--patience", "head=0"], "write head=… with a number of seconds from 0.01 to 3600"),
        (&["--patience", "head=NaN"], "from 0.01 to 3600"),
        (&["--patience", "head=inf"], "from 0.01 to 3600"),
        (&["--limit", "streams=1", "--limit", "streams=2"], "--limit streams is stated twice"),
        (&["--patience", "body=1", "--patience", "body=1"], "--patience body is stated twice"),
    ] {
        let (code, said) = run(&[&needed[..], more].concat());
        assert!(code == Some(2) && said.contains(why), "{more:?}: {said}");
    }
    // What the page says of each is what the program says.
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/GUARD.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let (_, help) = run(&["--help"]);
    let plain = |text: &str| text.replace(',', "").split_whitespace().collect::<Vec<_>>().join(" ");
    let help = plain(&help);
    let rows: Vec<Vec<&str>> = page
        .lines()
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|row| row.get(1).is_some_and(|option| option.starts_with("`--") && option.ends_with("=`")))
        .collect();
    assert_eq!(rows.len(), 12);
    for row in rows {
        let [_, option, by_itself, range, ..] = row[..] else { panic!("{row:?}") };
        let name = option.trim_matches('`').split([' ', '=']).nth(1).expect("a name");
        let said = plain(&format!("- {name} ({by_itself}; {range}):"));
        assert!(help.contains(&said), "{said}\n{help}");
    }
}
