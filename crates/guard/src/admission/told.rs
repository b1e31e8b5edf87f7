//! What whoever runs the guard hears of it. Nothing of it came with a request.

use super::kind::Kind;

/// Something that happened, without anything that came with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noted<'a> {
    /// Empty: of no tenant with a budget of its own.
    pub tenant: &'a str,
    pub channel: &'a str,
    pub kind: Kind,
    /// `false`: it was let pass (`audit`).
    pub enforced: bool,
}

/// Who is told.
pub trait Watch: Send + Sync {
    /// Once for each tenant, channel and kind under each settings; of what is only observed, never. It must not wait for anything.
    fn tell(&self, noted: Noted<'_>);
}

/// How often something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Empty: of no tenant with a budget of its own.
    pub tenant: String,
    pub channel: String,
    pub kind: Kind,
    pub times: u64,
}

/// How full a room is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Empty: of no tenant with a budget of its own.
    pub tenant: String,
    /// People before the opening or the draw, in line, called, inside.
    pub people: capacity::admission::Counts,
}
