//! Manifests: parsed, or refused with places; always the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use suimon::requirements::manifest::parse_files;

fuzz_target!(|bytes: &[u8]| {
    let first = parse_files([("a.yaml", bytes)]);
    match (first, parse_files([("a.yaml", bytes)])) {
        (Ok(one), Ok(two)) => assert_eq!(one.len(), two.len()),
        (Err(one), Err(two)) => {
            assert!(!one.is_empty(), "refused without a reason");
            assert_eq!(one.len(), two.len());
            assert!(one.iter().all(|problem| problem.place.line > 0 && !problem.message.is_empty()));
        }
        _ => panic!("the same bytes, another answer"),
    }
});
