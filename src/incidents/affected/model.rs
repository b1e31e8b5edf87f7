//! An affected list: a numbered revision, its people and their number.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::incidents::words::words;

words! {
    /// How a revision came about.
    pub enum Method {
        /// From the logs of a window of time: everybody who was there.
        Window = "window",
        /// From the same logs, joined: who may have seen whose page.
        Reconstruction = "reconstruction",
        /// From this service's own record of who read what.
        EnforcementLog = "enforcement_log",
        /// By hand, from an earlier revision.
        Manual = "manual",
    }
}

words! {
    /// Where a revision stands.
    pub enum State {
        /// Its people are still coming in: it is not a revision yet and no list shows it.
        Receiving = "receiving",
        Draft = "draft",
        /// Frozen, and what notices go by.
        Approved = "approved",
        /// Was approved; a later one is.
        Superseded = "superseded",
    }
}

words! {
    /// What is said about a person, the strongest first.
    pub enum Class {
        /// Somebody else saw it.
        Confirmed = "confirmed",
        /// Somebody else may have seen it.
        Possible = "possible",
        /// The logs that could tell are missing.
        Indeterminate = "indeterminate",
        /// Only the person saw it.
        SelfOnly = "self_only",
        /// Shown not to be concerned, or taken off the list by an officer.
        Excluded = "excluded",
    }
}

impl Class {
    /// Whether people of this class count as affected and are told.
    pub fn is_affected(self) -> bool {
        matches!(self, Class::Confirmed | Class::Possible)
    }
}

words! {
    /// Why a person is on the list.
    pub enum Origin {
        Logs = "logs",
        Manual = "manual",
    }
}

/// A numbered affected list.
#[derive(Clone, Debug, Serialize)]
pub struct Revision {
    #[serde(skip)]
    pub tenant: Uuid,
    pub id: Uuid,
    #[serde(skip)]
    pub incident: Uuid,
    /// Counts from 1 in its incident; none while it is received.
    pub number: Option<i32>,
    pub method: Method,
    pub state: State,
    pub reason: String,
    /// The question: window, basis, margins, routes; or base and corrections.
    pub parameters: serde_json::Value,
    /// The logs with their hashes, and what is known to be missing.
    pub inputs: Inputs,
    pub counts: Counts,
    /// SHA-256 over parameters, inputs, counts and people in order, in hexadecimal.
    pub digest: String,
    pub created_at: Timestamp,
    pub created_by: Uuid,
    pub approved_at: Option<Timestamp>,
    pub approved_by: Option<Uuid>,
    /// What was stored for `parameters`, `inputs` and `counts`, byte by byte: what the digest is over.
    #[serde(skip)]
    pub(in crate::incidents) stored: Stored,
}

/// The documents of a revision as they are stored.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    pub parameters: String,
    pub inputs: String,
    pub counts: String,
}

/// What a list rests on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// Each log with its SHA-256, lines and damage; empty for a correction by hand.
    pub inputs: Vec<exposure::InputReport>,
    /// What the logs cover and what could be given to nobody.
    #[serde(default)]
    pub completeness: Option<Completeness>,
    /// What the classes of a reconstruction rest on. (Here and below: what is absent is not written, so that the digests of lists that
    /// were made before stay what they are.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconstruction: Option<Reconstructed>,
    /// What the pages of the routes show, by the system's manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<ShownOnRoutes>,
    /// What a list from the record of reads rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<RecordOfReads>,
}

/// A reconstruction without its people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconstructed {
    /// What was taken for granted of the cache.
    pub cache: exposure::CacheFacts,
    /// How edge and origin were joined.
    pub joined_by: exposure::JoinedBy,
    /// The people of the window's list, by class; a later correction by hand does not change it.
    pub counts: exposure::ExposureCounts,
    pub answers: exposure::AnswerCounts,
    pub residual: exposure::Residual,
    pub thin_hours: Vec<exposure::Gap>,
    pub assumptions: Vec<exposure::Assumption>,
    pub would_help: Vec<exposure::WouldHelp>,
    /// Why nobody could be shown not to be concerned.
    #[serde(default)]
    pub doubts: Vec<exposure::Doubt>,
    /// Sessions that were used from more than one address with a program.
    #[serde(default)]
    pub sessions_of_several_clients: u64,
}

/// Which personal data the routes of the question show, by the manifest that was in force when the fault began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownOnRoutes {
    /// Name of the system.
    pub system: String,
    /// Of which instant its manifest is: when the fault began, or when the list was made if none was in force then.
    pub as_of: Timestamp,
    /// By pattern; a pattern that the manifest does not declare is not here, and nobody knows what its pages show.
    pub routes: Vec<ShownOnRoute>,
}

/// What the pages of one route show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownOnRoute {
    /// As in the question.
    pub pattern: String,
    /// Dotted names, such as `applicant.email`, in order.
    pub fields: Vec<String>,
}

/// What a list from the record of reads rests on. Of the list as it was made: a later correction by hand does not change it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordOfReads {
    /// Name of the system whose people were read.
    pub system: String,
    /// The tenants' chains of the audit log with entries of the time, and those that are damaged or were trimmed into it; by name.
    pub chains: Vec<ChainRead>,
    /// All other chains: they are whole, and nothing was done there in the time.
    pub quiet_chains: u64,
    /// Names of the log that read something of this list.
    pub actors: u64,
    /// People of whom something was shown in clear, each once.
    pub plaintext: u64,
    /// The others: of them nothing but shortened values was shown.
    pub masked_only: u64,
    pub left_out: LeftOut,
    /// By which policies reads were asked about again, where only those were asked for that are refused now.
    pub judged_by: Option<JudgedBy>,
    /// SHA-256 over the people in order, in hexadecimal: the same question gives the same.
    pub people_digest: String,
}

