//! Logout tokens as anybody may send them: no panic, and nothing passes without what a token must say.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<(u8, &[u8])>, &str)| {
    let (changes, token) = input;
    suimon::fuzzing::logout_token(&changes, token);
});
