//! People by id: look-ups of concurrent requests share the trip to the database.

use std::collections::BTreeSet;

use entity::subject;
use uuid::Uuid;

use super::model::{Subject, SubjectRef};
use super::store;
use crate::access::Scope;
use crate::error::Result;
use crate::loader::Loader;
use crate::storage::{Database, Wall};

/// The look-ups of one service.
pub struct Subjects {
    rows: Loader<(Uuid, Uuid), subject::Model>,
}

impl Subjects {
    /// Over the service's database.
    pub fn start(database: &Database) -> Self {
        let database = database.clone();
        let rows = Loader::start(move |keys: Vec<(Uuid, Uuid)>| {
            // The tenants of those who asked in this trip, each of whom was asked for within a scope.
            let tenants: BTreeSet<Uuid> = keys.iter().map(|(tenant, _)| *tenant).collect();
            let database = database.behind(Wall::Tenants(tenants.into_iter().collect()));
            async move {
                let rows = store::subjects_by_key(&database, &keys).await?;
                Ok(rows.into_iter().map(|row| ((row.tenant_id, row.id), row)).collect())
            }
        });
        Self { rows }
    }

    /// A person's row; `None` outside the scope.
    pub(super) async fn get(scope: &Scope, tenant: Uuid, id: Uuid) -> Result<Option<subject::Model>> {
        // Before the look-up: what others asked in the same trip is not this scope's business, nor the other way round.
        if !scope.covers(tenant) {
            return Ok(None);
        }
        scope.op().app().subjects().rows.load((tenant, id)).await
    }
}

/// People in one statement of [`by_reference`].
const PER_STATEMENT: usize = 1000;

/// Those of these people who have a record within the scope, erased ones too, in no particular order. It gives the system's ids and no
/// values of fields; the scope was permitted to know who they are, and whoever asks records why.
///
/// # Errors
/// Unexpected ones only.
pub async fn by_reference(scope: &Scope, people: &[SubjectRef]) -> Result<Vec<Subject>> {
    let mut found = Vec::with_capacity(people.len());
    for some in people.chunks(PER_STATEMENT) {
        let keys: Vec<(Uuid, Uuid)> = some.iter().map(|person| (person.tenant, person.id)).collect();
        found.extend(store::subjects_of_any_system(scope, &keys).await?.into_iter().map(Subject::from));
    }
    Ok(found)
}
