//! Hashes and the authenticated head. Pure.
//!
//! The hash of an entry covers its tenant, its number, everything it says and the hash before it, each part with its length
//! in front, so that no two different entries have the same bytes. The head (number and hash of the last entry) carries an
//! HMAC with a key that is derived from the key-encryption key: whoever can write to the database but has not that key can
//! neither cut the end off nor recompute the chain.

use std::collections::BTreeMap;

use entity::{audit_beginning, audit_entry};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::merkle::{self, Frontier};
use super::note::Checkpoint;
use super::verify::{ChainFault, FaultKind};

/// What stands before the first entry.
pub const GENESIS: [u8; 32] = [0; 32];

/// The hash that belongs to this entry; the stored one is not looked at.
pub fn hash(entry: &audit_entry::Model) -> [u8; 32] {
    // Full destructuring: a new column breaks the build here, so that none escapes the hash.
    let audit_entry::Model {
        tenant_id,
        seq,
        id,
        at,
        actor,
        action,
        object,
        subject,
        subjects,
        fields,
        purpose,
        decision,
        request_id,
        detail,
        prev,
        hash: _,
    } = entry;
    let mut hasher = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    // An entry about several people names them; those without are hashed as they were before there was such a column.
    part(if subjects.is_some() { b"suimon audit entry v2" } else { b"suimon audit entry v1" });
    part(tenant_id.as_bytes());
    part(&seq.to_be_bytes());
    part(id.as_bytes());
    part(&at.to_be_bytes());
    for text in [actor, action, object] {
        part(text.as_bytes());
    }
    for text in [subject, fields, purpose] {
        match text {
            Some(text) => {
                part(&[1]);
                part(text.as_bytes());
            }
            None => part(&[0]),
        }
    }
    for text in [decision, request_id, detail] {
        part(text.as_bytes());
    }
    if let Some(subjects) = subjects {
        part(subjects.as_bytes());
    }
    part(prev);
    hasher.finalize().into()
}

/// Checks entries one after the other, in the order in which they stand.
pub struct Walk {
    seq: i64,
    last: [u8; 32],
    entries: i64,
    tree: Frontier,
    /// Roots that were signed, by how many entries they seal.
    sealed: BTreeMap<u64, Vec<[u8; 32]>>,
    faults: Vec<ChainFault>,
}

/// After so many faults of one chain the rest is not listed: they follow from the first.
const MAX_FAULTS: usize = 20;

impl Default for Walk {
    fn default() -> Self {
        Self {
            seq: 0,
            last: GENESIS,
            entries: 0,
            tree: Frontier::default(),
            sealed: BTreeMap::new(),
            faults: Vec::new(),
        }
    }
}

impl Walk {
    /// Goes on behind entry `seq`, whose hash is `last` and whose tree is `tree`.
    pub fn resume(seq: i64, last: [u8; 32], tree: Frontier) -> Self {
        Self { seq, last, tree, ..Self::default() }
    }

    /// The tree over the entries so far.
    pub fn tree(&self) -> &Frontier {
        &self.tree
    }

    /// Whether nothing was wrong so far.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// Also compares with what these checkpoints sealed, as far as they lie here or ahead. They must be of this chain.
    pub fn compare<'c>(mut self, checkpoints: impl IntoIterator<Item = &'c Checkpoint>) -> Self {
        for Checkpoint { size, root, .. } in checkpoints {
            if *size > self.tree.size() {
                self.sealed.entry(*size).or_default().push(*root);
            } else if *size == self.tree.size() && *root != self.tree.root() {
                self.fault(self.seq, FaultKind::NotAsSealed);
            }
        }
        self
    }

    /// The next entry.
    pub fn take(&mut self, entry: &audit_entry::Model) {
        self.entries += 1;
        if Some(entry.seq) != self.seq.checked_add(1) {
            self.fault(entry.seq, FaultKind::Missing);
        } else if entry.prev != self.last {
            self.fault(entry.seq, FaultKind::Broken);
        }
        if hash(entry)[..] != entry.hash[..] {
            self.fault(entry.seq, FaultKind::Changed);
        }
        self.seq = entry.seq;
        // A hash of another length is a changed one; what follows cannot continue it.
        self.last = entry.hash[..].try_into().unwrap_or(GENESIS);
        self.tree.push(merkle::leaf(&entry.hash));
        if let Some(roots) = self.sealed.remove(&self.tree.size()) {
            let root = self.tree.root();
            if roots.iter().any(|sealed| *sealed != root) {
                self.fault(entry.seq, FaultKind::NotAsSealed);
            }
        }
    }

    /// Adds what is wrong at a place.
    pub fn fault(&mut self, seq: i64, kind: FaultKind) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(ChainFault { seq, kind });
        }
    }

    /// What is wrong so far, for a chain that is not read to its end.
    pub fn finish_early(self) -> (i64, Vec<ChainFault>) {
        (self.entries, self.faults)
    }

    /// Number and hash of the last entry.
    pub fn end(&self) -> (i64, [u8; 32]) {
        (self.seq, self.last)
    }

    /// How many entries there were, and what is wrong with them.
    pub fn finish(mut self) -> (i64, Vec<ChainFault>) {
        let end = self.tree.size();
        if self.sealed.keys().any(|size| *size > end) {
            self.fault(self.seq, FaultKind::ShorterThanSealed);
        }
        (self.entries, self.faults)
    }
}

/// Authenticates the heads of the chains.
pub struct HeadKey(Hmac<Sha256>);

impl HeadKey {
    /// From a key that is not in the database.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes a key of any length"))
    }

    /// The MAC over a head.
    pub fn mac(&self, tenant: Uuid, seq: i64, hash: &[u8]) -> [u8; 32] {
        self.feed(tenant, seq, hash).finalize().into_bytes().into()
    }

    /// Whether a stored MAC is right, in constant time.
    pub fn verify(&self, tenant: Uuid, seq: i64, hash: &[u8], mac: &[u8]) -> bool {
        self.feed(tenant, seq, hash).verify_slice(mac).is_ok()
    }

    /// The MAC over where a chain begins; the stored one is not looked at.
    pub fn beginning_mac(&self, row: &audit_beginning::Model) -> [u8; 32] {
        self.feed_beginning(row).finalize().into_bytes().into()
    }

    /// Whether the stored MAC over where a chain begins is right, in constant time.
    pub fn verify_beginning(&self, row: &audit_beginning::Model) -> bool {
        self.feed_beginning(row).verify_slice(&row.mac).is_ok()
    }

    fn feed_beginning(&self, row: &audit_beginning::Model) -> Hmac<Sha256> {
        // Full destructuring, as for an entry: a new column breaks the build here.
        let audit_beginning::Model {
            tenant_id,
            seq,
            previous,
            hash,
            latest,
            trimmed_at,
            note,
            tree,
            archive,
            mac: _,
        } = row;
        let mut mac = self.0.clone();
        let mut part = |bytes: &[u8]| {
            mac.update(&(bytes.len() as u64).to_be_bytes());
            mac.update(bytes);
        };
        part(b"suimon audit beginning v1");
        part(tenant_id.as_bytes());
        for number in [seq, previous, latest, trimmed_at] {
            part(&number.to_be_bytes());
        }
        for bytes in [hash, note.as_bytes(), tree, archive.as_bytes()] {
            part(bytes);
        }
        mac
    }

    fn feed(&self, tenant: Uuid, seq: i64, hash: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(b"suimon audit head v1");
        mac.update(tenant.as_bytes());
        mac.update(&seq.to_be_bytes());
        mac.update(hash);
        mac
    }
}
