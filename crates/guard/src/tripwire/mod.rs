//! The tripwire: each personal response says for which viewer it was made, and a browser that holds another viewer's cookie sees it,
//! hides the page, asks again past the cache, and reports whose response it got.
//!
//! It detects and hides; it does not prevent: the bytes have reached the browser. What it does not see stands in
//! `docs/guard/tripwire.md`.

mod body;
mod csp;
mod mark;
mod page;
mod place;
mod registry;
mod report;
mod rewrite;
mod script;
mod told;

pub use body::Rewritten;
pub use mark::{NONCE, ResponseId, Viewer};
pub use registry::Sighting;
pub use report::How;
pub use told::{Blindness, Count, Event, Watch};

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use capacity::admission::Rate;
use edge::Mode;
use edge::identity::Tag;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::body::Answer;
use crate::fields::{self, Caller};
use crate::settings::Settings as OfGuard;
use csp::{Place, Script};
use mark::Keys;
use page::{Plan, Wanted};
use registry::{Entry, Registry};
use rewrite::{Coding, Gzip, Outcome, Rewriting};

/// Response header with the mark.
pub const HEADER: HeaderName = HeaderName::from_static("suimon-response");
/// Parameter of a query, with 16 hexadecimal digits, by which a page is asked for past a cache. It never reaches the origin.
const FRESH: &str = "suimon-fresh=";
const FRESH_DIGITS: usize = 16;

/// Fills bytes with chance that nobody can guess.
pub type Chance = Arc<dyn Fn(&mut [u8]) + Send + Sync>;
/// Tells the time of day.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;
/// Tells by a request's fields whose it is, as an opaque pseudonym; none: nobody's, or not known.
pub type OwnerOf = Arc<dyn Fn(&HeaderMap) -> Option<String> + Send + Sync>;

/// How a tripwire is set up.
pub struct Settings {
    /// Secret, 1 to 8, the current one first: those before it stay as long as pages that they sealed may be in a cache. The same on
    /// each node of a guard. Under another current key every [`Viewer`] has another name.
    pub keys: Vec<Zeroizing<[u8; 32]>>,
    /// What a page's script does in other hands. `Observe` and `Audit`: it reports. `Enforce`: it hides the page, too.
    pub mode: Mode,
    pub limits: Limits,
    pub chance: Chance,
    pub clock: Clock,
    /// Whose a request is, where no [`Owner`] comes with the answer.
    pub owner: Option<OwnerOf>,
}

/// How much is remembered and taken.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Responses that a report can be resolved to; about 300 bytes each.
    pub responses: usize,
    /// For so long: the longest that a cache may keep a page against all headers.
    pub keep: Duration,
    /// Viewers whose owner is known, for as long.
    pub viewers: usize,
    /// Reports of one network (IPv4 /24, IPv6 /56), and so many at once.
    pub of_network: (Rate, u32),
    /// Reports of all, and so many at once.
    pub of_all: (Rate, u32),
    /// Networks whose reports are counted.
    pub networks: usize,
    /// Pages in gzip that are coded anew at once, about 300 KiB each; further ones leave plain.
    pub recoded: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            responses: 200_000,
            keep: Duration::from_secs(24 * 60 * 60),
            viewers: 200_000,
            of_network: (Rate::per_minute(30), 60),
            of_all: (Rate::per_second(50), 500),
            networks: 20_000,
            recoded: 256,
        }
    }
}

/// Why a tripwire cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TripwireError {
    #[error("tripwire: it wants 1 to 8 keys; retire old ones")]
    Keys,
}

/// In the extensions of an answer: whose it is, as an opaque pseudonym.
#[derive(Clone, Debug)]
pub struct Owner(pub Arc<str>);

/// The tripwire of a guard.
#[derive(Clone)]
pub struct Tripwire(Arc<Shared>);

/// What bodies on their way hold, too.
pub(crate) struct Shared {
    keys: Keys,
    mode: Mode,
    chance: Chance,
    clock: Clock,
    owner: Option<OwnerOf>,
    registry: Registry,
    gate: report::Gate,
    told: told::Told,
    recoded: Arc<Semaphore>,
}

/// A request that was looked at and waits for its answer.
pub(crate) struct Asked {
    method: Method,
    wanted: Wanted,
    viewer: Option<Tag>,
    owner: Option<Arc<str>>,
    host: Authority,
    encrypted: bool,
}

