//! One row of an import, and whether the record type accepts it. Pure. A reason never quotes a value.

use std::collections::HashSet;

use envelope::Plaintext;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::requirements::manifest::{Field, FieldKind, RecordType};

/// Longest external id, in characters.
const MAX_EXTERNAL_ID: usize = 200;
/// Longest free text, in characters.
const MAX_TEXT: usize = 4000;
/// Longest name or telephone number, in characters.
const MAX_SHORT: usize = 200;
/// Longest mail address, in bytes (RFC 5321, 4.5.3.1.3 less the angle brackets).
const MAX_MAIL: usize = 254;

/// A row as it was given.
pub struct RawRow {
    /// Line in the file where it begins, from 1; in a batch the number that the client gave.
    pub line: u64,
    pub tenant: String,
    pub external_id: String,
    pub language: Option<String>,
    /// Values by field name. A name may be one that is not declared.
    pub fields: Vec<(String, Plaintext)>,
}

/// A row that was refused. Never contains a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowProblem {
    pub line: u64,
    pub reason: String,
}

impl RowProblem {
    pub fn new(line: u64, reason: impl Into<String>) -> Self {
        Self { line, reason: reason.into() }
    }
}

/// The person of a row that the record type accepts.
pub struct Person {
    pub line: u64,
    pub external_id: String,
    /// `ja` or `en`.
    pub language: &'static str,
    /// Position in the record type's fields, and the value as it is stored: trimmed, dates as YYYY-MM-DD.
    pub fields: Vec<(usize, Plaintext)>,
}

/// Checks a row.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn check(record_type: &RecordType, row: RawRow) -> Result<Person, RowProblem> {
    let RawRow { line, tenant: _, external_id, language, fields } = row;
    let wrong = |reason: String| RowProblem { line, reason };
    let external_id = external_id.trim().to_owned();
    if external_id.is_empty() {
        return Err(wrong("external_id is missing".to_owned()));
    }
    if external_id.chars().count() > MAX_EXTERNAL_ID || external_id.chars().any(char::is_control) {
        return Err(wrong(format!(
            "external_id wants at most {MAX_EXTERNAL_ID} characters, none of them control"
        )));
    }
    let mut kept = Vec::with_capacity(fields.len());
    let mut seen = HashSet::with_capacity(fields.len());
    for (name, value) in fields {
        let Some(at) = record_type.fields.iter().position(|field| field.name == name) else {
            return Err(wrong(unknown_field(&name)));
        };
        let field = &record_type.fields[at];
        if !seen.insert(at) {
            return Err(wrong(format!("{} is given twice", field.name)));
        }
        if let Some(value) =
            value_of(field, value).map_err(|reason| wrong(format!("{}: {reason}", field.name)))?
        {
            kept.push((at, value));
        }
    }
    for (at, field) in record_type.fields.iter().enumerate() {
        if field.required && !kept.iter().any(|(kept, _)| *kept == at) {
            return Err(wrong(format!("{} is missing", field.name)));
        }
    }
    let stated = language.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let from_field = || {
        let name = record_type.language_field.as_deref()?;
        let at = record_type.fields.iter().position(|field| field.name == name)?;
        kept.iter().find(|(kept, _)| *kept == at).map(|(_, value)| value.expose())
    };
    let language = match stated.or_else(from_field) {
        None | Some("ja") => "ja",
        Some("en") => "en",
        Some(_) => return Err(wrong("language wants ja or en".to_owned())),
    };
    Ok(Person { line, external_id, language, fields: kept })
}

/// The text for an undeclared field. A name that does not look like one may be a value in the wrong place, so it is not told.
pub fn unknown_field(name: &str) -> String {
    let plain = name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_lowercase());
    if plain && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
        format!("{name} is not a field of this record type")
    } else {
        "a field is not one of this record type".to_owned()
    }
}

/// The value as it is stored; `None` for an empty one.
fn value_of(field: &Field, value: Plaintext) -> Result<Option<Plaintext>, String> {
    let text = value.expose().trim();
    if text.is_empty() {
        return Ok(None);
    }
    if text.contains('\u{FFFD}') {
        return Err("has characters that could not be decoded; check --encoding".to_owned());
    }
    let length = text.chars().count();
    let most = if field.kind == FieldKind::Text { MAX_TEXT } else { MAX_SHORT.max(MAX_MAIL) };
    if length > most {
        return Err(format!("is longer than {most} characters"));
    }
    let multiline = field.kind == FieldKind::Text;
    if text.chars().any(|c| c.is_control() && !(multiline && matches!(c, '\n' | '\r' | '\t'))) {
        return Err("has control characters".to_owned());
    }
    match field.kind {
        FieldKind::Text => {}
        FieldKind::Name if length > MAX_SHORT => {
            return Err(format!("is longer than {MAX_SHORT} characters"));
        }
        FieldKind::Name => {}
        FieldKind::Mail if !is_mail(text) => return Err("is not a mail address".to_owned()),
        FieldKind::Mail => {}
        FieldKind::Phone if !is_phone(text) => return Err("is not a telephone number".to_owned()),
        FieldKind::Phone => {}
        FieldKind::Date => {
            let date = envelope::iso_date(text)
                .map_err(|_| "is not a calendar date; write YYYY-MM-DD".to_owned())?;
            return Ok(Some(Plaintext::from(date.as_str())));
        }
        FieldKind::PostalCode if !is_postal_code(text) => return Err("is not a postal code".to_owned()),
        FieldKind::PostalCode => {}
    }
    // Most values come trimmed; those are handed over without a copy.
    Ok(Some(if text.len() == value.expose().len() { value } else { Plaintext::from(text) }))
}

/// Whether a mail can be sent there: one that only a quoted local part could carry is refused as a likely slip.
pub fn is_mail(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_is_plain = (1..=64).contains(&local.len())
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains(|c: char| c.is_whitespace() || "\"(),:;<>[\\]@".contains(c));
    let label_is_plain = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    text.len() <= MAX_MAIL && local_is_plain && domain.contains('.') && domain.split('.').all(label_is_plain)
}

fn is_phone(text: &str) -> bool {
    let plain: String = text.nfkc().collect();
    let digits = plain.chars().filter(char::is_ascii_digit).count();
    (6..=20).contains(&digits)
        // Hyphens come in many shapes on Japanese keyboards.
        && plain.chars().all(|c| c.is_ascii_digit() || " +-()./‐‑‒–—―−ー".contains(c))
}

fn is_postal_code(text: &str) -> bool {
    let plain: String = text.nfkc().collect();
    let signs = plain.chars().filter(char::is_ascii_alphanumeric).count();
    (3..=12).contains(&signs)
        && plain.chars().all(|c| c.is_ascii_alphanumeric() || "〒 -‐‑‒–—―−ー".contains(c))
}
