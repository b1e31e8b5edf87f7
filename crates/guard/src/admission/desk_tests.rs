//! The desk with virtual time: many people, every order of events, nobody lost.

use std::collections::{BTreeMap, HashMap, HashSet};

use capacity::admission::{Mode as Order, Rate};
use proptest::prelude::*;

use super::super::settings::{
    Budget, Channel, Cookie, InFlight, KnownBy, Room, Settings, TenantOf, WaitingStatus,
};
use super::*;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn chance() -> impl Chance {
    let state = std::sync::atomic::AtomicU64::new(1);
    move |bytes: &mut [u8]| {
        for piece in bytes.chunks_mut(8) {
            let next = state.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let number =
                next.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            piece.copy_from_slice(&number.to_be_bytes()[..piece.len()]);
        }
    }
}

fn settings(people: u32, settle: u64) -> Settings {
    let channel =
        |name: &str, reserve, weight| Channel { name: name.into(), reserve, weight, known_by: KnownBy::Rest };
    Settings {
        system: "booking".into(),
        event: "1".into(),
        mode: edge::Mode::Enforce,
        channels: vec![channel("web", 0, 9), channel("call_centre", 200, 1)],
        budget: Budget { rate: Rate::per_second(1_000), burst: 1_000, people, newcomers: None },
        tenants: Vec::new(),
        tenant_of: TenantOf::Nobody,
        room: Room {
            order: Order::Fifo,
            group_of: None,
            most_waiting: 1_000_000,
            grace: at(300),
            idle: at(300),
            claim_within: at(120),
            settle: at(settle),
            refresh: at(20),
            renew: at(60),
        },
        open: Vec::new(),
        api: Vec::new(),
        in_flight: InFlight { floor: 1, ceiling: 10, initial: 10, queue: 10 },
        delay: at(1),
        waiting_status: WaitingStatus::Unavailable,
        cookie: Cookie::AsAsked,
        session_cookies: Vec::new(),
        status_max_age: at(5),
    }
}

fn desk(settings: Settings, now: Duration) -> Desk {
    Desk::new(Arc::new(Plan::new(settings).unwrap()), now).unwrap()
}

fn asked(channel: usize, ticket: Option<Ticket>) -> Asked {
    Asked { hall: 0, channel, group: 0, tickets: ticket.into_iter().collect() }
}

/// One person's browser: asks, follows, keeps the last ticket. `true`: it went to the origin.
fn ask(
    desk: &mut Desk,
    channel: usize,
    kept: &mut Option<Ticket>,
    now: Duration,
    chance: &dyn Chance,
) -> bool {
    for _ in 0..3 {
        match desk.seat(&asked(channel, *kept), now, chance).0 {
            Seat::Inside { hall, id, ticket } => {
                let renewed = ticket.or_else(|| desk.renew(hall, channel, id, now, chance));
                *kept = renewed.or(*kept);
                return true;
            }
            Seat::Change(ticket) => *kept = Some(ticket),
            Seat::Waits { ticket, .. } => {
                *kept = Some(ticket);
                return false;
            }
            Seat::Full | Seat::Closed => return false,
        }
    }
    panic!("a ticket that was just changed is changed again")
}

/// A spent copy opens nothing, keeps no place alive, and has no insider's rate.
#[test]
fn a_spent_copy_is_not_inside_where_no_place_is_needed_either() {
    let (chance, mut line) = (chance(), desk(settings(10, 0), at(0)));
    let mut kept = None;
    assert!(ask(&mut line, 0, &mut kept, at(0), &chance));
    let first = kept.unwrap();
    assert!(ask(&mut line, 0, &mut kept, at(1), &chance));
    assert_eq!(line.is_inside(&first, at(2)), Some(0));
    // The holder gets another one, and shows it.
    assert!(ask(&mut line, 0, &mut kept, at(70), &chance));
    assert_eq!(line.is_inside(&first, at(71)), Some(0), "not shown yet");
    assert!(ask(&mut line, 0, &mut kept, at(72), &chance));
    assert_eq!(line.is_inside(&first, at(80)), Some(0), "requests under way");
    assert_eq!(line.is_inside(&first, at(100)), None);
    assert_eq!(line.is_inside(&kept.unwrap(), at(100)), Some(0));
    // Idle for 300 seconds, whatever the copy does.
    for now in [200, 300, 399] {
        assert_eq!(line.is_inside(&first, at(now)), None);
    }
    assert_eq!(line.is_inside(&kept.unwrap(), at(401)), None);
}

