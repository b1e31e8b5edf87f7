//! `suimon assess --each`: many records, answers alone.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use law::{DutyVerdict, EvaluatedAt, Facts, Prepared, Scope, Verdict};
use serde_json::{Value, json};

use super::{Failure, MAX_FILE, not_after};
use crate::duties;

/// Answers line by line, so that a file of any length takes the memory of one record. Ends at the first line that is wrong: the lines
/// before it are answered.
pub fn run(file: &Path, at: Timestamp) -> Result<ExitCode, Failure> {
    let name = file.display().to_string();
    let prepared = Prepared::new(duties::packs()?);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let told = if name == "-" {
        answer(&prepared, std::io::stdin().lock(), &mut out, "standard input", at)
    } else {
        let opened = std::fs::File::open(file);
        let opened = opened.map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
        answer(&prepared, BufReader::new(opened), &mut out, &name, at)
    };
    // What was answered before a fault is shown before it.
    match out.flush() {
        Ok(()) => told.map(|()| ExitCode::SUCCESS),
        Err(error) => Err(cannot_write(&error)),
    }
}

fn answer(
    prepared: &Prepared<'_>,
    mut records: impl BufRead,
    out: &mut impl Write,
    name: &str,
    at: Timestamp,
) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    for number in 1_u64.. {
        let place = format!("{name}:{number}");
        bytes.clear();
        let read = records.by_ref().take(MAX_FILE + 1).read_until(b'\n', &mut bytes);
        let read = read.map_err(|error| Failure::usage(format!("cannot read {place}: {error}")))?;
        if read == 0 {
            break;
        }
        if read as u64 > MAX_FILE {
            return Err(Failure::usage(format!("{place}: a facts record has at most {MAX_FILE} bytes")));
        }
        let text = std::str::from_utf8(&bytes);
        let text =
            text.map_err(|_| Failure::usage(format!("{place}: is not UTF-8; save the file as UTF-8")))?;
        let text = if number == 1 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        if text.trim().is_empty() {
            continue;
        }
        let facts = Facts::from_json(&place, text);
        let facts = facts.map_err(|faults| Failure::usage(format!("the facts are wrong:\n{faults}")))?;
        not_after(&facts, at, &place)?;
        let verdicts = prepared.verdicts(&facts, EvaluatedAt(at));
        let laws = verdicts.iter().filter(|verdict| verdict.scope != Scope::Out).map(law).collect::<Vec<_>>();
        writeln!(out, "{}", json!({ "line": number, "laws": laws })).map_err(|error| cannot_write(&error))?;
    }
    Ok(())
}

fn cannot_write(error: &std::io::Error) -> Failure {
    anyhow::anyhow!("cannot write the answers: {error}").into()
}

fn law(verdict: &Verdict<'_>) -> Value {
    let Verdict { regime, version, scope, regulator, persons, duties } = verdict;
    json!({
        "regime": regime, "version": version, "scope": scope, "regulator": regulator, "persons": persons,
        "duties": duties.iter().map(duty).collect::<Vec<_>>(),
    })
}

fn duty(duty: &DutyVerdict<'_>) -> Value {
    let DutyVerdict { id, recipient, outcome, ends } = duty;
    let ends: serde_json::Map<String, Value> =
        ends.iter().map(|(deadline, end)| ((*deadline).to_owned(), json!(end))).collect();
    json!({ "id": id, "recipient": recipient, "outcome": outcome, "ends": ends })
}
