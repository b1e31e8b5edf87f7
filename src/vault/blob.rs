//! Sealing of documents that are no person's record: captured mail, contacts of tenants, batches of an import.
//!
//! Each has a key of its own, wrapped by the tenant's key, in front of the sealed bytes:
//! `0x02 · tenant key version (4) · length of the wrapped key (2) · wrapped key · sealed record`.

use anyhow::Context;
use envelope::{FieldCipher, RecordBuilder, RecordContext, SealedRecord, SubjectKey, SubjectKeyContext};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::keyring::{ActiveKey, SUBJECT_KEY_VERSION, version};
use crate::access::{Scope, Tx};
use crate::error::{Error, Result};

const FORMAT: u8 = 0x02;
/// What comes before the version of the tenant's key.
pub(super) const HEAD: [u8; 1] = [FORMAT];
/// A sealed value holds at most 256 KiB; longer documents are cut.
const PART: usize = 128 * 1024;
/// Longest document, in bytes: a sealed record holds at most 1 MiB.
pub const MAX_DOCUMENT: usize = 7 * PART;

/// Seals a document of the scope's tenant. `purpose` (such as `captured_mail`) and `id` say where it belongs: it opens for
/// the same ones only.
///
/// # Errors
/// `LIMIT_EXCEEDED` beyond [`MAX_DOCUMENT`], `CONFLICT` when the tenant's key was destroyed; unexpected ones.
pub async fn seal_for_tenant(
    scope: &Scope,
    tx: &Tx,
    purpose: &str,
    id: Uuid,
    bytes: &[u8],
) -> Result<Vec<u8>> {
    if scope.tenant() != tx.scope().tenant() {
        return Err(anyhow::anyhow!("sealing for another tenant than the transaction's").into());
    }
    if bytes.len() > MAX_DOCUMENT {
        return Err(Error::limit(format!("a document may have {MAX_DOCUMENT} bytes")));
    }
    let ActiveKey { version: tenant_key_version, key } = scope.op().app().keyring().ensure_in(tx).await?;
    let mut rng = scope.op().app().entropy().fork();
    let document_key = SubjectKey::generate(&mut rng);
    let wrapped = key
        .wrap_subject_key(&key_place(scope.tenant(), id, tenant_key_version)?, &document_key, &mut rng)
        .context("document key")?;
    let cipher = FieldCipher::new(&document_key);
    let place = place(scope.tenant(), purpose, id);
    let mut record = RecordBuilder::new();
    let parts = bytes.chunks(PART).chain(bytes.is_empty().then_some(&[][..]));
    for (number, part) in parts.enumerate() {
        let name = part_name(number);
        let sealed = cipher.seal_bytes(&place.field(&name), part, &mut rng).context("document")?;
        record.insert(&name, sealed).context("document")?;
    }
    // The number of parts is bound by a last, empty one, so that none can be cut off unnoticed.
    let end = end_name(record_parts(bytes.len()));
    record
        .insert(&end, cipher.seal_bytes(&place.field(&end), &[], &mut rng).context("document")?)
        .context("document")?;
    Ok(assemble(tenant_key_version, &wrapped, &record.encode().context("document")?))
}

/// Opens what [`seal_for_tenant`] sealed for the scope's tenant, purpose and id.
///
/// # Errors
/// Unexpected ones only: the bytes were altered or moved, or the key was destroyed.
pub async fn open_for_tenant(
    scope: &Scope,
    purpose: &str,
    id: Uuid,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let (document_key, record) = document_key(scope, purpose, id, sealed).await?;
    let tenant = scope.tenant();
    let cipher = FieldCipher::new(&document_key);
    let place = place(tenant, purpose, id);
    let record = SealedRecord::parse(record).with_context(|| format!("sealed {purpose} {id}"))?;
    let parts = record.len().saturating_sub(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(parts * PART));
    for name in (0..parts).map(part_name).chain([end_name(parts)]) {
        let part = record.get(&name).with_context(malformed_text(purpose, id))?;
        let opened = cipher.open_bytes(&place.field(&name), part);
        bytes.extend_from_slice(&opened.with_context(|| format!("sealed {purpose} {id}"))?);
    }
    Ok(bytes)
}

