//! What was decided before: a table of fixed size that threads share without waiting for each other.
//!
//! A cache of a general kind keeps its keys, its order and its statistics in places of their own; with thousands of tenants in
//! turn none of them is near the processor any more, and looking up costs as much as a small decision. Here an answer is two
//! words in one line of the processor's cache: a keyed hash of 126 bits of everything the decision depends on, and the answer.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Four slots of 16 bytes: one line of the processor's cache.
const WAYS: usize = 4;
/// 4 KiB an enforcer.
const LINES: usize = 64;

/// Two independent keyed hashes (SipHash, keys of this process). Who can choose what is asked does not know the keys, so two
/// questions with one digest are as likely as a guessed 126-bit number.
static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(Default::default);

/// A question, or a place, as it is remembered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest(u64, u64);

impl Digest {
    pub fn of(what: impl Hash) -> Self {
        let [first, second] = &*KEYS;
        Self(first.hash_one(&what), second.hash_one(&what))
    }
}

/// The word is the second hash with the answer in its two lowest bits; the check is the first hash and the word, combined. A slot
/// that two threads write at once is seen as one of theirs or as none of both, never as a mixture ("lockless hashing", Hyatt
/// and Mann, 2002).
#[derive(Default)]
struct Slot {
    check: AtomicU64,
    word: AtomicU64,
}

const FILLED: u64 = 2;
const YES: u64 = 1;

#[derive(Default)]
#[repr(align(64))]
struct Line([Slot; WAYS]);

pub(super) struct Memory {
    lines: Box<[Line]>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { lines: (0..LINES).map(|_| Line::default()).collect() }
    }
}

impl Memory {
    fn line(&self, digest: Digest) -> &[Slot; WAYS] {
        &self.lines[usize::try_from(digest.0 % LINES as u64).unwrap_or_default()].0
    }

    /// The answer that was given to this before, unless it has been displaced.
    pub fn get(&self, digest: Digest) -> Option<bool> {
        self.line(digest).iter().find_map(|slot| {
            let word = slot.word.load(Ordering::Relaxed);
            let check = slot.check.load(Ordering::Relaxed);
            let same =
                word & FILLED != 0 && check ^ word == digest.0 && (word ^ digest.1) & !(FILLED | YES) == 0;
            same.then_some(word & YES != 0)
        })
    }

    pub fn insert(&self, digest: Digest, answer: bool) {
        let line = self.line(digest);
        let empty = line.iter().find(|slot| slot.word.load(Ordering::Relaxed) & FILLED == 0);
        // Whom a full line displaces is as good as chance: a hash's own bits, of which the line's number uses none.
        let slot = empty.unwrap_or(&line[usize::try_from(digest.1 >> 62).unwrap_or_default()]);
        let word = digest.1 & !(FILLED | YES) | FILLED | if answer { YES } else { 0 };
        slot.word.store(word, Ordering::Relaxed);
        slot.check.store(digest.0 ^ word, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_remembered_as_it_was_given_or_not_at_all() {
        let memory = Memory::default();
        assert_eq!(memory.get(Digest::of("nothing yet")), None);
        let mut kept = 0;
        for number in 0..10_000u32 {
            memory.insert(Digest::of(number), number % 3 == 0);
            assert_eq!(memory.get(Digest::of(number)), Some(number % 3 == 0));
        }
        for number in 0..10_000u32 {
            if let Some(answer) = memory.get(Digest::of(number)) {
                assert_eq!(answer, number % 3 == 0);
                kept += 1;
            }
        }
        assert_eq!(kept, LINES * WAYS, "a full table is full");
    }

    /// Every bit of both hashes counts, but for the two that hold the answer.
    #[test]
    fn a_digest_that_differs_in_one_bit_is_another_question() {
        let memory = Memory::default();
        let Digest(first, second) = Digest::of("a question");
        memory.insert(Digest(first, second), true);
        for bit in 0..64 {
            assert_eq!(memory.get(Digest(first ^ 1 << bit, second)), None, "first, bit {bit}");
        }
        for bit in 2..64 {
            assert_eq!(memory.get(Digest(first, second ^ 1 << bit)), None, "second, bit {bit}");
        }
    }

    /// Threads that write the same slots at once with answers that follow from the question: no reader sees a wrong one.
    #[test]
    fn threads_never_mix_their_answers() {
        let memory = Memory::default();
        std::thread::scope(|scope| {
            for thread in 0..4u32 {
                let memory = &memory;
                scope.spawn(move || {
                    for round in 0..50_000u32 {
                        let number = (round * 7 + thread * 13) % 600;
                        let digest = Digest::of(number);
                        if let Some(answer) = memory.get(digest) {
                            assert_eq!(answer, number.count_ones() % 2 == 0);
                        }
                        memory.insert(digest, number.count_ones() % 2 == 0);
                    }
                });
            }
        });
    }
}
