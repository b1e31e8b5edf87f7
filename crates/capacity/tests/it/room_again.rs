//! A room after a restart, with changed limits, and with places that are kept for a channel.

use std::collections::{BTreeMap, BTreeSet};

use capacity::admission::{
    Channel, Former, JoinError, Mode, OpenError, Place, RoomConfig, RoomConfigError, Visitor, VisitorId,
    WaitingRoom,
};
use proptest::prelude::*;

use crate::room::{at, config, web};

fn again(mode: Mode) -> WaitingRoom {
    WaitingRoom::new(RoomConfig { settles_at: at(30), ..config(mode) }).expect("sound")
}

fn called(room: &mut WaitingRoom, now: u64, at_most: usize) -> Vec<u128> {
    room.call(at(now), at_most).iter().map(|called| called.id.0).collect()
}

#[test]
fn places_survive_a_restart_in_order() {
    let mut room = again(Mode::Fifo);
    // A newcomer first, then those who had places, in any order.
    assert_eq!(room.join(at(1), web(900)), Ok(Place::Early { opens_at: at(30) }));
    let back = |room: &mut WaitingRoom, now, id, number| {
        room.restore(at(now), web(id), Former::Waiting { number }).expect("not full")
    };
    assert_eq!(back(&mut room, 2, 107, 107), Place::Waiting { number: 107, position: 1 });
    assert_eq!(back(&mut room, 3, 105, 105), Place::Waiting { number: 105, position: 1 });
    assert_eq!(back(&mut room, 4, 106, 106), Place::Waiting { number: 106, position: 2 });
    assert_eq!(back(&mut room, 5, 106, 1), Place::Waiting { number: 106, position: 2 }, "known by now");
    assert_eq!(room.join(at(6), web(901)), Ok(Place::Early { opens_at: at(30) }));
    assert!(room.call(at(29), 9).is_empty(), "not before those who waited could come back");
    assert_eq!(called(&mut room, 30, 2), [105, 106]);
    assert_eq!(room.place_of(VisitorId(900)), Some(Place::Waiting { number: 108, position: 2 }));
    // Late: with a number that was passed, and with one that a newcomer got meanwhile.
    assert_eq!(back(&mut room, 40, 104, 104), Place::Waiting { number: 104, position: 1 });
    assert_eq!(back(&mut room, 41, 108, 108), Place::Waiting { number: 108, position: 2 });
    assert_eq!(called(&mut room, 42, 1), [104]);
    assert_eq!(room.serving(0), Some(106), "the public number never goes back");
    assert_eq!(called(&mut room, 43, 9), [107, 108, 900, 901]);
    assert_eq!(room.restore(at(44), web(1), Former::Waiting { number: 0 }), Err(JoinError::Number));
    assert_eq!(room.restore(at(44), web(1), Former::Waiting { number: u64::MAX }), Err(JoinError::Number));
}

#[test]
fn who_was_inside_is_inside_again_even_beyond_the_limit() {
    let mut room = WaitingRoom::new(RoomConfig { max_inside: 2, settles_at: at(30), ..config(Mode::Fifo) })
        .expect("sound");
    for id in 0..4 {
        assert_eq!(room.restore(at(1), web(id), Former::Inside), Ok(Place::Inside));
    }
    // The spent ticket of the line came back before the one of the place inside.
    room.restore(at(2), web(4), Former::Waiting { number: 7 }).expect("not full");
    assert_eq!(room.restore(at(3), web(4), Former::Inside), Ok(Place::Inside));
    assert_eq!(room.counts().inside, 5);
    room.join(at(4), web(9)).expect("not full");
    for id in 0..4 {
        assert!(room.call(at(40), 9).is_empty());
        room.leave(VisitorId(id));
    }
    assert_eq!(called(&mut room, 41, 9), [9]);
}

#[test]
fn nothing_is_opened_before_the_room_has_settled() {
    let mut room = again(Mode::ShuffleThenFifo { opens_at: at(10) });
    room.join(at(1), web(1)).expect("not full");
    room.restore(at(2), web(2), Former::Waiting { number: 50 }).expect("not full");
    assert_eq!(room.open(at(20), 0, [0; 32]), Err(OpenError::NotYet(at(30))));
    assert!(room.open(at(30), 0, [0; 32]).is_ok());
    assert_eq!(called(&mut room, 31, 9), [2, 1]);
}

#[test]
fn limits_change_and_places_stay() {
    let mut room = WaitingRoom::new(config(Mode::Fifo)).expect("sound");
    for id in 0..50 {
        room.join(at(0), web(id)).expect("not full");
    }
    for called in room.call(at(1), 10) {
        assert!(room.enter(at(1), called.id));
    }
    room.set(RoomConfig { max_inside: 5, max_waiting: 3, idle: at(600), ..config(Mode::Fifo) })
        .expect("limits");
    assert!(room.call(at(2), 9).is_empty());
    assert_eq!(room.join(at(2), web(99)), Err(JoinError::Full));
    assert_eq!(room.see(at(2), VisitorId(30)), Some(Place::Waiting { number: 31, position: 21 }));
    assert_eq!(room.see(at(2), VisitorId(3)), Some(Place::Inside));
    // Seen under the new time, and under the old one.
    assert_eq!(room.see(at(450), VisitorId(3)), Some(Place::Inside));
    assert_eq!(room.see(at(450), VisitorId(4)), None);
    room.set(config(Mode::Fifo)).expect("limits");
    assert_eq!(room.call(at(451), 9).len(), 0, "the line stayed away longer than its grace");
    let other = Mode::Lottery { closes_at: at(1), winners: None };
    assert_eq!(room.set(config(other)), Err(RoomConfigError::Fixed("mode")));
    let mut renamed = config(Mode::Fifo);
    renamed.channels[0].name = "other".into();
    assert_eq!(room.set(renamed), Err(RoomConfigError::Fixed("channels")));
}

