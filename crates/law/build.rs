//! Lists the rule packs, calendars and worked cases under `policies/regulations/`, so that a new jurisdiction is new
//! files and no Rust.

use std::{
    env,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let crate_dir = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = crate_dir.join("../../policies/regulations").canonicalize()?;
    let mut packs = yaml_files(&root, "calendars/")?;
    packs.extend(yaml_files(&root, "")?);
    let cases = yaml_files(&root, "cases/")?;
    let mut out = String::new();
    table(
        &mut out,
        "SHIPPED",
        "Rule packs and calendars as (name, text), for [`crate::Packs::load`].",
        &packs,
    );
    table(
        &mut out,
        "SHIPPED_CASES",
        "Worked cases as (name, text), for [`crate::cases::Cases::load`].",
        &cases,
    );
    let target = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("shipped.rs");
    fs::write(target, out)
}

/// The files of one folder in the order of their names, with the name that errors will show.
fn yaml_files(root: &Path, folder: &str) -> io::Result<Vec<(String, PathBuf)>> {
    let dir = root.join(folder);
    // A file that is added changes the folder; one that is changed is watched through `include_str!`.
    writeln!(io::stdout(), "cargo::rerun-if-changed={}", dir.display())?;
    let mut files = Vec::new();
    for entry in fs::read_dir(&dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "yaml")
            && let Some(name) = path.file_name().and_then(|n| n.to_str())
        {
            files.push((format!("{folder}{name}"), path.clone()));
        }
    }
    files.sort();
    Ok(files)
}

fn table(out: &mut String, name: &str, about: &str, files: &[(String, PathBuf)]) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "/// {about}\npub const {name}: &[(&str, &str)] = &[");
    for (file, path) in files {
        let _ = writeln!(out, "    ({file:?}, include_str!({:?})),", path.display().to_string());
    }
    out.push_str("];\n");
}
