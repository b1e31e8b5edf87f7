//! What a waiting room is told.

use std::time::Duration;

/// Bounds the memory of a room.
pub(super) const MOST_PEOPLE: u32 = 4_000_000;

/// In which order those who come get their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// As they come.
    Fifo,
    /// Who comes before the opening is shuffled at the opening; who comes later stands behind, as they come. So there is
    /// nothing to win by coming early or by a fast line, and the crowd before the doors does not creep forward.
    ShuffleThenFifo {
        /// When it opens.
        opens_at: Duration,
    },
    /// Who registers before the closing takes part in a draw; nobody has to come at a given minute.
    Lottery {
        /// When registration closes and the draw may be made.
        closes_at: Duration,
        /// How many numbers are drawn; `None` draws an order for all.
        winners: Option<u32>,
    },
    /// Groups (by month of birth, by number of the voucher), each with its own opening, shuffled as above. A group that
    /// opens later stands behind.
    ByGroup {
        /// 1 to 1,024 of them.
        groups: Vec<Group>,
    },
}

/// A group of visitors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// For people.
    pub name: String,
    /// When its members may be served.
    pub opens_at: Duration,
}

/// A way in with a reserved part of the admissions, such as web and call centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// For people.
    pub name: String,
    /// Its part of the admissions while people wait in it, relative to the other channels' weights. What a channel does not
    /// need goes to the others.
    pub weight: u16,
    /// Places inside that are kept free for it, in thousandths of `max_inside` (rounded down), so that its next visitor need not
    /// wait until somebody of another channel leaves. At most 1,000 for all channels together.
    pub reserved: u16,
}

/// Limits and order of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomConfig {
    /// The order.
    pub mode: Mode,
    /// 1 to 64 of them.
    pub channels: Vec<Channel>,
    /// Most people in the room, at most 4,000,000 (about 250 bytes each). The room itself has a capacity: one that was
    /// widened in the middle of an event took a booking system down with it.
    pub max_waiting: u32,
    /// Most people inside, called ones included; at most 4,000,000 too.
    pub max_inside: u32,
    /// A place in the line is kept this long after the visitor was last seen.
    pub grace: Duration,
    /// A place inside is.
    pub idle: Duration,
    /// Who is called must come in within this time, or the place goes to the next.
    pub claim_within: Duration,
    /// Until then nobody is called, and who comes gets no number: those who waited in a room before this one come back with
    /// theirs ([`super::WaitingRoom::restore`]) and go first. Zero: there was none before.
    pub settles_at: Duration,
}

/// Why a room cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoomConfigError {
    /// None, or too many.
    #[error("channels: {0} channels; name 1 to 64")]
    Channels(usize),
    /// A weight of 0 would let people wait for ever.
    #[error("channels[{0}].weight: 0; give each channel a weight of at least 1")]
    Weight(usize),
    /// Kept more than there is.
    #[error("channels: {0} thousandths are reserved in all; lower them to at most 1,000 together")]
    Reserved(u32),
    /// None, or too many.
    #[error("mode.groups: {0} groups; name 1 to 1,024")]
    Groups(usize),
    /// Out of bounds.
    #[error("max_waiting: {0}; choose 1 to 4,000,000")]
    MaxWaiting(u32),
    /// Out of bounds.
    #[error("max_inside: {0}; choose at most 4,000,000")]
    MaxInside(u32),
    /// A time of zero.
    #[error("{0}: zero; give visitors some seconds at least")]
    NoTime(&'static str),
    /// What places were given by cannot change under them.
    #[error("{0}: cannot change while people have places in the room; make a new room")]
    Fixed(&'static str),
}

impl RoomConfig {
    pub(super) fn check(&self) -> Result<(), RoomConfigError> {
        let RoomConfig { mode, channels, max_waiting, max_inside, grace, idle, claim_within, settles_at: _ } =
            self;
        if channels.is_empty() || channels.len() > 64 {
            return Err(RoomConfigError::Channels(channels.len()));
        }
        if let Some(at) = channels.iter().position(|channel| channel.weight == 0) {
            return Err(RoomConfigError::Weight(at));
        }
        let reserved = channels.iter().map(|channel| u32::from(channel.reserved)).sum();
        if reserved > 1_000 {
            return Err(RoomConfigError::Reserved(reserved));
        }
        if let Mode::ByGroup { groups } = mode
            && (groups.is_empty() || groups.len() > 1_024)
        {
            return Err(RoomConfigError::Groups(groups.len()));
        }
        if !(1..=MOST_PEOPLE).contains(max_waiting) {
            return Err(RoomConfigError::MaxWaiting(*max_waiting));
        }
        if *max_inside > MOST_PEOPLE {
            return Err(RoomConfigError::MaxInside(*max_inside));
        }
        for (name, time) in [("grace", grace), ("idle", idle), ("claim_within", claim_within)] {
            if time.is_zero() {
                return Err(RoomConfigError::NoTime(name));
            }
        }
        Ok(())
    }

    /// Places that are kept for a channel.
    pub(super) fn reserved(&self, channel: usize) -> u32 {
        let thousandths = self.channels.get(channel).map_or(0, |channel| channel.reserved);
        // At most `max_inside`, since a share is at most the whole.
        (u64::from(self.max_inside) * u64::from(thousandths) / 1_000).try_into().unwrap_or(u32::MAX)
    }

    /// How many pools of early comers there are: one for each opening.
    pub(super) fn pools(&self) -> usize {
        match &self.mode {
            Mode::Fifo => 0,
            Mode::ShuffleThenFifo { .. } | Mode::Lottery { .. } => 1,
            Mode::ByGroup { groups } => groups.len(),
        }
    }

    /// When a pool may be opened.
    pub(super) fn opens_at(&self, pool: usize) -> Option<Duration> {
        match &self.mode {
            Mode::Fifo => None,
            Mode::ShuffleThenFifo { opens_at } => (pool == 0).then_some(*opens_at),
            Mode::Lottery { closes_at, .. } => (pool == 0).then_some(*closes_at),
            Mode::ByGroup { groups } => groups.get(pool).map(|group| group.opens_at),
        }
    }
}
