//! "Last used" of tokens and "last seen" of sessions: noted beside the request, which never waits for it nor fails by it.

use std::collections::HashMap;

use moka::sync::Cache;
use tokio::sync::mpsc;

use super::store;
use crate::storage::{Database, Wall, Walled};

/// Writing an instant for every request would make each read a write; this often is precise enough for an idle limit.
const AFTER_MICROS: i64 = 60 * 1_000_000;
/// Notes that may wait for the database; what comes beyond is dropped, and made again a minute later.
const QUEUE: usize = 1024;
/// Notes of one round.
const ROUND: usize = 256;
/// Credentials whose newest use is remembered on this node.
const REMEMBERED: u64 = 100_000;

type Hash = [u8; 32];

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Token,
    Session,
}

/// The notes of one service.
pub struct Touches {
    queue: mpsc::Sender<(Kind, Hash, i64)>,
    /// When this node last noted a use: also when the note could not be written, so that no second one follows within the
    /// minute, and that nobody's session ends as idle because the database was busy.
    noted: Cache<Hash, i64>,
}

impl Touches {
    /// Begins writing; it ends with what is returned.
    pub fn start(database: &Database) -> Self {
        let (queue, notes) = mpsc::channel(QUEUE);
        tokio::spawn(write(database.behind(Wall::None), notes));
        Self { queue, noted: Cache::new(REMEMBERED) }
    }

    /// A token was used. `last` is what the database says of it.
    pub fn token(&self, hash: Hash, last: Option<i64>, now: i64) {
        self.note(Kind::Token, hash, last, now);
    }

    /// A session was used. `last` is what the database says of it.
    pub fn session(&self, hash: Hash, last: i64, now: i64) {
        self.note(Kind::Session, hash, Some(last), now);
    }

    /// The newest use that is known: the database's, or this node's when that could not be written yet.
    pub fn last_seen(&self, hash: &Hash, last: i64) -> i64 {
        self.noted.get(hash).map_or(last, |noted| noted.max(last))
    }

    fn note(&self, kind: Kind, hash: Hash, last: Option<i64>, now: i64) {
        let last = last.max(self.noted.get(&hash));
        if last.is_some_and(|last| now - last <= AFTER_MICROS) {
            return;
        }
        self.noted.insert(hash, now);
        // A full queue means that the database does not keep up: the next minute tells the same.
        let _ = self.queue.try_send((kind, hash, now));
    }
}

async fn write(database: Walled, mut notes: mpsc::Receiver<(Kind, Hash, i64)>) {
    let mut waiting = Vec::new();
    while notes.recv_many(&mut waiting, ROUND).await > 0 {
        let newest: HashMap<(Kind, Hash), i64> =
            waiting.drain(..).map(|(kind, hash, at)| ((kind, hash), at)).collect();
        for ((kind, hash), at) in newest {
            let written = match kind {
                Kind::Token => store::touch_token(&database, &hash, at).await,
                Kind::Session => store::touch_session(&database, &hash, at).await,
            };
            if let Err(error) = written {
                tracing::debug!(%error, "a use was not noted");
            }
        }
    }
}
