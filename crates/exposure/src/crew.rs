//! One stream on several threads: one reads (and unpacks), one hashes, and whoever is free looks at blocks of lines. Reading and hashing
//! go from block to block in order; what is found in lines does not depend on theirs.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::blocks::{Block, Cutter};

/// Looks at blocks, on a thread of its own.
pub(crate) trait Hand<K>: Send {
    /// `known` is what the lines before this block say about how it is read.
    fn look(&mut self, block: &Block, known: &Arc<K>);
}

/// Blocks that are read ahead, for each thread.
const AHEAD: usize = 3;

/// Reads to the end with one thread for each of the hands. `prepare` sees the blocks in order, before anybody looks at them.
pub(crate) fn read_together<R: Read + Send, K: Send + Sync>(
    cutter: Cutter<R>,
    prepare: impl FnMut(&Block) -> Arc<K> + Send,
    hands: &mut [impl Hand<K>],
) -> (Cutter<R>, Sha256) {
    let free = (0..hands.len() * AHEAD + 1).map(|_| Block::default()).collect();
    let crew = Crew {
        shared: Mutex::new(Shared {
            reading: Some((cutter, prepare)),
            hash: Some(Sha256::new()),
            free,
            to_hash: VecDeque::new(),
            to_look: VecDeque::new(),
            ended: false,
            panicked: false,
        }),
        changed: Condvar::new(),
    };
    std::thread::scope(|scope| {
        let mut hands = hands.iter_mut();
        let mine = hands.next();
        for hand in hands {
            let crew = &crew;
            scope.spawn(move || crew.work(hand));
        }
        if let Some(hand) = mine {
            crew.work(hand);
        }
    });
    let shared = crew.shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    match (shared.reading, shared.hash) {
        (Some((cutter, _)), Some(hash)) => (cutter, hash),
        // Whoever took one of them panicked, and the scope above went on with that.
        _ => unreachable!("a task was not given back"),
    }
}

struct Crew<R, P, K> {
    shared: Mutex<Shared<R, P, K>>,
    changed: Condvar,
}

struct Shared<R, P, K> {
    /// Taken by whoever reads.
    reading: Option<(Cutter<R>, P)>,
    /// Taken by whoever hashes.
    hash: Option<Sha256>,
    free: Vec<Block>,
    to_hash: VecDeque<Arc<Block>>,
    to_look: VecDeque<(Arc<Block>, Arc<K>)>,
    ended: bool,
    panicked: bool,
}

enum Task<R, P, K> {
    Read(Cutter<R>, P, Block),
    Hash(Sha256, Arc<Block>),
    Look(Arc<Block>, Arc<K>),
}

/// Tells the others that they would wait for ever.
struct Alarm<'c, R, P, K>(&'c Crew<R, P, K>);

impl<R, P, K> Drop for Alarm<'_, R, P, K> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().panicked = true;
            self.0.changed.notify_all();
        }
    }
}

impl<R, P, K> Crew<R, P, K> {
    fn lock(&self) -> MutexGuard<'_, Shared<R, P, K>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Read, P: FnMut(&Block) -> Arc<K>, K> Crew<R, P, K> {
    fn work(&self, hand: &mut impl Hand<K>) {
        let _alarm = Alarm(self);
        while let Some(task) = self.task() {
            match task {
                Task::Read(mut cutter, mut prepare, mut block) => {
                    let more = cutter.next(&mut block);
                    let known = more.then(|| prepare(&block));
                    let mut shared = self.lock();
                    shared.reading = Some((cutter, prepare));
                    match known {
                        Some(known) => {
                            let block = Arc::new(block);
                            shared.to_hash.push_back(block.clone());
                            shared.to_look.push_back((block, known));
                        }
                        None => shared.ended = true,
                    }
                }
                Task::Hash(mut hash, block) => {
                    hash.update(block.fresh());
                    let mut shared = self.lock();
                    shared.hash = Some(hash);
                    shared.free.extend(Arc::into_inner(block));
                }
                Task::Look(block, known) => {
                    hand.look(&block, &known);
                    self.lock().free.extend(Arc::into_inner(block));
                }
            }
            self.changed.notify_all();
        }
    }

    /// The next thing to do; waits for one, and is `None` when all is done.
    fn task(&self) -> Option<Task<R, P, K>> {
        let mut shared = self.lock();
        loop {
            if shared.panicked {
                return None;
            }
            // First what cannot be shared out: reading may be unpacking, and hashing is as slow as all the rest.
            if !shared.ended
                && let Some(block) = shared.free.pop()
            {
                match shared.reading.take() {
                    Some((cutter, prepare)) => return Some(Task::Read(cutter, prepare, block)),
                    None => shared.free.push(block),
                }
            }
            if !shared.to_hash.is_empty()
                && let Some(hash) = shared.hash.take()
                && let Some(block) = shared.to_hash.pop_front()
            {
                return Some(Task::Hash(hash, block));
            }
            if let Some((block, known)) = shared.to_look.pop_front() {
                return Some(Task::Look(block, known));
            }
            if shared.ended && shared.to_hash.is_empty() && shared.reading.is_some() && shared.hash.is_some()
            {
                return None;
            }
            shared = self.changed.wait(shared).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
