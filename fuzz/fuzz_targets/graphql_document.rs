//! GraphQL documents: the checks before execution end soon, and say the same of the same text.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let executed = suimon::fuzzing::graphql_document(text);
    assert_eq!(executed, suimon::fuzzing::graphql_document(text));
});
