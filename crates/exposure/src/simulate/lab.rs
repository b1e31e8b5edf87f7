//! Small worlds in which it is known who saw whose page: locations of many machines, caches behind them, any time to live, logs with
//! and without what helps, and logs that lost lines. The reconstruction is held against them.
//!
//! All people are made up. The same settings and seed give the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::random::Random;
use crate::query::{Basis, Limits, WindowQuery};
use crate::reconstruct::CacheChange;

/// Milliseconds from the beginning.
type Moment = i64;

/// What kind of world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LabSettings {
    /// People; each is in one of a tenth as many tenants.
    pub people: usize,
    /// Length of the fault, in seconds.
    pub seconds: u32,
    /// Personal pages that somebody asks for, about.
    pub requests_each: u32,
    /// Edge locations.
    pub locations: usize,
    /// Machines of a location, each with a cache of its own.
    pub machines: usize,
    /// Caches behind one another, from 1 to 3.
    pub tiers: u8,
    /// How long each of them gives an answer without asking, in milliseconds.
    pub time_to_live_milliseconds: u32,
    /// Requests for what is being fetched wait for it.
    pub joins_requests: bool,
    /// What is past its life is asked about, and given again when the origin says so.
    pub confirms: bool,
    /// `HEAD`, 304, parts of pages and viewers who leave.
    pub odd_requests: bool,
    /// The edge logs the session's cookie.
    pub sessions_at_edge: bool,
    /// The origin logs the edge's ids.
    pub ids_at_origin: bool,
    /// The edge logs lengths, and pages of different people differ in them.
    pub lengths: bool,
    /// Of a hundred people, so many share an address and a program with others.
    pub shared_addresses: u8,
    /// Of a thousand lines of the edge, so many are lost.
    pub edge_loss: u16,
    /// Of a thousand lines of the origin, so many are lost.
    pub origin_loss: u16,
    /// Origin's clock minus the edge's, in milliseconds.
    pub clock_difference_milliseconds: i32,
    /// What is done to the caches while it lasts, in the order of time.
    pub changes: Vec<LabChange>,
}

/// A change of the caches' configuration, or a purge. Each cache has it at a time of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabChange {
    /// Seconds from the beginning.
    pub at_seconds: u32,
    /// How long until every cache has it.
    pub spreads_seconds: u32,
    /// How long an answer is given since then; `None`: as before.
    pub time_to_live_milliseconds: Option<u32>,
    /// Whether answers are kept and given at all since then; `None`: as before.
    pub keeps: Option<bool>,
    /// All that is kept is removed.
    pub purges: bool,
}

impl Default for LabSettings {
    fn default() -> Self {
        Self {
            people: 120,
            seconds: 3_600,
            requests_each: 8,
            locations: 4,
            machines: 1,
            tiers: 1,
            time_to_live_milliseconds: 1_000,
            joins_requests: false,
            confirms: false,
            odd_requests: false,
            sessions_at_edge: true,
            ids_at_origin: true,
            lengths: true,
            shared_addresses: 0,
            edge_loss: 0,
            origin_loss: 0,
            clock_difference_milliseconds: 0,
            changes: Vec::new(),
        }
    }
}

/// A world after it happened.
#[derive(Debug, Clone)]
pub struct Lab {
    /// When the fault began.
    pub from: Timestamp,
    /// When it had ended everywhere.
    pub to: Timestamp,
    /// The edge's log: CloudFront's standard log, version 1.
    pub edge_log: String,
    /// The origin's log: JSON Lines.
    pub origin_log: String,
    /// Who saw whose page: (whose, who), each once.
    pub sightings: BTreeSet<(String, String)>,
    /// People whose page somebody else got.
    pub exposed: BTreeSet<String>,
    /// Everybody.
    pub people: BTreeSet<String>,
}

impl Lab {
    /// The question of its logs.
    #[must_use]
    pub fn query(&self) -> WindowQuery {
        WindowQuery {
            from: self.from,
            to: self.to,
            margin_before_seconds: 0,
            margin_after_seconds: 0,
            basis: Basis::LoginsAndPersonalRequests,
            include_failed_logins: false,
            personal_routes: vec!["/mypage/**".to_owned()],
            session_cookie: Some("session".to_owned()),
            limits: Limits::default(),
        }
    }
}

