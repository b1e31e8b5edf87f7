//! Whose request it is: tenant, channel, group, program or browser, and the tickets that it shows.

use capacity::admission::Mode;
use http::Method;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::desk::Asked;
use super::kind::Kind;
use super::settings::{Asking, KnownBy, Plan, TenantOf, place_cookie};
use super::ticket::{Keys, Stands, Ticket, TicketError};

/// Header in which programs show their ticket, and in which they get one.
pub const TICKET_HEADER: HeaderName = HeaderName::from_static("suimon-place");

/// Most bytes of `Cookie` that are looked at.
const MOST_COOKIE_BYTES: usize = 16_384;
/// Most tickets whose signatures are checked.
const MOST_TICKETS: usize = 8;

/// Whose request it is.
pub(super) struct Whom {
    pub asked: Asked,
    /// It gets JSON, not a page.
    pub program: bool,
    /// It needs no place.
    pub open: bool,
    /// Its ticket's cookie is the one for TLS.
    pub secure: bool,
    /// A ticket came in the header.
    pub by_header: bool,
    /// What was wrong with a ticket.
    pub wrong: Option<Kind>,
}

/// Recognises a request. `encrypted`: the browser asked over TLS; `public`: its route is declared public.
pub(super) fn recognise(
    plan: &Plan,
    keys: &Keys,
    asking: Asking<'_>,
    encrypted: bool,
    public: bool,
    now: std::time::Duration,
) -> Whom {
    let Asking { host, method, uri, fields, trusted } = asking;
    let path = edge::canonical(uri.path()).ok();
    let path = path.as_deref();
    let hall = tenant(plan, asking, path).and_then(|name| plan.halls.get(&name).copied()).unwrap_or(0);
    let mut fits = plan.settings.channels.iter().zip(&plan.channel_paths);
    let channel = fits.position(|(channel, pattern)| match &channel.known_by {
        KnownBy::Rest => false,
        KnownBy::Header(name, value) => {
            let mut said = fields.get_all(name).iter();
            trusted
                && said.next().is_some_and(|one| one.as_bytes() == value.as_bytes())
                && said.next().is_none()
        }
        KnownBy::Path(_) => {
            pattern.as_ref().zip(path).is_some_and(|(pattern, path)| pattern.matches(path).is_some())
        }
        KnownBy::Host(name) => host.host().eq_ignore_ascii_case(name),
    });
    let group = match &plan.settings.room.order {
        Mode::ByGroup { groups } => {
            let last = groups.len().saturating_sub(1);
            let told = plan.settings.room.group_of.as_ref().and_then(|group_of| group_of(asking));
            told.map_or(last, |group| group.min(last))
        }
        Mode::Fifo | Mode::ShuffleThenFifo { .. } | Mode::Lottery { .. } => 0,
    };
    let any = |patterns: &[super::pattern::Pattern]| {
        path.is_some_and(|path| patterns.iter().any(|pattern| pattern.matches(path).is_some()))
    };
    let secure = plan.settings.cookie.is_secure(encrypted);
    let (tickets, wrong, by_header) = tickets(plan, keys, (hall, secure), fields, now);
    Whom {
        asked: Asked { hall, channel: channel.unwrap_or(0), group, tickets },
        program: any(&plan.api) || accepts_json(fields) || fields.contains_key(header::UPGRADE),
        // A browser asks for leave to ask from another site without cookies (Fetch standard, CORS-preflight).
        open: public || *method == Method::OPTIONS || any(&plan.open),
        secure,
        by_header,
        wrong,
    }
}

fn tenant(plan: &Plan, asking: Asking<'_>, path: Option<&str>) -> Option<String> {
    match &plan.settings.tenant_of {
        TenantOf::Nobody => None,
        TenantOf::Paths(_) => {
            let path = path?;
            plan.tenant_paths.iter().find_map(|pattern| pattern.matches(path)).map(str::to_owned)
        }
        TenantOf::Function(function) => function(asking),
    }
}

/// Whether JSON is asked for and no page (RFC 9110 section 12.5.1).
fn accepts_json(fields: &HeaderMap) -> bool {
    let accepts = |wanted: &dyn Fn(&str) -> bool| {
        let lines = fields.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).any(|range| {
            let range = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            wanted(&range)
        })
    };
    accepts(&|range| range == "application/json" || range.ends_with("+json"))
        && !accepts(&|range| range == "text/html" || range == "application/xhtml+xml")
}

