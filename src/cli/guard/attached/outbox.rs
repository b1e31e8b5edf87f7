//! What a guard has to tell, on its disk until somebody has taken it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use anyhow::Context;
use edge::Mode;
use guard::tripwire::{Blindness, How, Sighting};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::clock::{Clock, SystemClock};
use crate::entropy::Entropy;
use crate::guards::wire::{Fault, Sighted, Watched, Way};
use crate::requirements::EVIDENCE_COUNTS_FOR;

/// Things that wait. There are as many faults as routes times kinds; of browsers' reports at most some fifty a second come here, so a
/// leak that many see fills it in minutes while nobody takes them. The first ones are kept: they open the incident.
const MOST: usize = 20_000;
/// Evidence among them: it must not take the room of what is wrong.
const MOST_WATCHED: usize = MOST / 4;
/// Between whoever sees and whoever writes.
const QUEUE: usize = 4_096;
/// Bytes of the file that are read at a start: twice what so many lines have.
const MOST_BYTES: u64 = 32 << 20;

/// A thing to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Item {
    Finding(Fault),
    Sighting(Sighted),
    Watched(Watched),
}

/// What kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Finding,
    Sighting,
    Watched,
}

/// Where what was seen is put: never waits.
#[derive(Clone)]
pub struct Outbox {
    sender: mpsc::Sender<Item>,
    lost: Arc<AtomicU64>,
    entropy: Arc<Entropy>,
}

/// What waits.
pub struct Kept {
    path: PathBuf,
    file: std::fs::File,
    items: VecDeque<Item>,
    /// The first ones that are under way: their places are counted on.
    under_way: usize,
    /// Lines of the file that somebody has taken.
    stale: usize,
    pub receiver: mpsc::Receiver<Item>,
    lost: Arc<AtomicU64>,
}

/// Opens the file, with what was left in it.
pub fn open(path: &Path, entropy: Arc<Entropy>) -> anyhow::Result<(Outbox, Kept)> {
    let mut items = Vec::new();
    if path.exists() {
        let length = std::fs::metadata(path)?.len();
        anyhow::ensure!(length <= MOST_BYTES, "{}: longer than {MOST_BYTES} bytes", path.display());
        let text = std::fs::read(path).with_context(|| path.display().to_string())?;
        let mut unread = 0_u64;
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line) {
                Ok(item) => items.push(item),
                // The last line of a guard that was killed.
                Err(_) => unread += 1,
            }
        }
        if unread > 0 {
            tracing::warn!(lines = unread, "lines of the outbox are not whole and are left out");
        }
    }
    let file = append(path)?;
    let (sender, receiver) = mpsc::channel(QUEUE);
    let lost = Arc::new(AtomicU64::new(0));
    let outbox = Outbox { sender, lost: lost.clone(), entropy };
    let items_kept = VecDeque::new();
    let mut kept =
        Kept { path: path.to_owned(), file, items: items_kept, under_way: 0, stale: 0, receiver, lost };
    // The file has evidence too that was let go: it must not take the room of what is wrong after a restart either. What is wrong all
    // stays, also where the file has more of it than may wait: what was taken already stands in front, and is recorded once.
    kept.items = kept.without_old_evidence(items, SystemClock.now());
    kept.lost.store(0, Ordering::Relaxed);
    replace(path, &lines(&kept.items))?;
    kept.file = append(path)?;
    Ok((outbox, kept))
}

impl Outbox {
    /// A fault of an answer, or of who is who.
    pub fn fault(&self, route: Option<&str>, kind: &str, grade: &str, effect: &str) {
        let at = SystemClock.now();
        let (route, kind) = (route.map(str::to_owned), kind.to_owned());
        let (grade, effect) = (grade.to_owned(), effect.to_owned());
        self.put(Item::Finding(Fault { id: self.entropy.id(at), at, route, kind, grade, effect }));
    }

    /// That the tripwire does not see pages of a route.
    pub fn blind(&self, route: Option<&str>, why: Blindness) {
        self.fault(route, &format!("tripwire_blind_{}", why.code()), "weakness", "reported");
    }

    /// A response that reached another browser.
    pub fn sighted(&self, sighting: &Sighting) {
        let now = SystemClock.now();
        let instant = |time: SystemTime| Timestamp::try_from(time).ok();
        let Sighting {
            response_id,
            known,
            route,
            made_at,
            owner,
            made_for: _,
            at,
            viewer: _,
            viewer_owner,
            how,
            mode,
            first: _,
        } = sighting;
        self.put(Item::Sighting(Sighted {
            id: self.entropy.id(now),
            response_id: response_id.to_string(),
            known: *known,
            route: route.as_deref().map(str::to_owned),
            made_at: made_at.and_then(instant),
            owner: owner.as_deref().map(str::to_owned),
            seen_at: instant(*at).unwrap_or(now),
            viewer: viewer_owner.as_deref().map(str::to_owned),
            how: match how {
                How::Page => Way::Page,
                How::Fetch => Way::Fetch,
            },
            hidden: *mode == Mode::Enforce,
        }));
    }

