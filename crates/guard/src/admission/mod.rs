//! Who goes in when not all can: budgets of requests and of people for the system, its tenants and its channels, a waiting room
//! beyond them, and no more requests towards the origin than it bears.
//!
//! What it does with each request: [`Admission::ask`]. What it promises and what not: `docs/guard/admission.md`.

mod answers;
mod binding;
mod desk;
mod flow;
mod hall;
mod kind;
mod page;
mod pattern;
mod rates;
mod settings;
mod status;
pub mod ticket;
mod told;
mod whom;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use capacity::admission::{Outcome, Place, Standing, TokenBucket, Visitor, VisitorId};
use edge::Mode;
use http::header::HeaderMap;
use http::{Response, StatusCode};

pub use capacity::admission::{Group, Mode as Order, Rate};
pub use kind::Kind;
pub use settings::{
    Asking, Budget, Channel, Cookie, GroupFunction, InFlight, KnownBy, Room, Settings, SettingsError, Tenant,
    TenantFunction, TenantOf, WaitingStatus,
};
pub use status::STATUS_PATH;
pub use ticket::Keys;
pub use told::{Count, Level, Noted, Watch};
pub use whom::TICKET_HEADER;

use crate::NoAnswer;
use crate::body::Answer;
use crate::fields::{Caller, as_asked, is_trusted};
use crate::forward::Checked;
use answers::Say;
use desk::{Desk, Seat};
use flow::{Flow, Permit};
use settings::Plan;
use ticket::{Line, Ticket};
use whom::Whom;

/// Random numbers that nobody can foresee: from the operating system, or a generator seeded by it that is made for keys.
pub trait Chance: Send + Sync {
    /// Fills all of it.
    fn fill(&self, bytes: &mut [u8]);
}

impl<F: Fn(&mut [u8]) + Send + Sync> Chance for F {
    fn fill(&self, bytes: &mut [u8]) {
        self(bytes);
    }
}

/// Time since 1970 that never jumps: read from the day's clock once, and from a monotonic one from there on.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Admission in front of one system.
pub struct Admission {
    plan: ArcSwap<Plan>,
    desk: Mutex<Desk>,
    flow: Arc<Flow>,
    keys: Keys,
    chance: Box<dyn Chance>,
    clock: Clock,
    watch: Box<dyn Watch>,
    /// Of the public number's page.
    asked: Mutex<TokenBucket>,
}

/// Leave for one request to go to the origin.
pub(crate) struct Pass {
    admission: Arc<Admission>,
    permit: Option<Permit>,
    /// The time until the answer says something of the origin: the request has no body that may come slowly.
    judged: bool,
    seat: Option<(Line, VisitorId)>,
    ticket: Option<Ticket>,
    secure: bool,
    by_header: bool,
}

