//! The founding report's two lists come out of the simulated logs, for any seed.

use std::collections::{BTreeMap, BTreeSet};

use exposure::simulate::{DEFAULT_SEED, Day, LogOptions, founding_day, founding_day_with_a_regional_cache};
use exposure::{CacheFacts, Class, Exposure, Reconstruction, Scan, WindowQuery, WindowResult, diff};
use proptest::prelude::*;

fn scan(day: &Day, options: LogOptions, query: WindowQuery) -> WindowResult {
    read(day, options, query).finish()
}

fn read(day: &Day, options: LogOptions, query: WindowQuery) -> Scan {
    let mut scan = Scan::new(query).unwrap();
    for file in day.files(options).iter().filter(|file| file.is_log()) {
        let mut content = Vec::new();
        file.write_to(&mut content).unwrap();
        let report = scan.read(file.name(), content.as_slice());
        assert_eq!((report.bad.count, report.used), (0, report.lines), "{}", file.name());
        assert_eq!(report.compressed, file.name().ends_with(".gz"));
    }
    scan
}

fn of_class(found: &Reconstruction, class: Exposure) -> BTreeSet<&str> {
    let people = found.people.iter().filter(|person| person.exposure == class);
    people.map(|person| person.person.as_str()).collect()
}

/// Persons and tenants by kind.
fn figures(result: &WindowResult) -> BTreeMap<String, (u64, u64)> {
    let kinds = &result.counts.by_kind;
    kinds.iter().map(|count| (count.kind.clone().unwrap(), (count.persons, count.tenants))).collect()
}

fn expected(applicants: (u64, u64), admins: (u64, u64)) -> BTreeMap<String, (u64, u64)> {
    [("applicant".to_owned(), applicants), ("school_admin".to_owned(), admins)].into()
}

fn check(day: &Day, options: LogOptions) -> (WindowResult, WindowResult) {
    let first = scan(day, options, day.first_query());
    let revised = scan(day, options, day.revised_query());
    assert_eq!(figures(&first), expected((292, 60), (66, 60)));
    assert_eq!(figures(&revised), expected((291, 59), (48, 41)));
    for result in [&first, &revised] {
        let counts = &result.counts;
        assert!(result.coverage.complete, "{:?}", result.coverage.gaps);
        assert_eq!(counts.reconciliation.persons_in_several_tenants, 6);
        assert_eq!(counts.reconciliation.sum_over_tenants - 6, counts.total_persons);
        let cells: u64 = counts.by_tenant_kind.iter().map(|cell| cell.persons).sum();
        assert_eq!(cells, counts.reconciliation.sum_over_tenants);
        assert!(result.people.iter().all(|person| person.class == Class::Possible));
        // The habits leave the ends of the windows free, so that no clock decides.
        assert!(
            result.border.persons_only_inside.is_empty() && result.border.persons_only_outside.is_empty()
        );
    }
    (first, revised)
}

#[test]
fn the_lists_of_the_report() {
    let day = founding_day(DEFAULT_SEED);
    let (first, revised) = check(&day, LogOptions::default());

    let listed = |result: &WindowResult| -> BTreeSet<String> {
        result.people.iter().map(|person| person.person.clone()).collect()
    };
    let (one, other) = (listed(&first), listed(&revised));
    let admins = |names: &BTreeSet<String>| names.iter().filter(|name| name.starts_with("ad-")).count();
    assert_eq!(admins(&one.difference(&other).cloned().collect()), 20);
    assert_eq!(admins(&other.difference(&one).cloned().collect()), 2);

    let difference = diff(&first, &revised);
    assert_eq!(difference.removed.len(), 12 + 20);
    assert_eq!(difference.added.len(), 11 + 2);

    let requests: u64 = revised.people.iter().flat_map(|p| &p.tenants).map(|tenant| tenant.requests).sum();
    assert!((3_100..=3_500).contains(&requests), "{requests} personal requests");
    assert_eq!(revised.unattributed.evidence, []);
    let skew = revised.skew.unwrap();
    assert!((-300..=600).contains(&skew.median_milliseconds), "{skew:?}");
}

