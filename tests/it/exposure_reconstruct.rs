//! `suimon exposure reconstruct`: who saw whose page, from files alone.

use std::collections::BTreeSet;
use std::path::Path;

use exposure::simulate::{DEFAULT_SEED, Day, founding_day, founding_day_with_a_regional_cache};

use crate::exposure::{Run, suimon, write_day};

const QUESTION: &[&str] = &[
    "exposure",
    "reconstruct",
    "logs",
    "--from",
    "2023-10-26T11:00:00+09:00",
    "--to",
    "2023-10-26T15:41:00+09:00",
    "--personal",
    "/mypage/**",
    "--personal",
    "/admin/**",
    "--session-cookie",
    "session",
];

fn asked(folder: &Path, more: &[&str]) -> Run {
    suimon(folder, &[QUESTION, more].concat())
}

fn in_csv(text: &str, class: &str) -> BTreeSet<String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.records().map(|row| row.expect("a row"));
    rows.filter(|row| &row[3] == class).map(|row| row[0].to_owned()).collect()
}

fn truth(day: &Day) -> BTreeSet<String> {
    day.truth().exposed.iter().cloned().collect()
}

#[test]
fn who_saw_whose_page_is_told_from_files_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let day = founding_day(DEFAULT_SEED);
    write_day(&day, &folder.path().join("logs"));
    let exact = ["--time-to-live", "1", "--tiers", "1"];
    let told = asked(folder.path(), &[&exact[..], &["--out", "both.json"]].concat());
    assert_eq!(told.code, 0, "{}", told.stderr);
    insta::assert_snapshot!(told.stdout);

    let csv = asked(folder.path(), &[&exact[..], &["--format", "csv"]].concat()).stdout;
    assert_eq!(in_csv(&csv, "confirmed"), truth(&day));
    let json = asked(folder.path(), &[&exact[..], &["--format", "json"]].concat()).stdout;
    let printed: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let written = std::fs::read(folder.path().join("both.json")).expect("the file");
    let written: serde_json::Value = serde_json::from_slice(&written).expect("JSON");
    assert_eq!(printed, written);
    assert_eq!(
        printed["window"]["people"].as_array().map(Vec::len),
        printed["reconstruction"]["people"].as_array().map(Vec::len)
    );

    // Who knows nothing of the cache is told no more than the logs show.
    let careful = asked(folder.path(), &["--format", "csv"]).stdout;
    let (confirmed, possible) = (in_csv(&careful, "confirmed"), in_csv(&careful, "possible"));
    assert!(truth(&day).iter().all(|person| confirmed.contains(person) || possible.contains(person)));
    assert!(confirmed.is_subset(&truth(&day)));
}

#[test]
fn a_miss_that_a_regional_cache_answered_hides_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let day = founding_day_with_a_regional_cache(DEFAULT_SEED);
    write_day(&day, &folder.path().join("logs"));
    let csv = asked(folder.path(), &["--time-to-live", "1", "--tiers", "2", "--format", "csv"]).stdout;
    let (confirmed, possible) = (in_csv(&csv, "confirmed"), in_csv(&csv, "possible"));
    let truth = truth(&day);
    assert!(confirmed.is_subset(&truth), "{:?}", confirmed.difference(&truth));
    assert!(truth.iter().all(|person| confirmed.contains(person) || possible.contains(person)));
    assert!(confirmed.len() * 10 > truth.len() * 9, "{} of {}", confirmed.len(), truth.len());
}

