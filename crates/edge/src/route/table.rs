//! The compiled table.

use http::{HeaderValue, Method};

use super::pattern::Pattern;
use super::tree::Tree;
use crate::rules::{Class, Mode};

/// Declared routes, compiled. Cheap to share behind an `Arc`; never changes.
#[derive(Debug)]
pub struct RouteTable {
    /// The most specific first; personal before public on equal patterns.
    pub(crate) routes: Vec<Route>,
    pub(super) exact: Tree,
    /// The same patterns in the form in which careless servers compare: for doubt only.
    pub(super) folded: Tree,
    pub(super) undeclared: Mode,
    /// The strictest mode of all: a path that belongs to no route for sure may belong to any.
    pub(super) strictest: Mode,
}

/// A declared route, compiled.
#[derive(Debug)]
pub struct Route {
    pub(crate) name: Box<str>,
    pub(crate) pattern: Pattern,
    pub(crate) text: Box<str>,
    pub(crate) class: Class,
    pub(crate) methods: Box<[Method]>,
    /// Lower case.
    pub(crate) suffixes: Box<[Box<str>]>,
    pub(crate) mode: Mode,
    /// Equal for equally specific patterns; smaller for a more specific one.
    pub(super) rank: u32,
    /// Of a public route: the personal routes, at least as specific, that some server could take one of its paths for.
    pub(crate) contested_by: Box<[u32]>,
    /// Of a public route with a lifetime: the value of `Cache-Control`.
    pub(crate) cache_control: Option<HeaderValue>,
}

impl Route {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its pattern as declared.
    pub fn pattern(&self) -> &str {
        &self.text
    }

    /// Its class as declared.
    pub fn class(&self) -> &Class {
        &self.class
    }

    /// How strictly it is kept.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether it answers the method; `GET` includes `HEAD`.
    pub fn answers(&self, method: &Method) -> bool {
        self.methods.is_empty()
            || self.methods.contains(method)
            || method == Method::HEAD && self.methods.contains(&Method::GET)
    }

    pub(crate) fn is_personal(&self) -> bool {
        self.class == Class::Personal
    }

    /// Whether `path`, one of this route's, may end in the suffix: it is listed, or the pattern itself has the name there.
    pub(super) fn allows(&self, path: &str, suffix: &str) -> bool {
        let depth = path.strip_suffix('/').unwrap_or(path).bytes().filter(|byte| *byte == b'/').count();
        self.suffixes.iter().any(|known| known.eq_ignore_ascii_case(suffix))
            || depth.checked_sub(1).and_then(|last| self.pattern.literal_at(last)).is_some_and(|name| {
                name.rsplit_once('.').is_some_and(|(_, known)| known.eq_ignore_ascii_case(suffix))
            })
    }
}

impl RouteTable {
    /// All routes, the most specific first.
    pub fn routes(&self) -> impl ExactSizeIterator<Item = &Route> {
        self.routes.iter()
    }

    /// The route of this name.
    pub fn route(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| &*route.name == name)
    }
}
