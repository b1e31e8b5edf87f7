//! Files of people, CSV and JSON Lines, UTF-8 and Shift_JIS: every row is kept or refused with its line.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    suimon::fuzzing::import_file(kind & 1 == 0, kind & 2 == 0, bytes);
});
