//! What the guard says of faults: in its log, and to Suimon where it is attached.

use guard::{Found, Sink};

use super::attached::Outbox;

/// Writes what was wrong: names of routes and kinds, nothing of a request or an answer.
/// An attached guard tells Suimon too.
pub struct Log {
    pub outbox: Option<Outbox>,
}

impl Sink for Log {
    fn tell(&self, found: Found<'_>) {
        let Found { version, route, kind, effect } = found;
        let (code, grade) = (kind.code(), kind.grade());
        if let Some(outbox) = &self.outbox {
            outbox.fault(route, code, grade.code(), effect.code());
        }
        let route = route.unwrap_or("-");
        tracing::warn!(route, kind = code, ?grade, ?effect, version, "against the caching rules");
    }

    fn tell_identity(&self, found: guard::identity::Found<'_>) {
        let guard::identity::Found { version, route, kind, effect } = found;
        let (code, grade) = (kind.code(), kind.grade());
        if let Some(outbox) = &self.outbox {
            outbox.fault(route, code, grade.code(), effect.code());
        }
        let route = route.unwrap_or("-");
        tracing::warn!(route, kind = code, ?grade, ?effect, version, "against what is declared of sessions");
    }
}
