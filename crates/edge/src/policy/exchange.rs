//! One request and its response.

use http::{HeaderMap, HeaderName, Method, StatusCode, header};

use super::finding::{Findings, Kind};
use super::{personal, public};
use crate::route::{Because, Disposition, Resolved, RouteTable};
use crate::rules::{Caching, Mode};

/// A judged request, waiting for its response.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'t> {
    resolved: Resolved<'t>,
    authorized: bool,
    /// Whoever asked knows otherwise that the response names a person.
    names_subject: bool,
    findings: Findings<'t>,
}

/// What became of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict<'t> {
    /// How it leaves.
    pub leaves: Leaves,
    /// The status to send instead, without the origin's body: 502 for a 304 on a personal route.
    pub replace: Option<StatusCode>,
    /// What was wrong with it.
    pub findings: Findings<'t>,
}

/// How a response leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Leaves {
    /// With the headers of a personal response.
    Personal,
    /// With what its public route declares.
    Public,
    /// As it came: the mode is not `enforce`, or a public route declares nothing.
    Untouched,
}

/// Asking whether a copy is still good. `If-Match` and `If-Unmodified-Since` stay: they guard writes.
static CONDITIONS: [HeaderName; 3] = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_RANGE];

impl RouteTable {
    /// Judges a request; `path` is the path of its URL as received, without query.
    ///
    /// In mode `enforce` a personal request leaves without conditions, so that the origin sends the whole page: a 304
    /// would confirm a copy that may be another person's (a shared computer, a cache in between that asks on behalf of
    /// whoever comes next). A `Range` goes with its `If-Range`, because half a page must not be joined to another's half.
    pub fn judge_request<'t>(&'t self, method: &Method, path: &str, headers: &mut HeaderMap) -> Exchange<'t> {
        let resolved = self.resolve(method, path);
        let authorized = headers.contains_key(header::AUTHORIZATION);
        let mut findings = Findings::new(resolved.route.map(|route| route.name()), resolved.mode);
        match resolved.because {
            Because::Undeclared => findings.add(Kind::UndeclaredRoute),
            Because::MethodNotDeclared | Because::UnsafeMethod => findings.add(Kind::UndeclaredMethod),
            Because::Doubt | Because::SuffixNotDeclared => findings.add(Kind::DoubtfulPath),
            Because::Confused(_) => findings.add(Kind::ConfusedPath),
            Because::Declared => {}
        }
        if resolved.disposition == Disposition::NotFound && !matches!(resolved.because, Because::Confused(_))
        {
            findings.add(Kind::UnknownSuffix);
        }
        if resolved.may_be_stored() && authorized {
            findings.add(Kind::PublicWithAuthorization);
        }
        if (!resolved.may_be_stored() || authorized)
            && CONDITIONS.iter().any(|field| headers.contains_key(field))
        {
            findings.add(Kind::ConditionalRequest);
            if resolved.mode == Mode::Enforce {
                if headers.contains_key(header::IF_RANGE) {
                    headers.remove(header::RANGE);
                }
                for field in &CONDITIONS {
                    headers.remove(field);
                }
            }
        }
        Exchange { resolved, authorized, names_subject: false, findings }
    }
}

impl<'t> Exchange<'t> {
    /// Route, class and reason.
    pub fn resolved(&self) -> Resolved<'t> {
        self.resolved
    }

    /// What was wrong with the request.
    pub fn findings(&self) -> Findings<'t> {
        self.findings
    }

    /// The status to answer with instead of asking the origin (then [`seal`](super::seal) the answer's headers).
    pub fn refusal(&self) -> Option<StatusCode> {
        (self.resolved.disposition == Disposition::NotFound && self.resolved.mode == Mode::Enforce)
            .then_some(StatusCode::NOT_FOUND)
    }

    /// The same for a response that names a person in a way which its headers do not show: in fields that were taken away before. On
    /// a public route that proves it personal ([`Kind::PublicNamesSubject`]), like a subject's tag.
    #[must_use]
    pub fn naming_a_subject(self) -> Self {
        Self { names_subject: true, ..self }
    }

    /// Judges the response and, in mode `enforce`, corrects its headers. Doing it twice changes nothing more.
    pub fn judge_response(&self, status: StatusCode, headers: &mut HeaderMap) -> Verdict<'t> {
        let mut findings = Findings::new(self.resolved.route.map(|route| route.name()), self.resolved.mode);
        let enforce = self.resolved.mode == Mode::Enforce;
        let caching = match self.resolved.public {
            None | Some(Caching::NoStore) => {
                personal::inspect(status, headers, &mut findings);
                return self.as_personal(status, headers, findings);
            }
            Some(caching) => caching,
        };
        let proven = public::proves_personal(headers, self.names_subject, &mut findings);
        if self.authorized {
            findings.add(Kind::PublicWithAuthorization);
        }
        if !public::is_declared_status(status) {
            findings.add(Kind::PublicStatus);
        } else if !proven && !self.authorized {
            let (Caching::Shared(lifetime), Some(route)) = (caching, self.resolved.route) else {
                return Verdict { leaves: Leaves::Untouched, replace: None, findings };
            };
            let Some(cache_control) = &route.cache_control else {
                // Every route with a lifetime was compiled with its header; without it, nothing is declared.
                return Verdict { leaves: Leaves::Untouched, replace: None, findings };
            };
            public::inspect(headers, lifetime, cache_control, &mut findings);
            if !enforce {
                return Verdict { leaves: Leaves::Untouched, replace: None, findings };
            }
            public::publish(headers, lifetime, cache_control);
            return Verdict { leaves: Leaves::Public, replace: None, findings };
        }
        self.as_personal(status, headers, findings)
    }

    /// A 304 that nobody can have asked for is replaced. On a public route whose response turned out personal, it may
    /// stay: what it confirms is the public representation.
    fn as_personal(
        &self,
        status: StatusCode,
        headers: &mut HeaderMap,
        findings: Findings<'t>,
    ) -> Verdict<'t> {
        if self.resolved.mode != Mode::Enforce {
            return Verdict { leaves: Leaves::Untouched, replace: None, findings };
        }
        personal::seal(headers);
        let unasked =
            status == StatusCode::NOT_MODIFIED && (!self.resolved.may_be_stored() || self.authorized);
        Verdict { leaves: Leaves::Personal, replace: unasked.then_some(StatusCode::BAD_GATEWAY), findings }
    }
}
