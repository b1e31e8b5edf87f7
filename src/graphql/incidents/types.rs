//! What can be read of an incident.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, Enum, ID, Object, SimpleObject};

use super::findings::Finding;
use super::{cursor, place, reader};
use crate::access::{Action, Op};
use crate::duties;
use crate::error::Error;
use crate::graphql::connection::Page;
use crate::graphql::exposure::{ExposureScan, Revision};
use crate::graphql::guards::{Sighting, sightings};
use crate::graphql::id;
use crate::graphql::questions::Question;
use crate::graphql::report_documents::Document;
use crate::graphql::scalars::Instant;
use crate::guards::Of;
use crate::incidents::{self, RowId, model};
use crate::notices::portal;
use crate::reports::documents;

/// A page.
pub type List<T> = async_graphql::Result<Connection<String, T, EmptyFields, EmptyFields>>;

/// Where an incident stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::incidents::model::Status")]
pub enum IncidentStatus {
    Open,
    Contained,
    Resolved,
    Closed,
}

/// What saw a broken requirement.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::incidents::model::FindingSource")]
pub enum FindingSource {
    Person,
    Check,
    Probe,
    Guard,
}

/// What an entry of the timeline is about. STATUS, TIMES and ASSESSMENT are written by Suimon itself.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::incidents::model::EntryKind")]
pub enum EntryKind {
    Summary,
    Cause,
    Impact,
    Event,
    Detection,
    Report,
    Decision,
    Containment,
    Investigation,
    Meeting,
    Communication,
    Authority,
    Measure,
    Correction,
    Note,
    Status,
    Times,
    Assessment,
}

/// How exactly an instant is known.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Default)]
#[graphql(remote = "crate::incidents::model::Precision")]
pub enum Precision {
    #[default]
    Exact,
    About,
    From,
    Day,
}

/// Roles in the response team.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::incidents::model::TeamRole")]
pub enum TeamRole {
    Head,
    DeputyHead,
    Coordinator,
    Investigator,
    Communications,
    Legal,
    PrivacyOfficer,
    VendorContact,
    PublicContact,
    Recorder,
}

/// Who asked.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::incidents::model::Direction")]
pub enum InquiryDirection {
    Incoming,
    Outgoing,
}

/// The other side of an inquiry.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::incidents::model::Party")]
pub enum InquiryParty {
    Tenant,
    Vendor,
    Authority,
    Person,
}

/// Where an inquiry stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::incidents::model::InquiryState")]
pub enum InquiryState {
    Open,
    Answered,
    Closed,
}

/// Where a corrective action stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::incidents::model::ActionState")]
pub enum ActionState {
    Planned,
    Done,
    Dropped,
}

/// A document that belongs to an entry, named by its hash.
#[derive(SimpleObject)]
pub struct Attachment {
    name: String,
    sha256: String,
    media_type: String,
    /// Bytes.
    size: i64,
}

/// An entry of the timeline. It never changes; a later one may supersede it.
#[derive(SimpleObject)]
pub struct TimelineEntry {
    id: ID,
    /// In the order of recording.
    seq: i32,
    kind: EntryKind,
    occurred_at: Instant,
    /// The end, of what lasted.
    occurred_until: Option<Instant>,
    precision: Precision,
    recorded_at: Instant,
    author_id: ID,
    text: String,
    supersedes: Option<ID>,
    /// The entry that took this one's place.
    superseded_by: Option<ID>,
    attachments: Vec<Attachment>,
}

impl From<model::Entry> for TimelineEntry {
    fn from(entry: model::Entry) -> Self {
        let entry_id = |id| id::encode("TimelineEntry", entry.tenant, id);
        Self {
            id: entry_id(entry.id),
            seq: entry.seq,
            kind: entry.kind.into(),
            occurred_at: entry.occurred_at.into(),
            occurred_until: entry.occurred_until.map(Instant),
            precision: entry.precision.into(),
            recorded_at: entry.recorded_at.into(),
            author_id: id::encode("Account", entry.tenant, entry.author),
            supersedes: entry.supersedes.map(entry_id),
            superseded_by: entry.superseded_by.map(entry_id),
            text: entry.text,
            attachments: entry
                .attachments
                .into_iter()
                .map(|model::Attachment { name, sha256, media_type, size }| Attachment {
                    name,
                    sha256,
                    media_type,
                    size,
                })
                .collect(),
        }
    }
}

/// Somebody's role in the response team.
#[derive(SimpleObject)]
pub struct TeamMember {
    id: ID,
    role: TeamRole,
    name: String,
    organisation: String,
    contact: Option<String>,
    account_id: Option<ID>,
    since: Instant,
    until: Option<Instant>,
}

impl From<model::Member> for TeamMember {
    fn from(member: model::Member) -> Self {
        Self {
            id: id::encode("TeamMember", member.tenant, member.id),
            role: member.role.into(),
            account_id: member.account.map(|account| id::encode("Account", member.tenant, account)),
            name: member.name,
            organisation: member.organisation,
            contact: member.contact,
            since: member.since.into(),
            until: member.until.map(Instant),
        }
    }
}