impl Admission {
    /// Under these settings, with empty rooms. Tickets are signed with the first key.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(
        settings: Settings,
        keys: Keys,
        chance: impl Chance + 'static,
        clock: Clock,
        watch: impl Watch + 'static,
    ) -> Result<Self, SettingsError> {
        let plan = Arc::new(Plan::new(settings)?);
        let desk = Desk::new(plan.clone(), clock())?;
        let flow = Flow::new(&plan)?;
        let asked =
            Mutex::new(TokenBucket::new(Rate::per_second(status::MOST_A_SECOND), status::MOST_A_SECOND));
        let (chance, watch) = (Box::new(chance), Box::new(watch));
        Ok(Self { plan: ArcSwap::new(plan), desk: Mutex::new(desk), flow, keys, chance, clock, watch, asked })
    }

    /// Puts other settings into force. Places stay, of tenants that stay in the same event.
    ///
    /// # Errors
    /// What is wrong with them, or cannot change while people have places; then those before stay in force.
    pub fn replace(&self, settings: Settings) -> Result<(), SettingsError> {
        let plan = Arc::new(Plan::new(settings)?);
        let mut desk = self.desk();
        let before = desk.plan.clone();
        desk.set(plan.clone(), (self.clock)())?;
        // Under the desk's lock: whoever holds it sees the same settings here and there.
        self.plan.store(plan.clone());
        self.flow.set(&before, &plan)
    }

    /// What happened since the start, without what never did.
    pub fn counts(&self) -> Vec<Count> {
        let desk = self.desk();
        let mut counts = Vec::new();
        for (at, hall) in desk.halls.iter().enumerate() {
            for (line, channel) in hall.lines.iter().zip(&desk.plan.settings.channels) {
                for (kind, &times) in Kind::ALL.into_iter().zip(&line.kinds).filter(|(_, times)| **times > 0)
                {
                    let tenant = desk.plan.settings.hall_name(at).to_owned();
                    counts.push(Count { tenant, channel: channel.name.clone(), kind, times });
                }
            }
        }
        counts
    }

    /// How full each room is, the system's own first.
    pub fn levels(&self) -> Vec<Level> {
        let mut desk = self.desk();
        // Nobody may have asked for long, and places lapse meanwhile.
        desk.pass((self.clock)(), &*self.chance);
        let halls = desk.halls.iter().enumerate();
        let level = |(at, hall): (usize, &hall::Hall)| Level {
            tenant: desk.plan.settings.hall_name(at).to_owned(),
            people: hall.room.counts(),
        };
        halls.map(level).collect()
    }

    /// Requests in flight towards the origin, and how many may be.
    pub fn in_flight(&self) -> (u32, u32) {
        self.flow.level()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, desk: &mut Desk, whom: &Whom, kind: Kind) {
        let (hall, channel) = (whom.asked.hall, whom.asked.channel);
        let first = desk.note(hall, channel, kind);
        let settings = &desk.plan.settings;
        let quiet =
            settings.mode == Mode::Observe || matches!(kind, Kind::Inside | Kind::Entered | Kind::Delayed);
        if first && !quiet {
            let channel = settings.channels.get(channel).map_or("", |channel| &channel.name);
            let enforced = settings.mode == Mode::Enforce;
            self.watch.tell(Noted { tenant: settings.hall_name(hall), channel, kind, enforced });
        }
    }

    /// Leave to go to the origin, or the answer that is given instead. `public`: caches may keep the route's answers, so that the
    /// request needs no place and its answer carries none.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        checked: &mut Checked,
        caller: Caller,
        networks: &[ipnet::IpNet],
        public: bool,
    ) -> Result<Pass, Box<Response<Answer>>> {
        let trusted = is_trusted(caller.address.ip(), networks);
        let judged = hyper::body::Body::is_end_stream(checked.request.body());
        let (_, encrypted) = as_asked(checked.request.headers(), &checked.host, caller, networks);
        let (plan, whom, seated) = self.judge(checked, (trusted, encrypted), public);
        let enforced = plan.settings.mode == Mode::Enforce;
        let say = Say::new(&whom, &checked.request);
        if enforced {
            whom::strip(&plan, checked.request.headers_mut(), trusted);
        }
        let Seated { standing, wait, seat, ticket } = match seated {
            Ok(seated) => seated,
            Err(refused) => return Err(Box::new(self.answer(&plan, say, refused))),
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let patience = match (enforced, standing) {
            (true, Standing::Inside) => plan.settings.delay.saturating_sub(wait),
            _ => Duration::ZERO,
        };
        let permit = self.flow.enter(whom.asked.channel, standing, patience).await;
        if permit.is_none() {
            self.note(&mut self.desk(), &whom, Kind::Crowded);
            if enforced {
                let after = Duration::from_secs(1);
                return Err(Box::new(self.answer(&plan, say, Refused::Busy { after, ticket })));
            }
        }
        let by_header = whom.by_header || whom.program;
        let secure = whom.secure;
        Ok(Pass { admission: self.clone(), permit, judged, seat, ticket, secure, by_header })
    }

    /// Whose request it is and what becomes of it, under the settings of one moment.
    fn judge(
        &self,
        checked: &Checked,
        (trusted, encrypted): (bool, bool),
        public: bool,
    ) -> (Arc<Plan>, Whom, Result<Seated, Refused>) {
        let Checked { request, host, tunnel: _ } = checked;
        loop {
            let (plan, now) = (self.plan.load_full(), (self.clock)());
            let (method, uri, fields) = (request.method(), request.uri(), request.headers());
            let asking = Asking { host, method, uri, fields, trusted };
            // Signatures are checked before the desk is taken: it is one for all.
            let whom = whom::recognise(&plan, &self.keys, asking, encrypted, public, now);
            let mut desk = self.desk();
            // What it names by number is of these settings: after a change in between it begins anew.
            if !Arc::ptr_eq(&plan, &desk.plan) {
                continue;
            }
            let seated = if plan.settings.mode == Mode::Enforce {
                self.seat(&mut desk, &plan, &whom, now)
            } else {
                self.watch_only(&mut desk, &plan, &whom, request.headers(), now);
                Ok(Seated { standing: Standing::Inside, wait: Duration::ZERO, seat: None, ticket: None })
            };
            return (plan, whom, seated);
        }
    }

    /// In `enforce`: where the person stands, and when the request may go.
    fn seat(&self, desk: &mut Desk, plan: &Plan, whom: &Whom, now: Duration) -> Result<Seated, Refused> {
        if let Some(kind) = whom.wrong {
            self.note(desk, whom, kind);
        }
        let (hall, channel) = (whom.asked.hall, whom.asked.channel);
        if whom.open {
            let inside = whom.asked.tickets.iter().find_map(|ticket| desk.is_inside(ticket, now));
            let rate = match inside {
                Some(hall) => desk.rate(hall, channel, now, plan.settings.delay),
                None => desk.rate_of_others(hall, channel, now),
            };
            let wait = rate.map_err(|after| {
                self.note(desk, whom, Kind::Refused);
                Refused::Busy { after, ticket: None }
            })?;
            let standing = if inside.is_some() { Standing::Inside } else { Standing::New };
            return Ok(Seated { standing, wait, seat: None, ticket: None });
        }
        let (seat, wrong) = desk.seat(&whom.asked, now, &*self.chance);
        if let Some(kind) = wrong {
            self.note(desk, whom, kind);
        }
        let (seat_hall, id, ticket) = match seat {
            Seat::Inside { hall, id, ticket } => (hall, id, ticket),
            Seat::Change(ticket) => return Err(Refused::Change(ticket)),
            Seat::Waits { ticket, place } => {
                self.note(desk, whom, Kind::Waits);
                let line = desk.halls.get(hall).and_then(|hall| hall.lines.get(channel));
                let minutes = match (place, line.and_then(|line| line.per_minute(now))) {
                    (Place::Waiting { position, .. }, Some(rate @ 1..)) => {
                        Some(position.div_ceil(u64::from(rate)))
                    }
                    _ => None,
                };
                return Err(Refused::Waits { ticket: Box::new(ticket), place, minutes, now });
            }
            Seat::Full | Seat::Closed => {
                self.note(desk, whom, Kind::RoomFull);
                return Err(if seat == Seat::Full { Refused::Full } else { Refused::Closed });
            }
        };
        self.note(desk, whom, if ticket.is_some() { Kind::Entered } else { Kind::Inside });
        match desk.rate(seat_hall, channel, now, plan.settings.delay) {
            Ok(wait) => {
                if !wait.is_zero() {
                    self.note(desk, whom, Kind::Delayed);
                }
                let seat = Some((plan.settings.line(seat_hall, channel), id));
                Ok(Seated { standing: Standing::Inside, wait, seat, ticket })
            }
            Err(after) => {
                self.note(desk, whom, Kind::Refused);
                Err(Refused::Busy { after, ticket })
            }
        }
    }

    /// In `observe` and `audit`: counts what `enforce` would do, and changes nothing. No tickets are given, so people are known by
    /// the system's own sessions or not at all.
    fn watch_only(&self, desk: &mut Desk, plan: &Plan, whom: &Whom, fields: &HeaderMap, now: Duration) {
        let (hall, channel, group) = (whom.asked.hall, whom.asked.channel, whom.asked.group);
        let session = whom::session(plan, fields).filter(|_| !whom.open);
        if let Some(id) = session.map(|session| self.keys.pseudonym(session)) {
            let joined =
                desk.halls.get_mut(hall).map(|hall| hall.room.join(now, Visitor { id, channel, group }));
            desk.pass(now, &*self.chance);
            let entered = desk.halls.get_mut(hall).is_some_and(|hall| hall.room.enter(now, id));
            let kind = match joined {
                Some(Ok(Place::Inside)) => Kind::Inside,
                Some(Ok(_)) if entered => Kind::Entered,
                Some(Ok(_)) => Kind::Waits,
                Some(Err(_)) | None => Kind::RoomFull,
            };
            self.note(desk, whom, kind);
        }
        match desk.rate(hall, channel, now, plan.settings.delay) {
            Ok(wait) if wait.is_zero() => {}
            Ok(_) => self.note(desk, whom, Kind::Delayed),
            Err(_) => self.note(desk, whom, Kind::Refused),
        }
    }
}

