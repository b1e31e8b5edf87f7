//! What must hold for any logs.

use exposure::{Basis, Class, Format, Limits, Scan, WindowQuery, WindowResult};
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn query() -> WindowQuery {
    WindowQuery {
        from: "2023-10-26T02:00:00Z".parse().unwrap(),
        to: "2023-10-26T04:00:00Z".parse().unwrap(),
        margin_before_seconds: 60,
        margin_after_seconds: 60,
        basis: Basis::LoginsAndPersonalRequests,
        include_failed_logins: true,
        personal_routes: vec!["/mypage".into(), "/admin/**".into()],
        session_cookie: Some("s".into()),
        limits: Limits { max_line_bytes: 4096, evidence: 3, bad_samples: 3 },
    }
}

const FIELDS: &str =
    "#Fields: date time cs-uri-stem sc-status cs(Cookie) x-edge-request-id time-taken x-more\n";

/// Lines of a small world, so that ids, people and sessions meet often, and contradict each other as no real log
/// would. `true` for the edge.
fn line() -> impl Strategy<Value = (bool, String)> {
    line_of(select(vec!["", "i1", "i2", "i3", "i4", "i5", "i6"]))
}

/// Lines whose request ids are unique, as they are in real logs.
fn lines_with_unique_ids(count: usize) -> impl Strategy<Value = Vec<(bool, String)>> {
    prop::collection::vec(line_of(Just("@")), 0..count).prop_map(|lines| {
        let numbered = lines.into_iter().enumerate();
        numbered.map(|(number, (edge, line))| (edge, line.replace('@', &format!("i{number}")))).collect()
    })
}

fn line_of(id: impl Strategy<Value = &'static str>) -> impl Strategy<Value = (bool, String)> {
    let second = 0..18_000_u32;
    let path = select(vec!["/mypage", "/admin/x", "/", "/%6Dypage"]);
    let status = select(vec![200, 302, 0]);
    let session = select(vec!["", "s1", "s2", "s3"]);
    let person = select(vec!["", "p1", "p2", "p3", "p4"]);
    let tenant = select(vec!["", "t1", "t2"]);
    let event = select(vec!["login", "request", "other"]);
    let outcome = select(vec!["success", "failure"]);
    (any::<bool>(), second, path, status, id, session, (person, tenant, event, outcome)).prop_map(
        |(edge, second, path, status, id, session, (person, tenant, event, outcome))| {
            let clock = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
            let line = if edge {
                let id = if id.is_empty() { "-" } else { id };
                format!("2023-10-26\t{clock}\t{path}\t{status:03}\ts={session}\t{id}\t1.5\t?\n")
            } else {
                format!(
                    "{{\"time\":\"2023-10-26T{clock}Z\",\"event\":\"{event}\",\"outcome\":\"{outcome}\",\
                     \"person\":\"{person}\",\"tenant\":\"{tenant}\",\"session\":\"{session}\",\
                     \"path\":\"{path}\",\"status\":{status},\"edge_request_id\":\"{id}\"}}\n"
                )
            };
            (edge, line)
        },
    )
}

/// Deals the lines to files: odd files are the edge's.
fn deal(lines: &[(bool, String)], to: &[Index], files: usize) -> Vec<(String, String)> {
    let mut dealt: Vec<(String, String)> = (0..files * 2)
        .map(|file| {
            (format!("file-{file:02}"), if file % 2 == 1 { FIELDS.to_owned() } else { String::new() })
        })
        .collect();
    for ((edge, line), to) in lines.iter().zip(to) {
        dealt[to.index(files) * 2 + usize::from(*edge)].1.push_str(line);
    }
    dealt
}

fn scan<'f>(files: impl IntoIterator<Item = &'f (String, String)>) -> Scan {
    let mut scan = Scan::new(query()).unwrap();
    for (name, content) in files {
        scan.read(name, content.as_bytes());
    }
    scan
}

