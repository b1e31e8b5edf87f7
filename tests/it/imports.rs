//! Who may import whom: the table of `src/lib.rs`, checked against the sources.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Part → the parts that it may name. What is for all: app, clock, config, entropy, error, storage.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("reports", &["notices", "duties", "incidents", "requirements", "vault", "access", "audit"]),
    ("notices", &["incidents", "requirements", "vault", "access", "audit"]),
    ("duties", &["incidents", "requirements", "vault", "access", "audit"]),
    ("incidents", &["requirements", "vault", "access", "audit"]),
    ("vault", &["requirements", "access", "audit"]),
    ("requirements", &["access", "audit"]),
    ("access", &["audit"]),
    ("audit", &["access"]),
];
const FOR_ALL: &[&str] = &["app", "clock", "config", "entropy", "error", "storage"];
const PARTS: &[&str] =
    &["reports", "notices", "duties", "incidents", "vault", "requirements", "access", "audit"];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source");
                into.push((path, text));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.iter_mut().for_each(|(path, _)| *path = path.strip_prefix(&root).expect("below src").to_owned());
    assert!(files.len() > 20, "the sources were not found");
    files
}

fn crate_paths(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect())
        .collect()
}

#[test]
fn parts_name_only_what_they_may() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let part = path.iter().next().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let named = crate_paths(&text);
        if let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| *name == part) {
            for name in named {
                let fine =
                    name == part || allowed.contains(&name.as_str()) || FOR_ALL.contains(&name.as_str());
                if !fine
                    && (PARTS.contains(&name.as_str()) || ["graphql", "http", "cli"].contains(&name.as_str()))
                {
                    wrong.push(format!("{} names {name}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "see the table in src/lib.rs:\n{}", wrong.join("\n"));
}

#[test]
fn resolvers_do_not_know_the_database() {
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|(path, _)| path.starts_with("graphql"))
        .filter(|(_, text)| ["entity::", "sea_orm", "store::"].iter().any(|word| text.contains(word)))
        .map(|(path, _)| path)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn only_stores_speak_to_the_database() {
    let allowed = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("store")
            || path == Path::new("lib.rs")
            || path.iter().any(|part| part == "store")
            || [
                "storage.rs",
                "app.rs",
                "error.rs",
                "access/op.rs",
                "access/policy.rs",
                "access/tenants.rs",
                "access/accounts.rs",
                "audit/log.rs",
                "http/mod.rs",
            ]
            .iter()
            .any(|file| path.ends_with(file))
    };
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|(path, text)| !allowed(path) && text.contains("sea_orm"))
        .map(|(path, _)| path)
        .collect();
    assert!(wrong.is_empty(), "only store files may name sea_orm: {wrong:?}");
}

#[test]
fn system_scopes_are_few() {
    let allowed =
        ["access/op.rs", "access/setup.rs", "access/identity.rs", "access/tokens.rs", "audit/verify.rs"];
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|(path, text)| {
            text.contains("Scope::system(")
                && !allowed.iter().any(|file| path.ends_with(file))
                && !path.ends_with("notices/worker.rs")
                && !path.starts_with("cli")
        })
        .map(|(path, _)| path)
        .collect();
    assert!(wrong.is_empty(), "work without an actor belongs into jobs: {wrong:?}");
}
