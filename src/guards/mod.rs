//! Guards that are attached to this service: what they keep, how they were last seen, and what they tell.
//!
//! A guard goes on without the service, by the manifests that it was given last. What it has to tell waits there until it is taken
//! here, and is told again when the answer was lost: each thing has an id of the guard's own, so it is recorded once.

mod input;
mod model;
mod report;
mod store;
pub mod wire;

pub use model::{GuardFinding, GuardNode, How, NewReport, NewSighting, Reported, Sighting};
pub use report::report;

use jiff::SignedDuration;
use uuid::Uuid;

use crate::access::{Action, Op, Scope};
use crate::error::{Code, Error, Result};
use crate::incidents;
use crate::requirements::{self, Kept};

/// A guard tells at least so often that it is there.
pub const HEARTBEAT: SignedDuration = SignedDuration::from_mins(5);
/// After how long without a word a guard counts as silent: one word may be lost.
const SILENT_AFTER: SignedDuration = SignedDuration::from_mins(11);
/// Nodes that are listed.
const MAX_NODES: u64 = 500;

/// What a guard of this system keeps now.
///
/// # Errors
/// As [`requirements::kept`].
pub async fn kept(op: &Op, system: &str) -> Result<Kept> {
    requirements::kept(op, system).await
}

/// Digest of what a guard of this system keeps now; none for a system that is not in force or that no guard takes.
///
/// # Errors
/// Those of permission.
pub async fn in_force(op: &Op, system: &str) -> Result<Option<String>> {
    match kept(op, system).await {
        Ok(kept) => Ok(Some(kept.digest)),
        Err(Error::Expected(problem)) if matches!(problem.code, Code::NotFound | Code::LimitExceeded) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The nodes of a system's guards, by name.
///
/// # Errors
/// Those of permission.
pub async fn nodes(op: &Op, system: &str) -> Result<Vec<GuardNode>> {
    let scope = requirements_scope(op).await?;
    store::nodes(&scope, system, MAX_NODES).await
}

/// What browsers told of responses that were made for others, of an incident or of a whole system, the newest first. `before` is
/// the last id of the page before.
///
/// # Errors
/// Those of permission.
pub async fn sightings(op: &Op, of: Of<'_>, before: Option<Uuid>, limit: u64) -> Result<Vec<Sighting>> {
    let scope = incidents::permit(op, Action::Read, "finding", "finding").await?;
    // PostgreSQL would not take such a text.
    if matches!(of, Of::System(name) if name.contains('\0')) {
        return Ok(Vec::new());
    }
    store::sightings(&scope, of, before, limit).await
}

/// Whose sightings.
#[derive(Clone, Copy, Debug)]
pub enum Of<'a> {
    Incident(Uuid),
    System(&'a str),
}

/// Whether a node has not been heard of for longer than it should.
pub fn is_silent(node: &GuardNode, now: jiff::Timestamp) -> bool {
    now.duration_since(node.seen_at) > SILENT_AFTER
}

async fn requirements_scope(op: &Op) -> Result<Scope> {
    op.permit_at(op.app().root()?, Action::Read, "requirement").await
}
