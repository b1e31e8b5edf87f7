//! One input read on several threads gives what it gives on one.

use std::io::Read;
use std::num::NonZeroUsize;

use exposure::simulate::{LabSettings, lab};
use exposure::{
    Basis, CacheFacts, Dialect, Format, InputReport, Limits, Scan, Template, WindowQuery, WindowResult,
};
use flate2::{Compression, read::GzEncoder};
use proptest::prelude::*;
use proptest::sample::select;

fn query() -> WindowQuery {
    WindowQuery {
        from: "2023-10-26T02:00:00Z".parse().unwrap(),
        to: "2023-10-26T04:00:00Z".parse().unwrap(),
        margin_before_seconds: 0,
        margin_after_seconds: 0,
        basis: Basis::LoginsAndPersonalRequests,
        include_failed_logins: true,
        personal_routes: vec!["/mypage".into()],
        session_cookie: Some("s".into()),
        limits: Limits { max_line_bytes: 3_000, evidence: 3, bad_samples: 4 },
    }
}

fn read(threads: usize, format: Option<Format>, content: impl Read + Send) -> (InputReport, WindowResult) {
    let mut scan = Scan::new(query()).unwrap();
    if format == Some(Format::Template) {
        scan = scan.with_template(Template::parse("$msec $request_uri $request_id", Dialect::Nginx).unwrap());
    }
    let report = scan.read_on(NonZeroUsize::new(threads).unwrap(), "log", format, content);
    (report, scan.finish())
}

/// Breaks off with an error.
struct Broken<R>(R);

impl<R: Read> Read for Broken<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer)? {
            0 if !buffer.is_empty() => Err(std::io::ErrorKind::ConnectionReset.into()),
            more => Ok(more),
        }
    }
}

