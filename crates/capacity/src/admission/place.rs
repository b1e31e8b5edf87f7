//! What a waiting room says.

use std::time::Duration;

/// Who waits: a random number that the caller drew, such as the id in a signed ticket. No personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VisitorId(pub u128);

/// Somebody at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visitor {
    /// Who.
    pub id: VisitorId,
    /// Through which channel, by its place in the configuration.
    pub channel: usize,
    /// In which group, by its place in the configuration; 0 where there are no groups.
    pub group: usize,
}

/// Where a visitor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before the opening or the draw, or before the room has settled; numbers are not given yet.
    Early {
        /// When they will be.
        opens_at: Duration,
    },
    /// In line. `number - serving` is the position, where `serving` is one public number for the whole channel: a page
    /// that a cache may keep. The true number of people ahead is smaller by those who went away.
    Waiting {
        /// Stays the same.
        number: u64,
        /// `number - serving` now; 1 is next. Who came back late to a number that was passed is next, too.
        position: u64,
    },
    /// It is this visitor's turn.
    Called {
        /// The place goes to the next after this.
        enter_before: Duration,
    },
    /// In.
    Inside,
    /// The draw has been made, for others.
    NotDrawn,
}

/// Which place somebody had in a room before this one, as a signed ticket says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Former {
    /// In line, with this number.
    Waiting {
        /// 1 to 2^53.
        number: u64,
    },
    /// In.
    Inside,
}

/// Somebody whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Called {
    /// Who.
    pub id: VisitorId,
    /// Of which channel.
    pub channel: usize,
    /// With which number.
    pub number: u64,
}

/// Why somebody cannot wait here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The room holds no more.
    #[error("the waiting room is full")]
    Full,
    /// The draw has been made.
    #[error("registration for the draw is closed")]
    Closed,
    /// Not in the configuration.
    #[error("there is no channel with this number")]
    UnknownChannel,
    /// Not in the configuration.
    #[error("there is no group with this number")]
    UnknownGroup,
    /// None that a room gives.
    #[error("the number is 0 or above 2^53")]
    Number,
}

/// Why an opening or a draw did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Too early.
    #[error("not before {0:?}")]
    NotYet(Duration),
    /// It is open, or drawn, already.
    #[error("opened already: a second order would not be the first one")]
    Already,
    /// Not in the configuration.
    #[error("there is nothing to open with this number")]
    Unknown,
}

/// What an opening or a draw did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// So many got a number.
    pub numbered: usize,
    /// So many took part in a draw and did not.
    pub not_drawn: usize,
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Before the opening.
    pub early: u32,
    /// In line.
    pub waiting: u32,
    /// Called, but not in yet. They hold a place inside.
    pub called: u32,
    /// In.
    pub inside: u32,
    /// Took part in a draw without luck.
    pub not_drawn: u32,
}

impl Counts {
    /// Places inside that are taken.
    pub fn taken(&self) -> u32 {
        self.called + self.inside
    }
}