impl LabSettings {
    /// What whoever changed the caches knows of it.
    #[must_use]
    pub fn history(&self) -> Vec<CacheChange> {
        let known = |change: &LabChange| CacheChange {
            at: Timestamp::from_millisecond(BEGIN + i64::from(change.at_seconds) * 1_000)
                .unwrap_or(Timestamp::UNIX_EPOCH),
            spreads_seconds: change.spreads_seconds,
            time_to_live_seconds: change.time_to_live_milliseconds.map(|life| life.div_ceil(1_000)),
            keeps: change.keeps,
            purged: change.purges,
        };
        self.changes.iter().map(known).collect()
    }
}

/// 2023-10-26T02:00:00Z.
const BEGIN: Moment = 1_698_285_600_000;
const PATHS: [&str; 2] = ["/mypage", "/mypage/apply"];
const FIELDS: &str = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status \
     cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header time-taken \
     x-edge-response-result-type x-edge-detailed-result-type sc-content-len\n";

struct Actor {
    id: String,
    tenant: usize,
    session: String,
    home: usize,
    address: usize,
}

/// What a cache has, or is about to have.
#[derive(Clone)]
struct Kept {
    /// Whose page.
    owner: usize,
    length: i64,
    asked: Moment,
    since: Moment,
    until: Moment,
}

/// What is live in a cache at a moment.
struct Rule {
    /// `None`: nothing is kept or given.
    life: Option<i64>,
    /// What is older is gone.
    purged: Moment,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Usual,
    Head,
    IfChanged,
    Part,
    Leaves,
}

/// Makes a world.
#[must_use]
pub fn lab(seed: u64, settings: &LabSettings) -> Lab {
    let mut random = Random::new(seed);
    let actors = actors(&mut random, settings);
    let mut requests: Vec<(Moment, usize, usize)> = Vec::new();
    let length = i64::from(settings.seconds) * 1_000;
    for person in 0..actors.len() {
        for _ in 0..random.between(1, i64::from(settings.requests_each) * 2) {
            // Crowds: many come within the same minutes.
            let at = if random.percent(50) {
                random.between(0, length / 10 + 1)
            } else {
                random.between(0, length)
            };
            requests.push((at, person, random.below(PATHS.len())));
        }
    }
    requests.sort_unstable();
    let mut world = World {
        settings,
        actors: &actors,
        caches: BTreeMap::new(),
        seed,
        edge: Vec::new(),
        origin: Vec::new(),
        sightings: BTreeSet::new(),
    };
    for (person, actor) in actors.iter().enumerate() {
        // Everybody signed in before it began; the origin's log says so.
        world.origin.push((-random.between(1_000, 600_000), sign_in(actor), person));
    }
    for (at, person, path) in requests {
        world.serve(&mut random, at, person, path);
    }
    world.written(&mut random)
}

fn actors(random: &mut Random, settings: &LabSettings) -> Vec<Actor> {
    (0..settings.people)
        .map(|number| Actor {
            id: format!("p-{number:04}"),
            tenant: random.below((settings.people / 10).max(1)),
            session: random.hex(16),
            home: random.below(settings.locations.max(1)),
            address: if random.percent(u64::from(settings.shared_addresses)) {
                random.below((settings.people / 20).max(1))
            } else {
                1_000 + number
            },
        })
        .collect()
}

fn sign_in(actor: &Actor) -> String {
    let Actor { id, tenant, session, .. } = actor;
    format!(
        r#""event":"login","outcome":"success","person":"{id}","kind":"applicant","tenant":"t-{tenant}","session":"{session}""#
    )
}

struct World<'s> {
    settings: &'s LabSettings,
    actors: &'s [Actor],
    /// By tier, place and path: tier 0 is a machine of a location.
    caches: BTreeMap<(u8, usize, usize), Vec<Kept>>,
    seed: u64,
    /// End and text of lines.
    edge: Vec<(Moment, String)>,
    /// Time, text without the time, and whose.
    origin: Vec<(Moment, String, usize)>,
    sightings: BTreeSet<(usize, usize)>,
}

/// A request.
struct Asked {
    at: Moment,
    person: usize,
    path: usize,
    location: usize,
}

/// How a request was answered.
struct Given {
    owner: usize,
    length: i64,
    done: Moment,
    said: &'static str,
    /// The origin was asked, and answered with this status.
    asked_origin: Option<u16>,
}

