//! Trimming: the oldest entries of a chain leave for an archive, up to a signed checkpoint and nowhere else.
//!
//! In this order: the entries are checked as by a verification and written into a file, the file is read back and compared
//! with the checkpoint, and only then one transaction records where the chain begins from now on and takes the first rows
//! away. Whatever breaks off in between leaves the entries in the database, or in the file, or in both; the next trim goes on.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use entity::audit_beginning;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::beginning::{self, Start};
use super::checkpoint::origin;
use super::export::{verify_copy, write_entry, write_opening};
use super::merkle::Frontier;
use super::note::{Checkpoint, Verifier};
use super::seal::tree_of;
use super::verify::{ChainFault, ChainReport, FaultKind};
use super::{Event, checkpoint_key, store};
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::Result;

/// Entries of one archive, where checkpoints lie that close.
const PIECE: i64 = 200_000;
/// Entries that one transaction takes away. Those of lists have a row a person beside them, which go with them: a hundred times
/// as many, while nobody else can write on SQLite.
const ROWS: i64 = 1_000;
const PAGE: u64 = 2000;

/// What of a chain may leave.
pub enum Due {
    /// No checkpoint seals entries that are old enough and no others.
    Nothing,
    /// Rows of an earlier trim that are still stored.
    Rest(Rest),
    Entries(Box<Trim>),
    /// A damaged chain is not trimmed: what is left of it is evidence.
    Damaged(ChainReport),
}

/// Rows that are in an archive already.
pub struct Rest {
    tenant: Uuid,
    to: i64,
}

/// Entries that may leave, in one piece.
pub struct Trim {
    tenant: Uuid,
    start: Start,
    checkpoint: Checkpoint,
    note: String,
    tree: Frontier,
    /// Number of the last entry of this piece.
    to: i64,
    /// Number of the last entry of all pieces.
    last: i64,
    limit: Timestamp,
}

/// An archive that lies on the disk and was read back.
pub struct Archived {
    hash: [u8; 32],
    latest: i64,
}

/// What came of writing an archive.
pub enum Copied {
    Whole(Archived),
    Damaged(ChainReport),
    /// It cannot be written, or what was written is not what it should be: why.
    Unwritable(String),
}

/// The first tenant behind `after` that has a chain.
///
/// # Errors
/// Unexpected ones only.
pub async fn next_chain(scope: &Scope, after: Option<Uuid>) -> Result<Option<Uuid>> {
    Ok(store::heads_after(scope, after, 1).await?.first().map(|(tenant, _)| *tenant))
}

/// What of a tenant's chain may leave now: entries before `limit`, and none that comes after one that is younger.
///
/// # Errors
/// Unexpected ones only: damage is a result.
pub async fn due(scope: &Scope, tenant: Uuid, limit: Timestamp) -> Result<Due> {
    let start = beginning::start(scope, tenant).await?;
    let behind = start.behind();
    let damaged = |seq, kind| {
        Due::Damaged(ChainReport {
            tenant,
            entries: 0,
            archived: behind,
            faults: vec![ChainFault { seq, kind }],
        })
    };
    if let Some(seq) = start.forged {
        return Ok(damaged(seq, FaultKind::ForgedBeginning));
    }
    if store::oldest(scope.connection(), tenant).await?.is_some_and(|oldest| oldest <= behind) {
        return Ok(Due::Rest(Rest { tenant, to: behind }));
    }
    let Some(head) = store::head(scope.connection(), tenant).await? else { return Ok(Due::Nothing) };
    let kept = store::first_since(scope, tenant, behind, limit.as_microsecond()).await?;
    let kept = kept.unwrap_or(head.seq + 1);
    let newest = async |smaller_than: i64| {
        let rows = store::checkpoints(scope, tenant, Some(smaller_than), 1).await;
        rows.map(|rows| rows.into_iter().next().filter(|row| row.size > behind))
    };
    let Some(last) = newest(kept).await? else { return Ok(Due::Nothing) };
    let row = match newest(kept.min(behind + PIECE + 1)).await? {
        Some(row) => row,
        // More than a piece lies between two checkpoints.
        None => store::next_checkpoint(scope, tenant, behind).await?.unwrap_or_else(|| last.clone()),
    };
    let Some(tree) = tree_of(scope, tenant, &row) else {
        return Ok(damaged(row.size, FaultKind::ForgedCheckpoint));
    };
    let checkpoint = Checkpoint { origin: origin(tenant), size: tree.size(), root: tree.root() };
    let (to, note) = (row.size, row.note);
    Ok(Due::Entries(Box::new(Trim { tenant, start, checkpoint, note, tree, to, last: last.size, limit })))
}

