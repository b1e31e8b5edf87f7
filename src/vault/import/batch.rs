//! Import in batches, for programs that have the rows and no file.

use anyhow::Context;
use entity::import_batch;
use envelope::Plaintext;
use std::sync::Arc;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::engine::{Importer, check_row, overtaken, write};
use super::row::{RawRow, RowProblem};
use super::run::{Mode, Run, State};
use super::seal::Placed;
use super::store;
use crate::access::{Action, Op, Scope, Tx};
use crate::error::{Error, Result};
use crate::vault::blob::{open_for_tenant, seal_for_tenant};
use crate::vault::schema::Schema;

/// Most rows of a batch.
pub const MAX_BATCH: usize = 500;
/// Most rows of an import in batches that counts as a whole: its last batch writes them all while the caller waits.
pub const MAX_WHOLE: i64 = 50_000;
/// Where kept batches belong.
const PURPOSE: &str = "import_batch";

/// Rows of an import.
pub struct Batch {
    pub system: String,
    pub record_type: String,
    pub mode: Mode,
    /// The import that it goes on with: tenant and id.
    pub import: Option<(Uuid, Uuid)>,
    pub rows: Vec<RawRow>,
    /// Whether it is the last one.
    pub last: bool,
}

/// What came of a batch.
#[derive(Debug)]
pub struct BatchReport {
    pub tenant: Uuid,
    pub import: Uuid,
    pub state: State,
    /// Of the whole import so far.
    pub rows_read: i64,
    pub rows_kept: i64,
    pub rows_refused: i64,
    /// Of this batch.
    pub problems: Vec<RowProblem>,
}

/// Imports a batch. In the mode `AllOrNothing` nothing can be seen of it before the last batch has come, and all batches were
/// without fault. A batch that may have got lost on its way is sent again as it was: it counts once.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `CONFLICT` when the import has ended or a batch with other rows begins with the same line, `LIMIT_EXCEEDED`, and those of permission. Wrong rows are not
/// an error: they stand in the report.
pub async fn import_batch(op: &Op, batch: Batch) -> Result<BatchReport> {
    let Batch { system, record_type, mode, import, rows, last } = batch;
    let mut scope = op.permit(Action::Create, "import").await?;
    if rows.len() > MAX_BATCH || (rows.is_empty() && !last) {
        return Err(
            Error::invalid("rows", format!("wants 1 to {MAX_BATCH} rows")).remedy("send smaller batches")
        );
    }
    let schema = Schema::load(&scope, &system, &record_type).await?;
    let import = match import {
        None => Run::begin(&scope, &system, &record_type, mode, "api").await?.row.id,
        Some((tenant, import)) => {
            // An import of another tenant is none, also for the operator: runs belong to who began them.
            if tenant != scope.tenant() {
                return Err(Error::not_found("import"));
            }
            import
        }
    };
    if mode == Mode::AllOrNothing {
        // Kept batches are sealed with the importer's own key.
        scope = scope.within(scope.tenant(), "import")?;
    }
    let reach = op.permit(Action::Create, "import").await?;
    let importer = Importer::new(reach, schema, import);
    let batch = OneBatch { scope, importer, mode, rows, last, system, record_type };
    match mode {
        Mode::KeepGood => batch.keep_good().await,
        Mode::AllOrNothing => batch.all_or_nothing().await,
    }
}

struct OneBatch {
    scope: Scope,
    importer: Importer,
    mode: Mode,
    rows: Vec<RawRow>,
    last: bool,
    system: String,
    record_type: String,
}

impl OneBatch {
    async fn resume(&self, tx: &Tx) -> Result<Run> {
        Run::resume(tx, self.importer.import, &self.system, &self.record_type, self.mode).await
    }

    /// Checks rows by themselves and finds their tenants.
    async fn placed(&mut self, rows: Vec<RawRow>) -> Result<(Arc<Vec<Placed>>, Vec<RowProblem>)> {
        let record_type = self.importer.schema.record_type();
        let checked = rows.into_iter().map(|row| check_row(record_type, row)).collect();
        let (people, mut problems) = self.importer.locate(checked).await?;
        self.importer.ensure_keys(people.iter().map(|(tenant, _)| *tenant)).await?;
        let (placed, destroyed) = self.importer.place(people);
        problems.extend(destroyed);
        Ok((Arc::new(placed), problems))
    }

    async fn keep_good(mut self) -> Result<BatchReport> {
        let rows = std::mem::take(&mut self.rows);
        let read = rows.len();
        let (people, mut problems) = self.placed(rows).await?;
        let chunk = self.importer.preparation().seal(people).await?;
        let tx = self.scope.begin().await?;
        let mut run = self.resume(&tx).await?;
        // A batch is small: when somebody else was faster, the caller sends it again.
        let (written, more) = write(&tx, chunk).await.map_err(overtaken)?;
        problems.extend(more);
        run.add(read, written, problems.clone());
        let state = if self.last { State::Done } else { State::Running };
        run.commit(tx, state, if self.last { "import.end" } else { "import.chunk" }).await?;
        Ok(report(run, state, problems))
    }

