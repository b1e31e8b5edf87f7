//! Relay global ids: opaque text over type, tenant and row id.
//!
//! The tenant in an id is only where to look: whether the caller may look there is decided from who the caller is.

use async_graphql::ID;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::error::{Error, Result};

/// The id of a row of type `kind`.
pub fn encode(kind: &'static str, tenant: Uuid, id: Uuid) -> ID {
    let mut bytes = Vec::with_capacity(kind.len() + 33);
    bytes.extend_from_slice(kind.as_bytes());
    bytes.push(b':');
    bytes.extend_from_slice(tenant.as_bytes());
    bytes.extend_from_slice(id.as_bytes());
    ID(URL_SAFE_NO_PAD.encode(bytes))
}

/// Tenant and row id of an id that must be of type `kind`.
///
/// # Errors
/// `INVALID`, naming `field`: the id is damaged or belongs to another type.
pub fn decode(kind: &'static str, id: &ID, field: &str) -> Result<(Uuid, Uuid)> {
    let wrong = || {
        Error::invalid(field, format!("is not the id of a {kind}")).remedy("use an id that this API returned")
    };
    let bytes = URL_SAFE_NO_PAD.decode(id.as_bytes()).ok().ok_or_else(wrong)?;
    let rest =
        bytes.strip_prefix(kind.as_bytes()).and_then(|rest| rest.strip_prefix(b":")).ok_or_else(wrong)?;
    let (tenant, id) = rest.split_at_checked(16).ok_or_else(wrong)?;
    match (Uuid::from_slice(tenant), Uuid::from_slice(id)) {
        (Ok(tenant), Ok(id)) => Ok((tenant, id)),
        _ => Err(wrong()),
    }
}

/// The type that an id names, for `node`.
pub fn kind_of(id: &ID) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(id.as_bytes()).ok()?;
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    String::from_utf8(bytes[..colon].to_vec()).ok()
}
