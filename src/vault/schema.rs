//! Record types as the vault needs them: from the system's manifest in force.

use std::sync::Arc;

use envelope::{IndexKind, MaskRule, Part};

use crate::access::Scope;
use crate::error::{Error, Result};
use crate::requirements;
use crate::requirements::manifest::{Field, FieldKind, Mask, RecordType, Search, SystemSpec};

/// One record type of a system, at the version in force.
#[derive(Clone)]
pub(super) struct Schema {
    spec: Arc<SystemSpec>,
    at: usize,
    pub system: String,
}

impl Schema {
    /// The record type in force now.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown system or record type.
    pub async fn load(scope: &Scope, system: &str, record_type: &str) -> Result<Self> {
        Self::of(requirements::require_system(scope, system).await?, system, record_type)
    }

    /// A record type of a system that was read before.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown record type.
    pub fn of(spec: Arc<SystemSpec>, system: &str, record_type: &str) -> Result<Self> {
        let at = spec.record_types.iter().position(|known| known.name == record_type);
        let at = at.ok_or_else(|| {
            let names: Vec<_> = spec.record_types.iter().map(|known| known.name.as_str()).collect();
            Error::not_found("record type").remedy(format!("the system declares {}", names.join(", ")))
        })?;
        Ok(Self { spec, at, system: system.to_owned() })
    }

    /// As the manifest states it.
    pub fn record_type(&self) -> &RecordType {
        &self.spec.record_types[self.at]
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.record_type().name
    }
}

/// The object of access rules for a field.
pub(super) fn object(record_type: &str, field: &str) -> String {
    format!("data.{record_type}.{field}")
}

/// How a field is shortened in a masked read; `None` shows it as it is.
pub(super) fn mask_rule(field: &Field) -> Option<MaskRule> {
    match field.mask {
        Mask::None => None,
        Mask::Mail => Some(MaskRule::Mail),
        Mask::Name => Some(MaskRule::Name),
        Mask::Phone => Some(MaskRule::Phone),
        Mask::Date => Some(MaskRule::Date),
        Mask::All => Some(MaskRule::Full),
    }
}

/// Which parts of a value are indexed beside the whole one.
pub(super) fn parts_of(search: Search) -> Option<Part> {
    match search {
        Search::Exact => None,
        Search::Prefix => Some(Part::Prefix),
        Search::Substring => Some(Part::Substring),
    }
}

/// How the values of a field are compared in a search.
pub(super) fn index_kind(field: &Field) -> IndexKind {
    match field.kind {
        FieldKind::Text => IndexKind::Exact,
        FieldKind::Mail => IndexKind::Mail,
        FieldKind::Name => IndexKind::Name,
        FieldKind::Phone => IndexKind::Phone,
        FieldKind::Date => IndexKind::Date,
        FieldKind::PostalCode => IndexKind::PostalCode,
    }
}
