//! What can be read of an affected list.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, Enum, ID, Json, Object, SimpleObject};

use super::difference::RevisionDifference;
use super::enforcement::ReadsBasis;
use super::reconstruction::ReconstructionBasis;
use crate::access::Action;
use crate::error::Error;
use crate::graphql::connection::Page;
use crate::graphql::id;
use crate::graphql::incidents::{may, reader, row};
use crate::graphql::language::Language;
use crate::graphql::scalars::Instant;
use crate::incidents;
use crate::incidents::affected::statement::statement;
use crate::incidents::affected::{fields_of, fields_of_others, is_intact, model};

/// How a revision came about.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::incidents::affected::model::Method")]
pub enum RevisionMethod {
    /// From the logs of a window of time: everybody who was there.
    Window,
    /// From the same logs, joined: who may have seen whose page.
    Reconstruction,
    /// From this service's own record of who read what.
    EnforcementLog,
    /// By hand, from an earlier revision.
    Manual,
}

/// Where a revision stands. RECEIVING is never shown: such a list is no revision yet.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::incidents::affected::model::State")]
pub enum RevisionState {
    Receiving,
    Draft,
    Approved,
    Superseded,
}

/// What is said about a person, the strongest first. CONFIRMED and POSSIBLE count as affected.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::incidents::affected::model::Class")]
pub enum ExposureClass {
    Confirmed,
    Possible,
    Indeterminate,
    SelfOnly,
    Excluded,
}

/// Why a person is on the list.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::incidents::affected::model::Origin")]
pub enum PersonOrigin {
    Logs,
    Manual,
}

/// Affected people of a kind.
#[derive(SimpleObject)]
pub struct KindCount {
    /// Empty when the logs name none.
    kind: String,
    persons: u64,
    /// Tenants with at least one of them.
    tenants: u64,
}

/// Affected people of a kind at a tenant.
#[derive(SimpleObject)]
pub struct TenantCount {
    /// Short name; empty when the logs name none.
    tenant: String,
    kind: String,
    persons: u64,
    /// Those of them of whom it is certain.
    confirmed: u64,
}

/// How many people are affected. `sumOverTenants` − `countedAgain` = `persons`.
#[derive(SimpleObject)]
pub struct RevisionCounts {
    /// People, each once.
    persons: u64,
    /// Tenants with at least one.
    tenants: u64,
    by_kind: Vec<KindCount>,
    by_tenant: Vec<TenantCount>,
    sum_over_tenants: u64,
    /// Entries beyond the first of people who are at several tenants.
    counted_again: u64,
    persons_in_several_tenants: u64,
    /// Of `persons`: those of whom it is certain. The rest is possible.
    confirmed: u64,
    /// People who alone got their own page from a cache; not among `persons`.
    self_only: u64,
    /// People of whom the logs cannot tell; not among `persons`.
    indeterminate: u64,
    /// People who were taken off the list with a reason, or of whom the logs show that nobody else got their data, as far as they go.
    excluded: u64,
    /// Tenants with affected people that Suimon does not know: no notice can reach them.
    unknown_tenants: Vec<String>,
}

impl From<model::Counts> for RevisionCounts {
    fn from(counts: model::Counts) -> Self {
        let model::Counts {
            persons,
            tenants,
            by_kind,
            by_tenant,
            sum_over_tenants,
            counted_again,
            persons_in_several_tenants,
            confirmed,
            self_only,
            indeterminate,
            excluded,
            unknown_tenants,
        } = counts;
        let kind = |model::KindCount { kind, persons, tenants }| KindCount { kind, persons, tenants };
        let cell = |model::TenantCount { tenant, kind, persons, confirmed }| TenantCount {
            tenant,
            kind,
            persons,
            confirmed,
        };
        Self {
            persons,
            tenants,
            by_kind: by_kind.into_iter().map(kind).collect(),
            by_tenant: by_tenant.into_iter().map(cell).collect(),
            sum_over_tenants,
            counted_again,
            persons_in_several_tenants,
            confirmed,
            self_only,
            indeterminate,
            excluded,
            unknown_tenants,
        }
    }
}

