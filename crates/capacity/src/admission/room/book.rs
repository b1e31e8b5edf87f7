//! The books of a room: where each person stands, when a place lapses, who is counted where.

use std::time::Duration;

use super::super::place::{Place, VisitorId};
use super::super::room_config::Mode;
use super::{Given, Person, State, WaitingRoom};

impl WaitingRoom {
    pub(super) fn add(&mut self, id: VisitorId, channel: usize, state: State) -> Place {
        let lapses = self.lapse_of(state);
        self.people.insert(id, Person { channel, state, lapses });
        self.watch(lapses, id);
        self.enlist(id, channel, state);
        self.place(channel, state, lapses)
    }

    pub(super) fn place(&self, channel: usize, state: State, lapses: Duration) -> Place {
        match state {
            State::Early { pool } => {
                Place::Early { opens_at: self.config.opens_at(pool).unwrap_or(Duration::ZERO) }
            }
            State::Newcomer { .. } => Place::Early { opens_at: self.config.settles_at },
            State::Waiting { number, given: _ } => {
                let position = number.saturating_sub(self.lines[channel].serving).max(1);
                Place::Waiting { number, position }
            }
            State::Called => Place::Called { enter_before: lapses },
            State::Inside => Place::Inside,
            State::NotDrawn => Place::NotDrawn,
        }
    }

    /// When a place lapses that was taken or confirmed just now.
    pub(super) fn lapse_of(&self, state: State) -> Duration {
        let lottery = matches!(self.config.mode, Mode::Lottery { .. });
        match state {
            State::NotDrawn => Duration::MAX,
            // A lottery spares people the waiting, so it cannot ask them to show up while they wait.
            State::Early { .. } | State::Waiting { .. } if lottery => Duration::MAX,
            State::Called => self.latest.saturating_add(self.config.claim_within),
            State::Early { .. } | State::Newcomer { .. } | State::Waiting { .. } => {
                self.latest.saturating_add(self.config.grace)
            }
            State::Inside => self.latest.saturating_add(self.config.idle),
        }
    }

    /// The only way to another state: counts, lines and deadlines follow.
    pub(super) fn move_to(&mut self, id: VisitorId, state: State, lapses: Duration) {
        let Some(person) = self.people.get_mut(&id) else { return };
        let channel = person.channel;
        let (old_state, old_lapses) = (std::mem::replace(&mut person.state, state), person.lapses);
        person.lapses = lapses;
        if old_lapses != lapses {
            self.deadlines.remove(&(old_lapses, id));
            self.watch(lapses, id);
        }
        if old_state != state {
            self.delist(id, channel, old_state);
            self.enlist(id, channel, state);
        }
    }

    pub(super) fn watch(&mut self, lapses: Duration, id: VisitorId) {
        if lapses < Duration::MAX {
            self.deadlines.insert((lapses, id));
        }
    }

    /// Puts a person to where the state is kept, and counts.
    pub(super) fn enlist(&mut self, id: VisitorId, channel: usize, state: State) {
        *self.count(state) += 1;
        let line = &mut self.lines[channel];
        match state {
            State::Early { pool } => {
                if let Some(Some(pool)) = self.pools.get_mut(pool) {
                    pool.insert(id);
                }
            }
            State::Newcomer { count } => {
                line.newcomers.insert((count, id));
            }
            State::Waiting { number, given } => {
                line.order.insert((number, given, id));
                // Where the room before this one had come to, as far as can be told.
                if let Some((first, Given::Before, _)) = line.order.first().filter(|_| !line.began) {
                    line.serving = first - 1;
                }
            }
            State::Called | State::Inside => line.taken += 1,
            State::NotDrawn => {}
        }
    }

    /// Takes a person away from there.
    pub(super) fn delist(&mut self, id: VisitorId, channel: usize, state: State) {
        *self.count(state) -= 1;
        let line = &mut self.lines[channel];
        match state {
            State::Early { pool } => {
                if let Some(Some(pool)) = self.pools.get_mut(pool) {
                    pool.remove(&id);
                }
            }
            State::Newcomer { count } => {
                line.newcomers.remove(&(count, id));
            }
            State::Waiting { number, given } => {
                line.order.remove(&(number, given, id));
            }
            State::Called | State::Inside => line.taken -= 1,
            State::NotDrawn => {}
        }
    }

    fn count(&mut self, state: State) -> &mut u32 {
        match state {
            State::Early { .. } | State::Newcomer { .. } => &mut self.counts.early,
            State::Waiting { .. } => &mut self.counts.waiting,
            State::Called => &mut self.counts.called,
            State::Inside => &mut self.counts.inside,
            State::NotDrawn => &mut self.counts.not_drawn,
        }
    }
}
