//! The only place of this part that knows the tables. Every function takes the scope or the transaction.

mod groups;
mod hold;
mod incidents;
mod records;
mod residences;
mod revisions;
mod scans;
mod timeline;

pub use groups::finding_groups;
pub use hold::*;
pub use incidents::*;
pub use records::*;
pub use residences::*;
pub use revisions::*;
pub use scans::*;
pub use timeline::*;

use std::str::FromStr;

use anyhow::anyhow;
use jiff::Timestamp;
use sea_orm::DbErr;

use crate::clock::from_micros;
use crate::error::{Error, Result};

/// A stored word. One that this version does not know is a fault of the installation, not of the caller.
fn word<T: FromStr<Err = String>>(text: &str) -> Result<T> {
    text.parse().map_err(|problem| Error::from(anyhow!("stored word: {problem}")))
}

fn instant(at: Option<i64>) -> Option<Timestamp> {
    at.map(from_micros)
}

fn micros(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_microsecond)
}

/// An UPDATE must hit exactly this many rows.
fn must_hit(affected: u64, wanted: u64) -> Result<(), DbErr> {
    if affected == wanted { Ok(()) } else { Err(DbErr::RecordNotUpdated) }
}
