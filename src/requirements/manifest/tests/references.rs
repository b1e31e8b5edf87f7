//! References between manifests, within a set and to what is stored.

use super::*;
use crate::requirements::manifest::parse_files_against;

fn named(name: &str, extra: &str) -> String {
    format!("{}  {extra}\n", with(REQUIREMENT, "NFR-1", name))
}

#[test]
fn a_dangling_reference_suggests_the_nearest_name() {
    assert_eq!(
        requirement_problems("system: shop", "system: shp"),
        ["r.yaml:5:11: spec.system: there is no system `shp`; did you mean `shop`?"]
    );
    let (one, two) =
        (named("NFR-CACHE-001", "derivedFrom: [NFR-CACHE-01]"), named("NFR-2", "dependsOn: [BASE]"));
    assert_eq!(
        problems(&[("one.yaml", &one), ("two.yaml", &two), ("s.yaml", SYSTEM)]),
        [
            "one.yaml:12:17: spec.derivedFrom[0]: there is no requirement `NFR-CACHE-01`; \
             did you mean `NFR-CACHE-001`?",
            "two.yaml:12:15: spec.dependsOn[0]: there is no requirement `BASE`; \
             add a manifest of kind Requirement with this name, or correct the reference",
        ]
    );
}

#[test]
fn a_cyclic_reference_is_shown_as_a_path() {
    let a = named("A", "derivedFrom: [B]");
    let b = named("B", "dependsOn: [C]");
    let c = named("C", "derivedFrom: [A]");
    assert_eq!(
        problems(&[("c.yaml", &c), ("b.yaml", &b), ("a.yaml", &a), ("s.yaml", SYSTEM)]),
        [
            "a.yaml:12:17: spec.derivedFrom[0]: cyclic reference: `A` → `B` → `C` → `A`; remove one of these references"
        ]
    );
    let own = named("A", "dependsOn: [A]");
    assert_eq!(
        problems(&[("a.yaml", &own), ("s.yaml", SYSTEM)]),
        ["a.yaml:12:15: spec.dependsOn[0]: cyclic reference: `A` → `A`; remove one of these references"]
    );
}

#[test]
fn a_diamond_is_no_cycle() {
    let files = [
        named("A", "dependsOn: [B, C]"),
        named("B", "dependsOn: [D]"),
        named("C", "dependsOn: [D]"),
        named("D", "owner: x"),
    ];
    let all = files.join("---\n");
    assert_eq!(parse(&[("all.yaml", &all), ("s.yaml", SYSTEM)]).unwrap().len(), 5);
}

#[test]
fn a_name_is_stated_once_in_all_files() {
    assert_eq!(
        problems(&[("a.yaml", REQUIREMENT), ("b.yaml", REQUIREMENT), ("s.yaml", SYSTEM)]),
        ["b.yaml:3:19: metadata.name: Requirement `NFR-1` is stated twice, first at a.yaml:3:19; \
             rename or remove one of them"]
    );
}

#[test]
fn a_broken_manifest_does_not_make_references_dangle() {
    let system = with(SYSTEM, "category: contact", "category: contract");
    let base = named("BASE", "owner: 7");
    let text = named("NFR-2", "dependsOn: [BASE]");
    assert_eq!(
        problems(&[("base.yaml", &base), ("r.yaml", &text), ("s.yaml", &system)]),
        [
            "base.yaml:12:10: spec.owner: expected a text, found a number; put it in quotes",
            "s.yaml:18:21: spec.recordTypes[0].fields[0].category: `contract` is not a category; \
             did you mean `contact`?",
        ]
    );
}

#[test]
fn references_may_lead_to_stored_manifests() {
    let stored = parse(&[("r.yaml", REQUIREMENT), ("s.yaml", SYSTEM)]).unwrap();
    let next = named("NFR-2", "dependsOn: [NFR-1]");
    assert!(parse(&[("n.yaml", &next)]).is_err());
    let set = parse_files_against([("n.yaml", next.as_bytes())], &stored).unwrap();
    assert_eq!(set.len(), 1, "the stored manifests are not part of the new set");

    let back = named("NFR-1", "dependsOn: [NFR-2]");
    let mut stored: Vec<_> = stored.iter().cloned().collect();
    stored.extend(set.iter().cloned());
    let stored = ManifestSet::of_stored(stored);
    let problems = parse_files_against([("back.yaml", back.as_bytes())], &stored).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "back.yaml:12:15: spec.dependsOn[0]: cyclic reference: `NFR-1` → `NFR-2` → `NFR-1`; \
         remove one of these references"
    );
}

#[test]
fn a_new_system_keeps_what_stored_requirements_need() {
    let on_route = with(REQUIREMENT, "routes:personal", "route:account");
    let stored = parse(&[("r.yaml", &on_route), ("s.yaml", SYSTEM)]).unwrap();
    let renamed = with(SYSTEM, "name: account,", "name: member,");
    let problems = parse_files_against([("s.yaml", renamed.as_bytes())], &stored).unwrap_err();
    assert_eq!(
        problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["s.yaml:5:3: spec: the stored requirement `NFR-1` no longer agrees at spec.target: \
             the system declares no route `account`; keep what it needs, or apply a new version of it too"]
    );
}