/// The key of a sealed document, and the sealed record behind it.
async fn document_key<'s>(
    scope: &Scope,
    purpose: &str,
    id: Uuid,
    sealed: &'s [u8],
) -> Result<(SubjectKey, &'s [u8])> {
    let (&format, rest) = sealed.split_first().with_context(malformed_text(purpose, id))?;
    let (version, rest) = rest.split_first_chunk().with_context(malformed_text(purpose, id))?;
    let (length, rest) = rest.split_first_chunk().with_context(malformed_text(purpose, id))?;
    let split = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)));
    let (wrapped, record) = split.with_context(malformed_text(purpose, id))?;
    if format != FORMAT {
        return Err(anyhow::anyhow!("the sealed {purpose} {id} is malformed").into());
    }
    let (tenant, tenant_key_version) = (scope.tenant(), i32::from_be_bytes(*version));
    let key = scope.op().app().keyring().key(scope, tenant, tenant_key_version).await?;
    let key = key.with_context(|| format!("the key of the sealed {purpose} {id} was destroyed"))?;
    let document_key = key
        .unwrap_subject_key(&key_place(tenant, id, tenant_key_version)?, wrapped)
        .with_context(|| format!("key of the sealed {purpose} {id}"))?;
    Ok((document_key, record))
}

/// The same document with its key wrapped by another version of the tenant's key. `what` is for the text of errors.
///
/// # Errors
/// Unexpected ones only, as of [`open_for_tenant`].
pub async fn rewrap_document(scope: &Scope, what: &str, id: Uuid, sealed: &[u8], to: i32) -> Result<Vec<u8>> {
    let (document_key, record) = document_key(scope, what, id, sealed).await?;
    let app = scope.op().app();
    let key = app.keyring().key(scope, scope.tenant(), to).await?;
    let key = key.with_context(|| format!("tenant key {to} is gone"))?;
    let wrapped = key
        .wrap_subject_key(&key_place(scope.tenant(), id, to)?, &document_key, &mut app.entropy().fork())
        .context("document key")?;
    Ok(assemble(to, &wrapped, record))
}

fn assemble(tenant_key_version: i32, wrapped: &[u8], record: &[u8]) -> Vec<u8> {
    let mut sealed = HEAD.to_vec();
    sealed.extend_from_slice(&tenant_key_version.to_be_bytes());
    // A wrapped key has 65 bytes.
    sealed.extend_from_slice(&(wrapped.len() as u16).to_be_bytes());
    sealed.extend_from_slice(wrapped);
    sealed.extend_from_slice(record);
    sealed
}

fn malformed_text(purpose: &str, id: Uuid) -> impl FnOnce() -> String + use<> {
    let text = format!("the sealed {purpose} {id} is malformed");
    move || text
}

fn record_parts(length: usize) -> usize {
    length.div_ceil(PART).max(1)
}

fn part_name(number: usize) -> String {
    format!("part{number:03}")
}

fn end_name(parts: usize) -> String {
    format!("end{parts:03}")
}

fn key_place(tenant: Uuid, id: Uuid, tenant_key_version: i32) -> Result<SubjectKeyContext> {
    Ok(SubjectKeyContext {
        tenant: tenant.into_bytes(),
        subject: id.into_bytes(),
        tenant_key_version: version(tenant_key_version)?,
        key_version: SUBJECT_KEY_VERSION,
    })
}

fn place(tenant: Uuid, purpose: &str, id: Uuid) -> RecordContext<'_> {
    RecordContext {
        tenant: tenant.into_bytes(),
        record_type: purpose,
        subject: id.into_bytes(),
        key_version: SUBJECT_KEY_VERSION,
    }
}