/// A request that may go.
struct Seated {
    standing: Standing,
    /// After this, when its tokens have come.
    wait: Duration,
    seat: Option<(Line, VisitorId)>,
    /// Of somebody newly let in.
    ticket: Option<Ticket>,
}

/// A request that may not.
enum Refused {
    Change(Ticket),
    Waits { ticket: Box<Ticket>, place: Place, minutes: Option<u64>, now: Duration },
    Full,
    Closed,
    Busy { after: Duration, ticket: Option<Ticket> },
}

impl Pass {
    /// Whether it counts among those that are at the origin at once; what is only looked at may go without a place.
    pub(crate) fn holds_a_place(&self) -> bool {
        self.permit.is_some()
    }

    /// The origin has answered, or not: the place in flight is free.
    pub(crate) fn answered(&mut self, answer: &Result<Response<Answer>, NoAnswer>) {
        let (outcome, judged) = match answer {
            Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => (Outcome::Overloaded, true),
            Ok(_) => (Outcome::Answered, self.judged),
            Err(NoAnswer::Connect(_) | NoAnswer::Late | NoAnswer::Broken(_)) => (Outcome::Overloaded, true),
            // Of the request, or of a program that speaks wrongly: nothing that fewer requests would heal.
            Err(NoAnswer::Request(_) | NoAnswer::Coding | NoAnswer::Protocol) => (Outcome::Answered, false),
        };
        if let Some(permit) = self.permit.take() {
            permit.ended(outcome, judged);
        }
    }

    /// Gives the person's ticket with the answer, if there is a new one. Such an answer is kept by no cache, whatever the rules say.
    pub(crate) fn leave(self, fields: &mut HeaderMap) {
        let Self { admission, permit: _, judged: _, seat, ticket, secure, by_header } = self;
        let Some((line, id)) = seat else { return };
        let now = (admission.clock)();
        let (ticket, plan) = {
            let mut desk = admission.desk();
            let Some(&(hall, channel)) = desk.plan.lines.get(&line) else { return };
            (ticket.or_else(|| desk.renew(hall, channel, id, now, &*admission.chance)), desk.plan.clone())
        };
        if let Some(ticket) = ticket {
            edge::policy::seal(fields);
            answers::give(&plan, &admission.keys, &ticket, (secure, by_header), now, fields);
        }
    }
}
