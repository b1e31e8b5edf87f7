//! Subjects and what a reader sees of them.

use jiff::Timestamp;
use uuid::Uuid;

use crate::clock::from_micros;

/// Names a person: tenant and row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubjectRef {
    pub tenant: Uuid,
    pub id: Uuid,
}

/// A data subject. Its data is sealed inside; reading it takes an operation, a purpose and a permission.
#[derive(Clone)]
pub struct Subject {
    pub tenant: Uuid,
    pub id: Uuid,
    pub system: String,
    pub record_type: String,
    /// The system's own pseudonym for the person.
    pub external_id: String,
    /// `ja` or `en`: in which language to write to the person.
    pub language: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// When the person's key was destroyed.
    pub erased_at: Option<Timestamp>,
    pub(super) sealed: Sealed,
}

/// What opens only with the tenant's key.
#[derive(Clone)]
pub(super) struct Sealed {
    pub tenant_key_version: i32,
    pub wrapped_key: Option<Vec<u8>>,
    pub fields: Option<Vec<u8>>,
}

impl Subject {
    /// Its name.
    pub fn reference(&self) -> SubjectRef {
        SubjectRef { tenant: self.tenant, id: self.id }
    }
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Subject({} of {})", self.id, self.tenant)
    }
}

impl From<entity::subject::Model> for Subject {
    fn from(row: entity::subject::Model) -> Self {
        let entity::subject::Model {
            tenant_id,
            id,
            system,
            record_type,
            external_id,
            key_version,
            wrapped_key,
            fields,
            language,
            import_id: _,
            created_at,
            updated_at,
            erased_at,
            index_mark: _,
        } = row;
        Self {
            tenant: tenant_id,
            id,
            system,
            record_type,
            external_id,
            language,
            created_at: from_micros(created_at),
            updated_at: from_micros(updated_at),
            erased_at: erased_at.map(from_micros),
            sealed: Sealed { tenant_key_version: key_version, wrapped_key, fields },
        }
    }
}

/// One field as its reader may see it.
#[derive(Debug)]
pub struct FieldValue {
    pub name: String,
    pub shown: Shown,
}

/// What is shown of a value.
#[derive(Debug)]
pub enum Shown {
    /// The value itself; `None` when the record has none.
    Clear(Option<envelope::Plaintext>),
    /// A shortened form; `None` when the record has none.
    Masked(Option<String>),
    /// Nothing, and why.
    Withheld(Withheld),
}

/// Why a value is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// The role (or the token's scope) does not allow it.
    NotAllowed,
    /// No purpose was stated.
    NoPurpose,
    /// The person was erased: nobody can read it any more.
    Erased,
    /// The stored bytes do not open at this place: they were altered or moved.
    Damaged,
}
