//! `suimon assess` and `suimon report`, as a pipeline runs them.

use std::path::Path;
use std::process::{Command, Output};

use crate::duties_scene::Scene;

const FACTS: &str = "\
scope.jurisdictions: [JP]
parties.entity_type: private
parties.role: controller
timeline.occurred_from: 2023-10-26T11:00:00+09:00[Asia/Tokyo]
timeline.became_aware_at: 2023-10-26T13:15:00+09:00[Asia/Tokyo]
data.is_personal_data: true
data.being_acquired: false
data.pseudonymised: false
data.categories: [contact, date_of_birth, education]
event.kinds: {value: [viewable_by_others], certainty: suspected}
event.recovered_unread: false
event.duplicate_kept: true
event.intended_provision: false
cause.malicious_purpose: false
cause.indicators: []
risk.property_damage: false
protection.encrypted: none
persons.contact_data_available: true
";

fn suimon(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_suimon"))
        .args(arguments)
        .env_clear()
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).expect("a file");
    path.to_str().expect("a path").to_owned()
}

#[test]
fn facts_alone_are_assessed_without_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "facts.yaml", format!("\u{feff}{FACTS}counts.principals_total: 1001\n"));
    let at = ["assess", "--facts", &file, "--at", "2023-11-09T00:00:00Z"];
    let output = suimon(&at);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    let head: Vec<&str> = told.lines().take(8).collect();
    insta::assert_snapshot!(head.join("\n"), @r#"
    APPI Art. 26 from 2022-04-01 to 2024-03-31 (jp-appi-26@2022-04-01)
      report to the regulator: required
      notice to the persons: required
      entrustor: not required
      Report to the PPC — Preliminary report [Rule 8(1); GL 3-5-3-3]: 2023-10-28..2023-10-30 (guidance)
        start 2023-10-26, 3 days, the day of the start is day 1: 2023-10-28
        start 2023-10-26, 5 days, the day of the start is day 1: 2023-10-30
      Report to the PPC — Final report [Rule 8(2); GL 3-5-3-4]: 2023-11-24 (statute)
    "#);
    assert!(told.contains("Rule 7(iv): number of principals 1001 > 1000 → met"));
    assert!(std::fs::read_dir(folder.path()).unwrap().count() == 1, "nothing was created");

    let japanese = suimon(&[&at[..], &["--lang", "ja"]].concat());
    assert!(text(&japanese.stdout).contains("規則7条4号：本人の数 1001 > 1000 → 該当する"));

    let json = suimon(&[&at[..], &["--format", "json"]].concat());
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let decision =
        json["decisions"].as_array().unwrap().iter().find(|d| d["regime"] == "jp-appi-26").unwrap();
    assert_eq!((&decision["regulator"], &decision["persons"]), (&"MUST".into(), &"MUST".into()));
}