/// An answer to an inquiry. It never changes.
#[derive(SimpleObject)]
pub struct InquiryAnswer {
    text: String,
    answered_at: Instant,
    recorded_at: Instant,
    author_id: ID,
}

/// A question about the incident, from or to somebody outside the team.
#[derive(SimpleObject)]
pub struct Inquiry {
    id: ID,
    direction: InquiryDirection,
    party_kind: InquiryParty,
    party: String,
    party_tenant_id: Option<ID>,
    /// How it came: e-mail, telephone, chat, meeting.
    channel: Option<String>,
    question: String,
    asked_at: Instant,
    recorded_at: Instant,
    due_at: Option<Instant>,
    state: InquiryState,
    /// The message on whose page it was asked: it names the person's pseudonym, or the tenant. Null where an officer recorded it.
    message_id: Option<ID>,
    answers: Vec<InquiryAnswer>,
}

impl From<model::Inquiry> for Inquiry {
    fn from(inquiry: model::Inquiry) -> Self {
        let answer = |answer: model::Answer| InquiryAnswer {
            text: answer.text,
            answered_at: answer.answered_at.into(),
            recorded_at: answer.recorded_at.into(),
            author_id: id::encode("Account", inquiry.tenant, answer.author),
        };
        Self {
            id: id::encode("Inquiry", inquiry.tenant, inquiry.id),
            direction: inquiry.direction.into(),
            party_kind: inquiry.party_kind.into(),
            party: inquiry.party,
            party_tenant_id: inquiry.party_tenant.map(|tenant| id::encode("Tenant", tenant, tenant)),
            channel: inquiry.channel,
            question: inquiry.question,
            asked_at: inquiry.asked_at.into(),
            recorded_at: inquiry.recorded_at.into(),
            due_at: inquiry.due_at.map(Instant),
            state: inquiry.state.into(),
            message_id: inquiry.message.map(|message| id::encode("Message", inquiry.tenant, message)),
            answers: inquiry.answers.into_iter().map(answer).collect(),
        }
    }
}

/// Gift codes of an incident: imported = given + left.
#[derive(SimpleObject)]
pub struct GiftCodes {
    imported: u64,
    /// To one person each.
    given: u64,
    left: u64,
}

/// What is done so that it does not happen again, or for those concerned.
#[derive(SimpleObject)]
pub struct CorrectiveAction {
    id: ID,
    title: String,
    /// Name of the requirement that it adds. It is done when that requirement is in force.
    requirement: Option<String>,
    owner: Option<String>,
    starts_at: Option<Instant>,
    due_at: Option<Instant>,
    state: ActionState,
    done_at: Option<Instant>,
    recorded_at: Instant,
}

impl From<model::CorrectiveAction> for CorrectiveAction {
    fn from(action: model::CorrectiveAction) -> Self {
        Self {
            id: id::encode("CorrectiveAction", action.tenant, action.id),
            title: action.title,
            requirement: action.requirement,
            owner: action.owner,
            starts_at: action.starts_at.map(Instant),
            due_at: action.due_at.map(Instant),
            state: action.state.into(),
            done_at: action.done_at.map(Instant),
            recorded_at: action.recorded_at.into(),
        }
    }
}

/// An incident, from detection to closure.
pub struct Incident(pub model::Incident);

#[Object]
impl Incident {
    pub async fn id(&self) -> ID {
        id::encode("Incident", self.0.tenant, self.0.id)
    }

    /// Counts from 1.
    async fn number(&self) -> i32 {
        self.0.number
    }

    async fn title(&self) -> &str {
        &self.0.title
    }

    async fn system(&self) -> &str {
        &self.0.system
    }

    async fn status(&self) -> IncidentStatus {
        self.0.status.into()
    }

    /// IANA time zone in which people speak about it.
    async fn zone(&self) -> &str {
        &self.0.zone
    }

    async fn opened_at(&self) -> Instant {
        self.0.opened_at.into()
    }

    /// When the fault began to do harm.
    async fn occurred_from(&self) -> Option<Instant> {
        self.0.occurred_from.map(Instant)
    }

    /// When it had stopped everywhere.
    async fn occurred_to(&self) -> Option<Instant> {
        self.0.occurred_to.map(Instant)
    }

    /// The first sign that anybody or anything saw.
    async fn detected_at(&self) -> Option<Instant> {
        self.0.detected_at.map(Instant)
    }

    /// When the organisation knew. Legal clocks start here.
    async fn aware_at(&self) -> Option<Instant> {
        self.0.aware_at.map(Instant)
    }

    async fn contained_at(&self) -> Option<Instant> {
        self.0.contained_at.map(Instant)
    }

    async fn closed_at(&self) -> Option<Instant> {
        self.0.closed_at.map(Instant)
    }

