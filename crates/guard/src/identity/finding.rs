//! What was wrong about who is who, counted by route, kind and effect.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use edge::Mode;
use edge::policy::{Effect, Grade};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $grade:ident;)*) => {
        /// A kind of fault about who is who.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Stable code for storage and interfaces.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// How bad it is.
            pub const fn grade(self) -> Grade {
                match self { $(Self::$name => Grade::$grade,)* }
            }
        }
    };
}

kinds! {
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

/// What was wrong, without anything that came with a request or an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// Of the declaration by which it was wrong.
    pub version: &'a str,
    /// Name of the declared route; none where no route covers the path for sure.
    pub route: Option<&'a str>,
    pub kind: Kind,
    pub effect: Effect,
}

/// How often something was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Name of the declared route, if one covers the requests for sure.
    pub route: Option<String>,
    pub kind: Kind,
    pub effect: Effect,
    pub times: u64,
}

/// Routes and kinds that are counted apart. A guard whose rules change for long may see more names than one set of rules has;
/// those beyond count as no route.
const MAX_COUNTS: usize = 65_536;

/// By route, kind and effect (its name).
type Key = (Option<Box<str>>, Kind, &'static str);

/// Counts of one declaration.
#[derive(Default)]
pub(super) struct Counts(Mutex<BTreeMap<Key, (Effect, u64)>>);

impl Counts {
    /// Counts once; whether it was the first time.
    pub fn add(&self, route: Option<&str>, kind: Kind, effect: Effect) -> bool {
        // Nothing panics while it is held, and a count is right after each step.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (route.map(Box::from), kind, name(effect));
        if counts.len() >= MAX_COUNTS && !counts.contains_key(&key) {
            key.0 = None;
        }
        let (_, times) = counts.entry(key).or_insert((effect, 0));
        *times += 1;
        *times == 1
    }

    pub fn all(&self) -> Vec<Count> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let each = counts.iter().map(|((route, kind, _), (effect, times))| Count {
            route: route.as_deref().map(str::to_owned),
            kind: *kind,
            effect: *effect,
            times: *times,
        });
        each.collect()
    }
}

/// Effects have no order of their own.
fn name(effect: Effect) -> &'static str {
    match effect {
        Effect::Measured => "measured",
        Effect::Reported => "reported",
        Effect::Corrected => "corrected",
    }
}
