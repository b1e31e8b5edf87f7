//! What is declared about who goes in, and its checked form.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use capacity::admission::{self as engine, PartitionError, Rate, RoomConfig, RoomConfigError};
use edge::Mode;
use http::header::{HeaderMap, HeaderName};
use http::uri::Authority;
use http::{Method, Uri};

use super::binding;
use super::pattern::Pattern;
use super::ticket::Line;

/// All of it. Limits, times and patterns can be replaced while the guard runs ([`super::Admission::replace`]); places stay.
#[derive(Clone)]
pub struct Settings {
    /// Name of the system: a ticket for one is none for another.
    pub system: String,
    /// Name of the occasion, such as the day of an opening: tickets of another one are void, and its rooms begin empty.
    pub event: String,
    /// `observe` counts, `audit` tells as well, `enforce` keeps people waiting.
    pub mode: Mode,
    /// 1 to 16 ways in. Who comes by no other comes by the first.
    pub channels: Vec<Channel>,
    /// Of the system as a whole. Whoever is of no declared tenant is counted here alone.
    pub budget: Budget,
    /// At most 256 that have a budget, and so a waiting room, of their own.
    pub tenants: Vec<Tenant>,
    /// Whose page a request is for.
    pub tenant_of: TenantOf,
    /// How people wait.
    pub room: Room,
    /// Paths that need no place, such as `/assets/**` (see [`edge::RouteRule::pattern`]). Public routes need none anyway.
    pub open: Vec<String>,
    /// Paths of programs, which get `application/problem+json` whatever they accept.
    pub api: Vec<String>,
    /// Towards the origin.
    pub in_flight: InFlight,
    /// Requests of people inside beyond the rate or the limit in flight wait this long at most.
    pub delay: Duration,
    /// What the page of the waiting room is answered with.
    pub waiting_status: WaitingStatus,
    /// Name of the ticket's cookie.
    pub cookie: Cookie,
    /// Cookies by which the system knows its sessions; in `observe` and `audit`, where no tickets are given, people are counted by
    /// a keyed hash of the first that is there.
    pub session_cookies: Vec<String>,
    /// How long caches may keep the public number, in whole seconds.
    pub status_max_age: Duration,
}

/// A way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// 1 to 40 lower-case letters, digits, `-` or `_`.
    pub name: String,
    /// Part of rate, of requests in flight and of places inside that nobody else gets, in thousandths; together below 1,000.
    pub reserve: u16,
    /// Its part of those who are called while people wait in several channels, relative to the others' weights.
    pub weight: u16,
    /// By what it is known.
    pub known_by: KnownBy,
}

/// By what a channel is known. The first channel that fits counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownBy {
    /// Whoever is of no other.
    Rest,
    /// A header with this value. It counts only from a trusted network ([`crate::Settings::trusted`]).
    Header(HeaderName, String),
    /// A pattern of paths. Whoever knows the path can go there, so a ticket of one channel is none in another.
    Path(String),
    /// The name that was asked for, without port.
    Host(String),
}

/// So much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Requests that may go to the origin.
    pub rate: Rate,
    /// Of them at once after a quiet time.
    pub burst: u32,
    /// People inside at the same time.
    pub people: u32,
    /// People who are let in newly, and how many of them at once; none: as places become free.
    pub newcomers: Option<(Rate, u32)>,
}

/// A tenant with a budget of its own, which the system's bounds too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// 1 to 40 lower-case letters, digits, `-` or `_`: it becomes part of a cookie's name and of a path.
    pub name: String,
    /// Of its people.
    pub budget: Budget,
}

/// What is seen of a request by functions that are passed in.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The name that is asked for.
    pub host: &'a Authority,
    /// How.
    pub method: &'a Method,
    /// For what.
    pub uri: &'a Uri,
    /// Its header fields.
    pub fields: &'a HeaderMap,
    /// It came from a trusted network ([`crate::Settings::trusted`]): its fields are not only what a visitor says.
    pub trusted: bool,
}

