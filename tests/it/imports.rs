//! Who may import whom: the table of `src/lib.rs`, checked against the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What every part may name.
const FOR_ALL: &str = "app clock config entropy error loader logs outbound storage";

/// Part → the parts that it may name, read from the table in the head of `src/lib.rs`: the document is what is checked.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"))
        .expect("src/lib.rs");
    let words = |text: &str| -> BTreeSet<String> {
        text.split(|c: char| !c.is_ascii_lowercase())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let mut table = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("//! ")) {
        if let Some((left, right)) = line.split_once('→').filter(|(left, _)| !left.contains(',')) {
            table.insert(left.trim().to_owned(), words(right));
        } else if let Some((left, right)) = line.split_once('↔') {
            let right = right.split('(').next().unwrap_or_default();
            table.insert(left.trim().to_owned(), words(right));
            table.insert(right.trim().to_owned(), words(left));
        }
    }
    assert!(
        table.len() >= 8 && table["vault"].contains("requirements"),
        "the table was not found: {table:?}"
    );
    assert!(text.contains(FOR_ALL), "lib.rs no longer says what is for all");
    table
}

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

/// The first names behind `crate::`, those of `crate::{a, b::c}` too.
fn crate_paths(text: &str) -> BTreeSet<String> {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join(" ");
    let mut names = BTreeSet::new();
    let name_of = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    for rest in code.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            names.insert(name_of(rest));
            continue;
        };
        let mut depth = 0;
        let mut start = 0;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => {
                    names.insert(name_of(&group[start..at]));
                    break;
                }
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.insert(name_of(&group[start..at]));
                    start = at + 1;
                }
                _ => {}
            }
        }
    }
    names.remove("");
    names
}

#[test]
fn groups_of_imports_are_seen() {
    let names =
        crate_paths("use crate::{vault::{a, b}, audit};\n// use crate::http;\nuse crate::error::Error;");
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["audit", "error", "vault"]);
}

#[test]
fn parts_name_only_what_they_may() {
    let table = table();
    let for_all: Vec<&str> = FOR_ALL.split(' ').collect();
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let part = path.iter().next().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let Some(allowed) = table.get(&part) else { continue };
        for name in crate_paths(&text) {
            if name != part && !allowed.contains(&name) && !for_all.contains(&name.as_str()) {
                wrong.push(format!("{} names {name}", path.display()));
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
        .filter(|(_, text)| {
            [" entity::", "(entity::", "<entity::", "sea_orm", "store::"]
                .iter()
                .any(|word| text.contains(word))
        })
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
                "storage/mod.rs",
                "storage/wall.rs",
                "app.rs",
                "error.rs",
                "access/op.rs",
                "access/tenants.rs",
                "access/accounts.rs",
                "access/holders.rs",
                "audit/log.rs",
                "http/mod.rs",
                "requirements/cache.rs",
                "vault/subjects.rs",
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
    let allowed = [
        "access/op.rs",
        "access/setup.rs",
        "access/identity.rs",
        "access/sign_in.rs",
        "access/oidc/accounts.rs",
        "access/oidc/logout.rs",
        "access/oidc/signing.rs",
        "access/tokens.rs",
        "audit/verify.rs",
        "notices/hooks/mod.rs",
    ];
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|(path, text)| {
            text.contains("Scope::system(")
                && !allowed.iter().any(|file| path.ends_with(file))
                && !path.ends_with("notices/worker.rs")
                // Who comes by a link has no account; what may be seen is decided there.
                && !path.ends_with("notices/portal/door.rs")
                && !path.ends_with("jobs/worker.rs")
                && !path.starts_with("cli")
        })
        .map(|(path, _)| path)
        .collect();
    assert!(wrong.is_empty(), "work without an actor belongs into jobs: {wrong:?}");
}

#[test]
fn grants_for_an_emergency_are_asked_for_where_their_use_is_recorded() {
    let allowed = ["access/op.rs", "emergency/usage.rs", "vault/read.rs"];
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|(path, text)| {
            text.contains(".granted(") && !allowed.iter().any(|file| path == Path::new(file))
        })
        .map(|(path, _)| path)
        .collect();
    assert!(wrong.is_empty(), "each use must be recorded: {wrong:?}");
}

/// `deny.toml` ignores RUSTSEC-2023-0071 (the time that `rsa` takes with a private key) for this reason.
#[test]
fn rsa_only_looks_at_signatures() {
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    let needs_rsa: Vec<&str> = lock
        .split("[[package]]")
        .filter(|package| package.lines().any(|line| line.trim() == "\"rsa\","))
        .filter_map(|package| package.lines().find_map(|line| line.strip_prefix("name = ")))
        .collect();
    assert_eq!(needs_rsa, ["\"openidconnect\""], "who else brings it in may use private keys");
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|(_, text)| {
            ["PrivateSigningKey", "rsa::", "RsaPrivate"].iter().any(|name| text.contains(name))
        })
        .map(|(path, _)| path)
        .collect();
    assert!(wrong.is_empty(), "private keys of RSA: {wrong:?}");
}
