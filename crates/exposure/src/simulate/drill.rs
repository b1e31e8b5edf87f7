//! The day on which a drill is held: nobody knows yet when the fault ends. Those who look for it decide that, so the leak goes on
//! until then, at most to the end of the day.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::edge::{self, Fault};
use super::logs::{DAY_END, MIDNIGHT, instant, moment};
use super::plan::{CACHE_OFF, CACHE_ON};
use super::random::Random;
use super::{Complaint, Day, PLAUSIBLE, Sighting, Truth, founding_day, sightings};

/// When the fault of a drill begins.
pub const DRILL_BEGINS: Timestamp = Timestamp::constant((MIDNIGHT + CACHE_ON) / 1000, 0);

/// Complaints are drawn apart from what is served, so that one more page shown changes no earlier complaint.
const COMPLAINTS: u64 = 0x636f_6d70_6c61_696e;

/// The people of [`founding_day`] with the same habits, and a cache that leaks until `contained`: to the end of the day without it.
///
/// What happened before `contained` does not depend on it. So a day can be shown while it goes on, and asked for again once it is known
/// when the fault was ended.
#[must_use]
pub fn drill_day(seed: u64, contained: Option<Timestamp>) -> Day {
    let Day { population, plan, .. } = founding_day(seed);
    let until = contained.map_or(DAY_END, moment).clamp(CACHE_ON, DAY_END);
    let serve =
        |draw: u64, until| edge::serve(&mut Random::new(draw), &plan, Fault { until, regional: false });
    let mut draw = seed;
    // As for the founding day: what a cache shows to whom is chance, and a day on which it showed next to nothing is drawn again. The
    // whole day is looked at, so that the choice does not depend on when the fault ends.
    loop {
        let whole = serve(draw, DAY_END);
        let shown = sightings(&population, &plan, &whole);
        let by_then = shown.iter().filter(|sighting| sighting.time < instant(CACHE_OFF));
        let exposed: BTreeSet<&str> = by_then.map(|sighting| sighting.victim.as_str()).collect();
        if PLAUSIBLE.contains(&exposed.len()) {
            break;
        }
        draw = draw.wrapping_add(1);
    }
    let served = serve(draw, until);
    let sightings = sightings(&population, &plan, &served);
    let exposed: BTreeSet<&String> = sightings.iter().map(|sighting| &sighting.victim).collect();
    let exposed = exposed.into_iter().cloned().collect();
    let complaints = complaints(seed, &sightings);
    let (cache_on, cache_off) = (instant(CACHE_ON), instant(until));
    let truth = Truth { cache_on, cache_off, exposed, sightings, complaints };
    Day { seed, population, plan, served, truth }
}

/// The first who saw another's page tells it, and one in five of the others, after a quarter of an hour or more.
fn complaints(seed: u64, sightings: &[Sighting]) -> Vec<Complaint> {
    let mut random = Random::new(seed ^ COMPLAINTS);
    let mut complaints = Vec::new();
    for (index, sighting) in sightings.iter().enumerate() {
        let (told, minutes) = (random.percent(20), random.between(15, 61));
        if index > 0 && !told {
            continue;
        }
        complaints.push(Complaint {
            reported: sighting.time + jiff::SignedDuration::from_mins(minutes),
            reporter: sighting.viewer.clone(),
            tenant: sighting.viewer_tenant.clone(),
            edge_request_ids: vec![sighting.edge_request_id.clone()],
        });
    }
    complaints.sort_by(|one, other| (one.reported, &one.reporter).cmp(&(other.reported, &other.reporter)));
    complaints
}
