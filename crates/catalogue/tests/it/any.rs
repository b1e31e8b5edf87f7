//! What holds for any input.

use catalogue::coverage::{Citation, NotApplicable, Standing, Status, coverage};
use catalogue::export::{Cited, Evidence, Exception, System, Text, cyclonedx, openslo, sheet_csv};
use catalogue::{ItemRef, Limits, Relation, Scheme, import, shipped};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::{IPA_SHEET, requirement, system, workbook, write};

fn status() -> impl Strategy<Value = Status> {
    proptest::sample::select(vec![
        Status::Pass,
        Status::Warn,
        Status::Unchecked,
        Status::Skip,
        Status::Error,
        Status::Fail,
        Status::Excepted,
    ])
}

fn relation() -> impl Strategy<Value = Relation> {
    proptest::sample::select(vec![
        Relation::Satisfies,
        Relation::Partially,
        Relation::DerivedFrom,
        Relation::Alias,
    ])
}

/// Mostly ids that exist, aliases among them.
fn reference() -> impl Strategy<Value = ItemRef> {
    let ids = ["A.1.1.1", "C.1.1.1", "B.4.3.1", "B.1.1.1", "F.2.1.1", "B.4", "Z"];
    let versions = ["2018", "2018", "2018", "2010"];
    (proptest::sample::select(ids.to_vec()), proptest::sample::select(versions.to_vec()))
        .prop_map(|(id, version)| ItemRef { scheme: Scheme::IpaNfrg, version: version.into(), id: id.into() })
}

prop_compose! {
    fn citation()(
        reference in reference(),
        relation in relation(),
        level in proptest::option::of(0..6_u8),
        requirement in "[a-c]",
        status in status(),
    ) -> Citation {
        Citation { reference, relation, level, requirement, status }
    }
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    (0..4_000_000_000_i64).prop_map(|second| Timestamp::from_second(second).unwrap())
}

prop_compose! {
    fn any_system()(
        names in proptest::collection::btree_set("\\PC{1,20}", 0..6),
        text in any::<String>(),
        at in timestamp(),
        cited in proptest::collection::vec((reference(), relation()), 0..6),
        results in proptest::collection::vec((status(), timestamp(), proptest::option::of(timestamp())), 0..5),
        excepted in proptest::option::of(timestamp()),
    ) -> System {
        let slo = system().requirements[3].enforcement.clone();
        let requirements = names.into_iter().map(|name| {
            let mut one = requirement(&name);
            one.statement = Text { ja: text.clone(), en: text.clone() };
            one.metric = text.clone();
            one.enforcement = slo.clone();
            one.citations = cited.iter().map(|(reference, relation)| {
                Cited { reference: reference.clone(), relation: *relation, level: None }
            }).collect();
            let capacity = "iso25010@2023:performance-efficiency/capacity";
            one.citations.push(crate::cite(capacity, Relation::Satisfies, None));
            one.evidence = results.iter().map(|(status, observed, expires)| Evidence {
                status: *status,
                observed: *observed,
                expires: *expires,
                collector: text.chars().take(3).collect(),
                digest: text.clone(),
                fingerprint: "f1".into(),
                outdated: false,
            }).collect();
            one.exceptions = excepted.into_iter().map(|expires| Exception {
                approver: text.clone(), reason: text.clone(), expires,
            }).collect();
            one
        }).collect();
        let not_applicable = excepted.into_iter().map(|_| NotApplicable {
            reference: "iso25010@2023:safety".parse().unwrap(),
            reason: Text { ja: text.clone(), en: text.clone() },
            approver: Some(text.clone()),
        }).collect();
        System { name: "s".into(), operator: text, at, requirements, not_applicable }
    }
}

