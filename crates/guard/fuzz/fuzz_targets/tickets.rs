//! Tickets come from strangers: nothing panics, nothing is taken that was not signed, and what was signed reads back.
#![no_main]

use std::time::Duration;

use guard::admission::Keys;
use guard::admission::ticket::{Line, Stands, Ticket};
use capacity::admission::VisitorId;
use libfuzzer_sys::fuzz_target;
use zeroize::Zeroizing;

fuzz_target!(|data: &[u8]| {
    let keys = Keys::new([("a".to_owned(), Zeroizing::new([1; 32])), ("b".to_owned(), Zeroizing::new([2; 32]))]).unwrap();
    let now = Duration::from_secs(1_000);
    // Nobody guesses a signature.
    assert!(keys.read(&String::from_utf8_lossy(data), now).is_err());

    let Some((number, rest)) = data.split_first_chunk::<8>() else { return };
    let number = u64::from_be_bytes(*number);
    let stands = match data.len() % 3 {
        0 => Stands::Early { group: number as u16 },
        1 => Stands::Waiting { number },
        _ => Stands::Inside { nonce: number },
    };
    let (id, line) = (VisitorId(u128::from(number) << 3), Line::of("a", "b", "c", "d"));
    let ticket = Ticket { id, line, stands, issued: now, expires: now };
    let signed = keys.sign(&ticket);
    assert_eq!(keys.read(&signed, now), Ok(ticket));
    // One byte of it changed, wherever.
    if let [at, other, ..] = rest {
        let mut altered = signed.clone().into_bytes();
        let at = usize::from(*at) % altered.len();
        altered[at] = *other;
        let altered = String::from_utf8_lossy(&altered);
        assert!(altered == signed.as_str() || keys.read(&altered, now).is_err());
    }
});
