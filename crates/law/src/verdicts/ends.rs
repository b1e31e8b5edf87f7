//! The end of a deadline as an instant: the same steps as in `deadlines`, without their words.

use jiff::{SignedDuration, Timestamp};

use crate::{
    Certainty, Moment, Truth,
    clock::{self, Unit},
    grounds::ends,
};

use super::{
    Asking, Prepared,
    prepare::{DeadlineRules, RegimeRules, VersionRules},
};

/// Where a deadline ends.
#[derive(Clone, Copy)]
pub(super) struct End {
    /// The last instant in time.
    pub at: Timestamp,
    /// It is the end of a day.
    of_day: bool,
}

impl Prepared<'_> {
    /// The last instant in time, if there is one; nothing when the deadline's condition is certainly not met.
    pub(super) fn end(
        &self,
        rules: &DeadlineRules<'_>,
        version: &VersionRules<'_>,
        regime: &RegimeRules<'_>,
        asking: &Asking<'_>,
    ) -> Option<Option<End>> {
        if rules.when.as_ref().is_some_and(|when| asking.ask(when, Some(Truth::T)) == Truth::F) {
            return None;
        }
        let Some(start) = self.start(rules, version, regime, asking) else { return Some(None) };
        let due = match &rules.deadline.window {
            Some((_, last)) => self.clock(last, &start, regime).1,
            None => self.choose(rules, &start, regime, asking),
        };
        Some(held_up(rules, due, asking))
    }

    fn clock(
        &self,
        clock: &clock::Clock,
        start: &Moment,
        regime: &RegimeRules<'_>,
    ) -> (Option<Timestamp>, Option<End>) {
        let calendar = clock.calendar.as_ref().and_then(|id| self.packs.calendars.get(id));
        let (raw, due) = clock::ends(clock, start, &regime.regime.zone, calendar);
        (raw, due.map(|at| End { at, of_day: clock.unit != Unit::Hour }))
    }

    fn start(
        &self,
        rules: &DeadlineRules<'_>,
        version: &VersionRules<'_>,
        regime: &RegimeRules<'_>,
        asking: &Asking<'_>,
    ) -> Option<Moment> {
        let known = rules.start.iter().filter_map(|place| {
            let fact = asking.facts.at(*place)?;
            let (min, max) = ends(&fact.value);
            Some((min.or(max)?, fact.certainty))
        });
        match known.min_by_key(|(moment, _)| moment.timestamp()) {
            Some((moment, certainty))
                if certainty != Certainty::Suspected || version.version.reading.suspicion_counts =>
            {
                Some(moment.clone())
            }
            _ => self.end_of_the_one_before(rules, version, regime, asking),
        }
    }

    fn end_of_the_one_before(
        &self,
        rules: &DeadlineRules<'_>,
        version: &VersionRules<'_>,
        regime: &RegimeRules<'_>,
        asking: &Asking<'_>,
    ) -> Option<Moment> {
        let (duty, id) = rules.deadline.after.as_ref()?;
        let duty = version.duties.iter().find(|rules| rules.duty.id == *duty)?;
        let before = duty.deadlines.iter().find(|rules| rules.deadline.id == *id)?;
        let end = self.end(before, version, regime, asking)??;
        // A day ends when the next one begins; its date is that of the second before.
        let at = if end.of_day { end.at.checked_sub(SignedDuration::from_secs(1)).ok()? } else { end.at };
        Some(Moment::exact(at, regime.regime.zone.clone()))
    }

    /// As in `deadlines`: of several periods the one that binds, of those that certainly apply, and where the earliest binds
    /// of those that may.
    fn choose(
        &self,
        rules: &DeadlineRules<'_>,
        start: &Moment,
        regime: &RegimeRules<'_>,
        asking: &Asking<'_>,
    ) -> Option<End> {
        let latest = rules.deadline.latest_binds;
        let mut best: Option<(Option<Timestamp>, Option<End>)> = None;
        for (when, alternative) in &rules.clocks {
            let applies = when.as_ref().map_or(Truth::T, |when| asking.ask(when, Some(Truth::T)));
            if applies == Truth::F || (applies == Truth::Unknown && latest) {
                continue;
            }
            let run = self.clock(&alternative.clock, start, regime);
            let better = best.is_none_or(|best| if latest { run.0 > best.0 } else { run.0 < best.0 });
            if better {
                best = Some(run);
            }
        }
        best.and_then(|(_, due)| due)
    }
}

/// A later end of what certainly holds the deadline up becomes its end.
fn held_up(rules: &DeadlineRules<'_>, due: Option<End>, asking: &Asking<'_>) -> Option<End> {
    let Some((when, until)) = &rules.suspended else { return due };
    let until = until.and_then(|place| asking.facts.at(place));
    let until = until.filter(|fact| fact.certainty == Certainty::Confirmed);
    let Some(until) = until.and_then(|fact| ends(&fact.value).0) else { return due };
    if due.is_some_and(|due| due.at >= until.timestamp()) || asking.ask(when, None) != Truth::T {
        return due;
    }
    Some(End { at: until.timestamp(), of_day: false })
}