/// A chain of the audit log, as far as it lies in the time of a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainRead {
    /// `audit:` and the short name of the tenant.
    pub name: String,
    /// Number of the first entry of the time; none where there is none.
    pub from: Option<i64>,
    /// Number of the last one.
    pub to: Option<i64>,
    /// Hash of the last one, over it and all before it; empty where there is none.
    pub hash: String,
    /// Entries of the time.
    pub entries: u64,
    /// Those that put somebody on the list.
    pub used: u64,
    /// What is wrong with the chain, as `suimon audit verify` names it: `changed at 12`. Empty when it was verified.
    pub faults: Vec<String>,
    /// Files that may hold entries of the time, which were trimmed away and not read.
    pub archives: Vec<String>,
}

/// Entries of the time that put nobody on the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// Reads that were refused: they showed nothing.
    pub refused: u64,
    /// Reads by the service itself, which wrote to the people.
    pub by_the_service: u64,
    /// Lists of pseudonyms, without a field of anybody.
    pub lists: u64,
    /// Reads that today's policy allows, too.
    pub allowed_now: u64,
    /// Reads that name nobody.
    pub without_person: u64,
    /// Reads by tokens of which nobody knows any more whose they were, where the question names accounts: they may have been theirs.
    pub by_unknown_tokens: u64,
    /// People on the list under the id of their record, because there is no pseudonym that a list may have.
    pub by_record_id: u64,
}

/// Policies by which reads were asked about again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgedBy {
    /// Fingerprint of the system's access requirements in force, in hexadecimal.
    pub requirements: String,
    /// Version of the policy of each tenant whose people read, by short name.
    pub policies: std::collections::BTreeMap<String, i64>,
}

/// What the result of a scan says about its own limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Completeness {
    pub coverage: exposure::Coverage,
    pub unattributed: exposure::Unattributed,
    #[serde(default)]
    pub not_counted: exposure::NotCounted,
    #[serde(default)]
    pub skew: Option<exposure::Skew>,
    pub border: exposure::Border,
}

/// A person at one tenant, in a revision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RevisionPerson {
    /// Short name of the tenant; empty when the logs name none.
    pub tenant_slug: String,
    /// The system's pseudonym for the person.
    pub person: String,
    /// Kind of person (record type); empty when the logs name none.
    pub kind: String,
    /// The tenant, where Suimon knows one of that short name.
    #[serde(skip)]
    pub tenant: Option<Uuid>,
    pub class: Class,
    pub first_at: Option<Timestamp>,
    pub last_at: Option<Timestamp>,
    /// Personal requests.
    pub requests: i64,
    pub logins: i64,
    pub origin: Origin,
    /// Why an officer added or excluded the person.
    pub reason: Option<String>,
    pub evidence: Evidence,
}

/// What the logs show of a person at a tenant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evidence {
    /// Personal routes that were fetched.
    pub routes: Vec<String>,
    /// Lines that count, in all.
    pub total: u64,
    /// The first of them.
    pub lines: Vec<exposure::Evidence>,
    /// Answers of caches that may have been this person's page, the strongest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<exposure::KeptAnswer>,
    /// Fields of this person that were shown, where the record itself names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<ShownField>,
    /// Entries of the audit log that say so, the first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<LoggedRead>,
}

/// An entry of the audit log that shows data of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggedRead {
    pub at: Timestamp,
    /// As the log has it: `subject.read`, `subject.found`.
    pub action: String,
    /// `audit:` and the short name of the tenant whose chain it is.
    pub input: String,
    /// Its number in the chain.
    pub line: i64,
}

/// In which form somebody got a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    Plaintext,
    /// As its mask leaves it, or a part of it that was searched for.
    Masked,
    /// Encrypted, without the key.
    Ciphertext,
}

/// A field of a person that was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownField {
    /// Dotted, such as `applicant.email`.
    pub field: String,
    pub form: Form,
    /// How often.
    pub times: u64,
}

/// Affected people of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCount {
    pub kind: String,
    pub persons: u64,
    /// Tenants with at least one of them.
    pub tenants: u64,
}

/// Affected people at a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantCount {
    pub tenant: String,
    pub kind: String,
    pub persons: u64,
    /// Those of them of whom it is certain.
    #[serde(default)]
    pub confirmed: u64,
}

/// How many people are affected. Computed here from the people, never taken from a client.
///
/// The parts add up: the sum over `by_tenant` − `counted_again` = `persons` = the sum of persons over `by_kind`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// People, each once.
    pub persons: u64,
    /// Tenants with at least one.
    pub tenants: u64,
    pub by_kind: Vec<KindCount>,
    /// By tenant and kind.
    pub by_tenant: Vec<TenantCount>,
    /// Sum of the tenants' lists.
    pub sum_over_tenants: u64,
    /// Entries beyond the first of people who are at several tenants.
    pub counted_again: u64,
    pub persons_in_several_tenants: u64,
    /// Of `persons`: those of whom it is certain. The rest is possible.
    #[serde(default)]
    pub confirmed: u64,
    /// People who alone got their own page from a cache; they are not among `persons`.
    #[serde(default)]
    pub self_only: u64,
    /// People of whom the logs cannot tell; they are not among `persons`.
    pub indeterminate: u64,
    /// People who were taken off the list with a reason.
    pub excluded: u64,
    /// Short names of tenants with affected people that Suimon does not know: no notice can reach them.
    pub unknown_tenants: Vec<String>,
}
