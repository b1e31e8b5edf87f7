//! Using a grant: each use is counted and recorded, under the grant's id, before anything is shown.

use serde_json::json;
use uuid::Uuid;

use super::{Alarm, alarm, event, store};
use crate::access::{Action, Op, Scope};
use crate::error::{Error, Result};

/// Records on the disk that a grant was used, once for each of the people (once where none is named), and rings the alarm at the
/// first use. The grant must be in force in the database: a policy that is a moment old opens nothing.
///
/// # Errors
/// `FORBIDDEN` when it was ended meanwhile; unexpected ones. Then nothing may be shown.
pub async fn note_uses(
    scope: &Scope,
    grant: Uuid,
    people: &[Uuid],
    action: Action,
    objects: &[String],
) -> Result<()> {
    let tx = scope.begin_everywhere().await?;
    let Some(first) = store::count_uses(&tx, scope.tenant(), grant, people.len().max(1)).await? else {
        return Err(Error::forbidden(action.as_str(), objects.first().map_or("this", |object| object)));
    };
    if first {
        alarm::ring(&tx, scope.tenant(), grant, Alarm::Used).await?;
    }
    let used = |first: bool| {
        let detail = json!({ "grant": grant, "action": action.as_str(), "objects": objects, "first": first });
        event("use", grant).detail(detail)
    };
    if people.is_empty() {
        return tx.commit(used(first)).await;
    }
    let of = |(place, person): (usize, &Uuid)| used(first && place == 0).subject(person.to_string());
    tx.commit_all(people.iter().enumerate().map(of).collect()).await
}

/// Permission to read an object at a tenant by a grant, where the roles do not give it: the scope, recorded as a use; `None`
/// where no grant does either.
///
/// # Errors
/// As [`note_uses`].
pub async fn permit_read(
    op: &Op,
    tenant: Uuid,
    subject: Option<Uuid>,
    object: &str,
) -> Result<Option<Scope>> {
    let mut attributes = op.attributes(None);
    attributes.set("record.tenant", &*tenant.to_string());
    if let Some(subject) = subject {
        attributes.set("record.subject", &*subject.to_string());
    }
    let Some((grant, scope)) = op.granted(tenant, None, Action::Read, object, &attributes) else {
        return Ok(None);
    };
    note_uses(&scope, grant, subject.as_slice(), Action::Read, &[object.to_owned()]).await?;
    Ok(Some(scope))
}
