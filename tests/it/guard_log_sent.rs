//! The access log of `suimon guard` in an object store: S3 as moto speaks it, with signatures and rights looked at, and a folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use flate2::read::GzDecoder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Map, Value, json};

use crate::guard::Guard;
use crate::guard_log::{check_run, files, lines, logging, read, scene, until};
use crate::key_servers::{FakeKms, Gate};

const SENT: [&str; 6] =
    ["--key-file", "guard.key", "--access-log", "s3://logs/schools/one", "--access-log-spool", "spool"];

async fn sending(
    folder: &Path,
    origin: std::net::SocketAddr,
    store: &FakeKms,
    gate: &Gate,
    more: &[&str],
) -> Guard {
    let environment = [
        ("AWS_ENDPOINT_URL", &*gate.address),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", &*store.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &*store.secret_access_key),
    ];
    Guard::start_with(folder, origin, &[&SENT[..], more].concat(), &environment).await
}

fn unpacked(bytes: &[u8]) -> Vec<Value> {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).expect("packed by gzip");
    lines(&text)
}

/// What the store has, run by run.
async fn runs(store: &FakeKms) -> BTreeMap<String, Vec<Vec<Value>>> {
    let mut runs = BTreeMap::<String, Vec<Vec<Value>>>::new();
    for (name, bytes) in store.objects("logs").await {
        assert!(name.starts_with("schools/one/20") && name.ends_with(".jsonl.gz"), "{name}");
        let part = unpacked(&bytes);
        let run = part[0]["run"].as_str().expect("a run").to_owned();
        assert!(name.contains(&run), "{name}");
        runs.entry(run).or_default().push(part);
    }
    runs
}

/// Away, killed, started again, back: nothing is lost, and nothing stays on the disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_away_gets_every_record() {
    let (folder, origin) = scene().await;
    let store = FakeKms::with_bucket("logs").await;
    let gate = Gate::before(store.server.port).await;
    let spool = folder.path().join("spool");
    let rotate = ["--access-log-rotate", "64KiB,1s"];
    let mut guard = sending(folder.path(), origin, &store, &gate, &rotate).await;
    guard.asks(3).await;
    guard.says("parts of the access log were sent", 1).await;
    gate.close();
    guard.asks(4).await;
    let problem = guard.says("the access log cannot be sent", 1).await;
    assert!(
        problem.contains("it cannot be reached") || problem.contains("the connection failed"),
        "{problem}"
    );
    guard.asks(5).await;
    until("parts wait", || files(&spool, ".jsonl").len() >= 2).await;
    guard.signal("-KILL");
    guard.ended().await;
    let said = guard.said();
    let mut guard = sending(folder.path(), origin, &store, &gate, &rotate).await;
    guard.asks(2).await;
    until("its part waits, too", || files(&spool, ".jsonl").len() >= 4).await;
    gate.open();
    guard.says("the access log can be sent again", 1).await;
    guard.asks(1).await;
    guard.signal("-TERM");
    assert_eq!(guard.ended().await.code(), Some(0));

    let runs = runs(&store).await;
    let mut counts: Vec<u64> = Vec::new();
    for parts in runs.values() {
        let mut parts = parts.clone();
        let last = parts.last_mut().expect("a part");
        if last.last().expect("a line")["event"] != "end" {
            // The one that was killed.
            let records = parts.iter().flatten().filter(|line| line["event"] == "response").count();
            parts.last_mut().expect("a part").push(json!({ "event": "end", "records": records, "lost": 0 }));
        }
        counts.push(check_run(&parts));
    }
    counts.sort_unstable();
    assert_eq!(counts, [3, 12], "{runs:?}");
    assert!(files(&spool, ".jsonl").is_empty() && files(&spool, ".open").is_empty());
    let said = format!("{said}{}", guard.said());
    let held = format!("{runs:?}");
    for secret in [&*store.secret_access_key, &*store.access_key_id, "hanako", "pupils"] {
        assert!(!said.contains(secret) && !held.contains(secret), "{secret}");
    }
}

