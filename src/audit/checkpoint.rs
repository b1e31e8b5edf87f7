//! Checkpoints of a chain, signed; and the proof that one entry stands under a checkpoint. Whoever keeps a checkpoint
//! elsewhere can show later that nothing of what it sealed was rewritten or cut off, also by somebody who holds the
//! database and the keys.

use std::io::BufRead;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::chain::hash;
use super::export::{CopyError, Line, Part, parts};
use super::merkle::{self, Tree};
use super::note::{Checkpoint, NoteError, Signer, Verifier};
use super::{Event, beginning, store, verify};
use crate::access::{Action, Op};
use crate::app::App;
use crate::error::{Error, Result};

const ORIGIN: &str = "suimon/audit/";

pub(super) fn origin(tenant: Uuid) -> String {
    format!("{ORIGIN}{tenant}")
}

/// Whose chain a checkpoint is of.
pub(super) fn tenant_of(origin: &str) -> Option<Uuid> {
    origin.strip_prefix(ORIGIN)?.parse().ok()
}

pub(super) fn signer(app: &App, tenant: Uuid) -> Signer {
    Signer::new(origin(tenant), &app.master().derive("suimon audit checkpoint"))
}

/// The public key that verifies the checkpoints of a tenant's chain. Hand it out once, to whoever shall verify.
pub fn checkpoint_key(app: &App, tenant: Uuid) -> Verifier {
    signer(app, tenant).verifier()
}

/// Verifies the chain of a tenant from where it begins, and signs number and root of its entries: a signed note of five
/// lines. That it was made is recorded behind them.
///
/// # Errors
/// `CONFLICT` when the chain is damaged: a damaged chain is not signed; `NOT_FOUND` and those of permission.
pub async fn checkpoint(op: &Op, tenant: Uuid) -> Result<String> {
    let scope = op.permit_at(tenant, Action::Export, "audit").await?;
    let head = store::head(scope.connection(), tenant).await?;
    let start = beginning::start(&scope, tenant).await?;
    let (report, tree) = verify::chain(&scope, tenant, head.as_ref(), &start, start.walk()).await?;
    let (size, root) = (tree.size(), tree.root());
    if !report.faults.is_empty() {
        return Err(Error::conflict("the audit log is damaged, and what is damaged is not signed")
            .remedy("see `suimon audit verify`"));
    }
    let checkpoint = Checkpoint { origin: origin(tenant), size, root };
    let note = signer(op.app(), tenant).sign(&checkpoint.to_string());
    let detail = json!({ "entries": size, "root": hex::encode(root) });
    scope.record(tenant, vec![Event::new("audit.checkpoint", "audit").detail(detail)]).await?;
    Ok(note)
}

/// Opens a checkpoint that this service signed for whichever tenant it names.
///
/// # Errors
/// When it is none of this installation's.
pub fn own_checkpoint(app: &App, note: &str) -> std::result::Result<Checkpoint, NoteError> {
    let origin = note.lines().next().unwrap_or_default();
    let tenant = tenant_of(origin).ok_or(NoteError::NoCheckpoint)?;
    open(&checkpoint_key(app, tenant), note)
}

/// Opens a checkpoint that `key` signed.
///
/// # Errors
/// When it is none, or another key signed it.
pub fn open(key: &Verifier, note: &str) -> std::result::Result<Checkpoint, NoteError> {
    key.open(note)?.parse()
}

/// One entry with what proves that it stands under a checkpoint. Whoever has it needs no other entry.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    entry: Line,
    /// Hashes from the leaf to the root (RFC 6962, 2.1.1), base64.
    path: Vec<String>,
    /// The signed note.
    checkpoint: String,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error("the checkpoint: {0}")]
    Note(#[from] NoteError),
    #[error("the copy has no entry {0}")]
    NoEntry(i64),
    #[error("the checkpoint seals {0} entries: the wanted one is not among them, or the copy is shorter")]
    NotSealed(u64),
    #[error(
        "the copy begins behind entry {behind}: entries until {latest} are in the archive {archive}; give it with --copy, in front of this copy"
    )]
    Archived { behind: i64, latest: jiff::Timestamp, archive: String },
    #[error("the checkpoint is of another log, or the copy was changed")]
    OtherLog,
    #[error(
        "the newer checkpoint does not continue the older one: entries were rewritten or removed in between"
    )]
    Inconsistent,
    #[error("--from seals more entries than --to; give the older checkpoint first")]
    Backwards,
    #[error("the proof is malformed")]
    Malformed,
}

