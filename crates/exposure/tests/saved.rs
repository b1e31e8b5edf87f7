//! A scan that is saved and gone on with says what one in a single sitting says; bytes that are not its own are refused.

use exposure::simulate::{DEFAULT_SEED, LogOptions, founding_day};
use exposure::{CacheFacts, SavedError, Scan};
use proptest::prelude::*;

fn logs() -> Vec<(String, Vec<u8>)> {
    let day = founding_day(DEFAULT_SEED);
    let files = day.files(LogOptions::default());
    let logs = files.iter().filter(|file| file.is_log());
    logs.map(|file| {
        let mut content = Vec::new();
        file.write_to(&mut content).expect("in memory");
        (file.name().to_owned(), content)
    })
    .collect()
}

fn scan(logs: &[(String, Vec<u8>)]) -> Scan {
    let mut scan = Scan::new(founding_day(DEFAULT_SEED).revised_query()).expect("a query");
    for (name, content) in logs {
        scan.read(name, content.as_slice());
    }
    scan
}

#[test]
fn a_scan_in_several_sittings_is_the_same() {
    let query = founding_day(DEFAULT_SEED).revised_query();
    let logs = logs();
    let facts = CacheFacts { time_to_live_seconds: 1, tiers: 1, ..CacheFacts::default() };
    let whole = scan(&logs).reconstruct(&facts).expect("an answer");
    for turn in [1, 7, logs.len()] {
        let mut all = Scan::new(query.clone()).expect("a query");
        for part in logs.chunks(turn) {
            let saved = scan(part).save().expect("bytes");
            let part = Scan::restore(query.clone(), &saved).expect("its own bytes");
            all = all.merge(part).expect("one query");
        }
        assert_eq!(all.reconstruct(&facts).expect("an answer"), whole, "{turn} logs a turn");
    }
}

#[test]
fn other_bytes_are_refused() {
    let day = founding_day(DEFAULT_SEED);
    let saved = scan(&logs()[..3]).save().expect("bytes");
    let restore = |bytes: &[u8]| Scan::restore(day.revised_query(), bytes).map(drop);
    assert_eq!(restore(&saved), Ok(()));
    assert_eq!(Scan::restore(day.first_query(), &saved).map(drop), Err(SavedError::OtherQuery));
    assert_eq!(restore(b""), Err(SavedError::Unreadable));
    assert_eq!(restore(&saved[..saved.len() - 1]), Err(SavedError::Unreadable));
    assert_eq!(restore(&[&saved[..], b"\0"].concat()), Err(SavedError::Unreadable));
    let mut other = saved.clone();
    other[11] += 1;
    assert_eq!(restore(&other), Err(SavedError::Unreadable));
}

proptest! {
    /// Damage is refused or gives some list; it never ends the program.
    #[test]
    fn damaged_bytes_end_nothing(at in any::<prop::sample::Index>(), bits in 1..=u8::MAX) {
        static SAVED: std::sync::LazyLock<Vec<u8>> =
            std::sync::LazyLock::new(|| scan(&logs()[..3]).save().expect("bytes"));
        let mut saved = SAVED.clone();
        *at.get_mut(&mut saved) ^= bits;
        if let Ok(scan) = Scan::restore(founding_day(DEFAULT_SEED).revised_query(), &saved) {
            let _ = scan.reconstruct(&CacheFacts::default());
        }
    }
}
