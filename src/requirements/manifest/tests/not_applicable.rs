//! Items of catalogues that do not apply to a system.

use super::*;
use crate::requirements::manifest::{CatalogueRef, Manifest, diff};

/// The system with such statements, each in a line of its own from line 10 on.
fn stating(items: &[&str]) -> String {
    let items: String = items.iter().map(|item| format!("    - {item}\n")).collect();
    with(SYSTEM, "channels: [web]\n", &format!("channels: [web]\n  notApplicable:\n{items}"))
}

fn item(reference: &str) -> String {
    format!("{{ ref: \"{reference}\", reason: {{ ja: 使わない, en: Not used }} }}")
}

fn told(items: &[&str]) -> Vec<String> {
    problems(&[("s.yaml", &stating(items))])
}

#[test]
fn items_and_groups_are_read_and_stay_as_they_are() {
    let stated = [
        "asvs@5.0.0:17",
        "asvs@5.0.0:10.4.1",
        "asvs@5.0.0:9.1",
        "ipa-nfrg@2018:F.4",
        "ipa-nfrg@2018:D",
        // Its own items are not all known, and none of the last one's.
        "owasp-secreq-ja@4.0:7.99.1",
        "nist-pf@1.0:CT.DM",
    ];
    let items: Vec<String> = stated.iter().map(|reference| item(reference)).collect();
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    let set = parse(&[("s.yaml", &stating(&items))]).unwrap();
    let manifest = set.iter().next().unwrap();
    assert_eq!(Manifest::from_json(&manifest.to_json()).unwrap(), *manifest);
    let spec = set.system("shop").unwrap();
    let read: Vec<String> = spec.not_applicable.iter().map(|one| one.reference.to_string()).collect();
    assert_eq!(read, stated);
    let covers = |at: usize, item: &str| {
        spec.not_applicable[at].reference.covers(&CatalogueRef::try_from(item.to_owned()).unwrap())
    };
    assert!(
        covers(0, "asvs@5.0.0:17.1.1") && !covers(0, "asvs@5.0.0:1.7.1") && !covers(0, "asvs@4.0.3:17.1.1")
    );
    assert!(covers(1, "asvs@5.0.0:10.4.1") && !covers(1, "asvs@5.0.0:10.4.10"));
    // A catalogue may list one item under two numbers.
    let twice = item("ipa-nfrg@2018:C.1.1.1");
    let set = parse(&[("s.yaml", &stating(&[&twice]))]).unwrap();
    let part = &set.system("shop").unwrap().not_applicable[0].reference;
    assert!(part.covers(&CatalogueRef::try_from("ipa-nfrg@2018:A.1.1.1".to_owned()).unwrap()));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let long = "x".repeat(4001);
    let long = format!("{{ ref: \"asvs@5.0.0:17\", reason: {{ ja: {long}, en: Not used }} }}");
    let items = [
        &item("asvs@5.0.0:10.99.1")[..],
        &item("asvs@5.0.0:99"),
        &item("asvs@4.0.3:8.3.1"),
        &item("asvs@5.0.0:V10.1.1"),
        &item("other@1:2"),
        &item("asvs"),
        "{ ref: \"asvs@5.0.0:17\" }",
        "{ ref: \"asvs@5.0.0:17\", reason: \"\" }",
        &long,
        "{ ref: \"asvs@5.0.0:17\", reason: { ja: 使わない, en: Not used }, approvedBy: security }",
    ];
    insta::assert_snapshot!(told(&items).join("\n"));
    let many: Vec<String> = (0..501).map(|_| item("asvs@5.0.0:17")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    insta::assert_snapshot!(told(&many).join("\n"));
}

#[test]
fn nothing_is_stated_twice() {
    let items = [
        "asvs@5.0.0:17",
        "asvs@5.0.0:10.4.1",
        "asvs@5.0.0:17",
        "asvs@5.0.0:10",
        "asvs@5.0.0:17.1.1",
        "ipa-nfrg@2018:F.4",
    ]
    .map(item);
    insta::assert_snapshot!(told(&items.each_ref().map(String::as_str)).join("\n"));
}

#[test]
fn what_a_requirement_cites_applies() {
    let cites = "obligation: MUST\n  catalogue: [{ ref: \"asvs@5.0.0:14.3.2\" }, { ref: \"ipa-nfrg@2018:A.1.1.1\", relation: derived_from }]";
    let citing = with(REQUIREMENT, "obligation: MUST", cites);
    let (chapter, alias) = (item("asvs@5.0.0:14"), item("ipa-nfrg@2018:C.1.1.1"));
    let system = stating(&[&chapter, &alias]);
    insta::assert_snapshot!(problems(&[("r.yaml", &citing), ("s.yaml", &system)]).join("\n"));
    // The requirement is stored, and the system changes.
    let stored = parse(&[("r.yaml", &citing), ("s.yaml", SYSTEM)]).unwrap();
    let refused = super::super::parse_files_against([("s.yaml", &*system)], &stored).unwrap_err();
    insta::assert_snapshot!(refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    let other = item("asvs@5.0.0:17");
    assert_eq!(parse(&[("r.yaml", &citing), ("s.yaml", &stating(&[&other]))]).map(|set| set.len()), Ok(2));
}

#[test]
fn a_plan_names_each_item() {
    let json = |items: &[&str]| {
        let items: Vec<String> = items.iter().map(|reference| item(reference)).collect();
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        let text = if items.is_empty() { SYSTEM.to_owned() } else { stating(&items) };
        parse(&[("s.yaml", &text)]).unwrap().iter().next().unwrap().to_json()
    };
    let shown = |old: &[&str], new: &[&str]| {
        diff(&json(old), &json(new)).iter().map(|change| format!("{change}\n")).collect::<String>()
    };
    insta::assert_snapshot!(
        [
            shown(&[], &["asvs@5.0.0:17", "ipa-nfrg@2018:F.4"]),
            shown(&["asvs@5.0.0:17", "ipa-nfrg@2018:F.4"], &["ipa-nfrg@2018:F.4"]),
            shown(&["asvs@5.0.0:17"], &[]),
        ]
        .join("\n")
    );
}
