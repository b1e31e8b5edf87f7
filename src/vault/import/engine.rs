//! What a file and a batch have in common: finding tenants and duplicates, sealing, writing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::row::{Person, RawRow, RowProblem, check};
use super::seal::{Placed, SealedChunk, Sealer, Sealing};
use super::store::{self as import_store, WriteError};
use crate::access::{Scope, Tx};
use crate::error::{Error, Result};
use crate::requirements::manifest::RecordType;
use crate::vault::index::index_mark;
use crate::vault::schema::Schema;
use crate::vault::store;

/// Rows that are sealed at once and written in one transaction. On SQLite a transaction writes each page that it touches
/// once, and the rows of a thousand tenants touch thousands of pages: with 1,000 rows a transaction most of the time goes
/// into writing the same pages again. 8,000 rows are some 20 MB in memory and hold the write lock for about a second.
pub const CHUNK: usize = 8000;
/// External ids that are looked up at once.
const LOOK_UP: usize = 1000;
/// Tenants that are looked up at once.
const TENANTS: usize = 500;
/// Unknown tenants that are remembered, so that a file with a wrong column does not fill the memory.
const MAX_SLUGS: usize = 100_000;

/// A row that was checked by itself: its tenant's slug and the person, or what is wrong.
pub type Checked = std::result::Result<(String, Person), RowProblem>;

/// Checks a row by itself.
pub fn check_row(record_type: &RecordType, mut row: RawRow) -> Checked {
    let slug = std::mem::take(&mut row.tenant).trim().to_owned();
    if slug.is_empty() {
        return Err(RowProblem::new(row.line, "tenant is missing"));
    }
    Ok((slug, check(record_type, row)?))
}

/// What was kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub created: i64,
    pub changed: i64,
    pub unchanged: i64,
}

impl Counts {
    pub fn kept(self) -> i64 {
        self.created + self.changed + self.unchanged
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.created += other.created;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
    }
}

/// What chunks of one import share.
pub struct Importer {
    pub scope: Scope,
    pub schema: Schema,
    pub import: Uuid,
    slugs: HashMap<String, Option<Uuid>>,
    /// `None` for a tenant whose key was destroyed.
    sealers: HashMap<Uuid, Option<Arc<Sealer>>>,
    /// Line of each person by a digest of tenant and external id: 24 bytes a row.
    seen: HashMap<[u8; 16], u64>,
    ids: Arc<AtomicU32>,
}

impl Importer {
    pub fn new(scope: Scope, schema: Schema, import: Uuid) -> Self {
        Self {
            scope,
            schema,
            import,
            slugs: HashMap::new(),
            sealers: HashMap::new(),
            seen: HashMap::new(),
            ids: Arc::default(),
        }
    }

    /// Before a file is read a second time.
    pub fn forget_seen(&mut self) {
        self.seen.clear();
    }

    /// Finds the tenants of rows, and refuses unknown ones and people who come twice.
    pub async fn locate(&mut self, rows: Vec<Checked>) -> Result<(Vec<(Uuid, Person)>, Vec<RowProblem>)> {
        self.find_tenants(&rows).await?;
        let mut people = Vec::with_capacity(rows.len());
        let mut problems = Vec::new();
        for row in rows {
            let (slug, person) = match row {
                Ok(row) => row,
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            };
            let Some(tenant) = self.slugs.get(&slug).copied().flatten() else {
                problems.push(RowProblem::new(person.line, "the tenant is not known"));
                continue;
            };
            let first = *self.seen.entry(identity(tenant, &person.external_id)).or_insert(person.line);
            if first == person.line {
                people.push((tenant, person));
            } else {
                let reason = format!("the same tenant and external_id as in line {first}");
                problems.push(RowProblem::new(person.line, reason));
            }
        }
        Ok((people, problems))
    }

    async fn find_tenants(&mut self, rows: &[Checked]) -> Result<()> {
        if self.slugs.len() > MAX_SLUGS {
            self.slugs.retain(|_, tenant| tenant.is_some());
        }
        let unknown: HashSet<&str> = rows
            .iter()
            .filter_map(|row| row.as_ref().ok())
            .map(|(slug, _)| slug.as_str())
            // What cannot be a slug is not asked for.
            .filter(|slug| slug.len() <= 63 && !self.slugs.contains_key(*slug))
            .collect();
        let unknown: Vec<&str> = unknown.into_iter().collect();
        for slugs in unknown.chunks(TENANTS) {
            let found: HashMap<String, Uuid> =
                store::tenants_by_slug(&self.scope, slugs).await?.into_iter().collect();
            self.slugs.extend(slugs.iter().map(|slug| ((*slug).to_owned(), found.get(*slug).copied())));
        }
        Ok(())
    }

    /// Makes sure that the tenants of these people have keys. Commits them by itself, so it must not be called while a
    /// writing transaction is open.
    pub async fn ensure_keys(&mut self, tenants: impl IntoIterator<Item = Uuid>) -> Result<()> {
        let wanted: HashSet<Uuid> = tenants.into_iter().collect();
        let wanted: Vec<Uuid> = wanted.into_iter().collect();
        for tenants in wanted.chunks(TENANTS) {
            // Asked for each chunk: a key may have been replaced since the last one.
            let keys = self.scope.op().app().keyring().ensure(&self.scope, tenants).await?;
            for tenant in tenants {
                let known = self.sealers.get(tenant).and_then(Option::as_ref).map(|sealer| sealer.version());
                let sealer = match keys.get(tenant) {
                    None => None,
                    Some(key) if known == Some(key.version) => continue,
                    Some(key) => {
                        Some(Arc::new(Sealer::new(*tenant, key.clone(), self.schema.record_type())?))
                    }
                };
                self.sealers.insert(*tenant, sealer);
            }
        }
        Ok(())
    }

