//! Speed of the log reader in MB/s of unpacked log, on logs made in memory.
//!
//! `cargo bench -p exposure`. The baselines (unpacking alone, counting newlines, SHA-256) tell what the machine can
//! do at all: `unpack_and_count_lines` is what `zcat | wc -l` does, without the pipe.

use std::io::{Read, Write};
use std::sync::LazyLock;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use exposure::simulate::{LogOptions, founding_day};
use exposure::{Scan, WindowQuery};
use flate2::read::MultiGzDecoder;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

const MEGABYTE: usize = 1 << 20;

struct Logs {
    edge: Vec<u8>,
    edge_packed: Vec<u8>,
    origin: Vec<u8>,
    query: WindowQuery,
}

/// The edge log of the founding day, again and again with other request ids and other days, up to 200 MB. One
/// day in a month is the day of the incident, as in a real search.
static LOGS: LazyLock<Logs> = LazyLock::new(|| {
    let day = founding_day(2023);
    let (mut edge_day, mut origin_day) = (Vec::new(), Vec::new());
    for file in day.files(LogOptions { cookies: true, gzip: false }) {
        if file.name().starts_with("edge/") {
            file.write_to(&mut edge_day).expect("a vector takes all");
        } else if file.is_log() {
            file.write_to(&mut origin_day).expect("a vector takes all");
        }
    }
    let edge = repeat(&edge_day, 200 * MEGABYTE);
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(&edge).expect("a vector takes all");
    let edge_packed = packer.finish().expect("a vector takes all");
    Logs { edge, edge_packed, origin: repeat(&origin_day, 100 * MEGABYTE), query: day.revised_query() }
});

fn repeat(day: &[u8], size: usize) -> Vec<u8> {
    let mut all = Vec::with_capacity(size + day.len());
    let mut number = 0;
    while all.len() < size {
        number += 1;
        // Other days of the month, other request ids: a line is not the copy of another.
        let date = format!("2023-10-{:02}", number % 31 + 1);
        let ending = format!("{number:03}=");
        let text = String::from_utf8_lossy(day);
        all.extend_from_slice(text.replace("2023-10-26", &date).replace("==", &ending).as_bytes());
    }
    all
}

fn scan(content: &[u8]) -> u64 {
    let mut scan = Scan::new(LOGS.query.clone()).expect("the example's query is valid");
    scan.read("log", content);
    scan.finish().counts.total_persons
}

#[divan::bench(sample_count = 5)]
fn edge_plain(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::new(LOGS.edge.len())).bench(|| scan(black_box(&LOGS.edge)));
}

#[divan::bench(sample_count = 5)]
fn edge_gzip(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::new(LOGS.edge.len())).bench(|| scan(black_box(&LOGS.edge_packed)));
}

#[divan::bench(sample_count = 5)]
fn edge_gzip_on_two_threads(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::new(LOGS.edge.len() * 2)).bench(|| {
        std::thread::scope(|scope| {
            let one = scope.spawn(|| scan(black_box(&LOGS.edge_packed)));
            scan(black_box(&LOGS.edge_packed)) + one.join().unwrap_or_default()
        })
    });
}

#[divan::bench(sample_count = 5)]
fn origin_plain(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::new(LOGS.origin.len())).bench(|| scan(black_box(&LOGS.origin)));
}

#[divan::bench(sample_count = 5)]
fn baseline_count_lines(bencher: Bencher<'_, '_>) {
    let count = || memchr::memchr_iter(b'\n', black_box(&LOGS.edge)).count();
    bencher.counter(BytesCount::new(LOGS.edge.len())).bench(count);
}

#[divan::bench(sample_count = 5)]
fn baseline_sha256(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::new(LOGS.edge.len())).bench(|| Sha256::digest(black_box(&LOGS.edge)));
}

#[divan::bench(sample_count = 5)]
fn baseline_unpack_and_count_lines(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::new(LOGS.edge.len())).bench(|| {
        let mut reader = MultiGzDecoder::new(black_box(LOGS.edge_packed.as_slice()));
        let (mut chunk, mut lines) = (vec![0; 256 * 1024], 0);
        loop {
            match reader.read(&mut chunk) {
                Ok(0) | Err(_) => return lines,
                Ok(got) => lines += memchr::memchr_iter(b'\n', &chunk[..got]).count(),
            }
        }
    });
}

fn main() {
    divan::main();
}
