//! What is counted.

/// What became of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Of people inside.
    Inside,
    /// Newly let in.
    Entered,
    /// Must wait.
    Waits,
    /// The waiting room holds no more, or registration for the draw is closed.
    RoomFull,
    /// Beyond the rate, and delayed.
    Delayed,
    /// Beyond the rate, and refused.
    Refused,
    /// Beyond what may be in flight, and refused.
    Crowded,
    /// A ticket that no guard with these keys gave, or that was changed.
    Forged,
    /// A ticket whose time is over.
    Expired,
    /// A copy of a ticket that somebody else is inside with.
    Spent,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 10] = [
        Kind::Inside,
        Kind::Entered,
        Kind::Waits,
        Kind::RoomFull,
        Kind::Delayed,
        Kind::Refused,
        Kind::Crowded,
        Kind::Forged,
        Kind::Expired,
        Kind::Spent,
    ];

    /// In logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Kind::Inside => "inside",
            Kind::Entered => "entered",
            Kind::Waits => "waits",
            Kind::RoomFull => "room_full",
            Kind::Delayed => "delayed",
            Kind::Refused => "refused",
            Kind::Crowded => "crowded",
            Kind::Forged => "ticket_forged",
            Kind::Expired => "ticket_expired",
            Kind::Spent => "ticket_spent",
        }
    }
}