#[test]
fn what_does_not_bind_is_one_line_and_what_is_missing_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "facts.yaml", FACTS);
    let at = ["assess", "--facts", &file, "--at", "2023-11-09T00:00:00Z"];
    let told = text(&suimon(&at).stdout);
    let out: Vec<&str> = told.lines().filter(|line| line.starts_with("out of scope (")).collect();
    assert_eq!(out.len(), 1, "{told}");
    assert!(out[0].contains("eu-gdpr") && !out[0].contains("jp-appi-26"), "{}", out[0]);
    assert!(told.starts_with("APPI Art. 26"), "what binds comes first: {told}");
    let asked = suimon(&[&at[..], &["--questions"]].concat());
    assert_eq!(asked.status.code(), Some(0), "{}", text(&asked.stderr));
    let asked = text(&asked.stdout);
    let first: Vec<&str> =
        asked.lines().skip_while(|line| !line.contains("counts.principals_total")).take(8).collect();
    assert!(first.iter().any(|line| line.contains("jp-appi-26 regulator: required")), "{asked}");
    let json = suimon(&[&at[..], &["--questions", "--format", "json"]].concat());
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let facts: Vec<&str> = json["questions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|question| question["fact"].as_str().unwrap())
        .collect();
    assert!(facts.contains(&"counts.principals_total"), "{facts:?}");

    let packs = suimon(&["packs", "list"]);
    assert_eq!(packs.status.code(), Some(0));
    assert!(
        text(&packs.stdout).lines().any(|line| line.starts_with("JP     jp-appi-26")),
        "{}",
        text(&packs.stdout)
    );
    let packs = suimon(&["packs", "list", "--format", "json"]);
    let packs: serde_json::Value = serde_json::from_slice(&packs.stdout).expect("JSON");
    let japan =
        packs["packs"].as_array().unwrap().iter().find(|pack| pack["regime"] == "jp-appi-26").unwrap();
    assert_eq!((&japan["jurisdiction"], &japan["reviewer"]), (&"JP".into(), &serde_json::Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn duties_are_listed_and_settled_from_the_command_line() {
    let scene = Scene::new().await;
    scene.list(1001, 0, 0).await;
    scene.officer_facts().await;
    scene.assess().await;
    let database = format!("database.url={}", scene.app.database_url());
    let keys = format!("keys.file={}", scene.app.folder().join("kek.key").display());
    let login = scene.officer.login.clone();
    let run = |arguments: &[&str]| suimon(&[arguments, &["--set", &database, "--set", &keys]].concat());
    let listed = run(&["duties", "list", "1", "--as", &login]);
    assert_eq!(listed.status.code(), Some(0), "{}", text(&listed.stderr));
    assert!(
        text(&listed.stdout).contains("open       jp-appi-26 regulator.final: "),
        "{}",
        text(&listed.stdout)
    );
    let settle =
        ["duties", "settle", "1", "--as", &login, "--regime", "jp-appi-26", "--kind", "regulator.final"];
    // The machine's clock is years later.
    let late = run(&[&settle[..], &["--receipt", "PPC 1"]].concat());
    assert_eq!(late.status.code(), Some(2));
    assert!(text(&late.stderr).contains("lateReason: is wanted"), "{}", text(&late.stderr));
    let done = run(&[&settle[..], &["--receipt", "PPC 1", "--at", "2023-11-20T10:00:00+09:00"]].concat());
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(text(&done.stdout).starts_with("done"), "{}", text(&done.stdout));
    let none = run(&[
        "duties",
        "settle",
        "1",
        "--as",
        &login,
        "--regime",
        "jp-appi-26",
        "--kind",
        "x",
        "--reason",
        "y",
    ]);
    assert_eq!(none.status.code(), Some(2));
    let forbidden = run(&["duties", "list", "1", "--as", "admin"]);
    assert_eq!(forbidden.status.code(), Some(2), "{}", text(&forbidden.stdout));
}

#[test]
fn wrong_facts_are_told_all_at_once_with_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = "event.kindz: [leak]\ncounts.principals_total: many\nparties.entity_type: company\n";
    let file = write(folder.path(), "facts.yaml", wrong);
    let output = suimon(&["assess", "--facts", &file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let told = text(&output.stderr).replace(&file, "facts.yaml");
    insta::assert_snapshot!(told.trim_end(), @r#"
    suimon: the facts are wrong:
    facts.yaml:1:14 event.kindz: "event.kindz" is not a fact of the catalogue; did you mean "event.kinds"?
    facts.yaml:2:26 counts.principals_total: expected a whole number from 0, found text
    facts.yaml:3:22 parties.entity_type: expected one of private, jp_art58, national_admin, incorporated_agency, local_gov, local_incorporated_agency, public_agency
    "#);

    for (name, content, expected) in [
        (
            "latin.yaml",
            &b"parties.role: controller\nparties.name: caf\xe9\n"[..],
            "latin.yaml:2: is not UTF-8",
        ),
        ("list.json", b"[1, 2]", "expected a mapping"),
        ("broken.json", b"{\"a\": ", "broken.json:1:"),
        ("twice.json", b"{\"data.medium\": \"paper\", \"data.medium\": \"both\"}", "duplicate"),
    ] {
        let file = write(folder.path(), name, content);
        let output = suimon(&["assess", "--facts", &file]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(text(&output.stderr).contains(expected), "{name}: {}", text(&output.stderr));
    }
    let missing = suimon(&["assess", "--facts", "no-such-file.yaml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("cannot read no-such-file.yaml"));
    assert_eq!(suimon(&["assess"]).status.code(), Some(2), "neither facts nor incident");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_assessed_and_reported_from_the_command_line() {
    let scene = Scene::new().await;
    scene.list(291, 48, 0).await;
    scene.officer_facts().await;
    let database = format!("database.url={}", scene.app.database_url());
    let keys = format!("keys.file={}", scene.app.folder().join("kek.key").display());
    let login = scene.officer.login.clone();
    let run = |arguments: &[&str]| suimon(&[arguments, &["--set", &database, "--set", &keys]].concat());
    let assessed = run(&["assess", "--incident", "1", "--as", &login]);
    assert_eq!(assessed.status.code(), Some(0), "{}", text(&assessed.stderr));
    assert!(text(&assessed.stdout).contains("report to the regulator: not required"));

    let file = scene.app.folder().join("report.html");
    let out = file.to_str().unwrap();
    let arguments = ["report", "1", "--as", &login, "--lang", "en", "--format", "html", "--out", out];
    let written = run(&arguments);
    assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
    assert!(std::fs::read_to_string(&file).unwrap().contains("Assessment no. 1"));
    let again = run(&arguments);
    assert_eq!(again.status.code(), Some(2), "an existing file is not overwritten");

    let unknown = run(&["report", "7", "--as", &login]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).trim_end().ends_with("suimon: incident not found"));
    let forbidden = run(&["assess", "--incident", "1", "--as", "admin"]);
    assert_eq!(forbidden.status.code(), Some(2));
    assert!(
        text(&forbidden.stderr).contains("not allowed: create on assessment"),
        "{}",
        text(&forbidden.stderr)
    );
}

/// The record of these tests as one line of JSON.
fn line(persons: u32) -> String {
    let yaml = format!("{FACTS}counts.principals_total: {persons}\n");
    let facts = law::Facts::from_yaml("facts.yaml", &yaml).expect("facts");
    serde_json::to_string(&facts).expect("JSON")
}

#[test]
fn many_records_are_answered_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let lines = format!("\u{feff}{}\n\n{}\r\n{{}}", line(1000), line(1001));
    let file = write(folder.path(), "records.ndjson", lines);
    let output = suimon(&["assess", "--each", &file, "--at", "2023-11-09T00:00:00Z"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    let answers: Vec<serde_json::Value> =
        told.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let japan = |answer: usize| &answers[answer]["laws"][0];
    assert_eq!(
        answers.iter().map(|answer| answer["line"].as_u64()).collect::<Vec<_>>(),
        [Some(1), Some(3), Some(4)]
    );
    assert_eq!((&japan(0)["regime"], &japan(0)["regulator"]), (&"jp-appi-26".into(), &"NOT_REQUIRED".into()));
    assert_eq!(japan(1)["regulator"], "MUST");
    insta::assert_json_snapshot!(japan(1)["duties"][0], @r#"
    {
      "ends": {
        "final": "2023-11-24T15:00:00Z",
        "preliminary": "2023-10-30T15:00:00Z"
      },
      "id": "regulator",
      "outcome": "MUST",
      "recipient": "regulator"
    }
    "#);
    // Nothing is known of the last one: every law may bind.
    assert!(answers[2]["laws"].as_array().unwrap().len() > 20);
}

#[test]
fn a_wrong_line_is_told_with_its_number_after_the_answers_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let file =
        write(folder.path(), "records.ndjson", format!("{}\n{{\"no.such.fact\": 1}}\n{{}}\n", line(1)));
    let output = suimon(&["assess", "--each", &file, "--at", "2023-11-09T00:00:00Z"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout).lines().count(), 1);
    let told = text(&output.stderr);
    assert!(told.contains("records.ndjson:2") && told.contains("no.such.fact"), "{told}");
    let output = suimon(&["assess", "--each", &file, "--at", "2023-10-01T00:00:00Z"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(text(&output.stderr).contains("records.ndjson:1: lie after the instant of the evaluation"));
    for with in [["--facts", "f"], ["--incident", "1"], ["--format", "json"]] {
        let output = suimon(&["assess", "--each", &file, with[0], with[1]]);
        assert_eq!(output.status.code(), Some(2), "{with:?}");
    }
}
