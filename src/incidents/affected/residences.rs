//! Where the people of a list live: laws of several countries and States count their own residents. The field that says so is opened
//! for counting alone, page by page, and only numbers are kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::model::{Revision, RevisionPerson, State};
use super::{find_revision, store};
use crate::access::{Scope, Tx};
use crate::audit::Event;
use crate::error::Result;
use crate::incidents::{self, Incident};
use crate::jobs::{self, NewJob, Outcome, Running};
use crate::requirements;
use crate::requirements::manifest::SystemSpec;
use crate::vault;

/// Kind of the job that counts. Its payload names incident and revision.
pub const RESIDENCES: &str = "revision.residences";
/// People a step: each is opened, which takes a fraction of a millisecond.
const PIECE: u64 = 1_000;
/// Longest code: `US-CA`.
const MAX_CODE: usize = 6;
/// Different codes that are counted; whoever lives elsewhere counts as unknown.
const MAX_CODES: usize = 500;

/// How far the counting came.
#[derive(Default, Serialize, Deserialize)]
struct Progress {
    after: Option<(String, String)>,
    /// Persons by code; the empty one for whom it is not known.
    counts: BTreeMap<String, u64>,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    incident: Uuid,
    revision: Uuid,
}

/// Has the residences of a list counted, where the system's manifest says which field holds them. In the transaction that makes the
/// list.
pub(super) async fn count_later(tx: &Tx, revision: &Revision) -> Result<()> {
    let Some(incident) = store::find_incident(tx.scope(), revision.incident).await? else { return Ok(()) };
    let Some(spec) = system_of(tx.scope(), &incident).await? else { return Ok(()) };
    if !spec.record_types.iter().any(|record_type| record_type.residence_field.is_some()) {
        return Ok(());
    }
    let payload = json!(Payload { incident: incident.id, revision: revision.id });
    jobs::enqueue(tx, NewJob { kind: RESIDENCES, key: revision.id.to_string(), payload, run_at: None })
        .await?;
    Ok(())
}

/// Persons of a list by the code of where they live, and of how many it is not known. `None` where nobody has counted.
///
/// # Errors
/// Unexpected ones only.
pub async fn residences(scope: &Scope, revision: Uuid) -> Result<Option<(BTreeMap<String, u64>, u64)>> {
    let mut counts = store::residences(scope, revision).await?;
    if counts.is_empty() {
        return Ok(None);
    }
    let unknown = counts.remove("").unwrap_or_default();
    Ok(Some((counts, unknown)))
}

/// Counts the next page; after the last one the numbers are kept, and the law is asked again.
///
/// # Errors
/// Unexpected ones only.
pub async fn count(running: &Running) -> Result<Outcome> {
    let scope = running.scope();
    let Payload { incident, revision } = serde_json::from_value(running.job().payload.clone())?;
    let mut progress: Progress = running.progress()?;
    let Some(found) = store::find_incident(scope, incident).await? else { return Ok(Outcome::Done) };
    let list = find_revision(scope, revision).await?;
    let counted = list.state == State::Receiving || residences(scope, revision).await?.is_some();
    let spec = system_of(scope, &found).await?;
    let Some(spec) = spec.filter(|_| !counted) else { return Ok(Outcome::Done) };
    let page = store::people(scope, revision, None, progress.after.take(), PIECE).await?;
    let full = page.len() as u64 == PIECE;
    let done = running.job().done + i64::try_from(page.len()).unwrap_or_default();
    progress.after = page.last().map(|last| (last.tenant_slug.clone(), last.person.clone()));
    for code in codes(scope, &found.system, &spec, revision, &page).await? {
        let code =
            code.filter(|code| progress.counts.contains_key(code) || progress.counts.len() < MAX_CODES);
        *progress.counts.entry(code.unwrap_or_default()).or_default() += 1;
    }
    let tx = scope.begin().await?;
    running.save(&tx, &progress, done, None).await?;
    let event = Event::new("revision.residences", format!("revision:{revision}"));
    if full {
        tx.commit(event.detail(json!({ "looked_at": done }))).await?;
        return Ok(Outcome::Continue);
    }
    // Somebody of whom it is not known stands for "counted": a list without anybody has a row as well.
    progress.counts.entry(String::new()).or_default();
    store::insert_residences(&tx, revision, &progress.counts).await?;
    incidents::reassess(&tx, incident, running.job().id).await?;
    tx.commit(event.detail(json!({ "looked_at": done, "codes": progress.counts.len() - 1 }))).await?;
    Ok(Outcome::Done)
}

/// The manifest of when it happened: it says what was held then.
async fn system_of(scope: &Scope, incident: &Incident) -> Result<Option<std::sync::Arc<SystemSpec>>> {
    let at = incident.occurred_from.unwrap_or(incident.opened_at);
    requirements::system_in_force(scope, &incident.system, at).await
}

/// One code for each person of the page who is counted here: affected, and at no earlier place of the list.
async fn codes(
    scope: &Scope,
    system: &str,
    spec: &SystemSpec,
    revision: Uuid,
    page: &[RevisionPerson],
) -> Result<Vec<Option<String>>> {
    let names: Vec<&str> = page.iter().map(|person| person.person.as_str()).collect();
    let first = store::first_places(scope, revision, &names).await?;
    let counted = page.iter().filter(|person| {
        person.class.is_affected() && first.get(&person.person) == Some(&person.tenant_slug)
    });
    let mut codes = Vec::new();
    let mut by_kind = BTreeMap::<&str, Vec<&RevisionPerson>>::new();
    for person in counted {
        by_kind.entry(&person.kind).or_default().push(person);
    }
    for (kind, people) in by_kind {
        let declared = spec.record_type(kind).and_then(|declared| declared.residence_field.as_deref());
        let mut unknown = people.len();
        if let Some(field) = declared {
            let names: Vec<&str> = people.iter().map(|person| person.person.as_str()).collect();
            let mut subjects = vault::find_by_external_ids(scope, system, kind, &names).await?;
            // An identifier may be another person's at another tenant.
            subjects.retain(|subject| {
                let is_on_list = |person: &&&RevisionPerson| {
                    person.tenant == Some(subject.tenant) && person.person == subject.external_id
                };
                people.iter().any(|person| is_on_list(&person))
            });
            for value in vault::open_to_count(scope, &subjects, field).await? {
                unknown = unknown.saturating_sub(1);
                codes.push(value.as_ref().and_then(|value| code(value.expose())));
            }
        }
        codes.extend(std::iter::repeat_n(None, unknown));
    }
    Ok(codes)
}

/// `us-ca` → `US-CA`; nothing for what is no code.
fn code(value: &str) -> Option<String> {
    let value = value.trim();
    let code = value.to_ascii_uppercase();
    (value.len() <= MAX_CODE && law::is_jurisdiction(&code)).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn codes_are_read_in_any_letters_and_nothing_else() {
        assert_eq!(code(" us-ca "), Some("US-CA".to_owned()));
        assert_eq!(code("JP"), Some("JP".to_owned()));
        for no_code in ["", "Japan", "東京", "US-CALIFORNIA", "J", "JP-"] {
            assert_eq!(code(no_code), None, "{no_code}");
        }
    }
}
