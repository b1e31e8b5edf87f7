//! The founding day, invented anew: schools, people, an edge whose cache is switched on at 11:00 and off at 15:41,
//! the logs that edge and origin write, and the truth about who saw whose page.
//!
//! All people are made up. The same seed gives the same bytes.

mod bulk;
mod drill;
mod edge;
mod lab;
mod logs;
mod plan;
mod population;
mod random;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::query::{Basis, Limits, WindowQuery};
use edge::{Fault, Served};
use logs::{Content, DAY_END, instant, moment};
use plan::{CACHE_OFF, CACHE_ON, Moment, Plan};
use population::{Actor, Habit};
use random::Random;

pub use bulk::{BulkSettings, bulk, bulk_query};
pub use drill::{DRILL_BEGINS, drill_day};
pub use lab::{Lab, LabChange, LabSettings, lab};
pub use logs::DayFile;
pub use population::{Person, Population, School};

/// The seed of the example.
pub const DEFAULT_SEED: u64 = 2023;

/// A page of one person that was shown to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// When the viewer asked for it.
    pub time: Timestamp,
    /// The path.
    pub route: String,
    /// Whose page it was.
    pub victim: String,
    /// In which school.
    pub victim_tenant: String,
    /// Who saw it.
    pub viewer: String,
    /// From which school.
    pub viewer_tenant: String,
    /// The edge location that kept the page.
    pub location: String,
    /// The viewer's request.
    pub edge_request_id: String,
    /// The victim's request, whose answer was kept.
    pub filled_by: String,
}

/// What somebody reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// When the report came in.
    pub reported: Timestamp,
    /// Who saw another's page.
    pub reporter: String,
    /// The reporter's school.
    pub tenant: String,
    /// The requests that showed it; each is among the sightings.
    pub edge_request_ids: Vec<String>,
}

/// What really happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// The cache was switched on.
    pub cache_on: Timestamp,
    /// The cache was switched off.
    pub cache_off: Timestamp,
    /// People whose page was seen by another, by id.
    pub exposed: Vec<String>,
    /// Each page that was shown to the wrong person, by time.
    pub sightings: Vec<Sighting>,
    /// What was reported, by time.
    pub complaints: Vec<Complaint>,
}

/// How the files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogOptions {
    /// The edge logs cookies (the session's pseudonym among them).
    pub cookies: bool,
    /// The edge's files are packed.
    pub gzip: bool,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { cookies: true, gzip: true }
    }
}

/// A simulated day.
#[derive(Debug)]
pub struct Day {
    seed: u64,
    population: Population,
    plan: Plan,
    served: Vec<Served>,
    truth: Truth,
}

/// Simulates the day.
///
/// The people and their habits are fixed in number, so the lists of the founding report come out for any seed.
/// What a cache shows to whom is chance: days in which a planned complaint did not come true, or in which far fewer
/// or more people were exposed than a time to live of one second gives, are thrown away and drawn again.
#[must_use]
pub fn founding_day(seed: u64) -> Day {
    let mut random = Random::new(seed);
    loop {
        let (population, actors) = population::populate(&mut random);
        let plan = plan::plan(&mut random, &actors);
        let served = edge::serve(&mut random, &plan, Fault { until: CACHE_OFF, regional: false });
        if let Some(truth) = truth(&population, &plan, &served)
            && open_sessions_reach_the_origin(&actors, &plan, &served)
        {
            return Day { seed, population, plan, served, truth };
        }
    }
}

/// The same people with the same habits on the same day, with one more cache behind the edge locations: what its log calls a miss may
/// be another person's page, and many more people's pages are seen. Nobody's complaint is planned for it.
#[must_use]
pub fn founding_day_with_a_regional_cache(seed: u64) -> Day {
    let Day { population, plan, .. } = founding_day(seed);
    let fault = Fault { until: CACHE_OFF, regional: true };
    let served = edge::serve(&mut Random::new(seed), &plan, fault);
    let sightings = sightings(&population, &plan, &served);
    let exposed: BTreeSet<&String> = sightings.iter().map(|sighting| &sighting.victim).collect();
    let exposed = exposed.into_iter().cloned().collect();
    let (cache_on, cache_off) = (instant(CACHE_ON), instant(CACHE_OFF));
    let truth = Truth { cache_on, cache_off, exposed, sightings, complaints: Vec::new() };
    Day { seed, population, plan, served, truth }
}

/// People truly exposed on a plausible day.
const PLAUSIBLE: std::ops::RangeInclusive<usize> = 10..=25;

/// Each page that was shown to the wrong person.
fn sightings(population: &Population, plan: &Plan, served: &[Served]) -> Vec<Sighting> {
    let person = |browser: usize| plan.browsers[browser].person.map(|person| &population.people[person]);
    let tenant = |school: Option<usize>| school.map(|school| population.schools[school].id.clone());
    let mut sightings = Vec::new();
    for answer in served {
        let Some(source) = answer.from else { continue };
        let (seen, made) = (&plan.requests[answer.planned], &plan.requests[source]);
        let (Some(viewer), Some(victim)) = (person(seen.browser), person(made.browser)) else { continue };
        let (Some(viewer_tenant), Some(victim_tenant)) = (tenant(seen.school), tenant(made.school)) else {
            continue;
        };
        if viewer.id == victim.id {
            continue;
        }
        sightings.push(Sighting {
            time: instant(seen.at),
            route: seen.path.to_owned(),
            victim: victim.id.clone(),
            victim_tenant,
            viewer: viewer.id.clone(),
            viewer_tenant,
            location: plan.browsers[seen.browser].place.to_owned(),
            edge_request_id: answer.id.clone(),
            filled_by: served[source].id.clone(),
        });
    }
    sightings
}

