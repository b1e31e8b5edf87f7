//! What the mutations of an incident take.

use async_graphql::{ID, InputObject};

use super::row;
use super::types::{EntryKind, FindingSource, InquiryDirection, InquiryParty, Precision, TeamRole};
use crate::error::Result;
use crate::graphql::scalars::Instant;
use crate::incidents::{self, RowId, model};

/// What was seen.
#[derive(InputObject)]
pub struct ReportFindingInput {
    system: String,
    summary: String,
    occurred_at: Instant,
    source: FindingSource,
    /// What kind of person reported it and through whom, such as "an applicant, through the school"; never a name.
    reporter: Option<String>,
    /// Name of the broken requirement, where known.
    requirement: Option<String>,
}

impl From<ReportFindingInput> for incidents::NewFinding {
    fn from(input: ReportFindingInput) -> Self {
        let ReportFindingInput { system, summary, occurred_at, source, reporter, requirement } = input;
        Self { system, summary, occurred_at: occurred_at.0, source: source.into(), reporter, requirement }
    }
}

#[derive(InputObject)]
pub struct OpenIncidentInput {
    system: String,
    title: String,
    /// IANA time zone in which people speak about it, such as `Asia/Tokyo`.
    zone: String,
    /// At least one finding that no incident has taken up yet.
    finding_ids: Vec<ID>,
}

impl TryFrom<OpenIncidentInput> for incidents::NewIncident {
    type Error = crate::error::Error;

    fn try_from(input: OpenIncidentInput) -> Result<Self> {
        let OpenIncidentInput { system, title, zone, finding_ids } = input;
        let findings =
            finding_ids.iter().map(|id| row("Finding", id, "findingIds")).collect::<Result<_>>()?;
        Ok(Self { system, title, zone, findings })
    }
}

/// A document that belongs to an entry: kept elsewhere, named by its hash.
#[derive(InputObject)]
pub struct AttachmentInput {
    name: String,
    /// SHA-256 of the content, 64 hexadecimal digits.
    sha256: String,
    media_type: String,
    /// Bytes.
    size: i64,
}

#[derive(InputObject)]
pub struct AddTimelineEntryInput {
    incident_id: ID,
    kind: EntryKind,
    occurred_at: Instant,
    /// The end, of what lasted.
    occurred_until: Option<Instant>,
    #[graphql(default)]
    precision: Precision,
    /// 1 to 10,000 characters.
    text: String,
    /// The entry of the same incident that this one replaces.
    supersedes: Option<ID>,
    #[graphql(default)]
    attachments: Vec<AttachmentInput>,
}

impl AddTimelineEntryInput {
    pub fn read(self) -> Result<(RowId, incidents::NewEntry)> {
        let Self { incident_id, kind, occurred_at, occurred_until, precision, text, supersedes, attachments } =
            self;
        let attachment = |AttachmentInput { name, sha256, media_type, size }| model::Attachment {
            name,
            sha256,
            media_type,
            size,
        };
        let entry = incidents::NewEntry {
            kind: kind.into(),
            occurred_at: occurred_at.0,
            occurred_until: occurred_until.map(|until| until.0),
            precision: precision.into(),
            text,
            supersedes: supersedes.map(|id| row("TimelineEntry", &id, "supersedes")).transpose()?,
            attachments: attachments.into_iter().map(attachment).collect(),
        };
        Ok((row("Incident", &incident_id, "incidentId")?, entry))
    }
}

#[derive(InputObject)]
pub struct AssignTeamRoleInput {
    incident_id: ID,
    role: TeamRole,
    name: String,
    organisation: String,
    /// Where this role is reached, as it may be published.
    contact: Option<String>,
    /// The person's account at Suimon.
    account_id: Option<ID>,
}

impl AssignTeamRoleInput {
    pub fn read(self) -> Result<(RowId, incidents::NewMember)> {
        let Self { incident_id, role, name, organisation, contact, account_id } = self;
        let account = account_id.map(|id| row("Account", &id, "accountId")).transpose()?;
        let member = incidents::NewMember { role: role.into(), name, organisation, contact, account };
        Ok((row("Incident", &incident_id, "incidentId")?, member))
    }
}

/// Times of an incident; what is left out stays as it is.
#[derive(InputObject)]
pub struct SetIncidentTimesInput {
    incident_id: ID,
    occurred_from: Option<Instant>,
    occurred_to: Option<Instant>,
    detected_at: Option<Instant>,
    aware_at: Option<Instant>,
    /// Why they change; stands in the timeline.
    reason: Option<String>,
}

impl SetIncidentTimesInput {
    pub fn read(self) -> Result<(RowId, incidents::Times)> {
        let Self { incident_id, occurred_from, occurred_to, detected_at, aware_at, reason } = self;
        let at = |instant: Option<Instant>| instant.map(|instant| instant.0);
        let times = incidents::Times {
            occurred_from: at(occurred_from),
            occurred_to: at(occurred_to),
            detected_at: at(detected_at),
            aware_at: at(aware_at),
            reason,
        };
        Ok((row("Incident", &incident_id, "incidentId")?, times))
    }
}

#[derive(InputObject)]
pub struct RecordInquiryInput {
    incident_id: ID,
    direction: InquiryDirection,
    party_kind: InquiryParty,
    /// The organisation; for a person the kind of person, never a name. May be left out for a known tenant.
    party: Option<String>,
    party_tenant_id: Option<ID>,
    /// How it came: e-mail, telephone, chat, meeting.
    channel: Option<String>,
    question: String,
    /// Now, when left out.
    asked_at: Option<Instant>,
    /// Until when it wants an answer.
    due_at: Option<Instant>,
}

impl RecordInquiryInput {
    pub fn read(self) -> Result<(RowId, incidents::NewInquiry)> {
        let Self {
            incident_id,
            direction,
            party_kind,
            party,
            party_tenant_id,
            channel,
            question,
            asked_at,
            due_at,
        } = self;
        let inquiry = incidents::NewInquiry {
            direction: direction.into(),
            party_kind: party_kind.into(),
            party,
            party_tenant: party_tenant_id.map(|id| row("Tenant", &id, "partyTenantId")).transpose()?,
            channel,
            question,
            asked_at: asked_at.map(|at| at.0),
            due_at: due_at.map(|at| at.0),
        };
        Ok((row("Incident", &incident_id, "incidentId")?, inquiry))
    }
}

#[derive(InputObject)]
pub struct PlanCorrectiveActionInput {
    incident_id: ID,
    title: String,
    /// Name of the requirement that it adds; it need not exist yet.
    requirement: Option<String>,
    owner: Option<String>,
    starts_at: Option<Instant>,
    due_at: Option<Instant>,
}

impl PlanCorrectiveActionInput {
    pub fn read(self) -> Result<(RowId, incidents::NewAction)> {
        let Self { incident_id, title, requirement, owner, starts_at, due_at } = self;
        let action = incidents::NewAction {
            title,
            requirement,
            owner,
            starts_at: starts_at.map(|at| at.0),
            due_at: due_at.map(|at| at.0),
        };
        Ok((row("Incident", &incident_id, "incidentId")?, action))
    }
}
