//! A request, before the origin hears of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use edge::Mode;
use edge::identity::{Binding, Identity as Whose, Keyring, Tag, TagError};
use edge::policy::Exchange;
use http::header::HeaderName;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use sha2::{Digest, Sha256};

use super::finding::Kind;
use super::table::{Key, Person};
use super::tenant::Said;
use super::{Declared, Identity, binding, session, tenant};
use crate::body::Answer;
use crate::rules::Sink;
use crate::{forward, own};

/// One carrier's session in a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Place of its carrier in the declaration.
    pub place: usize,
    /// Under which the table knows it.
    pub key: Key,
    /// SHA-256 of its value, the same in every process: what stands for the session outside of the table.
    pub digest: [u8; 32],
}

/// A request that was looked at and waits for its answer.
pub struct Asked {
    pub(super) declared: Arc<Declared>,
    pub(super) route: Option<Box<str>>,
    pub(super) mode: Mode,
    pub(super) personal: bool,
    /// In the order in which the system looks.
    pub(super) sessions: Vec<Session>,
    /// Whom the first of them belongs to.
    pub(super) owner: Option<Arc<Person>>,
    /// Of the path.
    pub(super) tenants: BTreeSet<String>,
    pub(super) sign_in: bool,
    pub(super) method: Method,
    pub(super) target: PathAndQuery,
    pub(super) viewer: Option<Tag>,
    /// Fields that are between the system and the guard.
    pub(super) hidden: Arc<[HeaderName]>,
    /// Whom the answer is about, once it is there.
    pub(super) about: Option<Arc<Person>>,
    /// Whom the session belongs to, where that is somebody else.
    pub(super) seen_by: Option<Arc<Person>>,
    /// A public answer names a person.
    pub(super) names_subject: bool,
}

impl Asked {
    /// Fields that are between the system and the guard.
    pub fn hidden(&self) -> Arc<[HeaderName]> {
        self.hidden.clone()
    }

    /// Whom the answer is about: as the system named them, else as the session is known.
    pub fn about(&self) -> Option<&Person> {
        self.about.as_deref()
    }

    /// Whom the session belongs to, where the answer is about somebody else.
    pub fn seen_by(&self) -> Option<&Person> {
        self.seen_by.as_deref()
    }

    /// Whether an answer on a public route names a person, in fields that are taken away.
    pub fn names_subject(&self) -> bool {
        self.names_subject
    }

    /// SHA-256 of the session that the request was sent with.
    pub fn session(&self) -> Option<[u8; 32]> {
        self.sessions.first().map(|session| session.digest)
    }

    pub(super) fn is_read(&self) -> bool {
        [Method::GET, Method::HEAD, Method::OPTIONS].contains(&self.method)
    }

    /// Whether another person may sign in with this request, if the session changes.
    pub(super) fn may_sign_in(&self) -> bool {
        if self.declared.said.sign_in.is_empty() { !self.is_read() } else { self.sign_in }
    }

    pub(super) fn is_by_cookie(&self, session: Session) -> bool {
        let carrier = self.declared.said.carriers.get(session.place);
        matches!(carrier, Some(super::Carrier::Cookie(_)))
    }

    /// What the answer must do about tags, when it is about this person of this session.
    pub(super) fn bind(
        &self,
        keys: &Keyring,
        person: Option<&Person>,
        session: Option<[u8; 32]>,
    ) -> Result<Binding, TagError> {
        let said = &self.declared.said;
        let system = said.system.as_str();
        if said.subject_header.is_some() {
            let whose = person.and_then(|person| {
                let tenant = person.tenant.as_deref().unwrap_or_default();
                person.subject.as_deref().map(|subject| Whose { system, tenant, subject })
            });
            return keys.bind(self.viewer.as_ref(), whose);
        }
        // A system that names nobody: then the session stands for the person.
        let subject = session.map(|digest| format!("session:{}", hex::encode(digest)));
        let whose = subject.as_deref().map(|subject| Whose { system, tenant: "", subject });
        keys.bind(self.viewer.as_ref(), whose)
    }
}

