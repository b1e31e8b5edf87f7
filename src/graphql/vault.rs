//! Subjects: reading, searching, importing, erasing.

use std::sync::Arc;

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject, Union};
use envelope::Plaintext;

use super::connection::Page;
use super::id;
use super::people::Group;
use super::problem::payload;
use super::scalars::Instant;
use crate::access::Op;
use crate::error::{Error, Result};
use crate::{privacy, vault};

/// A person whose data a system holds.
pub struct Subject {
    subject: vault::Subject,
    /// Who was found together with this person.
    group: Arc<Group>,
}

impl Subject {
    fn alone(op: Op, subject: vault::Subject) -> Self {
        Self { group: Arc::new(Group::new(op, std::slice::from_ref(&subject))), subject }
    }
}

#[Object]
impl Subject {
    async fn id(&self) -> ID {
        id::encode("Subject", self.subject.tenant, self.subject.id)
    }

    async fn tenant_id(&self) -> ID {
        id::encode("Tenant", self.subject.tenant, self.subject.tenant)
    }

    async fn system(&self) -> &str {
        &self.subject.system
    }

    async fn record_type(&self) -> &str {
        &self.subject.record_type
    }

    /// The system's own pseudonym for the person.
    async fn external_id(&self) -> &str {
        &self.subject.external_id
    }

    /// In which language to write to the person: `ja` or `en`.
    async fn language(&self) -> &str {
        &self.subject.language
    }

    async fn created_at(&self) -> Instant {
        self.subject.created_at.into()
    }

    async fn updated_at(&self) -> Instant {
        self.subject.updated_at.into()
    }

    /// When the person's key was destroyed.
    async fn erased_at(&self) -> Option<Instant> {
        self.subject.erased_at.map(Instant)
    }

    /// Fields of personal data, all or those of `names`. Each read is recorded with its purpose. Values are masked unless
    /// `masked` is false and you may read them in clear.
    #[graphql(complexity = "10 + child_complexity")]
    async fn fields(
        &self,
        names: Option<Vec<String>>,
        #[graphql(default = true)] masked: bool,
    ) -> async_graphql::Result<Vec<FieldValue>> {
        let fields = self.group.fields(&self.subject, names, masked).await?;
        Ok(fields.iter().map(FieldValue::from).collect())
    }
}

/// A field as you may see it.
#[derive(Union)]
pub enum FieldValue {
    Clear(ClearValue),
    Masked(MaskedValue),
    Withheld(Withheld),
}

/// The value itself.
#[derive(SimpleObject)]
pub struct ClearValue {
    name: String,
    /// None when the record has none.
    value: Option<String>,
}

/// A shortened form by which the value can be recognised.
#[derive(SimpleObject)]
pub struct MaskedValue {
    name: String,
    /// None when the record has none.
    value: Option<String>,
}

/// A value that is not shown. It was not opened, either.
#[derive(SimpleObject)]
pub struct Withheld {
    name: String,
    reason: WithheldReason,
}

/// Why a value is not shown.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::vault::Withheld")]
pub enum WithheldReason {
    /// Your role does not allow it.
    NotAllowed,
    /// No purpose was stated.
    NoPurpose,
    /// The person was erased: nobody can read it any more.
    Erased,
    /// The stored bytes do not open at this place: they were altered or moved.
    Damaged,
}

impl From<&vault::FieldValue> for FieldValue {
    fn from(field: &vault::FieldValue) -> Self {
        let vault::FieldValue { name, shown } = field;
        let name = name.clone();
        match shown {
            vault::Shown::Clear(value) => FieldValue::Clear(ClearValue {
                name,
                value: value.as_ref().map(|value| value.expose().to_owned()),
            }),
            vault::Shown::Masked(value) => FieldValue::Masked(MaskedValue { name, value: value.clone() }),
            vault::Shown::Withheld(reason) => {
                FieldValue::Withheld(Withheld { name, reason: (*reason).into() })
            }
        }
    }
}

/// How a value is searched for.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Default)]
#[graphql(remote = "crate::vault::SearchMode")]
pub enum SearchMode {
    /// The whole value.
    #[default]
    Exact,
    /// A beginning of it, at least 2 characters.
    Prefix,
    /// A part of it, at least 2 characters.
    Substring,
}

/// What happens to good rows when others are wrong.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::vault::Mode")]
pub enum ImportMode {
    /// Good rows are kept, wrong ones refused.
    KeepGood,
    /// One wrong row, and nothing is kept. Nothing can be seen before the last batch has come.
    AllOrNothing,
}

/// How an import stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::vault::State")]
pub enum ImportState {
    /// More rows are expected.
    Running,
    /// All rows were read; what was kept is kept.
    Done,
    /// Nothing was kept.
    Undone,
    /// The rest could not be read; what was kept before is kept.
    Failed,
}

/// A value of a row.
#[derive(InputObject)]
pub struct ImportField {
    name: String,
    value: String,
}

/// A person to import: the whole record.
#[derive(InputObject)]
pub struct ImportRow {
    /// By which you recognise the row in the list of problems.
    line: u32,
    /// Slug of the tenant.
    tenant: String,
    external_id: String,
    /// `ja` (when not given) or `en`.
    language: Option<String>,
    fields: Vec<ImportField>,
}

/// A batch of an import.
#[derive(InputObject)]
pub struct ImportSubjectsInput {
    system: String,
    record_type: String,
    mode: ImportMode,
    /// From the answer to the batch before; none for the first.
    import_id: Option<ID>,
    /// At most 500.
    rows: Vec<ImportRow>,
    /// Whether this is the last batch.
    #[graphql(default)]
    last: bool,
}

/// A row that was refused. The reason never quotes a value.
#[derive(SimpleObject)]
pub struct ImportProblem {
    line: i64,
    reason: String,
}