/// The checkpoint of a note whose signature is not looked at: whoever verifies the proof does that.
pub(super) fn unverified(note: &str) -> std::result::Result<Checkpoint, NoteError> {
    let (text, _) = note.split_once("\n\n").ok_or(NoteError::Malformed)?;
    format!("{text}\n").parse()
}

/// The tree of the first `size` entries of a copy, as far as the copy knows them, and the wanted one of them.
struct Known {
    tree: Tree,
    wanted: Option<Line>,
    /// Where the copy begins, when not at the first entry.
    behind: Option<ProofError>,
}

impl Known {
    fn read(
        copy: impl BufRead,
        checkpoint: &Checkpoint,
        wanted: Option<i64>,
    ) -> std::result::Result<Self, ProofError> {
        let mut known = Self { tree: Tree::default(), wanted: None, behind: None };
        for part in parts(copy) {
            let line = match part? {
                Part::Beginning(beginning) if known.tree.size() == 0 => {
                    known.tree = Tree::behind(beginning.frontier().ok_or(ProofError::OtherLog)?);
                    known.behind = Some(ProofError::Archived {
                        behind: beginning.behind,
                        latest: beginning.latest,
                        archive: beginning.archive,
                    });
                    continue;
                }
                // Between the copies of an archive and of what remains.
                Part::Beginning(_) => continue,
                Part::Entry(line) => line,
            };
            if known.tree.size() >= checkpoint.size {
                break;
            }
            if tenant_of(&checkpoint.origin) != Some(line.tenant) {
                return Err(ProofError::OtherLog);
            }
            known.tree.push(merkle::leaf(&hex::decode(&line.hash).map_err(|_| ProofError::OtherLog)?));
            if Some(line.seq) == wanted {
                known.wanted = Some(*line);
            }
        }
        if known.tree.size() > checkpoint.size {
            return Err(known.archived().unwrap_or(ProofError::OtherLog));
        }
        if known.tree.size() != checkpoint.size {
            return Err(ProofError::NotSealed(checkpoint.size));
        }
        Ok(known)
    }

    /// What to say of an entry before the copy's beginning.
    fn archived(&mut self) -> Option<ProofError> {
        self.behind.take()
    }
}

/// Makes the proof of entry `seq` from a copy of its chain and a checkpoint.
///
/// # Errors
/// When the copy and the checkpoint do not belong together, or the entry is not under it, or lies in an archive.
pub fn prove(copy: impl BufRead, note: &str, seq: i64) -> std::result::Result<Proof, ProofError> {
    let checkpoint = unverified(note)?;
    let mut known = Known::read(copy, &checkpoint, Some(seq))?;
    if let Some(ProofError::Archived { behind, .. }) = &known.behind
        && seq <= *behind
    {
        return Err(known.archived().unwrap_or(ProofError::NoEntry(seq)));
    }
    let entry = known.wanted.ok_or(ProofError::NoEntry(seq))?;
    let index = seq.checked_sub(1).and_then(|index| u64::try_from(index).ok());
    let index = index.ok_or(ProofError::NoEntry(seq))?;
    let path = known.tree.inclusion(index).ok_or(ProofError::NoEntry(seq))?;
    let leaf = known.tree.leaf(index).ok_or(ProofError::NoEntry(seq))?;
    if !merkle::includes(leaf, index, checkpoint.size, &path, &checkpoint.root) {
        return Err(ProofError::OtherLog);
    }
    let path = path.iter().map(|hash| STANDARD.encode(hash)).collect();
    Ok(Proof { entry, path, checkpoint: note.to_owned() })
}

