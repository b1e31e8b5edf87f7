//! Reads logs as `suimon exposure reconstruct` does and prints a line of JSON for `script/bench exposure`: how long it took, how much memory, and
//! what was found. `cargo run --release -p exposure --example measure -- scan|reconstruct|unpack|hash THREADS FILE…`, the question is that of `bulk`.
//! `unpack` and `hash` do that alone, with the same libraries.

use std::fs::File;
use std::io::{BufReader, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use exposure::simulate::bulk_query;
use exposure::{CacheFacts, Scan, read_files};
use flate2::bufread::MultiGzDecoder;
use serde_json::json;
use sha2::{Digest, Sha256};

/// Where bytes go that are looked at and not kept.
struct Into<F>(F);

impl<F: FnMut(&[u8])> Write for Into<F> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        (self.0)(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().ok_or("say scan, reconstruct, unpack or hash")?;
    let threads: NonZeroUsize = arguments.next().ok_or("say how many threads")?.parse()?;
    let paths: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let begun = Instant::now();
    if matches!(what.as_str(), "unpack" | "hash") {
        for path in &paths {
            let file = File::open(path)?;
            match what.as_str() {
                "unpack" => {
                    std::io::copy(
                        &mut MultiGzDecoder::new(BufReader::with_capacity(1 << 18, file)),
                        &mut Into(|_: &[u8]| {}),
                    )?;
                }
                _ => {
                    let mut hash = Sha256::new();
                    std::io::copy(
                        &mut BufReader::with_capacity(1 << 18, file),
                        &mut Into(|bytes: &[u8]| hash.update(bytes)),
                    )?;
                    writeln!(std::io::stderr(), "{}", hex::encode(hash.finalize()))?;
                }
            }
        }
        return Ok(writeln!(
            std::io::stdout(),
            "{}",
            json!({ "seconds": begun.elapsed().as_secs_f64(), "found": null })
        )?);
    }
    let sizes: Vec<u64> =
        paths.iter().map(|path| std::fs::metadata(path).map_or(0, |about| about.len())).collect();
    let scan = read_files(&Scan::new(bulk_query())?, threads, &sizes, |scan, number, threads| {
        let path = &paths[number];
        scan.read_on(threads, &path.to_string_lossy(), None, File::open(path)?);
        Ok::<_, std::io::Error>(())
    })?;
    let read = begun.elapsed();
    let found = match what.as_str() {
        "scan" => {
            let window = scan.finish();
            json!({ "persons": window.counts.total_persons, "lines": window.inputs.iter().map(|input| input.lines).sum::<u64>() })
        }
        _ => {
            let facts = CacheFacts { time_to_live_seconds: 1, tiers: 1, ..CacheFacts::default() };
            let (window, found) = scan.reconstruct(&facts)?;
            json!({
                "persons": window.counts.total_persons,
                "own": found.answers.own,
                "kept": found.answers.kept,
                "exposing": found.answers.exposing,
                "confirmed": found.counts.confirmed,
                "possible": found.counts.possible,
                "self_only": found.counts.self_only,
                "excluded": found.counts.excluded,
            })
        }
    };
    let report = json!({ "read_seconds": read.as_secs_f64(), "seconds": begun.elapsed().as_secs_f64(), "found": found });
    Ok(writeln!(std::io::stdout(), "{report}")?)
}
