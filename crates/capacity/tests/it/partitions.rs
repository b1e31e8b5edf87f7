//! Guaranteed shares are there at once, the limit holds, and people inside come first.

use capacity::admission::{Partition, PartitionError, Partitions, Refusal, Standing};
use proptest::prelude::*;

fn web_and_phone(limit: u32, headroom: u16) -> Partitions {
    let part = |name: &str, guaranteed| Partition { name: name.into(), guaranteed };
    Partitions::new(limit, headroom, vec![part("web", 0), part("phone", 100)]).expect("sound")
}

const WEB: usize = 0;
const PHONE: usize = 1;

#[test]
fn the_call_centre_finds_its_places_though_the_web_is_full() {
    let mut places = web_and_phone(100, 0);
    let web = (0..200).filter(|_| places.enter(WEB, Standing::Inside).is_ok()).count();
    assert_eq!(web, 90);
    let phone = (0..200).filter(|_| places.enter(PHONE, Standing::New).is_ok()).count();
    assert_eq!(phone, 10);
    assert_eq!(places.enter(PHONE, Standing::Inside), Err(Refusal::Full));
    assert!(places.leave(WEB));
    assert_eq!(places.enter(PHONE, Standing::Inside), Ok(()), "beyond its share it takes what nobody claims");
    assert_eq!(places.usage().collect::<Vec<_>>(), [("web", 89, 0), ("phone", 11, 10)]);
}

#[test]
fn newcomers_are_refused_before_people_inside() {
    let mut places = web_and_phone(100, 250);
    let new = (0..200).filter(|_| places.enter(WEB, Standing::New).is_ok()).count();
    assert_eq!(new, 65, "100 less a tenth for the phone less a quarter for people inside");
    assert_eq!(places.enter(WEB, Standing::New), Err(Refusal::ReservedForInside));
    let inside = (0..200).filter(|_| places.enter(WEB, Standing::Inside).is_ok()).count();
    assert_eq!(inside, 25);
    let phone = (0..200).filter(|_| places.enter(PHONE, Standing::New).is_ok()).count();
    assert_eq!(phone, 8, "of its 10, 2 are for callers who are inside");
    assert_eq!(places.enter(PHONE, Standing::Inside), Ok(()));
}

#[test]
fn a_cut_throws_nobody_out() {
    let mut places = web_and_phone(100, 0);
    for _ in 0..90 {
        places.enter(WEB, Standing::New).expect("free");
    }
    places.set_limit(50);
    assert_eq!(places.in_use(), 90);
    assert_eq!(
        places.enter(PHONE, Standing::Inside),
        Err(Refusal::Full),
        "more are in than the origin bears"
    );
    for _ in 0..41 {
        assert!(places.leave(WEB));
    }
    assert_eq!(places.enter(PHONE, Standing::Inside), Ok(()));
    assert_eq!(places.enter(WEB, Standing::Inside), Err(Refusal::Full));
}

#[test]
fn what_cannot_be_is_refused_with_a_remedy() {
    let part = |guaranteed| Partition { name: "p".into(), guaranteed };
    let error = |headroom, parts| Partitions::new(10, headroom, parts).map(|_| ()).expect_err("unsound");
    assert_eq!(error(0, vec![]), PartitionError::Count(0));
    assert_eq!(error(0, vec![part(600), part(500)]), PartitionError::Overcommitted(1_100));
    assert_eq!(error(901, vec![part(1)]), PartitionError::Headroom(901));
    assert_eq!(
        PartitionError::Overcommitted(1_100).to_string(),
        "1100 thousandths are guaranteed in all; lower the shares to at most 1,000 together"
    );
    let mut places = web_and_phone(10, 0);
    assert_eq!(places.enter(2, Standing::New), Err(Refusal::Unknown));
    assert!(!places.leave(WEB) && !places.leave(2));
}

proptest! {
    #[test]
    fn invariants_hold_whatever_happens(
        shares in proptest::collection::vec(0..250_u16, 1..5),
        headroom in 0..900_u16,
        limit in 0..60_u32,
        steps in proptest::collection::vec((0..4_usize, any::<bool>(), any::<bool>()), 1..400),
    ) {
        let parts = shares.iter().map(|&guaranteed| Partition { name: String::new(), guaranteed }).collect();
        let mut places = Partitions::new(limit, headroom, parts).expect("at most 1,000 in all");
        let mut used = vec![0_u32; shares.len()];
        for (at, enters, is_new) in steps {
            let at = at % shares.len();
            let standing = if is_new { Standing::New } else { Standing::Inside };
            if enters {
                let guaranteed = limit * u32::from(shares[at]) / 1_000;
                let newcomer = places.clone().enter(at, Standing::New);
                let insider = places.clone().enter(at, Standing::Inside);
                prop_assert!(newcomer.is_err() || insider.is_ok(), "a newcomer before somebody inside");
                prop_assert!(used[at] >= guaranteed || insider.is_ok(), "a guarantee broken");
                used[at] += u32::from(places.enter(at, standing).is_ok());
            } else {
                let had = used[at] > 0;
                prop_assert_eq!(places.leave(at), had);
                used[at] -= u32::from(had);
            }
            prop_assert!(places.in_use() <= limit);
            prop_assert_eq!(places.in_use(), used.iter().sum::<u32>());
            prop_assert!(places.usage().map(|(_, used, _)| used).eq(used.iter().copied()));
        }
    }
}