impl Tripwire {
    /// Tells `watch` what it sees.
    ///
    /// # Errors
    /// [`TripwireError`].
    pub fn new(settings: Settings, watch: Arc<dyn Watch>) -> Result<Self, TripwireError> {
        let Settings { keys, mode, limits, chance, clock, owner } = settings;
        let keys = Keys::new(keys).ok_or(TripwireError::Keys)?;
        let Limits { responses, keep, viewers, of_network, of_all, networks, recoded } = limits;
        Ok(Self(Arc::new(Shared {
            keys,
            mode,
            chance,
            clock,
            owner,
            registry: Registry::new(responses, viewers, keep),
            gate: report::Gate::new(of_network, of_all, networks),
            told: told::Told::new(watch),
            recoded: Arc::new(Semaphore::new(recoded.min(Semaphore::MAX_PERMITS))),
        })))
    }

    /// What happened since the guard began.
    pub fn counts(&self) -> Vec<Count> {
        self.0.told.counts()
    }

    /// Looks at a request, and makes it one whose answer can be marked.
    pub(crate) fn of_request<B>(
        &self,
        request: &mut Request<B>,
        host: &Authority,
        caller: Caller,
        settings: &OfGuard,
        personal: bool,
    ) -> Asked {
        if let Some(target) = without_fresh(request.uri().path_and_query()) {
            let mut parts = std::mem::take(request.uri_mut()).into_parts();
            parts.path_and_query = Some(target);
            // Of the parts of one, and a target that is a part of its target.
            *request.uri_mut() = parts.try_into().unwrap_or_default();
        }
        let (host, encrypted) = fields::as_asked(request.headers(), host, caller, &settings.trusted);
        let wanted = page::wanted(request.headers());
        if personal {
            page::limit_codings(request.headers_mut());
        }
        let fields = request.headers();
        let owner = self.0.owner.as_ref().and_then(|owner| owner(fields)).map(Arc::from);
        // A cookie that is none of ours, or sent twice, is no viewer's: the page's script makes a new one.
        let viewer = Tag::of_viewer(fields).ok().flatten();
        Asked { method: request.method().clone(), wanted, viewer, owner, host, encrypted }
    }

    /// Marks a personal answer. Its id is one that is in its extensions already ([`ResponseId`]), else a new one, which is there then;
    /// whose it is, an [`Owner`] there says, else what [`Settings::owner`] said of the request.
    pub(crate) fn arm(
        &self,
        asked: Asked,
        route: Option<&str>,
        personal: bool,
        mut answer: Response<Answer>,
    ) -> Response<Answer> {
        // What an origin, or another guard behind it, says of its own.
        answer.headers_mut().remove(HEADER);
        if !personal {
            return answer;
        }
        let shared = &self.0;
        let bodiless = http_body::Body::is_end_stream(answer.body());
        let plan = page::plan(&asked.method, asked.wanted, answer.status(), answer.headers(), bodiless);
        match plan {
            Plan::Leave => return answer,
            Plan::OnlyFields => {
                page::change_fields(answer.headers_mut(), false);
                return answer;
            }
            Plan::Header | Plan::Page { .. } | Plan::Blind(_) => {}
        }
        let route: Option<Arc<str>> = route.map(Arc::from);
        let id = answer.extensions().get().copied().unwrap_or_else(|| {
            let mut id = ResponseId([0; mark::BYTES]);
            (shared.chance)(&mut id.0);
            id
        });
        let mark = shared.keys.mark(id, asked.viewer.as_ref(), shared.mode).to_string();
        if let Ok(value) = HeaderValue::from_str(&mark) {
            answer.headers_mut().insert(HEADER, value);
        }
        shared.told.count(if asked.viewer.is_some() { Event::Marked } else { Event::MarkedForNobody });
        let owner = answer.extensions().get().map(|Owner(owner)| owner.clone()).or(asked.owner.clone());
        let viewer = asked.viewer.as_ref().map(|tag| shared.keys.viewer(tag));
        let entry = Entry { route: route.clone(), at: (shared.clock)(), owner, viewer };
        let forgotten = shared.registry.remember(id, entry);
        shared.told.count_times(Event::Forgotten, forgotten as u64);
        answer.extensions_mut().insert(id);
        match plan {
            Plan::Page { gzip, whole_only } => {
                shared.clone().into_page(asked, route, mark, gzip, whole_only, answer)
            }
            Plan::Blind(why) => {
                shared.told.blind(route.as_ref(), why);
                answer
            }
            Plan::Header | Plan::Leave | Plan::OnlyFields => answer,
        }
    }

    /// Answers on one of its own paths ([`is_own`]).
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        host: &Authority,
        caller: Caller,
        settings: &OfGuard,
    ) -> Response<Answer> {
        let path = request.uri().path();
        if script::is_script(path) {
            return script::answer(request.method(), path);
        }
        if path == script::NOTICE_PATH {
            return script::notice(request.method());
        }
        report::answer(&self.0, request, host, caller, settings).await
    }
}