    /// What was looked at while a requirement was kept. The id is made here.
    pub fn watched(&self, watched: Watched) {
        let id = self.entropy.id(watched.until);
        self.put(Item::Watched(Watched { id, ..watched }));
    }

    fn put(&self, item: Item) {
        if self.sender.try_send(item).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Kept {
    /// Keeps what came, on the disk when it returns.
    pub fn keep(&mut self, items: Vec<Item>) {
        let items = self.with_room(items, SystemClock.now());
        let written = super::rules::synced(&mut self.file, &lines(&items));
        self.items.extend(items);
        if let Err(error) = written {
            // It is told all the same, unless the guard ends before.
            tracing::error!(%error, "what is to be told to Suimon cannot be kept on the disk");
            // There may be half a line, which must not become the beginning of the next one.
            self.rewrite();
        } else if self.stale > 0 && self.stale >= self.items.len() {
            self.rewrite();
        }
    }

    /// What of these can wait: the first ones are kept.
    fn with_room(&mut self, items: Vec<Item>, now: Timestamp) -> VecDeque<Item> {
        let mut items = self.without_old_evidence(items, now);
        let room = MOST.saturating_sub(self.items.len());
        self.lost.fetch_add(items.len().saturating_sub(room) as u64, Ordering::Relaxed);
        items.truncate(room);
        items
    }

    /// What waits and what comes, without the evidence that has no place. Evidence that counts no longer goes; beyond its share, and where what is wrong needs the room, the oldest
    /// goes first: the newest is what a requirement's state is told by.
    fn without_old_evidence(&mut self, items: Vec<Item>, now: Timestamp) -> VecDeque<Item> {
        let counts = |item: &Item| match item {
            Item::Watched(watched) => {
                let counts_until = watched.until.saturating_add(EVIDENCE_COUNTS_FOR);
                counts_until.map_or(true, |until| until >= now)
            }
            Item::Finding(_) | Item::Sighting(_) => true,
        };
        let (before, came) = (self.items.len(), items.len());
        let mut index = 0;
        self.items.retain(|item| {
            index += 1;
            index <= self.under_way || counts(item)
        });
        let mut items: VecDeque<Item> = items.into_iter().filter(|item| counts(item)).collect();
        let expired = before + came - self.items.len() - items.len();
        if expired > 0 {
            tracing::warn!(
                records = expired,
                "evidence waited so long that it counts no longer and is let go"
            );
        }
        let is_evidence = |item: &&Item| matches!(item, Item::Watched(_));
        let evidence = self.items.iter().chain(&items).filter(is_evidence).count();
        let over = (self.items.len() + items.len()).saturating_sub(MOST);
        let mut to_go = over.max(evidence.saturating_sub(MOST_WATCHED));
        let mut index = 0;
        let under_way = self.under_way;
        for waiting in [&mut self.items, &mut items] {
            waiting.retain(|item| {
                index += 1;
                let goes = to_go > 0 && index > under_way && matches!(item, Item::Watched(_));
                to_go -= usize::from(goes);
                self.lost.fetch_add(u64::from(goes), Ordering::Relaxed);
                !goes
            });
        }
        self.stale += before - self.items.len();
        items
    }

    /// The first that wait, as many as one report takes of each kind. Their places stay as they are until it is said what came of it.
    pub fn first(&mut self, most: usize) -> Vec<Item> {
        let first: Vec<Item> = self.items.iter().take(most).cloned().collect();
        self.under_way = first.len();
        first
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Forgets the first ones: somebody has taken them. In the file they stay until there are more of them than of others: after a
    /// restart they may be told once more, and are recorded once.
    pub fn taken(&mut self, count: usize) {
        let count = count.min(self.items.len());
        self.items.drain(..count);
        self.under_way = 0;
        self.stale += count;
        if self.stale >= self.items.len() {
            self.rewrite();
        }
    }

    fn rewrite(&mut self) {
        let renewed = replace(&self.path, &lines(&self.items)).and_then(|()| append(&self.path));
        match renewed {
            Ok(file) => (self.file, self.stale) = (file, 0),
            Err(error) => tracing::error!(error = format!("{error:#}"), "the outbox cannot be written"),
        }
    }

    /// Lets one thing among the first ones go, so that the others are taken: it stands in the log alone. False when there is none such.
    pub fn unfit(&mut self, kind: Kind, at: usize, among: usize) -> bool {
        let is_of_kind = |item: &Item| match item {
            Item::Finding(_) => kind == Kind::Finding,
            Item::Sighting(_) => kind == Kind::Sighting,
            Item::Watched(_) => kind == Kind::Watched,
        };
        let of_kind = self.items.iter().take(among).enumerate().filter(|(_, item)| is_of_kind(item));
        let place = of_kind.map(|(place, _)| place).nth(at);
        self.under_way = 0;
        let Some(item) = place.and_then(|place| self.items.remove(place)) else { return false };
        tracing::error!(?item, "this cannot be told to Suimon");
        self.rewrite();
        true
    }

    /// What could not be kept since the last time that somebody asked.
    pub fn lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }
}

fn lines(items: &VecDeque<Item>) -> Vec<u8> {
    let mut text = Vec::new();
    for item in items {
        // Texts, numbers and instants: JSON can hold them.
        if serde_json::to_writer(&mut text, item).is_ok() {
            text.push(b'\n');
        }
    }
    text
}

fn append(path: &Path) -> anyhow::Result<std::fs::File> {
    options().append(true).open(path).with_context(|| path.display().to_string())
}

/// Writes a file anew: what was there, or all of the new one, whatever happens meanwhile.
pub fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let place = || path.display().to_string();
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = options().write(true).truncate(true).open(&beside).with_context(place)?;
    super::rules::synced(&mut file, content).with_context(place)?;
    std::fs::rename(&beside, path).with_context(place)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        // The name itself, too.
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).with_context(place)?;
    }
    Ok(())
}

