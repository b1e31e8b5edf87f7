//! Bodies of AuthZEN requests: whatever comes, an answer within the limits and no panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use suimon::decisions::Sought;
use suimon::decisions::parse;

fuzz_target!(|body: &[u8]| {
    let _ = parse::evaluation(body);
    let _ = parse::evaluations(body);
    for sought in [Sought::Subject, Sought::Resource, Sought::Action] {
        let _ = parse::search(sought, body);
    }
});
