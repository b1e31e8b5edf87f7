//! Whose request it is, as the system itself says, and what follows: a session of one tenant stays out of the paths of another, an
//! answer about somebody else than who asked is withheld, and each personal answer carries the tag of its person for the edge.
//!
//! The guard learns from the system's answers whom a session belongs to. It keeps a keyed hash of the session, never the session.

mod answer;
mod binding;
mod declaration;
mod finding;
mod named;
mod request;
mod session;
mod table;
mod tenant;

pub use binding::AfterWrite;
pub use declaration::{
    Carrier, Declaration, DeclarationError, MAX_CARRIERS, MAX_COOKIE_NAME, MAX_PATTERNS, MAX_SYSTEM,
};
pub use finding::{Count, Found, Kind};
pub use named::MAX_NAMED;
pub use table::Memory;
pub use tenant::{MAX_PATTERN, PatternError};

pub(crate) use request::{Asked, remove_hidden};
pub(crate) use table::Person;

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use edge::Mode;
use edge::identity::{Keyring, SUBJECT_TAG_HEADER};
use http::Response;
use http::header::HeaderName;
use zeroize::Zeroizing;

use crate::body::Answer;
use crate::rules::Sink;
use finding::Counts;
use table::Table;
use tenant::Pattern;

/// Who is who, in front of one system.
pub struct Identity {
    declared: ArcSwap<Declared>,
    binding: ArcSwapOption<Keyring>,
    after_write: AfterWrite,
    key: Zeroizing<[u8; 32]>,
    memory: Memory,
}

/// One version of the declaration, with what was learned and found under it. A request and its answer have the same.
struct Declared {
    version: String,
    said: Declaration,
    patterns: Vec<Pattern>,
    /// Fields that are between the system and the guard.
    hidden: Arc<[HeaderName]>,
    /// These and the tag: what anybody but the guard wrote there would be believed by the edge.
    hidden_with_tag: Arc<[HeaderName]>,
    table: Table,
    counts: Counts,
}

impl Identity {
    /// As declared. `key`: random bytes for this process; sessions are kept under hashes with it.
    ///
    /// # Errors
    /// All that is wrong with the declaration.
    pub fn new(
        version: impl Into<String>,
        said: Declaration,
        memory: Memory,
        key: Zeroizing<[u8; 32]>,
    ) -> Result<Self, Vec<DeclarationError>> {
        let declared = Declared::new(version.into(), said, memory, key.clone())?;
        Ok(Self {
            declared: ArcSwap::from_pointee(declared),
            binding: ArcSwapOption::empty(),
            after_write: AfterWrite::default(),
            key,
            memory,
        })
    }

    /// Each answer on a personal route carries its person's tag, and browsers are given theirs: of use where the edge runs the exported
    /// code that compares them. It does so whatever the mode, because that code knows no modes: it refuses a personal answer without
    /// a tag.
    #[must_use]
    pub fn with_binding(mut self, keys: Keyring, after_write: AfterWrite) -> Self {
        self.binding.store(Some(Arc::new(keys)));
        self.after_write = after_write;
        self
    }

    /// Other keys for tags from now on; those whose cookies are still about stay in the ring. Without binding nothing happens.
    pub fn replace_keys(&self, keys: Keyring) {
        if self.binding.load().is_some() {
            self.binding.store(Some(Arc::new(keys)));
        }
    }

    /// Another declaration for the requests that come from now on. What was learned stays only where it says the same.
    ///
    /// # Errors
    /// All that is wrong with it; then the one in force stays.
    pub fn replace(
        &self,
        version: impl Into<String>,
        said: Declaration,
    ) -> Result<Vec<Count>, Vec<DeclarationError>> {
        let before = self.declared.load();
        if before.said == said {
            return Ok(before.counts.all());
        }
        let declared = Declared::new(version.into(), said, self.memory, self.key.clone())?;
        Ok(self.declared.swap(Arc::new(declared)).counts.all())
    }

    /// What was wrong since the declaration came into force.
    pub fn counts(&self) -> Vec<Count> {
        self.declared.load().counts.all()
    }

    /// Sessions whose person is known now, those among them that ended and were not asked for since.
    pub fn sessions(&self) -> usize {
        self.declared.load().table.len()
    }

    /// An answer of the guard itself, as the edge wants it.
    pub(crate) fn own(&self, answer: Response<Answer>) -> Response<Answer> {
        if self.binding.load().is_some() { binding::about_nobody(answer) } else { answer }
    }
}

impl Declared {
    fn new(
        version: String,
        said: Declaration,
        memory: Memory,
        key: Zeroizing<[u8; 32]>,
    ) -> Result<Self, Vec<DeclarationError>> {
        let patterns = said.patterns()?;
        let fields = [said.subject_header.clone(), said.tenant_header.clone()];
        let hidden: Arc<[HeaderName]> = fields.into_iter().flatten().collect();
        let hidden_with_tag = hidden.iter().cloned().chain([SUBJECT_TAG_HEADER]).collect();
        let table = Table::new(key, memory);
        Ok(Self { version, said, patterns, hidden, hidden_with_tag, table, counts: Counts::default() })
    }

    /// Counts what was wrong on a route, and tells it the first time. What is only measured is not told.
    fn note(&self, asked: &Asked, kind: Kind, sink: &dyn Sink) {
        let (route, effect) = (asked.route.as_deref(), kind.effect(asked.mode));
        if self.counts.add(route, kind, effect) && effect != edge::policy::Effect::Measured {
            sink.tell_identity(Found { version: &self.version, route, kind, effect });
        }
    }

    /// Notes it, and says whether it is to be stopped.
    fn stops(&self, asked: &Asked, kind: Kind, sink: &dyn Sink) -> bool {
        self.note(asked, kind, sink);
        asked.mode == Mode::Enforce
    }
}