/// Tells a tenant's name; none, or one that is not declared: nobody's with a budget of its own.
pub type TenantFunction = Arc<dyn Fn(Asking<'_>) -> Option<String> + Send + Sync>;
/// Tells a visitor's group by its place in [`engine::Mode::ByGroup`].
pub type GroupFunction = Arc<dyn Fn(Asking<'_>) -> Option<usize> + Send + Sync>;

/// Whose page a request is for.
#[derive(Clone)]
pub enum TenantOf {
    /// There are no tenants.
    Nobody,
    /// Patterns with `{tenant}` for one segment, such as `/schools/{tenant}/**`: of the first that matches.
    Paths(Vec<String>),
    /// Whatever it says.
    Function(TenantFunction),
}

/// How people wait. Instants are times since 1970.
#[derive(Clone)]
pub struct Room {
    /// `fifo`, `shuffle_then_fifo`, `lottery`, `by_group`.
    pub order: engine::Mode,
    /// In `by_group`, whose turn a visitor shares; who is of no group is of the last one.
    pub group_of: Option<GroupFunction>,
    /// Most people in each room, at most 4,000,000.
    pub most_waiting: u32,
    /// A place in the line is kept this long after its holder was last seen.
    pub grace: Duration,
    /// A place inside is.
    pub idle: Duration,
    /// Who is called must come within this time. A newcomer who is let in at once must come back within it, too: else who keeps
    /// no cookies would fill the system with nobody.
    pub claim_within: Duration,
    /// After a start, those who waited before it have this long to come back before anybody new is let in. Zero where nobody did.
    pub settle: Duration,
    /// How often a waiting page asks again; a quarter more or less by chance. Less than `settle` (if any), `claim_within`, `grace`.
    pub refresh: Duration,
    /// How often the ticket of a person inside is replaced, so that copies of it become void.
    pub renew: Duration,
}

/// Requests at once towards the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlight {
    /// Never fewer than this.
    pub floor: u32,
    /// Never more: the measured capacity.
    pub ceiling: u32,
    /// At the start.
    pub initial: u32,
    /// Most requests that wait for their turn; further ones are refused.
    pub queue: usize,
}

/// What the page of the waiting room is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WaitingStatus {
    /// 503 with `Retry-After`: no cache, search engine or monitor takes it for the system's page.
    #[default]
    Unavailable,
    /// 200, where something in between puts its own page in place of errors.
    Ok,
}

/// Which cookie a ticket is kept in: `__Host-suimon-place`, `Secure`, or for plain HTTP `suimon-place`. A tenant's ends in `-` and
/// its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cookie {
    /// The first, whatever the request says: browsers reach the guard over TLS only.
    #[default]
    Secure,
    /// The first where the browser asked over TLS, by what the guard sees or a trusted proxy before it says; else the second. One does
    /// not stand for the other: what somebody on the way put into a browser over plain HTTP counts for nothing over TLS.
    AsAsked,
}

impl Cookie {
    pub(super) fn is_secure(self, encrypted: bool) -> bool {
        self == Self::Secure || encrypted
    }
}

/// The name of the ticket's cookie, without a tenant.
pub(super) fn place_cookie(secure: bool) -> &'static str {
    if secure { "__Host-suimon-place" } else { "suimon-place" }
}

/// What is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not a name.
    #[error("{0}: {1:?} is no name; take 1 to 40 lower-case letters, digits, `-` or `_`, each name once")]
    Name(&'static str, String),
    /// Not a pattern.
    #[error("{0}: the pattern {1:?} {2}")]
    Pattern(&'static str, String, &'static str),
    /// Out of bounds.
    #[error("{0}; choose {1}")]
    Bounds(&'static str, &'static str),
    /// Of a waiting room.
    #[error("room: {0}")]
    Room(#[from] RoomConfigError),
    /// Of the parts that channels have.
    #[error("channels: {0}")]
    Parts(#[from] PartitionError),
    /// A tenant left the settings while people have places in its room.
    #[error(
        "tenants: people have places in the room of {0:?}; lower its limits first, and take it out when it is empty"
    )]
    Occupied(String),
}

/// Settings that were checked.
pub(super) struct Plan {
    pub settings: Settings,
    pub open: Vec<Pattern>,
    pub api: Vec<Pattern>,
    pub channel_paths: Vec<Option<Pattern>>,
    pub tenant_paths: Vec<Pattern>,
    /// Rooms by a tenant's name; the first room is for who is of none.
    pub halls: HashMap<String, usize>,
    pub lines: HashMap<Line, (usize, usize)>,
    pub pace: binding::Pace,
}

/// Most tenants with a budget of their own.
const MOST_TENANTS: usize = 256;
/// Most patterns of paths with a tenant: each is compared with each request's.
const MOST_TENANT_PATHS: usize = 100;
/// Most channels.
const MOST_CHANNELS: usize = 16;

