//! Sealing of a chunk of people: the work that the processor does while the database writes the chunk before.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use entity::subject;
use envelope::{
    FieldCipher, Plaintext, RecordContext, SealedRecord, SubjectKey, SubjectKeyContext, TenantKey,
};
use rand::rngs::StdRng;
use uuid::Uuid;

use super::row::{Person, RowProblem};
use crate::error::Result;
use crate::requirements::manifest::RecordType;
use crate::vault::index::{IndexRows, Indexer, Unfit};
use crate::vault::keyring::{ActiveKey, SUBJECT_KEY_VERSION, version};
use crate::vault::schema::Schema;

/// What seals the people of one tenant: its key, and the keys of its searchable fields, derived once.
pub struct Sealer {
    pub tenant: Uuid,
    active: ActiveKey,
    indexer: Indexer,
}

impl Sealer {
    pub fn new(tenant: Uuid, active: ActiveKey, record_type: &RecordType) -> Result<Self> {
        let indexer = Indexer::new(tenant, &active, record_type)?;
        Ok(Self { tenant, active, indexer })
    }

    /// Version of the tenant's key.
    pub fn version(&self) -> i32 {
        self.active.version
    }
}

/// A person of a known tenant.
pub type Placed = (Arc<Sealer>, Person);

/// What a chunk comes to.
#[derive(Default)]
pub struct SealedChunk {
    pub new: Vec<subject::Model>,
    /// Rows as they shall be, each with the `updated_at` that it had when it was read.
    pub changed: Vec<(subject::Model, i64)>,
    pub index: IndexRows,
    pub same: usize,
    pub problems: Vec<RowProblem>,
}

/// What the rows of a chunk have in common.
pub struct Sealing {
    pub schema: Schema,
    /// That of the schema.
    pub mark: i64,
    pub import: Uuid,
    pub at: i64,
    pub rng: StdRng,
    /// Ids for new people, ascending, so that rows are inserted at the end of their tenant.
    pub next_id: Box<dyn FnMut() -> Uuid + Send>,
    /// People who are known already, by tenant and external id.
    pub known: HashMap<(Uuid, String), subject::Model>,
    /// Keys of older versions that known people were wrapped with.
    pub older: HashMap<(Uuid, i32), Arc<TenantKey>>,
}