impl Rest {
    /// Takes some of the rows away; what to commit it with.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn remove(&self, tx: &Tx) -> Result<Event> {
        let removed = store::remove_trimmed(tx, self.tenant, self.to, ROWS).await?;
        let detail = json!({ "to": self.to, "removed": removed });
        Ok(Event::new("audit.trim_rest", "audit").detail(detail))
    }
}

impl Trim {
    /// Numbers of the first and the last entry that may leave, in this piece and those after it.
    pub fn range(&self) -> (i64, i64) {
        (self.start.behind() + 1, self.last)
    }

    /// Name of the file of this piece, which holds entries up to number `to`.
    pub fn file(&self) -> (String, i64) {
        (format!("{:020}-{:020}.jsonl", self.start.behind() + 1, self.to), self.to)
    }

    /// Checks the entries, writes them into `<folder>/<tenant>/<first>-<last>.jsonl` and reads the file back. A file that lies
    /// there already is not replaced: it must be the same.
    ///
    /// # Errors
    /// Those of the database only: what the disk refuses, and damage, are results.
    pub async fn copy(&self, scope: &Scope, folder: &str) -> Result<Copied> {
        let (name, _) = self.file();
        let random = hex::encode(scope.op().app().entropy().bytes::<8>());
        let place = match Place::open(Path::new(folder), self.tenant, &name, &random) {
            Ok(place) => place,
            Err(error) => return Ok(Copied::Unwritable(error.to_string())),
        };
        let copied = self.fill(scope, &place).await;
        // What is left of a copy that did not come about is none.
        let _ = std::fs::remove_file(&place.part);
        copied
    }

    async fn fill(&self, scope: &Scope, place: &Place) -> Result<Copied> {
        let mut out = match place.create(&self.start) {
            Ok(out) => out,
            Err(error) => return Ok(Copied::Unwritable(error.to_string())),
        };
        let mut walk = self.start.walk().compare([&self.checkpoint]);
        let mut latest = i64::MIN;
        'pages: while walk.end().0 < self.to {
            let page = store::page(scope.connection(), self.tenant, walk.end().0, PAGE).await?;
            if page.is_empty() {
                break;
            }
            for row in page {
                if row.seq > self.to {
                    break 'pages;
                }
                walk.take(&row);
                latest = latest.max(row.at);
                if let Some(out) = &mut out
                    && let Err(error) = write_entry(out, row)
                {
                    return Ok(Copied::Unwritable(error.to_string()));
                }
            }
        }
        let ((seq, hash), tree) = (walk.end(), walk.tree().clone());
        let (entries, mut faults) = walk.finish_early();
        if faults.is_empty() && (seq != self.to || tree.root() != self.checkpoint.root) {
            faults.push(ChainFault { seq, kind: FaultKind::ShorterThanSealed });
        }
        if !faults.is_empty() {
            let archived = self.start.behind();
            return Ok(Copied::Damaged(ChainReport { tenant: self.tenant, entries, archived, faults }));
        }
        // It was chosen so; an entry that says otherwise now stays.
        if latest >= self.limit.as_microsecond() {
            return Err(anyhow::anyhow!("an entry is younger than it was").into());
        }
        let wanted = Wanted {
            checkpoint: self.checkpoint.clone(),
            key: checkpoint_key(scope.op().app(), self.tenant),
            behind: self.start.behind(),
            to: self.to,
            hash: hex::encode(hash),
        };
        let place = place.clone();
        let kept = tokio::task::spawn_blocking(move || place.keep(out, &wanted)).await;
        Ok(match kept.context("the archive could not be read back")? {
            Ok(()) => Copied::Whole(Archived { hash, latest }),
            Err(why) => Copied::Unwritable(why),
        })
    }

    /// Records where the chain begins from now on, and takes the first rows away; what to commit it with. An archive of
    /// [`Trim::copy`] is the proof that nothing is lost.
    ///
    /// # Errors
    /// Unexpected ones, also when the chain was trimmed meanwhile; then nothing is taken away.
    pub async fn remove(&self, tx: &Tx, archived: &Archived) -> Result<Event> {
        let (archive, to) = self.file();
        let mut row = audit_beginning::Model {
            tenant_id: self.tenant,
            seq: to,
            previous: self.start.behind(),
            hash: archived.hash.to_vec(),
            latest: archived.latest,
            trimmed_at: tx.scope().at_micros(),
            note: self.note.clone(),
            tree: self.tree.bytes(),
            archive: archive.clone(),
            mac: Vec::new(),
        };
        row.mac = tx.scope().op().app().audit().head_key().beginning_mac(&row).to_vec();
        let from = row.previous + 1;
        store::insert_beginning(tx, row).await?;
        let removed = store::remove_trimmed(tx, self.tenant, to, ROWS).await?;
        Ok(Event::new("audit.trim", "audit").detail(json!({
            "from": from, "to": to, "latest": from_micros(archived.latest), "archive": archive,
            "root": hex::encode(self.checkpoint.root), "removed": removed,
        })))
    }
}

