//! The caching rules of [`edge`] as a tower layer: what the guard does to a request and its answer, inside the application itself.
//!
//! The layer judges by the path that it sees, and nobody corrects what leaves after it, so it stands around everything else.

mod body;
mod service;

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tower_layer::Layer;

pub use body::Body;
pub use edge;
pub use edge::in_force::{Count, Found, Rules, Sink};
pub use service::GuardService;

/// Keeps rules around a service. Its clones share them: hold one to change them while it serves.
#[derive(Clone)]
pub struct GuardLayer {
    kept: Arc<Kept>,
}

/// What all services of one layer share.
struct Kept {
    rules: ArcSwap<Rules>,
    sink: Arc<dyn Sink>,
}

impl GuardLayer {
    /// Under these rules; the sink is told what was wrong.
    pub fn new(rules: Rules, sink: Arc<dyn Sink>) -> Self {
        Self { kept: Arc::new(Kept { rules: ArcSwap::from_pointee(rules), sink }) }
    }

    /// The rules in force, with their counts.
    pub fn rules(&self) -> Arc<Rules> {
        self.kept.rules.load_full()
    }

    /// Puts other rules into force for the requests that come from now on, and gives back those before, whose counts may still grow:
    /// a request under way keeps the rules that it began with.
    pub fn replace(&self, rules: Rules) -> Arc<Rules> {
        self.kept.rules.swap(Arc::new(rules))
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> GuardService<S> {
        GuardService::new(inner, self.kept.clone())
    }
}

impl fmt::Debug for GuardLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardLayer").field("version", &self.rules().version()).finish_non_exhaustive()
    }
}

/// The example of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
