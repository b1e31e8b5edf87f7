//! The caching rules in force, which the guard shares with whatever else keeps them, and who is told of what was wrong.

pub use edge::in_force::{Count, Found, Judged, Rules};

use crate::identity;

/// Who is told of what was wrong.
pub trait Sink: Send + Sync {
    /// Once for each route, kind and effect under each version of the rules. What is only measured (mode `observe`) is counted and
    /// not told. Called before the answer leaves, so it must not wait for anything.
    fn tell(&self, found: Found<'_>);

    /// The same for what was wrong about who is who. Written to the log unless somebody does better.
    fn tell_identity(&self, found: identity::Found<'_>) {
        let identity::Found { version, route, kind, effect } = found;
        let (route, grade) = (route.unwrap_or("-"), kind.grade());
        tracing::warn!(
            route,
            kind = kind.code(),
            ?grade,
            ?effect,
            version,
            "against what is declared of sessions"
        );
    }
}

impl edge::in_force::Sink for dyn Sink {
    fn tell(&self, found: Found<'_>) {
        Sink::tell(self, found);
    }
}