/// Where an archive comes to lie.
#[derive(Clone)]
struct Place {
    folder: PathBuf,
    path: PathBuf,
    /// Its name until it is whole. No other writer has the same.
    part: PathBuf,
}

/// What an archive must hold.
struct Wanted {
    checkpoint: Checkpoint,
    key: Verifier,
    behind: i64,
    to: i64,
    hash: String,
}

impl Place {
    fn open(folder: &Path, tenant: Uuid, name: &str, random: &str) -> std::io::Result<Self> {
        let of_tenant = folder.join(tenant.to_string());
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&of_tenant)?;
        sync_folder(folder)?;
        // Left by a crash. Were it another writer's, its file could not take its name, and nothing would be taken away.
        for entry in std::fs::read_dir(&of_tenant)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "part") {
                std::fs::remove_file(path)?;
            }
        }
        let (path, part) = (of_tenant.join(name), of_tenant.join(format!("{name}.{random}.part")));
        Ok(Self { folder: of_tenant, path, part })
    }

    /// The file to write into; `None` where the archive lies already.
    fn create(&self, start: &Start) -> std::io::Result<Option<BufWriter<File>>> {
        if self.path.try_exists()? {
            return Ok(None);
        }
        let mut options = File::options();
        options.write(true).create_new(true);
        // It tells who asked for whom and why: for its owner only, like the database.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut out = BufWriter::new(options.open(&self.part)?);
        if let Some(beginning) = &start.beginning {
            write_opening(&mut out, beginning)?;
        }
        Ok(Some(out))
    }

    /// Has what was written on the disk, reads it back, and only then gives it its name.
    fn keep(&self, out: Option<BufWriter<File>>, wanted: &Wanted) -> std::result::Result<(), String> {
        let Some(mut out) = out else {
            return wanted
                .check(&self.path)
                .map_err(|why| format!("an archive of that name is there, but {why}"));
        };
        let written = out.flush().and_then(|()| out.get_ref().sync_all());
        written.map_err(|error| error.to_string())?;
        drop(out);
        wanted.check(&self.part)?;
        let named = std::fs::rename(&self.part, &self.path).and_then(|()| sync_folder(&self.folder));
        named.map_err(|error| error.to_string())
    }
}

impl Wanted {
    fn check(&self, path: &Path) -> std::result::Result<(), String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        let report = verify_copy(BufReader::new(file), Some(&self.checkpoint), Some(&self.key));
        let report = report.map_err(|error| error.to_string())?;
        let whole = report.faults.is_empty()
            && report.behind == self.behind
            && report.entries == self.to - self.behind
            && (report.end.seq, &report.end.hash) == (self.to, &self.hash);
        whole.then_some(()).ok_or_else(|| "it does not hold what the checkpoint seals".to_owned())
    }
}

/// A new name is on the disk only when its folder is.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
