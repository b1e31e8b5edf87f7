//! `suimon example` through the program: the same seed gives the same bytes, and nobody's files are overwritten.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

fn suimon(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_suimon")).args(arguments).output().expect("the program runs")
}

fn generate(folder: &Path, more: &[&str]) -> Output {
    let folder = folder.to_str().expect("a UTF-8 path");
    suimon(&[&["example", "generate", "--out", folder], more].concat())
}

/// All files below a folder: relative name and content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below").to_string_lossy().into_owned();
                files.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
    files
}

fn rows(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(files[name].as_slice());
    reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_other_people() {
    let folder = tempfile::tempdir().expect("a folder");
    let days = ["one", "two", "three"].map(|name| folder.path().join(name));
    for (day, seed) in days.iter().zip(["2023", "2023", "7"]) {
        let output = generate(day, &["--seed", seed]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let [one, two, three] = days.map(|day| files(&day));
    assert_eq!(one, two);
    assert_ne!(one["applicants.csv"], three["applicants.csv"]);
    let others: Vec<_> = one.keys().filter(|name| !name.starts_with("edge/")).cloned().collect();
    insta::assert_debug_snapshot!(others, @r#"
    [
        "admins.csv",
        "applicants.csv",
        "origin/access.jsonl",
        "origin/login.jsonl",
        "population.json",
        "schools.csv",
        "truth.json",
    ]
    "#);
    assert!(one.keys().filter(|name| name.starts_with("edge/") && name.ends_with(".gz")).count() >= 48);
}

#[test]
fn people_are_complete_distinct_and_nobody_that_exists() {
    let folder = tempfile::tempdir().expect("a folder");
    generate(folder.path(), &[]);
    let files = files(folder.path());
    let (applicants, admins) = (rows(&files, "applicants.csv"), rows(&files, "admins.csv"));
    // 423 applicants, six of them with a second school; 82 admins.
    assert_eq!((applicants.len(), admins.len()), (423 + 6, 82));
    assert!(applicants.iter().chain(&admins).flatten().all(|value| !value.is_empty()));
    let ids: BTreeSet<_> = applicants.iter().map(|row| &row[1]).collect();
    let mails: BTreeSet<_> = applicants.iter().map(|row| &row[5]).collect();
    assert_eq!((ids.len(), mails.len()), (423, 423), "one letter-box for each person, also with two schools");
    assert!(mails.iter().all(|mail| mail.ends_with(".example")), "mail that can never be delivered");
    assert!(admins.iter().all(|row| row[4].ends_with(".example")));
    assert!(applicants.iter().all(|row| row[7].starts_with("090-0")), "a range that is given to nobody");
    let english = applicants.iter().filter(|row| row[2] == "en").count();
    assert!((5..60).contains(&english), "mostly ja, some en: {english}");
    assert!(applicants.iter().all(|row| ["ja", "en"].contains(&row[2].as_str())));
}

#[test]
fn a_folder_with_files_is_not_overwritten_without_force() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("mine.txt"), "mine").expect("a file");
    let refused = generate(folder.path(), &[]);
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8(refused.stderr).expect("text");
    assert!(told.contains("is not empty") && told.contains("--force"), "{told}");
    assert_eq!(files(folder.path()).len(), 1, "nothing was written");

    assert_eq!(generate(folder.path(), &["--force", "--seed", "7"]).status.code(), Some(0));
    assert_eq!(generate(folder.path(), &["--force"]).status.code(), Some(0));
    let alone = tempfile::tempdir().expect("a folder");
    generate(alone.path(), &[]);
    let mut both = files(folder.path());
    assert_eq!(both.remove("mine.txt").as_deref(), Some(b"mine".as_slice()));
    assert_eq!(both, files(alone.path()), "no log of the other seed is left among these");
}

#[test]
fn every_file_goes_into_a_service_as_the_program_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = String::from_utf8(generate(&folder.path().join("day"), &[]).stdout).expect("text");
    // What the program tells to type is typed: a shell reads it, in an empty folder.
    let commands = told.split("without a database:").nth(1).expect("the commands");
    let commands = commands.replace("Into a service of your own:", "");
    let program = Path::new(env!("CARGO_BIN_EXE_suimon"));
    let script = format!(
        "set -e\nsuimon() {{ '{}' --set identity.argon2_memory_kib=8192 \"$@\"; }}\n{commands}",
        program.display()
    );
    let output =
        Command::new("bash").args(["-c", &script]).current_dir(folder.path()).output().expect("bash");
    let (printed, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{printed}\n{complained}");
    // What is left out holds a password, instants, sizes.
    let told = ["affected", "  applicant", "  school_admin", "complete", "10 applied", "72", "429", "82"];
    let told = printed.lines().filter(|line| told.iter().any(|start| line.starts_with(start)));
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r"
    affected    339 persons at 68 tenants
      applicant               291 persons at 59 tenants
      school_admin             48 persons at 41 tenants
    complete    as far as logs can tell: everybody who was there is on the list
    10 applied, 0 unchanged
    72 tenants read: 72 created; 72 contacts set
    429 rows read: 429 created, 0 changed, 0 as they were, 0 refused
    82 rows read: 82 created, 0 changed, 0 as they were, 0 refused
    ");
}

#[test]
fn manifests_are_those_of_the_examples() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a UTF-8 path");
    let output = suimon(&["example", "manifests", "--out", path]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let written = files(folder.path());
    for (name, content) in &written {
        assert_eq!(content, &std::fs::read(examples.join(name)).expect("an example"), "{name}");
    }
    // A manifest that is added to the examples wants to be written too.
    let on_disk = files(&examples);
    let wanted: BTreeSet<_> = on_disk.keys().filter(|name| name.ends_with(".yaml")).collect();
    assert_eq!(wanted, written.keys().filter(|name| name.ends_with(".yaml")).collect());
}