#[test]
fn the_window_contains_everybody_who_was_exposed_and_the_complaints_are_true() {
    let day = founding_day(DEFAULT_SEED);
    let truth = day.truth();
    let revised = scan(&day, LogOptions::default(), day.revised_query());
    let listed: BTreeSet<&str> = revised.people.iter().map(|person| person.person.as_str()).collect();
    assert!((10..=25).contains(&truth.exposed.len()));
    for victim in &truth.exposed {
        assert!(listed.contains(victim.as_str()), "{victim} was seen and is not on the list");
    }
    let reported: Vec<String> = truth.complaints.iter().map(|c| c.reported.to_string()).collect();
    assert_eq!(reported, ["04:15", "06:15", "06:15", "06:15"].map(|at| format!("2023-10-26T{at}:00Z")));
    assert_eq!(truth.complaints.iter().filter(|c| c.reporter.starts_with("ad-")).count(), 2);
    assert_eq!(truth.complaints.iter().filter(|c| c.edge_request_ids.len() == 2).count(), 1);
    let tenants: BTreeSet<&str> = truth.complaints.iter().map(|c| c.tenant.as_str()).collect();
    assert!(tenants.len() >= 3);
    for complaint in &truth.complaints {
        for id in &complaint.edge_request_ids {
            let sighting = truth.sightings.iter().find(|s| s.edge_request_id == *id).unwrap();
            assert_eq!(sighting.viewer, complaint.reporter);
            assert_ne!(sighting.victim_tenant, sighting.viewer_tenant);
            assert!(sighting.time < complaint.reported);
        }
    }
}

/// In 2023 everybody who had signed in was told, and nobody could say who had seen whom.
#[test]
fn the_reconstruction_finds_exactly_those_who_were_exposed() {
    for (day, tiers, exposed) in [
        (founding_day(DEFAULT_SEED), 1, 10..=25),
        (founding_day_with_a_regional_cache(DEFAULT_SEED), 2, 100..=200),
    ] {
        let truth: BTreeSet<&str> = day.truth().exposed.iter().map(String::as_str).collect();
        assert!(exposed.contains(&truth.len()), "{}", truth.len());
        let facts = CacheFacts { time_to_live_seconds: 1, tiers, ..CacheFacts::default() };
        let both = |options| read(&day, options, day.revised_query()).reconstruct(&facts).unwrap();
        let (window, found) = both(LogOptions { cookies: true, gzip: false });
        let open = of_class(&found, Exposure::Possible);
        let confirmed = of_class(&found, Exposure::Confirmed);
        assert!(confirmed.is_subset(&truth), "{confirmed:?}");
        // Whoever asked within the same second as somebody else may be the one or the other.
        assert!(
            truth.difference(&confirmed).all(|person| open.contains(person)),
            "{truth:?} {confirmed:?} {open:?}"
        );
        assert!(
            confirmed.len() * 10 >= truth.len() * 8 && open.len() * 5 <= truth.len(),
            "{} of {}, {} open",
            confirmed.len(),
            truth.len(),
            open.len()
        );
        assert_eq!(found.people.len() as u64, window.counts.total_persons);
        assert_eq!(found.residual.without_edge_line, 0);
        // Who saw it, too, and the lines that say so.
        for person in &found.people {
            for tenant in &person.tenants {
                for viewer in &tenant.seen_by {
                    let seen = |one: &exposure::simulate::Sighting| {
                        one.victim == person.person && one.viewer == *viewer
                    };
                    assert!(day.truth().sightings.iter().any(seen), "{} {viewer}", person.person);
                }
                assert_eq!(
                    tenant.exposure == Exposure::Confirmed,
                    tenant.answers.iter().any(|one| one.says == Exposure::Confirmed)
                );
            }
        }
        // Without the cookie nobody knows who got a page, and whose it was all the same.
        let (_, found) = both(LogOptions { cookies: false, gzip: false });
        let open = of_class(&found, Exposure::Possible);
        assert!(
            truth.is_subset(&open) && open.len() <= truth.len() + 12,
            "{} of {}",
            open.len(),
            truth.len()
        );
        assert!(of_class(&found, Exposure::Confirmed).is_empty());
    }
}

#[test]
fn without_cookies_the_lists_are_the_same_and_the_open_lines_are_counted() {
    let day = founding_day(DEFAULT_SEED);
    let (_, revised) = check(&day, LogOptions { cookies: false, gzip: false });
    // Answers from the cache have no line at the origin: without a cookie nobody knows who asked.
    let open = revised.unattributed;
    assert!(open.edge_without_session >= day.truth().sightings.len() as u64);
    assert!(!open.evidence.is_empty());
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let write = |seed| {
        let day = founding_day(seed);
        let mut all = Vec::new();
        for file in day.files(LogOptions::default()) {
            all.extend_from_slice(file.name().as_bytes());
            file.write_to(&mut all).unwrap();
        }
        all
    };
    assert_eq!(write(7), write(7));
    assert_ne!(write(7), write(8));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn the_lists_come_out_for_any_seed(seed in any::<u64>()) {
        let day = founding_day(seed);
        check(&day, LogOptions { cookies: true, gzip: false });
        prop_assert!((10..=25).contains(&day.truth().exposed.len()));
        prop_assert_eq!(day.truth().complaints.len(), 4);
    }
}
