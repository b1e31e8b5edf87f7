//! What is declared about sessions, people and tenants of a system. Plain data, to be filled from manifests of any shape.

use std::collections::{BTreeMap, BTreeSet};

use edge::Mode;
use http::header::{self, HeaderName};

use super::tenant::{Pattern, PatternError};

/// Most carriers of a session.
pub const MAX_CARRIERS: usize = 8;
/// Longest name of a cookie, in bytes.
pub const MAX_COOKIE_NAME: usize = 128;
/// Most patterns of paths with a tenant.
pub const MAX_PATTERNS: usize = 32;
/// Longest name of a system, in bytes.
pub const MAX_SYSTEM: usize = 128;

/// How a system knows whose request it is, and by what it tells so.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Declaration {
    /// Name of the system: 1 to 128 bytes.
    pub system: String,
    /// What a request's session is known by, in the order in which the system looks. At most [`MAX_CARRIERS`].
    pub carriers: Vec<Carrier>,
    /// Field of the system's answers that names the person (the system's own identifier, at most 256 bytes). Empty: this answer
    /// says that nobody is signed in. It never leaves the guard, and from a request it is taken away.
    pub subject_header: Option<HeaderName>,
    /// The same for the person's tenant, under the name that the tenant has in paths.
    pub tenant_header: Option<HeaderName>,
    /// Paths with a tenant in them, such as `/t/{tenant}/**`. `*` is any one segment, a final `**` any number of them.
    pub tenant_paths: Vec<String>,
    /// Names of routes on which another person may sign in with the same browser. Empty: any request but `GET`, `HEAD` and `OPTIONS`
    /// whose answer changes the session.
    pub sign_in: BTreeSet<String>,
    /// Whether a session that nobody has named yet (a guard that has just started, a full table) may change something on a path with
    /// a tenant: the system hears of it before the guard can know whose tenant it is. With `true` the system's own check decides.
    pub unknown_may_write: bool,
    /// How strictly this is kept on routes that `modes` does not name.
    pub mode: Mode,
    /// By name of route.
    pub modes: BTreeMap<String, Mode>,
}

/// What carries a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carrier {
    /// A cookie of this name (RFC 6265 section 4.1.1: a token).
    Cookie(String),
    /// `Authorization: Bearer …` (RFC 6750 section 2.1).
    Bearer,
}

/// What is wrong with a declaration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeclarationError {
    #[error("system: the name has 1 to 128 bytes")]
    System,
    #[error("carriers: 1 to 8 of them, each once; name the cookie of the session, or bearer")]
    Carriers,
    #[error(
        "carriers: `{0}` is no name of a cookie; write it as the system sets it, 1 to 128 letters, digits and -_.~!#$&'*+^`|"
    )]
    Cookie(String),
    #[error("{0}: this field has another use; let the system name people and tenants in fields of its own")]
    Field(HeaderName),
    #[error(
        "tenant_paths: a tenant in a path is compared with the session's, so tenant_header must say which that is"
    )]
    NoTenant,
    #[error("tenant_paths: at most 32")]
    Patterns,
    #[error("tenant_paths: `{path}`: {fault}")]
    Pattern { path: String, fault: PatternError },
}

/// Fields without which messages cannot be read, or by which the guard itself speaks.
static TAKEN: [HeaderName; 16] = [
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::DATE,
    header::HOST,
    header::LOCATION,
    header::SET_COOKIE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::VARY,
    header::VIA,
];

impl Declaration {
    /// Whether it can be taken.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self) -> Result<(), Vec<DeclarationError>> {
        self.patterns().map(|_| ())
    }

    /// Everything that is wrong with it, or its patterns.
    pub(super) fn patterns(&self) -> Result<Vec<Pattern>, Vec<DeclarationError>> {
        // So that a new field is looked at here.
        let Self {
            system,
            carriers,
            subject_header,
            tenant_header,
            tenant_paths,
            sign_in: _,
            unknown_may_write: _,
            mode: _,
            modes: _,
        } = self;
        let mut faults = Vec::new();
        if system.is_empty() || system.len() > MAX_SYSTEM {
            faults.push(DeclarationError::System);
        }
        let distinct: BTreeSet<&Carrier> = carriers.iter().collect();
        if carriers.is_empty() || carriers.len() > MAX_CARRIERS || distinct.len() < carriers.len() {
            faults.push(DeclarationError::Carriers);
        }
        for carrier in carriers {
            if let Carrier::Cookie(name) = carrier
                && !is_cookie_name(name)
            {
                faults.push(DeclarationError::Cookie(name.chars().take(MAX_COOKIE_NAME).collect()));
            }
        }
        let fields = [subject_header.as_ref(), tenant_header.as_ref()];
        for field in fields.into_iter().flatten() {
            if TAKEN.contains(field) || field.as_str().starts_with("suimon-") {
                faults.push(DeclarationError::Field(field.clone()));
            }
        }
        if let [Some(subject), Some(tenant)] = fields
            && subject == tenant
        {
            faults.push(DeclarationError::Field(tenant.clone()));
        }
        if !tenant_paths.is_empty() && tenant_header.is_none() {
            faults.push(DeclarationError::NoTenant);
        }
        if tenant_paths.len() > MAX_PATTERNS {
            faults.push(DeclarationError::Patterns);
        }
        let mut patterns = Vec::new();
        for path in tenant_paths.iter().take(MAX_PATTERNS) {
            match Pattern::parse(path) {
                Ok(pattern) => patterns.push(pattern),
                Err(fault) => faults.push(DeclarationError::Pattern { path: path.clone(), fault }),
            }
        }
        if faults.is_empty() { Ok(patterns) } else { Err(faults) }
    }

    /// The mode on a route; a path of no route for sure may belong to any, so it has the strictest.
    pub(super) fn mode_of(&self, route: Option<&str>) -> Mode {
        match route {
            Some(route) => self.modes.get(route).copied().unwrap_or(self.mode),
            None => self.modes.values().copied().fold(self.mode, Ord::max),
        }
    }
}

/// A token (RFC 9110 section 5.6.2) without `%`, which some servers decode in names.
fn is_cookie_name(name: &str) -> bool {
    (1..=MAX_COOKIE_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~!#$&'*+^`|".contains(&byte))
}
