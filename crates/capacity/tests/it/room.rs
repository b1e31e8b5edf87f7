//! Places in the room: kept, lost, called, used.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use capacity::admission::{
    Channel, Counts, Group, JoinError, Mode, OpenError, Opened, Place, RoomConfig, RoomConfigError, Visitor,
    VisitorId, WaitingRoom,
};
use proptest::prelude::*;

pub(crate) fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn config(mode: Mode) -> RoomConfig {
    RoomConfig {
        mode,
        channels: vec![
            Channel { name: "web".into(), weight: 9, reserved: 0 },
            Channel { name: "phone".into(), weight: 1, reserved: 0 },
        ],
        max_waiting: 100_000,
        max_inside: 100_000,
        grace: at(300),
        idle: at(300),
        claim_within: at(120),
        settles_at: Duration::ZERO,
    }
}

pub(crate) fn room(mode: Mode) -> WaitingRoom {
    WaitingRoom::new(config(mode)).expect("within the limits")
}

pub(crate) fn web(id: u128) -> Visitor {
    Visitor { id: VisitorId(id), channel: 0, group: 0 }
}

#[test]
fn a_visit_from_the_line_to_the_way_out() {
    let mut room = room(Mode::Fifo);
    for id in 1..=3 {
        let place = room.join(at(0), web(id)).expect("not full");
        assert_eq!(place, Place::Waiting { number: id as u64, position: id as u64 });
    }
    let called = room.call(at(10), 2);
    assert_eq!(called.iter().map(|c| (c.id.0, c.number)).collect::<Vec<_>>(), [(1, 1), (2, 2)]);
    assert_eq!(room.serving(0), Some(2));
    assert_eq!(room.see(at(20), VisitorId(3)), Some(Place::Waiting { number: 3, position: 1 }));
    assert_eq!(room.see(at(20), VisitorId(1)), Some(Place::Called { enter_before: at(130) }));
    assert!(room.enter(at(30), VisitorId(1)));
    assert!(!room.enter(at(30), VisitorId(3)), "not called yet");
    assert!(!room.enter(at(131), VisitorId(2)), "too late");
    assert_eq!(room.see(at(131), VisitorId(2)), None);
    assert!(room.leave(VisitorId(1)) && !room.leave(VisitorId(1)));
    assert_eq!(room.counts(), Counts { waiting: 1, ..Counts::default() });
}

#[test]
fn a_place_survives_a_broken_connection_but_not_an_absence() {
    let mut room = room(Mode::Fifo);
    room.join(at(0), web(1)).expect("not full");
    room.join(at(0), web(2)).expect("not full");
    let phone = Visitor { channel: 1, ..web(1) };
    let again = room.join(at(299), phone).expect("known");
    assert_eq!(again, Place::Waiting { number: 1, position: 1 }, "the first join counts");
    // 2 was last seen 301 s ago, 1 only 2 s ago.
    let late = room.join(at(301), web(2)).expect("not full");
    assert_eq!(late, Place::Waiting { number: 3, position: 3 });
    assert_eq!(room.counts().waiting, 2);
}

#[test]
fn people_inside_are_never_sent_to_the_line() {
    let mut room = room(Mode::Fifo);
    for id in 0..10 {
        room.join(at(0), web(id)).expect("not full");
    }
    for called in room.call(at(0), 5) {
        assert!(room.enter(at(0), called.id));
    }
    room.set_max_inside(2);
    assert!(room.call(at(1), 100).is_empty(), "more are inside than may be");
    for id in 0..5 {
        assert_eq!(room.join(at(200), web(id)), Ok(Place::Inside));
    }
    for id in 0..3 {
        room.leave(VisitorId(id));
    }
    assert!(room.call(at(201), 100).is_empty());
    room.leave(VisitorId(3));
    assert_eq!(room.call(at(202), 100).len(), 1);
}

#[test]
fn a_call_that_nobody_answers_goes_to_the_next() {
    let mut room = WaitingRoom::new(RoomConfig { max_inside: 1, ..config(Mode::Fifo) }).expect("sound");
    for id in 0..3 {
        room.join(at(0), web(id)).expect("not full");
    }
    assert_eq!(room.call(at(0), 9).len(), 1);
    assert!(room.call(at(120), 9).is_empty(), "the place is held until the end of the time");
    let next = room.call(at(121), 9);
    assert_eq!(next.iter().map(|c| c.id.0).collect::<Vec<_>>(), [1]);
}