impl World<'_> {
    fn serve(&mut self, random: &mut Random, at: Moment, person: usize, path: usize) {
        let settings = self.settings;
        let location = if random.percent(90) {
            self.actors[person].home
        } else {
            random.below(settings.locations.max(1))
        };
        let machine = location * settings.machines.max(1) + random.below(settings.machines.max(1));
        let shape = match random.below(20) {
            _ if !settings.odd_requests => Shape::Usual,
            0 => Shape::Head,
            1 => Shape::IfChanged,
            2 => Shape::Part,
            3 => Shape::Leaves,
            _ => Shape::Usual,
        };
        let places = [(0, machine), (1, location / 2), (2, 0)];
        let places = &places[..usize::from(settings.tiers.clamp(1, 3))];
        let given = self.give(random, at, person, path, places, shape);
        let own = given.asked_origin == Some(200);
        // Nothing that the cache has is the viewer's own copy, so a browser that asks whether it changed gets a body from the origin.
        let (method, status) = match shape {
            Shape::Head => ("HEAD", 200),
            Shape::IfChanged if !own => ("GET", 304),
            Shape::Part => ("GET", 206),
            Shape::Leaves => ("GET", 0),
            Shape::IfChanged | Shape::Usual => ("GET", 200),
        };
        if method == "GET" && status != 304 && given.owner != person {
            self.sightings.insert((given.owner, person));
        }
        let id = random.request_id();
        self.write_edge(Asked { at, person, path, location }, &given, (method, status), &id);
        if let Some(status) = given.asked_origin {
            let ids =
                if settings.ids_at_origin { format!(r#","edge_request_id":"{id}""#) } else { String::new() };
            let Actor { id, tenant, session, .. } = &self.actors[person];
            let line = format!(
                r#""event":"request","person":"{id}","kind":"applicant","tenant":"t-{tenant}","session":"{session}","method":"{method}","path":"{}","status":{status},"bytes":{}{ids}"#,
                PATHS[path], given.length,
            );
            self.origin.push((at + (given.done - at) / 2, line, person));
        }
    }

    fn give(
        &mut self,
        random: &mut Random,
        at: Moment,
        person: usize,
        path: usize,
        places: &[(u8, usize)],
        shape: Shape,
    ) -> Given {
        let mut now = at;
        for (depth, (tier, place)) in places.iter().enumerate() {
            let rule = self.rule((*tier, *place), now);
            if rule.life.is_none() {
                now += random.between(2, 9);
                continue;
            }
            let kept = self.caches.entry((*tier, *place, path)).or_default();
            kept.retain(|kept| kept.since >= rule.purged);
            let fresh = kept
                .iter()
                .filter(|kept| kept.since <= now && now < kept.until)
                .max_by_key(|kept| kept.since);
            let coming = kept
                .iter()
                .filter(|kept| self.settings.joins_requests && kept.asked <= now && now < kept.since)
                .max_by_key(|kept| kept.since);
            let Some(found) = fresh.or(coming).cloned() else {
                now += random.between(2, 9);
                continue;
            };
            let done = found.since.max(now) + random.between(1, 12);
            if depth > 0 {
                self.keep(at, done, &places[..depth], path, found.owner, found.length);
            }
            let said = if depth == 0 { "Hit" } else { "Miss" };
            return Given { owner: found.owner, length: found.length, done, said, asked_origin: None };
        }
        let done = now + 60 + random.waiting(70).min(290);
        let rule = self.rule(places[0], at);
        let stale = self.caches.get(&(places[0].0, places[0].1, path)).and_then(|kept| {
            let past = kept.iter().filter(|kept| kept.until <= at && kept.since >= rule.purged);
            past.max_by_key(|kept| kept.since).cloned()
        });
        if let Some(life) = rule.life
            && let Some(stale) = stale.filter(|_| self.settings.confirms && random.percent(70))
        {
            let again = Kept { asked: at, since: done, until: done + life, ..stale.clone() };
            self.caches.entry((places[0].0, places[0].1, path)).or_default().push(again);
            let Kept { owner, length, .. } = stale;
            return Given { owner, length, done, said: "RefreshHit", asked_origin: Some(304) };
        }
        let length = if self.settings.lengths { random.between(4_800, 9_600) } else { 5_000 };
        // A part is kept by no cache here.
        if shape != Shape::Part {
            self.keep(at, done, places, path, person, length);
        }
        Given { owner: person, length, done, said: "Miss", asked_origin: Some(200) }
    }

    /// What is live in a cache.
    fn rule(&self, (tier, place): (u8, usize), now: Moment) -> Rule {
        let settings = self.settings;
        let (mut here, mut purged) = (0, Moment::MIN);
        for (number, change) in settings.changes.iter().enumerate() {
            // The same for a cache whenever it is asked.
            let own = self.seed ^ (u64::from(tier) << 48) ^ ((place as u64) << 8) ^ number as u64;
            let delay = Random::new(own).between(0, i64::from(change.spreads_seconds) * 1_000 + 1);
            let at = i64::from(change.at_seconds) * 1_000 + delay;
            if at > now {
                continue;
            }
            // A configuration that comes brings all that was changed before it.
            if change.time_to_live_milliseconds.is_some() || change.keeps.is_some() {
                here = number + 1;
            }
            if change.purges {
                purged = purged.max(at);
            }
        }
        let (mut life, mut keeps) = (settings.time_to_live_milliseconds, true);
        for change in settings.changes.iter().take(here) {
            life = change.time_to_live_milliseconds.unwrap_or(life);
            keeps = change.keeps.unwrap_or(keeps);
        }
        Rule { life: keeps.then_some(i64::from(life)), purged }
    }

    fn keep(
        &mut self,
        asked: Moment,
        since: Moment,
        places: &[(u8, usize)],
        path: usize,
        owner: usize,
        length: i64,
    ) {
        for (tier, place) in places {
            // As it is configured when the answer is there.
            let Some(life) = self.rule((*tier, *place), since).life else { continue };
            let kept = self.caches.entry((*tier, *place, path)).or_default();
            kept.push(Kept { owner, length, asked, since, until: since + life });
        }
    }

    fn write_edge(&mut self, asked: Asked, given: &Given, (method, status): (&str, u16), id: &str) {
        let Asked { at, person, path, location } = asked;
        let actor = &self.actors[person];
        let end = BEGIN + given.done;
        let clock =
            Timestamp::from_millisecond(end).unwrap_or(Timestamp::UNIX_EPOCH).strftime("%Y-%m-%d\t%H:%M:%S");
        let taken = given.done - at;
        let cookie = match self.settings.sessions_at_edge {
            true => format!("lang=ja;%20session={}", actor.session),
            false => "-".to_owned(),
        };
        let (result, response) = if status == 0 { ("Error", given.said) } else { (given.said, given.said) };
        let length =
            if self.settings.lengths && status != 206 { given.length.to_string() } else { "-".to_owned() };
        let line = format!(
            "{clock}\tL{location}\t{}\t203.0.113.{}\t{method}\td1.cloudfront.example\t{}\t{status:03}\tBrowser/{}\t-\t{cookie}\t{result}\t{id}\twww.example.jp\t{}.{:03}\t{response}\t{result}\t{length}\n",
            given.length + 400,
            actor.address % 250,
            PATHS[path],
            actor.address,
            taken / 1_000,
            taken % 1_000,
        );
        self.edge.push((given.done, line));
    }

    fn written(mut self, random: &mut Random) -> Lab {
        let lost = |random: &mut Random, of_thousand: u16| random.below(1_000) < usize::from(of_thousand);
        let mut edge_log = FIELDS.to_owned();
        self.edge.sort();
        for (_, line) in &self.edge {
            if !lost(random, self.settings.edge_loss) {
                edge_log.push_str(line);
            }
        }
        let mut origin_log = String::new();
        self.origin.sort();
        for (at, line, _) in &self.origin {
            if lost(random, self.settings.origin_loss) {
                continue;
            }
            let at = BEGIN + at + i64::from(self.settings.clock_difference_milliseconds);
            let at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
            let _ = writeln!(origin_log, r#"{{"time":"{at}",{line}}}"#);
        }
        let name = |person: usize| self.actors[person].id.clone();
        let end = BEGIN + i64::from(self.settings.seconds) * 1_000 + 2_000;
        Lab {
            from: Timestamp::from_millisecond(BEGIN).unwrap_or(Timestamp::UNIX_EPOCH),
            to: Timestamp::from_millisecond(end).unwrap_or(Timestamp::UNIX_EPOCH),
            edge_log,
            origin_log,
            exposed: self.sightings.iter().map(|(owner, _)| name(*owner)).collect(),
            sightings: self.sightings.iter().map(|(owner, viewer)| (name(*owner), name(*viewer))).collect(),
            people: self.actors.iter().map(|actor| actor.id.clone()).collect(),
        }
    }
}
