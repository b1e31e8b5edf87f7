use proptest::prelude::*;

use super::*;

fn keys(ids: &[&str]) -> Keys {
    let key = |id: &&str| ((*id).to_owned(), Zeroizing::new([id.as_bytes()[0]; 32]));
    Keys::new(ids.iter().map(key)).unwrap()
}

fn ticket(stands: Stands) -> Ticket {
    let line = Line::of("booking", "2021-04-26", "", "web");
    let (issued, expires) = (Duration::from_secs(100), Duration::from_secs(400));
    Ticket { id: VisitorId(0x1234_5678), line, stands, issued, expires }
}

const NOW: Duration = Duration::from_secs(200);

/// The form is kept by browsers across releases: it must not change without a new version.
#[test]
fn the_form() {
    let signed = keys(&["a"]).sign(&ticket(Stands::Waiting { number: 17 }));
    assert!(signed.starts_with("v1.a.AQAAAAAAAAAAAAAAAAAAEjRW"), "{signed}");
    assert_eq!(signed.len(), 5 + 68 + 1 + 43);
}

#[test]
fn a_ring_turns() {
    let stands = Stands::Inside { nonce: 5 };
    let old = keys(&["a"]).sign(&ticket(stands));
    assert_eq!(keys(&["b", "a"]).read(&old, NOW), Ok(ticket(stands)));
    assert!(keys(&["b", "a"]).sign(&ticket(stands)).starts_with("v1.b."));
    assert_eq!(keys(&["b"]).read(&old, NOW), Err(TicketError::Forged));
    // The same name with another key.
    let other = Keys::new([("a".to_owned(), Zeroizing::new([1; 32]))]).unwrap();
    assert_eq!(other.read(&old, NOW), Err(TicketError::Forged));
    let named =
        |ids: &[&str]| Keys::new(ids.iter().map(|id| ((*id).to_owned(), Zeroizing::new([0; 32])))).err();
    assert_eq!(named(&[]), Some(TicketError::KeyCount));
    assert_eq!(named(&["a", "a"]), Some(TicketError::KeyId));
    assert_eq!(named(&["A"]), Some(TicketError::KeyId));
    assert_eq!(named(&["1", "2", "3", "4", "5", "6", "7", "8", "9"]), Some(TicketError::KeyCount));
}

#[test]
fn its_time_ends() {
    let keys = keys(&["a"]);
    let signed = keys.sign(&ticket(Stands::Early { group: 3 }));
    assert!(keys.read(&signed, Duration::from_secs(400)).is_ok());
    assert_eq!(keys.read(&signed, Duration::from_millis(400_001)), Err(TicketError::Expired));
}

#[test]
fn another_line_is_another_line() {
    let line = Line::of("a", "b", "c", "d");
    for other in [["ab", "", "c", "d"], ["a", "b", "", "cd"], ["a", "b", "c", "e"]] {
        let [system, event, tenant, channel] = other;
        assert_ne!(Line::of(system, event, tenant, channel), line);
    }
}

proptest! {
    #[test]
    fn what_was_signed_is_read(
        id in any::<u128>(), line in any::<u64>(), kind in 0..3_u8, value in any::<u64>(),
        issued in 0..(1_u64 << 50), lasts in 0..(1_u64 << 50),
    ) {
        let stands = match kind {
            0 => Stands::Early { group: value as u16 },
            1 => Stands::Waiting { number: value },
            _ => Stands::Inside { nonce: value },
        };
        let issued = Duration::from_millis(issued);
        let expires = issued + Duration::from_millis(lasts);
        let ticket = Ticket { id: VisitorId(id), line: Line(line), stands, issued, expires };
        let keys = keys(&["k1"]);
        let signed = keys.sign(&ticket);
        prop_assert!(signed.len() <= MAX_TICKET);
        prop_assert_eq!(keys.read(&signed, issued), Ok(ticket));
    }

    /// One character more, less or other: not this guard's.
    #[test]
    fn what_was_altered_is_refused(at in 0..117_usize, other in "[ -~]", cut in any::<bool>()) {
        let keys = keys(&["a"]);
        let signed = keys.sign(&ticket(Stands::Waiting { number: 17 }));
        let mut altered = signed.clone();
        altered.replace_range(at..at + 1, if cut { "" } else { &other });
        if altered != signed {
            prop_assert!(keys.read(&altered, NOW).is_err(), "{}", altered);
        }
    }

    #[test]
    fn nonsense_is_refused(text in ".{0,200}") {
        prop_assert!(keys(&["a"]).read(&text, NOW).is_err());
    }
}