/// How an import stands after a batch.
#[derive(SimpleObject)]
pub struct ImportProgress {
    import_id: ID,
    state: ImportState,
    /// Rows of all batches so far.
    rows_read: i64,
    rows_kept: i64,
    rows_refused: i64,
    /// Refused rows of this batch.
    problems: Vec<ImportProblem>,
}

payload!(
    /// Result of `importSubjects`.
    ImportSubjectsPayload, ImportProgress
);
payload!(
    /// Result of `eraseSubject`.
    EraseSubjectPayload, Subject
);

#[derive(Default)]
pub struct VaultQuery;

#[Object]
impl VaultQuery {
    /// A person. `purpose` says why its data is needed.
    async fn subject(
        &self,
        context: &Context<'_>,
        id: ID,
        purpose: String,
    ) -> async_graphql::Result<Subject> {
        let op = context.data::<Op>()?.for_purpose(&purpose)?;
        let (tenant, id) = id::decode("Subject", &id, "id")?;
        let subject = vault::subject(&op, tenant, id).await?;
        Ok(Subject::alone(op, subject))
    }

    /// People of a tenant. Their fields are withheld unless a purpose is stated.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn subjects(
        &self,
        context: &Context<'_>,
        tenant_id: ID,
        record_type: Option<String>,
        purpose: Option<String>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, Subject, EmptyFields, EmptyFields>> {
        let op = context.data::<Op>()?.clone();
        let op = match purpose {
            Some(purpose) => op.for_purpose(&purpose)?,
            None => op,
        };
        let (tenant, _) = id::decode("Tenant", &tenant_id, "tenantId")?;
        let page = Page::read(context, first, after)?;
        let after = page.after.as_deref().map(parse_cursor).transpose()?;
        let rows = vault::list_subjects(&op, tenant, record_type.as_deref(), after, page.limit()).await?;
        let key = |row: &vault::Subject| row.id.to_string();
        // The row beyond the page only tells that there is a next one: nobody reads its fields.
        let group = Arc::new(Group::new(op, &rows[..rows.len().min(page.first)]));
        Ok(page.connection(rows, key, |subject| Subject { subject, group: group.clone() }))
    }

    /// People with this value in a searchable field, in every tenant that you may see; at most 100. How a field can be
    /// searched stands in its manifest (`RecordField.search`). While the index is being made for some people, an error of the
    /// code `INCOMPLETE` stands beside those who were found.
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the arguments of the API's field, each with its name"
    )]
    async fn search_subjects(
        &self,
        context: &Context<'_>,
        system: String,
        record_type: String,
        field: String,
        value: String,
        purpose: String,
        #[graphql(default)] mode: SearchMode,
    ) -> async_graphql::Result<Vec<Subject>> {
        let op = context.data::<Op>()?.for_purpose(&purpose)?;
        let found = vault::search_subjects(&op, &system, &record_type, &field, &value, mode.into()).await?;
        if let Some(error) = found.incomplete() {
            let error = async_graphql::Error::from(error).into_server_error(context.item.pos);
            context.add_error(context.set_error_path(error));
        }
        let group = Arc::new(Group::new(op, &found.people));
        Ok(found.people.into_iter().map(|subject| Subject { subject, group: group.clone() }).collect())
    }
}

fn parse_cursor(cursor: &str) -> Result<uuid::Uuid> {
    cursor.parse().map_err(|_| Error::invalid("after", "is not a cursor of this list"))
}

#[derive(Default)]
pub struct VaultMutation;

#[Object]
impl VaultMutation {
    /// Imports people in batches.
    async fn import_subjects(
        &self,
        context: &Context<'_>,
        input: ImportSubjectsInput,
    ) -> async_graphql::Result<ImportSubjectsPayload> {
        let result = async {
            let ImportSubjectsInput { system, record_type, mode, import_id, rows, last } = input;
            let import = import_id.map(|id| id::decode("Import", &id, "input.importId")).transpose()?;
            let rows = rows.into_iter().map(raw_row).collect();
            let batch = vault::Batch { system, record_type, mode: mode.into(), import, rows, last };
            vault::import_batch(context.data_unchecked::<Op>(), batch).await
        };
        ImportSubjectsPayload::from_result(result.await, progress)
    }

    /// Destroys a person's key and data. `reason` names the rule or request, not the person.
    async fn erase_subject(
        &self,
        context: &Context<'_>,
        id: ID,
        reason: String,
    ) -> async_graphql::Result<EraseSubjectPayload> {
        let op = context.data::<Op>()?;
        let result = async {
            let (tenant, id) = id::decode("Subject", &id, "id")?;
            privacy::erase_subject(op, tenant, id, &reason).await
        };
        EraseSubjectPayload::from_result(result.await, |subject| Subject::alone(op.clone(), subject))
    }
}

fn raw_row(row: ImportRow) -> vault::RawRow {
    let ImportRow { line, tenant, external_id, language, fields } = row;
    let fields = fields.into_iter().map(|ImportField { name, value }| (name, Plaintext::from(value)));
    vault::RawRow { line: line.into(), tenant, external_id, language, fields: fields.collect() }
}

fn progress(report: vault::BatchReport) -> ImportProgress {
    let vault::BatchReport { tenant, import, state, rows_read, rows_kept, rows_refused, problems } = report;
    let problems = problems
        .into_iter()
        .map(|vault::RowProblem { line, reason }| ImportProblem {
            line: i64::try_from(line).unwrap_or(i64::MAX),
            reason,
        })
        .collect();
    ImportProgress {
        import_id: id::encode("Import", tenant, import),
        state: state.into(),
        rows_read,
        rows_kept,
        rows_refused,
        problems,
    }
}
