//! The waiting room: numbers for those who wait, one number that is being served.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::ChaCha20Rng};

use super::place::{Called, Counts, JoinError, OpenError, Opened, Place, Visitor, VisitorId};
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
    Early { pool: usize },
    Waiting { number: u64 },
    Called,
    Inside,
    NotDrawn,
}

/// The line of one channel. Who leaves it stays in `order` as a gap until the gap comes to the front or gaps are many.
#[derive(Debug, Clone, Default)]
struct Line {
    last_number: u64,
    serving: u64,
    order: VecDeque<(u64, VisitorId)>,
    live: usize,
}

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
        if channel >= self.lines.len() {
            return Err(JoinError::UnknownChannel);
        }
        if group >= self.pools.len().max(1) {
            return Err(JoinError::UnknownGroup);
        }
        if self.counts.early + self.counts.waiting >= self.config.max_waiting {
            return Err(JoinError::Full);
        }
        let state = match self.pools.get_mut(group) {
            Some(Some(pool)) => {
                pool.insert(id);
                State::Early { pool: group }
            }
            Some(None) if matches!(self.config.mode, Mode::Lottery { .. }) => return Err(JoinError::Closed),
            // Open already, or never closed.
            Some(None) | None => State::Waiting { number: self.lines[channel].append(id) },
        };
        *self.count(state) += 1;
        let lapses = self.lapse_of(state);
        self.people.insert(id, Person { channel, state, lapses });
        self.watch(lapses, id);
        Ok(self.place(channel, state, lapses))
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
            let state = if at < winners {
                State::Waiting { number: self.lines[channel].append(id) }
            } else {
                State::NotDrawn
            };
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
        while called.len() < at_most && self.counts.taken() < self.config.max_inside {
            let lines = &self.lines;
            let Some(channel) = self.turns.next(|channel| lines[channel].live > 0) else { break };
            let Some((number, id)) = self.next_in(channel) else { break };
            self.lines[channel].serving = number;
            self.move_to(id, State::Called, self.latest.saturating_add(self.config.claim_within));
            called.push(Called { id, channel, number });
        }
        called
    }

    /// The first in a line who is still there; gaps before are dropped. The person still counts as live until moved.
    fn next_in(&mut self, channel: usize) -> Option<(u64, VisitorId)> {
        while let Some((number, id)) = self.lines[channel].order.pop_front() {
            if is_at(&self.people, number, id) {
                return Some((number, id));
            }
        }
        None
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
        *self.count(state) -= 1;
        self.unplace(id, channel, state);
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
        gone
    }

    /// Changes how many may be inside, up to 4,000,000. Nobody is thrown out; nobody is called until enough have left.
    pub fn set_max_inside(&mut self, max_inside: u32) {
        self.config.max_inside = max_inside.min(MOST_PEOPLE);
    }

    /// The number being served in a channel: what the public page shows. `None` for an unknown channel.
    pub fn serving(&self, channel: usize) -> Option<u64> {
        self.lines.get(channel).map(|line| line.serving)
    }

    /// How many there are.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn place(&self, channel: usize, state: State, lapses: Duration) -> Place {
        match state {
            State::Early { pool } => {
                Place::Early { opens_at: self.config.opens_at(pool).unwrap_or(Duration::ZERO) }
            }
            State::Waiting { number } => {
                Place::Waiting { number, position: number.saturating_sub(self.lines[channel].serving) }
            }
            State::Called => Place::Called { enter_before: lapses },
            State::Inside => Place::Inside,
            State::NotDrawn => Place::NotDrawn,
        }
    }

    /// When a place lapses that was taken or confirmed just now.
    fn lapse_of(&self, state: State) -> Duration {
        let lottery = matches!(self.config.mode, Mode::Lottery { .. });
        match state {
            State::NotDrawn => Duration::MAX,
            // A lottery spares people the waiting, so it cannot ask them to show up while they wait.
            State::Early { .. } | State::Waiting { .. } if lottery => Duration::MAX,
            State::Called => self.latest.saturating_add(self.config.claim_within),
            State::Early { .. } | State::Waiting { .. } | State::Inside => {
                self.latest.saturating_add(self.config.grace)
            }
        }
    }

    /// The only way to another state: counts, lines and deadlines follow.
    fn move_to(&mut self, id: VisitorId, state: State, lapses: Duration) {
        let Some(person) = self.people.get_mut(&id) else { return };
        let channel = person.channel;
        let (old_state, old_lapses) = (std::mem::replace(&mut person.state, state), person.lapses);
        person.lapses = lapses;
        if old_lapses != lapses {
            self.deadlines.remove(&(old_lapses, id));
            self.watch(lapses, id);
        }
        if old_state != state {
            *self.count(old_state) -= 1;
            *self.count(state) += 1;
            self.unplace(id, channel, old_state);
        }
    }

    fn watch(&mut self, lapses: Duration, id: VisitorId) {
        if lapses < Duration::MAX {
            self.deadlines.insert((lapses, id));
        }
    }

    /// Takes a person who is no longer in `state` out of where that state was kept.
    fn unplace(&mut self, id: VisitorId, channel: usize, state: State) {
        match state {
            State::Early { pool } => {
                if let Some(Some(pool)) = self.pools.get_mut(pool) {
                    pool.remove(&id);
                }
            }
            State::Waiting { .. } => self.lines[channel].left(&self.people),
            State::Called | State::Inside | State::NotDrawn => {}
        }
    }

    fn count(&mut self, state: State) -> &mut u32 {
        match state {
            State::Early { .. } => &mut self.counts.early,
            State::Waiting { .. } => &mut self.counts.waiting,
            State::Called => &mut self.counts.called,
            State::Inside => &mut self.counts.inside,
            State::NotDrawn => &mut self.counts.not_drawn,
        }
    }
}

impl Line {
    fn append(&mut self, id: VisitorId) -> u64 {
        self.last_number += 1;
        self.order.push_back((self.last_number, id));
        self.live += 1;
        self.last_number
    }

    fn left(&mut self, people: &BTreeMap<VisitorId, Person>) {
        self.live -= 1;
        // Who joins and leaves in a loop must not fill the memory with gaps. Half of them at a time: each costs once.
        if self.order.len() > 2 * self.live + 64 {
            self.order.retain(|&(number, id)| is_at(people, number, id));
        }
    }
}

/// Whether the person still waits with this number: who left and came back has another one.
fn is_at(people: &BTreeMap<VisitorId, Person>, number: u64, id: VisitorId) -> bool {
    people.get(&id).is_some_and(|person| person.state == State::Waiting { number })
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
