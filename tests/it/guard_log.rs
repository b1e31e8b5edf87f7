//! The access log of `suimon guard` on the local disk: parts of a folder, files that are moved away, full disks, killed processes.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::guard::Guard;
use crate::guard_parts::{schools, state_schools};

const LONG: Duration = Duration::from_secs(30);

/// A folder with manifests, and an origin.
pub async fn scene() -> (tempfile::TempDir, SocketAddr) {
    let folder = tempfile::tempdir().expect("a folder");
    state_schools(folder.path());
    (folder, schools().await)
}

pub async fn logging(folder: &Path, origin: SocketAddr, more: &[&str]) -> Guard {
    let mut options = vec!["--key-file", "guard.key"];
    options.extend(more);
    Guard::start(folder, origin, &options).await
}

impl Guard {
    pub async fn asks(&self, times: usize) {
        for _ in 0..times {
            assert_eq!(self.get_as("/t/a/pupils", "sid=hanako-a").await.status(), 200);
        }
    }
}

/// Files of a folder whose names end so, sorted by name.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_str().is_some_and(|path| path.ends_with(ending)))
        .collect();
    files.sort();
    files
}

pub fn lines(text: &str) -> Vec<Value> {
    assert!(text.is_empty() || text.ends_with('\n'), "a line is cut: {text}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no line: {line}")))
        .collect()
}

pub fn read(path: &Path) -> Vec<Value> {
    lines(&fs::read_to_string(path).expect("a file"))
}

pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LONG, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The parts of one run: each with its start, their numbers and those of the records without a gap, ended as it should.
pub fn check_run(parts: &[Vec<Value>]) -> u64 {
    for (number, part) in parts.iter().enumerate() {
        assert_eq!(
            (&part[0]["event"], &part[0]["part"]),
            (&"start".into(), &(number + 1).into()),
            "{:?}",
            part[0]
        );
        assert_eq!(part[0]["run"], parts[0][0]["run"]);
        assert!(!part[0]["sealed"].as_array().expect("fields").is_empty());
    }
    let numbers: Vec<u64> = parts.iter().flatten().filter_map(|line| line["seq"].as_u64()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    let end = parts.last().expect("a part").last().expect("a line");
    assert_eq!(
        (&end["event"], &end["records"], &end["lost"]),
        (&"end".into(), &numbers.len().into(), &0.into())
    );
    numbers.len() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_size_sort_by_time_and_hold_every_record() {
    let (folder, origin) = scene().await;
    let rotate = ["--access-log", "log/parts", "--access-log-rotate", "64KiB"];
    let mut guard = logging(folder.path(), origin, &rotate).await;
    guard.asks(400).await;
    let parts = folder.path().join("log/parts");
    until("parts end while the guard runs", || files(&parts, ".jsonl").len() >= 2).await;
    guard.signal("-TERM");
    assert_eq!(guard.ended().await.code(), Some(0));
    assert_eq!(files(&parts, ".open"), Vec::<PathBuf>::new());
    let whole = files(&parts, ".jsonl");
    let read: Vec<_> = whole.iter().map(|path| read(path)).collect();
    assert_eq!(check_run(&read), 400);
    let (mut before, run) = (0, read[0][0]["run"].as_str().expect("a run").to_owned());
    for (number, (path, part)) in whole.iter().zip(&read).enumerate() {
        assert!(fs::metadata(path).expect("a part").len() <= 2 * 65_536, "{}", path.display());
        // 20261128T182601123Z-RUN-000001: the instant is that of the part's start, by the machine's clock.
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
        assert!(
            name.ends_with(&format!("Z-{run}-{:06}", number + 1)) && name.as_bytes()[8] == b'T',
            "{name}"
        );
        let began = part[0]["time"].as_u64().expect("an instant");
        let (day, time) = (&name[..8], &name[9..18]);
        let stamp = jiff::Timestamp::from_millisecond(i64::try_from(began).expect("now")).expect("now");
        let near = [-1, 0, 1, 2].map(|more| {
            (stamp - jiff::SignedDuration::from_millis(more * 500)).strftime("%Y%m%d%H%M%S").to_string()
        });
        assert!(near.contains(&format!("{day}{}", &time[..6])), "{name}: {near:?}");
        assert!(began >= before);
        before = began;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&parts), mode(&whole[0])), (0o700, 0o600));
    }
    // Another run adds to them and changes none.
    let before: Vec<_> = whole.iter().map(|path| fs::read(path).expect("a part")).collect();
    let mut again = logging(folder.path(), origin, &rotate).await;
    again.asks(1).await;
    again.signal("-TERM");
    again.ended().await;
    let now = files(&parts, ".jsonl");
    assert_eq!((now.len(), &now[..whole.len()]), (whole.len() + 1, &whole[..]));
    assert!(whole.iter().zip(before).all(|(path, bytes)| fs::read(path).expect("a part") == bytes));
}