proptest! {
    /// Nothing is counted twice or lost, and the order of citations says nothing.
    #[test]
    fn coverage_counts_each_item_once(mut citations in proptest::collection::vec(citation(), 0..20)) {
        let ipa = shipped(Scheme::IpaNfrg).unwrap();
        let covered = coverage(ipa, (&citations[..]).into(), None);
        prop_assert_eq!(covered.total.all.total(), 230);
        prop_assert_eq!(covered.categories.iter().map(|one| one.all.total()).sum::<usize>(), 230);
        for item in &covered.items {
            prop_assert_eq!(item.requirements.is_empty(), item.standing == Standing::NotCovered);
            prop_assert!(item.failing.iter().all(|name| item.requirements.contains(name)));
            prop_assert!(!item.checked || matches!(item.standing, Standing::Satisfied | Standing::Partial));
        }
        let counted: usize = citations.iter().filter(|one| {
            one.reference.version == "2018" && ipa.item(&one.reference.id).is_some()
        }).count();
        prop_assert_eq!(covered.uncounted.len() + counted, citations.len());
        citations.reverse();
        prop_assert_eq!(coverage(ipa, (&citations[..]).into(), None).items, covered.items);
    }

    /// A further citation that is kept never makes an item look worse, unless by being only derived from it.
    #[test]
    fn a_kept_requirement_does_no_harm(citations in proptest::collection::vec(citation(), 0..10)) {
        let ipa = shipped(Scheme::IpaNfrg).unwrap();
        let before = coverage(ipa, (&citations[..]).into(), None);
        let mut more = citations;
        more.push(Citation {
            reference: ipa.reference("C.1.1.1"),
            relation: Relation::Satisfies,
            level: None,
            requirement: "kept".into(),
            status: Status::Pass,
        });
        let after = coverage(ipa, (&more[..]).into(), None);
        for (before, after) in before.items.iter().zip(&after.items) {
            prop_assert!(after.standing >= before.standing && after.checked >= before.checked);
            if after.ids.iter().any(|id| id == "A.1.1.1") {
                prop_assert_eq!((after.standing, after.checked), (Standing::Satisfied, true));
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), magic in 0..4_usize) {
        let magic: &[u8] = [&b""[..], b"PK\x03\x04", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", b"{"][magic];
        if let Err(error) = import(&[magic, &bytes].concat(), &Limits::default()) {
            prop_assert!(!error.remedy.is_empty());
        }
    }

    #[test]
    fn any_reference_is_read_or_refused(text in "\\PC{0,40}|[a-z0-9-]{0,16}@[0-9.]{0,6}:[A-Z0-9./-]{0,20}") {
        if let Ok(reference) = text.parse::<ItemRef>() {
            prop_assert_eq!(reference.to_string(), text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Exports of any texts: the same bytes twice, a valid document, JSON and YAML that can be read, a table with its rows and no formula.
    #[test]
    fn exports_hold_any_text(system in any_system()) {
        let exported = cyclonedx(&system).unwrap();
        prop_assert_eq!(&exported, &cyclonedx(&system).unwrap());
        let read: serde_json::Value = serde_json::from_str(&exported).unwrap();
        prop_assert_eq!(read["declarations"]["claims"].as_array().unwrap().len(), system.requirements.len());

        prop_assert_eq!(crate::attestations::faults(&read), Vec::<String>::new());

        let slo = openslo(&system).unwrap();
        prop_assert_eq!(slo.len() + slo.skipped.len(), system.requirements.len());
        let json: Vec<serde_json::Value> = serde_json::from_str(&slo.to_json().unwrap()).unwrap();
        let yaml: Vec<serde_json::Value> = serde_saphyr::from_multiple(&slo.to_yaml().unwrap()).unwrap();
        prop_assert_eq!(json, yaml);

        let table = sheet_csv(&system, shipped(Scheme::Iso25010).unwrap(), None).unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&table[3..]);
        let mut rows = 0;
        for record in reader.records() {
            let record = record.unwrap();
            rows += 1;
            prop_assert_eq!(record.len(), 45);
            for cell in &record {
                prop_assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']), "{}", cell);
                prop_assert!(!cell.starts_with(['\t', '\r', '\n']));
            }
        }
        prop_assert_eq!(rows, 42);
    }

    /// Whatever stands in the cells of a sheet: it is read or refused, and what is read has its ids once.
    #[test]
    fn any_cells_are_read_or_refused(
        cells in proptest::collection::vec((0..30_u32, 0..24_u16, "[A-Fａ-ｆ０-９0-9.\\-]{0,9}|\\PC{0,12}"), 0..60)
    ) {
        for name in [IPA_SHEET, "Ver.4.0"] {
            let bytes = workbook(name, |sheet| {
                write(sheet, 0, 0, &["項目", "見出し", "要件", "備考", "必須可否"]);
                for (row, column, text) in &cells {
                    write(sheet, row + 1, *column, &[text]);
                }
            });
            if let Ok(copy) = import(&bytes, &Limits::default()) {
                let ids: std::collections::BTreeSet<&str> =
                    copy.catalogue.items().iter().map(|item| item.id.as_str()).collect();
                prop_assert_eq!(ids.len(), copy.catalogue.items().len());
            }
        }
    }
}
