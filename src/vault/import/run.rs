//! The record of one import: what was read, kept and refused.

use std::collections::BTreeMap;

use entity::import_run;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::engine::{Counts, Written};
use super::row::RowProblem;
use super::store;
use crate::access::{Scope, Tx};
use crate::audit::Event;
use crate::error::{Error, Result};

/// Problems that are kept and shown; all are counted.
const MAX_PROBLEMS: usize = 1000;
/// An import that has not ended after this time is taken for abandoned.
const ABANDONED_MICROS: i64 = 24 * 3600 * 1_000_000;

/// What happens to good rows when others are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Good rows are kept, wrong ones refused.
    KeepGood,
    /// One wrong row, and nothing is kept.
    AllOrNothing,
}

impl Mode {
    fn as_str(self) -> &'static str {
        match self {
            Mode::KeepGood => "keep_good",
            Mode::AllOrNothing => "all_or_nothing",
        }
    }
}

/// How an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// More rows are expected.
    Running,
    /// All rows were read; what was kept is kept.
    Done,
    /// Nothing was kept.
    Undone,
    /// The rest could not be read; what was kept before is kept.
    Failed,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Done => "done",
            State::Undone => "undone",
            State::Failed => "failed",
        }
    }
}

/// What an import came to.
#[derive(Clone, Debug, Serialize)]
pub struct ImportReport {
    pub import: Uuid,
    pub mode: Mode,
    pub state: State,
    pub rows_read: i64,
    /// New people, changed people, and people who were as the row says already.
    pub created: i64,
    pub changed: i64,
    pub unchanged: i64,
    pub rows_refused: i64,
    /// The first thousand of them, by line.
    pub problems: Vec<RowProblem>,
    /// Why the rest of the file was not read, and what to do about it.
    pub failure: Option<String>,
}

/// An import at work.
pub(super) struct Run {
    pub row: import_run::Model,
    pub mode: Mode,
    pub counts: Counts,
    pub problems: Vec<RowProblem>,
    /// What was written since the last commit, for the chains of those whose people they are.
    by_tenant: BTreeMap<Uuid, Counts>,
}

impl Run {
    /// Begins an import and ends those that were abandoned.
    pub async fn begin(
        scope: &Scope,
        system: &str,
        record_type: &str,
        mode: Mode,
        source: &str,
    ) -> Result<Self> {
        let tx = scope.begin().await?;
        let mut events = Vec::new();
        for mut abandoned in store::abandoned(&tx, scope.at_micros() - ABANDONED_MICROS).await? {
            store::delete_batches(&tx, abandoned.id).await?;
            let whole = abandoned.mode == Mode::AllOrNothing.as_str();
            let state = if whole { State::Undone } else { State::Failed };
            abandoned.state = state.as_str().to_owned();
            abandoned.finished_at = Some(scope.at_micros());
            store::update_run(&tx, &abandoned).await?;
            events.push(
                Event::new("import.abandoned", object(abandoned.id))
                    .detail(json!({ "state": state.as_str() })),
            );
        }
        let row = import_run::Model {
            tenant_id: scope.tenant(),
            id: scope.new_id(),
            system: system.to_owned(),
            record_type: record_type.to_owned(),
            mode: mode.as_str().to_owned(),
            state: State::Running.as_str().to_owned(),
            source_name: source.to_owned(),
            rows_read: 0,
            rows_kept: 0,
            rows_refused: 0,
            problems: "[]".to_owned(),
            started_at: scope.at_micros(),
            finished_at: None,
            author: scope.author(),
        };
        store::insert_run(&tx, row.clone()).await?;
        let detail = json!({ "system": system, "record_type": record_type, "mode": mode.as_str() });
        events.push(Event::new("import.begin", object(row.id)).detail(detail));
        tx.commit_all(events).await?;
        Ok(Self { row, mode, counts: Counts::default(), problems: Vec::new(), by_tenant: BTreeMap::new() })
    }

    /// Goes on with an import, locked until the transaction ends.
    pub async fn resume(tx: &Tx, id: Uuid, system: &str, record_type: &str, mode: Mode) -> Result<Self> {
        let row = store::lock_run(tx, id).await?.ok_or_else(|| Error::not_found("import"))?;
        if (row.system.as_str(), row.record_type.as_str(), row.mode.as_str())
            != (system, record_type, mode.as_str())
        {
            return Err(Error::invalid(
                "importId",
                "belongs to an import of another system, record type or mode",
            ));
        }
        if row.state != State::Running.as_str() {
            return Err(
                Error::conflict("this import has ended").remedy("begin another one, without importId")
            );
        }
        let problems = serde_json::from_str(&row.problems)?;
        Ok(Self { row, mode, counts: Counts::default(), problems, by_tenant: BTreeMap::new() })
    }

    /// Adds what a chunk came to.
    pub fn add(&mut self, read: usize, written: Written, problems: Vec<RowProblem>) {
        let Written { counts, by_tenant } = written;
        for (tenant, counts) in by_tenant {
            *self.by_tenant.entry(tenant).or_default() += counts;
        }
        self.row.rows_read += as_count(read);
        self.row.rows_refused += as_count(problems.len());
        self.row.rows_kept += counts.kept();
        self.counts += counts;
        let room = MAX_PROBLEMS.saturating_sub(self.problems.len());
        self.problems.extend(problems.into_iter().take(room));
    }

    /// Forgets what was kept: the transaction that wrote it is rolled back.
    pub fn forget_kept(&mut self) {
        self.row.rows_kept = 0;
        self.counts = Counts::default();
        self.by_tenant.clear();
    }

    /// Commits a transaction together with the progress. Each tenant whose people were created or changed finds that in its
    /// own chain, too.
    pub async fn commit(&mut self, tx: Tx, state: State, action: &'static str) -> Result<()> {
        self.problems.sort_by_key(|problem| problem.line);
        self.row.problems = serde_json::to_string(&self.problems)?;
        self.row.state = state.as_str().to_owned();
        if state != State::Running {
            self.row.finished_at = Some(tx.scope().op().app().clock().now().as_microsecond());
        }
        store::update_run(&tx, &self.row).await?;
        let detail = json!({
            "state": state.as_str(),
            "read": self.row.rows_read,
            "kept": self.row.rows_kept,
            "refused": self.row.rows_refused,
        });
        let event = |action, detail| Event::new(action, object(self.row.id)).detail(detail);
        let by_tenant = self.by_tenant.iter().map(|(tenant, counts)| {
            let detail = json!({ "created": counts.created, "changed": counts.changed });
            (*tenant, event("subject.import", detail))
        });
        tx.commit_each(event(action, detail), by_tenant.collect()).await?;
        self.by_tenant.clear();
        Ok(())
    }

    /// The same in a transaction of its own.
    pub async fn finish(&mut self, scope: &Scope, state: State) -> Result<()> {
        let tx = scope.begin().await?;
        self.commit(tx, state, "import.end").await
    }

    pub fn report(self, state: State, failure: Option<String>) -> ImportReport {
        let Self { row, mode, counts, problems, by_tenant: _ } = self;
        ImportReport {
            import: row.id,
            mode,
            state,
            rows_read: row.rows_read,
            created: counts.created,
            changed: counts.changed,
            unchanged: counts.unchanged,
            rows_refused: row.rows_refused,
            problems,
            failure,
        }
    }
}

fn object(id: Uuid) -> String {
    format!("import:{id}")
}

fn as_count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
