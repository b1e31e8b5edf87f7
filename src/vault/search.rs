//! Exact search on encrypted fields: digests of the normalised value, one a tenant, looked up in bulk.

use std::collections::{BTreeMap, HashMap};

use envelope::IndexContext;
use serde_json::json;
use uuid::Uuid;

use super::keyring::ActiveKey;
use super::model::Subject;
use super::schema::{Schema, index_kind, object};
use super::store;
use crate::access::{Action, Op, Scope};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::requirements;

/// Most people that one search returns: more than that is no longer a search for a person.
pub const MAX_MATCHES: usize = 100;
/// Longest value that is searched for, in bytes.
const MAX_VALUE: usize = 1000;

/// People with this value in a searchable field, in every tenant that the caller may see. Spellings that mean the same
/// (full-width letters, `+81`, spaces) find each other. The value itself is not recorded; who was found is.
///
/// # Errors
/// `INVALID` for a field that is not searchable or a value that cannot be searched for, `LIMIT_EXCEEDED` beyond
/// [`MAX_MATCHES`], and those of permission.
pub async fn search_subjects(
    op: &Op,
    system: &str,
    record_type: &str,
    field: &str,
    value: &str,
) -> Result<Vec<Subject>> {
    // Who may search may see who is there; with that the rules of the system are read that decide on the search itself.
    let rules = requirements::access_rules(&op.permit(Action::Read, "subject").await?, system).await?;
    let mut about = op.attributes(Some(&rules));
    about.set("record.type", record_type);
    if !op.actor().operator {
        // A search of a customer's people ends at their own tenant; one of the operator's goes through all.
        about.set("record.tenant", &*op.actor().tenant.to_string());
    }
    let scope = op.permit_in(&rules, Action::Search, &object(record_type, field), &about).await?;
    if op.purpose().is_none() {
        return Err(Error::invalid("purpose", "is missing").remedy("say why the data is needed"));
    }
    let schema = Schema::load(&scope, system, record_type).await?;
    let declared = schema.record_type().field(field).filter(|declared| declared.searchable);
    let declared = declared.ok_or_else(|| {
        let fields = schema.record_type().fields.iter().filter(|field| field.searchable);
        let names: Vec<_> = fields.map(|field| field.name.as_str()).collect();
        Error::invalid("field", "is not searchable").remedy(format!("searchable are: {}", names.join(", ")))
    })?;
    if value.trim().is_empty() || value.len() > MAX_VALUE {
        return Err(Error::invalid("value", format!("wants 1 to {MAX_VALUE} bytes")));
    }
    let kind = index_kind(declared);
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let keys = page(&scope, after).await?;
        after = keys.keys().max().copied();
        let mut digests = Vec::with_capacity(keys.len());
        for (tenant, active) in &keys {
            let place = IndexContext { tenant: tenant.into_bytes(), record_type, field };
            let digest = active.key.index_key(&place, kind).and_then(|key| key.blind(value));
            digests.push((*tenant, digest.map_err(|error| Error::invalid("value", error.to_string()))?));
        }
        if digests.is_empty() {
            break;
        }
        let room = (MAX_MATCHES + 1 - found.len()) as u64;
        found.extend(store::matches(&scope, record_type, field, &digests, room).await?);
        if found.len() > MAX_MATCHES {
            return Err(Error::limit(format!("more than {MAX_MATCHES} people match"))
                .remedy("search for something more particular"));
        }
        if keys.len() < store::ALTERNATIVES {
            break;
        }
    }
    let rows =
        if found.is_empty() { Vec::new() } else { store::subjects_by_ids(&scope, system, &found).await? };
    record(&scope, record_type, field, &rows).await?;
    Ok(rows.into_iter().map(Subject::from).collect())
}

async fn page(scope: &Scope, after: Option<Uuid>) -> Result<HashMap<Uuid, ActiveKey>> {
    scope.op().app().keyring().active_page(scope, after, store::ALTERNATIVES as u64).await
}

/// That somebody is found tells their value to whoever searched: it is recorded with each person.
async fn record(
    scope: &Scope,
    record_type: &str,
    field: &str,
    rows: &[entity::subject::Model],
) -> Result<()> {
    let object = object(record_type, field);
    let event = Event::new("subject.search", object.as_str())
        .fields([field])
        .detail(json!({ "matches": rows.len() }));
    let mut by_tenant = BTreeMap::from([(scope.tenant(), vec![event])]);
    for row in rows {
        let event = Event::new("subject.found", format!("subject:{}", row.id))
            .subject(row.id.to_string())
            .fields([field]);
        by_tenant.entry(row.tenant_id).or_default().push(event);
    }
    scope.record_each(by_tenant).await
}