/// Everything but where the lines stood.
fn without_places(mut result: WindowResult) -> WindowResult {
    result.inputs.clear();
    result.unattributed.evidence.clear();
    for tenant in result.people.iter_mut().flat_map(|person| &mut person.tenants) {
        for line in &mut tenant.evidence {
            (line.input, line.line) = (String::new(), 0);
        }
    }
    result
}

/// One line of most formats.
const REAL: [&str; 9] = [
    r#"{"date":"2023-10-26","time":"02:03:04","cs-uri-stem":"/mypage","sc-status":"200","x-edge-request-id":"Zj==","time-taken":"0.1"}"#,
    r#"{"EdgeStartTimestamp":1698285784,"EdgeEndTimestamp":1698285785,"ClientRequestURI":"/mypage","RayID":"8a1b2c3d4e5f6789"}"#,
    r#"{"timestamp":"2023-10-26T02:03:04+0000","url":"/mypage","response_state":"HIT","fastly_server":"cache-nrt-1-NRT"}"#,
    r#"{"event":"response","run":"8f","time":1698285784123,"edge":"Zj==","edge_from":"trusted","route":"a","subject":"k1.a","status":200}"#,
    r#"{"time":"2023-10-26T02:03:04Z","event":"request","person":"p","path":"/mypage","status":200}"#,
    r#"https 2023-10-26T02:03:04.1Z app/a/1 ::1:1 ::1:2 0 0 0 200 200 0 9 "GET https://a.example:443/mypage HTTP/1.1" "B" C T arn "Root=1-a""#,
    r#"127.0.0.1:1 [26/Oct/2023:11:03:04.100] f b/s 0/0/0/5/5 200 290 - - ---- 1/1/0/0/0 0/0 "GET /mypage HTTP/1.1""#,
    "1698285784.123 5 ::1 TCP_HIT/200 9 GET /mypage - HIER_NONE/- text/html",
    r#"::1 - - [26/Oct/2023:11:03:04 +0900] "GET /mypage HTTP/1.1" 200 9 "-" "B""#,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..600), head in select(vec![
        &b""[..], b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", b"#Fields: date time cs-uri-stem\n", b"{\"time\":\"", b"\xef\xbb\xbf#",
        b"\x28\xb5\x2f\xfd", b"PAR1", b"timestamp,cs-uri-stem,sc-status,cs-method\n", b"1698285784.123\t-\t-\t200\t-\tGET\t-\t-\t/mypage\t",
        b"https 2023-10-26T02:03:04.1Z app/a/1 ", b"127.0.0.1:1 [26/Oct/2023:11:03:04.100] f b/s 0/0/0/5/5 ", b"{\"event\":\"response\",\"run\":",
        b"1698285784.123 5 ::1 TCP_HIT/200 9 GET /mypage - HIER_NONE/", b"{\"RayID\":", b"::1 - - [26/Oct/2023:11:03:04 +0900] \"GET /",
    ])) {
        let content = [head, &bytes].concat();
        let formats = Format::NAMES.iter().map(|(_, format)| Some(*format)).chain([None]);
        for format in formats {
            let mut scan = Scan::new(query()).unwrap().with_utc_offset(0);
            let report = scan.read_as("any", format, content.as_slice());
            prop_assert_eq!(report.used + report.bad.count, report.lines);
            let report = scan.read_parquet("columns", format, bytes::Bytes::from(content.clone()));
            prop_assert_eq!(report.used + report.bad.count, report.lines);
            prop_assert_eq!(scan.finish().counts.total_persons, 0);
        }
    }

    /// What a line is found out to be it is also read as when that is forced, and never as what it cannot be.
    #[test]
    fn what_is_found_out_is_what_can_be_forced(number in 0..REAL.len(), cut in any::<Index>(), byte in any::<u8>()) {
        let mut line = REAL[number].as_bytes().to_vec();
        let at = cut.index(line.len());
        // One line stays one.
        line[at] = if byte == b'\n' { b'x' } else { byte };
        let mut scan = Scan::new(query()).unwrap().with_utc_offset(0);
        let report = scan.read("line", line.as_slice());
        prop_assert_eq!(report.used + report.bad.count, report.lines);
        if let Some(format) = report.format {
            let mut forced = Scan::new(query()).unwrap().with_utc_offset(0);
            let again = forced.read_as("line", Some(format), line.as_slice());
            prop_assert_eq!((again.used, again.bad, again.first), (report.used, report.bad, report.first));
        }
    }

    #[test]
    fn damaged_lines_are_survived(line in line(), at in any::<Index>(), byte in any::<u8>()) {
        let mut content = format!("{FIELDS}{}", line.1).into_bytes();
        let at = at.index(content.len());
        content[at] = byte;
        let mut scan = Scan::new(query()).unwrap();
        let report = scan.read("damaged", content.as_slice());
        prop_assert_eq!(report.used + report.bad.count, report.lines);
        prop_assert!(scan.finish().counts.total_persons <= 1);
    }

    #[test]
    fn the_order_of_inputs_and_the_threads_do_not_matter(
        lines in prop::collection::vec(line(), 0..60),
        to in prop::collection::vec(any::<Index>(), 60),
        order in Just((0..8_usize).collect::<Vec<_>>()).prop_shuffle(),
        cut in 0..8_usize,
    ) {
        let files = deal(&lines, &to, 4);
        let expected = scan(&files).finish();
        let shuffled: Vec<_> = order.iter().map(|index| files[*index].clone()).collect();
        prop_assert_eq!(&scan(&shuffled).finish(), &expected);
        let (left, right) = shuffled.split_at(cut);
        prop_assert_eq!(&scan(left).merge(scan(right)).unwrap().finish(), &expected);
        prop_assert_eq!(&scan(right).merge(scan(left)).unwrap().finish(), &expected);
    }

    #[test]
    fn how_the_lines_are_split_into_files_does_not_matter(
        lines in prop::collection::vec(line(), 0..60),
        one in prop::collection::vec(any::<Index>(), 60),
        other in prop::collection::vec(any::<Index>(), 60),
    ) {
        let split = without_places(scan(&deal(&lines, &one, 5)).finish());
        prop_assert_eq!(&without_places(scan(&deal(&lines, &other, 2)).finish()), &split);
        prop_assert_eq!(&without_places(scan(&deal(&lines, &one, 1)).finish()), &split);
    }

    #[test]
    fn reading_twice_changes_nothing(
        lines in prop::collection::vec(line(), 0..40),
        to in prop::collection::vec(any::<Index>(), 40),
    ) {
        let files = deal(&lines, &to, 3);
        let once = without_places(scan(&files).finish());
        let copies: Vec<_> = files.iter().map(|(name, text)| (format!("copy of {name}"), text.clone())).collect();
        prop_assert_eq!(&without_places(scan(files.iter().chain(&copies)).finish()), &once);
        prop_assert_eq!(&without_places(scan(files.iter().chain(&files)).finish()), &once);
    }

    #[test]
    fn a_wider_window_never_loses_anybody(
        lines in lines_with_unique_ids(40),
        to in prop::collection::vec(any::<Index>(), 40),
        margin in 0..7_200_u32,
    ) {
        let files = deal(&lines, &to, 1);
        let narrow = scan(&files).finish();
        let mut wide = Scan::new(WindowQuery { margin_before_seconds: 60 + margin, ..query() }).unwrap();
        for (name, content) in &files {
            wide.read(name, content.as_bytes());
        }
        let wide = wide.finish();
        // Who is indeterminate may be cleared: a longer first hour may have the line that a shorter one lacked.
        for person in narrow.people.iter().filter(|person| person.class == Class::Possible) {
            let found = wide.people.iter().find(|other| other.person == person.person);
            prop_assert_eq!(found.map(|other| other.class), Some(Class::Possible));
        }
    }
}