/// A part ends by time without another record; a folder that is gone costs no record, and is told of.
#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_time_and_a_folder_that_goes_away() {
    let (folder, origin) = scene().await;
    let mut guard =
        logging(folder.path(), origin, &["--access-log", "parts", "--access-log-rotate", "1s"]).await;
    let (parts, away) = (folder.path().join("parts"), folder.path().join("away"));
    guard.asks(1).await;
    until("a part ends by time", || files(&parts, ".jsonl").len() == 1).await;
    fs::rename(&parts, &away).expect("moved");
    guard.asks(2).await;
    guard.says("the next part of the access log cannot be opened", 1).await;
    guard.asks(2).await;
    fs::rename(&away, &parts).expect("moved");
    until("parts go on", || files(&parts, ".jsonl").len() >= 2).await;
    guard.signal("-TERM");
    assert_eq!(guard.ended().await.code(), Some(0));
    let read: Vec<_> = files(&parts, ".jsonl").iter().map(|path| read(path)).collect();
    assert_eq!((check_run(&read), read[0].len()), (5, 2));
}

/// As `logrotate` does it: the file is moved, then SIGHUP. Where it was not moved nothing happens.
#[tokio::test(flavor = "multi_thread")]
async fn a_moved_file_is_opened_again_at_sighup() {
    let (folder, origin) = scene().await;
    let mut guard = logging(folder.path(), origin, &["--access-log", "access.jsonl"]).await;
    let (log, moved) = (folder.path().join("access.jsonl"), folder.path().join("access.jsonl.1"));
    guard.asks(2).await;
    guard.signal("-HUP");
    guard.says("the manifests state the rules in force", 1).await;
    guard.asks(1).await;
    until("records are written", || read(&log).len() == 4).await;
    fs::rename(&log, &moved).expect("moved");
    guard.signal("-HUP");
    until("another file is opened", || log.exists() && !read(&log).is_empty()).await;
    guard.asks(2).await;
    guard.signal("-TERM");
    assert_eq!(guard.ended().await.code(), Some(0));
    let read = [read(&moved), read(&log)];
    assert_eq!((check_run(&read), read[0].len()), (5, 4));
}

/// A full disk slows no answer; that it is full is told, and at the end how many records are missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_counted() {
    let (folder, origin) = scene().await;
    let mut guard = logging(folder.path(), origin, &["--access-log", "/dev/full"]).await;
    let began = Instant::now();
    guard.asks(20).await;
    assert!(began.elapsed() < Duration::from_secs(10));
    guard.says("the access log cannot be written", 1).await;
    guard.signal("-TERM");
    assert_eq!(guard.ended().await.code(), Some(0));
    let line = guard.says("the access log was not written to its end", 1).await;
    assert!(line.contains("20 records"), "{line}");
}

/// A guard that is killed leaves its part behind; the next one puts it in order. In one file half a line does not spoil the next.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_guard_left_is_put_in_order() {
    let (folder, origin) = scene().await;
    let parts = folder.path().join("parts");
    for options in
        [&["--access-log", "parts", "--access-log-rotate", "1GiB,1h"][..], &["--access-log", "one.jsonl"]]
    {
        let mut killed = logging(folder.path(), origin, options).await;
        killed.asks(3).await;
        let log = || match files(&parts, ".open").pop() {
            Some(open) if options.len() == 4 => open,
            _ => folder.path().join("one.jsonl"),
        };
        until("records are written", || log().exists() && read(&log()).len() == 4).await;
        let log = log();
        // Somebody who writes there is not disturbed by another guard that begins.
        if options.len() == 4 {
            let mut other = logging(folder.path(), origin, options).await;
            other.signal("-TERM");
            other.ended().await;
            assert!(log.exists());
        }
        killed.signal("-KILL");
        killed.ended().await;
        fs::OpenOptions::new()
            .append(true)
            .open(&log)
            .expect("a file")
            .write_all(b"{\"event\":\"resp")
            .expect("written");
        let mut next = logging(folder.path(), origin, options).await;
        next.asks(1).await;
        next.signal("-TERM");
        next.ended().await;
    }
    assert_eq!(files(&parts, ".open"), Vec::<PathBuf>::new());
    let read: Vec<_> = files(&parts, ".jsonl").iter().map(|path| read(path)).collect();
    assert_eq!(read.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2, 3]);
    let one = fs::read_to_string(folder.path().join("one.jsonl")).expect("a log");
    let broken: Vec<_> = one.lines().filter(|line| serde_json::from_str::<Value>(line).is_err()).collect();
    assert_eq!((one.lines().count(), broken), (8, vec!["{\"event\":\"resp"]));
}
