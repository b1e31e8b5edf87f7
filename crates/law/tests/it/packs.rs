//! Rule packs: what is refused, and where the message points.

use law::{Grade, Packs, SHIPPED, Status};
use proptest::prelude::*;

use super::shipped;

const GOOD: &str = "
kind: RulePack
id: t
jurisdiction: JP
title: T
short: T
zone: Asia/Tokyo
sources: {s: {title: S, verification: verified}}
scope: {fact: scope.jurisdictions, contains_any: [JP]}
definitions:
  many: {fact: counts.principals_total, more_than: 1000}
  big: {use: many}
versions:
  - id: v1
    title: V
    status: in_force
    effective: {from: 2020-01-01}
    checked: 2026-01-01
    temporal_basis: [timeline.became_aware_at]
    source: s
    duties:
      - {id: r, recipient: regulator, to: R, label: L, clause: C, when: {use: big}}
      - {id: p, recipient: persons, to: P, label: L, clause: C, when: {use: big}}
";

fn faults(text: &str) -> Vec<String> {
    match Packs::load([("t.yaml", text)]) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

fn broken(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    faults(&GOOD.replacen(from, to, 1)).join("\n")
}

#[test]
fn the_good_pack_is_good() {
    assert_eq!(faults(GOOD), Vec::<String>::new());
}

#[test]
fn faults_point_at_their_place() {
    let table = [
        ("id: t\n", "id: t\nid: u\n"),
        ("short: T", "short: T\ncolour: red"),
        ("zone: Asia/Tokyo", "zone: Asia/Tokio"),
        ("counts.principals_total", "counts.principal_total"),
        ("more_than: 1000", "more_than: -1"),
        ("more_than: 1000", "contains_any: [x]"),
        ("more_than: 1000", "more_than: 1000, at_least: 3"),
        ("{use: many}", "{use: manny}"),
        ("{use: many}", "{use: big}"),
        ("{use: many}", "{all: []}"),
        ("{use: many}", "{all: [{use: many}], any: [{use: many}]}"),
        ("{use: many}", "{use: many, is: true}"),
        ("in_force", "in_farce"),
        ("2020-01-01", "2020-13-01"),
        ("from: 2020-01-01", "from: 2020-01-01, to: 2019-01-01"),
        ("source: s\n", "source: x\n"),
        ("[timeline.became_aware_at]", "[counts.records]"),
        ("recipient: persons", "recipient: somebody"),
        ("verification: verified", "verification: certain"),
        ("[JP]}", "[]}"),
        ("to: P,", "to: {en: P},"),
        ("title: V", "title: ''"),
        ("kind: RulePack", "kind: Rulebook"),
    ];
    let all: Vec<_> = table.iter().map(|(from, to)| broken(from, to)).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn circles_are_refused_however_long() {
    let text = GOOD.replacen(
        "  big: {use: many}",
        "  big: {any: [{use: many}, {not: {use: c}}]}\n  c: {all: [{use: d}]}\n  d: {use: big}",
        1,
    );
    let faults = faults(&text);
    assert_eq!(
        faults[0],
        "t.yaml:12:8 definitions.big: the definitions use one another in a circle: big → c → d → big"
    );
}

#[test]
fn definitions_that_multiply_are_refused() {
    let mut defs = String::from("  d0: {fact: counts.records, at_least: 1}\n");
    for i in 1..40 {
        defs += &format!("  d{i}: {{any: [{{use: d{}}}, {{use: d{}}}]}}\n", i - 1, i - 1);
    }
    let text = GOOD.replacen("  big: {use: many}\n", &format!("{defs}  big: {{use: d39}}\n"), 1);
    assert!(faults(&text)[0].contains("conditions once written out"), "{:?}", faults(&text));
}

#[test]
fn clocks_say_what_they_need() {
    let with = |deadline: &str| {
        let text =
            GOOD.replacen("when: {use: big}}", &format!("when: {{use: big}}, deadlines: [{deadline}]}}"), 1);
        faults(&text).join("\n")
    };
    let base = "id: x, label: L, clause: C, nature: statute, start: [timeline.became_aware_at]";
    let table = [
        "{amount: 30, unit: day}",
        "{amount: 0, unit: hour}",
        "{amount: 30, unit: day, first_day: include, roll: next_open_day}",
        "{amount: 30, unit: day, first_day: include, roll: next_open_day, calendar: moon}",
        "{amount: 72, unit: hour, roll: next_open_day, calendar: moon}",
        "{amount: 30, unit: fortnight, first_day: include}",
    ];
    let all: Vec<_> = table.iter().map(|c| with(&format!("{{{base}, clocks: [{c}]}}"))).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn versions_may_not_be_in_force_together() {
    let second =
        GOOD.split_once("versions:\n").unwrap().1.replace("v1", "v2").replace("2020-01-01}", "2024-01-01}");
    let text = format!("{GOOD}{second}");
    assert_eq!(faults(&text), ["t.yaml:24:5 versions[1]: in force at the same time as versions[0] (v1)"]);
    assert_eq!(
        faults(&text.replacen("from: 2020-01-01}", "from: 2020-01-01, to: 2023-12-31}", 1)),
        Vec::<String>::new()
    );
}

#[test]
fn the_shipped_packs_list_what_they_are() {
    let packs = shipped();
    let japan = packs.regimes().find(|r| r.id == "jp-appi-26").unwrap();
    let statuses: Vec<_> = japan.versions.iter().map(|v| (v.id, v.status)).collect();
    assert_eq!(
        statuses,
        [
            ("2017-05-30", Status::InForce),
            ("2022-04-01", Status::InForce),
            ("2024-04-01", Status::InForce),
            ("2026-amendment", Status::Enacted)
        ]
    );
    assert_eq!(japan.reviewer, None, "a draft until a lawyer signs it");
    assert_eq!(japan.sources["pseudonymised"].verification, Grade::Secondary);
    let europe = packs.regimes().find(|r| r.id == "eu-gdpr").unwrap();
    assert!(europe.versions.iter().any(|v| v.status == Status::Proposed));
}

proptest! {
    #[test]
    fn no_text_makes_the_loader_panic(text in any::<String>(), lines in proptest::collection::vec("[ a-z_:\\-\\[\\]{},&*0-9\"]{0,30}", 0..12)) {
        let _ = Packs::load([("x", text.as_str())]);
        let _ = Packs::load([("x", lines.join("\n").as_str())]);
        let _ = law::cases::Cases::load([("x", text.as_str())]);
    }

    #[test]
    fn aliases_do_not_multiply_without_bound(width in 2usize..12, depth in 2usize..12) {
        let mut text = String::from("a0: &a0 [x]\n");
        for i in 1..depth {
            text += &format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); width].join(", "));
        }
        prop_assert!(Packs::load([("x", text.as_str())]).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A damaged pack: any byte range of a shipped file replaced by anything.
    #[test]
    fn no_damage_makes_the_loader_panic(file in 0..SHIPPED.len(), from in any::<prop::sample::Index>(), len in 0usize..60, patch in "[ -~\n]{0,20}") {
        let text: Vec<char> = SHIPPED[file].1.chars().collect();
        let from = from.index(text.len());
        let to = (from + len).min(text.len());
        let damaged: String = text[..from].iter().copied().chain(patch.chars()).chain(text[to..].iter().copied()).collect();
        // With the calendars, which packs refer to; the other packs have no part in it.
        let files = SHIPPED
            .iter()
            .enumerate()
            .filter(|(i, (n, _))| *i == file || n.starts_with("calendars/"))
            .map(|(i, (n, t))| (*n, if i == file { damaged.as_str() } else { t }));
        if let Err(faults) = Packs::load(files) {
            prop_assert!(faults.iter().all(|f| f.line > 0 && !f.message.is_empty()));
        }
    }
}