/// Beyond what may wait nothing more is written; the queue holds it, and it arrives when the store is back.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_bounded() {
    let (folder, origin) = scene().await;
    let store = FakeKms::with_bucket("logs").await;
    let gate = Gate::before(store.server.port).await;
    gate.close();
    let bounded = ["--access-log-rotate", "64KiB", "--access-log-spool-bytes", "128KiB"];
    let mut guard = sending(folder.path(), origin, &store, &gate, &bounded).await;
    guard.asks(600).await;
    guard.says("the access log cannot be written", 1).await;
    let spool = folder.path().join("spool");
    let waits = || -> u64 {
        let both = files(&spool, ".jsonl").into_iter().chain(files(&spool, ".open"));
        both.map(|path| fs::metadata(path).map_or(0, |found| found.len())).sum()
    };
    let bytes = waits();
    assert!((64 << 10..=3 * (64 << 10)).contains(&bytes), "{bytes}");
    gate.open();
    guard.says("the access log can be written again", 1).await;
    guard.signal("-TERM");
    assert_eq!(guard.ended().await.code(), Some(0));
    let runs = runs(&store).await;
    assert_eq!(runs.values().map(|parts| check_run(parts)).collect::<Vec<_>>(), [600]);
}

/// The store knows the guard and lets it do nothing: told with what is to be looked at, without a word of what the store says.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_refuses_is_told_of_and_the_parts_stay() {
    let (folder, origin) = scene().await;
    let mut store = FakeKms::with_bucket("logs").await;
    let gate = Gate::before(store.server.port).await;
    let right = std::mem::replace(&mut store.secret_access_key, "not-the-secret".to_owned());
    let mut guard = sending(folder.path(), origin, &store, &gate, &["--access-log-rotate", "1s"]).await;
    guard.asks(1).await;
    let line = guard.says("the access log cannot be sent", 1).await;
    assert!(line.contains("403") && !line.contains(&store.access_key_id), "{line}");
    guard.signal("-TERM");
    guard.ended().await;
    let line = guard.says("the next start sends them", 1).await;
    assert!(line.contains("parts=2"), "{line}");
    store.secret_access_key = right;
    let mut guard = sending(folder.path(), origin, &store, &gate, &[]).await;
    guard.says("parts of the access log were sent", 1).await;
    guard.signal("-TERM");
    guard.ended().await;
    let runs = runs(&store).await;
    let mut counts: Vec<u64> = runs.values().map(|parts| check_run(parts)).collect();
    counts.sort_unstable();
    assert_eq!(counts, [0, 1]);
}

fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(value) => json!(value),
        Field::Long(value) | Field::TimestampMillis(value) => json!(value),
        Field::Str(text) => json!(text),
        other => panic!("{other:?}"),
    }
}

/// The lines that the rows of an object stand for.
fn rows(path: &Path) -> Vec<Value> {
    let reader = SerializedFileReader::new(fs::File::open(path).expect("an object")).expect("Parquet");
    let row = |row: parquet::record::Row| {
        let mut line = Map::new();
        for (name, field) in row.get_column_iter() {
            let value = match (name.as_str(), value(field)) {
                (_, Value::Null) => continue,
                // Said in a line only where it is so.
                ("own", Value::Bool(false)) => continue,
                ("cache" | "sealed", Value::String(text)) => serde_json::from_str(&text).expect("JSON"),
                (_, value) => value,
            };
            line.insert(name.clone(), value);
        }
        Value::Object(line)
    };
    reader.get_row_iter(None).expect("rows").map(|found| row(found.expect("a row"))).collect()
}

