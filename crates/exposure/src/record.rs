//! A line that may matter, as small as it can be remembered: there may be millions of them.

use serde::{Deserialize, Serialize};

use crate::input::InputReport;
use crate::store::Record;

/// A line of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) input: u32,
    pub(crate) line: u64,
}

/// What a record is about: the edge's id of a request, or a line whose request has none; 127 bits of its hash, and which of the two. Two
/// numbers, since one of 128 bits would be aligned to sixteen bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Name(u64, u64);

impl Name {
    pub(crate) fn of_request(hash: u128) -> Self {
        Self((hash >> 64) as u64, hash as u64 | 1)
    }

    pub(crate) fn of_line(hash: u128) -> Self {
        Self((hash >> 64) as u64, hash as u64 & !1)
    }

    pub(crate) fn half(self) -> u64 {
        self.0
    }

    pub(crate) fn is_request(self) -> bool {
        self.1 & 1 == 1
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum What {
    Login,
    FailedLogin,
    Request(u16),
}

/// A login or a personal request at the origin.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OriginRecord {
    pub(crate) name: Name,
    /// First and last time; they differ only when the log gives one request id to several lines. A record must
    /// not leave the window because of an id that was sent twice.
    pub(crate) at: (i64, i64),
    pub(crate) what: What,
    pub(crate) subject: u32,
    /// Identity of the session; 0 when not logged.
    pub(crate) session: u64,
    /// Identity of the path; 0 in a log without paths: any.
    pub(crate) path: u64,
    pub(crate) status: u16,
    /// Answered with a redirect or an error: no personal page was made.
    pub(crate) refused: bool,
    pub(crate) input: u32,
    pub(crate) line: u64,
}

/// What an edge says about where an answer came from. By itself it proves little: what one place of a content delivery network asked
/// the next place for was a miss, and may have come from that one's cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Said {
    /// Nothing, or a word that is not known.
    Nothing,
    /// It had the answer.
    Kept,
    /// It had the answer past its life, and gave it all the same: it asked whether that is still good, or could not ask.
    Confirmed,
    /// It had none and asked.
    Asked,
}

/// What of a body a viewer got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Body {
    /// None: `HEAD`, 304, or no safe method.
    Nothing,
    /// A part, or nobody knows how much.
    Part,
    Whole,
}

/// A personal request at the edge.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EdgeRecord {
    pub(crate) name: Name,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) route: u16,
    /// Identity of the session; 0 when not logged.
    pub(crate) session: u64,
    /// Identity of the edge location; 0 when not logged.
    pub(crate) location: u64,
    pub(crate) object: Object,
    /// Identity of the viewer's address and program; 0 when not logged.
    pub(crate) client: u64,
    pub(crate) said: Said,
    pub(crate) body: Body,
    /// A cache may keep the answer to such a request.
    pub(crate) may_be_kept: bool,
    pub(crate) refused: bool,
    pub(crate) length: Length,
    /// The longest that one of its lines says it took, in milliseconds.
    pub(crate) taken: u32,
    pub(crate) input: u32,
    pub(crate) line: u64,
}

/// Lines of one request differ by less in when it was, in milliseconds.
const APART: i64 = 10_000;

impl EdgeRecord {
    /// Its lines lie so far apart that they are of several requests, to which one id was given.
    pub(crate) fn is_several(&self) -> bool {
        self.end.saturating_sub(self.start) > i64::from(self.taken) + APART
    }
}

/// Length of the whole body, by the answer's field. The log's numbers have nine digits at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Length(u32);

impl Length {
    const NONE: Self = Self(u32::MAX);

    pub(crate) fn get(self) -> Option<u32> {
        (self != Self::NONE).then_some(self.0)
    }
}

impl From<Option<u64>> for Length {
    fn from(length: Option<u64>) -> Self {
        length.and_then(|length| u32::try_from(length).ok()).map_or(Self::NONE, Self)
    }
}

/// What a cache may have for its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Object {
    /// Identity of the path.
    pub(crate) path: u64,
    /// Identity of host and query.
    pub(crate) rest: u64,
}

macro_rules! placed {
    ($record:ident) => {
        impl $record {
            pub(crate) fn place(&self) -> Place {
                Place { input: self.input, line: self.line }
            }

            pub(crate) fn set_place(&mut self, place: Place) {
                Place { input: self.input, line: self.line } = place;
            }
        }
    };
}
placed!(OriginRecord);
placed!(EdgeRecord);

impl Record for OriginRecord {
    /// The person and the path are part of it: an id that is sent twice must not hide anybody.
    type Key = (Name, u8, u32, u64);

    fn key(&self) -> Self::Key {
        let kind = match self.what {
            What::Request(_) => 0,
            What::Login => 1,
            What::FailedLogin => 2,
        };
        (self.name, kind, self.subject, self.path)
    }

    fn absorb(&mut self, inputs: &[InputReport], other: &Self) {
        self.at = (self.at.0.min(other.at.0), self.at.1.max(other.at.1));
        self.what = self.what.min(other.what);
        self.refused &= other.refused;
        // Where two lines of one request differ, the one that says less counts.
        agreed(&mut self.session, other.session, 0);
        agreed(&mut self.status, other.status, 0);
        self.set_place(first_place(inputs, self.place(), other.place()));
    }
}

impl Record for EdgeRecord {
    /// The path is part of it: an id that is given to two requests must hide neither. And the session: a log without cookies must not hide what one with cookies tells.
    type Key = (Name, u64, u64);

    fn key(&self) -> Self::Key {
        (self.name, self.object.path, self.session)
    }

    fn absorb(&mut self, inputs: &[InputReport], other: &Self) {
        self.start = self.start.min(other.start);
        self.end = self.end.max(other.end);
        self.route = self.route.min(other.route);
        self.refused &= other.refused;
        self.taken = self.taken.max(other.taken);
        agreed(&mut self.location, other.location, 0);
        agreed(&mut self.client, other.client, 0);
        agreed(&mut self.said, other.said, Said::Nothing);
        agreed(&mut self.length, other.length, Length::NONE);
        self.object = self.object.min(other.object);
        self.body = self.body.max(other.body);
        self.may_be_kept |= other.may_be_kept;
        self.set_place(first_place(inputs, self.place(), other.place()));
    }
}

/// Nothing is known where two say different things. (Of three it matters not who comes first: what is unknown stays so.)
fn agreed<T: PartialEq>(kept: &mut T, other: T, unknown: T) {
    if *kept != other {
        *kept = unknown;
    }
}

/// The place that comes first by name and content of the input, not by the order of reading.
fn first_place(inputs: &[InputReport], one: Place, other: Place) -> Place {
    let rank = |place: &Place| {
        let input = inputs.get(place.input as usize);
        (input.map(|input| (&input.name, &input.sha256)), place.line)
    };
    if rank(&other) < rank(&one) { other } else { one }
}
