//! What an incident consists of. Pure: types, words and the rules that need no database.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::words::words;

/// A row that a client named: in which tenant, and which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowId {
    pub tenant: Uuid,
    pub id: Uuid,
}

words! {
    /// Where an incident stands.
    pub enum Status {
        /// It may still be going on.
        Open = "open",
        /// The fault has stopped; the work has not.
        Contained = "contained",
        /// Cause removed and everybody concerned told.
        Resolved = "resolved",
        /// Nothing is left to do.
        Closed = "closed",
    }
}

impl Status {
    /// The table of transitions. What is not in it is refused.
    ///
    /// | from | to | condition |
    /// |---|---|---|
    /// | open | contained | the time of containment is recorded |
    /// | open | closed | a reason: it was none (a false alarm) |
    /// | contained | open | a reason: containment did not hold; its time is cleared |
    /// | contained | resolved | – |
    /// | resolved | contained | a reason |
    /// | resolved | closed | no inquiry open, no corrective action planned |
    /// | closed | resolved | a reason: it is taken up again |
    pub fn may_become(self, next: Status) -> bool {
        use Status::{Closed, Contained, Open, Resolved};
        matches!(
            (self, next),
            (Open, Contained | Closed)
                | (Contained, Open | Resolved)
                | (Resolved, Contained | Closed)
                | (Closed, Resolved)
        )
    }

    /// Whether this transition must be explained.
    pub fn needs_reason(self, next: Status) -> bool {
        next < self || (self, next) == (Status::Open, Status::Closed)
    }
}

words! {
    /// What saw a broken requirement.
    pub enum FindingSource {
        Person = "person",
        Check = "check",
        Probe = "probe",
        Guard = "guard",
    }
}

words! {
    /// What an entry of the timeline is about.
    pub enum EntryKind {
        /// The incident in a paragraph: the latest one opens the report.
        Summary = "summary",
        /// Why it happened, as far as is known.
        Cause = "cause",
        /// What it meant for the people concerned.
        Impact = "impact",
        /// Something was done before or around the fault: a maintenance, a release.
        Event = "event",
        /// A check, probe or guard saw it.
        Detection = "detection",
        /// Somebody reported it.
        Report = "report",
        Decision = "decision",
        Containment = "containment",
        Investigation = "investigation",
        Meeting = "meeting",
        /// Something was told to tenants, persons or the public.
        Communication = "communication",
        /// Something was told to or by an authority.
        Authority = "authority",
        /// A measure for those concerned, or against a repetition.
        Measure = "measure",
        /// An earlier entry was wrong; this one replaces it.
        Correction = "correction",
        Note = "note",
        /// Written by Suimon: the status changed.
        Status = "status",
        /// Written by Suimon: a time of the incident was set or changed.
        Times = "times",
        /// Written by Suimon: an assessment says something else than the one before, or a count is near to what decides.
        Assessment = "assessment",
    }
}

impl EntryKind {
    /// Entries that only Suimon itself writes.
    pub fn is_automatic(self) -> bool {
        matches!(self, EntryKind::Status | EntryKind::Times | EntryKind::Assessment)
    }
}

words! {
    /// How exactly an instant is known.
    pub enum Precision {
        Exact = "exact",
        /// "At about a quarter past one."
        About = "about",
        /// "From six in the evening, one after the other."
        From = "from",
        /// Only the day is known.
        Day = "day",
    }
}

words! {
    /// Roles in the response team.
    pub enum TeamRole {
        Head = "head",
        DeputyHead = "deputy_head",
        Coordinator = "coordinator",
        Investigator = "investigator",
        Communications = "communications",
        Legal = "legal",
        PrivacyOfficer = "privacy_officer",
        VendorContact = "vendor_contact",
        /// Whom the public asks.
        PublicContact = "public_contact",
        Recorder = "recorder",
    }
}

words! {
    /// Who asked.
    pub enum Direction {
        Incoming = "incoming",
        Outgoing = "outgoing",
    }
}

words! {
    /// The other side of an inquiry.
    pub enum Party {
        Tenant = "tenant",
        Vendor = "vendor",
        Authority = "authority",
        Person = "person",
    }
}

words! {
    /// Where an inquiry stands.
    pub enum InquiryState {
        Open = "open",
        Answered = "answered",
        Closed = "closed",
    }
}

words! {
    /// Where a corrective action stands.
    pub enum ActionState {
        Planned = "planned",
        Done = "done",
        Dropped = "dropped",
    }
}

/// A broken requirement, seen by a check or a person.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    #[serde(skip)]
    pub tenant: Uuid,
    pub id: Uuid,
    pub system: String,
    pub source: FindingSource,
    /// Name of the requirement that was broken, where known.
    pub requirement: Option<String>,
    pub summary: String,
    /// What kind of person reported it, and through whom; never a name.
    pub reporter: Option<String>,
    pub occurred_at: Timestamp,
    pub recorded_at: Timestamp,
    /// The incident that it belongs to.
    pub incident: Option<Uuid>,
    /// What of it can be told apart and counted; none for what people wrote.
    pub fault: Option<Fault>,
}

