//! Import of people: `cargo bench --bench import`. Reports seconds, rows a second and the peak of memory.
//!
//! `ROWS` (270000), `TENANTS` (1000; rows come in no order of them), `MODE` (`keep-good`), `SUIMON_BENCH_DATABASE`.

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

mod common;
#[path = "common/people.rs"]
mod people;
#[path = "common/process.rs"]
mod process;

use std::io::Write;
use std::time::Instant;

use common::{SYSTEM, institution, setting};
use people::worker;
use process::{memory, processor};
use suimon::vault::{Encoding, FileKind, ImportFile, Mode, import_file};

/// Of the example.
const RECORD_TYPE: &str = "medical_worker";

#[tokio::main]
async fn main() {
    let (rows, tenants) = (setting("ROWS", 270_000), setting("TENANTS", 1000));
    let mode = match std::env::var("MODE").as_deref() {
        Ok("all-or-nothing") => Mode::AllOrNothing,
        _ => Mode::KeepGood,
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("workers.csv");
    write(&path, rows, tenants);
    let bytes = std::fs::metadata(&path).expect("the file").len();
    let (_app, op) = common::service(common::config(folder.path()), tenants, std::convert::identity).await;
    println!(
        "{rows} people with 8 encrypted fields, 4 of them searchable, of {tenants} tenants; {bytes} bytes; {mode:?}"
    );
    for pass in ["new", "again"] {
        let file = ImportFile {
            path: path.clone(),
            kind: FileKind::Csv,
            encoding: Encoding::Utf8,
            system: SYSTEM.to_owned(),
            record_type: RECORD_TYPE.to_owned(),
            mode,
        };
        let (start, before) = (Instant::now(), used());
        let report = import_file(&op, file, &mut |_| {}).await.expect("an import");
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!(
            (report.rows_read, report.rows_refused),
            (rows as i64, 0),
            "{:?}",
            report.problems.first()
        );
        println!(
            "{pass:<6} {seconds:>7.2} s  {:>8.0} rows/s  created {} unchanged {}  processor {:.2} s  written {} MB  peak memory {}",
            rows as f64 / seconds,
            report.created,
            report.unchanged,
            used().0 - before.0,
            (used().1 - before.1) / 1_000_000,
            memory("VmHWM:")
        );
    }
}

fn write(path: &std::path::Path, rows: usize, tenants: usize) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("the file"));
    let names = worker(0).map(|(name, _)| name).join(",");
    // `language` is a field of this record type, and a column of every import.
    writeln!(file, "tenant,external_id,{names}").expect("written");
    for number in 0..rows {
        // A prime far from the number of tenants: neighbours in the file are of different tenants.
        let tenant = institution(number * 7919 % tenants);
        let values = worker(number).map(|(_, value)| value).join(",");
        writeln!(file, "{tenant},W-{number:07},{values}").expect("written");
    }
    file.flush().expect("written");
}

/// Seconds of processor time and bytes written so far, as Linux counts them; zero elsewhere.
fn used() -> (f64, u64) {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok()).unwrap_or(0);
    (processor(), written)
}