#[test]
fn what_cannot_be_is_told_before_a_file_is_read_and_missing_logs_are_not_silent() {
    let folder = tempfile::tempdir().expect("a folder");
    let wrong = asked(folder.path(), &["--tiers", "4"]);
    assert_eq!(wrong.code, 2);
    insta::assert_snapshot!(wrong.stderr, @"suimon: `tiers` is 4; give 1 for an edge alone, 2 with a regional cache or a shield, 3 with both");
    let day = founding_day(DEFAULT_SEED);
    write_day(&day, &folder.path().join("logs"));
    std::fs::remove_dir_all(folder.path().join("logs/origin")).expect("removed");
    let told = asked(folder.path(), &["--time-to-live", "1"]);
    assert_eq!(told.code, 3);
    for said in ["gap         origin: no log", "would help  an origin log with the edge's id", "INCOMPLETE"] {
        assert!(told.stdout.contains(said), "{said}: {}", told.stdout);
    }
    // Files of an hour never came. Some lines of it came with others, and some of other hours went with these.
    let folder = tempfile::tempdir().expect("a folder");
    write_day(&day, &folder.path().join("logs"));
    let hours = std::fs::read_dir(folder.path().join("logs/edge")).expect("the edge's");
    let mut removed = 0;
    for file in hours.map(|file| file.expect("a file").path()) {
        if file.to_string_lossy().contains("2023-10-26-04") {
            std::fs::remove_file(file).expect("removed");
            removed += 1;
        }
    }
    assert!(removed > 0, "no file of the hour");
    let told = asked(folder.path(), &["--time-to-live", "1", "--tiers", "1", "--format", "csv"]);
    assert_eq!(told.code, 3);
    let left_out = &in_csv(&told.stdout, "excluded") | &in_csv(&told.stdout, "self_only");
    let json = asked(folder.path(), &["--time-to-live", "1", "--tiers", "1", "--format", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let unseen =
        json["reconstruction"]["residual"]["expected_unseen_thousandths"].as_u64().expect("a number");
    let wrongly = (&truth(&day) & &left_out).len() as u64;
    assert!(wrongly * 1_000 <= unseen && unseen < 20_000, "{wrongly} of {unseen}");
    assert_eq!(json["reconstruction"]["thin_hours"][0]["from"], "2023-10-26T04:00:00Z");
    assert!(!in_csv(&told.stdout, "indeterminate").is_empty());
}

/// What an officer opens, prints and hands on: nothing is loaded from elsewhere, and no name of a log becomes a part of the page.
#[test]
fn a_result_is_a_page_in_both_languages_and_a_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let day = founding_day(DEFAULT_SEED);
    write_day(&day, &folder.path().join("logs"));
    let hostile = r#"{"time":"2023-10-26T02:30:00Z","event":"login","person":"=1+1<script>alert(1)</script>","kind":"applicant","session":"x1"}"#;
    std::fs::write(folder.path().join("logs/hostile & <b>.jsonl"), format!("{hostile}\n")).expect("written");
    let exact = ["--time-to-live", "1", "--tiers", "1"];
    let page = |more: &[&str]| {
        let told = asked(folder.path(), &[&exact[..], &["--format", "html"], more].concat());
        assert_eq!(told.code, 0, "{}", told.stderr);
        told.stdout
    };
    let (english, japanese) = (page(&[]), page(&["--lang", "ja"]));
    for (page, lang) in [(&english, "en"), (&japanese, "ja")] {
        assert!(page.contains(&format!("<html lang=\"{lang}\">")));
        assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
        assert!(page.contains("hostile &amp; &lt;b&gt;.jsonl"), "the name of a log is text");
        for person in &truth(&day) {
            assert!(page.contains(person.as_str()), "{person} is not there");
        }
    }
    let statement = |page: &str, from: &str| {
        let begin = page.find(from).unwrap_or_else(|| panic!("no statement in {page}"));
        page[begin..].split("</p>").next().unwrap_or_default().to_owned()
    };
    insta::assert_snapshot!(statement(&english, "<h2>What the logs show</h2>"));
    insta::assert_snapshot!(statement(&japanese, "<h2>ログから言えること</h2>"));

    let window = |format: &str, more: &[&str]| {
        let question = [&["exposure", "scan"], &QUESTION[2..], &["--format", format], more].concat();
        suimon(folder.path(), &question)
    };
    let table = window("csv", &[]).stdout;
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let head = reader.headers().expect("a head").clone();
    assert_eq!(
        head.iter().collect::<Vec<_>>().join(","),
        "person,kind,tenant,class,requests,logins,first,last,routes,lines"
    );
    let listed: BTreeSet<String> = reader.records().map(|row| row.expect("a row")[0].to_owned()).collect();
    assert!(truth(&day).is_subset(&listed));
    // No program of tables takes it for a formula.
    assert!(listed.contains("'=1+1<script>alert(1)</script>"), "{listed:?}");
    let page = window("html", &["--lang", "ja", "--zone", "UTC"]).stdout;
    assert!(page.contains("<html lang=\"ja\">") && !page.contains("<script"));
    let wrong = window("html", &["--zone", "Tokyo"]);
    assert!(
        wrong.code == 2 && wrong.stderr.contains("is no time zone; write it as Asia/Tokyo or UTC"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn a_history_says_how_long_answers_lived_and_when() {
    let folder = tempfile::tempdir().expect("a folder");
    let day = founding_day(DEFAULT_SEED);
    write_day(&day, &folder.path().join("logs"));
    let asked_for = |more: &[&str]| {
        let facts = ["--time-to-live", "600", "--tiers", "1", "--lengths-tell-nothing", "--format", "json"];
        let told = asked(folder.path(), &[&facts[..], more].concat());
        let both = serde_json::from_str(&told.stdout).unwrap_or_else(|_| panic!("{}", told.stderr));
        let both: serde_json::Value = both;
        both["reconstruction"].clone()
    };
    let history = r#"[{"at": "2023-10-26T11:10:00+09:00", "spreads_seconds": 60, "time_to_live_seconds": 1, "purged": true}]"#;
    std::fs::write(folder.path().join("changes.json"), history).expect("written");
    let (without, with) = (asked_for(&[]), asked_for(&["--history", "changes.json"]));
    let class = |found: &serde_json::Value, class: &str| -> BTreeSet<String> {
        let people = found["people"].as_array().expect("people").iter();
        let of_class = people.filter(|person| person["exposure"] == class);
        of_class.map(|person| person["person"].as_str().expect("an id").to_owned()).collect()
    };
    assert!(class(&with, "excluded").len() > class(&without, "excluded").len());
    assert!(class(&with, "excluded").is_disjoint(&truth(&day)));
    assert!(class(&with, "confirmed").is_subset(&truth(&day)));
    assert!(with["assumptions"].as_array().expect("a list").contains(&"history".into()));
    assert_eq!(with["cache"]["history"][0]["time_to_live_seconds"], 1);
    let wrong = |text: &str| {
        std::fs::write(folder.path().join("wrong.json"), text).expect("written");
        let told = asked(folder.path(), &["--history", "wrong.json"]);
        assert_eq!(told.code, 2);
        told.stderr
    };
    let at = "2023-10-26T13:00:00+09:00";
    let texts =
        [format!(r#"[{{"at": "{at}", "purge": true}}]"#), format!(r#"[{{"at": "{at}"}}]"#), "[]x".to_owned()];
    insta::assert_snapshot!(texts.map(|text| wrong(&text)).concat());
}
