//! Makes the index rows of people anew whose mark is not that of the manifest in force: a field became searchable, or in
//! another way, or the rules of normalising changed. Resumable by itself: whoever still has another mark is still to be done.

use std::collections::HashMap;

use envelope::Plaintext;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

use super::index::{IndexRows, Indexer, Unfit, index_mark};
use super::keyring::ActiveKey;
use super::model::Subject;
use super::schema::Schema;
use super::{read, store, store_index};
use crate::access::Scope;
use crate::audit::Event;
use crate::error::Result;
use crate::jobs::{Handler, Outcome, Running};
use crate::requirements;

/// People a step. Some 50 ms on SQLite, during which nobody else writes.
const PIECE: u64 = 500;

/// After an application of requirements, and by itself: people can come in by the old manifest while the new one is applied, and
/// a manifest can come into force later.
pub fn handlers() -> [Handler; 2] {
    [
        Handler::on_demand(requirements::REINDEX, step),
        Handler { kind: "search.check", every: |_| Some(SignedDuration::from_hours(1)), step },
    ]
}

fn step(running: &Running) -> BoxFuture<'_, Result<Outcome>> {
    async move {
        let scope = running.scope();
        let systems = match running.job().payload["system"].as_str() {
            Some(name) => vec![name.to_owned()],
            None => requirements::names_of_systems(scope).await?,
        };
        for name in systems {
            // Withdrawn, or not yet in force: nobody can search in it.
            let Some(spec) = requirements::system_in_force(scope, &name, scope.at()).await? else { continue };
            for record_type in &spec.record_types {
                let schema = Schema::load(scope, &name, &record_type.name).await?;
                let mark = index_mark(record_type);
                let stale = store_index::stale(scope, &name, &record_type.name, mark, PIECE).await?;
                if !stale.is_empty() {
                    piece(running, &schema, mark, stale).await?;
                    return Ok(Outcome::Continue);
                }
            }
        }
        Ok(Outcome::Done)
    }
    .boxed()
}

async fn piece(
    running: &Running,
    schema: &Schema,
    mark: i64,
    mut stale: Vec<entity::subject::Model>,
) -> Result<()> {
    let scope = running.scope();
    // In one order, as an import writes them: two that lock rows in different orders wait for each other.
    stale.sort_unstable_by_key(|row| (row.tenant_id, row.id));
    let people: Vec<(Subject, i64)> = stale
        .into_iter()
        .map(|row| {
            let seen = row.updated_at;
            (Subject::from(row), seen)
        })
        .collect();
    let indexers = indexers(scope, schema, &people).await?;
    // Before the transaction: it must not wait for a second connection while it holds its own.
    let mut made = Vec::with_capacity(people.len());
    for (subject, _) in &people {
        made.push(match indexers.get(&(subject.tenant, subject.sealed.tenant_key_version)) {
            Some(indexer) => rows_of(scope, schema, indexer, subject).await?,
            // The tenant's key was destroyed: there is nothing that could be found.
            None => None,
        });
    }
    let tx = scope.begin().await?;
    let mut rows = IndexRows::default();
    let mut done = HashMap::<Uuid, Vec<Uuid>>::new();
    let mut damaged = 0;
    for ((subject, seen), made) in people.iter().zip(made) {
        // Changed or erased meanwhile: whoever did that made the rows, or the next step does.
        if !store_index::set_mark(&tx, subject, *seen, mark).await? {
            continue;
        }
        done.entry(subject.tenant).or_default().push(subject.id);
        match made {
            Some(made) => rows.append(made),
            // Nobody can read it, so nobody can find it; the mark keeps the job from trying for ever.
            None => damaged += 1,
        }
    }
    for (tenant, ids) in &done {
        store::delete_index(&tx, *tenant, ids).await?;
    }
    rows.sort();
    store_index::insert(&tx, rows).await?;
    let so_far = running.job().done + people.len() as i64;
    running.save(&tx, &json!(null), so_far, None).await?;
    let event = Event::new("search.reindex", format!("system:{}", schema.system)).detail(json!({
        "record_type": schema.name(),
        "people": done.values().map(Vec::len).sum::<usize>(),
        "damaged": damaged,
    }));
    tx.commit(event).await
}

async fn indexers(
    scope: &Scope,
    schema: &Schema,
    people: &[(Subject, i64)],
) -> Result<HashMap<(Uuid, i32), Indexer>> {
    // By the version that the person is sealed under: key, record and index rows always are of one.
    let mut places: Vec<(Uuid, i32)> =
        people.iter().map(|(subject, _)| (subject.tenant, subject.sealed.tenant_key_version)).collect();
    places.sort_unstable();
    places.dedup();
    let mut indexers = HashMap::with_capacity(places.len());
    for (tenant, version) in places {
        let key = scope.op().app().keyring().key(scope, tenant, version).await?;
        if let Some(key) = key {
            let key = ActiveKey { version, key };
            indexers.insert((tenant, version), Indexer::new(tenant, &key, schema.record_type())?);
        }
    }
    Ok(indexers)
}

/// The rows of a person; `None` when the record does not open or a value is no longer of its field's kind.
pub(super) async fn rows_of(
    scope: &Scope,
    schema: &Schema,
    indexer: &Indexer,
    subject: &Subject,
) -> Result<Option<IndexRows>> {
    let fields = &schema.record_type().fields;
    let searchable = || fields.iter().enumerate().filter(|(_, field)| field.searchable);
    let names: Vec<&str> = searchable().map(|(_, field)| field.name.as_str()).collect();
    let Some(values) = read::open_for_index(scope, subject, &names).await? else { return Ok(None) };
    let values: HashMap<usize, Plaintext> =
        searchable().zip(values).filter_map(|((at, _), value)| Some((at, value?))).collect();
    let mut rows = IndexRows::default();
    let value_of = |at: usize| values.get(&at).map(Plaintext::expose);
    match indexer.add(schema.record_type(), subject.id, value_of, &mut rows) {
        Ok(()) => Ok(Some(rows)),
        Err(Unfit { field, error }) => {
            tracing::warn!(%error, subject = %subject.id, field, "a value cannot be indexed");
            Ok(None)
        }
    }
}
