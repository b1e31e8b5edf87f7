//! Any bytes as Parquet, and a whole file with some of its bytes changed: no panic that leaves the reader, every row accounted for.
#![no_main]

use std::sync::Once;

use bytes::Bytes;
use exposure::{Basis, Limits, Scan, WindowQuery};
use libfuzzer_sys::fuzz_target;

/// The library may panic on damaged content, which the reader catches; the fuzzer must not take that for the end.
static QUIET: Once = Once::new();

fuzz_target!(|content: &[u8]| {
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
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
    let mut scan = Scan::new(query).expect("a constant");
    let report = scan.read_parquet("input", None, Bytes::copy_from_slice(content));
    assert_eq!(report.used + report.bad.count, report.lines);
});
