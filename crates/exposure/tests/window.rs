//! The window method on small logs, where each line has its reason.

use std::io::Write;

use exposure::{
    BadReason, Basis, Class, EvidenceKind, Limits, Scan, Source, WindowQuery, WindowResult, diff,
};
use flate2::{Compression, write::GzEncoder};

fn query() -> WindowQuery {
    WindowQuery {
        from: "2023-10-26T11:00:00+09:00".parse().unwrap(),
        to: "2023-10-26T12:00:00+09:00".parse().unwrap(),
        margin_before_seconds: 0,
        margin_after_seconds: 0,
        basis: Basis::LoginsAndPersonalRequests,
        include_failed_logins: false,
        personal_routes: vec!["/mypage".into(), "/mypage/*".into(), "/admin/**".into()],
        session_cookie: Some("session".into()),
        limits: Limits::default(),
    }
}

const FIELDS: &str =
    "#Version: 1.0\n#Fields: date time cs-uri-stem sc-status cs(Cookie) x-edge-request-id time-taken\n";

/// A line of the edge, time in UTC on 2023-10-26.
fn edge(time: &str, path: &str, session: &str, id: &str) -> String {
    let cookie = if session.is_empty() { "-".to_owned() } else { format!("lang=ja;%20session={session}") };
    let id = if id.is_empty() { "-" } else { id };
    format!("2023-10-26\t{time}\t{path}\t200\t{cookie}\t{id}\t0.100\n")
}

/// A line of the origin, time in Japan on 2023-10-26; `more` are further keys.
fn origin(time: &str, event: &str, person: &str, more: &str) -> String {
    format!(
        r#"{{"time":"2023-10-26T{time}+09:00","event":"{event}","person":"{person}","kind":"applicant",{more}}}"#
    ) + "\n"
}

fn scan(query: WindowQuery, files: &[(&str, &[u8])]) -> WindowResult {
    let mut scan = Scan::new(query).unwrap();
    for (name, content) in files {
        scan.read(name, *content);
    }
    scan.finish()
}

fn names(result: &WindowResult, class: Class) -> Vec<&str> {
    result.people.iter().filter(|person| person.class == class).map(|person| person.person.as_str()).collect()
}

