//! Pages come from anywhere: nothing panics, and how they are cut into pieces makes no difference.
#![no_main]

use guard::tripwire::rewrite_for_fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, page)) = data.split_first() else { return };
    rewrite_for_fuzzing(page, usize::from(first >> 1) + 1, first & 1 == 1);
});
