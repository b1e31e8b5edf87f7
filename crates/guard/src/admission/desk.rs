//! Where each person stands, and what becomes of a request. Pure but for chance and time, which are passed in.

use std::sync::Arc;
use std::time::Duration;

use capacity::admission::{Former, JoinError, Place, Visitor, VisitorId};

use super::Chance;
use super::binding::{Binding, Shown};
use super::hall::{Hall, LineCounts};
use super::kind::Kind;
use super::rates::Rates;
use super::settings::{Plan, SettingsError};
use super::ticket::{Stands, Ticket};

/// A request at the desk.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub hall: usize,
    pub channel: usize,
    pub group: usize,
    /// Those for a place inside first.
    pub tickets: Vec<Ticket>,
}

/// What is to be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seat {
    /// It goes on. Newly let in: with a ticket to be given.
    Inside { hall: usize, id: VisitorId, ticket: Option<Ticket> },
    /// Let in, and the ticket of the line must be changed for this one before anything goes to the origin.
    Change(Ticket),
    /// With the ticket of the line.
    Waits { ticket: Ticket, place: Place },
    /// No place to wait.
    Full,
    /// The draw was made without this visitor.
    Closed,
}

/// All rooms.
pub(super) struct Desk {
    pub plan: Arc<Plan>,
    pub halls: Vec<Hall>,
    pub rates: Rates,
    /// Tickets from before this were given by a guard whose memory is gone.
    started: Duration,
    /// The room whose turn it is.
    next: usize,
}

/// Called at most in one request: nobody waits long for the desk when a room opens.
const MOST_CALLED: usize = 500;

impl Desk {
    pub(super) fn new(plan: Arc<Plan>, now: Duration) -> Result<Self, SettingsError> {
        let all = 0..=plan.settings.tenants.len();
        let halls = all.map(|hall| Hall::new(&plan, hall, Some(now))).collect::<Result<_, _>>()?;
        let rates = Rates::new(&plan.settings.budget, &plan.settings.channels);
        Ok(Self { plan, halls, rates, started: now, next: 0 })
    }

    /// Other settings; rooms of the same tenant and the same event stay.
    pub(super) fn set(&mut self, plan: Arc<Plan>, now: Duration) -> Result<(), SettingsError> {
        let before = self.plan.clone();
        if before.settings.system != plan.settings.system || before.settings.event != plan.settings.event {
            let all = 0..=plan.settings.tenants.len();
            self.halls = all.map(|hall| Hall::new(&plan, hall, None)).collect::<Result<_, _>>()?;
            self.rates.set(now, &plan.settings.budget, &plan.settings.channels);
            (self.plan, self.next) = (plan, 0);
            return Ok(());
        }
        let gone = |(name, hall): (&String, &usize)| {
            let occupied = self.halls.get(*hall).is_some_and(Hall::is_occupied);
            (occupied && !plan.halls.contains_key(name)).then(|| name.clone())
        };
        if let Some(name) = before.halls.iter().find_map(gone) {
            return Err(SettingsError::Occupied(name));
        }
        // Tried first, so that nothing has changed when something is wrong.
        for hall in 0..self.halls.len() {
            let name = before.settings.hall_name(hall);
            if let Some(at) = if name.is_empty() { Some(0) } else { plan.halls.get(name).copied() } {
                self.halls[hall].room.may_set(&plan.room(at, self.started))?;
            }
        }
        let mut kept: Vec<Option<Hall>> = std::mem::take(&mut self.halls).into_iter().map(Some).collect();
        for hall in 0..=plan.settings.tenants.len() {
            let name = plan.settings.hall_name(hall);
            let at = if name.is_empty() { Some(0) } else { before.halls.get(name).copied() };
            let kept = at.and_then(|at| kept.get_mut(at)).and_then(Option::take);
            let mut room = match kept {
                Some(room) => room,
                None => Hall::new(&plan, hall, None)?,
            };
            room.set(&plan, hall, self.started, now)?;
            self.halls.push(room);
        }
        self.rates.set(now, &plan.settings.budget, &plan.settings.channels);
        self.next = 0;
        self.plan = plan;
        Ok(())
    }