/// A log that a list rests on.
#[derive(SimpleObject)]
pub struct RevisionInput {
    name: String,
    /// What it was read as, by the name that forces it (`suimon exposure scan --as`); null when no line told.
    format: Option<String>,
    /// Of the unpacked content.
    sha256: String,
    /// Unpacked.
    bytes: u64,
    lines: u64,
    used: u64,
    bad: u64,
    /// Lines above the limit of length: not read, and counted as bad, too.
    oversized: u64,
    /// Lines that the log itself says were lost before it was written.
    lost: u64,
    /// It broke off: the rest of it is missing.
    truncated: bool,
    duplicate_of: Option<String>,
    first: Option<Instant>,
    last: Option<Instant>,
}

/// A log line that puts a person on the list.
#[derive(SimpleObject)]
pub struct EvidenceLine {
    at: Instant,
    /// `login`, `failed_login`, `origin_request` or `edge_request`; of the audit log the entry's action, such as `subject.read`.
    what: String,
    input: String,
    /// From 1; of the audit log the number of the entry in the tenant's chain.
    line: u64,
}

/// A person at a tenant, in a revision.
#[derive(SimpleObject)]
pub struct RevisionPerson {
    /// Short name of the tenant; empty when the logs name none.
    tenant: String,
    /// The tenant, where Suimon knows one of that short name.
    tenant_id: Option<ID>,
    /// The system's pseudonym for the person.
    person: String,
    kind: String,
    class: ExposureClass,
    first_at: Option<Instant>,
    last_at: Option<Instant>,
    /// Personal requests.
    requests: i64,
    logins: i64,
    origin: PersonOrigin,
    /// Why an officer added or excluded the person.
    reason: Option<String>,
    routes: Vec<String>,
    /// Log lines that count, in all.
    evidence_total: u64,
    /// The first of them.
    evidence: Vec<EvidenceLine>,
    /// Answers of caches that may have been this person's page, the strongest first.
    answers: Vec<KeptAnswer>,
    /// Fields of this person that somebody else got or may have got: those of the pages of `routes`, or those that the record of reads
    /// names.
    fields: Vec<ShownField>,
    /// Fields of other people's records on the same pages: an administrator's page shows those whom it lists. Whose they were, only the
    /// system itself can say.
    fields_of_others: Vec<ShownField>,
}

/// An answer that came from a cache and may have been this person's page.
#[derive(SimpleObject)]
pub struct KeptAnswer {
    /// What this answer alone says.
    says: ExposureClass,
    at: Instant,
    route: String,
    /// The people who may have got it; empty when nobody knows.
    viewers: Vec<String>,
    /// How many people's page it may have been.
    candidates: u64,
    /// Name of the edge's log.
    input: String,
    /// From 1.
    line: u64,
}

/// In which form somebody got a field's value.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::incidents::affected::model::Form")]
pub enum FieldForm {
    Plaintext,
    /// As its mask leaves it, or a part of it that was searched for.
    Masked,
    /// Encrypted, without the key.
    Ciphertext,
}

/// A field that was shown.
#[derive(SimpleObject)]
pub struct ShownField {
    /// Dotted, such as `applicant.email`.
    field: String,
    form: FieldForm,
    /// How often; 1 where only the pages are known that show it.
    times: u64,
}

impl From<model::ShownField> for ShownField {
    fn from(model::ShownField { field, form, times }: model::ShownField) -> Self {
        Self { field, form: form.into(), times }
    }
}

pub(super) fn class_of(exposure: exposure::Exposure) -> ExposureClass {
    match exposure {
        exposure::Exposure::Confirmed => ExposureClass::Confirmed,
        exposure::Exposure::Possible => ExposureClass::Possible,
        exposure::Exposure::Indeterminate => ExposureClass::Indeterminate,
        exposure::Exposure::SelfOnly => ExposureClass::SelfOnly,
        exposure::Exposure::Excluded => ExposureClass::Excluded,
    }
}

impl From<exposure::KeptAnswer> for KeptAnswer {
    fn from(answer: exposure::KeptAnswer) -> Self {
        let exposure::KeptAnswer { says, at, route, viewers, candidates, input, line } = answer;
        Self { says: class_of(says), at: at.into(), route, viewers, candidates, input, line }
    }
}

