//! One waiting room with the tickets of those inside.

use std::collections::HashMap;
use std::time::Duration;

use capacity::admission::{Called, Mode, Place, RoomConfig, RoomConfigError, VisitorId, WaitingRoom};

use super::binding::Binding;
use super::kind::Kind;
use super::rates::{Newcomers, Rates};
use super::settings::Plan;

/// A room, with what belongs to it.
pub(super) struct Hall {
    pub room: WaitingRoom,
    /// Of those who were let in. Of those who went, until there are many.
    pub bindings: HashMap<VisitorId, Binding>,
    pub rates: Rates,
    pub newcomers: Newcomers,
    /// By channel.
    pub lines: Vec<LineCounts>,
    opened: Vec<bool>,
}

/// What happened in a line.
#[derive(Debug, Clone, Default)]
pub(super) struct LineCounts {
    pub kinds: [u64; Kind::ALL.len()],
    /// Told already, under the settings in force.
    pub told: [bool; Kind::ALL.len()],
    called: Called5,
}

/// How many were called in each of the last five minutes.
#[derive(Debug, Clone, Default)]
struct Called5 {
    minute: u64,
    counts: [u32; 5],
    /// The first minute in which anybody was called.
    first: Option<u64>,
}

impl Called5 {
    fn move_to(&mut self, minute: u64) {
        while self.minute < minute {
            // Beyond five there is nothing left to forget.
            self.minute = (self.minute + 1).max(minute.saturating_sub(5));
            let at = (self.minute % 5) as usize;
            self.counts[at] = 0;
        }
    }

    fn note(&mut self, now: Duration) {
        let minute = now.as_secs() / 60;
        self.move_to(minute);
        self.first.get_or_insert(minute);
        let at = (self.minute % 5) as usize;
        self.counts[at] = self.counts[at].saturating_add(1);
    }

    /// Of the whole minutes, without the one that has only begun. None while nothing can be said.
    fn per_minute(&self, now: Duration) -> Option<u32> {
        let minute = now.as_secs() / 60;
        let mut moved = self.clone();
        moved.move_to(minute);
        let whole = u32::try_from(minute.saturating_sub(self.first?).min(4)).unwrap_or(4);
        let all: u32 = moved.counts.iter().fold(0, |sum, count| sum.saturating_add(*count));
        let this = moved.counts[(minute % 5) as usize];
        (all - this).checked_div(whole)
    }
}

impl LineCounts {
    /// How many are called in a minute, of late.
    pub(super) fn per_minute(&self, now: Duration) -> Option<u32> {
        self.called.per_minute(now)
    }
}

impl Hall {
    /// `started`: when the guard began, if people may come back to a room from before. A room that is new while it runs has nobody
    /// to wait for.
    pub(super) fn new(plan: &Plan, hall: usize, started: Option<Duration>) -> Result<Self, RoomConfigError> {
        let config = plan.room(hall, started.unwrap_or_default());
        let settles_at = started.map_or(Duration::ZERO, |_| config.settles_at);
        let config = RoomConfig { settles_at, ..config };
        let pools = match &config.mode {
            Mode::Fifo => 0,
            Mode::ShuffleThenFifo { .. } | Mode::Lottery { .. } => 1,
            Mode::ByGroup { groups } => groups.len(),
        };
        let (budget, channels) = (plan.settings.budget(hall), &plan.settings.channels);
        Ok(Self {
            lines: vec![LineCounts::default(); channels.len()],
            room: WaitingRoom::new(config)?,
            bindings: HashMap::new(),
            rates: Rates::new(budget, channels),
            newcomers: Newcomers::new(budget),
            opened: vec![false; pools],
        })
    }

    /// Other limits. Places stay.
    pub(super) fn set(
        &mut self,
        plan: &Plan,
        hall: usize,
        started: Duration,
        now: Duration,
    ) -> Result<(), RoomConfigError> {
        self.room.set(plan.room(hall, started))?;
        let (budget, channels) = (plan.settings.budget(hall), &plan.settings.channels);
        self.rates.set(now, budget, channels);
        self.newcomers.set(now, budget);
        self.lines.iter_mut().for_each(|line| line.told = Default::default());
        Ok(())
    }

    /// Lets time pass: places lapse, openings happen.
    pub(super) fn pass(&mut self, name: &str, now: Duration, chance: &dyn super::Chance) {
        self.room.expire(now);
        for (pool, opened) in self.opened.iter_mut().enumerate().filter(|(_, opened)| !**opened) {
            let mut seed = [0; 32];
            // Drawn only when the hour has come, so that nobody can know the order before.
            if self.room.opens_at(pool).is_some_and(|at| at <= now) && self.room.is_settled() {
                chance.fill(&mut seed);
                if let Ok(done) = self.room.open(now, pool, seed) {
                    let (numbered, not_drawn) = (done.numbered, done.not_drawn);
                    let seed: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
                    tracing::info!(
                        tenant = name,
                        pool,
                        numbered,
                        not_drawn,
                        seed,
                        "a waiting room gave its numbers"
                    );
                    *opened = true;
                }
            }
        }
        if self.bindings.len() > 2 * self.room.counts().taken() as usize + 64 {
            let room = &self.room;
            self.bindings
                .retain(|id, _| matches!(room.place_of(*id), Some(Place::Called { .. } | Place::Inside)));
        }
    }

    /// Calls the next one, if the room and the rate of newcomers allow it.
    pub(super) fn call(&mut self, now: Duration) -> Option<Called> {
        if self.room.counts().waiting == 0 || !self.newcomers.may(now) {
            return None;
        }
        let called = self.room.call(now, 1).pop()?;
        self.newcomers.take(now);
        if let Some(line) = self.lines.get_mut(called.channel) {
            line.called.note(now);
        }
        Some(called)
    }

    /// Somebody has a place in it.
    pub(super) fn is_occupied(&self) -> bool {
        let counts = self.room.counts();
        counts.early + counts.waiting + counts.taken() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_in_a_minute() {
        let mut called = Called5::default();
        let at = Duration::from_secs;
        assert_eq!(called.per_minute(at(6_000)), None);
        for second in 0..180 {
            called.note(at(6_000 + second));
        }
        assert_eq!(called.per_minute(at(6_010)), None, "not a whole minute yet");
        assert_eq!(called.per_minute(at(6_179)), Some(60));
        assert_eq!(called.per_minute(at(6_180)), Some(60));
        assert_eq!(called.per_minute(at(6_000 + 6 * 60)), Some(15));
        assert_eq!(called.per_minute(at(60_000)), Some(0));
    }
}
