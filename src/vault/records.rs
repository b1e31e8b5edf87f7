//! Records as decisions about them need them: who they belong to and their plain fields, never personal data.

use std::collections::BTreeMap;

use envelope::SealedRecord;
use uuid::Uuid;

use super::model::Subject;
use super::read::{cipher, place};
use super::store;
use crate::access::Scope;
use crate::error::Result;
use crate::requirements::manifest::{Protection, RecordType};

/// Records of one type of a system within a tenant, in the order of their ids; `after` is the last one of the page before.
/// The caller records that they were listed.
///
/// # Errors
/// `NOT_FOUND` outside the scope; unexpected ones.
pub async fn records_of(
    scope: &Scope,
    tenant: Uuid,
    system: &str,
    record_type: &str,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Subject>> {
    let scope = scope.within(tenant, "tenant")?;
    let rows = store::subjects_of_system(&scope, system, record_type, after, limit).await?;
    Ok(rows.into_iter().map(Subject::from).collect())
}

/// The fields that the manifest declares plain: identifiers, which say nothing about a person outside the system. Reading
/// them is not recorded. Empty for an erased record.
///
/// # Errors
/// `NOT_FOUND` outside the scope; unexpected ones.
pub async fn plain_fields(
    scope: &Scope,
    subject: &Subject,
    record_type: &RecordType,
) -> Result<BTreeMap<String, String>> {
    let scope = scope.within(subject.tenant, "subject")?;
    let plain = || record_type.fields.iter().filter(|field| field.protection == Protection::Plain);
    let mut values = BTreeMap::new();
    let Some(sealed) = subject.sealed.fields.as_deref().filter(|_| plain().next().is_some()) else {
        return Ok(values);
    };
    let (Some(cipher), Ok(record)) = (cipher(&scope, subject).await?, SealedRecord::parse(sealed)) else {
        return Ok(values);
    };
    for field in plain() {
        if let Ok(Some(value)) = cipher.open_field(&place(subject), &record, &field.name) {
            values.insert(field.name.clone(), value.expose().to_owned());
        }
    }
    Ok(values)
}