#[test]
fn places_are_kept_for_the_call_centre() {
    let channel = |name: &str, weight, reserved| Channel { name: name.into(), weight, reserved };
    let reserve = |reserved| RoomConfig {
        channels: vec![channel("web", 9, 0), channel("phone", 1, reserved)],
        max_inside: 10,
        ..config(Mode::Fifo)
    };
    let mut room = WaitingRoom::new(reserve(200)).expect("sound");
    for id in 0..100 {
        room.join(at(0), web(id)).expect("not full");
    }
    assert_eq!(room.call(at(1), 99).len(), 8);
    for id in 100..105 {
        room.join(at(2), Visitor { channel: 1, ..web(id) }).expect("not full");
    }
    assert_eq!(called(&mut room, 3, 99), [100, 101]);
    assert!(room.leave(VisitorId(0)), "a place of the web, which is everybody's");
    assert_eq!(room.call(at(4), 99).len(), 1);
    assert_eq!(WaitingRoom::new(reserve(1_001)).map(|_| ()), Err(RoomConfigError::Reserved(1_001)));
}

#[derive(Debug, Clone)]
enum Step {
    Join(u128),
    Back(u128),
    Call(usize),
    Enter(u128),
    Leave(u128),
    Limit(u32),
    Pass(u64),
}

const OLD: std::ops::Range<u128> = 1..60;
const NEW: std::ops::Range<u128> = 1_000..1_040;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => NEW.prop_map(Step::Join),
        4 => OLD.prop_map(Step::Back),
        3 => (0..5_usize).prop_map(Step::Call),
        2 => prop_oneof![OLD, NEW].prop_map(Step::Enter),
        1 => prop_oneof![OLD, NEW].prop_map(Step::Leave),
        1 => (1..12_u32).prop_map(Step::Limit),
        2 => (0..20_u64).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..250)
}

/// Odd ids come by the second channel.
fn visitor(id: u128) -> Visitor {
    Visitor { channel: (id % 2) as usize, ..web(id) }
}

/// Who of a channel waits (with number) and how many are called or inside.
fn channel(room: &WaitingRoom, channel: u128) -> (BTreeMap<u128, u64>, u32) {
    let (mut waiting, mut taken) = (BTreeMap::new(), 0);
    for id in OLD.chain(NEW).filter(|id| id % 2 == channel) {
        match room.place_of(VisitorId(id)) {
            Some(Place::Waiting { number, .. }) => drop(waiting.insert(id, number)),
            Some(Place::Called { .. } | Place::Inside) => taken += 1,
            _ => {}
        }
    }
    (waiting, taken)
}

proptest! {
    /// Whoever of the old line is there goes before all newcomers and by number; nothing that is kept is given away, and no
    /// call goes beyond what is declared at that moment.
    #[test]
    fn a_restart_keeps_order_reserve_and_limit(steps in steps()) {
        let part = |name: &str, weight, reserved| Channel { name: name.into(), weight, reserved };
        let limits = |max_inside| RoomConfig {
            channels: vec![part("web", 3, 0), part("phone", 1, 300)],
            max_inside,
            grace: at(100_000),
            settles_at: at(60),
            ..config(Mode::Fifo)
        };
        let (mut now, mut most) = (0, 10);
        let mut room = WaitingRoom::new(limits(most)).expect("sound");
        let mut back = BTreeSet::new();
        for step in steps {
            match step {
                Step::Join(id) => drop(room.join(at(now), visitor(id))),
                Step::Back(id) => {
                    if back.insert(id) {
                        let place = room.restore(at(now), visitor(id), Former::Waiting { number: id as u64 });
                        let waits = matches!(place, Ok(Place::Waiting { number, .. }) if number == id as u64);
                        prop_assert!(waits, "{:?}", place);
                    }
                }
                Step::Call(at_most) => {
                    let called = room.call(at(now), at_most);
                    prop_assert!(now >= 60 || called.is_empty());
                    for call in &called {
                        let (waiting, taken) = channel(&room, call.channel as u128);
                        let passed = waiting.iter().find(|(id, number)| {
                            (**number, **id >= NEW.start) < (call.number, call.id.0 >= NEW.start)
                        });
                        prop_assert!(passed.is_none(), "{:?} before {:?}", call, passed);
                        prop_assert!(call.channel == 1 || taken <= most - most * 3 / 10);
                        prop_assert!(room.counts().taken() <= most, "{:?}", room.counts());
                    }
                }
                Step::Enter(id) => drop(room.enter(at(now), VisitorId(id))),
                Step::Leave(id) => drop(room.leave(VisitorId(id))),
                Step::Limit(limit) => {
                    most = limit;
                    room.set(limits(limit)).expect("limits alone");
                }
                Step::Pass(seconds) => now += seconds,
            }
            let counted = channel(&room, 0).1 + channel(&room, 1).1;
            prop_assert_eq!(counted, room.counts().taken());
        }
    }
}
