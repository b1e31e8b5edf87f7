//! What the documents claim about security points to tests that exist.

use std::collections::BTreeSet;
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `file::test` of every test below `tests/it`; a module's folder gives its own name, too.
fn tests(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of tests") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            tests(&path, into);
            continue;
        }
        let stem =
            |path: &Path| path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let mut file = stem(&path);
        if file == "mod" {
            file = stem(path.parent().expect("a folder"));
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let mut marked = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                marked = true;
            } else if marked && let Some((_, rest)) = line.split_once("fn ") {
                let name = rest.split('(').next().unwrap_or_default();
                into.insert(format!("{file}::{name}"));
                marked = false;
            }
        }
    }
}

#[test]
fn each_claim_names_tests_that_exist() {
    let mut known = BTreeSet::new();
    tests(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"), &mut known);
    assert!(known.len() > 200, "{} tests found", known.len());
    for (document, least) in [("docs/SECURITY.md", 60), ("README.md", 8), ("README.ja.md", 7)] {
        let text = read(document);
        let named: Vec<&str> = text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|word| {
                word.split_once("::").is_some_and(|(file, test)| {
                    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                    file.chars().all(plain) && test.chars().all(plain) && !test.is_empty()
                })
            })
            .filter(|word| *word != "file::test")
            .collect();
        assert!(named.len() >= least, "{document} names {} tests", named.len());
        for name in named {
            assert!(known.contains(name), "{document} names {name}, which is no test");
        }
    }
}

/// Rows of the tables of claims: each of them has a test.
#[test]
fn no_claim_is_without_a_test() {
    for line in read("docs/SECURITY.md").lines().filter(|line| line.starts_with("| ")) {
        if line.starts_with("| holds") || line.ends_with("as above |") {
            continue;
        }
        assert!(line.contains("::"), "no test for: {line}");
    }
}
