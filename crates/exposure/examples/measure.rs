//! Reads logs as `suimon exposure reconstruct` does and prints a line of JSON for `script/bench exposure`: how long it took, how much memory, and
//! what was found. `cargo run --release -p exposure --example measure -- scan|reconstruct THREADS FILE…`, the question is that of `bulk`.

use std::fs::File;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use exposure::simulate::bulk_query;
use exposure::{CacheFacts, Scan, read_files};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().ok_or("say scan or reconstruct")?;
    let threads: NonZeroUsize = arguments.next().ok_or("say how many threads")?.parse()?;
    let paths: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let begun = Instant::now();
    let sizes: Vec<u64> =
        paths.iter().map(|path| std::fs::metadata(path).map_or(0, |about| about.len())).collect();
    let scan = read_files(&Scan::new(bulk_query())?, threads, &sizes, |number| {
        let path = &paths[number];
        Ok::<_, std::io::Error>((path.to_string_lossy().into_owned(), None, File::open(path)?))
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