impl Plan {
    pub(super) fn new(settings: Settings) -> Result<Self, SettingsError> {
        let Settings { channels, tenants, tenant_of, room, open, api, in_flight, status_max_age, .. } =
            &settings;
        if channels.is_empty() || channels.len() > MOST_CHANNELS {
            return Err(SettingsError::Bounds("channels", "1 to 16"));
        }
        if tenants.len() > MOST_TENANTS {
            return Err(SettingsError::Bounds("tenants", "at most 256 with a budget of their own"));
        }
        names("channels", channels.iter().map(|channel| &channel.name))?;
        names("tenants", tenants.iter().map(|tenant| &tenant.name))?;
        if channels.iter().map(|channel| u32::from(channel.reserve)).sum::<u32>() >= 1_000 {
            return Err(SettingsError::Bounds(
                "channels: the reserves leave nothing to the others",
                "less than 1,000 in all",
            ));
        }
        if in_flight.ceiling == 0 || in_flight.floor > in_flight.ceiling {
            return Err(SettingsError::Bounds("in_flight: the ceiling is 0 or below the floor", "1 or more"));
        }
        let whole = status_max_age.subsec_nanos() == 0 && (1..=60).contains(&status_max_age.as_secs());
        if !whole {
            return Err(SettingsError::Bounds("status_max_age", "1 to 60 whole seconds"));
        }
        let Room { refresh, settle, claim_within, grace, renew, .. } = room;
        let longest = refresh.saturating_mul(5) / 4;
        let settles = settle.is_zero() || longest < *settle;
        if refresh.as_secs() < 1 || longest >= *claim_within || longest >= *grace || !settles {
            return Err(SettingsError::Bounds(
                "room.refresh: who waits would miss the call",
                "at least a second, and a quarter more of it still below claim_within, grace and settle",
            ));
        }
        if *renew < Duration::from_secs(1) {
            return Err(SettingsError::Bounds("room.renew", "a second at least"));
        }
        let tenant_paths = match tenant_of {
            TenantOf::Nobody | TenantOf::Function(_) => Vec::new(),
            TenantOf::Paths(texts) if texts.is_empty() || texts.len() > MOST_TENANT_PATHS => {
                return Err(SettingsError::Bounds("tenant_of: the patterns", "1 to 100"));
            }
            TenantOf::Paths(texts) => {
                let read = |text: &String| match pattern("tenant_of", text)? {
                    pattern if pattern.names_tenant() => Ok(pattern),
                    _ => Err(SettingsError::Pattern("tenant_of", text.clone(), "has no segment `{tenant}`")),
                };
                texts.iter().map(read).collect::<Result<_, _>>()?
            }
        };
        let channel_path = |channel: &Channel| match &channel.known_by {
            KnownBy::Path(text) => pattern("channels", text).map(Some),
            KnownBy::Rest | KnownBy::Header(..) | KnownBy::Host(_) => Ok(None),
        };
        let patterns = |place: &'static str, texts: &[String]| -> Result<Vec<Pattern>, SettingsError> {
            texts.iter().map(|text| pattern(place, text)).collect()
        };
        let mut lines = HashMap::new();
        for hall in 0..=tenants.len() {
            for at in 0..channels.len() {
                lines.insert(settings.line(hall, at), (hall, at));
            }
        }
        let plan = Self {
            open: patterns("open", open)?,
            api: patterns("api", api)?,
            channel_paths: channels.iter().map(channel_path).collect::<Result<_, _>>()?,
            tenant_paths,
            halls: tenants.iter().zip(1..).map(|(tenant, at)| (tenant.name.clone(), at)).collect(),
            lines,
            pace: binding::Pace { renew: *renew, overlap: Duration::from_secs(15).min(*renew) },
            settings,
        };
        // Whatever a room says against its limits is said now.
        for hall in 0..=plan.settings.tenants.len() {
            engine::WaitingRoom::new(plan.room(hall, Duration::ZERO))?;
        }
        engine::Partitions::new(1, super::flow::HEADROOM, super::flow::partitions(&plan))?;
        Ok(plan)
    }

    /// A room's configuration.
    pub(super) fn room(&self, hall: usize, started: Duration) -> RoomConfig {
        let Room { order, most_waiting, grace, idle, claim_within, settle, .. } = &self.settings.room;
        let channel = |channel: &Channel| {
            let Channel { name, reserve, weight, known_by: _ } = channel.clone();
            engine::Channel { name, weight, reserved: reserve }
        };
        RoomConfig {
            mode: order.clone(),
            channels: self.settings.channels.iter().map(channel).collect(),
            max_waiting: *most_waiting,
            max_inside: self.settings.budget(hall).people,
            grace: *grace,
            idle: *idle,
            claim_within: *claim_within,
            settles_at: if settle.is_zero() { Duration::ZERO } else { started.saturating_add(*settle) },
        }
    }
}

impl Settings {
    /// Of a room: the system's, or a tenant's.
    pub(super) fn budget(&self, hall: usize) -> &Budget {
        hall.checked_sub(1).and_then(|at| self.tenants.get(at)).map_or(&self.budget, |tenant| &tenant.budget)
    }

    /// Empty for the system's.
    pub(super) fn hall_name(&self, hall: usize) -> &str {
        hall.checked_sub(1).and_then(|at| self.tenants.get(at)).map_or("", |tenant| &tenant.name)
    }

    pub(super) fn line(&self, hall: usize, channel: usize) -> Line {
        let channel = self.channels.get(channel).map_or("", |channel| &channel.name);
        Line::of(&self.system, &self.event, self.hall_name(hall), channel)
    }

    /// The cookie of a room.
    pub(super) fn cookie_name(&self, hall: usize, secure: bool) -> String {
        let (base, tenant) = (place_cookie(secure), self.hall_name(hall));
        if tenant.is_empty() { base.to_owned() } else { format!("{base}-{tenant}") }
    }
}

fn pattern(place: &'static str, text: &str) -> Result<Pattern, SettingsError> {
    Pattern::parse(text).map_err(|why| SettingsError::Pattern(place, text.to_owned(), why))
}

fn names<'a>(place: &'static str, names: impl Iterator<Item = &'a String>) -> Result<(), SettingsError> {
    let mut known = BTreeMap::new();
    for name in names {
        let sound = (1..=40).contains(&name.len())
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if !sound || known.insert(name, ()).is_some() {
            return Err(SettingsError::Name(place, name.clone()));
        }
    }
    Ok(())
}
