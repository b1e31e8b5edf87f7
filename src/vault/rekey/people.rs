//! People, a page at a time.

use std::collections::HashMap;

use envelope::{FieldCipher, Plaintext, SealedRecord, SubjectKey, SubjectKeyContext};
use rand::rngs::StdRng;
use uuid::Uuid;

use crate::access::{Scope, Tx};
use crate::error::Result;
use crate::requirements;
use crate::vault::index::{IndexRows, Indexer, index_mark};
use crate::vault::keyring::{ActiveKey, SUBJECT_KEY_VERSION, version};
use crate::vault::model::Subject;
use crate::vault::read;
use crate::vault::reindex::rows_of;
use crate::vault::schema::Schema;
use crate::vault::store_keys::{self, Resealed};
use crate::vault::{store, store_index};

/// People a step. On SQLite nobody else writes meanwhile: some 50 ms.
const PIECE: u64 = 300;

/// A page of people as they shall be.
pub struct People {
    tenant: Uuid,
    moved: Vec<(entity::subject::Model, Resealed)>,
    index: IndexRows,
    /// People whose key does not open: it was altered. They stay under the old key.
    pub lost: u64,
    /// The last person looked at; `None` when there was nobody left.
    pub last: Option<Uuid>,
}

/// What searches take of a record type; `None` when nobody can search in it now.
type Searched = Option<(Schema, Indexer, i64)>;

/// Seals the next people of a tenant under this version of its key; with `fields` under new keys of their own. To be called
/// outside of a transaction.
///
/// # Errors
/// Unexpected ones only.
pub async fn move_people(
    scope: &Scope,
    tenant: Uuid,
    to: i32,
    fields: bool,
    after: Option<Uuid>,
) -> Result<People> {
    let scope = scope.within(tenant, "tenant")?;
    let app = scope.op().app().clone();
    let rows = store_keys::people_under_other(&scope, tenant, to, after, PIECE).await?;
    let mut people = People { tenant, moved: Vec::new(), index: IndexRows::default(), lost: 0, last: None };
    let Some(last) = rows.last() else { return Ok(people) };
    people.last = Some(last.id);
    let Some(key) = app.keyring().key(&scope, tenant, to).await? else {
        return Err(anyhow::anyhow!("tenant key {to} of tenant {tenant} is gone").into());
    };
    let active = ActiveKey { version: to, key };
    let mut searched: HashMap<(String, String), Searched> = HashMap::new();
    let mut rng = app.entropy().fork();
    for row in rows {
        let place = (row.system.clone(), row.record_type.clone());
        if !searched.contains_key(&place) {
            let found = searched_by(&scope, &active, &row).await?;
            searched.insert(place.clone(), found);
        }
        let searched = searched.get(&place).and_then(Option::as_ref);
        people.add(&scope, &active, searched, fields, row, &mut rng).await?;
    }
    Ok(people)
}

async fn searched_by(scope: &Scope, active: &ActiveKey, row: &entity::subject::Model) -> Result<Searched> {
    let spec = requirements::system_in_force(scope, &row.system, scope.at()).await?;
    if spec.is_none_or(|spec| spec.record_type(&row.record_type).is_none()) {
        return Ok(None);
    }
    let schema = Schema::load(scope, &row.system, &row.record_type).await?;
    let indexer = Indexer::new(row.tenant_id, active, schema.record_type())?;
    let mark = index_mark(schema.record_type());
    Ok(Some((schema, indexer, mark)))
}

impl People {
    async fn add(
        &mut self,
        scope: &Scope,
        active: &ActiveKey,
        searched: Option<&(Schema, Indexer, i64)>,
        fields: bool,
        row: entity::subject::Model,
        rng: &mut StdRng,
    ) -> Result<()> {
        let subject = Subject::from(row.clone());
        let Some(key) = read::subject_key(scope, &subject).await? else {
            self.lost += 1;
            return Ok(());
        };
        let mut mark = 0;
        if let Some((schema, indexer, current)) = searched {
            // A record that does not open is nobody's to find: its mark says that it was looked at.
            mark = *current;
            if let Some(rows) = rows_of(scope, schema, indexer, &subject).await? {
                self.index.append(rows);
            }
        }
        let fresh = if fields { seal_anew(&subject, &key, rng) } else { None };
        let (key, fields) = match fresh {
            Some((key, fields)) => (key, Some(fields)),
            None => (key, None),
        };
        let place = SubjectKeyContext {
            tenant: subject.tenant.into_bytes(),
            subject: subject.id.into_bytes(),
            tenant_key_version: version(active.version)?,
            key_version: SUBJECT_KEY_VERSION,
        };
        let wrapped = active.key.wrap_subject_key(&place, &key, rng).map_err(anyhow::Error::from)?;
        self.moved.push((row, Resealed { version: active.version, wrapped, fields, mark }));
        Ok(())
    }

    /// Writes the page. Whoever was changed, erased or moved meanwhile is left as they are. Returns how many were moved.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn write(self, tx: &Tx) -> Result<u64> {
        let Self { tenant, moved, index, .. } = self;
        let all = moved.len();
        let mut done = Vec::with_capacity(all);
        for (seen, to) in moved {
            let id = seen.id;
            if store_keys::reseal(tx, &seen, to).await? {
                done.push(id);
            }
        }
        store::delete_index(tx, tenant, &done).await?;
        let mut index = index;
        if done.len() < all {
            let done: std::collections::HashSet<Uuid> = done.iter().copied().collect();
            index.retain(|id| done.contains(id));
        }
        index.sort();
        store_index::insert(tx, index).await?;
        Ok(done.len() as u64)
    }
}

/// All fields under a new key; `None` when one of them does not open: then it stays as it is, under its old key.
fn seal_anew(subject: &Subject, key: &SubjectKey, rng: &mut StdRng) -> Option<(SubjectKey, Vec<u8>)> {
    let place = read::place(subject);
    let record = SealedRecord::parse(subject.sealed.fields.as_deref()?).ok()?;
    let cipher = FieldCipher::new(key);
    let mut values: Vec<(&str, Plaintext)> = Vec::with_capacity(record.len());
    for (name, _) in record.iter() {
        match cipher.open_field(&place, &record, name) {
            Ok(Some(value)) => values.push((name, value)),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, subject = %subject.id, "a record does not open and is not sealed anew");
                return None;
            }
        }
    }
    let new = SubjectKey::generate(rng);
    let fields = values.iter().map(|(name, value)| (*name, value));
    let sealed = FieldCipher::new(&new).seal_record(&place, fields, rng).ok()?;
    Some((new, sealed))
}