fn gzip(content: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn logins_requests_and_sessions_put_people_on_the_list() {
    let log = [
        origin("09:40:00", "login", "a-open", r#""tenant":"s1","session":"sa""#),
        origin("11:10:00", "login", "b-login", r#""tenant":"s1","session":"sb""#),
        origin(
            "11:20:00",
            "request",
            "c-request",
            r#""tenant":"s2","path":"/mypage","status":200,"edge_request_id":"c1""#,
        ),
        origin("11:30:00", "request", "d-public", r#""tenant":"s2","path":"/help","status":200"#),
        origin("11:30:00", "request", "e-refused", r#""tenant":"s2","path":"/admin","status":302"#),
        origin("11:30:00", "login", "f-failed", r#""tenant":"s2","outcome":"failure","session":"sf""#),
        origin("12:30:00", "login", "g-late", r#""tenant":"s2","session":"sg""#),
    ]
    .concat();
    // Two answers from the cache: only the session tells whose browser it was.
    let edge_log = [
        FIELDS.to_owned(),
        edge("02:15:00", "/mypage", "sa", "a1"),
        edge("02:20:00", "/mypage", "", "c1"),
        edge("02:25:00", "/mypage", "sf", "f1"),
        edge("02:26:00", "/mypage/x", "", "x1"),
    ]
    .concat();
    let result = scan(query(), &[("origin", log.as_bytes()), ("edge", edge_log.as_bytes())]);
    assert_eq!(names(&result, Class::Possible), ["a-open", "b-login", "c-request"]);
    assert!(result.coverage.complete);

    let open = &result.people[0].tenants[0];
    assert_eq!((open.requests, open.logins, open.routes.as_slice()), (1, 0, &["/mypage".to_owned()][..]));
    assert_eq!(open.evidence[0].what, EvidenceKind::EdgeRequest);
    assert_eq!((open.evidence[0].input.as_str(), open.evidence[0].line), ("edge", 3));

    // One request that both logs show is one request with two lines.
    let both = &result.people[2].tenants[0];
    assert_eq!((both.requests, both.evidence_total), (1, 2));

    let open = &result.unattributed;
    assert_eq!((open.edge_without_session, open.edge_with_unknown_session), (1, 1));
    let by_route: Vec<_> = open.by_route.iter().map(|count| (count.route.as_str(), count.requests)).collect();
    assert_eq!(by_route, [("/mypage", 1), ("/mypage/*", 1)]);
    assert_eq!((result.not_counted.failed_logins, result.not_counted.refused_requests), (1, 1));
}

#[test]
fn logins_alone_and_the_difference() {
    let log = [
        origin("10:50:00", "login", "a", r#""tenant":"s1""#),
        origin("11:10:00", "login", "b", r#""tenant":"s1""#),
        origin("11:20:00", "request", "c", r#""tenant":"s1","path":"/mypage""#),
        origin("11:30:00", "login", "d", r#""tenant":"s1","outcome":"failure""#),
    ]
    .concat();
    let generous = WindowQuery {
        basis: Basis::Logins,
        margin_before_seconds: 1800,
        include_failed_logins: true,
        ..query()
    };
    let first = scan(generous, &[("origin", log.as_bytes())]);
    let revised = scan(query(), &[("origin", log.as_bytes())]);
    assert_eq!(names(&first, Class::Possible), ["a", "b", "d"]);
    assert_eq!(names(&revised, Class::Possible), ["b", "c"]);
    let difference = diff(&first, &revised);
    let who = |list: &[exposure::Entry]| -> Vec<String> { list.iter().map(|e| e.person.clone()).collect() };
    assert_eq!(who(&difference.added), ["c"]);
    assert_eq!(who(&difference.removed), ["a", "d"]);
    assert_eq!((difference.changed.len(), difference.unchanged), (0, 1));
}

#[test]
fn a_person_in_two_tenants_counts_once_in_the_total() {
    let log = [
        origin("11:10:00", "login", "a", r#""tenant":"s1""#),
        origin("11:20:00", "login", "a", r#""tenant":"s2""#),
        origin("11:30:00", "login", "b", r#""tenant":"s2""#),
    ]
    .concat();
    let counts = scan(query(), &[("origin", log.as_bytes())]).counts;
    insta::assert_json_snapshot!(counts, @r#"
    {
      "total_persons": 2,
      "total_tenants": 2,
      "by_kind": [
        {
          "kind": "applicant",
          "persons": 2,
          "tenants": 2
        }
      ],
      "by_tenant_kind": [
        {
          "tenant": "s1",
          "kind": "applicant",
          "persons": 1
        },
        {
          "tenant": "s2",
          "kind": "applicant",
          "persons": 2
        }
      ],
      "reconciliation": {
        "sum_over_tenants": 3,
        "counted_again": 1,
        "persons_in_several_tenants": 1,
        "total_persons": 2
      },
      "indeterminate_persons": 0
    }
    "#);
}

#[test]
fn a_shared_session_gives_its_requests_to_all_who_held_it() {
    let log = [
        origin("09:00:00", "login", "a", r#""tenant":"s1","session":"same""#),
        origin("09:30:00", "login", "b", r#""tenant":"s1","session":"same""#),
        origin("11:30:00", "request", "", r#""path":"/help""#),
    ]
    .concat();
    let edge_log = FIELDS.to_owned() + &edge("02:30:00", "/mypage", "same", "");
    let result = scan(query(), &[("origin", log.as_bytes()), ("edge", edge_log.as_bytes())]);
    assert_eq!(names(&result, Class::Possible), ["a", "b"]);
    assert_eq!(result.unattributed.shared_sessions, 1);
}

#[test]
fn missing_hours_make_others_indeterminate_and_never_vanish() {
    let wide = WindowQuery { to: "2023-10-26T13:00:00+09:00".parse().unwrap(), ..query() };
    let log = [
        origin("09:00:00", "login", "a", r#""tenant":"s1""#),
        origin("11:10:00", "login", "b", r#""tenant":"s1""#),
    ]
    .concat();
    let result = scan(wide, &[("origin", log.as_bytes())]);
    assert_eq!(names(&result, Class::Possible), ["b"]);
    assert_eq!(names(&result, Class::Indeterminate), ["a"]);
    assert_eq!(result.people[0].tenants[0].seen_last.to_string(), "2023-10-26T00:00:00Z");
    assert_eq!((result.counts.total_persons, result.counts.indeterminate_persons), (1, 1));
    let gap = result.coverage.gaps.iter().find(|gap| gap.source == Source::Origin).unwrap();
    assert_eq!(
        (gap.from.to_string(), gap.to.to_string()),
        ("2023-10-26T03:00:00Z".into(), "2023-10-26T04:00:00Z".into())
    );
}

#[test]
fn a_truncated_log_is_used_up_to_the_break_and_said_to_be_incomplete() {
    let log: String = (0..2000)
        .map(|number| origin("11:10:00", "login", &format!("p{number:04}"), r#""tenant":"s1""#))
        .collect();
    let packed = gzip(&log);
    let mut scan = Scan::new(query()).unwrap();
    let report = scan.read("login.jsonl.gz", &packed[..packed.len() * 2 / 3]);
    let truncated = report.truncated.unwrap();
    assert!(report.compressed && report.used > 500, "{} lines used", report.used);
    assert_eq!((truncated.cause.as_str(), truncated.at_byte), ("unexpected_end", report.bytes));
    let used = report.used;
    let result = scan.finish();
    assert_eq!(result.counts.total_persons, used);
    assert_eq!(result.coverage.truncated_inputs, ["login.jsonl.gz"]);
    assert!(!result.coverage.complete);
}

#[test]
fn bad_lines_are_named_by_number_and_reason_and_never_quoted() {
    let mut log = origin("11:10:00", "login", "good", r#""tenant":"s1""#).into_bytes();
    log.extend_from_slice(b"{\"person\":\"secret-name\",\"time\":12}\n");
    log.extend_from_slice(b"{\"person\":\"secret-\xff\"}\n");
    log.extend_from_slice(b"secret-rubbish\n\n");
    log.extend_from_slice(&vec![b's'; 2_000]);
    log.extend_from_slice(b"\n");
    log.extend_from_slice(origin("11:20:00", "login", "last", r#""tenant":"s1""#).trim_end().as_bytes());
    let limits = Limits { max_line_bytes: 1_000, ..Limits::default() };
    let mut scan = Scan::new(WindowQuery { limits, ..query() }).unwrap();
    let report = scan.read("mixed", log.as_slice());
    let reasons: Vec<_> = report.bad.samples.iter().map(|sample| (sample.line, sample.reason)).collect();
    assert_eq!(
        reasons,
        [
            (2, BadReason::BadTime),
            (3, BadReason::InvalidUtf8),
            (4, BadReason::BadJson),
            (6, BadReason::Oversized)
        ]
    );
    assert_eq!((report.lines, report.used, report.oversized), (6, 2, 1));
    let result = scan.finish();
    assert_eq!(names(&result, Class::Possible), ["good", "last"]);
    assert!(!serde_json::to_string(&result).unwrap().contains("secret"));
}

#[test]
fn copies_of_files_and_overlapping_files_count_once() {
    let lines: Vec<String> = (0..10)
        .map(|number| edge(&format!("02:1{number}:00"), "/mypage", "s", &format!("id{number}")))
        .collect();
    let login = origin("09:00:00", "login", "a", r#""tenant":"s1","session":"s""#);
    let whole = FIELDS.to_owned() + &lines.concat();
    let part = FIELDS.to_owned() + &lines[3..8].concat();
    let packed = gzip(&whole);
    let result = scan(
        query(),
        &[
            ("c", packed.as_slice()),
            ("b", whole.as_bytes()),
            ("a", part.as_bytes()),
            ("login", login.as_bytes()),
        ],
    );
    assert_eq!((result.people[0].tenants[0].requests, result.people[0].tenants[0].evidence_total), (10, 10));
    let duplicates: Vec<_> =
        result.inputs.iter().map(|input| (input.name.as_str(), input.duplicate_of.as_deref())).collect();
    assert_eq!(duplicates, [("a", None), ("b", None), ("c", Some("b")), ("login", None)]);
}

#[test]
fn lines_that_the_clocks_decide_are_flagged() {
    let mut log = String::new();
    let mut edge_log = FIELDS.to_owned();
    // The origin's clock is 20 s behind.
    for minute in 10..50 {
        edge_log += &edge(&format!("02:{minute}:30"), "/help", "", &format!("id{minute}"));
        log += &origin(
            &format!("11:{minute}:10"),
            "request",
            "",
            &format!(r#""path":"/help","edge_request_id":"id{minute}""#),
        );
    }
    log += &origin("10:59:50", "login", "too-early", r#""tenant":"s1""#);
    log += &origin("11:00:10", "login", "early", r#""tenant":"s1""#);
    log += &origin("11:30:00", "login", "sure", r#""tenant":"s1""#);
    log += &origin("12:05:00", "login", "gone", r#""tenant":"s1""#);
    let result = scan(query(), &[("edge", edge_log.as_bytes()), ("origin", log.as_bytes())]);
    let skew = result.skew.as_ref().unwrap();
    assert_eq!(skew.pairs, 40);
    assert!((-20_600..-19_400).contains(&skew.median_milliseconds), "{skew:?}");
    assert_eq!(names(&result, Class::Possible), ["early", "sure"]);
    assert_eq!(result.border.persons_only_inside, ["early"]);
    assert_eq!(result.border.persons_only_outside, ["too-early"]);
}

#[test]
fn the_evidence_is_bounded_and_the_total_is_not() {
    let log: String = (0..100)
        .map(|number| {
            let path = format!(r#""tenant":"s1","path":"/mypage","edge_request_id":"{number}""#);
            origin(&format!("11:{:02}:00", number % 60), "request", "a", &path)
        })
        .collect();
    let result = scan(query(), &[("origin", log.as_bytes())]);
    let tenant = &result.people[0].tenants[0];
    assert_eq!((tenant.requests, tenant.evidence_total, tenant.evidence.len()), (100, 100, 20));
    assert!(tenant.evidence.is_sorted_by_key(|line| line.at));
}

#[test]
fn an_edge_request_that_overlaps_the_window_is_inside() {
    let log = origin("09:00:00", "login", "a", r#""tenant":"s1","session":"s""#);
    // Ends four seconds after the window, took ten.
    let edge_log = FIELDS.to_owned() + "2023-10-26\t03:00:04\t/mypage\t200\tsession=s\tid\t10.000\n";
    let result = scan(query(), &[("origin", log.as_bytes()), ("edge", edge_log.as_bytes())]);
    assert_eq!(names(&result, Class::Possible), ["a"]);
}

#[test]
fn a_query_that_cannot_be_answered_says_what_to_change() {
    let reversed = WindowQuery { from: query().to, to: query().from, ..query() };
    assert!(Scan::new(reversed).unwrap_err().to_string().contains("swap `from` and `to`"));
    let none = WindowQuery { personal_routes: vec![], ..query() };
    assert!(Scan::new(none).unwrap_err().to_string().contains("name the routes"));
    let other = WindowQuery { include_failed_logins: true, ..query() };
    assert!(Scan::new(query()).unwrap().merge(Scan::new(other).unwrap()).is_err());
}