/// Columns say what the lines say, all of it. While the store is a wrong one the lines can be seen.
#[tokio::test(flavor = "multi_thread")]
async fn columns_say_what_lines_say() {
    let (folder, origin) = scene().await;
    let (store, spool) = (folder.path().join("store"), folder.path().join("spool"));
    let url = format!("file://{}", store.display());
    let options = [
        "--access-log",
        &url,
        "--access-log-spool",
        "spool",
        "--access-log-format",
        "parquet",
        "--access-log-rotate",
        "1s",
    ];
    let mut guard = logging(folder.path(), origin, &options).await;
    fs::remove_dir(&store).expect("an empty folder");
    fs::write(&store, "in the way").expect("written");
    guard.asks(3).await;
    // Somebody of another school: the guard's own answer.
    assert_eq!(guard.get_as("/t/b/pupils", "sid=hanako-a").await.status(), 403);
    assert_eq!(guard.get("/login").await.status(), 200);
    guard.says("the access log cannot be sent", 1).await;
    until("all records wait", || {
        let parts = files(&spool, ".jsonl");
        parts.iter().flat_map(|part| read(part)).filter(|line| line["event"] == "response").count() == 5
    })
    .await;
    let waiting: Vec<_> = files(&spool, ".jsonl").iter().map(|part| (part.clone(), read(part))).collect();
    fs::remove_file(&store).expect("removed");
    fs::create_dir(&store).expect("a folder");
    guard.says("the access log can be sent again", 1).await;
    guard.signal("-TERM");
    assert_eq!(guard.ended().await.code(), Some(0));
    for (part, lines) in &waiting {
        let name = part.file_stem().and_then(|name| name.to_str()).expect("a name");
        assert_eq!(&rows(&store.join(format!("{name}.parquet"))), lines);
        assert!(lines.iter().any(|line| line["event"] == "start"));
    }
    let own = waiting.iter().flat_map(|(_, lines)| lines).filter(|line| line["own"] == true).count();
    assert_eq!(own, 1);
    let all: Vec<_> = files(&store, ".parquet").iter().map(|path| rows(path)).collect();
    assert_eq!(check_run(&all), 5);
    assert!(files(&spool, ".jsonl").is_empty() && files(&store, ".gz").is_empty());
}

/// A line that this version does not know has no place in columns: its part is sent as it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_without_columns_is_sent_as_lines() {
    let (folder, origin) = scene().await;
    let (store, spool) = (folder.path().join("store"), folder.path().join("spool"));
    fs::create_dir(&spool).expect("a folder");
    let strange = "{\"event\":\"response\",\"seq\":1,\"colour\":\"blue\"}\n";
    fs::write(spool.join("20261128T000000000Z-old-000001.jsonl"), strange).expect("written");
    let url = format!("file://{}", store.display());
    let options = ["--access-log", &url, "--access-log-spool", "spool", "--access-log-format", "parquet"];
    let mut guard = logging(folder.path(), origin, &options).await;
    guard.says("is sent as JSON lines", 1).await;
    guard.signal("-TERM");
    guard.ended().await;
    let sent = fs::read(store.join("20261128T000000000Z-old-000001.jsonl.gz")).expect("sent");
    assert_eq!(unpacked(&sent), lines(strange));
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_cannot_be_used_are_refused_with_the_reason() {
    let (folder, _) = scene().await;
    let refused = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
        command.args([
            "guard",
            "--manifests",
            "manifests",
            "--listen",
            "127.0.0.1:0",
            "--origin",
            "http://127.0.0.1:1",
        ]);
        command.args(["--key-file", "guard.key"]).args(more).current_dir(folder.path());
        let ran = command.output().expect("the program runs");
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(2), "{said}");
        said
    };
    let spool = ["--access-log-spool", "spool"];
    for (url, reason) in [
        ("s3://key:secret@logs/one", "name nothing but a bucket and a prefix"),
        ("s3://logs/one?token=secret", "name nothing but a bucket and a prefix"),
        ("https://logs.example/one", "https:// is not known"),
        ("s3:///one", "names no bucket"),
        ("file://elsewhere/one", "is no folder"),
    ] {
        let said = refused(&[&["--access-log", url][..], &spool].concat());
        assert!(said.contains(reason) && !said.contains("secret"), "{url}: {said}");
    }
    let store = ["--access-log", "s3://logs/one"];
    let said = refused(&store);
    assert!(said.contains("--access-log-spool FOLDER"), "{said}");
    let said = refused(&[&store[..], &spool, &["--access-log-rotate", "1GiB"]].concat());
    assert!(said.contains("256MiB at most"), "{said}");
    let said = refused(&[&store[..], &spool, &["--access-log-spool-bytes", "100MiB"]].concat());
    assert!(said.contains("room for two parts"), "{said}");
    let said = refused(&["--access-log", "."]);
    assert!(said.contains("say --access-log-rotate"), "{said}");
    let said = refused(&["--access-log", "guard.key/parts", "--access-log-rotate", "1h"]);
    assert!(said.contains("cannot be written"), "{said}");
    let said = refused(&["--access-log", "parts", "--access-log-rotate", "1MB"]);
    assert!(said.contains("256MiB"), "{said}");
    let said = refused(&[&["--access-log", "one.jsonl"][..], &spool].concat());
    assert!(said.contains("is for a store"), "{said}");
}