    /// By the time of the events. Superseded entries are in it and marked.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn timeline(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> List<TimelineEntry> {
        let page = Page::read(context, first, after)?;
        let scope = reader(context, "incident.entry").await?;
        let rows = incidents::timeline_page(&scope, self.0.id, place(&page)?, page.limit()).await?;
        Ok(page.connection(rows, |row| cursor(row.occurred_at, row.seq), Into::into))
    }

    /// Everybody who has or had a role in the response.
    async fn team(&self, context: &Context<'_>) -> async_graphql::Result<Vec<TeamMember>> {
        let scope = reader(context, "incident.team").await?;
        Ok(incidents::members(&scope, self.0.id).await?.into_iter().map(Into::into).collect())
    }

    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn findings(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> List<Finding> {
        let page = Page::read(context, first, after)?;
        let scope = reader(context, "finding").await?;
        let rows = incidents::findings(&scope, self.0.id, place(&page)?, page.limit()).await?;
        Ok(page.connection(rows, |row| cursor(row.occurred_at, row.id), Into::into))
    }

    /// What browsers told of responses that were made for others, the newest first: who saw whose, by pseudonyms.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn sightings(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> List<Sighting> {
        sightings(context, Of::Incident(self.0.id), first, after).await
    }

    /// By the time of asking.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn inquiries(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> List<Inquiry> {
        let page = Page::read(context, first, after)?;
        let scope = reader(context, "inquiry").await?;
        let rows = incidents::inquiries(&scope, self.0.id, place(&page)?, page.limit()).await?;
        Ok(page.connection(rows, |row| cursor(row.asked_at, row.id), Into::into))
    }

    /// Gift codes for its people: how many were imported, given, and are left.
    async fn gift_codes(&self, context: &Context<'_>) -> async_graphql::Result<GiftCodes> {
        let counts = portal::gift_counts(context.data::<Op>()?, self.0.tenant, self.0.id).await?;
        Ok(GiftCodes { imported: counts.imported, given: counts.given, left: counts.left() })
    }

    async fn corrective_actions(
        &self,
        context: &Context<'_>,
    ) -> async_graphql::Result<Vec<CorrectiveAction>> {
        let scope = reader(context, "action").await?;
        Ok(incidents::actions(&scope, self.0.id).await?.into_iter().map(Into::into).collect())
    }

    /// Affected lists, by number.
    async fn revisions(&self, context: &Context<'_>) -> async_graphql::Result<Vec<Revision>> {
        let scope = reader(context, "revision").await?;
        Ok(incidents::revisions(&scope, self.0.id).await?.into_iter().map(Revision).collect())
    }

    /// Facts that are worth finding out, what most hangs on first; at most 50.
    #[graphql(complexity = "crate::graphql::connection::cost(Some(first), child_complexity) + 200")]
    async fn questions(
        &self,
        context: &Context<'_>,
        #[graphql(default = 10)] first: i32,
    ) -> async_graphql::Result<Vec<Question>> {
        let op = context.data_unchecked::<Op>();
        let first = usize::try_from(first).unwrap_or_default();
        let asked = duties::questions(op, self.0.tenant, self.0.id, first).await?;
        Ok(asked.into_iter().map(Question).collect())
    }

    /// The newest version of each document about the incident, by number.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn documents(&self, context: &Context<'_>) -> async_graphql::Result<Vec<Document>> {
        let incident = RowId { tenant: self.0.tenant, id: self.0.id };
        let found = documents::documents_of(context.data::<Op>()?, incident).await?;
        Ok(found.into_iter().map(Document).collect())
    }

    /// Scans of logs by the service itself, the newest first; at most 100.
    async fn scans(&self, context: &Context<'_>) -> async_graphql::Result<Vec<ExposureScan>> {
        let scope = reader(context, "revision").await?;
        Ok(incidents::scans::scans(&scope, self.0.id).await?.into_iter().map(ExposureScan).collect())
    }
}

#[derive(Default)]
pub struct IncidentsQuery;

#[Object]
impl IncidentsQuery {
    /// Incidents, the newest first.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn incidents(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> List<Incident> {
        let page = Page::read(context, first, after)?;
        let before = match &page.after {
            None => None,
            Some(number) => Some(number.parse().map_err(|_| Error::invalid("after", "is not a cursor"))?),
        };
        let rows = incidents::incidents(context.data::<Op>()?, before, page.limit()).await?;
        Ok(page.connection(rows, |row| row.number.to_string(), Incident))
    }

    /// An incident by its id or its number.
    async fn incident(
        &self,
        context: &Context<'_>,
        id: Option<ID>,
        number: Option<i32>,
    ) -> async_graphql::Result<Incident> {
        let op = super::may(context, Action::Read, "incident", "incident").await?;
        let found = match (id, number) {
            (Some(id), None) => {
                let row = super::row("Incident", &id, "id")?;
                incidents::incident(op, row.tenant, row.id).await?
            }
            (None, Some(number)) => incidents::incident_by_number(op, number).await?,
            _ => return Err(Error::invalid("id", "wants either an id or a number").into()),
        };
        Ok(Incident(found))
    }
}
