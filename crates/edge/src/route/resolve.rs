//! One request's route, class and disposition.

use http::Method;

use super::path::{Confusion, canonical, looks_like_file, suffix};
use super::pattern::{fold, is_delimiter};
use super::table::{Route, RouteTable};
use super::tree::RouteId;
use crate::rules::{Caching, Class, Mode};

/// A last segment with more delimiters than this is not examined: it is personal wherever there is doubt at all.
const MAX_DELIMITERS: usize = 64;

/// Where a request belongs.
#[derive(Debug, Clone, Copy)]
pub struct Resolved<'t> {
    /// The declared route; none for a path that no route covers for sure.
    pub route: Option<&'t Route>,
    /// What the route declares about caching; none for a personal response.
    pub public: Option<&'t Caching>,
    /// Why it is what it is.
    pub because: Because,
    /// How strictly it is treated.
    pub mode: Mode,
    /// What to do with the request.
    pub disposition: Disposition,
}

impl Resolved<'_> {
    /// Whether the response is about the person who asks, or may be.
    pub fn is_personal(&self) -> bool {
        self.public.is_none()
    }

    /// Whether a shared cache may keep the response, if the response itself does not object.
    pub fn may_be_stored(&self) -> bool {
        matches!(self.public, Some(Caching::Origin | Caching::Shared(_)))
    }
}

/// Why a request has its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Because {
    /// A declared route says so.
    Declared,
    /// No route covers the path: personal.
    Undeclared,
    /// A route covers the path, none its method: personal.
    MethodNotDeclared,
    /// Neither `GET` nor `HEAD`: personal, because a cache that keeps answers to anything else breaks every rule anyway.
    UnsafeMethod,
    /// A public route covers the path, but some server may read it as that of a personal route: personal.
    Doubt,
    /// A public route covers the path, but not its suffix: personal.
    SuffixNotDeclared,
    /// Servers read the path differently: personal.
    Confused(Confusion),
}

/// What to do with a request before the origin sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// Pass it on.
    Forward,
    /// Answer 404 in mode `enforce`: the path ends in a suffix that a personal route does not declare, or is one that no
    /// honest client sends. Some caches keep by suffix whatever the headers say.
    NotFound,
}

impl RouteTable {
    /// The route of a request; `path` is the path of its URL as received, without query.
    ///
    /// Public only if a public route covers the decoded path *and* no personal route would cover it for a server that
    /// ignores case, width, a slash at the end or what follows a delimiter in the last segment.
    pub fn resolve(&self, method: &Method, path: &str) -> Resolved<'_> {
        let decoded = match canonical(path) {
            Ok(decoded) => decoded,
            Err(confusion) => return self.confused(path, confusion),
        };
        let found = self.exact.find(&decoded);
        let Some(first) = found.first() else {
            return personal(None, Because::Undeclared, self.undeclared, Disposition::Forward);
        };
        // Personal ones are first.
        let Some(route) = found.iter().map(|id| self.at(*id)).find(|route| route.answers(method)) else {
            let mode = found.iter().map(|id| self.at(*id).mode).fold(Mode::Observe, Ord::max);
            let route = self.at(*first);
            return personal(Some(route), Because::MethodNotDeclared, mode, by_suffix(route, &decoded));
        };
        let Class::Public(caching) = &route.class else {
            return personal(Some(route), Because::Declared, route.mode, by_suffix(route, &decoded));
        };
        if !route.contested_by.is_empty()
            && let Some(claimant) = self.claimant(route, &decoded)
        {
            let mode = claimant.mode.max(route.mode);
            return personal(Some(claimant), Because::Doubt, mode, by_suffix(claimant, &decoded));
        }
        if method != Method::GET && method != Method::HEAD {
            return personal(Some(route), Because::UnsafeMethod, route.mode, Disposition::Forward);
        }
        if !route.suffixes.is_empty()
            && suffix(&decoded).is_some_and(|suffix| !route.allows(&decoded, suffix))
        {
            return personal(Some(route), Because::SuffixNotDeclared, route.mode, Disposition::Forward);
        }
        Resolved {
            route: Some(route),
            public: Some(caching),
            because: Because::Declared,
            mode: route.mode,
            disposition: Disposition::Forward,
        }
    }

    fn at(&self, id: RouteId) -> &Route {
        &self.routes[id as usize]
    }

    /// Never public. Refused if hostile, or if it ends like a file; but `//` before a public file is mere sloppiness.
    fn confused(&self, path: &str, confusion: Confusion) -> Resolved<'_> {
        let refuse = confusion.is_hostile() || looks_like_file(path) && !self.is_sloppy(path, confusion);
        let disposition = if refuse { Disposition::NotFound } else { Disposition::Forward };
        personal(None, Because::Confused(confusion), self.strictest, disposition)
    }

    fn is_sloppy(&self, path: &str, confusion: Confusion) -> bool {
        if confusion != Confusion::EmptySegment {
            return false;
        }
        let mut single = String::with_capacity(path.len());
        for c in path.chars() {
            if c != '/' || !single.ends_with('/') {
                single.push(c);
            }
        }
        canonical(&single).is_ok() && !self.resolve(&Method::GET, &single).is_personal()
    }

    /// The personal route that a careless server could take `path` for, although `public` covers it.
    fn claimant(&self, public: &Route, path: &str) -> Option<&Route> {
        let folded = fold(path);
        if let Some(route) = self.claims(public, &folded) {
            return Some(route);
        }
        if public.pattern.is_literal() {
            return None; // this very path was declared public
        }
        let body = folded.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(&folded);
        let name = body.rfind('/').map_or(0, |slash| slash + 1);
        let cuts =
            || body.bytes().enumerate().skip(name).filter(|(_, byte)| is_delimiter(*byte)).map(|(at, _)| at);
        if cuts().count() > MAX_DELIMITERS {
            return public.contested_by.first().map(|id| self.at(*id));
        }
        let mut variant = String::with_capacity(body.len() + 1);
        std::iter::once(body.len()).chain(cuts()).find_map(|at| {
            variant.clear();
            variant.push_str(&body[..at]);
            let without = self.claims(public, &variant);
            variant.push('/');
            without.or_else(|| self.claims(public, &variant))
        })
    }

    fn claims(&self, public: &Route, variant: &str) -> Option<&Route> {
        let found = self.at(*self.folded.find(variant).first()?);
        (found.is_personal() && found.rank <= public.rank).then_some(found)
    }
}

const fn personal<'t>(
    route: Option<&'t Route>,
    because: Because,
    mode: Mode,
    disposition: Disposition,
) -> Resolved<'t> {
    Resolved { route, public: None, because, mode, disposition }
}

fn by_suffix(route: &Route, path: &str) -> Disposition {
    match suffix(path) {
        Some(suffix) if route.is_personal() && !route.allows(path, suffix) => Disposition::NotFound,
        _ => Disposition::Forward,
    }
}
