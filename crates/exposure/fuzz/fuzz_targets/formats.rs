//! Any bytes without a template, so that every format is found out: no panic, every line accounted for, also when what was found out is
//! forced.
#![no_main]

use exposure::{Basis, Limits, Mapping, Scan, WindowQuery};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, &[u8])| {
    let (mapped, content) = input;
    let query = WindowQuery {
        from: "2023-10-26T02:00:00Z".parse().expect("a constant"),
        to: "2023-10-26T06:41:00Z".parse().expect("a constant"),
        margin_before_seconds: 0,
        margin_after_seconds: 0,
        basis: Basis::LoginsAndPersonalRequests,
        include_failed_logins: true,
        personal_routes: vec!["/**".to_owned()],
        session_cookie: Some("s".to_owned()),
        limits: Limits { max_line_bytes: 1024, ..Limits::default() },
    };
    let scan = || {
        let mut scan = Scan::new(query.clone()).expect("a constant").with_utc_offset(3_600);
        if mapped {
            let mapping = Mapping::parse(["time=t", "url=u", "id=a.b", "session=c"]).expect("constants");
            scan =
                scan.with_json(mapping).with_fields("timestamp cs-uri-stem cs-cookie").expect("a constant");
        }
        scan
    };
    let report = scan().read("input", content);
    assert_eq!(report.used + report.bad.count, report.lines);
    if let Some(format) = report.format {
        let forced = scan().read_as("input", Some(format), content);
        assert_eq!(forced.used + forced.bad.count, forced.lines);
    }
});
