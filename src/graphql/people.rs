//! People who were found together: when fields of one are asked for, those of all are read, with one decision a field, one
//! record of the reads, and no further trip to the database for each person.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::access::Op;
use crate::vault::{self, FieldValue};

/// A document asks the same fields of everybody in a list, so what is read here is what will be shown.
pub struct Group {
    /// The operation with its purpose: fields are read later than the people.
    op: Op,
    people: Vec<vault::Subject>,
    read: Mutex<HashMap<Asked, Arc<OnceCell<Answer>>>>,
}

/// System and record type, names and whether masked.
type Asked = (String, String, Option<Vec<String>>, bool);
/// Fields by tenant and id. They are wiped when the group goes, at the end of the request.
type Answer = async_graphql::Result<HashMap<(Uuid, Uuid), Vec<FieldValue>>>;

/// The fields of one person in a group's answer.
pub struct Fields {
    answer: Arc<OnceCell<Answer>>,
    person: (Uuid, Uuid),
}

impl Fields {
    pub fn iter(&self) -> impl Iterator<Item = &FieldValue> {
        let found = self.answer.get().and_then(|answer| answer.as_ref().ok()?.get(&self.person));
        found.into_iter().flatten()
    }
}

impl Group {
    pub fn new(op: Op, people: &[vault::Subject]) -> Self {
        Self { op, people: people.to_vec(), read: Mutex::default() }
    }

    /// The fields of one of the group.
    pub async fn fields(
        &self,
        subject: &vault::Subject,
        names: Option<Vec<String>>,
        masked: bool,
    ) -> async_graphql::Result<Fields> {
        let asked = (subject.system.clone(), subject.record_type.clone(), names, masked);
        let answer = {
            let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            read.entry(asked.clone()).or_default().clone()
        };
        answer.get_or_init(|| self.read(&asked)).await.as_ref().map_err(Clone::clone)?;
        Ok(Fields { answer, person: (subject.tenant, subject.id) })
    }

    async fn read(&self, (system, record_type, names, masked): &Asked) -> Answer {
        let alike = |person: &&vault::Subject| person.system == *system && person.record_type == *record_type;
        let people: Vec<&vault::Subject> = self.people.iter().filter(alike).collect();
        let fields = vault::read_fields_of(&self.op, &people, names.as_deref(), *masked).await?;
        Ok(people.iter().map(|person| (person.tenant, person.id)).zip(fields).collect())
    }
}