/// The tickets that are sound, the header's first; whether one was not; whether there was a header.
fn tickets(
    plan: &Plan,
    keys: &Keys,
    (hall, secure): (usize, bool),
    fields: &HeaderMap,
    now: std::time::Duration,
) -> (Vec<Ticket>, Option<Kind>, bool) {
    let header = fields.get(&TICKET_HEADER).map(HeaderValue::as_bytes);
    let (base, own) = (place_cookie(secure), plan.settings.cookie_name(hall, secure));
    let lines = || fields.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    let few = lines().map(<[u8]>::len).sum::<usize>() <= MOST_COOKIE_BYTES;
    let cookies =
        lines().filter(|_| few).flat_map(|line| line.split(|byte| *byte == b';')).filter_map(|cookie| {
            let (name, value) = split(cookie)?;
            // What is nobody's own is open to those who are inside at a tenant.
            let wanted = name == own.as_bytes() || hall == 0 && is_ours(name, base);
            wanted.then_some(value)
        });
    let mut wrong = None;
    let mut found: Vec<Ticket> = Vec::new();
    for text in header.into_iter().chain(cookies).take(MOST_TICKETS) {
        match std::str::from_utf8(text)
            .map_err(|_| TicketError::Malformed)
            .and_then(|text| keys.read(text, now))
        {
            Ok(ticket) => found.push(ticket),
            Err(TicketError::Expired) => wrong = Some(Kind::Expired),
            Err(_) => wrong = Some(Kind::Forged),
        }
    }
    // Of several rooms' tickets, one for a place inside is worth more than one for a line.
    found.sort_by_key(|ticket| !matches!(ticket.stands, Stands::Inside { .. }));
    (found, wrong, header.is_some())
}

fn split(cookie: &[u8]) -> Option<(&[u8], &[u8])> {
    let cookie = cookie.trim_ascii();
    let at = cookie.iter().position(|byte| *byte == b'=')?;
    Some((&cookie[..at], &cookie[at + 1..]))
}

fn is_ours(name: &[u8], base: &str) -> bool {
    name.strip_prefix(base.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"-"))
}

/// The session of the system, by the first of its cookies that is there.
pub(super) fn session<'f>(plan: &Plan, fields: &'f HeaderMap) -> Option<&'f [u8]> {
    let cookies = || {
        let lines = fields.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
        lines.flat_map(|line| line.split(|byte| *byte == b';')).filter_map(split)
    };
    let names = plan.settings.session_cookies.iter();
    names.into_iter().find_map(|wanted| {
        cookies()
            .find(|(name, value)| *name == wanted.as_bytes() && !value.is_empty())
            .map(|(_, value)| value)
    })
}

/// Takes tickets out of what the origin gets, and what only a trusted network may say of the channel.
pub(super) fn strip(plan: &Plan, fields: &mut HeaderMap, trusted: bool) {
    fields.remove(&TICKET_HEADER);
    if !trusted {
        for channel in &plan.settings.channels {
            if let KnownBy::Header(name, _) = &channel.known_by {
                fields.remove(name);
            }
        }
    }
    let ours = |cookie: &&[u8]| {
        split(cookie)
            .is_some_and(|(name, _)| [true, false].iter().any(|secure| is_ours(name, place_cookie(*secure))))
    };
    let lines: Vec<HeaderValue> = fields.get_all(header::COOKIE).iter().cloned().collect();
    if !lines.iter().any(|line| line.as_bytes().split(|byte| *byte == b';').any(|cookie| ours(&cookie))) {
        return;
    }
    fields.remove(header::COOKIE);
    for line in lines {
        let kept: Vec<&[u8]> = line
            .as_bytes()
            .split(|byte| *byte == b';')
            .filter(|cookie| !ours(cookie))
            .map(<[u8]>::trim_ascii)
            .filter(|cookie| !cookie.is_empty())
            .collect();
        // Of bytes that a field was made of.
        if let Some(kept) =
            HeaderValue::from_bytes(&kept.join(&b"; "[..])).ok().filter(|kept| !kept.is_empty())
        {
            fields.append(header::COOKIE, kept);
        }
    }
}
