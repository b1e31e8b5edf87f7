//! Clients that keep to a rate, however long answers take: a proxy that stands still for a moment is seen by all who would have
//! asked meanwhile ("coordinated omission").

use std::time::{Duration, Instant};

use crate::client::Asked;

/// What came of it. Times in microseconds.
pub struct Paced {
    pub p50: f64,
    pub p99: f64,
    /// The share of requests that a client sent more than a millisecond late though it waited for no answer.
    pub behind: f64,
}

/// So many requests a second for so long. A time runs from when the request should have left, if its client was still waiting for
/// an answer then, or else from when it did: that a client is woken late says nothing of the proxy.
pub fn run(asked: &Asked, rate: f64, seconds: usize, clients: usize) -> Paced {
    let (begin, gap) =
        (Instant::now() + Duration::from_millis(50), Duration::from_secs_f64(clients as f64 / rate));
    let end = begin + Duration::from_secs(seconds as u64);
    let (mut times, mut behind) = (Vec::new(), 0);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..clients)
            .map(|number| {
                let first = begin + gap.mul_f64(number as f64 / clients as f64);
                scope.spawn(move || one(asked, first, gap, end))
            })
            .collect();
        for client in all {
            let (of_one, late) = client.join().expect("a client");
            times.extend(of_one);
            behind += late;
        }
    });
    times.sort_unstable();
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
    };
    Paced { p50: at(0.5), p99: at(0.99), behind: behind as f64 / times.len().max(1) as f64 }
}

fn one(asked: &Asked, first: Instant, gap: Duration, end: Instant) -> (Vec<Duration>, usize) {
    let mut client = asked.connect().expect("the proxy is there");
    let (mut times, mut behind, mut due, mut free) = (Vec::new(), 0, first, first);
    while due < end {
        // The system's sleep is some fifty microseconds late; what is left is not worth a processor that others need.
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let sent = Instant::now();
        let from = if free > due { due } else { sent };
        behind += usize::from(free <= due && sent.saturating_duration_since(due) > Duration::from_millis(1));
        client.ask(asked).unwrap_or_else(|error| panic!("{}: {error}", asked.kind.name()));
        free = Instant::now();
        times.push(free.saturating_duration_since(from));
        due += gap;
    }
    (times, behind)
}
