//! The examples of this repository parse without a problem and are what their READMEs say.

use std::collections::BTreeSet;

use super::*;
use crate::requirements::manifest::{
    CacheParams, Category, Kind, Manifest, Params, Protection, RouteClass, parse_files_against,
};

const ONLINE: [(&str, &str); 4] = [
    ("system.yaml", include_str!("../../../../examples/online-application/manifests/system.yaml")),
    ("capacity.yaml", include_str!("../../../../examples/online-application/manifests/capacity.yaml")),
    ("access.yaml", include_str!("../../../../examples/online-application/manifests/access.yaml")),
    ("protection.yaml", include_str!("../../../../examples/online-application/manifests/protection.yaml")),
];
const CORRECTIVE: &str =
    include_str!("../../../../examples/online-application/corrective/NFR-CACHE-001.yaml");
const PROBES: &str = include_str!("../../../../examples/vaccine-booking/manifests/probes.yaml");
const VACCINE: [(&str, &str); 4] = [
    ("probes.yaml", PROBES),
    ("system.yaml", include_str!("../../../../examples/vaccine-booking/manifests/system.yaml")),
    ("requirements.yaml", include_str!("../../../../examples/vaccine-booking/manifests/requirements.yaml")),
    ("estimate.yaml", include_str!("../../../../examples/vaccine-booking/manifests/estimate.yaml")),
];

/// The rule of the booking service that opened too much, and as it was meant.
const DESKS: [&str; 2] = [
    include_str!("../../../../examples/vaccine-booking/too-wide/VAX-ACC-010.yaml"),
    include_str!("../../../../examples/vaccine-booking/corrective/VAX-ACC-010.yaml"),
];

/// All of them, under names of their own.
pub fn all() -> Vec<(String, &'static str)> {
    let named = |example: &'static str| {
        move |(name, text): &(&str, &'static str)| (format!("{example}/{name}"), *text)
    };
    let online = ONLINE.iter().map(named("online-application"));
    let corrective = [("online-application/corrective.yaml".to_owned(), CORRECTIVE)];
    online.chain(corrective).chain(VACCINE.iter().map(named("vaccine-booking"))).collect()
}

#[test]
fn the_online_application_is_as_before_the_incident() {
    let set = parse(&ONLINE).unwrap();
    let system = set.system("online-application").unwrap();
    let applicant = system.record_type("applicant").unwrap();
    assert_eq!(applicant.fields.len(), 8);
    assert!(applicant.fields.iter().all(|field| field.protection == Protection::Encrypted));
    assert_eq!(system.record_type("school_admin").unwrap().fields.len(), 3);
    for (path, class) in [
        ("/", RouteClass::Public),
        ("/assets/site.css", RouteClass::Public),
        ("/mypage", RouteClass::Personal),
        ("/mypage/application", RouteClass::Personal),
        ("/admin/applicants", RouteClass::Personal),
        ("/anything-else", RouteClass::Personal),
    ] {
        assert_eq!(resolved(system, path).1, class == RouteClass::Personal, "{path}");
    }
    let caching = set.requirements_of("online-application").any(|(_, spec)| {
        spec.enforcement.as_ref().is_some_and(|enforcement| matches!(enforcement.params, Params::Cache(_)))
    });
    assert!(!caching, "the caching rule is the corrective action, not part of the baseline");
}

#[test]
fn the_corrective_requirement_is_applied_to_the_stored_baseline() {
    assert_eq!(problems(&[("c.yaml", CORRECTIVE)]).len(), 1, "alone it refers to a system that is not there");
    let baseline = parse(&ONLINE).unwrap();
    let set = parse_files_against([("c.yaml", CORRECTIVE.as_bytes())], &baseline).unwrap();
    let spec = set.requirement("NFR-CACHE-001").unwrap();
    assert_eq!(spec.enforcement.as_ref().unwrap().params, Params::Cache(CacheParams::NoStore {}));
    assert_eq!(spec.catalogue[0].reference.to_string(), "owasp-secreq-ja@4.0:7.9.1");
}

#[test]
fn the_vaccine_booking_states_capacity_and_access() {
    let set = parse(&VACCINE).unwrap();
    let capacity = set.requirement("VAX-CAP-001").unwrap();
    assert_eq!(capacity.catalogue[0].reference.to_string(), "ipa-nfrg@2018:B.4.3.1");
    let system = set.system("vaccine-booking").unwrap();
    let plain: Vec<_> =
        system.record_types[0].fields.iter().filter(|f| f.protection == Protection::Plain).collect();
    assert_eq!(plain.iter().map(|field| field.category).collect::<Vec<_>>(), [Category::Identifier]);
}

#[test]
fn the_desks_of_the_booking_service_read_too_much_until_it_is_put_right() {
    let stored = parse(&VACCINE).unwrap();
    let sets = DESKS.map(|rule| parse_files_against([("desk.yaml", rule.as_bytes())], &stored).unwrap());
    let [wide, meant] = sets.each_ref().map(|set| {
        let rule = set.requirement("VAX-ACC-010").unwrap().enforcement.as_ref().unwrap();
        match &rule.params {
            Params::Access(rule) => (rule.objects.len(), rule.when.len()),
            other => panic!("{other:?}"),
        }
    });
    assert_eq!((wide, meant), ((2, 0), (1, 1)), "objects and conditions");
}

#[test]
fn every_example_survives_storage() {
    for files in [&ONLINE[..], &VACCINE[..]] {
        let set = parse(files).unwrap();
        for manifest in set.iter() {
            assert_eq!(Manifest::from_json(&manifest.to_json()).unwrap(), *manifest);
        }
        let json: Vec<(String, String)> = set
            .iter()
            .map(|manifest| (format!("{}.json", manifest.name), manifest.to_json().to_string()))
            .collect();
        let again = parse_files(json.iter().map(|(name, text)| (name.as_str(), text.as_bytes()))).unwrap();
        let fingerprints = |set: &ManifestSet| set.iter().map(Manifest::fingerprint).collect::<Vec<_>>();
        assert_eq!(fingerprints(&again), fingerprints(&set), "the parser and the stored form agree");
        assert!(set.get(Kind::System, "none").is_none());
    }
}

#[test]
fn there_are_72_schools_with_names_of_their_own() {
    let lines: Vec<&str> =
        include_str!("../../../../examples/online-application/schools.csv").lines().collect();
    assert_eq!(lines[0], "slug,name_ja,name_en");
    assert_eq!(lines.len(), 73);
    for (at, line) in lines[1..].iter().enumerate() {
        let columns: Vec<&str> = line.split(',').collect();
        assert_eq!(columns.len(), 3);
        assert_eq!(columns[0], format!("school-{:03}", at + 1));
    }
    let names: BTreeSet<&str> = lines[1..].iter().filter_map(|line| line.split(',').nth(1)).collect();
    assert_eq!(names.len(), 72);
}

#[test]
fn there_are_enough_names_for_made_up_people() {
    let lines: Vec<&str> = include_str!("../../../../examples/people/names.csv").lines().collect();
    assert_eq!(lines[0], "part,kanji,kana,romaji");
    let of =
        |part: &str| lines[1..].iter().filter(|line| line.starts_with(part)).collect::<BTreeSet<_>>().len();
    assert_eq!((of("family,"), of("given,")), (60, 80));
    assert!(
        lines[1..]
            .iter()
            .all(|line| line.split(',').nth(3).is_some_and(|r| r.bytes().all(|b| b.is_ascii_alphabetic())))
    );
}
