//! Many inputs on several threads.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::scan::Scan;

/// Smaller inputs are not worth more than one thread.
const SMALL: u64 = 4 << 20;

/// Reads inputs of these sizes (in bytes, as far as known) on several threads: what is larger than a thread's share of the rest is read by all
/// of them together, the others each by one. `read` gets the scan that an input is added to, the number of the input, and how many threads it
/// may take (see [`Scan::read_on`]); `scan` is what they are added to in the end. The result does not depend on the number of threads.
///
/// # Errors
/// The first that `read` gives; inputs that cannot be read to their end are none.
pub fn read_files<E: Send>(
    scan: &Scan,
    threads: NonZeroUsize,
    sizes: &[u64],
    read: impl Fn(&mut Scan, usize, NonZeroUsize) -> Result<(), E> + Sync,
) -> Result<Scan, E> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|input| std::cmp::Reverse(sizes.get(*input)));
    let size = |input: &usize| sizes.get(*input).copied().unwrap_or_default();
    let mut rest: u64 = sizes.iter().fold(0, |sum, size| sum.saturating_add(*size));
    let mut all = scan.clone();
    let mut alone = order.as_slice();
    while let [input, others @ ..] = alone
        && size(input) > SMALL.max(rest / threads.get() as u64)
    {
        read(&mut all, *input, threads)?;
        rest = rest.saturating_sub(size(input));
        alone = others;
    }
    let next = AtomicUsize::new(0);
    let work = || -> Result<Scan, E> {
        let mut mine = scan.empty();
        while let Some(input) = alone.get(next.fetch_add(1, Ordering::Relaxed)) {
            read(&mut mine, *input, NonZeroUsize::MIN)?;
        }
        Ok(mine)
    };
    let scans: Vec<Result<Scan, E>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.get().min(alone.len())).map(|_| scope.spawn(work)).collect();
        let done = workers.into_iter().map(|worker| worker.join());
        done.map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    for scan in scans {
        all.absorb(scan?);
    }
    Ok(all)
}