impl Identity {
    /// Looks at a request, takes away what only the system may say, and gives the answer instead where it is in doubt or in the wrong
    /// place.
    pub(crate) fn of_request<B>(
        &self,
        request: &mut Request<B>,
        exchange: &Exchange<'_>,
        tunnel: bool,
        sink: &dyn Sink,
    ) -> (Asked, Option<Response<Answer>>) {
        let declared = self.declared.load_full();
        let tagged = self.binding.load().is_some();
        let hidden = if tagged { &declared.hidden_with_tag } else { &declared.hidden };
        let route = exchange.resolved().route.map(edge::Route::name);
        let said = &declared.said;
        let mut asked = Asked {
            mode: said.mode_of(route),
            personal: exchange.resolved().is_personal(),
            sign_in: route.is_some_and(|route| said.sign_in.contains(route)),
            route: route.map(Box::from),
            sessions: Vec::new(),
            owner: None,
            tenants: BTreeSet::new(),
            method: request.method().clone(),
            target: forward::target(request),
            viewer: None,
            about: None,
            seen_by: None,
            names_subject: false,
            hidden: hidden.clone(),
            declared: declared.clone(),
        };
        if remove_hidden(request.headers_mut(), hidden) {
            declared.note(&asked, Kind::IdentityClaimed, sink);
        }
        let read = session::of_request(&said.carriers, request.headers());
        if let Ok(values) = &read {
            let each = values.iter().enumerate().filter_map(|(place, value)| Some((place, value.as_ref()?)));
            asked.sessions = each.map(|(place, value)| session_of(&declared, place, value)).collect();
        }
        if !asked.personal {
            // Of use only where the answer names a person after all; nothing is refused for it.
            asked.viewer = if tagged { Tag::of_viewer(request.headers()).ok().flatten() } else { None };
            return (asked, None);
        }
        let stop = |asked: Asked, status: StatusCode, text: &str| {
            let answer = self.own(own::told(status, text));
            (asked, Some(answer))
        };
        if read.is_err() && declared.stops(&asked, Kind::SessionInDoubt, sink) {
            return stop(
                asked,
                StatusCode::BAD_REQUEST,
                "the session was sent twice; delete this site's cookies",
            );
        }
        let known: Vec<_> = asked.sessions.iter().map(|session| declared.table.find(session.key)).collect();
        asked.owner = known.first().cloned().flatten();
        asked.about = asked.owner.clone();
        let people: Vec<_> = known.into_iter().flatten().collect();
        match tenant::read(&declared.patterns, request.uri().path()) {
            Said::Tenants(tenants) => asked.tenants = tenants,
            Said::Anything => {
                if !asked.sessions.is_empty() && declared.stops(&asked, Kind::TenantInDoubt, sink) {
                    return stop(asked, StatusCode::NOT_FOUND, "there is nothing here");
                }
            }
        }
        if !asked.sign_in {
            // Each of them: one that was planted before it must not hide whose request it is.
            let foreign = people.iter().any(|person| asked.is_foreign(person));
            if foreign && declared.stops(&asked, Kind::TenantOfPath, sink) {
                return stop(asked, StatusCode::FORBIDDEN, "this is not for who is signed in");
            }
            let writes = !asked.is_read() && !asked.tenants.is_empty();
            let unknown = people.is_empty() && !asked.sessions.is_empty();
            if writes
                && unknown
                && !said.unknown_may_write
                && declared.stops(&asked, Kind::UnknownWrites, sink)
            {
                return stop(asked, StatusCode::FORBIDDEN, "open the page again, then repeat this");
            }
        }
        let instead = self.greet(&mut asked, request.headers(), tunnel);
        (asked, instead)
    }

    /// Reads the viewer's tag, and has the browser come again with the right one before the origin does anything for it.
    fn greet(&self, asked: &mut Asked, fields: &HeaderMap, tunnel: bool) -> Option<Response<Answer>> {
        let keys = self.binding.load_full()?;
        match Tag::of_viewer(fields) {
            Ok(viewer) => asked.viewer = viewer,
            // It is overwritten.
            Err(TagError::Malformed) => {}
            // No redirect helps: one cookie would stay.
            Err(_) if asked.sessions.is_empty() => {}
            Err(_) => {
                let text =
                    "the viewer's cookie was sent twice, or there are too many; delete this site's cookies";
                return Some(binding::about_nobody(own::told(StatusCode::BAD_REQUEST, text)));
            }
        }
        // What the answer will change is not known yet where somebody signs in.
        if tunnel || asked.sign_in || ![Method::GET, Method::HEAD].contains(&asked.method) {
            return None;
        }
        let first = asked.sessions.first().copied().filter(|first| asked.is_by_cookie(*first))?;
        match asked.bind(&keys, asked.owner.as_deref(), Some(first.digest)) {
            Ok(Binding::Rebind(tag)) => {
                Some(binding::redirect(StatusCode::TEMPORARY_REDIRECT, &asked.target, &tag))
            }
            _ => None,
        }
    }
}

impl Asked {
    /// Whether the path is one of another tenant.
    pub(super) fn is_foreign(&self, person: &Person) -> bool {
        person.tenant.as_deref().is_some_and(|own| self.tenants.iter().any(|tenant| tenant != own))
    }
}

pub fn session_of(declared: &Declared, place: usize, value: &[u8]) -> Session {
    Session { place, key: declared.table.key(place, value), digest: Sha256::digest(value).into() }
}

/// Takes the fields away, under names too that CGI takes for the same (`_` for `-`); whether there were any.
pub fn remove_hidden(fields: &mut HeaderMap, hidden: &[HeaderName]) -> bool {
    let same = |one: &HeaderName, other: &HeaderName| {
        let folded = |byte: u8| if byte == b'_' { b'-' } else { byte };
        one.as_str().bytes().map(folded).eq(other.as_str().bytes().map(folded))
    };
    let found: Vec<HeaderName> =
        fields.keys().filter(|name| hidden.iter().any(|known| same(name, known))).cloned().collect();
    for name in &found {
        fields.remove(name);
    }
    !found.is_empty()
}