impl RevisionPerson {
    fn new(inputs: &model::Inputs, row: model::RevisionPerson) -> Self {
        let line = |line: exposure::Evidence| EvidenceLine {
            at: line.at.into(),
            what: match line.what {
                exposure::EvidenceKind::Login => "login",
                exposure::EvidenceKind::FailedLogin => "failed_login",
                exposure::EvidenceKind::OriginRequest => "origin_request",
                exposure::EvidenceKind::EdgeRequest => "edge_request",
            }
            .to_owned(),
            input: line.input,
            line: line.line,
        };
        let entry = |entry: model::LoggedRead| EvidenceLine {
            at: entry.at.into(),
            what: entry.action,
            input: entry.input,
            line: entry.line.unsigned_abs(),
        };
        let fields = |fields: Vec<model::ShownField>| fields.into_iter().map(Into::into).collect();
        Self {
            fields: fields(fields_of(inputs, &row)),
            fields_of_others: fields(fields_of_others(inputs, &row)),
            tenant: row.tenant_slug,
            tenant_id: row.tenant.map(|tenant| id::encode("Tenant", tenant, tenant)),
            person: row.person,
            kind: row.kind,
            class: row.class.into(),
            first_at: row.first_at.map(Instant),
            last_at: row.last_at.map(Instant),
            requests: row.requests,
            logins: row.logins,
            origin: row.origin.into(),
            reason: row.reason,
            routes: row.evidence.routes,
            evidence_total: row.evidence.total,
            evidence: (row.evidence.lines.into_iter().map(line))
                .chain(row.evidence.entries.into_iter().map(entry))
                .collect(),
            answers: row.evidence.answers.into_iter().map(Into::into).collect(),
        }
    }
}

/// What the pages of a route show.
#[derive(SimpleObject)]
pub struct ShownOnRoute {
    pattern: String,
    /// Dotted, such as `applicant.email`.
    fields: Vec<String>,
}

/// What the pages of the question's routes show, by the system's manifest.
#[derive(SimpleObject)]
pub struct ShownOnRoutes {
    system: String,
    /// Of which instant the manifest is: when the fault began, or when the list was made if none was in force then.
    as_of: Instant,
    /// A pattern that the manifest does not declare is not here: nobody knows what its pages show.
    routes: Vec<ShownOnRoute>,
}

impl From<model::ShownOnRoutes> for ShownOnRoutes {
    fn from(model::ShownOnRoutes { system, as_of, routes }: model::ShownOnRoutes) -> Self {
        let route = |model::ShownOnRoute { pattern, fields }| ShownOnRoute { pattern, fields };
        Self { system, as_of: as_of.into(), routes: routes.into_iter().map(route).collect() }
    }
}

/// A numbered affected list of an incident. Its people never change.
pub struct Revision(pub model::Revision);

#[Object]
impl Revision {
    pub async fn id(&self) -> ID {
        id::encode("Revision", self.0.tenant, self.0.id)
    }

    /// Counts from 1 in its incident.
    async fn number(&self) -> i32 {
        self.0.number.unwrap_or(0)
    }

    async fn incident_id(&self) -> ID {
        id::encode("Incident", self.0.tenant, self.0.incident)
    }

    async fn method(&self) -> RevisionMethod {
        self.0.method.into()
    }

    async fn state(&self) -> RevisionState {
        self.0.state.into()
    }

    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// The question: window, basis, margins, routes; or base and corrections.
    async fn parameters(&self) -> Json<&serde_json::Value> {
        Json(&self.0.parameters)
    }

    /// The logs that it rests on; empty for a correction by hand.
    async fn inputs(&self) -> Vec<RevisionInput> {
        let input = |input: &exposure::InputReport| RevisionInput {
            name: input.name.clone(),
            format: input.format.map(|format| format.to_string()),
            sha256: input.sha256.clone(),
            bytes: input.bytes,
            lines: input.lines,
            used: input.used,
            bad: input.bad.count,
            oversized: input.oversized,
            lost: input.lost,
            truncated: input.truncated.is_some(),
            duplicate_of: input.duplicate_of.clone(),
            first: input.first.map(Instant),
            last: input.last.map(Instant),
        };
        self.0.inputs.inputs.iter().map(input).collect()
    }

    /// Whether the logs cover the window as far as can be known; null when nothing was said about it.
    async fn complete(&self) -> Option<bool> {
        self.0.inputs.completeness.as_ref().map(|known| known.coverage.complete)
    }

    /// What the logs cover, what could be given to nobody, how the clocks differ.
    async fn completeness(&self) -> async_graphql::Result<Option<Json<serde_json::Value>>> {
        let known = self.0.inputs.completeness.as_ref();
        Ok(known.map(serde_json::to_value).transpose().map_err(Error::from)?.map(Json))
    }