/// Lines of all kinds, among them those that change how the others are read.
fn piece() -> impl Strategy<Value = String> {
    let id = 0..2_000_u32;
    prop_oneof![
        4 => (id.clone(), select(vec!["/mypage", "/"])).prop_map(|(id, path)| format!("2023-10-26\t02:00:{:02}\t{path}\t200\ts=s{}\ti{id}\n", id % 60, id % 7)),
        4 => (id, select(vec!["login", "request"])).prop_map(|(id, event)| format!(
            "{{\"time\":\"2023-10-26T02:30:{:02}Z\",\"event\":\"{event}\",\"person\":\"p{}\",\"session\":\"s{}\",\"path\":\"/mypage\",\"status\":200,\"edge_request_id\":\"i{id}\"}}\n", id % 60, id % 5, id % 7)),
        1 => Just("#Fields: date time cs-uri-stem sc-status cs(Cookie) x-edge-request-id\n".to_owned()),
        1 => Just("#Fields: date time x-none sc-status cs(Cookie) x-edge-request-id cs-uri-stem\r\n".to_owned()),
        1 => Just("#Fields: date time\n".to_owned()),
        1 => Just("1698285784.123 /mypage 8f0c\n\n".to_owned()),
        1 => Just("1698285784 /mypage 200 s=s1 i7\n".to_owned()),
        1 => select(vec!["\t", ",", " "]).prop_map(|between| ["timestamp", "cs_uri_stem", "sc-status", "cs(Cookie)", "x-edge-request-id\n"].join(between)),
        1 => Just("#Fields: timestamp cs-uri-stem sc-status cs(Cookie) x-edge-request-id\n".to_owned()),
        1 => Just("{\"event\":\"response\",\"run\":\"r\",\"time\":1698287784123,\"edge\":\"i9\",\"edge_from\":\"trusted\",\"route\":\"mypage\",\"subject\":\"k\",\"status\":200}\n{\"event\":\"lost\",\"run\":\"r\",\"records\":3}\n".to_owned()),
        1 => Just("192.0.2.7 - - [26/Oct/2023:02:30:01 +0000] \"GET /mypage HTTP/1.1\" 200 12\n".to_owned()),
        1 => select(vec![2_999, 3_000, 3_001, 9_000, 300_000, 700_000]).prop_map(|length| "x".repeat(length) + "\n"),
        1 => Just("ジ\n".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn threads_change_nothing(
        mark in any::<bool>(),
        pieces in prop::collection::vec((piece(), 1..1_500_usize), 0..25),
        damaged in prop::option::of(any::<prop::sample::Index>()),
        end in select(vec!["", "x", "2023-10-26\t02:00:00\t/mypage\t200\ts=s1\tlast", "yyyyyyyyyyyyyyyy"]),
        format in select(vec![None, None, None, Some(Format::CloudfrontStandard), Some(Format::CloudfrontRealtime), Some(Format::OriginJsonLines), Some(Format::Template)]),
        broken in any::<bool>(),
        threads in 2..5_usize,
    ) {
        let mut content = String::new();
        if mark {
            content.push('\u{feff}');
        }
        for (piece, times) in pieces {
            // Long ones are not many, or it would take all day.
            content.push_str(&piece.repeat(if piece.len() > 200 { times % 3 + 1 } else { times }));
        }
        content.push_str(end);
        let mut content = content.into_bytes();
        if let Some(place) = damaged.filter(|_| !content.is_empty()) {
            let place = place.index(content.len());
            content[place] = 0xff;
        }
        let mut packed = Vec::new();
        GzEncoder::new(content.as_slice(), Compression::fast()).read_to_end(&mut packed).unwrap();
        if broken {
            packed.truncate(packed.len() * 2 / 3);
            prop_assert_eq!(read(1, format, Broken(content.as_slice())), read(threads, format, Broken(content.as_slice())));
        }
        prop_assert_eq!(read(1, format, content.as_slice()), read(threads, format, content.as_slice()));
        prop_assert_eq!(read(1, format, packed.as_slice()), read(threads, format, packed.as_slice()));
        let packed = zstd::encode_all(content.as_slice(), 1).unwrap();
        prop_assert_eq!(read(1, format, packed.as_slice()), read(threads, format, packed.as_slice()));
    }
}

#[test]
fn the_reconstruction_is_the_same() {
    let settings = LabSettings { people: 400, requests_each: 30, tiers: 2, ..LabSettings::default() };
    let lab = lab(7, &settings);
    assert!(lab.edge_log.len() > 2 * 1_000_000, "{}", lab.edge_log.len());
    let facts = CacheFacts { time_to_live_seconds: 1, ..CacheFacts::default() };
    let results = [1, 2, 3].map(|threads| {
        let threads = NonZeroUsize::new(threads).unwrap();
        let mut scan = Scan::new(lab.query()).unwrap();
        scan.read_on(threads, "edge", None, lab.edge_log.as_bytes());
        scan.read_on(threads, "origin", None, lab.origin_log.as_bytes());
        scan.reconstruct(&facts).unwrap()
    });
    assert!(results[0].1.counts.confirmed > 0);
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
}

/// A reader that panics must not leave the others waiting.
#[test]
fn a_panic_ends_all_threads() {
    struct Panics(usize);
    impl Read for Panics {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 += 1;
            assert!(self.0 < 20, "on purpose");
            buffer.fill(b'\n');
            Ok(buffer.len())
        }
    }
    let outcome = std::panic::catch_unwind(|| read(3, None, Panics(0)));
    assert!(outcome.is_err());
}

/// However inputs are spread over threads.
#[test]
fn many_files_and_large_ones_are_the_same() {
    let settings = LabSettings { people: 600, requests_each: 40, ..LabSettings::default() };
    let lab = lab(11, &settings);
    let (fields, lines): (Vec<&str>, Vec<&str>) =
        lab.edge_log.lines().partition(|line| line.starts_with('#'));
    let file = |lines: &[&str]| [&fields, lines].concat().join("\n");
    let (small, large) = lines.split_at(lines.len() / 20);
    let mut files: Vec<(String, String)> = small
        .chunks(20)
        .enumerate()
        .map(|(number, lines)| (format!("small-{number}"), file(lines)))
        .collect();
    files.push(("large".to_owned(), file(large)));
    files.push(("origin".to_owned(), lab.origin_log.clone()));
    let sizes: Vec<u64> = files.iter().map(|(_, content)| content.len() as u64).collect();
    assert!(sizes.iter().max() > Some(&(5 << 20)), "one is read by all threads: {:?}", sizes.iter().max());
    let empty = Scan::new(lab.query()).unwrap();
    let read = |threads| {
        let read = |scan: &mut Scan, number: usize, threads| {
            let (name, content) = &files[number];
            scan.read_on(threads, name, None, content.as_bytes());
            Ok::<_, ()>(())
        };
        exposure::read_files(&empty, NonZeroUsize::new(threads).unwrap(), &sizes, read).unwrap()
    };
    let facts = CacheFacts { time_to_live_seconds: 1, ..CacheFacts::default() };
    let one = read(1).reconstruct(&facts).unwrap();
    assert!(one.1.counts.confirmed > 0);
    assert_eq!(one, read(2).reconstruct(&facts).unwrap());
    assert_eq!(one, read(5).reconstruct(&facts).unwrap());
    assert_eq!(
        exposure::read_files(&empty, NonZeroUsize::MIN, &[1, 1], |_, number, _| match number {
            0 => Ok(()),
            _ => Err("gone"),
        })
        .err(),
        Some("gone")
    );
}
