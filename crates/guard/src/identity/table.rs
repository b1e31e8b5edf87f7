//! Whom sessions belong to, as the system said. Bounded, and forgotten by itself.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use lru::LruCache;
use sha2::Sha256;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// How much is remembered, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Sessions at once, at least one; beyond them the one that was seen longest ago is forgotten. One takes about 300 bytes.
    pub sessions: usize,
    /// After the last request.
    pub idle: Duration,
    /// After the system first named the person.
    pub absolute: Duration,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            sessions: 100_000,
            // What systems of this kind allow (OWASP ASVS 5.0 section 7.3: to be decided by risk; half an hour and a working day).
            idle: Duration::from_secs(30 * 60),
            absolute: Duration::from_secs(12 * 60 * 60),
        }
    }
}

/// Whom the system named. What it did not name is not known.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Person {
    pub subject: Option<Box<str>>,
    pub tenant: Option<Box<str>>,
}

/// What of a session is kept: a hash under a key that nobody else has and that ends with the process.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 16]);

struct Entry {
    person: Arc<Person>,
    begun: Instant,
    seen: Instant,
}

pub struct Table {
    key: Zeroizing<[u8; 32]>,
    memory: Memory,
    known: Mutex<Known>,
}

struct Known {
    /// In the order in which they were seen.
    entries: LruCache<Key, Entry>,
    /// The sessions of each person with a name, in the order in which they were learnt.
    of: HashMap<Arc<Person>, VecDeque<Key>>,
}

/// Idle entries that one look at the table takes away.
const SWEPT: usize = 4;
/// Sessions of one person that are remembered, the newest: more than browsers and programs of one have, and few enough that nobody who makes up
/// sessions beside a good token pushes the others' out.
pub const MOST_OF_ONE: usize = 256;

impl Known {
    fn put(&mut self, key: Key, entry: Entry) {
        if entry.person.subject.is_some() {
            let sessions = self.of.entry(entry.person.clone()).or_default();
            sessions.push_back(key);
            let oldest = if sessions.len() > MOST_OF_ONE { sessions.front().copied() } else { None };
            if let Some(oldest) = oldest {
                self.pop(oldest);
            }
        }
        self.entries.put(key, entry);
    }

    fn pop(&mut self, key: Key) -> Option<Entry> {
        let entry = self.entries.pop(&key)?;
        self.leave(key, &entry);
        Some(entry)
    }

    fn pop_oldest(&mut self) {
        if let Some((key, entry)) = self.entries.pop_lru() {
            self.leave(key, &entry);
        }
    }

    fn leave(&mut self, key: Key, entry: &Entry) {
        let Some(sessions) = self.of.get_mut(&entry.person) else { return };
        sessions.retain(|known| *known != key);
        if sessions.is_empty() {
            self.of.remove(&entry.person);
        }
    }
}

impl Table {
    /// `key`: random, for this table alone.
    pub fn new(key: Zeroizing<[u8; 32]>, memory: Memory) -> Self {
        let known = Known { entries: LruCache::unbounded(), of: HashMap::new() };
        Self { key, memory, known: Mutex::new(known) }
    }

