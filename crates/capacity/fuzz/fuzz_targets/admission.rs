//! Any sequence of operations at any times: the promises of all four algorithms hold.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use capacity::admission::{
    AdaptiveConfig, AdaptiveLimit, Channel, Counts, Decision, Group, Mode, Outcome, Partition, Partitions,
    Place, Rate, RoomConfig, Standing, TokenBucket, Visitor, VisitorId, WaitingRoom,
};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    mode: u8,
    weights: [u8; 3],
    shares: [u16; 3],
    headroom: u16,
    limit: u16,
    max_inside: u8,
    max_waiting: u8,
    winners: u8,
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    Pass(u32),
    /// Any time, backwards too.
    Jump(Duration),
    Take(u32),
    Rate(u32, Duration, u32),
    Enter(u8, bool),
    Leave(u8),
    Limit(u16),
    Observe(Duration, u32, bool),
    Ceiling(u32),
    Join(u8, u8, u8),
    See(u8),
    Call(u8),
    GoIn(u8),
    GoOut(u8),
    Open(u8, u8),
    MaxInside(u32),
}

fuzz_target!(|input: Input| {
    let Some(mut run) = Run::new(&input) else { return };
    for step in input.steps.iter().take(2_000) {
        run.step(step);
    }
    run.counts_agree();
});

struct Run {
    now: Duration,
    bucket: TokenBucket,
    open: bool,
    /// Tokens at the last change of rate.
    held: u32,
    places: Partitions,
    used: [u32; 3],
    adaptive: AdaptiveLimit,
    ceiling: u32,
    room: WaitingRoom,
    max_inside: u32,
    called: [u64; 3],
}

