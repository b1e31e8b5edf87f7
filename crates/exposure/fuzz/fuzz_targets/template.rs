//! Any template of either dialect and any line: no panic.
#![no_main]

use exposure::{Basis, Dialect, Format, Limits, Scan, Template, WindowQuery};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, bool, &[u8])| {
    let (form, nginx, content) = input;
    let dialect = if nginx { Dialect::Nginx } else { Dialect::Apache };
    let Ok(template) = Template::parse(form, dialect) else { return };
    let query = WindowQuery {
        from: "2023-10-26T02:00:00Z".parse().expect("a constant"),
        to: "2023-10-26T06:41:00Z".parse().expect("a constant"),
        margin_before_seconds: 0,
        margin_after_seconds: 0,
        basis: Basis::LoginsAndPersonalRequests,
        include_failed_logins: true,
        personal_routes: vec!["/**".to_owned()],
        session_cookie: Some("s".to_owned()),
        limits: Limits { max_line_bytes: 512, ..Limits::default() },
    };
    let mut scan = Scan::new(query).expect("a constant").with_template(template);
    let report = scan.read_as("input", Some(Format::Template), content);
    assert_eq!(report.used + report.bad.count, report.lines);
});