#[test]
fn who_went_away_is_not_called_and_takes_no_turn() {
    let mut room = room(Mode::Fifo);
    for id in 0..1_000 {
        room.join(at(0), web(id)).expect("not full");
    }
    for id in (0..1_000).filter(|id| id % 10 != 7) {
        assert!(room.leave(VisitorId(id)));
    }
    let called: Vec<u128> = room.call(at(1), 1_000).iter().map(|c| c.id.0).collect();
    assert_eq!(called, (0..1_000).filter(|id| id % 10 == 7).collect::<Vec<_>>());
}

#[test]
fn a_full_room_says_so_and_keeps_its_people() {
    let mut room = WaitingRoom::new(RoomConfig { max_waiting: 2, ..config(Mode::Fifo) }).expect("sound");
    room.join(at(0), web(1)).expect("not full");
    room.join(at(0), web(2)).expect("not full");
    assert_eq!(room.join(at(1), web(3)), Err(JoinError::Full));
    assert!(room.join(at(1), web(2)).is_ok());
    assert_eq!(room.join(at(1), Visitor { channel: 2, ..web(4) }), Err(JoinError::UnknownChannel));
    assert_eq!(room.join(at(1), Visitor { group: 1, ..web(4) }), Err(JoinError::UnknownGroup));
}

#[test]
fn an_opening_happens_once_and_not_too_early() {
    let mut room = room(Mode::ShuffleThenFifo { opens_at: at(100) });
    assert_eq!(room.join(at(0), web(1)), Ok(Place::Early { opens_at: at(100) }));
    assert!(room.call(at(50), 10).is_empty());
    assert_eq!(room.open(at(99), 0, [0; 32]), Err(OpenError::NotYet(at(100))));
    // Between the hour and the opening itself nobody slips in front.
    assert_eq!(room.join(at(100), web(2)), Ok(Place::Early { opens_at: at(100) }));
    assert_eq!(room.open(at(101), 0, [0; 32]), Ok(Opened { numbered: 2, not_drawn: 0 }));
    assert_eq!(room.open(at(102), 0, [1; 32]), Err(OpenError::Already));
    assert_eq!(room.open(at(102), 1, [1; 32]), Err(OpenError::Unknown));
    assert_eq!(room.join(at(102), web(3)), Ok(Place::Waiting { number: 3, position: 3 }));
}

#[test]
fn a_room_that_cannot_work_is_not_made() {
    let error = |config: RoomConfig| WaitingRoom::new(config).map(|_| ()).expect_err("unsound").to_string();
    let base = || config(Mode::Fifo);
    let mut idle = base();
    idle.channels[1].weight = 0;
    assert_eq!(error(idle), "channels[1].weight: 0; give each channel a weight of at least 1");
    assert_eq!(error(RoomConfig { channels: vec![], ..base() }), "channels: 0 channels; name 1 to 64");
    assert_eq!(error(config(Mode::ByGroup { groups: vec![] })), "mode.groups: 0 groups; name 1 to 1,024");
    assert_eq!(error(RoomConfig { max_waiting: 0, ..base() }), "max_waiting: 0; choose 1 to 4,000,000");
    assert_eq!(
        error(RoomConfig { max_inside: u32::MAX, ..base() }),
        RoomConfigError::MaxInside(u32::MAX).to_string()
    );
    assert_eq!(
        error(RoomConfig { grace: Duration::ZERO, ..base() }),
        "grace: zero; give visitors some seconds at least"
    );
}