impl Run {
    fn new(input: &Input) -> Option<Self> {
        let at = Duration::from_secs;
        let mode = match input.mode % 4 {
            0 => Mode::Fifo,
            1 => Mode::ShuffleThenFifo { opens_at: at(10) },
            2 => Mode::Lottery { closes_at: at(20), winners: Some(input.winners.into()) },
            _ => {
                let group = |opens_at| Group { name: String::new(), opens_at: at(opens_at) };
                Mode::ByGroup { groups: vec![group(5), group(10)] }
            }
        };
        let channels =
            input.weights.iter().map(|&w| Channel { name: String::new(), weight: w.into(), reserved: 0 }).collect();
        let config = RoomConfig {
            mode,
            channels,
            max_waiting: input.max_waiting.into(),
            max_inside: input.max_inside.into(),
            grace: at(300),
            idle: at(300),
            claim_within: at(60),
            settles_at: Duration::ZERO,
        };
        let parts =
            input.shares.iter().map(|&guaranteed| Partition { name: String::new(), guaranteed }).collect();
        let adaptive = AdaptiveConfig {
            floor: 2,
            ceiling: 1_000,
            initial: input.limit.into(),
            window: Duration::from_millis(10),
            probe_every: at(1),
        };
        Some(Run {
            now: Duration::ZERO,
            bucket: TokenBucket::new(Rate::per_second(input.limit.into()), input.winners.into()),
            open: input.limit > 0,
            held: u32::from(input.winners).max(1),
            places: Partitions::new(input.limit.into(), input.headroom, parts).ok()?,
            used: [0; 3],
            adaptive: AdaptiveLimit::new(adaptive, Duration::ZERO),
            ceiling: 1_000,
            room: WaitingRoom::new(config).ok()?,
            max_inside: input.max_inside.into(),
            called: [0; 3],
        })
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Pass(millis) => self.now = self.now.saturating_add(Duration::from_millis(millis.into())),
            Step::Jump(to) => self.now = to,
            Step::Take(tokens) => {
                let before = self.bucket.available(self.now);
                let decision = self.bucket.take(self.now, tokens);
                let after = self.bucket.available(self.now);
                match decision {
                    Decision::Admit => assert!(before >= tokens && after <= before - tokens),
                    Decision::Wait(wait) => assert!(before < tokens && after == before && !wait.is_zero()),
                    Decision::Never => assert_eq!(before, after),
                }
            }
            Step::Rate(tokens, per, burst) => {
                // A closed bucket has nothing to give, but remembers what it holds.
                let before = if self.open { self.bucket.available(self.now) } else { self.held };
                self.bucket.set(self.now, Rate { tokens, per }, burst);
                assert!(self.bucket.available(self.now) <= before, "a change is no gift");
                (self.open, self.held) = (tokens > 0, before.min(burst.max(1)));
            }
            Step::Enter(at, is_new) => {
                let at = usize::from(at % 3);
                let room_before = self.places.in_use() < self.places.limit();
                if self.places.enter(at, if is_new { Standing::New } else { Standing::Inside }).is_ok() {
                    assert!(room_before);
                    self.used[at] += 1;
                } else if is_new {
                    return;
                } else {
                    assert!(
                        self.places.clone().enter(at, Standing::New).is_err(),
                        "a newcomer before somebody inside"
                    );
                }
            }
            Step::Leave(at) => {
                let at = usize::from(at % 3);
                assert_eq!(self.places.leave(at), self.used[at] > 0);
                self.used[at] = self.used[at].saturating_sub(1);
                assert!(self.places.usage().map(|(_, used, _)| used).eq(self.used));
            }
            Step::Limit(limit) => self.places.set_limit(limit.into()),
            Step::Observe(latency, in_flight, lost) => {
                let outcome = if lost { Outcome::Overloaded } else { Outcome::Answered };
                self.adaptive.observe(self.now, latency, in_flight, outcome);
                assert!((2..=self.ceiling).contains(&self.adaptive.limit()));
            }
            Step::Ceiling(ceiling) => {
                self.ceiling = ceiling.max(2);
                self.adaptive.set_ceiling(ceiling);
                assert!(self.adaptive.limit() <= self.ceiling);
            }
            Step::Join(..) | Step::See(_) | Step::Call(_) | Step::GoIn(_) => self.visit(step),
            Step::GoOut(_) | Step::Open(..) | Step::MaxInside(_) => self.visit(step),
        }
    }

    fn visit(&mut self, step: &Step) {
        let id = |id: u8| VisitorId(u128::from(id));
        match *step {
            Step::Join(who, channel, group) => {
                let known = self.room.see(self.now, id(who));
                let visitor =
                    Visitor { id: id(who), channel: (channel % 4).into(), group: (group % 3).into() };
                let joined = self.room.join(self.now, visitor);
                if let Some(place) = known {
                    assert_eq!(joined, Ok(place), "who comes back keeps the place");
                }
            }
            Step::See(who) => {
                let place = self.room.see(self.now, id(who));
                assert_eq!(place, self.room.see(self.now, id(who)));
                if let Some(Place::Waiting { position, .. }) = place {
                    assert!(position > 0, "who waits was not called yet");
                }
            }
            Step::Call(at_most) => {
                let taken = self.room.counts().taken();
                let called = self.room.call(self.now, at_most.into());
                assert!(called.len() <= usize::from(at_most));
                assert!(called.is_empty() || self.room.counts().taken() <= self.max_inside.max(taken));
                for call in called {
                    assert!(call.number > self.called[call.channel], "in order, and once");
                    self.called[call.channel] = call.number;
                }
            }
            Step::GoIn(who) => {
                let place = self.room.see(self.now, id(who));
                let went_in = self.room.enter(self.now, id(who));
                assert_eq!(went_in, matches!(place, Some(Place::Called { .. } | Place::Inside)));
                if went_in {
                    assert_eq!(self.room.see(self.now, id(who)), Some(Place::Inside));
                }
            }
            Step::GoOut(who) => {
                let there = self.room.see(self.now, id(who)).is_some();
                assert_eq!(self.room.leave(id(who)), there);
            }
            Step::Open(pool, seed) => {
                let before = self.room.counts();
                if let Ok(opened) = self.room.open(self.now, (pool % 3).into(), [seed; 32]) {
                    // Those who waited before may have lapsed meanwhile; those who got a number just now wait.
                    let (after, numbered) = (self.room.counts(), opened.numbered as u32);
                    assert!(after.waiting >= numbered && after.waiting <= before.waiting + numbered);
                    assert!(after.not_drawn == before.not_drawn + opened.not_drawn as u32);
                }
            }
            Step::MaxInside(max_inside) => {
                self.max_inside = max_inside;
                self.room.set_max_inside(max_inside);
            }
            _ => {}
        }
    }

    fn counts_agree(&mut self) {
        let mut heard = Counts::default();
        for who in 0..=u8::MAX {
            match self.room.see(self.now, VisitorId(who.into())) {
                Some(Place::Early { .. }) => heard.early += 1,
                Some(Place::Waiting { .. }) => heard.waiting += 1,
                Some(Place::Called { .. }) => heard.called += 1,
                Some(Place::Inside) => heard.inside += 1,
                Some(Place::NotDrawn) => heard.not_drawn += 1,
                None => {}
            }
        }
        assert_eq!(heard, self.room.counts());
    }
}
