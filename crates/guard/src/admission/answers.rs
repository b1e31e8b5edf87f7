//! Answers to those who cannot go on, and tickets in answers.

use std::time::Duration;

use capacity::admission::Place;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};

use super::page::{self, Lang, Why};
use super::settings::{Plan, WaitingStatus};
use super::ticket::{Keys, Ticket};
use super::whom::{TICKET_HEADER, Whom};
use super::{Admission, Refused};
use crate::body::Answer;
use crate::{forward, own};

/// How somebody is spoken to.
pub(super) struct Say {
    lang: Lang,
    program: bool,
    by_header: bool,
    secure: bool,
    /// Where a browser goes again after it got its ticket.
    again: Option<HeaderValue>,
    safe: bool,
}

impl Say {
    pub(super) fn new<B>(whom: &Whom, request: &Request<B>) -> Self {
        let target = forward::target(request);
        let text = target.as_str();
        // `//host/…` and `/\host/…` would lead elsewhere.
        let here = text.starts_with('/') && !text[1..].starts_with(['/', '\\']);
        Self {
            lang: page::lang(request.headers()),
            program: whom.program,
            by_header: whom.by_header || whom.program,
            secure: whom.secure,
            again: HeaderValue::from_str(if here { text } else { "/" }).ok(),
            safe: [Method::GET, Method::HEAD].contains(request.method()),
        }
    }
}

impl Admission {
    pub(super) fn answer(&self, plan: &Plan, say: Say, refused: Refused) -> Response<Answer> {
        let now = (self.clock)();
        let refresh = self.jitter(plan.settings.room.refresh);
        let (why, ticket, after) = match refused {
            Refused::Change(ticket) => (Why::Turn, Some(ticket), Some(0)),
            Refused::Waits { ticket, place, minutes, now } => {
                (waits(place, minutes, now), Some(*ticket), Some(refresh))
            }
            Refused::Full => (Why::Full, None, Some(refresh)),
            Refused::Closed => (Why::Closed, None, None),
            Refused::Busy { after, ticket } => {
                // Rounded up; who comes a moment too early would only be refused again.
                let seconds =
                    after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0)).clamp(1, 3_600);
                (Why::Busy, ticket, Some(seconds))
            }
        };
        let turn = why == Why::Turn && !say.program;
        let mut answer = if turn {
            // The same request again, method and body too, with the ticket that this answer brings.
            let mut answer = own::told(StatusCode::TEMPORARY_REDIRECT, "it is your turn");
            if let Some(again) = say.again {
                answer.headers_mut().insert(header::LOCATION, again);
            }
            answer
        } else if say.program {
            let status =
                if why == Why::Closed { StatusCode::FORBIDDEN } else { StatusCode::SERVICE_UNAVAILABLE };
            page::answer(status, true, page::problem(why, status, after), after)
        } else {
            let status = match (why, plan.settings.waiting_status) {
                (Why::Closed, _) => StatusCode::FORBIDDEN,
                // What was sent was not done, and nothing may think that it was.
                (Why::Busy, _) => StatusCode::SERVICE_UNAVAILABLE,
                (_, WaitingStatus::Ok) if say.safe => StatusCode::OK,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            // A form that was sent would come again as a question for a page that may not exist.
            let renews = after.filter(|_| say.safe || why != Why::Busy);
            page::answer(status, false, page::html(why, say.lang, renews), after)
        };
        if let Some(ticket) = ticket {
            give(plan, &self.keys, &ticket, (say.secure, say.by_header), now, answer.headers_mut());
        }
        answer
    }

    /// A time, a quarter more or less by chance, in whole seconds: those who came together do not come again together.
    fn jitter(&self, time: Duration) -> u64 {
        let mut chance = [0; 2];
        self.chance.fill(&mut chance);
        let part = 750 + u64::from(u16::from_be_bytes(chance)) * 500 / 65_536;
        (u64::try_from(time.as_millis()).unwrap_or(u64::MAX).saturating_mul(part) / 1_000_000).max(1)
    }
}

fn waits(place: Place, minutes: Option<u64>, now: Duration) -> Why {
    match place {
        Place::Waiting { number, position } => Why::Waits { number, position, minutes },
        Place::Early { opens_at } => {
            Why::Early { minutes: opens_at.saturating_sub(now).as_secs().div_ceil(60) }
        }
        Place::Called { .. } | Place::Inside => Why::Turn,
        Place::NotDrawn => Why::Closed,
    }
}

/// Puts a ticket into an answer: as cookie, and for programs in a header.
pub(super) fn give(
    plan: &Plan,
    keys: &Keys,
    ticket: &Ticket,
    (secure, by_header): (bool, bool),
    now: Duration,
    fields: &mut HeaderMap,
) {
    let Some(&(hall, _)) = plan.lines.get(&ticket.line) else { return };
    let (signed, name) = (keys.sign(ticket), plan.settings.cookie_name(hall, secure));
    let secure = if secure { "; Secure" } else { "" };
    let lasts = ticket.expires.saturating_sub(now).as_secs();
    let cookie = format!("{name}={signed}; Path=/; Max-Age={lasts}; HttpOnly; SameSite=Lax{secure}");
    // Of checked names, base64url and numbers.
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        fields.append(header::SET_COOKIE, cookie);
    }
    if by_header && let Ok(signed) = HeaderValue::from_str(&signed) {
        fields.insert(TICKET_HEADER, signed);
    }
}
