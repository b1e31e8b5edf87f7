//! Which items are answered, and how that is counted.

use catalogue::coverage::{Answers, Citation, Counts, Standing, Status, UncountedReason, coverage};
use catalogue::{Catalogue, Limits, ModelSystem, Relation, Scheme, import, shipped};

use crate::{IPA_SHEET, not_applicable, system, workbook, write};

fn ipa() -> &'static Catalogue {
    shipped(Scheme::IpaNfrg).unwrap()
}

fn citation(reference: &str, relation: Relation, status: Status, requirement: &str) -> Citation {
    Citation {
        reference: reference.parse().unwrap(),
        relation,
        level: None,
        requirement: requirement.into(),
        status,
    }
}

fn standing(catalogue: &Catalogue, citations: &[Citation], id: &str) -> (Standing, bool) {
    let covered = coverage(catalogue, citations.into(), None);
    let item = covered.items.iter().find(|item| item.ids.iter().any(|own| own == id)).unwrap();
    (item.standing, item.checked)
}

#[test]
fn each_standing_has_its_cause() {
    use Relation::{Alias, DerivedFrom, Partially, Satisfies};
    let one = "ipa-nfrg@2018:B.4.3.1";
    /// What cites the item, how it stands then, and whether a check stands behind it.
    type Case<'a> = (&'a [(Relation, Status)], Standing, bool);
    let cases: [Case<'_>; 12] = [
        (&[], Standing::NotCovered, false),
        (&[(Satisfies, Status::Pass)], Standing::Satisfied, true),
        (&[(Alias, Status::Warn)], Standing::Satisfied, true),
        (&[(Satisfies, Status::Unchecked)], Standing::Satisfied, false),
        (&[(Satisfies, Status::Fail)], Standing::Failing, false),
        (&[(Satisfies, Status::Error), (Partially, Status::Pass)], Standing::Failing, false),
        // Meeting one of two that answer the whole item meets it.
        (&[(Satisfies, Status::Fail), (Satisfies, Status::Pass)], Standing::Satisfied, true),
        (&[(Partially, Status::Pass)], Standing::Partial, true),
        (&[(Partially, Status::Skip), (DerivedFrom, Status::Pass)], Standing::Partial, false),
        (&[(Satisfies, Status::Excepted)], Standing::Excepted, false),
        (&[(Satisfies, Status::Excepted), (Partially, Status::Pass)], Standing::Partial, true),
        (&[(DerivedFrom, Status::Fail)], Standing::DerivedOnly, false),
    ];
    for (cited, expected, checked) in cases {
        let citations: Vec<_> =
            cited.iter().map(|(relation, status)| citation(one, *relation, *status, "R")).collect();
        assert_eq!(standing(ipa(), &citations, "B.4.3.1"), (expected, checked), "{cited:?}");
    }
}

#[test]
fn the_founding_system_is_counted() {
    let covered = coverage(ipa(), (&system().citations()[..]).into(), None);
    // 238 items less the 8 that stand twice.
    assert_eq!(covered.items.len(), 230);
    assert_eq!(covered.total.all.total(), 230);
    assert_eq!(
        covered.total.all,
        Counts {
            satisfied: 3,
            checked: 0,
            partial: 0,
            derived_only: 1,
            excepted: 1,
            failing: 2,
            not_covered: 223,
            not_applicable: 0
        }
    );
    let areas: Vec<(&str, usize, usize)> = covered
        .categories
        .iter()
        .map(|counts| (counts.category.as_str(), counts.all.total(), counts.important.total()))
        .collect();
    // The duplicates count where they stand first: seven pairs in A, one in B.
    assert_eq!(
        areas,
        [("A", 33, 12), ("B", 43, 19), ("C", 64, 19), ("D", 18, 8), ("E", 37, 19), ("F", 35, 11)]
    );
    assert_eq!(covered.total.important.total(), 88);
    assert!(covered.is_complete && covered.uncounted.is_empty());
    // The important ones first.
    let first_other = covered.items.iter().position(|item| !item.important).unwrap();
    assert_eq!(first_other, 88);
    assert!(covered.items[first_other..].iter().all(|item| !item.important));
}

/// C.1.1.1 is cited, A.1.1.1 is what the report says first.
#[test]
fn aliases_count_together() {
    let covered = coverage(ipa(), (&system().citations()[..]).into(), None);
    let item = covered.items.iter().find(|item| item.ids[0] == "A.1.1.1").unwrap();
    assert_eq!(item.ids, ["A.1.1.1", "C.1.1.1"]);
    assert_eq!((item.standing, item.level), (Standing::Satisfied, Some(5)));
    assert_eq!(item.requirements, ["NFR-KEY-001"]);
    assert!(!covered.items.iter().any(|item| item.ids[0] == "C.1.1.1"));
}