    /// Gives each person what seals it. The tenants' keys must be there.
    pub fn place(&self, people: Vec<(Uuid, Person)>) -> (Vec<Placed>, Vec<RowProblem>) {
        let mut placed = Vec::with_capacity(people.len());
        let mut problems = Vec::new();
        for (tenant, person) in people {
            match self.sealers.get(&tenant).and_then(Option::as_ref) {
                Some(sealer) => placed.push((sealer.clone(), person)),
                None => problems.push(RowProblem::new(person.line, "the key of this tenant was destroyed")),
            }
        }
        (placed, problems)
    }

    /// What sealing a chunk takes, to be run on its own.
    pub fn preparation(&self) -> Preparation {
        Preparation {
            scope: self.scope.clone(),
            schema: self.schema.clone(),
            import: self.import,
            ids: self.ids.clone(),
        }
    }
}

/// Reads who is known already and seals a chunk.
#[derive(Clone)]
pub struct Preparation {
    scope: Scope,
    schema: Schema,
    import: Uuid,
    ids: Arc<AtomicU32>,
}

impl Preparation {
    /// Seals a chunk; the people come back for the case that it has to be repeated.
    pub async fn seal(self, people: Arc<Vec<Placed>>) -> Result<SealedChunk> {
        self.seal_reading(None, people).await
    }

    /// The same within a transaction, over its own connection: one that waits for a second connection while it holds the
    /// first can wait for ever when all others do the same.
    pub async fn seal_in(self, tx: &Tx, people: Arc<Vec<Placed>>) -> Result<SealedChunk> {
        self.seal_reading(Some(tx), people).await
    }

    async fn seal_reading(self, tx: Option<&Tx>, people: Arc<Vec<Placed>>) -> Result<SealedChunk> {
        let Self { scope, schema, import, ids } = self;
        let wanted: HashSet<&str> = people.iter().map(|(_, person)| person.external_id.as_str()).collect();
        let wanted: Vec<&str> = wanted.into_iter().collect();
        let mut known = HashMap::new();
        let mut older = HashMap::new();
        for ids in wanted.chunks(LOOK_UP) {
            let (system, record_type) = (&schema.system, schema.name());
            let rows = match tx {
                Some(tx) => store::by_external_ids(&scope, tx.connection(), system, record_type, ids).await?,
                None => store::by_external_ids(&scope, scope.connection(), system, record_type, ids).await?,
            };
            known.extend(rows.into_iter().map(|row| ((row.tenant_id, row.external_id.clone()), row)));
        }
        for row in known.values() {
            let place = (row.tenant_id, row.key_version);
            if !older.contains_key(&place)
                && let Some(key) = scope.op().app().keyring().key(&scope, place.0, place.1).await?
            {
                older.insert(place, key);
            }
        }
        let (app, at) = (scope.op().app().clone(), scope.at());
        let sealing = Sealing {
            mark: index_mark(schema.record_type()),
            schema,
            import,
            at: scope.at_micros(),
            rng: app.entropy().fork(),
            next_id: Box::new(move || numbered(app.entropy().id(at), ids.fetch_add(1, Ordering::Relaxed))),
            known,
            older,
        };
        let sealed = tokio::task::spawn_blocking(move || sealing.seal(&people)).await;
        sealed.context("sealing a chunk ended early")?
    }
}

/// What a chunk came to, in all and at each tenant whose people it created or changed.
#[derive(Default)]
pub struct Written {
    pub counts: Counts,
    pub by_tenant: BTreeMap<Uuid, Counts>,
}

/// Writes a sealed chunk.
pub async fn write(
    tx: &Tx,
    mut chunk: SealedChunk,
) -> std::result::Result<(Written, Vec<RowProblem>), WriteError> {
    let counts = Counts {
        created: chunk.new.len() as i64,
        changed: chunk.changed.len() as i64,
        unchanged: chunk.same as i64,
    };
    let mut by_tenant = BTreeMap::<Uuid, Counts>::new();
    for row in &chunk.new {
        by_tenant.entry(row.tenant_id).or_default().created += 1;
    }
    for (row, _) in &chunk.changed {
        by_tenant.entry(row.tenant_id).or_default().changed += 1;
    }
    import_store::write_chunk(tx, &mut chunk).await?;
    Ok((Written { counts, by_tenant }, chunk.problems))
}

/// What to say when a transaction over a whole import was overtaken.
pub fn overtaken(error: WriteError) -> Error {
    match error {
        WriteError::Raced => {
            Error::conflict("somebody else changed the same people meanwhile; nothing was kept")
                .remedy("run the import again")
        }
        WriteError::Database(error) => error.into(),
    }
}

fn identity(tenant: Uuid, external_id: &str) -> [u8; 16] {
    let digest = Sha256::new().chain_update(tenant.as_bytes()).chain_update(external_id).finalize();
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    short
}

/// A version 7 UUID whose first 26 random bits are a counter (RFC 9562, 6.2, method 1), so that ids of one instant ascend and
/// rows go to the end of their tenant. 48 random bits remain.
fn numbered(id: Uuid, number: u32) -> Uuid {
    let mut bytes = id.into_bytes();
    let (first, second) = ((number >> 14) & 0x0FFF, number & 0x3FFF);
    bytes[6] = (bytes[6] & 0xF0) | (first >> 8) as u8;
    bytes[7] = (first & 0xFF) as u8;
    bytes[8] = (bytes[8] & 0xC0) | (second >> 8) as u8;
    bytes[9] = (second & 0xFF) as u8;
    Uuid::from_bytes(bytes)
}
