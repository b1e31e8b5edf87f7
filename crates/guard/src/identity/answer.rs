//! The origin's answer, before it leaves: whom it names is who asked, or it does not leave.

use std::sync::Arc;

use edge::identity::{ANONYMOUS, Binding, Keyring, SUBJECT_TAG_HEADER, Tag};
use http::{Method, Response, StatusCode};

use super::binding::{self, AfterWrite};
use super::finding::Kind;
use super::named::{self, Named, differ, joined};
use super::request::{Asked, Session, remove_hidden, session_of};
use super::session::{self, Change};
use super::{Declared, Identity};
use crate::body::Answer;
use crate::own;
use crate::rules::Sink;

/// What an answer does with the request's sessions.
struct Changes {
    /// Those of the request that are none from now on.
    ended: Vec<Session>,
    /// The one that decides from now on, if it is a new one.
    renewed: Option<Session>,
    /// The session that decides is another one from now on, or none.
    any: bool,
}

impl Identity {
    /// Learns from an answer whom the session belongs to, takes away what is between the system and the guard, and gives the answer
    /// that leaves in its place, where it must not leave.
    pub(crate) fn of_answer(
        &self,
        asked: &mut Asked,
        answer: &mut Response<Answer>,
        sink: &dyn Sink,
    ) -> Option<Response<Answer>> {
        let declared = asked.declared.clone();
        let named = named::of_answer(&declared.said, answer.headers());
        let tagged = answer.headers().get_all(SUBJECT_TAG_HEADER).iter().any(|tag| tag != ANONYMOUS);
        remove_hidden(answer.headers_mut(), &asked.hidden);
        let keys = self.binding.load_full();
        if keys.is_some() {
            binding::drop_viewer_cookies(answer.headers_mut());
        }
        let changes = changes(asked, answer);
        if !asked.personal {
            // Of people a public answer says nothing that could be trusted: it may come from a cache before the origin.
            changes.apply(&declared);
            asked.public(&named, tagged);
            if let Some(keys) = keys {
                let tag = asked.tag_of_public(&keys).filter(|_| !is_tunnel(answer));
                binding::carry(answer.headers_mut(), tag.as_ref());
            }
            return None;
        }
        if let Some(instead) = self.mixed_up(asked, &named, &changes, sink) {
            return Some(instead);
        }
        asked.learn(&named, &changes, sink);
        if let Named::Somebody(person) = &named
            && !asked.sign_in
            && asked.is_foreign(person)
            && declared.stops(asked, Kind::TenantOfPath, sink)
        {
            return Some(self.own(own::told(StatusCode::FORBIDDEN, "this is not for who is signed in")));
        }
        let unknown = asked.is_nameless() && changes.session_after(asked).is_some();
        if unknown && !matches!(named, Named::Nobody) && answer.status().is_success() {
            declared.note(asked, Kind::PersonUnknown, sink);
        }
        let keys = keys?;
        if is_tunnel(answer) {
            // It has no page. An edge that looks for a tag before it looks at the status finds one.
            binding::carry(answer.headers_mut(), None);
            return None;
        }
        self.tag(asked, &keys, &changes, answer)
    }

    /// An answer about somebody else than who asked. Nothing is learned from it, and what it does to the session is not believed:
    /// it may come with that other person's cookies.
    fn mixed_up(
        &self,
        asked: &mut Asked,
        named: &Named,
        changes: &Changes,
        sink: &dyn Sink,
    ) -> Option<Response<Answer>> {
        let declared = asked.declared.clone();
        let kinds = match named {
            Named::Unreadable => vec![Kind::NameUnreadable],
            Named::Somebody(person) => {
                let owner = asked.owner.clone()?;
                // Signing in makes another person of the browser, with another session.
                if asked.may_sign_in() && changes.renewed.is_some() {
                    return None;
                }
                let mut kinds = Vec::new();
                if differ(person.subject.as_deref(), owner.subject.as_deref()) {
                    kinds.push(Kind::OtherSubject);
                }
                if differ(person.tenant.as_deref(), owner.tenant.as_deref()) {
                    kinds.push(Kind::OtherTenant);
                }
                if !kinds.is_empty() {
                    asked.about = Some(person.clone());
                    asked.seen_by = Some(owner);
                }
                kinds
            }
            Named::Nothing | Named::Nobody => return None,
        };
        let mut stop = false;
        for kind in kinds {
            // Each is counted, whatever came of the one before.
            stop |= declared.stops(asked, kind, sink);
        }
        stop.then(|| {
            let text = "the system's answer is about somebody else and was withheld; sign in again";
            self.own(own::told(StatusCode::BAD_GATEWAY, text))
        })
    }