impl Shared {
    fn into_page(
        self: Arc<Self>,
        asked: Asked,
        route: Option<Arc<str>>,
        mark: String,
        gzip: bool,
        whole_only: bool,
        mut answer: Response<Answer>,
    ) -> Response<Answer> {
        let place = |path| Place { host: &asked.host, encrypted: asked.encrypted, path };
        let policy = csp::read(answer.headers(), place(script::path()), place(report::PATH));
        let nonce = match policy.script {
            Script::Runs => String::new(),
            // Of letters, digits and five signs that mean nothing in an attribute.
            Script::WithNonce(nonce) => format!(" nonce=\"{nonce}\""),
            Script::Refused => {
                self.told.blind(route.as_ref(), Blindness::Policy);
                return answer;
            }
        };
        if !policy.reports {
            self.told.blind(route.as_ref(), Blindness::Mute);
        }
        let path = script::path();
        let insertion =
            format!("<meta name=\"{HEADER}\" content=\"{mark}\"><script src=\"{path}\"{nonce}></script>");
        let permit = if gzip { self.recoded.clone().try_acquire_owned().ok() } else { None };
        page::change_fields(answer.headers_mut(), gzip && permit.is_none());
        let coding = if gzip { Coding::Gzip(Box::new(Gzip::new(permit))) } else { Coding::Plain };
        let rewriting = Rewriting::new(coding, Bytes::from(insertion), whole_only);
        let watching = body::Watching { shared: self, route };
        answer.map(|page| Answer::Rewritten { page: Rewritten::new(page, rewriting, watching) })
    }

    fn page(&self, route: Option<&Arc<str>>, outcome: Outcome) {
        match outcome {
            Outcome::Marked => self.told.count(Event::PageMarked),
            Outcome::Empty | Outcome::Unmarked(place::Why::Fragment) => {}
            Outcome::Unmarked(place::Why::TooFar) => self.told.blind(route, Blindness::Place),
            Outcome::Unmarked(place::Why::Encoding) => self.told.blind(route, Blindness::Encoding),
        }
    }
}

/// Whether a path is one of the tripwire's own.
pub(crate) fn is_own(path: &str) -> bool {
    path == report::PATH || path == script::NOTICE_PATH || script::is_script(path)
}

/// A target without the parameter that only caches are to see; none when it has none.
fn without_fresh(target: Option<&PathAndQuery>) -> Option<PathAndQuery> {
    let (path, query) = (target?.path(), target?.query()?);
    let is_fresh = |parameter: &&str| {
        let digits = parameter.strip_prefix(FRESH).unwrap_or_default();
        digits.len() == FRESH_DIGITS && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    if !query.split('&').any(|parameter| is_fresh(&parameter)) {
        return None;
    }
    let kept: Vec<&str> = query.split('&').filter(|parameter| !is_fresh(parameter)).collect();
    let target = if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
    target.parse().ok()
}

/// For the fuzz target: a page in one piece and in pieces of this length, as it is and in gzip, leaves as the same bytes.
///
/// # Panics
/// When it does not.
#[cfg(fuzzing)]
pub fn rewrite_for_fuzzing(page: &[u8], length: usize, gzip: bool) {
    let run = |length: usize, gzip: bool| {
        let coding = if gzip { Coding::Gzip(Box::new(Gzip::new(None))) } else { Coding::Plain };
        let mut rewriting = Rewriting::new(coding, Bytes::from_static(b"<IN>"), false);
        let mut out = Vec::new();
        for piece in page.chunks(length.max(1)) {
            let mut step = rewriting.push(Bytes::copy_from_slice(piece)).ok()?;
            out.extend_from_slice(&step.out);
            while step.more {
                step = rewriting.push(Bytes::new()).ok()?;
                out.extend_from_slice(&step.out);
            }
        }
        out.extend_from_slice(&rewriting.end().ok()?.out);
        Some(out)
    };
    assert_eq!(run(length, gzip), run(page.len(), gzip));
    let Some(out) = run(length, false) else { unreachable!("plain pages do not fail") };
    assert!(out == page || out.len() == page.len() + 4);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_parameter_is_taken_away() {
        let without =
            |target: &str| without_fresh(Some(&target.parse().unwrap())).map(|left| left.to_string());
        assert_eq!(without("/a?suimon-fresh=0123456789abcdef").as_deref(), Some("/a"));
        assert_eq!(without("/a?b=%20&suimon-fresh=0123456789abcdef&c").as_deref(), Some("/a?b=%20&c"));
        for kept in [
            "/a",
            "/a?",
            "/a?b=1",
            "/a?suimon-fresh=1",
            "/a?suimon-fresh=0123456789abcdeF",
            "/a?x-suimon-fresh=0123456789abcdef",
        ] {
            assert_eq!(without(kept), None, "{kept}");
        }
    }
}
