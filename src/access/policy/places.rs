//! Which enforcers one policy has used, so that it finds them again at once: the table of all enforcers is large, and far from
//! the processor when tenants take turns.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use super::engine::Engine;
use super::memory::Digest;

/// Sets of roles × families of objects that one tenant's people ask about; beyond it begins anew.
const MAX_PLACES: usize = 64;
/// Each so-manieth time the table of all is asked all the same, so that it knows what is in use and keeps it.
const TOUCH: u32 = 64;

/// The enforcers themselves are held by the table of all, which bounds their number: what it drops is gone here too.
#[derive(Default)]
pub(super) struct Places {
    used: RwLock<Vec<(Digest, Weak<Engine>)>>,
    asked: AtomicU32,
}

impl Places {
    pub fn get(&self, digest: Digest) -> Option<Arc<Engine>> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % TOUCH == TOUCH - 1 {
            return None;
        }
        let used = self.used.read().unwrap_or_else(PoisonError::into_inner);
        used.iter().find(|(place, _)| *place == digest).and_then(|(_, engine)| engine.upgrade())
    }

    pub fn insert(&self, digest: Digest, engine: &Arc<Engine>) {
        let mut used = self.used.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = used.iter_mut().find(|(place, _)| *place == digest) {
            *known = Arc::downgrade(engine);
            return;
        }
        if used.len() == MAX_PLACES {
            used.clear();
        }
        used.push((digest, Arc::downgrade(engine)));
    }
}