/// Proves that one checkpoint continues another: nothing that the older one sealed was rewritten since. Whoever has both
/// needs no entry.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsistencyProof {
    /// The older signed note.
    from: String,
    /// The newer signed note.
    to: String,
    /// Hashes (RFC 6962, 2.1.2), base64.
    path: Vec<String>,
}

/// Makes the proof that checkpoint `to` continues checkpoint `from`, from a copy of the chain.
///
/// # Errors
/// When the copy and the checkpoints do not belong together, or `to` does not continue `from`.
pub fn prove_consistency(
    copy: impl BufRead,
    from: &str,
    to: &str,
) -> std::result::Result<ConsistencyProof, ProofError> {
    let (old, new) = (unverified(from)?, unverified(to)?);
    if old.origin != new.origin {
        return Err(ProofError::OtherLog);
    }
    if old.size > new.size {
        return Err(ProofError::Backwards);
    }
    let mut known = Known::read(copy, &new, None)?;
    let path = match known.tree.consistency(old.size) {
        Some(path) => path,
        None => return Err(known.archived().unwrap_or(ProofError::Malformed)),
    };
    if !merkle::continues(old.size, &old.root, new.size, &new.root, &path) {
        return Err(ProofError::Inconsistent);
    }
    let path = path.iter().map(|hash| STANDARD.encode(hash)).collect();
    Ok(ConsistencyProof { from: from.to_owned(), to: to.to_owned(), path })
}

/// What a proof of consistency proves.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ProvenConsistency {
    pub tenant: Uuid,
    /// Entries that the older checkpoint seals.
    pub from: u64,
    /// Entries that the newer one seals.
    pub to: u64,
}

/// Verifies with nothing but the public key that one checkpoint continues another.
///
/// # Errors
/// When it does not, or the key did not sign them.
pub fn verify_consistency(
    proof: &ConsistencyProof,
    key: &Verifier,
) -> std::result::Result<ProvenConsistency, ProofError> {
    let (old, new) = (open(key, &proof.from)?, open(key, &proof.to)?);
    let tenant = tenant_of(&new.origin).filter(|_| old.origin == new.origin).ok_or(ProofError::OtherLog)?;
    let decode = |hash: &String| STANDARD.decode(hash).ok()?.try_into().ok();
    let path: Option<Vec<merkle::Hash>> = proof.path.iter().map(decode).collect();
    let path = path.ok_or(ProofError::Malformed)?;
    if !merkle::continues(old.size, &old.root, new.size, &new.root, &path) {
        return Err(ProofError::Inconsistent);
    }
    Ok(ProvenConsistency { tenant, from: old.size, to: new.size })
}

/// What a proof proves: this entry is number `seq` of the tenant's chain.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Proven {
    pub tenant: Uuid,
    pub seq: i64,
    pub at: jiff::Timestamp,
    pub actor: String,
    pub action: String,
    pub object: String,
}

/// Verifies a proof with nothing but the public key.
///
/// # Errors
/// When the entry was changed, or is not under the checkpoint, or the key did not sign it.
pub fn verify_proof(proof: Proof, key: &Verifier) -> std::result::Result<Proven, ProofError> {
    let checkpoint = open(key, &proof.checkpoint)?;
    let decode = |hash: &String| STANDARD.decode(hash).ok()?.try_into().ok();
    let path: Option<Vec<merkle::Hash>> = proof.path.iter().map(decode).collect();
    let path = path.ok_or(ProofError::Malformed)?;
    let entry = proof.entry.into_entry().map_err(|_| ProofError::Malformed)?;
    // What the entry says decides, not the hash that came with it.
    let leaf = merkle::leaf(&hash(&entry));
    let index = entry.seq.checked_sub(1).and_then(|index| u64::try_from(index).ok());
    let index = index.ok_or(ProofError::Malformed)?;
    let here = tenant_of(&checkpoint.origin) == Some(entry.tenant_id);
    if !here || !merkle::includes(leaf, index, checkpoint.size, &path, &checkpoint.root) {
        return Err(ProofError::OtherLog);
    }
    Ok(Proven {
        tenant: entry.tenant_id,
        seq: entry.seq,
        at: crate::clock::from_micros(entry.at),
        actor: entry.actor,
        action: entry.action,
        object: entry.object,
    })
}