    /// Gives the answer the tag of its person, or has the browser come again with the right one.
    fn tag(
        &self,
        asked: &Asked,
        keys: &Keyring,
        changes: &Changes,
        answer: &mut Response<Answer>,
    ) -> Option<Response<Answer>> {
        let session = changes.session_after(asked);
        let person = asked.about.as_deref();
        let tag = match asked.bind(keys, person, session.map(|session| session.digest)) {
            Ok(Binding::Bound(tag)) => {
                binding::carry(answer.headers_mut(), Some(&tag));
                return None;
            }
            // About somebody else, and nothing stopped it here: the edge, which compares, does. Nobody becomes that person for it.
            Ok(Binding::Rebind(tag)) if asked.seen_by.is_some() => {
                binding::carry(answer.headers_mut(), Some(&tag));
                return None;
            }
            Ok(Binding::Rebind(tag)) => tag,
            // Names are shorter than a tag may take, so that the error cannot be.
            Ok(Binding::Anonymous) | Err(_) => {
                binding::carry(answer.headers_mut(), None);
                return None;
            }
        };
        // A client without a session's cookie would come again without the tag's, for ever; an answer that leads elsewhere shows no page.
        let leads = answer.status().is_redirection();
        let comes_again = session.is_some_and(|session| asked.is_by_cookie(session)) && !leads;
        let status = match (&asked.method, self.after_write) {
            (&Method::GET | &Method::HEAD, _) => Some(StatusCode::TEMPORARY_REDIRECT),
            (_, AfterWrite::SeeOther) => Some(StatusCode::SEE_OTHER),
            (_, AfterWrite::Pass) => None,
        };
        let Some(status) = status.filter(|_| comes_again) else {
            binding::carry(answer.headers_mut(), None);
            binding::hand_over(answer.headers_mut(), &tag);
            return None;
        };
        let mut instead = binding::redirect(status, &asked.target, &tag);
        binding::keep_cookies(answer.headers(), &mut instead);
        Some(instead)
    }
}

fn is_tunnel(answer: &Response<Answer>) -> bool {
    answer.status() == StatusCode::SWITCHING_PROTOCOLS
}

impl Asked {
    /// Keeps of a public answer that it names a person, whoever that is: then it is no public one. A tenant alone is nobody.
    fn public(&mut self, named: &Named, tagged: bool) {
        let person = match named {
            Named::Somebody(person) if person.subject.is_some() => Some(person.clone()),
            _ => None,
        };
        self.names_subject = tagged || person.is_some() || matches!(named, Named::Unreadable);
        self.about = person;
    }

    /// The tag of whom a public answer names, so that an edge refuses it to everybody else; nobody is given the cookie for it, since
    /// the answer may be another person's. A client without cookies never holds one.
    fn tag_of_public(&self, keys: &Keyring) -> Option<Tag> {
        if self.sessions.first().is_some_and(|session| !self.is_by_cookie(*session)) {
            return None;
        }
        match self.bind(keys, Some(self.about.as_deref()?), None) {
            Ok(Binding::Bound(tag) | Binding::Rebind(tag)) => Some(tag),
            // Names are shorter than a tag may take, so that the error cannot be.
            Ok(Binding::Anonymous) | Err(_) => None,
        }
    }

