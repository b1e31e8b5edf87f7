#![doc = include_str!("../README.md")]

pub mod coverage;
mod error;
pub mod export;
mod import;
mod keep;
mod model;
mod reference;
mod shipped;
mod text;

pub use error::{ImportError, Note, Place};
pub use import::{Comparison, Imported, Limits, import};
pub use keep::KeepError;
pub use model::{Catalogue, Group, Item, ItemText, Label, ModelSystem, Obligation, Origin};
pub use reference::{ItemRef, RefError, Relation, Scheme, is_part};
pub use shipped::{Alias, AliasBasis, edition, ipa_aliases, shipped};
