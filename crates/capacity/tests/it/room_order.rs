//! In which order people are served, in each mode.

use std::collections::BTreeMap;

use capacity::admission::{
    Channel, Group, JoinError, Mode, Opened, Place, RoomConfig, Visitor, VisitorId, WaitingRoom,
};
use proptest::prelude::*;

use crate::room::{at, config, room, web};

fn order(room: &mut WaitingRoom, now: u64) -> Vec<u128> {
    room.call(at(now), usize::MAX).iter().map(|called| called.id.0).collect()
}

fn seed(number: u64) -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    seed
}

proptest! {
    #[test]
    fn fifo_is_the_order_of_joining(ids in proptest::collection::hash_set(any::<u128>(), 1..200)) {
        let ids: Vec<u128> = ids.into_iter().collect();
        let mut room = room(Mode::Fifo);
        for &id in &ids {
            room.join(at(0), web(id)).expect("not full");
        }
        prop_assert_eq!(order(&mut room, 1), ids);
    }

    /// The order at the opening depends on the seed and on who is there, not on who came first; all are in it once.
    #[test]
    fn the_shuffle_does_not_see_who_came_first(
        ids in proptest::collection::btree_set(any::<u128>(), 1..100),
        number in any::<u64>(),
    ) {
        let served = |ids: Vec<u128>| {
            let mut room = room(Mode::ShuffleThenFifo { opens_at: at(10) });
            for id in ids {
                room.join(at(0), web(id)).expect("not full");
            }
            room.open(at(10), 0, seed(number)).expect("it is time");
            room.join(at(10), web(7)).expect("not full");
            order(&mut room, 11)
        };
        let forwards = served(ids.iter().copied().collect());
        prop_assert_eq!(&forwards, &served(ids.iter().rev().copied().collect()));
        let late = usize::from(!ids.contains(&7));
        let mut early = forwards[..forwards.len() - late].to_vec();
        early.sort_unstable();
        prop_assert_eq!(early, ids.into_iter().collect::<Vec<_>>());
        prop_assert!(late == 0 || forwards.last() == Some(&7), "who comes late stands behind");
    }
}

/// Pearson's statistic of counts that should all be equal.
fn chi_square(counts: &[u32]) -> f64 {
    let expected = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
    counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum()
}

#[test]
fn every_order_is_equally_likely() {
    let mut counts: BTreeMap<Vec<u128>, u32> = BTreeMap::new();
    for number in 0..24_000 {
        let mut room = room(Mode::ShuffleThenFifo { opens_at: at(0) });
        for id in 0..4 {
            room.join(at(0), web(id)).expect("not full");
        }
        room.open(at(0), 0, seed(number)).expect("it is time");
        *counts.entry(order(&mut room, 0)).or_default() += 1;
    }
    let counts: Vec<u32> = counts.into_values().collect();
    assert_eq!(counts.len(), 24);
    // 23 degrees of freedom: exceeded by chance once in 1,000.
    assert!(chi_square(&counts) < 49.73, "{}", chi_square(&counts));
}

#[test]
fn every_place_in_a_long_line_is_equally_likely() {
    let (people, draws) = (50, 5_000);
    let mut counts = vec![0; people];
    for number in 0..draws {
        let mut room = room(Mode::ShuffleThenFifo { opens_at: at(0) });
        for id in 0..people as u128 {
            room.join(at(0), web(id)).expect("not full");
        }
        room.open(at(0), 0, seed(number)).expect("it is time");
        let place = order(&mut room, 0).iter().position(|id| *id == 17).expect("nobody is lost");
        counts[place] += 1;
    }
    // 49 degrees of freedom: exceeded by chance once in 1,000.
    assert!(chi_square(&counts) < 85.35, "{}", chi_square(&counts));
}

/// The promise to visitors: who has the seed and the ids finds the same order. It must never change.
#[test]
fn the_order_of_a_known_seed() {
    let mut room = room(Mode::ShuffleThenFifo { opens_at: at(0) });
    for id in 1..=10 {
        room.join(at(0), web(id)).expect("not full");
    }
    room.open(at(0), 0, seed(2021)).expect("it is time");
    insta::assert_compact_debug_snapshot!(order(&mut room, 0), @"[1, 5, 4, 10, 9, 3, 8, 7, 6, 2]");
}

