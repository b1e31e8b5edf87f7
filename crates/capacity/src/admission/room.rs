//! The waiting room: numbers for those who wait, one number that is being served.

mod book;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::ChaCha20Rng};

use super::place::{Called, Counts, Former, JoinError, OpenError, Opened, Place, Visitor, VisitorId};
use super::room_config::{MOST_PEOPLE, Mode, RoomConfig, RoomConfigError};
use super::turns::Turns;

/// A waiting room. Everybody who joined is early, in line, called, inside or not drawn, until they leave or stay away
/// longer than the grace; nobody is called twice for one number. Operations cost `O(log n)`, spread over many.
#[derive(Debug, Clone)]
pub struct WaitingRoom {
    config: RoomConfig,
    people: BTreeMap<VisitorId, Person>,
    lines: Vec<Line>,
    /// Early comers of each opening; `None` once it happened.
    pools: Vec<Option<BTreeSet<VisitorId>>>,
    /// When each person's place lapses, soonest first.
    deadlines: BTreeSet<(Duration, VisitorId)>,
    counts: Counts,
    turns: Turns,
    settled: bool,
    /// The latest time seen: a clock that runs backwards stands still here.
    latest: Duration,
}

#[derive(Debug, Clone)]
struct Person {
    channel: usize,
    state: State,
    /// [`Duration::MAX`]: never, and not among the deadlines.
    lapses: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Early {
        pool: usize,
    },
    /// Came before the room has settled: the how manieth in its channel.
    Newcomer {
        count: u64,
    },
    Waiting {
        number: u64,
        given: Given,
    },
    Called,
    Inside,
    NotDrawn,
}

/// By which room a number was given. After a restart one may be given twice: then the older goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Given {
    Before,
    Here,
}

/// The line of one channel.
#[derive(Debug, Clone, Default)]
struct Line {
    last_number: u64,
    serving: u64,
    /// Somebody was called.
    began: bool,
    order: BTreeSet<(u64, Given, VisitorId)>,
    /// Those who came before the room has settled, in the order in which they came.
    newcomers: BTreeSet<(u64, VisitorId)>,
    last_newcomer: u64,
    /// Called or inside.
    taken: u32,
}

/// Numbers stay exact in JSON and far from the end of their type.
const LAST_NUMBER: u64 = 1 << 53;

impl WaitingRoom {
    /// An empty room.
    pub fn new(config: RoomConfig) -> Result<Self, RoomConfigError> {
        config.check()?;
        Ok(WaitingRoom {
            people: BTreeMap::new(),
            lines: vec![Line::default(); config.channels.len()],
            pools: vec![Some(BTreeSet::new()); config.pools()],
            deadlines: BTreeSet::new(),
            counts: Counts::default(),
            turns: Turns::new(config.channels.iter().map(|channel| channel.weight)),
            settled: config.settles_at.is_zero(),
            latest: Duration::ZERO,
            config,
        })
    }

    /// Joins, or comes back: who is known keeps the place, whatever channel or group is named now. Who is inside is never
    /// sent to the line.
    pub fn join(&mut self, now: Duration, visitor: Visitor) -> Result<Place, JoinError> {
        let Visitor { id, channel, group } = visitor;
        if let Some(place) = self.see(now, id) {
            return Ok(place);
        }
        self.check(visitor)?;
        if self.held() >= self.config.max_waiting {
            return Err(JoinError::Full);
        }
        let line = &mut self.lines[channel];
        let state = match self.pools.get_mut(group) {
            Some(Some(_)) => State::Early { pool: group },
            Some(None) if matches!(self.config.mode, Mode::Lottery { .. }) => return Err(JoinError::Closed),
            // Open already, or never closed.
            Some(None) | None if !self.settled => {
                line.last_newcomer += 1;
                State::Newcomer { count: line.last_newcomer }
            }
            Some(None) | None => line.next_number(),
        };
        Ok(self.add(id, channel, state))
    }

    /// Gives somebody back the place in a room before this one, whose memory is gone. Who is known keeps the place here, but for
    /// those who were inside and are not here: they are at once, even beyond `max_inside`, because nobody is sent back midway.
    /// The caller vouches for what it says, by a signature.
    pub fn restore(&mut self, now: Duration, visitor: Visitor, former: Former) -> Result<Place, JoinError> {
        let Visitor { id, channel, group: _ } = visitor;
        self.check(Visitor { group: 0, ..visitor })?;
        if let Some(place) = self.see(now, id) {
            if former == Former::Inside && place != Place::Inside {
                self.move_to(id, State::Inside, self.lapse_of(State::Inside));
                return Ok(Place::Inside);
            }
            return Ok(place);
        }
        let state = match former {
            Former::Inside if self.counts.taken() >= MOST_PEOPLE => return Err(JoinError::Full),
            Former::Inside => State::Inside,
            Former::Waiting { .. } if self.held() >= self.config.max_waiting => {
                return Err(JoinError::Full);
            }
            Former::Waiting { number: number @ 1..=LAST_NUMBER } => {
                let line = &mut self.lines[channel];
                line.last_number = line.last_number.max(number);
                State::Waiting { number, given: Given::Before }
            }
            Former::Waiting { .. } => return Err(JoinError::Number),
        };
        Ok(self.add(id, channel, state))
    }