    async fn all_or_nothing(mut self) -> Result<BatchReport> {
        let rows = std::mem::take(&mut self.rows);
        let read = rows.len();
        let first_line = rows.first().map_or(0, |row| row.line);
        let stored = to_json(&rows)?;
        let (_, problems) = self.placed(rows).await?;
        let tx = self.scope.begin().await?;
        let mut run = self.resume(&tx).await?;
        if !problems.is_empty() {
            // From here on the import cannot succeed; what was kept of it goes at once.
            store::delete_batches(&tx, self.importer.import).await?;
        } else if run.row.rows_refused == 0 && read > 0 {
            let first_line = i64::try_from(first_line).context("line")?;
            match store::batch_at(&tx, self.importer.import, first_line).await? {
                // It may have got lost on its way, so the caller sent it again.
                Some(kept) if *self.open_bytes(&kept).await? == *stored => {}
                Some(_) => {
                    return Err(Error::conflict(format!(
                        "another batch of this import begins with line {first_line} too, and has other rows"
                    ))
                    .remedy("number the lines through all batches of an import, not from 1 in each"));
                }
                None => {
                    let import = self.importer.import;
                    let sealed = seal_for_tenant(&self.scope, &tx, PURPOSE, import, &stored).await?;
                    let batch = import_batch::Model {
                        tenant_id: self.scope.tenant(),
                        import_id: import,
                        first_line,
                        rows: read as i64,
                        sealed,
                    };
                    store::put_batch(&tx, batch).await?;
                }
            }
        }
        run.add(read, Default::default(), problems.clone());
        if run.row.rows_refused == 0 {
            // A batch that was sent twice counts once.
            run.row.rows_read = store::rows_of_batches(&tx, self.importer.import).await?;
            if run.row.rows_read > MAX_WHOLE {
                return Err(Error::limit(format!("an import as a whole may have {MAX_WHOLE} rows"))
                    .remedy("use `suimon import` with a file"));
            }
        }
        if !self.last {
            run.commit(tx, State::Running, "import.chunk").await?;
            return Ok(report(run, State::Running, problems));
        }
        if run.row.rows_refused > 0 {
            run.commit(tx, State::Undone, "import.end").await?;
            return Ok(report(run, State::Undone, problems));
        }
        // What the last batch brought is kept first, so that the transaction below finds all batches in one place.
        run.commit(tx, State::Running, "import.chunk").await?;
        self.write_all().await
    }

    async fn write_all(mut self) -> Result<BatchReport> {
        self.importer.forget_seen();
        // The tenants' keys first: within the transaction nothing else may write.
        let mut after = None;
        loop {
            let Some((line, rows)) = self.kept_batch(after).await? else { break };
            let (_, _) = self.placed(rows).await?;
            after = Some(line);
        }
        self.importer.forget_seen();
        let tx = self.scope.begin().await?;
        let mut run = self.resume(&tx).await?;
        let read = run.row.rows_read;
        let mut after = None;
        while let Some(batch) = store::next_batch(&tx, self.importer.import, after).await? {
            after = Some(batch.first_line);
            let rows = self.open(batch).await?;
            let (people, mut problems) = self.placed(rows).await?;
            let chunk = self.importer.preparation().seal_in(&tx, people).await?;
            let (written, more) = write(&tx, chunk).await.map_err(overtaken)?;
            problems.extend(more);
            run.add(0, written, problems);
        }
        run.row.rows_read = read;
        if run.row.rows_refused == 0 {
            store::delete_batches(&tx, self.importer.import).await?;
            run.commit(tx, State::Done, "import.end").await?;
            return Ok(report(run, State::Done, Vec::new()));
        }
        drop(tx);
        run.forget_kept();
        let tx = self.scope.begin().await?;
        store::delete_batches(&tx, self.importer.import).await?;
        run.commit(tx, State::Undone, "import.end").await?;
        let problems = run.problems.clone();
        Ok(report(run, State::Undone, problems))
    }

    async fn kept_batch(&self, after: Option<i64>) -> Result<Option<(i64, Vec<RawRow>)>> {
        let batch = store::kept_batch(&self.scope, self.importer.import, after).await?;
        match batch {
            None => Ok(None),
            Some(batch) => Ok(Some((batch.first_line, self.open(batch).await?))),
        }
    }

    async fn open(&self, batch: import_batch::Model) -> Result<Vec<RawRow>> {
        from_json(&self.open_bytes(&batch).await?)
    }

    async fn open_bytes(&self, batch: &import_batch::Model) -> Result<Zeroizing<Vec<u8>>> {
        open_for_tenant(&self.scope, PURPOSE, batch.import_id, &batch.sealed).await
    }
}

fn report(run: Run, state: State, problems: Vec<RowProblem>) -> BatchReport {
    BatchReport {
        tenant: run.row.tenant_id,
        import: run.row.id,
        state,
        rows_read: run.row.rows_read,
        rows_kept: run.row.rows_kept,
        rows_refused: run.row.rows_refused,
        problems,
    }
}

type StoredRow<'r> = (u64, &'r str, &'r str, Option<&'r str>, Vec<(&'r str, &'r str)>);
type OpenedRow = (u64, String, String, Option<String>, Vec<(String, String)>);

fn to_json(rows: &[RawRow]) -> Result<Zeroizing<Vec<u8>>> {
    let rows: Vec<StoredRow<'_>> = rows
        .iter()
        .map(|row| {
            let RawRow { line, tenant, external_id, language, fields } = row;
            let fields = fields.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
            (*line, tenant.as_str(), external_id.as_str(), language.as_deref(), fields)
        })
        .collect();
    Ok(Zeroizing::new(serde_json::to_vec(&rows)?))
}

fn from_json(bytes: &[u8]) -> Result<Vec<RawRow>> {
    // The text of a failure could quote a value.
    let rows: Vec<OpenedRow> = serde_json::from_slice(bytes).ok().context("a kept batch is malformed")?;
    Ok(rows
        .into_iter()
        .map(|(line, tenant, external_id, language, fields)| {
            let fields = fields.into_iter().map(|(name, value)| (name, Plaintext::from(value))).collect();
            RawRow { line, tenant, external_id, language, fields }
        })
        .collect())
}