    /// Whether something that is declared to be named was not.
    fn is_nameless(&self) -> bool {
        let said = &self.declared.said;
        let about = self.about.as_deref();
        let lacks = |declared: bool, name: Option<&str>| declared && name.is_none();
        lacks(said.subject_header.is_some(), about.and_then(|about| about.subject.as_deref()))
            || lacks(said.tenant_header.is_some(), about.and_then(|about| about.tenant.as_deref()))
    }

    /// Remembers whom the session belongs to from now on.
    fn learn(&mut self, named: &Named, changes: &Changes, sink: &dyn Sink) {
        let declared = self.declared.clone();
        if self.seen_by.is_some() || matches!(named, Named::Unreadable) {
            // The first word holds until the session changes.
            return;
        }
        changes.apply(&declared);
        let first = self.sessions.first().copied();
        let stays = first.filter(|_| !changes.any);
        match named {
            Named::Somebody(person) => {
                let owner = self.owner.clone().filter(|_| stays.is_some());
                let known = owner.as_ref().map_or_else(|| (**person).clone(), |owner| joined(person, owner));
                let kept = stays.is_some_and(|session| self.is_by_cookie(session));
                if self.sign_in && !self.is_read() && kept && self.owner.is_none() && known.subject.is_some()
                {
                    declared.note(self, Kind::SessionKept, sink);
                }
                let known = Arc::new(known);
                if let Some(session) = changes.renewed.or(stays)
                    && owner.as_deref() != Some(&*known)
                {
                    declared.table.learn(session.key, known.clone());
                }
                self.about = Some(known);
            }
            Named::Nobody => {
                if let Some(session) = stays {
                    declared.table.forget(session.key);
                }
                self.about = None;
            }
            // Whose a new session is, the system has not said.
            Named::Nothing if changes.any => self.about = None,
            Named::Nothing | Named::Unreadable => {}
        }
    }
}

fn changes(asked: &Asked, answer: &Response<Answer>) -> Changes {
    let declared = &asked.declared;
    let mut changes = Changes { ended: Vec::new(), renewed: None, any: false };
    let said = session::of_answer(&declared.said.carriers, answer.headers());
    let first = asked.sessions.first().map(|session| session.place);
    for (place, change) in said.iter().enumerate() {
        let Some(change) = change else { continue };
        let before = asked.sessions.iter().find(|session| session.place == place).copied();
        let renewed = match change {
            Change::Renewed(value) => Some(session_of(declared, place, value)),
            Change::Ended | Change::Unclear => None,
        };
        if before.is_some() && before == renewed {
            // Set anew, and still the same.
            continue;
        }
        changes.ended.extend(before);
        // One that the system looks at only when there is none before it changes nothing about who this is.
        if first.is_none_or(|first| place <= first) {
            changes.any = true;
            changes.renewed = changes.renewed.or(renewed);
        }
    }
    changes
}

impl Changes {
    fn apply(&self, declared: &Declared) {
        for session in &self.ended {
            declared.table.forget(session.key);
        }
    }

    /// The session that the browser's next request comes with.
    fn session_after(&self, asked: &Asked) -> Option<Session> {
        if self.any { self.renewed } else { asked.sessions.first().copied() }
    }
}

/// People are compared by what is known of both.
#[cfg(test)]
mod tests {
    use super::super::table::Person;
    use super::*;

    #[test]
    fn names_that_are_missing_contradict_nothing() {
        assert!(differ(Some("a"), Some("b")));
        assert!(!differ(Some("a"), Some("a")));
        assert!(!differ(Some("a"), None));
        assert!(!differ(None, Some("a")));
        let known = Person { subject: Some("a".into()), tenant: None };
        let newer = Person { subject: None, tenant: Some("s".into()) };
        let both = joined(&newer, &known);
        assert_eq!((both.subject.as_deref(), both.tenant.as_deref()), (Some("a"), Some("s")));
    }
}
