//! Whom an answer names.

use std::sync::Arc;

use http::HeaderMap;
use http::header::HeaderName;

use super::declaration::Declaration;
use super::table::Person;

/// Longest name of a person or a tenant, in bytes.
pub const MAX_NAMED: usize = 256;

/// What an answer says of its person.
#[derive(Clone)]
pub enum Named {
    Nothing,
    /// That nobody is signed in.
    Nobody,
    Somebody(Arc<Person>),
    /// Something that cannot be read.
    Unreadable,
}

pub fn of_answer(said: &Declaration, fields: &HeaderMap) -> Named {
    let of = |field: Option<&HeaderName>| field.map_or(Ok(None), |field| text(fields, field));
    match (of(said.subject_header.as_ref()), of(said.tenant_header.as_ref())) {
        (Err(()), _) | (_, Err(())) => Named::Unreadable,
        (Ok(Some("")), Ok(tenant)) if tenant.is_none_or(str::is_empty) => Named::Nobody,
        // A tenant of nobody.
        (Ok(Some("")), Ok(_)) => Named::Unreadable,
        (Ok(subject), Ok(tenant)) => {
            let (subject, tenant) =
                (subject.map(Box::from), tenant.filter(|name| !name.is_empty()).map(Box::from));
            if subject.is_none() && tenant.is_none() {
                return Named::Nothing;
            }
            Named::Somebody(Arc::new(Person { subject, tenant }))
        }
    }
}

/// A field's one value. Said twice alike, as proxies do, is said once.
fn text<'a>(fields: &'a HeaderMap, field: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = fields.get_all(field).iter();
    let Some(first) = values.next() else { return Ok(None) };
    if values.any(|value| value != first) {
        return Err(());
    }
    let text = std::str::from_utf8(first.as_bytes()).map_err(drop)?.trim();
    if text.len() > MAX_NAMED || text.contains(char::is_control) { Err(()) } else { Ok(Some(text)) }
}

/// What is known of two who are the same: each name from whoever has it, the newer first.
pub fn joined(newer: &Person, older: &Person) -> Person {
    Person {
        subject: newer.subject.clone().or_else(|| older.subject.clone()),
        tenant: newer.tenant.clone().or_else(|| older.tenant.clone()),
    }
}

/// Whether two names are there and differ.
pub fn differ(one: Option<&str>, other: Option<&str>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one != other)
}