/// For the owner alone.
pub fn options() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;
    use crate::guards::wire::Strictness;

    fn evidence(until: Timestamp, judged: u32) -> Item {
        Item::Watched(Watched {
            id: uuid::Uuid::nil(),
            requirement: "r".into(),
            fingerprint: "f".into(),
            mode: Strictness::Enforce,
            since: until,
            until,
            judged,
            noted: 0,
            corrected: 0,
            uncorrected: 0,
        })
    }

    fn fault(at: Timestamp) -> Item {
        let (kind, grade, effect) = ("k".to_owned(), "weakness".to_owned(), "reported".to_owned());
        Item::Finding(Fault { id: uuid::Uuid::nil(), at, route: None, kind, grade, effect })
    }

    fn kept(folder: &tempfile::TempDir) -> Kept {
        open(&folder.path().join("outbox"), Arc::new(Entropy::from_os())).unwrap().1
    }

    fn evidence_in(kept: &Kept) -> Vec<u32> {
        let judged = kept.items.iter().filter_map(|item| match item {
            Item::Watched(watched) => Some(watched.judged),
            _ => None,
        });
        judged.collect()
    }

    #[test]
    fn evidence_makes_room_for_what_is_wrong_but_for_what_is_under_way() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = kept(&folder);
        let now = SystemClock.now();
        kept.keep((0..10).map(|judged| evidence(now, judged)).collect());
        kept.keep(vec![fault(now); MOST - 10]);
        assert_eq!((kept.len(), kept.lost()), (MOST, 0));
        assert_eq!(kept.first(2).len(), 2);
        kept.keep(vec![fault(now); 3]);
        assert_eq!((kept.len(), kept.lost()), (MOST, 3));
        assert_eq!(
            evidence_in(&kept),
            [0, 1, 5, 6, 7, 8, 9],
            "the oldest goes; the first two are being told"
        );
        kept.taken(2);
        kept.keep(vec![fault(now); 9]);
        assert_eq!(
            (kept.len(), kept.lost(), evidence_in(&kept).len()),
            (MOST, 7, 0),
            "five made room, two found none"
        );
        drop(kept);
        let reopened = self::kept(&folder);
        assert_eq!(
            (reopened.len(), evidence_in(&reopened).len()),
            (MOST, 0),
            "what was let go does not come back"
        );
    }

    #[test]
    fn evidence_has_a_share_and_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = kept(&folder);
        let now = SystemClock.now();
        let most = MOST_WATCHED as u32;
        kept.keep((0..most + 2).map(|judged| evidence(now, judged)).collect());
        assert_eq!((kept.len(), kept.lost()), (MOST_WATCHED, 2));
        assert_eq!(evidence_in(&kept).first(), Some(&2), "the newest stays");
        kept.keep(vec![evidence(now - 26.hours(), 0), fault(now)]);
        assert_eq!((kept.len(), kept.lost()), (MOST_WATCHED + 1, 0), "what counts no longer is not lost");
        kept.keep(vec![fault(now); 2]);
        assert_eq!(kept.len(), MOST_WATCHED + 3);
    }
}