/// What kind of fault a machine saw, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Its code, such as `cache_control_permits`.
    pub kind: String,
    /// note, weakness, leak.
    pub grade: String,
    /// Name of the declared route; none where no route covers the path.
    pub route: Option<String>,
}

/// Which findings of all.
#[derive(Clone, Debug, Default)]
pub struct FindingsFilter {
    /// Those that no incident has taken up yet.
    pub open_only: bool,
    pub system: Option<String>,
    pub grade: Option<String>,
    pub kind: Option<String>,
}

/// What findings have in common that are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupKey {
    pub grade: String,
    pub system: String,
    pub kind: String,
    pub requirement: Option<String>,
}

/// Findings of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingGroup {
    pub key: GroupKey,
    pub count: u64,
    /// Those that no incident has taken up yet.
    pub open: u64,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// How many declared routes they are about.
    pub route_count: u64,
    /// The first few of these, as they were seen.
    pub routes: Vec<String>,
}

/// An incident.
#[derive(Clone, Debug, Serialize)]
pub struct Incident {
    #[serde(skip)]
    pub tenant: Uuid,
    pub id: Uuid,
    /// Counts from 1.
    pub number: i32,
    pub title: String,
    pub system: String,
    pub status: Status,
    /// IANA time zone in which people speak about it.
    pub zone: String,
    pub opened_at: Timestamp,
    pub opened_by: Uuid,
    /// When the fault began to do harm.
    pub occurred_from: Option<Timestamp>,
    /// When it had stopped everywhere.
    pub occurred_to: Option<Timestamp>,
    /// The first sign that anybody or anything saw.
    pub detected_at: Option<Timestamp>,
    /// When the organisation knew. Legal clocks start here.
    pub aware_at: Option<Timestamp>,
    pub contained_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
}

/// A document that belongs to an entry: kept elsewhere, named by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attachment {
    pub name: String,
    /// SHA-256 of the content, 64 lower-case hexadecimal digits.
    pub sha256: String,
    pub media_type: String,
    /// Bytes.
    pub size: i64,
}

/// An entry of the timeline. It never changes; a later one may supersede it.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    #[serde(skip)]
    pub tenant: Uuid,
    pub id: Uuid,
    #[serde(skip)]
    pub incident: Uuid,
    /// Counts from 1 in its incident, in the order of recording.
    pub seq: i32,
    pub kind: EntryKind,
    pub occurred_at: Timestamp,
    /// The end, of what lasted.
    pub occurred_until: Option<Timestamp>,
    pub precision: Precision,
    pub recorded_at: Timestamp,
    pub author: Uuid,
    pub text: String,
    pub supersedes: Option<Uuid>,
    /// The entry that took this one's place. It stays visible all the same.
    pub superseded_by: Option<Uuid>,
    pub attachments: Vec<Attachment>,
}

/// Somebody's role in the response team.
#[derive(Clone, Debug, Serialize)]
pub struct Member {
    #[serde(skip)]
    pub tenant: Uuid,
    pub id: Uuid,
    #[serde(skip)]
    pub incident: Uuid,
    pub role: TeamRole,
    pub name: String,
    pub organisation: String,
    /// Where this role is reached, as it may be published.
    pub contact: Option<String>,
    pub account: Option<Uuid>,
    pub since: Timestamp,
    pub until: Option<Timestamp>,
}

/// A question about the incident, from or to somebody outside the team.
#[derive(Clone, Debug, Serialize)]
pub struct Inquiry {
    #[serde(skip)]
    pub tenant: Uuid,
    pub id: Uuid,
    #[serde(skip)]
    pub incident: Uuid,
    pub direction: Direction,
    pub party_kind: Party,
    /// The organisation; for a person the kind of person, never a name.
    pub party: String,
    pub party_tenant: Option<Uuid>,
    /// How it came: e-mail, telephone, chat, meeting.
    pub channel: Option<String>,
    pub question: String,
    pub asked_at: Timestamp,
    pub recorded_at: Timestamp,
    pub due_at: Option<Timestamp>,
    pub state: InquiryState,
    /// The message on whose page it was asked; none where an officer recorded it.
    #[serde(skip)]
    pub message: Option<Uuid>,
    pub answers: Vec<Answer>,
}

/// An answer. It never changes; a correction is one more answer.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    pub id: Uuid,
    pub text: String,
    pub answered_at: Timestamp,
    pub recorded_at: Timestamp,
    pub author: Uuid,
}

/// What is done so that it does not happen again, or for those concerned.
#[derive(Clone, Debug, Serialize)]
pub struct CorrectiveAction {
    #[serde(skip)]
    pub tenant: Uuid,
    pub id: Uuid,
    #[serde(skip)]
    pub incident: Uuid,
    pub title: String,
    /// Name of the requirement that it adds.
    pub requirement: Option<String>,
    /// Who does it: a role or an organisation.
    pub owner: Option<String>,
    pub starts_at: Option<Timestamp>,
    pub due_at: Option<Timestamp>,
    pub state: ActionState,
    pub done_at: Option<Timestamp>,
    pub recorded_at: Timestamp,
}
