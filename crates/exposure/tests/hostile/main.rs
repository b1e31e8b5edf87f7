//! Logs that are not as they should be, and caches that do more than they say: nobody who may have been seen is left out, and nobody is
//! confirmed who may not have been.
/// What caches do beside keeping answers as they are told.
mod caches;
/// Ids, clocks, paths and gaps, and logs that real caches wrote.
mod lines;

use exposure::simulate::{LabSettings, lab};
use exposure::{Basis, CacheFacts, Dialect, Exposure, Limits, Reconstruction, Scan, Template, WindowQuery};

const BEGIN: i64 = 1_698_285_600_000; // 2023-10-26T02:00:00Z
fn ts(ms: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(BEGIN + ms).unwrap()
}

/// An edge line of CloudFront; `end` and `taken` in milliseconds from 02:00.
#[derive(Clone)]
struct E {
    end: i64,
    taken: &'static str,
    loc: &'static str,
    method: &'static str,
    host: &'static str,
    path: &'static str,
    query: &'static str,
    status: &'static str,
    session: &'static str,
    result: &'static str,
    response: &'static str,
    id: &'static str,
    len: &'static str,
    bytes: &'static str,
    ip: &'static str,
}
const D: E = E {
    end: 0,
    taken: "0.100",
    loc: "L1",
    method: "GET",
    host: "www.example",
    path: "/mypage",
    query: "-",
    status: "200",
    session: "-",
    result: "Miss",
    response: "",
    id: "-",
    len: "-",
    bytes: "5000",
    ip: "203.0.113.1",
};
const FIELDS: &str = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header time-taken x-edge-response-result-type x-edge-detailed-result-type sc-content-len\n";
fn line(e: &E) -> String {
    let clock = ts(e.end).strftime("%Y-%m-%d\t%H:%M:%S").to_string();
    let cookie = if e.session == "-" { "-".to_owned() } else { format!("session={}", e.session) };
    let response = if e.response.is_empty() { e.result } else { e.response };
    format!(
        "{clock}\t{}\t{}\t{}\t{}\td1.example\t{}\t{}\tUA\t{}\t{cookie}\t{}\t{}\t{}\t{}\t{response}\t{}\t{}\n",
        e.loc,
        e.bytes,
        e.ip,
        e.method,
        e.path,
        e.status,
        e.query,
        e.result,
        e.id,
        e.host,
        e.taken,
        e.result,
        e.len
    )
}
fn edge(lines: &[E]) -> String {
    FIELDS.to_owned() + &lines.iter().map(line).collect::<String>()
}
fn login(at: i64, person: &str, session: &str) -> String {
    format!(
        "{{\"time\":\"{}\",\"event\":\"login\",\"person\":\"{person}\",\"session\":\"{session}\"}}\n",
        ts(at)
    )
}
fn req(at: i64, person: &str, session: &str, path: &str, status: u16, id: &str) -> String {
    let mut s = format!("{{\"time\":\"{}\",\"event\":\"request\"", ts(at));
    for (k, v) in [("person", person), ("session", session), ("path", path), ("edge_request_id", id)] {
        if !v.is_empty() {
            s += &format!(",\"{k}\":\"{v}\"");
        }
    }
    s + &format!(",\"status\":{status}}}\n")
}
/// Everybody signed in within the window, so that everybody is on its list.
fn logins() -> String {
    login(1_000, "ann", "sa") + &login(1_000, "ben", "sb") + &login(1_000, "cat", "sc")
}
fn query() -> WindowQuery {
    WindowQuery {
        from: ts(0),
        to: ts(3_600_000),
        margin_before_seconds: 0,
        margin_after_seconds: 0,
        basis: Basis::LoginsAndPersonalRequests,
        include_failed_logins: false,
        personal_routes: vec!["/mypage/**".into(), "/admin/**".into()],
        session_cookie: Some("session".into()),
        limits: Limits::default(),
    }
}
fn facts(ttl: u32, tiers: u8) -> CacheFacts {
    CacheFacts { time_to_live_seconds: ttl, tiers, ..CacheFacts::default() }
}
fn run_q(
    q: WindowQuery,
    files: &[(&str, &str)],
    facts: &CacheFacts,
    template: Option<(&str, Dialect)>,
) -> Reconstruction {
    let mut scan = Scan::new(q).unwrap();
    if let Some((t, d)) = template {
        scan = scan.with_template(Template::parse(t, d).unwrap());
    }
    for (n, t) in files {
        scan.read(n, t.as_bytes());
    }
    scan.reconstruct(facts).unwrap().1
}
fn run(e: &str, o: &str, facts: &CacheFacts) -> Reconstruction {
    run_q(query(), &[("edge", e), ("origin", o)], facts, None)
}
fn class(r: &Reconstruction, who: &str) -> Option<Exposure> {
    r.people.iter().find(|p| p.person == who).map(|p| p.exposure)
}
#[track_caller]
fn not_left_out(r: &Reconstruction, who: &str) {
    let c = class(r, who);
    assert!(!matches!(c, None | Some(Exposure::Excluded | Exposure::SelfOnly)), "LEFT OUT: {who} {c:?}");
}
#[track_caller]
fn not_confirmed(r: &Reconstruction, who: &str) {
    assert_ne!(class(r, who), Some(Exposure::Confirmed), "WRONGLY CONFIRMED: {who}");
}
const S: i64 = 1_000;
const NG: &str = "$msec|$request_time|$request_id|$upstream_cache_status|\"$request\"|$status|\"$http_cookie\"|$hostname|$sent_http_content_length";
#[expect(clippy::too_many_arguments, reason = "a line has as many fields")]
fn ng(
    end: i64,
    taken: &str,
    id: &str,
    said: &str,
    path: &str,
    status: &str,
    session: &str,
    host: &str,
) -> String {
    let t = BEGIN + end;
    format!(
        "{}.{:03}|{taken}|{id}|{said}|\"GET {path} HTTP/1.1\"|{status}|\"session={session}\"|{host}|5000\n",
        t / 1000,
        t % 1000
    )
}
fn run_ng(e: &str, o: &str, f: &CacheFacts) -> Reconstruction {
    run_q(query(), &[("edge", e), ("origin", o)], f, Some((NG, Dialect::Nginx)))
}
