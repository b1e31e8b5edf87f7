//! The counts that the catalogues' publishers give, and what the labels must not be.

use std::collections::{BTreeMap, BTreeSet};

use catalogue::{AliasBasis, Catalogue, Obligation, Origin, Scheme, ipa_aliases, shipped};

fn known(scheme: Scheme) -> &'static Catalogue {
    shipped(scheme).unwrap_or_else(|| panic!("{scheme} is shipped"))
}

/// How many groups have an id with `dots` dots.
fn groups(catalogue: &Catalogue, dots: usize) -> usize {
    catalogue.groups().iter().filter(|group| group.id.matches('.').count() == dots).count()
}

#[test]
fn the_ipa_grade_has_6_35_118_238_and_92_important() {
    let ipa = known(Scheme::IpaNfrg);
    assert_eq!([groups(ipa, 0), groups(ipa, 1), groups(ipa, 2), ipa.items().len()], [6, 35, 118, 238]);
    assert_eq!(ipa.items().iter().filter(|item| item.important).count(), 92);
    assert!(ipa.is_complete());
    let mut areas: BTreeMap<&str, usize> = BTreeMap::new();
    for item in ipa.items() {
        *areas.entry(&item.id[..1]).or_default() += 1;
    }
    let expected = [("A", 33), ("B", 43), ("C", 71), ("D", 18), ("E", 37), ("F", 36)];
    assert_eq!(areas, BTreeMap::from(expected));
}

/// B.4.1 is the number of two minor items; each metric is under its own.
#[test]
fn two_minor_items_share_a_number() {
    let ipa = known(Scheme::IpaNfrg);
    let group = |id: &str| {
        let item = ipa.item(id).unwrap();
        let path: Vec<&str> = ipa.path(item).iter().map(|group| group.id.as_str()).collect();
        assert_eq!(path, ["B", "B.4", "B.4.1"]);
        ipa.path(item)[2].label.clone().unwrap().en
    };
    assert_eq!(group("B.4.1.1"), "Reserved bandwidth");
    assert_eq!(group("B.4.1.2"), "Dedicated hardware");
}

/// The item that is the waiting room, and key management, are not important ones: a grade table alone never mentions them.
#[test]
fn blind_spots_are_what_they_are() {
    let ipa = known(Scheme::IpaNfrg);
    for (id, important) in [("B.4.3.1", false), ("E.6.1.3", false), ("E.6.1.2", true), ("A.1.5.1", true)] {
        assert_eq!(ipa.item(id).map(|item| item.important), Some(important), "{id}");
    }
}

#[test]
fn aliases_link_both_ways_and_say_how_they_are_known() {
    let ipa = known(Scheme::IpaNfrg);
    assert_eq!(ipa.same_as("B.1.1.1"), ["B.1.1.1", "F.2.1.1"]);
    assert_eq!(ipa.same_as("F.2.1.1"), ["F.2.1.1", "B.1.1.1"]);
    assert_eq!(ipa.same_as("B.4.3.1"), ["B.4.3.1"]);
    assert!(ipa.same_as("Z.1").is_empty());
    let stated = ipa_aliases().iter().filter(|alias| alias.basis == AliasBasis::Stated).count();
    assert_eq!((ipa_aliases().len(), stated), (8, 1));
    for alias in ipa_aliases() {
        let (one, other) = (ipa.item(&alias.id).unwrap(), ipa.item(&alias.same_as).unwrap());
        assert_eq!(one.important, other.important, "{} {}", alias.id, alias.same_as);
    }
}

#[test]
fn secreq_has_8_categories_and_35_headings() {
    let secreq = known(Scheme::OwaspSecreqJa);
    assert_eq!([groups(secreq, 0), groups(secreq, 1)], [8, 35]);
    assert_eq!(secreq.expected_items(), Some(78));
    assert!(!secreq.is_complete());
    assert_eq!(secreq.item("7.9.1").and_then(|item| item.obligation), Some(Obligation::Must));
    for deliverable in ["8.1.1", "8.1.2", "8.1.3", "8.1.4", "8.1.5"] {
        assert!(secreq.item(deliverable).is_some(), "{deliverable}");
    }
}

