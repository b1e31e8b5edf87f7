//! Look-ups by key of concurrent requests, answered together: while one query is under way, further keys gather, and the
//! next query takes them all. A request that is alone waits for nobody; under load the cost of a trip to the database is
//! shared. Nothing is remembered: each answer comes from a query that began after its question.

use std::collections::HashMap;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;

use anyhow::{Context, anyhow};
use futures::FutureExt;
use tokio::sync::{mpsc, oneshot};

use crate::error::Result;

/// Keys of one query at most. SQLite takes a condition apart into a tree of at most 1,000 levels, one for each OR.
const BATCH: usize = 128;
/// Questions that may wait; beyond it a request waits before it is queued.
const QUEUE: usize = 1024;

struct Question<K, V> {
    key: K,
    answer: oneshot::Sender<Result<Option<V>, String>>,
}

/// Looks up values of one kind.
pub struct Loader<K, V> {
    queue: mpsc::Sender<Question<K, V>>,
}

impl<K, V> Loader<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + 'static,
{
    /// Starts answering with `fetch`, which gives the value of each key that has one. The number of keys it gets is a power
    /// of two, the last one repeated, so that a database meets few different statements. It ends with the loader.
    pub fn start<F, Answer>(fetch: F) -> Self
    where
        F: Fn(Vec<K>) -> Answer + Send + 'static,
        Answer: Future<Output = Result<HashMap<K, V>>> + Send + 'static,
    {
        let (queue, questions) = mpsc::channel(QUEUE);
        tokio::spawn(answer(fetch, questions));
        Self { queue }
    }

    /// The value of a key; `None` when it has none.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn load(&self, key: K) -> Result<Option<V>> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(Question { key, answer }).await.ok().context("the loader has ended")?;
        Ok(answered.await.context("the loader has ended")?.map_err(|error| anyhow!(error))?)
    }
}

async fn answer<K, V, F, Answer>(fetch: F, mut questions: mpsc::Receiver<Question<K, V>>)
where
    K: Clone + Eq + Hash,
    V: Clone,
    F: Fn(Vec<K>) -> Answer,
    Answer: Future<Output = Result<HashMap<K, V>>>,
{
    let mut batch = Vec::with_capacity(BATCH);
    while gather(&mut questions, &mut batch, BATCH).await {
        let keys = padded(batch.iter().map(|question| question.key.clone()));
        // A panic of one query must not end the look-ups of all requests to come. Its text may quote data: it goes nowhere.
        let asked = AssertUnwindSafe(fetch(keys)).catch_unwind().await;
        let found = asked.unwrap_or_else(|_| Err(anyhow!("a look-up panicked").into()));
        for Question { key, answer } in batch.drain(..) {
            // Who asked may have gone away: a cancelled request.
            let _ = answer.send(match &found {
                Ok(found) => Ok(found.get(&key).cloned()),
                Err(error) => Err(error.to_string()),
            });
        }
    }
}

/// Waits for the first item, then takes what else comes, at most `most`, for as long as letting the other tasks run once
/// brings more: on a busy node a batch grows, on an idle one nobody waits. `false` when nothing can come any more.
pub async fn gather<T>(queue: &mut mpsc::Receiver<T>, batch: &mut Vec<T>, most: usize) -> bool {
    if queue.recv_many(batch, most).await == 0 {
        return false;
    }
    while batch.len() < most {
        let before = batch.len();
        tokio::task::yield_now().await;
        while batch.len() < most
            && let Ok(item) = queue.try_recv()
        {
            batch.push(item);
        }
        if batch.len() == before {
            break;
        }
    }
    true
}

/// The keys without repetition, filled up to a power of two with the last one.
fn padded<K: Clone + Eq + Hash>(keys: impl Iterator<Item = K>) -> Vec<K> {
    let mut seen = std::collections::HashSet::new();
    let mut keys: Vec<K> = keys.filter(|key| seen.insert(key.clone())).collect();
    if let Some(last) = keys.last().cloned() {
        keys.resize(keys.len().next_power_of_two(), last);
    }
    keys
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn questions_gather_while_one_is_under_way() {
        let trips = Arc::new(AtomicUsize::new(0));
        let counted = trips.clone();
        let loader = Arc::new(Loader::start(move |keys: Vec<u32>| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::task::yield_now().await;
                Ok(keys.into_iter().filter(|key| key % 2 == 0).map(|key| (key, key * 10)).collect())
            }
        }));
        let asked: Vec<_> = (0..100)
            .map(|key| {
                let loader = loader.clone();
                tokio::spawn(async move { (key, loader.load(key).await.expect("an answer")) })
            })
            .collect();
        for task in asked {
            let (key, value) = task.await.expect("a task");
            assert_eq!(value, (key % 2 == 0).then_some(key * 10));
        }
        assert!(trips.load(Ordering::SeqCst) < 50, "{trips:?}");
    }

    #[tokio::test]
    async fn a_failure_reaches_everybody_who_asked_and_nobody_else() {
        let loader = Loader::start(|keys: Vec<u32>| async move {
            if keys.contains(&13) {
                return Err(anyhow!("the database is away").into());
            }
            Ok(keys.into_iter().map(|key| (key, ())).collect())
        });
        let error = loader.load(13).await.expect_err("a failure").to_string();
        assert!(error.contains("the database is away"), "{error}");
        assert_eq!(loader.load(14).await.expect("an answer"), Some(()));
    }

    #[tokio::test]
    async fn a_panic_reaches_who_asked_and_the_loader_goes_on() {
        let loader = Loader::start(|keys: Vec<u32>| async move {
            assert!(!keys.contains(&13), "a secret value");
            Ok(keys.into_iter().map(|key| (key, ())).collect())
        });
        let error = loader.load(13).await.expect_err("a failure").to_string();
        assert!(error.contains("a look-up panicked") && !error.contains("secret"), "{error}");
        assert_eq!(loader.load(14).await.expect("an answer"), Some(()));
    }

    #[test]
    fn keys_come_in_powers_of_two() {
        assert_eq!(padded([3, 1, 3, 2].into_iter()), [3, 1, 2, 2]);
        assert_eq!(padded(0..5).len(), 8);
        assert_eq!(padded(std::iter::empty::<u32>()), Vec::<u32>::new());
    }
}