    /// In the room without having been called.
    fn held(&self) -> u32 {
        self.counts.early + self.counts.waiting
    }

    fn check(&self, visitor: Visitor) -> Result<(), JoinError> {
        let Visitor { id: _, channel, group } = visitor;
        if channel >= self.lines.len() {
            return Err(JoinError::UnknownChannel);
        }
        if group >= self.pools.len().max(1) {
            return Err(JoinError::UnknownGroup);
        }
        Ok(())
    }

    /// A sign of life: where the visitor stands, whose place is kept for another grace. `None`: unknown, or away too long.
    pub fn see(&mut self, now: Duration, id: VisitorId) -> Option<Place> {
        self.expire(now);
        let (channel, state, before) = self.people.get(&id).map(|p| (p.channel, p.state, p.lapses))?;
        // Looking at the page does not stretch the time to come in.
        let lapses = if state == State::Called { before } else { self.lapse_of(state) };
        self.move_to(id, state, lapses);
        Some(self.place(channel, state, lapses))
    }

    /// Where the visitor stands, as of the last operation. This is no sign of life.
    pub fn place_of(&self, id: VisitorId) -> Option<Place> {
        self.people.get(&id).map(|person| self.place(person.channel, person.state, person.lapses))
    }

    /// Opens a pool (0 for the one of a shuffle or a lottery, the group's number else), or makes the draw.
    ///
    /// The order follows from the seed and the visitors' ids alone, not from when they came: who has both can check it.
    /// So the seed must not be known to anybody before registration ends; drawn from dice, or committed to by its hash.
    pub fn open(&mut self, now: Duration, pool: usize, seed: [u8; 32]) -> Result<Opened, OpenError> {
        let opens_at = self.config.opens_at(pool).ok_or(OpenError::Unknown)?;
        if now.max(self.latest) < opens_at {
            return Err(OpenError::NotYet(opens_at));
        }
        self.expire(now);
        if !self.settled {
            return Err(OpenError::NotYet(self.config.settles_at));
        }
        let early = self.pools.get_mut(pool).and_then(Option::take).ok_or(OpenError::Already)?;
        let mut order: Vec<VisitorId> = early.into_iter().collect();
        shuffle(&mut order, seed);
        let winners = match self.config.mode {
            Mode::Lottery { winners: Some(winners), .. } => order.len().min(winners as usize),
            _ => order.len(),
        };
        for (at, id) in order.iter().copied().enumerate() {
            let Some((channel, lapses)) = self.people.get(&id).map(|p| (p.channel, p.lapses)) else {
                continue;
            };
            let state = if at < winners { self.lines[channel].next_number() } else { State::NotDrawn };
            // The opening is no sign of life: the grace still runs from the last one.
            self.move_to(id, state, lapses);
        }
        Ok(Opened { numbered: winners, not_drawn: order.len() - winners })
    }

    /// Calls the next visitors: at most `at_most`, and no more than there are places inside. Channels take turns by weight,
    /// in each the lowest number is next. The caller passes what its [`super::TokenBucket`] allows.
    pub fn call(&mut self, now: Duration, at_most: usize) -> Vec<Called> {
        self.expire(now);
        let mut called = Vec::new();
        while self.settled && called.len() < at_most {
            let free = self.free();
            let next = self.turns.next(|channel| free[channel] && !self.lines[channel].order.is_empty());
            let Some(channel) = next else { break };
            let Some(&(number, _, id)) = self.lines[channel].order.first() else { break };
            let line = &mut self.lines[channel];
            // Who came back late with a number that was passed does not turn the public number back.
            line.serving = line.serving.max(number);
            line.began = true;
            self.move_to(id, State::Called, self.latest.saturating_add(self.config.claim_within));
            called.push(Called { id, channel, number });
        }
        called
    }

    /// For each channel, whether a place inside is free that nobody else has a claim on.
    fn free(&self) -> Vec<bool> {
        let claim =
            |(channel, line): (usize, &Line)| u64::from(line.taken.max(self.config.reserved(channel)));
        let claimed: u64 = self.lines.iter().enumerate().map(claim).sum();
        let common = claimed < u64::from(self.config.max_inside);
        let some = self.counts.taken() < self.config.max_inside;
        let lines = self.lines.iter().enumerate();
        lines.map(|(channel, line)| some && (common || line.taken < self.config.reserved(channel))).collect()
    }

