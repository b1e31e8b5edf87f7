//! What of a person can be searched for, as rows: digests of whole values and of their parts. Import, reindexing and whoever
//! else writes a person make these rows in the transaction of the record itself.

use anyhow::Context;
use entity::{blind_index, part_index};
use envelope::{INDEX_RULES, IndexContext, IndexKey, Part, PartKey};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::keyring::ActiveKey;
use super::schema::{index_kind, parts_of};
use crate::error::Result;
use crate::requirements::manifest::RecordType;

/// The keys of one tenant for the searchable fields of a record type, derived once.
pub(super) struct Indexer {
    tenant: Uuid,
    key_version: i32,
    /// Position of the field in the record type, and its key.
    whole: Vec<(usize, IndexKey)>,
    parts: Vec<(usize, PartKey)>,
}

/// Rows of people.
#[derive(Default)]
pub(super) struct IndexRows {
    pub whole: Vec<blind_index::Model>,
    pub parts: Vec<part_index::Model>,
}

/// A value that cannot be indexed: its field and why.
pub(super) struct Unfit {
    pub field: String,
    pub error: envelope::Error,
}

impl Indexer {
    pub fn new(tenant: Uuid, active: &ActiveKey, record_type: &RecordType) -> Result<Self> {
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        for (at, field) in record_type.fields.iter().enumerate() {
            let Some(search) = field.search() else { continue };
            let place = IndexContext {
                tenant: tenant.into_bytes(),
                record_type: &record_type.name,
                field: &field.name,
            };
            let kind = index_kind(field);
            whole.push((at, active.key.index_key(&place, kind).context("index key")?));
            if let Some(part) = parts_of(search) {
                parts.push((at, active.key.part_key(&place, kind, part).context("key of parts")?));
            }
        }
        Ok(Self { tenant, key_version: active.version, whole, parts })
    }

    /// Adds the rows of a person whose values `value_of` gives by position of the field. A value of which normalising leaves
    /// nothing is simply not found; that is no error.
    pub fn add<'v>(
        &self,
        record_type: &RecordType,
        id: Uuid,
        value_of: impl Fn(usize) -> Option<&'v str>,
        rows: &mut IndexRows,
    ) -> std::result::Result<(), Unfit> {
        use envelope::Error::NothingToIndex;
        let (before, parts_before) = (rows.whole.len(), rows.parts.len());
        let added = (|| {
            for (at, key) in &self.whole {
                let Some(value) = value_of(*at) else { continue };
                let field = &record_type.fields[*at].name;
                let digest = match key.blind(value) {
                    Err(NothingToIndex(_)) => continue,
                    digest => digest.map_err(|error| Unfit { field: field.clone(), error })?,
                };
                rows.whole.push(blind_index::Model {
                    tenant_id: self.tenant,
                    record_type: record_type.name.clone(),
                    field: field.clone(),
                    digest: digest.to_vec(),
                    subject_id: id,
                });
            }
            for (at, key) in &self.parts {
                let Some(value) = value_of(*at) else { continue };
                let field = &record_type.fields[*at].name;
                let digests = match key.digests(value) {
                    Err(NothingToIndex(_)) => continue,
                    digests => digests.map_err(|error| Unfit { field: field.clone(), error })?,
                };
                rows.parts.extend(digests.into_iter().map(|digest| part_index::Model {
                    tenant_id: self.tenant,
                    record_type: record_type.name.clone(),
                    field: field.clone(),
                    digest: digest.to_vec(),
                    subject_id: id,
                    key_version: self.key_version,
                }));
            }
            Ok(())
        })();
        if added.is_err() {
            // Half a person is not indexed.
            rows.whole.truncate(before);
            rows.parts.truncate(parts_before);
        }
        added
    }
}

impl IndexRows {
    /// Keeps the rows of these people.
    pub fn retain(&mut self, keep: impl Fn(&Uuid) -> bool) {
        self.whole.retain(|row| keep(&row.subject_id));
        self.parts.retain(|row| keep(&row.subject_id));
    }

    /// Takes over the rows of others.
    pub fn append(&mut self, mut other: Self) {
        self.whole.append(&mut other.whole);
        self.parts.append(&mut other.parts);
    }

    /// In the order of the primary keys: neighbours in an index are written together.
    pub fn sort(&mut self) {
        self.whole.sort_unstable_by(|a, b| {
            (a.tenant_id, &a.record_type, &a.field, &a.digest, a.subject_id).cmp(&(
                b.tenant_id,
                &b.record_type,
                &b.field,
                &b.digest,
                b.subject_id,
            ))
        });
        self.parts.sort_unstable_by(|a, b| {
            (a.tenant_id, &a.record_type, &a.field, &a.digest, a.subject_id).cmp(&(
                b.tenant_id,
                &b.record_type,
                &b.field,
                &b.digest,
                b.subject_id,
            ))
        });
    }
}

/// Names what the rows of a person are made of: the searchable fields, how they are normalised and searched, and the rules. A
/// person whose mark is another one is not found reliably.
pub(super) fn index_mark(record_type: &RecordType) -> i64 {
    let mut fields: Vec<_> = record_type
        .fields
        .iter()
        .filter_map(|field| Some((field.name.as_str(), field.kind.as_str(), field.search()?.as_str())))
        .collect();
    fields.sort_unstable();
    let mut hash = Sha256::new_with_prefix(INDEX_RULES.to_be_bytes());
    for part in fields.into_iter().flat_map(|(name, kind, search)| [name, kind, search]) {
        // Names are words without a space.
        hash.update(part);
        hash.update(b" ");
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut short = [0; 8];
    short.copy_from_slice(&digest[..8]);
    // 0 is the mark of people who were there before marks were.
    (i64::from_be_bytes(short) & i64::MAX).max(1)
}

/// What a search by a part takes of a field; `None` when the field has only whole values.
pub(super) fn part_kind(record_type: &RecordType, field: &str) -> Option<Part> {
    parts_of(record_type.field(field)?.search()?)
}
