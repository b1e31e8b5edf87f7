//! Lints: one small broken pack for each kind, and the shipped packs without an error.

use jiff::civil::{Date, date};
use law::{
    Lang, Lint, Packs, SHIPPED, SHIPPED_CASES,
    cases::Cases,
    lint::{Places, Severity, lint},
};

use super::shipped;

/// A pack in which there is nothing to find but that it has no end.
const GOOD: &str = r#"
kind: RulePack
id: t
jurisdiction: JP
title: T
short: T
zone: Asia/Tokyo
sources: {s: {title: S, verification: verified, url: "https://example.org"}}
scope: {fact: scope.jurisdictions, contains_any: [JP], source: s}
definitions:
  many: {fact: counts.principals_total, more_than: 1000}
versions:
  - id: v1
    title: V
    status: in_force
    effective: {from: 2020-01-01}
    checked: 2026-01-01
    temporal_basis: [timeline.became_aware_at]
    source: s
    duties:
      - {id: r, recipient: regulator, to: R, label: L, clause: C, when: {use: many}, deadlines: []}
      - {id: p, recipient: persons, to: P, label: L, clause: C, when: {use: many}}
"#;

const CASES: &str = "
kind: Cases
evaluated_at: 2026-01-02T00:00:00Z
bases:
  plain: {scope.jurisdictions: [JP], timeline.became_aware_at: \"2025-06-02[Asia/Tokyo]\"}
cases:
  - {id: A, title: A, trust: A, decided_by: A, base: plain, facts: {counts.principals_total: 1000}, expect: [{regime: t, regulator: NOT_REQUIRED, persons: NOT_REQUIRED}]}
  - {id: B, title: B, trust: A, decided_by: A, base: plain, facts: {counts.principals_total: 1001}, expect: [{regime: t, regulator: MUST, persons: MUST}]}
";

const TODAY: Date = date(2026, 6, 1);

/// The findings of a pack with their places.
fn found(pack: &str, cases: Option<&str>) -> String {
    let packs = Packs::load([("t.yaml", pack)]).unwrap_or_else(|e| panic!("{e:#?}"));
    let cases = cases.map(|text| Cases::load([("cases.yaml", text)]).unwrap_or_else(|e| panic!("{e:#?}")));
    let places = Places::new([("t.yaml", pack)]);
    let show = |l: &Lint| {
        let (file, line, column) = places.of(l).expect("the file is there");
        let kind = serde_json::to_value(l.kind).unwrap();
        let severity = serde_json::to_value(l.severity).unwrap();
        let words = [kind.as_str().unwrap(), severity.as_str().unwrap()].join(" ");
        format!("{file}:{line}:{column} {}: {words}: {}", l.place, l.text.get(Lang::En))
    };
    let all = lint(&packs, cases.as_ref(), Some(TODAY));
    assert!(all.iter().all(|l| l.text.en != l.text.ja), "in both languages");
    // That it has no end is known.
    let told: Vec<_> = all.iter().map(show).filter(|l| !l.contains(" open_end ")).collect();
    told.join("\n")
}

fn broken(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    found(&GOOD.replacen(from, to, 1), None)
}

/// The good pack with another `when` and more for its first duty.
fn duty(with: &str) -> String {
    broken("when: {use: many}, deadlines: []}", with)
}

#[test]
fn a_good_pack_has_nothing_but_its_open_end() {
    assert_eq!(found(GOOD, Some(CASES)), "");
    let packs = Packs::load([("t.yaml", GOOD)]).unwrap();
    let all = lint(&packs, None, None);
    assert_eq!(
        all.iter().map(|l| l.text.en.as_ref()).collect::<Vec<_>>(),
        ["in force without an end: say assured_to once a day is known up to which that is certain"]
    );
}

#[test]
fn time() {
    let second = |effective: &str| {
        let version = GOOD.split_once("versions:\n").unwrap().1.replace("v1", "v2");
        format!("{GOOD}{}", version.replacen("effective: {from: 2020-01-01}", effective, 1))
    };
    let first = |text: &str, to: &str| text.replacen("effective: {from: 2020-01-01}", to, 1);
    let gap =
        first(&second("effective: {from: 2024-01-01}"), "effective: {from: 2020-01-01, to: 2023-12-30}");
    let known = first(
        &second("effective: {from: 2020-01-01}\n    known: {from: 2025-03-01}"),
        "effective: {from: 2020-01-01}\n    known: {to: 2025-02-14}",
    );
    let all = [
        found(&gap, None),
        found(&known, None),
        broken("{from: 2020-01-01}", "{from: 2020-01-01, to: 2025-12-31}"),
        broken("{from: 2020-01-01}", "{from: 2020-01-01, assured_to: 2026-03-31}"),
        broken("checked: 2026-01-01", "checked: 2025-05-31"),
        found(
            &second("effective: {from: 2026-06-01}").replace(
                "id: v2\n    title: V\n    status: in_force",
                "id: v2\n    title: V\n    status: enacted",
            ),
            None,
        ),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    t.yaml:16:16 versions[0].effective: gap_in_time warning: no version binds from 2023-12-31 until 2024-01-01
    t.yaml:17:12 versions[0].known: gap_in_knowledge warning: for an evaluation from 2025-02-15 until 2025-03-01 neither this version nor "v2" is known
    t.yaml:16:16 versions[0].effective: ended_without_successor warning: ended on 2025-12-31, and no version follows: every event since goes to a person
    t.yaml:16:16 versions[0].effective: ended_without_successor warning: ended on 2026-03-31, and no version follows: every event since goes to a person
    t.yaml:17:14 versions[0].checked: stale_check warning: last compared with the law on 2025-05-31, more than a year ago
    t.yaml:25:13 versions[1].status: still_pending warning: enacted, and its first day 2026-06-01 has come: is it in force?
    "#);
}

#[test]
fn what_can_never_be() {
    let all = [
        duty(
            "when: {all: [{use: many}, {fact: counts.principals_total, more_than: 500}, {not: {fact: counts.principals_total, at_least: 600}}]}}",
        ),
        duty(
            "when: {all: [{fact: parties.role, is: controller}, {any: [{fact: parties.role, is: processor}, {fact: data.categories, contains_any: [ordinary]}]}, {not: {fact: data.categories, contains_any: [ordinary]}}]}}",
        ),
        duty(
            "when: {use: many}, exclusions: [{effect: exempt, when: {fact: counts.principals_total, at_least: 900}}]}",
        ),
        duty(
            "when: {use: many}, exclusions: [{effect: exempt, when: {not: {fact: counts.principals_total, at_least: 900}}}]}",
        ),
        duty(
            "when: {use: many}, review: [{text: T, when: {not: {fact: scope.jurisdictions, contains_any: [JP, US]}}}]}",
        ),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    t.yaml:21:73 versions[0].duties[0].when: unreachable_duty note: no facts meet this trigger: the duty is never due
    t.yaml:21:73 versions[0].duties[0].when: unreachable_duty note: no facts meet this trigger: the duty is never due
    t.yaml:21:122 versions[0].duties[0].exclusions[0].when: exclusion_always_holds error: holds whenever the trigger is met: the duty is never due
    t.yaml:21:122 versions[0].duties[0].exclusions[0].when: exclusion_never_holds warning: never holds when the trigger is met
    t.yaml:21:111 versions[0].duties[0].review[0].when: review_never_met note: no facts meet this condition: it calls a person only while facts are missing
    "#);
}

#[test]
fn what_is_possible_is_not_told() {
    let all = [
        duty("when: {all: [{use: many}, {not: {fact: counts.principals_total, at_least: 1002}}]}}"),
        duty(
            "when: {all: [{use: many}, {any: [{fact: parties.role, is: controller}, {fact: parties.role, is: processor}]}]}}",
        ),
        duty(
            "when: {use: many}, exclusions: [{effect: exempt, when: {fact: counts.principals_total, at_least: 1002}}]}",
        ),
    ];
    assert_eq!(all, ["", "", ""]);
}

#[test]
fn deadlines() {
    let with = |rest: &str| {
        duty(&format!(
            "when: {{use: many}}, deadlines: [{{id: x, label: L, clause: C, start: [timeline.became_aware_at], {rest}}}]}}"
        ))
    };
    let few = "{not: {fact: counts.principals_total, more_than: 5}}";
    let all = [
        with("nature: statute"),
        with(&format!("nature: statute, when: {few}")),
        with(&format!(
            "nature: statute, clocks: [{{amount: 1, unit: hour}}, {{amount: 2, unit: hour, when: {few}}}]"
        )),
        with(
            "nature: statute, clocks: [{amount: 9, unit: hour}, {amount: 2, unit: hour, when: {fact: counts.principals_total, more_than: 1000}}]",
        ),
        with("nature: statute, clocks: [{amount: 9, unit: hour, when: {fact: parties.role, is: processor}}]"),
        with("nature: open_textured"),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    t.yaml:21:98 versions[0].duties[0].deadlines[0]: deadline_without_clock warning: has no period, though it is neither open-textured nor guidance
    t.yaml:21:185 versions[0].duties[0].deadlines[0].when: unreachable_deadline warning: this deadline never exists: its condition excludes the duty's trigger
    t.yaml:21:213 versions[0].duties[0].deadlines[0].clocks[1]: unreachable_clock warning: no facts make this period apply
    t.yaml:21:213 versions[0].duties[0].deadlines[0].clocks[1]: unreachable_clock warning: never decides: a period without a condition always goes further
    t.yaml:21:187 versions[0].duties[0].deadlines[0].clocks: no_clock_applies note: there are facts under which none of the periods applies; then a person has to say
    "#);
}

#[test]
fn sources_definitions_and_texts() {
    let all = [
        broken(
            "  many:",
            "  idle: {all: [{use: deep}]}\n  deep: {fact: data.large_scale, is: true}\n  many:",
        ),
        broken("sources: {", "sources: {t: {title: T, verification: memory}, "),
        broken(", url: \"https://example.org\"", ""),
        broken(", source: s}\ndefinitions", "}\ndefinitions"),
        broken("title: V", "title: Règlement"),
        broken("title: V", "title: {en: 版, ja: 版一}"),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    t.yaml:12:9 definitions.deep: unused_definition warning: nothing uses the definition "deep"
    t.yaml:11:9 definitions.idle: unused_definition warning: nothing uses the definition "idle"
    t.yaml:8:14 sources.t: unused_source warning: nothing rests on the source "t"
    t.yaml:8:14 sources.t: source_without_url note: the source "t" has no url
    t.yaml:8:14 sources.s: source_without_url warning: the source "s" has no url
    t.yaml:9:8 scope: rule_without_source warning: rests on no source, so its grade says nothing; name one
    t.yaml:14:12 versions[0].title: untranslated warning: the same text in both languages
    t.yaml:14:12 versions[0].title: untranslated warning: Japanese in the English text
    "#);
}

#[test]
fn cases() {
    let also = GOOD.replacen(
        "{fact: counts.principals_total, more_than: 1000}",
        "{any: [{fact: counts.principals_total, more_than: 1000}, {fact: data.large_scale, is: true}]}",
        1,
    );
    let all = [
        found(GOOD, Some(&CASES.replace("regime: t,", "regime: u,"))),
        found(GOOD, Some(&CASES.replace("1000}", "999}").replace("1001}", "{range: {min: 1001}}}"))),
        found(&also, Some(CASES)),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    t.yaml:3:5 id: no_cases error: no case asks this pack anything
    t.yaml:21:73 versions[0].duties[0].when: threshold_not_tried warning: no case has counts.principals_total = 1000 or 1001
    t.yaml:21:73 versions[0].duties[0].when: fact_never_set note: no case sets data.large_scale
    "#);
}

/// Warnings are for their authors; an error is a fault of the pack.
#[test]
fn the_shipped_packs_have_no_errors() {
    let cases = Cases::load(SHIPPED_CASES.iter().copied()).unwrap();
    let lints = lint(&shipped(), Some(&cases), None);
    let errors: Vec<_> = lints.iter().filter(|l| l.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let places = Places::new(SHIPPED.iter().copied());
    for l in &lints {
        assert!(places.of(l).is_some_and(|(_, line, _)| line > 1), "{l:?}");
    }
}
