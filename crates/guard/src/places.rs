//! Places for connections: how many there are, and how many are taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// All of a guard.
pub struct Places {
    free: Arc<Semaphore>,
    taken: Arc<AtomicUsize>,
    accepted: AtomicU64,
    most: usize,
}

/// Held while nobody has come for it yet.
pub struct Free(Option<OwnedSemaphorePermit>);

/// One connection's, or that of the tunnel that outlives it.
pub struct Place {
    _permit: Option<OwnedSemaphorePermit>,
    taken: Arc<AtomicUsize>,
}

/// How many connections there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Open now, tunnels among them.
    pub open: usize,
    /// Accepted since the start.
    pub accepted: u64,
    /// As many may be open ([`crate::settings::Limits::connections`]).
    pub most: usize,
}

impl Places {
    pub fn new(most: usize) -> Self {
        let free = Arc::new(Semaphore::new(most));
        Self { free, taken: Arc::default(), accepted: AtomicU64::new(0), most }
    }

    /// The next place that is free.
    pub async fn free(&self) -> Free {
        Free(self.free.clone().acquire_owned().await.ok())
    }

    /// Gives it to a connection.
    pub fn take(&self, Free(permit): Free) -> Place {
        self.taken.fetch_add(1, Ordering::Relaxed);
        self.accepted.fetch_add(1, Ordering::Relaxed);
        Place { _permit: permit, taken: self.taken.clone() }
    }

    pub fn count(&self) -> Connections {
        let (open, accepted) = (self.taken.load(Ordering::Relaxed), self.accepted.load(Ordering::Relaxed));
        Connections { open, accepted, most: self.most }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}