    /// Hashes a session's value. `place` keeps apart what came in different carriers.
    pub fn key(&self, place: usize, value: &[u8]) -> Key {
        let mut out = [0; 16];
        // HMAC takes keys of any length.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key[..]) {
            mac.update(&(place as u64).to_be_bytes());
            mac.update(value);
            out.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        }
        Key(out)
    }

    /// Whom the session belongs to. It counts as seen.
    pub fn find(&self, key: Key) -> Option<Arc<Person>> {
        let now = Instant::now();
        self.with(|known| {
            let entry = known.entries.get_mut(&key)?;
            if self.is_over(entry, now) {
                known.pop(key);
                return None;
            }
            entry.seen = now;
            Some(entry.person.clone())
        })
    }

    /// Remembers whom the session belongs to. How long it may last counts from when it was first known.
    pub fn learn(&self, key: Key, person: Arc<Person>) {
        let now = Instant::now();
        self.with(|known| {
            let before = known.pop(key).filter(|entry| !self.is_over(entry, now));
            let begun = before.map_or(now, |entry| entry.begun);
            known.put(key, Entry { person, begun, seen: now });
            let mut swept = 0;
            while known.entries.len() > self.memory.sessions.max(1)
                || swept < SWEPT
                    && known.entries.peek_lru().is_some_and(|(_, oldest)| self.is_over(oldest, now))
            {
                known.pop_oldest();
                swept += 1;
            }
        });
    }

    pub fn forget(&self, key: Key) {
        self.with(|known| known.pop(key));
    }

    pub fn len(&self) -> usize {
        self.with(|known| known.entries.len())
    }

    fn is_over(&self, entry: &Entry, now: Instant) -> bool {
        now.duration_since(entry.seen) >= self.memory.idle
            || now.duration_since(entry.begun) >= self.memory.absolute
    }

    fn with<T>(&self, work: impl FnOnce(&mut Known) -> T) -> T {
        // Nothing panics while it is held, and the table is whole after each step.
        work(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str) -> Arc<Person> {
        Arc::new(Person { subject: Some(name.into()), tenant: None })
    }

    fn table(sessions: usize) -> Table {
        let seconds = Duration::from_secs;
        Table::new([7; 32].into(), Memory { sessions, idle: seconds(60), absolute: seconds(100) })
    }

    fn is(table: &Table, value: &[u8], name: Option<&str>) {
        let found = table.find(table.key(0, value));
        assert_eq!(found.as_ref().and_then(|person| person.subject.as_deref()), name);
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_end_when_idle_and_in_any_case() {
        let table = table(10);
        table.learn(table.key(0, b"a"), person("a"));
        table.learn(table.key(0, b"b"), person("b"));
        tokio::time::advance(Duration::from_secs(59)).await;
        is(&table, b"a", Some("a"));
        tokio::time::advance(Duration::from_secs(1)).await;
        is(&table, b"b", None);
        // What is seen or named again lasts no longer than it may.
        is(&table, b"a", Some("a"));
        table.learn(table.key(0, b"a"), person("a"));
        tokio::time::advance(Duration::from_secs(39)).await;
        is(&table, b"a", Some("a"));
        tokio::time::advance(Duration::from_secs(1)).await;
        is(&table, b"a", None);
        assert_eq!(table.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_seen_longest_ago_goes_first() {
        let table = table(2);
        for name in ["a", "b"] {
            table.learn(table.key(0, name.as_bytes()), person(name));
        }
        is(&table, b"a", Some("a"));
        table.learn(table.key(0, b"c"), person("c"));
        assert_eq!(table.len(), 2);
        is(&table, b"b", None);
        is(&table, b"a", Some("a"));
        is(&table, b"c", Some("c"));
        // Idle ones go with the next that comes, without being looked for.
        tokio::time::advance(Duration::from_secs(60)).await;
        table.learn(table.key(0, b"d"), person("d"));
        assert_eq!(table.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_person_pushes_nobody_else_out() {
        let table = table(MOST_OF_ONE + 10);
        table.learn(table.key(0, b"b"), person("b"));
        for number in 0..2 * MOST_OF_ONE {
            tokio::time::advance(Duration::from_millis(1)).await;
            table.learn(table.key(0, &number.to_be_bytes()), person("a"));
        }
        is(&table, b"b", Some("b"));
        assert_eq!(table.len(), MOST_OF_ONE + 1);
        // The newest are left, and what is forgotten makes room.
        is(&table, &MOST_OF_ONE.to_be_bytes(), Some("a"));
        is(&table, &(MOST_OF_ONE - 1).to_be_bytes(), None);
        table.forget(table.key(0, &MOST_OF_ONE.to_be_bytes()));
        table.learn(table.key(0, b"more"), person("a"));
        is(&table, &(MOST_OF_ONE + 1).to_be_bytes(), Some("a"));
        // Whose name is not known may be anybody.
        let nameless = Arc::new(Person { subject: None, tenant: Some("s".into()) });
        let before = table.len();
        for number in 0..9_u8 {
            table.learn(table.key(1, &[number]), nameless.clone());
        }
        assert_eq!(table.len(), before + 9);
        // Nothing is left of whoever has gone.
        tokio::time::advance(Duration::from_secs(60)).await;
        for number in 0..MOST_OF_ONE {
            table.learn(table.key(2, &number.to_be_bytes()), person("c"));
        }
        let known = table.known.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!((known.entries.len(), known.of.len()), (MOST_OF_ONE, 1));
    }

    #[test]
    fn a_session_is_another_in_another_carrier_and_for_another_guard() {
        let (one, other) = (table(1), Table::new([8; 32].into(), Memory::default()));
        assert!(one.key(0, b"a") == one.key(0, b"a"));
        assert!(one.key(0, b"a") != one.key(1, b"a"));
        assert!(one.key(0, b"a") != one.key(0, b"b"));
        assert!(one.key(0, b"a") != other.key(0, b"a"));
    }
}
