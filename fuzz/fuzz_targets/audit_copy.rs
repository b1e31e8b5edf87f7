//! Copies of the audit log, keys and notes that somebody hands in: checked without a database.
#![no_main]

use libfuzzer_sys::fuzz_target;
use suimon::audit::{Verifier, verify_copy};

fuzz_target!(|input: (&str, &[u8])| {
    let (text, copy) = input;
    let _ = verify_copy(copy, None, None);
    if let Ok(key) = text.parse::<Verifier>() {
        let _ = verify_copy(copy, None, Some(&key));
        assert_eq!(
            key.to_string().parse::<Verifier>().ok(),
            Some(key.clone()),
            "a key reads as it is written"
        );
        if let Ok(note) = std::str::from_utf8(copy) {
            assert!(key.open(note).is_err(), "a signature was guessed");
        }
    }
});