/// Everybody who comes in three minutes gets in, in the order of coming, and never are there more than declared.
#[test]
fn a_rush_in_virtual_time_loses_nobody_and_keeps_the_order() {
    const PEOPLE: usize = 13_500; // a twentieth of the 270,000 of the bench
    let (chance, mut line) = (chance(), desk(settings(400, 0), at(0)));
    let mut tickets: Vec<Option<Ticket>> = vec![None; PEOPLE];
    let mut inside = 0;
    for (came, ticket) in tickets.iter_mut().enumerate() {
        let now = Duration::from_micros(180_000_000 / PEOPLE as u64 * came as u64);
        if ask(&mut line, 0, ticket, now, &chance) {
            inside += 1;
            // Shows the ticket, as the page's next request does.
            assert!(ask(&mut line, 0, ticket, now, &chance));
        }
    }
    // A fifth of 400 is the call centre's.
    assert_eq!(inside, 320);
    let mut order = Vec::new();
    let mut now = 180;
    let mut gone = vec![false; PEOPLE];
    let mut leaving: Vec<usize> = (0..inside).collect();
    while order.len() < PEOPLE - inside {
        // Whoever is inside has done what they came for; everybody else looks again.
        for person in leaving.drain(..) {
            gone[person] = true;
            assert!(line.halls[0].room.leave(tickets[person].unwrap().id));
        }
        now += 20;
        let serving = line.halls[0].room.serving(0).unwrap() as usize;
        for person in serving..PEOPLE.min(serving + 330) {
            if !gone[person] && ask(&mut line, 0, &mut tickets[person], at(now), &chance) {
                order.push(person);
                leaving.push(person);
            }
        }
        // The rest of the line only shows that it is there.
        for ticket in tickets.iter().skip(serving + 330) {
            assert!(line.halls[0].room.see(at(now), ticket.unwrap().id).is_some(), "{ticket:?} is lost");
        }
        let counts = line.halls[0].room.counts();
        assert!(counts.taken() <= 320, "{counts:?}");
    }
    assert!(order.is_sorted(), "by number");
    assert_eq!(order.iter().collect::<HashSet<_>>().len(), PEOPLE - inside);
}

#[derive(Debug, Clone)]
enum Step {
    Ask(usize),
    /// With the ticket that the person had some requests ago.
    Old(usize, usize),
    Leave(usize),
    Pass(u64),
    Limit(u32),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0..24_usize;
    let step = prop_oneof![
        12 => who.clone().prop_map(Step::Ask),
        1 => (who.clone(), 1..4_usize).prop_map(|(who, ago)| Step::Old(who, ago)),
        1 => who.prop_map(Step::Leave),
        3 => (0..50_u64).prop_map(Step::Pass),
        1 => (1..12_u32).prop_map(Step::Limit),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..200)
}

proptest! {
    /// Whatever happens: nobody is let in beyond what is declared or out of order, the call centre's places are kept, and whoever
    /// keeps asking keeps the place, through changes of limits and restarts.
    #[test]
    fn places_are_kept_whatever_happens(steps in steps()) {
        let chance = chance();
        let (mut now, mut people) = (1_000, 6);
        let mut desk = desk(settings(people, 30), at(now));
        let mut tickets: HashMap<usize, Vec<Ticket>> = HashMap::new();
        for step in steps {
            match step {
                Step::Ask(who) | Step::Old(who, _) => {
                    let shown = tickets.entry(who).or_default();
                    let ago = if let Step::Old(_, ago) = step { ago } else { 0 };
                    let kept = shown.len().checked_sub(1 + ago).map(|at| shown[at]);
                    // As whoever reads tickets does.
                    let mut kept = kept.filter(|ticket| at(now) <= ticket.expires);
                    let before = kept;
                    desk.pass(at(now), &chance);
                    let (waiting, taken) = standing(&desk, who % 2);
                    let entered = ask(&mut desk, who % 2, &mut kept, at(now), &chance);
                    let fresh = before.is_none_or(|before| kept.is_none_or(|kept| kept.id != before.id));
                    if fresh && entered {
                        // Let in as somebody new: only if nobody waited before who could have gone in.
                        prop_assert!(waiting.is_empty(), "{:?} were passed", waiting);
                        prop_assert!(taken < people, "{} of {}", taken, people);
                    }
                    let all = desk.halls[0].room.counts().taken();
                    if fresh && entered {
                        prop_assert!(all <= people, "{} of {}", all, people);
                        let web = standing(&desk, 0).1;
                        prop_assert!(who % 2 == 1 || web <= people - people / 5);
                    }
                    shown.extend(kept);
                }
                Step::Leave(who) => {
                    if let Some(ticket) = tickets.get(&who).and_then(|all| all.last()) {
                        desk.halls[0].room.leave(ticket.id);
                        tickets.remove(&who);
                    }
                }
                Step::Pass(seconds) => now += seconds,
                Step::Limit(limit) => {
                    people = limit;
                    desk.set(Arc::new(Plan::new(settings(people, 30)).unwrap()), at(now)).unwrap();
                }
                Step::Restart => {
                    now += 1;
                    desk = self::desk(settings(people, 30), at(now));
                }
            }
        }
        // Each who asks now with a ticket that is still good has the place that it says.
        for (who, shown) in &tickets {
            let Some(&last) = shown.last().filter(|ticket| at(now) < ticket.expires) else { continue };
            desk.pass(at(now), &chance);
            if let Some(Place::Waiting { number, .. }) = desk.halls[0].room.place_of(last.id) {
                let mut kept = Some(last);
                prop_assert!(!ask(&mut desk, who % 2, &mut kept, at(now), &chance));
                let kept = kept.map(|kept| (kept.id, kept.stands));
                prop_assert_eq!(kept, Some((last.id, Stands::Waiting { number })));
            }
        }
    }
}

/// Who of a channel waits, and how many of it are called or inside.
fn standing(desk: &Desk, channel: usize) -> (BTreeMap<u64, VisitorId>, u32) {
    let room = &desk.halls[0].room;
    let line = room.waiting(channel).collect();
    (line, room.taken(channel))
}