#[derive(Debug, Clone)]
enum Step {
    Join(u128, usize),
    See(u128),
    Call(usize),
    Enter(u128),
    Leave(u128),
    Pass(u64),
    Open(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = 0..40_u128;
    let step = prop_oneof![
        6 => (id.clone(), 0..2_usize).prop_map(|(id, channel)| Step::Join(id, channel)),
        2 => id.clone().prop_map(Step::See),
        2 => (0..6_usize).prop_map(Step::Call),
        3 => id.clone().prop_map(Step::Enter),
        2 => id.prop_map(Step::Leave),
        2 => (0..150_u64).prop_map(Step::Pass),
        1 => (0..2_usize).prop_map(Step::Open),
    ];
    proptest::collection::vec(step, 1..300)
}

fn modes() -> impl Strategy<Value = Mode> {
    let group = |name: &str, opens_at| Group { name: name.into(), opens_at: at(opens_at) };
    prop_oneof![
        Just(Mode::Fifo),
        Just(Mode::ShuffleThenFifo { opens_at: at(200) }),
        Just(Mode::Lottery { closes_at: at(300), winners: Some(5) }),
        Just(Mode::ByGroup { groups: vec![group("a", 100), group("b", 400)] }),
    ]
}

proptest! {
    /// Nobody is lost, nobody is called twice, numbers are called in order, places are not exceeded.
    #[test]
    fn invariants_hold_whatever_happens(mode in modes(), steps in steps()) {
        let mut room = WaitingRoom::new(RoomConfig { max_inside: 7, ..config(mode) }).expect("sound");
        let mut now = 0;
        let mut called_numbers: [u64; 2] = [0; 2];
        let mut calls: BTreeSet<(usize, u64)> = BTreeSet::new();
        // Who is there, and until when at least: nobody disappears before.
        let mut kept_until: BTreeMap<u128, u64> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Join(id, channel) => {
                    let group = 0;
                    if let Ok(place) = room.join(at(now), Visitor { id: VisitorId(id), channel, group }) {
                        remember(&mut kept_until, id, place, now);
                    }
                }
                Step::See(id) => {
                    if let Some(place) = room.see(at(now), VisitorId(id)) {
                        remember(&mut kept_until, id, place, now);
                    }
                }
                Step::Call(at_most) => {
                    let called = room.call(at(now), at_most);
                    prop_assert!(called.len() <= at_most);
                    for call in called {
                        prop_assert!(call.number > called_numbers[call.channel], "order");
                        called_numbers[call.channel] = call.number;
                        prop_assert!(calls.insert((call.channel, call.number)), "twice");
                        kept_until.insert(call.id.0, now + 120);
                    }
                }
                Step::Enter(id) => {
                    let place = room.see(at(now), VisitorId(id));
                    let entered = room.enter(at(now), VisitorId(id));
                    prop_assert_eq!(entered, matches!(place, Some(Place::Called { .. } | Place::Inside)));
                    if entered {
                        kept_until.insert(id, now + 300);
                    } else if let Some(place) = place {
                        remember(&mut kept_until, id, place, now);
                    }
                }
                Step::Leave(id) => {
                    room.leave(VisitorId(id));
                    kept_until.remove(&id);
                }
                Step::Pass(seconds) => now += seconds,
                Step::Open(pool) => {
                    let _ = room.open(at(now), pool, [now as u8; 32]);
                }
            }
            kept_until.retain(|_, until| *until >= now);
            let mut looked = room.clone();
            for id in kept_until.keys() {
                prop_assert!(looked.see(at(now), VisitorId(*id)).is_some(), "{} is lost", id);
            }
            prop_assert_eq!([room.serving(0), room.serving(1)], called_numbers.map(Some));
            prop_assert!(room.counts().taken() <= 7);
        }
        // What the counters say is what each visitor hears.
        let mut heard = Counts::default();
        for id in 0..40 {
            match room.see(at(now), VisitorId(id)) {
                Some(Place::Early { .. }) => heard.early += 1,
                Some(Place::Waiting { .. }) => heard.waiting += 1,
                Some(Place::Called { .. }) => heard.called += 1,
                Some(Place::Inside) => heard.inside += 1,
                Some(Place::NotDrawn) => heard.not_drawn += 1,
                None => {}
            }
        }
        prop_assert_eq!(heard, room.counts());
    }
}

fn remember(kept_until: &mut BTreeMap<u128, u64>, id: u128, place: Place, now: u64) {
    let until = match place {
        Place::Called { enter_before } => enter_before.as_secs(),
        Place::NotDrawn => u64::MAX,
        Place::Early { .. } | Place::Waiting { .. } | Place::Inside => now + 300,
    };
    kept_until.insert(id, until);
}
