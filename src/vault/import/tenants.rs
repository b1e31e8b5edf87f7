//! Import of tenants from CSV: `slug,name_ja,name_en` and optionally `contact`, the mail address of the tenant's office.

use std::io::Read;

use serde::{Deserialize, Serialize};

use super::decode::{Bounded, Encoding, Utf8Reader};
use super::row::is_mail;
use crate::access::{self, NewTenant, Op};
use crate::error::{Error, Result};
use crate::vault::contact::set_tenant_contact;

/// Tenants of one transaction.
const CHUNK: usize = 1000;
/// More than any operator has; a list of tenants is kept in memory.
const MAX_TENANTS: usize = 100_000;

/// What an import of tenants came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TenantsReport {
    pub read: usize,
    /// New ones; the others exist already and were left as they are.
    pub created: usize,
    pub contacts: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    slug: String,
    name_ja: String,
    name_en: String,
    contact: Option<String>,
}

/// Imports tenants. The whole file is checked first; then a thousand at a time are created.
///
/// # Errors
/// `INVALID` with the line; then none was created. Those of permission.
pub async fn import_tenants(op: &Op, input: impl Read, encoding: Encoding) -> Result<TenantsReport> {
    let (input, finished) = Bounded::new(Utf8Reader::new(input, encoding));
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(input);
    let mut tenants = Vec::new();
    let mut contacts = Vec::new();
    let mut line = 1;
    let mut record = csv::StringRecord::new();
    let wrong = |line: u64, error: &csv::Error| {
        let text = match error.kind() {
            csv::ErrorKind::Utf8 { .. } => {
                "is not UTF-8; if it is Shift_JIS, add --encoding shift_jis".to_owned()
            }
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("has {len} columns, the header has {expected_len}")
            }
            csv::ErrorKind::Io(error) => error.to_string(),
            _ => "wants the columns slug, name_ja, name_en and optionally contact".to_owned(),
        };
        Error::invalid(&format!("line {line}"), text)
    };
    let header = reader.headers().map_err(|error| wrong(1, &error))?.clone();
    loop {
        finished.store(reader.position().byte(), std::sync::atomic::Ordering::Relaxed);
        line = reader.position().line().max(line);
        if !reader.read_record(&mut record).map_err(|error| wrong(line, &error))? {
            break;
        }
        let row: Row = record.deserialize(Some(&header)).map_err(|error| wrong(line, &error))?;
        let Row { slug, name_ja, name_en, contact } = row;
        if let Some(contact) = contact.filter(|contact| !contact.is_empty()) {
            if !is_mail(&contact) {
                return Err(Error::invalid(&format!("line {line}"), "contact is not a mail address"));
            }
            contacts.push((slug.clone(), contact));
        }
        tenants.push(NewTenant { slug, name_ja, name_en });
        if tenants.len() > MAX_TENANTS {
            return Err(Error::limit(format!("a file may list {MAX_TENANTS} tenants")));
        }
    }
    let mut report = TenantsReport { read: tenants.len(), created: 0, contacts: contacts.len() };
    let mut rest = tenants.into_iter();
    loop {
        let chunk: Vec<_> = rest.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            break;
        }
        report.created += access::create_tenants(op, chunk).await?;
    }
    for (slug, contact) in contacts {
        let tenant = access::tenant_by_slug(op, &slug).await?;
        set_tenant_contact(op, tenant.id, &contact).await?;
    }
    Ok(report)
}