/// How many requirements each chapter of ASVS 5.0.0 has, counted in the release's CSV.
const ASVS_CHAPTERS: [usize; 17] = [30, 13, 31, 16, 13, 47, 19, 13, 7, 36, 24, 12, 21, 13, 21, 17, 12];

#[test]
fn asvs_has_17_chapters_80_sections_and_345_requirements() {
    let asvs = known(Scheme::Asvs);
    let chapters: Vec<String> = asvs.groups().iter().map(|group| group.id.clone()).collect();
    assert_eq!(chapters, (1..=17).map(|chapter| chapter.to_string()).collect::<Vec<_>>());
    assert!(asvs.is_complete());
    let of = |chapter: usize| asvs.items().iter().filter(|item| item.group + 1 == chapter).count();
    assert_eq!((1..=17).map(of).collect::<Vec<_>>(), ASVS_CHAPTERS);
    let level = |level: u8| asvs.items().iter().filter(|item| item.level == Some(level)).count();
    assert_eq!([level(1), level(2), level(3)], [70, 183, 92]);
    // Chapter, section and requirement count up from 1 without a gap, so that no id is missing and none is invented.
    let mut before = [0, 0, 0];
    let mut sections = 0;
    for item in asvs.items() {
        let numbers: Vec<u32> = item.id.split('.').map(|number| number.parse().unwrap()).collect();
        let [chapter, section, requirement] = numbers[..] else { panic!("{}", item.id) };
        let follows = match before {
            [c, s, r] if (c, s) == (chapter, section) => requirement == r + 1,
            [c, s, _] if c == chapter => (section, requirement) == (s + 1, 1),
            [c, ..] => (chapter, section, requirement) == (c + 1, 1, 1),
        };
        assert!(follows, "{} after {before:?}", item.id);
        sections += usize::from(requirement == 1);
        before = [chapter, section, requirement];
    }
    assert_eq!(sections, 80);
    for (id, level) in
        [("14.2.2", 2), ("14.2.5", 3), ("8.2.2", 1), ("2.3.4", 2), ("10.4.5", 1), ("17.3.2", 2)]
    {
        assert_eq!(asvs.item(id).and_then(|item| item.level), Some(level), "{id}");
    }
}

#[test]
fn iso_25010_has_9_characteristics_and_40_below() {
    let iso = known(Scheme::Iso25010);
    assert_eq!((iso.groups().len(), iso.items().len()), (9, 40));
    assert!(iso.is_complete());
    assert!(iso.item("performance-efficiency/capacity").is_some());
    assert!(iso.is_group("safety"));
}

#[test]
fn labels_are_short_and_different_and_no_text_of_others() {
    for scheme in Scheme::ALL {
        let Some(catalogue) = shipped(scheme) else {
            assert_eq!(scheme, Scheme::NistPf);
            continue;
        };
        assert_eq!(catalogue.origin(), Origin::Shipped);
        let mut seen = BTreeSet::new();
        for item in catalogue.items() {
            assert!(item.text.is_none());
            let label = item.label.as_ref().unwrap();
            // A term, not a sentence.
            assert!((1..=24).contains(&label.ja.chars().count()), "{}: {}", item.id, label.ja);
            assert!((1..=56).contains(&label.en.chars().count()), "{}: {}", item.id, label.en);
            assert!(
                !label.ja.contains('。') && !label.en.ends_with('.') && label.en.is_ascii(),
                "{}",
                item.id
            );
            for word in [("en", &label.en), ("ja", &label.ja)] {
                assert!(seen.insert(word), "{}: {word:?} twice", item.id);
            }
            let reference = catalogue.reference(&item.id);
            assert_eq!(reference.to_string().parse(), Ok(reference));
        }
        assert!(catalogue.groups().iter().all(|group| group.name.is_none() && group.label.is_some()));
    }
}
