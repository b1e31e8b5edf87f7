//! Any bytes, as any format: no panic, every line accounted for, and a second reading changes nothing.
#![no_main]

use exposure::{Basis, CacheFacts, Dialect, Format, Limits, Scan, Template, WindowQuery};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &[u8]| {
    // The others are those of `formats`: what comes after them is the same.
    for format in [
        None,
        Some(Format::CloudfrontStandard),
        Some(Format::CloudfrontJson),
        Some(Format::OriginJsonLines),
        Some(Format::Guard),
        Some(Format::Template),
    ] {
        let query = WindowQuery {
            from: "2023-10-26T02:00:00Z".parse().expect("a constant"),
            to: "2023-10-26T06:41:00Z".parse().expect("a constant"),
            margin_before_seconds: 0,
            margin_after_seconds: 0,
            basis: Basis::LoginsAndPersonalRequests,
            include_failed_logins: true,
            personal_routes: vec!["/mypage/**".to_owned(), "/admin/*".to_owned()],
            session_cookie: Some("session".to_owned()),
            limits: Limits { max_line_bytes: 512, ..Limits::default() },
        };
        let form = r#"$msec|$request_time|$request_id|$upstream_cache_status|"$request"|$status|"$http_cookie"|$sent_http_content_length"#;
        let template = Template::parse(form, Dialect::Nginx).expect("a constant");
        let mut once = Scan::new(query).expect("a constant").with_template(template).with_utc_offset(0);
        let report = once.read_as("input", format, content);
        assert_eq!(report.used + report.bad.count, report.lines);
        let mut twice = once.clone();
        twice.read_as("input", format, content);
        let facts = CacheFacts { time_to_live_seconds: 60, ..CacheFacts::default() };
        let (window, found) = once.clone().reconstruct(&facts).expect("a constant");
        assert_eq!(found.people.len(), window.people.len());
        let (_, again) = twice.clone().reconstruct(&facts).expect("a constant");
        assert_eq!((&found.people, found.answers), (&again.people, again.answers));
        let (once, twice) = (once.finish(), twice.finish());
        assert_eq!(once.people, twice.people);
        assert_eq!(once.counts, twice.counts);
        assert_eq!(once.unattributed, twice.unattributed);
    }
});
