//! What was measured as the table of the documentation, and the comparison with it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::probes::{Kind, Measured, Outcome};
use crate::programs::{Layer, Program};
use crate::system::{WORDS, Word};

/// The page is written by several tests.
static PAGE: Mutex<()> = Mutex::new(());

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guard/caches.md")
}

/// Letters of the kinds with this outcome under any of these words.
fn letters(measured: &Measured, words: &[Word], outcome: Outcome, layer: Layer) -> String {
    let mut letters = Vec::new();
    for (kind, letter) in Kind::ALL {
        let worst = words.iter().filter_map(|word| measured.get(&(kind, word.path))).max();
        // Under a rule that refuses such paths there is nothing else to get; said once above the table.
        let meant = kind == Kind::File && layer != Layer::Nothing && outcome == Outcome::Refused;
        if worst == Some(&outcome) && !meant {
            letters.push(letter);
        }
    }
    letters.join(" ")
}

fn cell(measured: &Measured, words: &[Word], layer: Layer) -> String {
    let leaks = letters(measured, words, Outcome::Leak, layer);
    let refused = letters(measured, words, Outcome::Refused, layer);
    let verdict = if leaks.is_empty() { "safe".to_owned() } else { format!("**leak** {leaks}") };
    // Without a layer of ours whoever is refused is the system's business.
    if refused.is_empty() || layer == Layer::Nothing {
        verdict
    } else {
        format!("{verdict}; refused {refused}")
    }
}

fn table(program: Program, rows: &[Vec<Measured>]) -> String {
    let (mut head, mut line) = (String::from("| id | configuration |"), String::from("|---|---|"));
    for layer in program.layers() {
        let titles = if *layer == Layer::Nothing {
            WORDS.iter().map(Word::title).collect()
        } else {
            vec![layer.title().to_owned()]
        };
        for title in titles {
            let _ = write!(head, " {title} |");
            line.push_str("---|");
        }
    }
    let mut out = format!("{head}\n{line}\n");
    for (configuration, row) in program.configurations().iter().zip(rows) {
        let _ = write!(out, "| {} | {} |", configuration.id, configuration.says);
        for (layer, measured) in program.layers().iter().zip(row) {
            if *layer == Layer::Nothing {
                for word in WORDS {
                    let leaks = letters(measured, &[word], Outcome::Leak, *layer);
                    let _ = write!(out, " {} |", if leaks.is_empty() { "–" } else { &leaks });
                }
            } else {
                let _ = write!(out, " {} |", cell(measured, &WORDS, *layer));
            }
        }
        out.push('\n');
    }
    out
}

/// Compares with the page, or writes it there when told to.
///
/// # Panics
/// When they differ: with both, line by line.
pub fn compare(program: Program, rows: &[Vec<Measured>]) {
    let measured = table(program, rows);
    let _writing = PAGE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let text = std::fs::read_to_string(page()).expect("docs/guard/caches.md");
    let begin = format!("<!-- measured: {} -->\n", program.title());
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no line {begin}"));
    let (stated, after) = rest.split_once("<!-- end -->").expect("an end of the table");
    if stated == measured {
        return;
    }
    if std::env::var_os("SUIMON_WRITE_MEASURED").is_some() {
        std::fs::write(page(), format!("{before}{begin}{measured}<!-- end -->{after}")).expect("the page");
        return;
    }
    let mut difference = String::new();
    for line in stated.lines().filter(|line| !measured.lines().any(|other| other == *line)) {
        let _ = writeln!(difference, "- {line}");
    }
    for line in measured.lines().filter(|line| !stated.lines().any(|other| other == *line)) {
        let _ = writeln!(difference, "+ {line}");
    }
    panic!(
        "docs/guard/caches.md states (-) what was not measured (+); SUIMON_WRITE_MEASURED=1 writes it:\n{difference}"
    );
}
