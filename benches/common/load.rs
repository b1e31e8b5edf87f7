//! Clients that do something again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a client goes on, and how often it was through.
pub struct Turns {
    end: Instant,
    done: Arc<AtomicUsize>,
}

impl Turns {
    pub fn go_on(&self) -> bool {
        Instant::now() < self.end
    }

    pub fn done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

/// How often a second `clients` are through together, in so many seconds. Each is given its number.
pub async fn rate<F: Future<Output = ()> + Send + 'static>(
    clients: usize,
    seconds: usize,
    client: impl Fn(usize, Turns) -> F,
) -> f64 {
    let done = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let end = start + Duration::from_secs(seconds as u64);
    let clients: Vec<_> =
        (0..clients).map(|number| tokio::spawn(client(number, Turns { end, done: done.clone() }))).collect();
    for client in clients {
        client.await.expect("a client");
    }
    done.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
}