    /// Counts; whether it is the first of its kind under these settings.
    pub(super) fn note(&mut self, hall: usize, channel: usize, kind: Kind) -> bool {
        let line = self.halls.get_mut(hall).and_then(|hall| hall.lines.get_mut(channel));
        let Some(LineCounts { kinds, told, .. }) = line else { return false };
        kinds[kind as usize] = kinds[kind as usize].saturating_add(1);
        !std::mem::replace(&mut told[kind as usize], true)
    }

    /// Lets time pass in every room, and calls whom the limits allow, room by room in turns.
    pub(super) fn pass(&mut self, now: Duration, chance: &dyn Chance) {
        let plan = self.plan.clone();
        for (at, hall) in self.halls.iter_mut().enumerate() {
            hall.pass(plan.settings.hall_name(at), now, chance);
        }
        let taken: u32 = self.halls.iter().map(|hall| hall.room.counts().taken()).sum();
        let mut free = (plan.settings.budget.people.saturating_sub(taken) as usize).min(MOST_CALLED);
        let mut without = 0;
        while free > 0 && without < self.halls.len() {
            let at = self.next;
            self.next = (self.next + 1) % self.halls.len();
            if self.halls[at].call(now).is_some() {
                (free, without) = (free - 1, 0);
            } else {
                without += 1;
            }
        }
    }

    /// Where whoever asks stands, and what was wrong with a ticket that was shown.
    pub(super) fn seat(&mut self, asked: &Asked, now: Duration, chance: &dyn Chance) -> (Seat, Option<Kind>) {
        self.pass(now, chance);
        let mut wrong = None;
        for ticket in &asked.tickets {
            match self.shown(ticket, asked, now, chance) {
                Ok(Some(seat)) => return (seat, None),
                Ok(None) => {}
                Err(kind) => wrong = Some(kind),
            }
        }
        (self.newcomer(asked, now, chance), wrong)
    }

    /// In whose room the bearer of a ticket is, for a request that needs no place. It is a sign of life.
    pub(super) fn is_inside(&mut self, ticket: &Ticket, now: Duration) -> Option<usize> {
        let &(at, _) = self.plan.lines.get(&ticket.line)?;
        let Stands::Inside { nonce } = ticket.stands else { return None };
        let (started, pace) = (self.started, self.plan.pace);
        let hall = self.halls.get_mut(at)?;
        // Looked at and not changed: only where a place is needed a new ticket comes with the answer.
        let judged = hall
            .bindings
            .get(&ticket.id)
            .cloned()
            .map(|mut of_person| of_person.show(nonce, ticket.issued, now, started, pace));
        if judged == Some(Shown::Spent) {
            return None;
        }
        let place = hall.room.see(now, ticket.id)?;
        matches!(place, Place::Called { .. } | Place::Inside).then_some(at)
    }

