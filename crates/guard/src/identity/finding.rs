//! What was wrong about who is who, counted by route, kind and effect.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use edge::Mode;
use edge::policy::Effect;

edge::fault_kinds! {
    /// A kind of fault about who is who.
    pub enum Kind {
        /// A request carried a field by which only the system may name people. It was taken away, whatever the mode.
        IdentityClaimed = "identity_claimed", Weakness;
        /// The session's cookie was sent twice, or in a way that servers read differently: nobody knows whose request it is.
        SessionInDoubt = "session_in_doubt", Weakness;
        /// A path of which servers read different tenants, asked with a session.
        TenantInDoubt = "tenant_in_doubt", Weakness;
        /// A session of one tenant on a path of another.
        TenantOfPath = "tenant_of_path", Leak;
        /// Something was to be changed on a tenant's path by a session that nobody has named yet.
        UnknownWrites = "unknown_writes", Weakness;
        /// The system's answer names another person than the one whom the session belongs to.
        OtherSubject = "other_subject", Leak;
        /// The system's answer names another tenant than the session's.
        OtherTenant = "other_tenant", Leak;
        /// The system's answer names a person or tenant twice, or in a way that cannot be read.
        NameUnreadable = "name_unreadable", Leak;
        /// A person signed in and kept the session that the browser had before: whoever planted it is signed in too (session fixation).
        SessionKept = "session_kept", Weakness;
        /// A personal answer to a session whose person or tenant nobody named: there was nothing to compare, and the edge cannot tell whose
        /// it is, so both let it pass.
        PersonUnknown = "person_unknown", Weakness;
    }
}

impl Kind {
    /// What comes of it under a mode.
    pub(super) fn effect(self, mode: Mode) -> Effect {
        match (self, mode) {
            (Self::IdentityClaimed, _) => Effect::Corrected,
            (_, Mode::Observe) => Effect::Measured,
            // Nothing that the guard could put right.
            (Self::SessionKept | Self::PersonUnknown, _) | (_, Mode::Audit) => Effect::Reported,
            (_, Mode::Enforce) => Effect::Corrected,
        }
    }
}

/// What was wrong under a version of the declaration.
pub type Found<'a> = edge::in_force::Found<'a, Kind>;
/// How often something was wrong.
pub type Count = edge::in_force::Count<Kind>;

/// Routes and kinds that are counted apart. A guard whose rules change for long may see more names than one set of rules has;
/// those beyond count as no route.
const MAX_COUNTS: usize = 65_536;

/// By route, kind and effect.
type Key = (Option<Box<str>>, Kind, Effect);

/// Counts of one declaration.
#[derive(Default)]
pub(super) struct Counts(Mutex<BTreeMap<Key, u64>>);

impl Counts {
    /// Counts once; whether it was the first time.
    pub fn add(&self, route: Option<&str>, kind: Kind, effect: Effect) -> bool {
        // Nothing panics while it is held, and a count is right after each step.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (route.map(Box::from), kind, effect);
        if counts.len() >= MAX_COUNTS && !counts.contains_key(&key) {
            key.0 = None;
        }
        let times = counts.entry(key).or_default();
        *times += 1;
        *times == 1
    }

    pub fn all(&self) -> Vec<Count> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let each = counts.iter().map(|((route, kind, effect), times)| Count {
            route: route.as_deref().map(str::to_owned),
            kind: *kind,
            effect: *effect,
            times: *times,
        });
        each.collect()
    }
}