/// What happened; `None` when the day is not the day of the report.
fn truth(population: &Population, plan: &Plan, served: &[Served]) -> Option<Truth> {
    let person = |browser: usize| plan.browsers[browser].person.map(|person| &population.people[person]);
    let sightings = sightings(population, plan, served);
    let exposed: BTreeSet<&str> = sightings.iter().map(|sighting| sighting.victim.as_str()).collect();
    if !PLAUSIBLE.contains(&exposed.len()) {
        return None;
    }
    let exposed = exposed.into_iter().map(str::to_owned).collect();
    let mut complaints = Vec::new();
    for planned in &plan.complaints {
        let reporter = person(planned.browser)?;
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut edge_request_ids = Vec::new();
        for moment in &planned.seen {
            let time = instant(*moment);
            let sighting =
                sightings.iter().find(|sighting| sighting.viewer == reporter.id && sighting.time == time)?;
            seen.insert(&sighting.victim);
            edge_request_ids.push(sighting.edge_request_id.clone());
        }
        // "Two others" are two people.
        if seen.len() != planned.seen.len() {
            return None;
        }
        complaints.push(Complaint {
            reported: instant(planned.reported),
            reporter: reporter.id.clone(),
            tenant: reporter.tenants.first()?.clone(),
            edge_request_ids,
        });
    }
    complaints.sort_by(|one, other| (one.reported, &one.reporter).cmp(&(other.reported, &other.reporter)));
    Some(Truth { cache_on: instant(CACHE_ON), cache_off: instant(CACHE_OFF), exposed, sightings, complaints })
}

/// Without cookies in the edge's log, a person who was only ever answered by the cache could not be named. Those
/// who are on the revised list for their requests alone must be on it with either kind of log.
fn open_sessions_reach_the_origin(actors: &[Actor], plan: &Plan, served: &[Served]) -> bool {
    let reached: BTreeSet<usize> = served
        .iter()
        .filter(|answer| answer.from.is_none())
        .map(|answer| &plan.requests[answer.planned])
        .filter(|request| (CACHE_ON..CACHE_OFF).contains(&request.at))
        .map(|request| request.browser)
        .collect();
    actors
        .iter()
        .enumerate()
        .all(|(browser, actor)| actor.habit != Habit::OpenSinceMorning || reached.contains(&browser))
}

impl Day {
    /// The seed it was made from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Schools and people.
    #[must_use]
    pub fn population(&self) -> &Population {
        &self.population
    }

    /// What really happened.
    #[must_use]
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// The files of the day: logs of the edge, `origin/access.jsonl`, `origin/login.jsonl`, `population.json` and
    /// `truth.json`.
    #[must_use]
    pub fn files(&self, options: LogOptions) -> Vec<DayFile<'_>> {
        // Files of the last hour, and of lines that are an hour late, come after the day.
        let mut files = self.logs(options, Moment::MAX);
        let file = |name: &str, content| DayFile {
            day: self,
            name: name.to_owned(),
            options,
            until: DAY_END,
            content,
        };
        files.push(file("population.json", Content::Population));
        files.push(file("truth.json", Content::Truth));
        files
    }

    /// The logs as they are there at `instant`: the edge's by the hour, once it is over; the origin's up to then.
    #[must_use]
    pub fn logs_at(&self, options: LogOptions, instant: Timestamp) -> Vec<DayFile<'_>> {
        self.logs(options, moment(instant))
    }

    fn logs(&self, options: LogOptions, until: Moment) -> Vec<DayFile<'_>> {
        let file = |name: String, content| DayFile { day: self, name, options, until, content };
        let ending = if options.gzip { ".gz" } else { "" };
        let mut files: Vec<DayFile<'_>> = logs::edge_files(self)
            .into_iter()
            .filter(|(there, ..)| *there <= until)
            .map(|(_, name, lines)| file(format!("{name}{ending}"), Content::Edge(lines)))
            .collect();
        files.push(file("origin/access.jsonl".to_owned(), Content::Access));
        files.push(file("origin/login.jsonl".to_owned(), Content::Logins));
        files
    }

    /// The question of the first, generous list: all logins, half an hour more on each side, failed ones too.
    #[must_use]
    pub fn first_query(&self) -> WindowQuery {
        WindowQuery {
            margin_before_seconds: 1800,
            margin_after_seconds: 1800,
            basis: Basis::Logins,
            include_failed_logins: true,
            ..self.revised_query()
        }
    }

    /// The question of the revised list: the exact window, successful logins, and personal requests.
    #[must_use]
    pub fn revised_query(&self) -> WindowQuery {
        WindowQuery {
            from: self.truth.cache_on,
            to: self.truth.cache_off,
            margin_before_seconds: 0,
            margin_after_seconds: 0,
            basis: Basis::LoginsAndPersonalRequests,
            include_failed_logins: false,
            personal_routes: ["/mypage", "/mypage/*", "/admin", "/admin/*"].map(str::to_owned).to_vec(),
            session_cookie: Some("session".to_owned()),
            limits: Limits::default(),
        }
    }
}