    /// Judges one ticket. `None`: it is for another room, or its place has lapsed.
    fn shown(
        &mut self,
        ticket: &Ticket,
        asked: &Asked,
        now: Duration,
        chance: &dyn Chance,
    ) -> Result<Option<Seat>, Kind> {
        let Some(&(at, channel)) = self.plan.lines.get(&ticket.line) else { return Ok(None) };
        let inside = matches!(ticket.stands, Stands::Inside { .. });
        // Who is inside at a tenant may see what is nobody's own, such as the page for signing in.
        if channel != asked.channel || at != asked.hall && !(inside && asked.hall == 0) {
            return Ok(None);
        }
        let (started, pace, id) = (self.started, self.plan.pace, ticket.id);
        let Some(hall) = self.halls.get_mut(at) else { return Ok(None) };
        let former = ticket.issued < started;
        let visitor = |group| Visitor { id, channel, group };
        let place = match (hall.room.see(now, id), ticket.stands) {
            (Some(Place::Inside), _) => Place::Inside,
            (Some(place), Stands::Inside { .. }) if former && !hall.bindings.contains_key(&id) => {
                hall.room.restore(now, visitor(0), Former::Inside).unwrap_or(place)
            }
            (Some(place), _) => place,
            // Of this guard's own time, and yet unknown: away for too long.
            (None, _) if !former => return Ok(None),
            // Came back after the restart, and went.
            (None, Stands::Inside { .. }) if hall.bindings.contains_key(&id) => return Ok(None),
            (None, stands) => {
                let back = match stands {
                    Stands::Early { group } => hall.room.join(now, visitor(usize::from(group))),
                    Stands::Waiting { number } => {
                        hall.room.restore(now, visitor(0), Former::Waiting { number })
                    }
                    Stands::Inside { .. } => hall.room.restore(now, visitor(0), Former::Inside),
                };
                match back {
                    Ok(place) => place,
                    Err(_) => return Ok(None),
                }
            }
        };
        match (ticket.stands, place) {
            (Stands::Inside { nonce }, Place::Inside | Place::Called { .. }) => {
                let binding =
                    hall.bindings.entry(id).or_insert_with(|| Binding::restored(nonce, ticket.issued));
                match binding.show(nonce, ticket.issued, now, started, pace) {
                    Shown::Good => {
                        let seated = hall.room.enter(now, id);
                        debug_assert!(seated, "called or inside a moment ago");
                        Ok(Some(Seat::Inside { hall: at, id, ticket: None }))
                    }
                    Shown::Change => Ok(Some(Seat::Change(self.ticket_inside(at, channel, id, now, chance)))),
                    Shown::Spent => Err(Kind::Spent),
                }
            }
            (Stands::Inside { .. }, _) => Err(Kind::Spent),
            // Somebody went in with it.
            (Stands::Early { .. } | Stands::Waiting { .. }, Place::Inside) => Err(Kind::Spent),
            (Stands::Early { .. } | Stands::Waiting { .. }, Place::NotDrawn) => Ok(Some(Seat::Closed)),
            (Stands::Early { .. } | Stands::Waiting { .. }, _) => {
                // A place that came back just now may be next.
                self.pass(now, chance);
                // The group is that of the first request, whatever a later one looks like.
                let group = match ticket.stands {
                    Stands::Early { group } => usize::from(group),
                    Stands::Waiting { .. } | Stands::Inside { .. } => asked.group,
                };
                Ok(self.where_now(at, channel, id, group, now, chance, false))
            }
        }
    }

    fn newcomer(&mut self, asked: &Asked, now: Duration, chance: &dyn Chance) -> Seat {
        let mut id = [0; 16];
        chance.fill(&mut id);
        let id = VisitorId(u128::from_be_bytes(id));
        let Asked { hall, channel, group, tickets: _ } = *asked;
        let Some(room) = self.halls.get_mut(hall).map(|hall| &mut hall.room) else { return Seat::Full };
        match room.join(now, Visitor { id, channel, group }) {
            Ok(_) => {}
            Err(JoinError::Closed) => return Seat::Closed,
            Err(
                JoinError::Full | JoinError::UnknownChannel | JoinError::UnknownGroup | JoinError::Number,
            ) => {
                return Seat::Full;
            }
        }
        self.pass(now, chance);
        self.where_now(hall, channel, id, group, now, chance, true).unwrap_or(Seat::Full)
    }

    /// Of somebody in the line, or just called.
    #[expect(clippy::too_many_arguments, reason = "each is a plain value of the one caller's request")]
    fn where_now(
        &mut self,
        hall: usize,
        channel: usize,
        id: VisitorId,
        group: usize,
        now: Duration,
        chance: &dyn Chance,
        new: bool,
    ) -> Option<Seat> {
        let place = self.halls.get(hall)?.room.place_of(id)?;
        let stands = match place {
            Place::Called { .. } | Place::Inside => {
                let ticket = self.ticket_inside(hall, channel, id, now, chance);
                // A newcomer holds nothing that could have been copied.
                return Some(if new {
                    Seat::Inside { hall, id, ticket: Some(ticket) }
                } else {
                    Seat::Change(ticket)
                });
            }
            Place::NotDrawn => return Some(Seat::Closed),
            Place::Waiting { number, position: _ } => Stands::Waiting { number },
            Place::Early { .. } => Stands::Early { group: u16::try_from(group).unwrap_or(u16::MAX) },
        };
        let ticket = self.ticket(hall, channel, id, stands, now);
        Some(Seat::Waits { ticket, place })
    }