#[test]
fn citations_that_are_no_items_are_told() {
    let citations = [
        citation("ipa-nfrg@2018:B.4.3", Relation::Satisfies, Status::Pass, "R1"),
        citation("ipa-nfrg@2010:B.4.3.1", Relation::Satisfies, Status::Pass, "R2"),
        citation("ipa-nfrg@2018:B.9.9.9", Relation::Satisfies, Status::Pass, "R3"),
        citation("asvs@5.0.0:14.3.2", Relation::Satisfies, Status::Pass, "R4"),
    ];
    let covered = coverage(ipa(), (&citations[..]).into(), None);
    let reasons: Vec<_> =
        covered.uncounted.iter().map(|one| (one.requirement.as_deref().unwrap(), one.reason)).collect();
    assert_eq!(
        reasons,
        [
            ("R1", UncountedReason::Group),
            ("R2", UncountedReason::OtherVersion),
            ("R3", UncountedReason::Unknown)
        ]
    );
    assert_eq!(covered.total.all.not_covered, 230);
}

/// A group with all its items, an item under its other number, and not what a requirement cites all the same.
#[test]
fn what_does_not_apply_stands_apart() {
    let stated = ["ipa-nfrg@2018:F.3", "ipa-nfrg@2018:C.1.2.5", "ipa-nfrg@2018:E.7.1.1", "asvs@5.0.0:17"];
    let exempt = stated.map(not_applicable);
    let citations = system().citations();
    let answers = Answers { citations: &citations, not_applicable: &exempt };
    let covered = coverage(ipa(), answers, None);
    let of = |id: &str| covered.items.iter().find(|item| item.ids.iter().any(|known| known == id)).unwrap();
    for (id, by) in [("F.3.1.1", "F.3"), ("C.1.2.5", "C.1.2.5")] {
        assert_eq!((of(id).standing, of(id).checked), (Standing::NotApplicable, false), "{id}");
        assert_eq!(of(id).not_applicable.as_ref().unwrap().reference.id, by);
    }
    assert_eq!((of("E.7.1.1").standing, &of("E.7.1.1").not_applicable), (Standing::Excepted, &None));
    let counted = covered.items.iter().filter(|item| item.standing == Standing::NotApplicable).count();
    let all = covered.total.all;
    assert_eq!((all.not_applicable, all.not_covered), (counted, 223 - counted));
    assert_eq!((all.total(), all.stated()), (230, 7));
    assert!(covered.uncounted.is_empty(), "{:?}", covered.uncounted);

    let strange = ["ipa-nfrg@2010:F.3", "ipa-nfrg@2018:F.9"].map(not_applicable);
    let covered = coverage(ipa(), Answers { citations: &[], not_applicable: &strange }, None);
    let told: Vec<_> = covered.uncounted.iter().map(|one| (one.requirement.as_deref(), one.reason)).collect();
    assert_eq!(told, [(None, UncountedReason::OtherVersion), (None, UncountedReason::Unknown)]);
    assert_eq!(covered.total.all.not_applicable, 0);
}

#[test]
fn an_incomplete_catalogue_says_so() {
    let secreq = coverage(shipped(Scheme::OwaspSecreqJa).unwrap(), (&system().citations()[..]).into(), None);
    assert!(!secreq.is_complete);
    assert_eq!((secreq.total.all.satisfied, secreq.total.all.total()), (1, 25));
    let asvs = coverage(shipped(Scheme::Asvs).unwrap(), (&system().citations()[..]).into(), None);
    assert!(asvs.is_complete);
    assert_eq!((asvs.total.all.satisfied, asvs.total.all.checked, asvs.total.all.partial), (1, 1, 1));
}

/// With an imported sheet, the level of the model system is what must be reached.
#[test]
fn a_model_system_asks_for_its_level() {
    let bytes = workbook(IPA_SHEET, |sheet| {
        write(sheet, 2, 0, &["A.1.5.1", "大", "中", "小", "", "", "", "見本"]);
        for (column, level) in [(16, 2.0), (19, 4.0), (22, 5.0)] {
            sheet.write_number(2, column, level).unwrap();
        }
    });
    let copy = import(&bytes, &Limits::default()).unwrap();
    for (model, standing, wanted) in [
        (None, Standing::Satisfied, None),
        (Some(ModelSystem::Low), Standing::Satisfied, Some(2)),
        (Some(ModelSystem::Middle), Standing::Partial, Some(4)),
    ] {
        let covered = coverage(&copy.catalogue, (&system().citations()[..]).into(), model);
        let item = &covered.items[0];
        assert_eq!((item.standing, item.level, item.wanted_level), (standing, Some(3), wanted));
    }
}