    /// Comes in after the call. `false` when it was not this visitor's turn, or the time is over.
    #[must_use = "`false` means that the visitor must not be let in"]
    pub fn enter(&mut self, now: Duration, id: VisitorId) -> bool {
        self.expire(now);
        match self.people.get(&id).map(|person| person.state) {
            Some(State::Called | State::Inside) => {
                self.move_to(id, State::Inside, self.lapse_of(State::Inside));
                true
            }
            _ => false,
        }
    }

    /// Goes, from wherever. `false` when nobody of this name was there.
    pub fn leave(&mut self, id: VisitorId) -> bool {
        let Some(Person { channel, state, lapses }) = self.people.remove(&id) else { return false };
        self.deadlines.remove(&(lapses, id));
        self.delist(id, channel, state);
        true
    }

    /// Lets the places lapse of those who were away too long. The other operations do so too; returns how many it were.
    pub fn expire(&mut self, now: Duration) -> usize {
        self.latest = self.latest.max(now);
        let mut gone = 0;
        while let Some(&(lapses, id)) = self.deadlines.first()
            && lapses < self.latest
        {
            self.leave(id);
            gone += 1;
        }
        if !self.settled && self.latest >= self.config.settles_at {
            self.settle();
        }
        gone
    }

    /// Those who came meanwhile get their numbers, in the order in which they came, behind those who came back.
    fn settle(&mut self) {
        self.settled = true;
        for channel in 0..self.lines.len() {
            for (_, id) in std::mem::take(&mut self.lines[channel].newcomers) {
                let state = self.lines[channel].next_number();
                // No sign of life.
                let lapses = self.people.get(&id).map_or(self.latest, |person| person.lapses);
                self.move_to(id, state, lapses);
            }
        }
    }

    /// Changes how many may be inside, up to 4,000,000. Nobody is thrown out; nobody is called until enough have left.
    pub fn set_max_inside(&mut self, max_inside: u32) {
        self.config.max_inside = max_inside.min(MOST_PEOPLE);
    }

    /// Changes limits and times. What places were given by (order, channels, the end of settling) stays; a place that is kept
    /// now lapses as it would have until its holder is seen next.
    ///
    /// # Errors
    /// What is wrong with it, or would change what stays; then nothing changes.
    pub fn set(&mut self, config: RoomConfig) -> Result<(), RoomConfigError> {
        self.may_set(&config)?;
        self.turns = Turns::new(config.channels.iter().map(|channel| channel.weight));
        self.config = RoomConfig { settles_at: self.config.settles_at, ..config };
        Ok(())
    }

    /// Whether [`WaitingRoom::set`] would take it.
    ///
    /// # Errors
    /// Those of `set`.
    pub fn may_set(&self, config: &RoomConfig) -> Result<(), RoomConfigError> {
        config.check()?;
        if config.mode != self.config.mode {
            return Err(RoomConfigError::Fixed("mode"));
        }
        let names = |config: &RoomConfig| -> Vec<String> {
            config.channels.iter().map(|channel| channel.name.clone()).collect()
        };
        if names(config) != names(&self.config) {
            return Err(RoomConfigError::Fixed("channels"));
        }
        Ok(())
    }

    /// When a pool (as in [`WaitingRoom::open`]) may be opened. `None`: there is no such pool.
    pub fn opens_at(&self, pool: usize) -> Option<Duration> {
        self.config.opens_at(pool)
    }

    /// Whether numbers are given and people called.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// The number being served in a channel: what the public page shows. `None` for an unknown channel.
    pub fn serving(&self, channel: usize) -> Option<u64> {
        self.lines.get(channel).map(|line| line.serving)
    }

    /// Who waits in a channel with which number, the next one first.
    pub fn waiting(&self, channel: usize) -> impl Iterator<Item = (u64, VisitorId)> {
        let line = self.lines.get(channel).into_iter();
        line.flat_map(|line| line.order.iter().map(|&(number, _, id)| (number, id)))
    }

    /// Places inside that a channel's people have taken, called ones included.
    pub fn taken(&self, channel: usize) -> u32 {
        self.lines.get(channel).map_or(0, |line| line.taken)
    }

    /// How many there are.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

impl Line {
    fn next_number(&mut self) -> State {
        self.last_number += 1;
        State::Waiting { number: self.last_number, given: Given::Here }
    }
}

/// Fisher and Yates, with ChaCha20 of the seed. Written out, because the order is part of a promise to the visitors: a
/// library may change how it draws from one version to the next.
fn shuffle(order: &mut [VisitorId], seed: [u8; 32]) {
    let mut rng = ChaCha20Rng::from_seed(seed);
    for last in (1..order.len()).rev() {
        let choices = last as u64 + 1;
        // The remainder of 2^64 would favour the first choices a little; numbers within it are drawn again.
        let fair = u64::MAX - (u64::MAX % choices + 1) % choices;
        let drawn = std::iter::repeat_with(|| rng.next_u64()).find(|drawn| *drawn <= fair).unwrap_or(0);
        order.swap(last, (drawn % choices) as usize);
    }
}