    /// What the classes rest on, of a list by reconstruction and of corrections of one.
    async fn reconstruction(&self) -> Option<ReconstructionBasis> {
        self.0.inputs.reconstruction.clone().map(ReconstructionBasis)
    }

    /// What a list from the record of reads rests on, and corrections of one.
    async fn reads(&self) -> Option<ReadsBasis> {
        self.0.inputs.reads.clone().map(Into::into)
    }

    /// What the pages of the routes show by the system's manifest; null where no manifest was applied.
    async fn shown(&self) -> Option<ShownOnRoutes> {
        self.0.inputs.shown.clone().map(Into::into)
    }

    /// What may be told to a regulator about this list: both methods, what they rest on, what they do not say. Null for a list that no
    /// logs support. Times are in `timeZone` (an IANA name; UTC when left out).
    #[graphql(complexity = 20)]
    async fn statement(
        &self,
        language: Language,
        time_zone: Option<String>,
    ) -> async_graphql::Result<Option<String>> {
        let zone = match time_zone {
            None => jiff::tz::TimeZone::UTC,
            Some(name) => jiff::tz::TimeZone::get(&name).map_err(|_| {
                Error::invalid("timeZone", "is not a time zone")
                    .remedy("give an IANA name, such as Asia/Tokyo")
            })?,
        };
        Ok(statement(&self.0, &zone, language.into()))
    }

    async fn counts(&self) -> RevisionCounts {
        self.0.counts.clone().into()
    }

    /// SHA-256 over parameters, inputs, counts and people in order.
    async fn digest(&self) -> &str {
        &self.0.digest
    }

    /// Whether the stored people are still those that the digest was made over. Reads all of them.
    #[graphql(complexity = 500)]
    async fn intact(&self, context: &Context<'_>) -> async_graphql::Result<bool> {
        let scope = reader(context, "revision").await?;
        Ok(is_intact(&scope, &self.0).await?)
    }

    async fn created_at(&self) -> Instant {
        self.0.created_at.into()
    }

    async fn created_by_id(&self) -> ID {
        id::encode("Account", self.0.tenant, self.0.created_by)
    }

    async fn approved_at(&self) -> Option<Instant> {
        self.0.approved_at.map(Instant)
    }

    async fn approved_by_id(&self) -> Option<ID> {
        self.0.approved_by.map(|account| id::encode("Account", self.0.tenant, account))
    }

    /// Everybody in it, by tenant and person; of one tenant, where its short name is given.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn people(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        tenant: Option<String>,
    ) -> async_graphql::Result<Connection<String, RevisionPerson, EmptyFields, EmptyFields>> {
        let page = Page::read(context, first, after)?;
        let after = match &page.after {
            None => None,
            Some(cursor) => {
                let (slug, person) =
                    cursor.split_once('\n').ok_or_else(|| Error::invalid("after", "is not a cursor"))?;
                Some((slug.to_owned(), person.to_owned()))
            }
        };
        let scope = reader(context, "revision").await?;
        let rows = incidents::people(&scope, self.0.id, tenant.as_deref(), after, page.limit()).await?;
        let inputs = &self.0.inputs;
        let cursor = |row: &model::RevisionPerson| format!("{}\n{}", row.tenant_slug, row.person);
        Ok(page.connection(rows, cursor, |row| RevisionPerson::new(inputs, row)))
    }

    /// What changed from another revision of the same incident; from the one before, when `from` is left out.
    #[graphql(complexity = "500 + child_complexity")]
    async fn difference(
        &self,
        context: &Context<'_>,
        from: Option<ID>,
    ) -> async_graphql::Result<RevisionDifference> {
        let scope = reader(context, "revision").await?;
        let from = match from {
            None => None,
            Some(id) => {
                let row = row("Revision", &id, "from")?;
                scope.within(row.tenant, "revision to compare with")?;
                Some(row.id)
            }
        };
        Ok(RevisionDifference(incidents::difference(&scope, &self.0, from).await?))
    }
}

#[derive(Default)]
pub struct ExposureQuery;

#[Object]
impl ExposureQuery {
    /// An affected list.
    async fn revision(&self, context: &Context<'_>, id: ID) -> async_graphql::Result<Revision> {
        let op = may(context, Action::Read, "revision", "revision").await?;
        Ok(Revision(incidents::revision(op, row("Revision", &id, "id")?).await?))
    }
}