#[test]
fn a_lottery_asks_nobody_to_wait() {
    let mut room = room(Mode::Lottery { closes_at: at(86_400), winners: Some(3) });
    for id in 0..10 {
        room.join(at(id as u64 * 3_600), web(id)).expect("open");
    }
    // A day without a sign of life: nobody lost the place.
    assert_eq!(room.open(at(90_000), 0, seed(1)), Ok(Opened { numbered: 3, not_drawn: 7 }));
    assert_eq!(room.join(at(90_000), web(99)), Err(JoinError::Closed));
    let places: Vec<Place> = (0..10).filter_map(|id| room.see(at(90_000), VisitorId(id))).collect();
    assert_eq!(places.len(), 10);
    assert_eq!(places.iter().filter(|p| **p == Place::NotDrawn).count(), 7);
    assert_eq!(order(&mut room, 200_000).len(), 3);
    assert_eq!(room.counts().not_drawn, 7);
}

#[test]
fn each_takes_part_in_the_draw_with_the_same_chance() {
    let mut wins = vec![0; 12];
    for number in 0..6_000 {
        let mut room = room(Mode::Lottery { closes_at: at(0), winners: Some(3) });
        for id in 0..12 {
            room.join(at(0), web(id)).expect("open");
        }
        room.open(at(0), 0, seed(number)).expect("it is time");
        for id in order(&mut room, 0) {
            wins[id as usize] += 1;
        }
    }
    // 11 degrees of freedom, once in 1,000 by chance (drawing without return scatters less, not more).
    assert!(chi_square(&wins) < 31.26, "{}", chi_square(&wins));
}

#[test]
fn groups_come_in_their_order() {
    let group = |name: &str, opens_at| Group { name: name.into(), opens_at: at(opens_at) };
    let mut room =
        room(Mode::ByGroup { groups: vec![group("born in January", 100), group("born in February", 200)] });
    for id in 0..20 {
        // February's people come first, and wait for their day all the same.
        let group = if id < 10 { 1 } else { 0 };
        room.join(at(0), Visitor { group, ..web(id) }).expect("not full");
    }
    assert_eq!(room.open(at(100), 0, seed(1)), Ok(Opened { numbered: 10, not_drawn: 0 }));
    assert!(room.open(at(100), 1, seed(2)).is_err());
    room.join(at(150), Visitor { group: 0, ..web(100) }).expect("not full");
    room.open(at(200), 1, seed(2)).expect("it is time");
    let served = order(&mut room, 200);
    assert_eq!(served.len(), 21);
    assert!(served[..10].iter().all(|id| (10..20).contains(id)));
    assert_eq!(served[10], 100);
    assert!(served[11..].iter().all(|id| *id < 10));
}

#[test]
fn the_call_centre_gets_its_share_and_no_more() {
    let mut room = room(Mode::Fifo);
    for id in 0..1_000 {
        let channel = usize::from(id >= 900);
        room.join(at(0), Visitor { channel, ..web(id) }).expect("not full");
    }
    let called = room.call(at(1), 500);
    for (n, prefix) in (1..=called.len()).map(|n| (n, &called[..n])) {
        let phone = prefix.iter().filter(|c| c.channel == 1).count();
        assert!(phone >= n / 10 && phone <= n / 10 + 1, "{phone} of {n}");
    }
}

#[test]
fn an_unused_share_goes_to_the_others_and_is_not_saved_up() {
    let channel = |name: &str, weight| Channel { name: name.into(), weight, reserved: 0 };
    let channels = vec![channel("web", 1), channel("phone", 1)];
    let mut room = WaitingRoom::new(RoomConfig { channels, ..config(Mode::Fifo) }).expect("sound");
    for id in 0..300 {
        room.join(at(0), web(id)).expect("not full");
    }
    assert_eq!(room.call(at(1), 100).len(), 100);
    for id in 300..400 {
        room.join(at(2), Visitor { channel: 1, ..web(id) }).expect("not full");
    }
    let phone = room.call(at(3), 100).iter().filter(|c| c.channel == 1).count();
    assert!((49..=51).contains(&phone), "{phone}: half from now on, nothing for the time before");
}
