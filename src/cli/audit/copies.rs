//! Copies, archives and proofs: checked without the database.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{Failure, Format, exit_code, key, output, tell, text, wrong};
use crate::audit::{self, Checkpoint};

/// Several copies that follow one another, as one.
pub fn reader(files: &[PathBuf]) -> Result<impl BufRead, Failure> {
    let mut whole: Box<dyn Read> = Box::new(std::io::empty());
    for file in files {
        let opened = File::open(file).map_err(|error| wrong("--copy", file, &error))?;
        whole = Box::new(whole.chain(opened));
    }
    Ok(BufReader::new(whole))
}

pub fn verify(
    files: &[PathBuf],
    checkpoints: &[PathBuf],
    public: Option<String>,
    format: Format,
) -> Result<ExitCode, Failure> {
    let public = public.as_deref().map(key).transpose()?;
    let sealed: Option<Checkpoint> = match (checkpoints, &public) {
        ([], _) => None,
        ([note], Some(public)) => {
            let opened = audit::open(public, &text("--checkpoint", note)?);
            Some(opened.map_err(|error| wrong("--checkpoint", note, &error))?)
        }
        ([_], None) => {
            return Err(Failure::usage("--checkpoint: with a copy it wants --key, the tenant's public key"));
        }
        _ => return Err(Failure::usage("--checkpoint: a copy is compared with one of them at a time")),
    };
    let report = audit::verify_copy(reader(files)?, sealed.as_ref(), public.as_ref());
    let report = report.map_err(|error| wrong("--copy", &files[0], &error))?;
    let sound = report.faults.is_empty();
    if format == Format::Json {
        output::json(&report)?;
        return Ok(exit_code(sound));
    }
    output::line(&format!("{}  {} entries", report.end.tenant, report.entries));
    if let Some(archive) = &report.archive {
        output::line(&format!(
            "  they begin behind entry {}, with which the archive {archive} ends{}",
            report.behind,
            if public.is_some() { "" } else { "; whether that beginning is true, --key shows" }
        ));
    }
    tell(&report.faults);
    let end = format!("entry {} with the hash {}", report.end.seq, report.end.hash);
    output::line(&match (sound, sealed) {
        (false, _) => "THE COPY IS DAMAGED".to_owned(),
        (true, Some(sealed)) => {
            format!(
                "the copy is sound, and its first {} entries are those that the checkpoint seals",
                sealed.size
            )
        }
        (true, None) => format!(
            "nothing inside was changed, removed or swapped; the end is {end}: compare it with what was written down \
             elsewhere, or give a checkpoint"
        ),
    });
    Ok(exit_code(sound))
}

pub fn verify_proof(file: &Path, public: &str, format: Format) -> Result<ExitCode, Failure> {
    let text = text("--proof", file)?;
    if let Ok(proof) = serde_json::from_str(&text) {
        return verify_consistency(&proof, public, format);
    }
    let proof = serde_json::from_str(&text)
        .map_err(|_| wrong("--proof", file, &"it is no proof; make it with `suimon audit prove`"))?;
    match audit::verify_proof(proof, &key(public)?) {
        Ok(proven) if format == Format::Json => output::json(&proven)?,
        Ok(proven) => output::line(&format!(
            "proven: entry {} of {}: {} {} {} {}",
            proven.seq, proven.tenant, proven.at, proven.actor, proven.action, proven.object
        )),
        Err(error) => {
            output::line(&format!("NOT PROVEN: {error}"));
            return Ok(exit_code(false));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn verify_consistency(
    proof: &audit::ConsistencyProof,
    public: &str,
    format: Format,
) -> Result<ExitCode, Failure> {
    match audit::verify_consistency(proof, &key(public)?) {
        Ok(proven) if format == Format::Json => output::json(&proven)?,
        Ok(proven) => output::line(&format!(
            "proven: of {}, the {} entries of the older checkpoint are the first of the {} of the newer one",
            proven.tenant, proven.from, proven.to
        )),
        Err(error) => {
            output::line(&format!("NOT PROVEN: {error}"));
            return Ok(exit_code(false));
        }
    }
    Ok(ExitCode::SUCCESS)
}
