//! Mails that come back are written by anybody: none may make the reader panic or hang, and no address may be taken for a return path
//! that was never made.
#![no_main]

use std::sync::LazyLock;

use bounces::{ReturnPath, Returned, limits, read};
use libfuzzer_sys::fuzz_target;

static PATHS: LazyLock<ReturnPath> =
    LazyLock::new(|| ReturnPath::new([7; 32], "return", "mail.example.jp").unwrap());

/// A panic that the reader itself contains is none; any other one ends the run all the same.
static CONTAINED: LazyLock<()> = LazyLock::new(|| std::panic::set_hook(Box::new(|_| {})));

fuzz_target!(|data: &[u8]| {
    LazyLock::force(&CONTAINED);
    if let Ok(text) = std::str::from_utf8(data) {
        assert_eq!(PATHS.message_of(text), None, "nobody has the key");
    }
    let Ok(mail) = read(data) else { return };
    assert!(mail.returned_to.len() <= limits::ADDRESSES);
    if let Returned::Reports(reports) = &mail.returned {
        assert!(!reports.is_empty() && reports.len() <= limits::REPORTS);
        reports.iter().for_each(|report| {
            report.verdict();
        });
    }
});