    /// A new ticket for somebody inside whose own one is old. None: it is not, or the person has gone.
    pub(super) fn renew(
        &mut self,
        hall: usize,
        channel: usize,
        id: VisitorId,
        now: Duration,
        chance: &dyn Chance,
    ) -> Option<Ticket> {
        let pace = self.plan.pace;
        let room = self.halls.get(hall)?;
        let due =
            room.bindings.get(&id).is_some_and(|binding| binding.is_bound() && binding.is_due(now, pace));
        (due && room.room.place_of(id).is_some()).then(|| self.ticket_inside(hall, channel, id, now, chance))
    }

    fn ticket_inside(
        &mut self,
        hall: usize,
        channel: usize,
        id: VisitorId,
        now: Duration,
        chance: &dyn Chance,
    ) -> Ticket {
        let mut nonce = [0; 8];
        chance.fill(&mut nonce);
        let nonce = u64::from_be_bytes(nonce);
        if let Some(hall) = self.halls.get_mut(hall) {
            hall.bindings.entry(id).or_insert_with(|| Binding::new(nonce, now)).offer(nonce, now);
        }
        self.ticket(hall, channel, id, Stands::Inside { nonce }, now)
    }

    fn ticket(&self, hall: usize, channel: usize, id: VisitorId, stands: Stands, now: Duration) -> Ticket {
        let room = &self.plan.settings.room;
        let lasts = match (stands, &room.order) {
            // Seen last up to so long after it was given.
            (Stands::Inside { .. }, _) => room.idle.saturating_add(room.renew.saturating_mul(2)),
            // Nobody has to come again before the draw, nor soon after it.
            (_, capacity::admission::Mode::Lottery { closes_at, .. }) => {
                closes_at.saturating_sub(now).saturating_add(LOTTERY_TICKET)
            }
            (Stands::Early { .. } | Stands::Waiting { .. }, _) => room.grace,
        };
        let whole =
            |time: Duration| Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        Ticket {
            id,
            line: self.plan.settings.line(hall, channel),
            stands,
            issued: whole(now),
            expires: whole(now.saturating_add(lasts)),
        }
    }

    /// How long a request of somebody inside waits for the rates, whose tokens it has taken then. `Err`: refused, with the time after
    /// which it may be tried again.
    pub(super) fn rate(
        &mut self,
        hall: usize,
        channel: usize,
        now: Duration,
        patience: Duration,
    ) -> Result<Duration, Duration> {
        let Self { rates, halls, .. } = self;
        // The system's own rate is that of its own room.
        let own = (hall > 0).then(|| halls.get_mut(hall)).flatten().map(|hall| &mut hall.rates);
        let wait = |rates: &Rates| rates.wait(now, channel).ok_or(NEVER);
        let (system, tenant) = (wait(rates)?, own.as_ref().map(|own| wait(own)).transpose()?);
        let longest = tenant.map_or(system.0, |(wait, _)| wait.max(system.0));
        if longest > patience {
            return Err(longest);
        }
        let taken = rates.reserve(now, channel, system.1, patience).ok_or(longest)?;
        let own =
            own.zip(tenant).map(|(own, (_, from))| own.reserve(now, channel, from, patience).ok_or(longest));
        Ok(own.transpose()?.map_or(taken, |own| own.max(taken)))
    }

    /// The same for a request that needs no place, of somebody who is not inside.
    pub(super) fn rate_of_others(
        &mut self,
        hall: usize,
        channel: usize,
        now: Duration,
    ) -> Result<Duration, Duration> {
        let room = self.rates.has_room(now)
            && (hall == 0 || self.halls.get(hall).is_none_or(|hall| hall.rates.has_room(now)));
        if room { self.rate(hall, channel, now, Duration::ZERO) } else { Err(Duration::from_secs(1)) }
    }
}

/// A rate of nothing: asked again after this.
const NEVER: Duration = Duration::from_secs(60);
/// A ticket for a draw lasts this long after it.
const LOTTERY_TICKET: Duration = Duration::from_secs(7 * 86_400);

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