impl Sealing {
    /// Seals a chunk.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub fn seal(mut self, people: &[Placed]) -> Result<SealedChunk> {
        let mut chunk = SealedChunk::default();
        for (sealer, person) in people {
            match self.known.remove(&(sealer.tenant, person.external_id.clone())) {
                None => self.add(sealer, person, &mut chunk)?,
                Some(row) => self.change(sealer, person, row, &mut chunk)?,
            }
        }
        chunk.index.sort();
        chunk.new.sort_unstable_by_key(|row| (row.tenant_id, row.id));
        // In one order: two that lock rows in different orders wait for each other.
        chunk.changed.sort_unstable_by_key(|(row, _)| (row.tenant_id, row.id));
        Ok(chunk)
    }

    fn add(&mut self, sealer: &Sealer, person: &Person, chunk: &mut SealedChunk) -> Result<()> {
        let id = (self.next_id)();
        let key = SubjectKey::generate(&mut self.rng);
        let place = key_place(sealer.tenant, id, sealer.active.version)?;
        let wrapped =
            sealer.active.key.wrap_subject_key(&place, &key, &mut self.rng).context("subject key")?;
        let fields = self.record(sealer, id, &key, person)?;
        if let Err(problem) = self.index(sealer, id, person, &mut chunk.index) {
            chunk.problems.push(problem);
            return Ok(());
        }
        chunk.new.push(subject::Model {
            tenant_id: sealer.tenant,
            id,
            system: self.schema.system.clone(),
            record_type: self.schema.name().to_owned(),
            external_id: person.external_id.clone(),
            key_version: sealer.active.version,
            wrapped_key: Some(wrapped),
            fields: Some(fields),
            language: person.language.to_owned(),
            import_id: Some(self.import),
            created_at: self.at,
            updated_at: self.at,
            erased_at: None,
            index_mark: Some(self.mark),
        });
        Ok(())
    }

    fn change(
        &mut self,
        sealer: &Sealer,
        person: &Person,
        row: subject::Model,
        chunk: &mut SealedChunk,
    ) -> Result<()> {
        let refuse = |reason: &str| RowProblem::new(person.line, reason);
        let (Some(wrapped), Some(stored), None) = (&row.wrapped_key, &row.fields, row.erased_at) else {
            chunk.problems.push(refuse("the person was erased; an import does not bring a person back"));
            return Ok(());
        };
        let tenant_key = if row.key_version == sealer.active.version {
            Some(&sealer.active.key)
        } else {
            self.older.get(&(row.tenant_id, row.key_version))
        };
        let place = key_place(row.tenant_id, row.id, row.key_version)?;
        let opened = tenant_key.and_then(|key| key.unwrap_subject_key(&place, wrapped).ok());
        let Some(key) = opened else {
            chunk
                .problems
                .push(refuse("the stored record does not open: it was altered, or its key was destroyed"));
            return Ok(());
        };
        if row.language == person.language && self.is_same(&row, &key, stored, person) {
            chunk.same += 1;
            return Ok(());
        }
        let fields = self.record(sealer, row.id, &key, person)?;
        if let Err(problem) = self.index(sealer, row.id, person, &mut chunk.index) {
            chunk.problems.push(problem);
            return Ok(());
        }
        // Key, record and index rows of a person are of one version of the tenant's key.
        let place = key_place(row.tenant_id, row.id, sealer.active.version)?;
        let wrapped =
            sealer.active.key.wrap_subject_key(&place, &key, &mut self.rng).context("subject key")?;
        let seen = row.updated_at;
        let changed = subject::Model {
            key_version: sealer.active.version,
            wrapped_key: Some(wrapped),
            fields: Some(fields),
            language: person.language.to_owned(),
            import_id: Some(self.import),
            // Two changes in one microsecond must still differ: the next writer compares this.
            updated_at: self.at.max(seen + 1),
            index_mark: Some(self.mark),
            ..row
        };
        chunk.changed.push((changed, seen));
        Ok(())
    }

    fn is_same(&self, row: &subject::Model, key: &SubjectKey, stored: &[u8], person: &Person) -> bool {
        let Ok(record) = SealedRecord::parse(stored) else { return false };
        let cipher = FieldCipher::new(key);
        let place = self.place(row.tenant_id, row.id);
        let names = &self.schema.record_type().fields;
        record.len() == person.fields.len()
            && person.fields.iter().all(|(at, value)| {
                matches!(cipher.open_field(&place, &record, &names[*at].name), Ok(Some(old)) if old == *value)
            })
    }

    fn place(&self, tenant: Uuid, subject: Uuid) -> RecordContext<'_> {
        RecordContext {
            tenant: tenant.into_bytes(),
            record_type: self.schema.name(),
            subject: subject.into_bytes(),
            key_version: SUBJECT_KEY_VERSION,
        }
    }

    fn record(&mut self, sealer: &Sealer, id: Uuid, key: &SubjectKey, person: &Person) -> Result<Vec<u8>> {
        let schema = self.schema.clone();
        let place = RecordContext {
            tenant: sealer.tenant.into_bytes(),
            record_type: schema.name(),
            subject: id.into_bytes(),
            key_version: SUBJECT_KEY_VERSION,
        };
        let names = &schema.record_type().fields;
        let fields =
            person.fields.iter().map(|(at, value): &(usize, Plaintext)| (names[*at].name.as_str(), value));
        Ok(FieldCipher::new(key).seal_record(&place, fields, &mut self.rng).context("record")?)
    }

    /// Adds the index rows of a person.
    fn index(
        &self,
        sealer: &Sealer,
        id: Uuid,
        person: &Person,
        rows: &mut IndexRows,
    ) -> std::result::Result<(), RowProblem> {
        let value_of =
            |at: usize| person.fields.iter().find(|(field, _)| *field == at).map(|(_, value)| value.expose());
        let added = sealer.indexer.add(self.schema.record_type(), id, value_of, rows);
        added.map_err(|Unfit { field, error }| RowProblem::new(person.line, format!("{field}: {error}")))
    }
}

fn key_place(tenant: Uuid, subject: Uuid, tenant_key_version: i32) -> Result<SubjectKeyContext> {
    Ok(SubjectKeyContext {
        tenant: tenant.into_bytes(),
        subject: subject.into_bytes(),
        tenant_key_version: version(tenant_key_version)?,
        key_version: SUBJECT_KEY_VERSION,
    })
}
