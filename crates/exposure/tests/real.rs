//! Lines that the caches themselves wrote (`tests/real`, one day, one visitor on 127.0.0.1): Squid 5.7, Apache httpd 2.4.71 with mod_cache,
//! Traffic Server 9.2.9, HAProxy 2.6.12, each before the same origin. Six requests: one page twice with a cookie that holds quotes, the same
//! without a cookie when it had expired, another page, `HEAD`, `POST`.

use exposure::{Basis, Dialect, Format, InputReport, Limits, Scan, Template, WindowQuery, WindowResult};

fn query() -> WindowQuery {
    WindowQuery {
        from: "2026-11-29T02:41:00Z".parse().unwrap(),
        to: "2026-11-29T03:30:00Z".parse().unwrap(),
        margin_before_seconds: 0,
        margin_after_seconds: 0,
        basis: Basis::LoginsAndPersonalRequests,
        include_failed_logins: true,
        personal_routes: vec!["/mypage/**".into()],
        session_cookie: Some("sid".into()),
        limits: Limits::default(),
    }
}

fn log(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/real/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn read(scan: Scan, name: &str) -> (InputReport, WindowResult) {
    let mut scan = scan;
    // Who held the session that the cookie names.
    let login = r#"{"time":"2026-11-29T02:41:01Z","event":"login","person":"p-1","session":"s-1 x"}"#;
    scan.read("login", login.as_bytes());
    let report = scan.read(name, &log(name)[..]);
    (report, scan.finish())
}

fn plain(name: &str) -> (InputReport, WindowResult) {
    read(Scan::new(query()).unwrap(), name)
}

fn with(name: &str, dialect: Dialect, form: &str) -> (InputReport, WindowResult) {
    let template = Template::parse(form, dialect).unwrap();
    read(Scan::new(query()).unwrap().with_template(template), name)
}

/// All six lines are read, five of them for `/mypage`, whoever the person is.
fn whole(report: &InputReport, format: Format) {
    assert_eq!((report.lines, report.used, report.bad.count), (6, 6, 0), "{report:?}");
    assert_eq!(report.format, Some(format));
    // Within seconds of each other, in the hours of that day.
    let (first, last) = (report.first.unwrap(), report.last.unwrap());
    assert!(
        first.to_string().starts_with("2026-11-29T0") && last.duration_since(first).as_secs() < 120,
        "{report:?}"
    );
}

/// The two requests with the cookie belong to the person, the other personal ones to nobody known. (`POST` was answered with 501.)
fn by_cookie(result: &WindowResult) {
    let requests: u64 = result.people.iter().flat_map(|person| &person.tenants).map(|one| one.requests).sum();
    assert_eq!((result.people.len(), requests), (1, 2));
    assert_eq!(result.unattributed.edge_without_session, 2);
    assert_eq!(result.not_counted.refused_requests, 1);
}

#[test]
fn squid() {
    let (report, result) = plain("squid-5.7-native.log");
    whole(&report, Format::Squid);
    assert_eq!(result.unattributed.edge_without_session, 4);
    assert_eq!(report.last.unwrap().to_string(), "2026-11-29T02:43:02.742Z");

    let own = r#"%ts.%03tu %6tr %>a %Ss/%03>Hs %rm "%ru" "%{Cookie}>h" %{X-Request-Id}>h %{Content-Length}<h "%{User-Agent}>h" [%tl]"#;
    let (report, _) = with("squid-5.7-own.log", Dialect::Squid, own);
    whole(&report, Format::Template);
    // Its request id came from the visitor twice, so that its two lines are one request; without the field both count.
    let (report, result) = with("squid-5.7-own.log", Dialect::Squid, &own.replace("X-Request-Id", "X-Other"));
    whole(&report, Format::Template);
    by_cookie(&result);

    // Outside of quotes it writes `%22`; the time has no offset, and is then bad unless somebody says which.
    let unquoted = "%{%Y-%m-%dT%H:%M:%S}tl.%03tu %tr %Ss %>Hs %rm %ru %{Cookie}>h";
    assert!(Template::parse(unquoted, Dialect::Squid).is_err());
    let (report, result) = plain("squid-5.7.jsonl");
    whole(&report, Format::Json);
    by_cookie(&result);
}

#[test]
fn squid_combined() {
    let (report, _) = plain("squid-5.7-combined.log");
    whole(&report, Format::Combined);
    let form = r#"%>a %[ui %[un [%tl] "%rm %ru HTTP/%rv" %>Hs %<st "%{Referer}>h" "%{User-Agent}>h" %Ss:%Sh"#;
    let (report, _) = with("squid-5.7-combined.log", Dialect::Squid, form);
    whole(&report, Format::Template);
}

#[test]
fn httpd() {
    let (report, result) = plain("httpd-2.4.71-combined.log");
    whole(&report, Format::Combined);
    // Two lines of one second without ids are the same text, and count once.
    assert_eq!(result.unattributed.edge_without_session, 3);
    let own = r#"%{%Y-%m-%dT%H:%M:%S}t.%{msec_frac}t %{usec}t %D %{UNIQUE_ID}e %{cache-status}e "%r" %>s "%{Cookie}i" %{Content-Length}o "%{User-Agent}i" %a"#;
    let (report, result) = with("httpd-2.4.71-own.log", Dialect::Apache, own);
    whole(&report, Format::Template);
    by_cookie(&result);
}

#[test]
fn trafficserver() {
    let (report, result) = plain("trafficserver-9.2.9-squid.log");
    whole(&report, Format::Trafficserver);
    assert_eq!(result.unattributed.edge_without_session, 4);
    let extended2 = r#"%<chi> - %<caun> [%<cqtn>] "%<cqtx>" %<pssc> %<pscl> %<sssc> %<sscl> %<cqcl> %<pqcl> %<cqhl> %<pshl> %<pqhl> %<sshl> %<tts> %<phr> %<cfsc> %<pfsc> %<crc>"#;
    let (report, _) = with("trafficserver-9.2.9-extended2.log", Dialect::TrafficServer, extended2);
    whole(&report, Format::Template);
    // Without the id, which the visitor sent twice.
    let own = r#"%<cqtq> %<ttms> %<crc> %<pssc> %<cqhm> %<cquup> %<cqup> "%<cqtx>" "%<{Cookie}cqh>" %<{X-Other}cqh> %<{Content-Length}psh> "%<{User-Agent}cqh>" %<chi> %<cqtn> %<cqtt>"#;
    let (report, result) = with("trafficserver-9.2.9-own.log", Dialect::TrafficServer, own);
    whole(&report, Format::Template);
    by_cookie(&result);
}

#[test]
fn haproxy() {
    for name in ["haproxy-2.6.12-httplog.log", "haproxy-2.6.12-syslog.log"] {
        let scan = || Scan::new(query()).unwrap();
        let (report, result) = read(scan().with_utc_offset(0), name);
        whole(&report, Format::Haproxy);
        assert_eq!(result.unattributed.edge_without_session, 4);
        // Nobody said where its clock stood.
        let (report, _) = read(scan(), name);
        assert_eq!((report.format, report.used, report.bad.count), (Some(Format::Haproxy), 0, 6));
        assert_eq!(report.bad.samples[0].reason.to_string(), "the time has no UTC offset; say which it is");
    }
    // Values are written as they are: what may hold spaces belongs at the end.
    let own =
        r#"%ci:%cp [%tr] %Ts.%ms %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %tsc %{+Q}r %ID %[capture.req.hdr(0)]"#;
    let template = Template::parse(own, Dialect::Haproxy).unwrap();
    let scan = Scan::new(query()).unwrap().with_template(template).with_utc_offset(0);
    let (report, result) = read(scan, "haproxy-2.6.12-own.log");
    whole(&report, Format::Template);
    // Nobody knows which field the first captured one is.
    assert_eq!(result.unattributed.edge_without_session, 4);
    // As `docs/EXPOSURE.md` says to have it: everything is known.
    let own = "%ci [%trg] %b/%s %Ta %ST %{+Q}r %ID %[var(txn.cookie)]";
    let (report, result) = with("haproxy-2.6.12-with-cookie.log", Dialect::Haproxy, own);
    whole(&report, Format::Template);
    by_cookie(&result);
}

/// Columns as CloudFront names them in Parquet, written by Arrow 26.0.1 in each packing, pages of both versions, dates as dates.
#[test]
fn parquet_of_another_writer() {
    for packing in ["snappy-v1", "zstd-v2", "gzip-v1", "none-v2", "lz4-v1"] {
        let path = format!("{}/tests/real/arrow-26.0.1-{packing}.parquet", env!("CARGO_MANIFEST_DIR"));
        let mut scan = Scan::new(query()).unwrap();
        let report = scan.read_parquet(packing, None, std::fs::File::open(path).unwrap());
        assert_eq!((report.lines, report.used, report.bad.count), (3, 3, 0), "{packing}: {report:?}");
        assert_eq!(report.format, Some(Format::CloudfrontParquet));
        assert_eq!(report.first.unwrap().to_string(), "2023-10-26T02:03:04.999Z");
        assert!(report.truncated.is_none());
    }
}
