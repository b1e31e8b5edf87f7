//! The reconstruction against worlds in which it is known who saw whose page.

use std::collections::BTreeMap;

use exposure::simulate::{Lab, LabChange, LabSettings, lab};
use exposure::{
    Basis, CacheChange, CacheFacts, Doubt, Exposure, FactsError, Reconstruction, Scan, WindowQuery,
    WindowResult,
};
use proptest::prelude::*;

/// What the configuration of such a world says.
fn facts(settings: &LabSettings) -> CacheFacts {
    CacheFacts {
        time_to_live_seconds: settings.time_to_live_milliseconds.div_ceil(1_000),
        tiers: settings.tiers,
        single_copy: settings.machines == 1,
        history: settings.history(),
        ..CacheFacts::default()
    }
}

fn reconstruct(lab: &Lab, facts: &CacheFacts) -> (WindowResult, Reconstruction) {
    let mut scan = Scan::new(lab.query()).unwrap();
    assert_eq!(scan.read("edge", lab.edge_log.as_bytes()).bad.count, 0);
    assert_eq!(scan.read("origin", lab.origin_log.as_bytes()).bad.count, 0);
    scan.reconstruct(facts).unwrap()
}

/// How right it was.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Score {
    exposed: usize,
    confirmed: usize,
    possible: usize,
    excluded: usize,
    wrongly_confirmed: usize,
    wrongly_left_out: usize,
}

fn score(lab: &Lab, found: &Reconstruction) -> Score {
    let mut score = Score { exposed: lab.exposed.len(), ..Score::default() };
    for person in &found.people {
        let exposed = lab.exposed.contains(&person.person);
        match person.exposure {
            Exposure::Confirmed => {
                score.confirmed += 1;
                score.wrongly_confirmed += usize::from(!exposed);
            }
            Exposure::Possible | Exposure::Indeterminate => score.possible += 1,
            Exposure::SelfOnly | Exposure::Excluded => {
                score.excluded += 1;
                score.wrongly_left_out += usize::from(exposed);
            }
        }
    }
    // Whoever is not on the list at all is left out, too.
    let listed: std::collections::BTreeSet<&String> =
        found.people.iter().map(|person| &person.person).collect();
    score.wrongly_left_out += lab.exposed.iter().filter(|person| !listed.contains(person)).count();
    score
}

fn worlds() -> impl Strategy<Value = (u64, LabSettings)> {
    let counts = (20..120_usize, 1..5_usize, 1..4_usize, 1..=3_u8);
    let life = prop_oneof![Just(1_000_u32), 1_000..5_000_u32, Just(60_000), Just(600_000), Just(86_400_000)];
    let bools = prop::collection::vec(any::<bool>(), 6);
    (any::<u64>(), counts, life, bools, 0..50_u8, -3_000..3_000_i32).prop_map(
        |(seed, (people, locations, machines, tiers), life, flags, shared, clocks)| {
            let settings = LabSettings {
                people,
                locations,
                machines,
                tiers,
                time_to_live_milliseconds: life,
                joins_requests: flags[0],
                confirms: flags[1],
                odd_requests: flags[2],
                sessions_at_edge: flags[3],
                ids_at_origin: flags[4],
                lengths: flags[5],
                shared_addresses: shared,
                clock_difference_milliseconds: clocks,
                // The window ends within an hour that has lines, or nobody could be left out.
                seconds: 3_500,
                ..LabSettings::default()
            };
            (seed, settings)
        },
    )
}

/// Worlds whose caches are changed and emptied while it lasts.
fn changing_worlds() -> impl Strategy<Value = (u64, LabSettings)> {
    let life = prop::option::of(prop_oneof![Just(1_000_u32), 1_000..90_000_u32, Just(600_000)]);
    let change = (0..3_500_u32, 0..400_u32, life, prop::option::of(any::<bool>()), any::<bool>()).prop_map(
        |(at_seconds, spreads_seconds, time_to_live_milliseconds, keeps, purges)| LabChange {
            at_seconds,
            spreads_seconds,
            time_to_live_milliseconds,
            keeps,
            purges: purges || (time_to_live_milliseconds.is_none() && keeps.is_none()),
        },
    );
    (worlds(), prop::collection::vec(change, 1..5)).prop_map(|((seed, mut settings), mut changes)| {
        changes.sort_by_key(|change| change.at_seconds);
        settings.changes = changes;
        (seed, settings)
    })
}

/// What may become of a class when somebody knows less: it says less, and never that somebody is out of it.
fn is_no_bolder(before: Option<Exposure>, after: Option<Exposure>) -> bool {
    use Exposure::{Confirmed, Excluded, Indeterminate, Possible, SelfOnly};
    match (before, after) {
        (Some(Confirmed), Some(Confirmed | Possible | Indeterminate)) => true,
        (Some(Possible | Indeterminate), Some(Possible | Indeterminate)) => true,
        (Some(SelfOnly | Excluded), after) => after != Some(Confirmed),
        // Of whom no log says anything.
        (None, after) => after != Some(Confirmed),
        _ => false,
    }
}

fn classes(found: &Reconstruction) -> BTreeMap<&str, Exposure> {
    found.people.iter().map(|person| (person.person.as_str(), person.exposure)).collect()
}

/// Without the lines of an hour.
fn without_hour(log: &str, hour: &str) -> String {
    log.lines().filter(|line| !line.contains(hour)).map(|line| format!("{line}\n")).collect()
}

proptest! {
    #[test]
    fn with_complete_logs_nobody_is_left_out_and_nobody_wrongly_confirmed((seed, settings) in worlds()) {
        let lab = lab(seed, &settings);
        let (window, found) = reconstruct(&lab, &facts(&settings));
        let score = score(&lab, &found);
        prop_assert_eq!((score.wrongly_left_out, score.wrongly_confirmed), (0, 0), "{:?} {:?}", score, found.answers);
        // Together they are the window's list, and each answer is counted once.
        let listed: Vec<&String> = window.people.iter().map(|person| &person.person).collect();
        let said: Vec<&String> = found.people.iter().map(|person| &person.person).collect();
        prop_assert_eq!(listed, said);
        let counts = found.counts;
        let sum = counts.confirmed + counts.possible + counts.indeterminate + counts.self_only + counts.excluded;
        prop_assert_eq!(sum, window.people.len() as u64);
        // What a confirmed page is said to have been seen by is true.
        for person in &found.people {
            for viewer in person.tenants.iter().flat_map(|tenant| &tenant.seen_by) {
                prop_assert!(lab.sightings.contains(&(person.person.clone(), viewer.clone())), "{} {}", person.person, viewer);
            }
        }
    }

    #[test]
    fn a_history_leaves_nobody_out_and_confirms_nobody_wrongly((seed, settings) in changing_worlds()) {
        let lab = lab(seed, &settings);
        let (_, found) = reconstruct(&lab, &facts(&settings));
        let exact = score(&lab, &found);
        prop_assert_eq!((exact.wrongly_left_out, exact.wrongly_confirmed), (0, 0), "{:?} {:?}", exact, found.answers);
        // Whoever knows nothing of it, but the longest life of all, says less.
        let lives = settings.changes.iter().filter_map(|change| change.time_to_live_milliseconds);
        let longest = lives.chain([settings.time_to_live_milliseconds]).max().unwrap_or(0);
        // While nothing was kept, nothing took the place of what was there.
        let single_copy = false;
        let careful = CacheFacts { time_to_live_seconds: longest.div_ceil(1_000), single_copy, history: Vec::new(), ..facts(&settings) };
        let (_, less) = reconstruct(&lab, &careful);
        let score = score(&lab, &less);
        prop_assert_eq!((score.wrongly_left_out, score.wrongly_confirmed), (0, 0), "{:?}", score);
        let after = classes(&less);
        // Where nothing is left that an answer can have been, everything is: so whoever knows more may say less of lengths, and of answers of
        // which nobody knows whether they came from a cache.
        let comparable = settings.ids_at_origin && !settings.lengths;
        for (person, before) in classes(&found).into_iter().filter(|_| comparable) {
            prop_assert!(is_no_bolder(Some(before), after.get(person).copied()), "{} {:?} {:?}", person, before, after.get(person));
        }
    }

    /// A false fact of the cache is of another kind than a missing one; these are the worst of each.
    #[test]
    fn the_defaults_are_at_least_as_careful((seed, settings) in worlds()) {
        let lab = lab(seed, &settings);
        let (_, exact) = reconstruct(&lab, &facts(&settings));
        let (_, careful) = reconstruct(&lab, &CacheFacts { tiers: 3, ..CacheFacts::default() });
        let score = score(&lab, &careful);
        prop_assert_eq!((score.wrongly_left_out, score.wrongly_confirmed), (0, 0), "{:?}", score);
        let after = classes(&careful);
        for (person, before) in classes(&exact) {
            prop_assert!(is_no_bolder(Some(before), after.get(person).copied()), "{} {:?} {:?}", person, before, after.get(person));
        }
    }

    #[test]
    fn who_knows_less_says_less((seed, mut settings) in worlds(), hour in any::<bool>()) {
        settings.sessions_at_edge = true;
        settings.ids_at_origin = true;
        settings.lengths = true;
        settings.seconds = 7_100;
        let whole = lab(seed, &settings);
        let facts = facts(&settings);
        let (_, all) = reconstruct(&whole, &facts);
        let poorer = |change: fn(&mut LabSettings)| {
            let mut settings = settings.clone();
            change(&mut settings);
            lab(seed, &settings)
        };
        let mut lesser = vec![
            ("sessions", poorer(|settings| settings.sessions_at_edge = false)),
            ("ids", poorer(|settings| settings.ids_at_origin = false)),
        ];
        // One of two servers logs no ids.
        let mut half = whole.clone();
        half.origin_log = whole.origin_log.lines().enumerate().fold(String::new(), |log, (number, line)| {
            let cut = if number % 2 == 0 { line.split(",\"edge_request_id\"").next().unwrap_or_default() } else { line };
            log + cut + if cut.len() < line.len() { "}\n" } else { "\n" }
        });
        lesser.push(("half of the ids", half));
        if hour {
            let mut edge = whole.clone();
            edge.edge_log = without_hour(&whole.edge_log, "2023-10-26\t02:");
            lesser.push(("an hour of the edge", edge));
            let mut origin = whole.clone();
            origin.origin_log = without_hour(&whole.origin_log, "\"2023-10-26T02:");
            lesser.push(("an hour of the origin", origin));
        }
        for (what, less) in lesser {
            let (_, found) = reconstruct(&less, &facts);
            let after = classes(&found);
            // Whom no log names any more nobody can list; the missing hour is said.
            let named = |person: &str| less.origin_log.contains(person);
            for (person, before) in classes(&all).into_iter().filter(|(person, _)| named(person)) {
                let after = after.get(person).copied();
                prop_assert!(is_no_bolder(Some(before), after), "without {what}: {person} {before:?} {after:?}");
            }
            let mut score = score(&whole, &found);
            score.wrongly_left_out -= whole.exposed.iter().filter(|person| !named(person)).count();
            prop_assert_eq!((score.wrongly_confirmed, score.wrongly_left_out), (0, 0), "without {}: {:?}", what, score);
        }
    }

    /// The order of lines, files and merges is nothing.
    #[test]
    fn the_order_is_nothing((seed, settings) in worlds(), cut in 0..100_usize) {
        let lab = lab(seed, &settings);
        let facts = facts(&settings);
        let (_, once) = reconstruct(&lab, &facts);
        let (fields, lines): (Vec<&str>, Vec<&str>) = lab.edge_log.lines().partition(|line| line.starts_with('#'));
        let file = |lines: &mut dyn Iterator<Item = &&str>| {
            let mut text = fields.join("\n");
            for line in lines {
                text.push('\n');
                text.push_str(line);
            }
            text
        };
        let middle = lines.len() * cut / 100;
        let (one, other) = (file(&mut lines[middle..].iter().rev()), file(&mut lines[..middle].iter()));
        let mut first = Scan::new(lab.query()).unwrap();
        let mut second = Scan::new(lab.query()).unwrap();
        first.read("edge", one.as_bytes());
        second.read("origin", lab.origin_log.as_bytes());
        second.read("edge", other.as_bytes());
        let (_, found) = second.merge(first).unwrap().reconstruct(&facts).unwrap();
        // Lines have other numbers.
        prop_assert_eq!(classes(&once), classes(&found));
        prop_assert_eq!((once.counts, once.answers, once.residual), (found.counts, found.answers, found.residual));
    }
}

/// Lines that the edge's log lost leave people out; how many is told beforehand.
#[test]
fn what_is_lost_stays_within_what_is_said() {
    // Few pages are seen by others, or one lost line of many would leave nobody out.
    for tiers in [1, 2] {
        let settings = LabSettings { tiers, edge_loss: 100, seconds: 20_000, ..LabSettings::default() };
        let (mut left_out, mut said, mut confirmed) = (0, 0, 0);
        for seed in 0..20 {
            let lab = lab(seed, &settings);
            let (_, found) = reconstruct(&lab, &facts(&settings));
            let score = score(&lab, &found);
            left_out += score.wrongly_left_out as u64;
            confirmed += score.wrongly_confirmed;
            said += found.residual.expected_unseen_thousandths.unwrap();
        }
        assert!(left_out > 0 && left_out * 1_000 <= said, "{left_out} left out, {said} thousandths said");
        assert_eq!(confirmed, 0);
    }
}

/// An origin that lost lines makes the viewers' own pages look like others'; who says that it may have is told nothing that is wrong.
#[test]
fn an_origin_log_that_may_have_lost_lines_confirms_less_and_nothing_wrongly() {
    let settings = LabSettings { tiers: 2, origin_loss: 50, people: 200, ..LabSettings::default() };
    let (mut trusting, mut careful) = (Score::default(), Score::default());
    for seed in 0..20 {
        let lab = lab(seed, &settings);
        let facts = facts(&settings);
        let one = score(&lab, &reconstruct(&lab, &facts).1);
        let other = score(&lab, &reconstruct(&lab, &CacheFacts { origin_log_complete: false, ..facts }).1);
        trusting.wrongly_confirmed += one.wrongly_confirmed;
        careful.wrongly_confirmed += other.wrongly_confirmed;
        careful.confirmed += other.confirmed;
    }
    assert!(trusting.wrongly_confirmed > 0 && careful.confirmed > 0, "{trusting:?} {careful:?}");
    assert_eq!(careful.wrongly_confirmed, 0);
}

/// Else nobody's page would be looked for, and everybody be left out.
#[test]
fn without_personal_routes_nothing_is_said() {
    let lab = lab(1, &LabSettings::default());
    let query = WindowQuery { basis: Basis::Logins, personal_routes: Vec::new(), ..lab.query() };
    let refused = Scan::new(query).unwrap().reconstruct(&CacheFacts::default()).unwrap_err();
    assert_eq!(refused, FactsError::NoRoutes);
}

/// Else the properties above would say nothing: many are excluded, and none of them was seen.
#[test]
fn many_are_excluded() {
    let (mut excluded, mut wrongly) = (0, 0);
    for seed in 0..100 {
        let settings = LabSettings { seconds: 3_500, tiers: 1 + (seed % 3) as u8, ..LabSettings::default() };
        let lab = lab(seed, &settings);
        let score = score(&lab, &reconstruct(&lab, &facts(&settings)).1);
        excluded += score.excluded;
        wrongly += score.wrongly_left_out;
    }
    assert!(excluded > 2_000, "{excluded}");
    assert_eq!(wrongly, 0);
}

/// What an officer who has the change log gets of it: an hour in which nothing was kept exposes nobody.
#[test]
fn a_purge_and_an_hour_without_a_cache_leave_people_out() {
    let change = |at_seconds, keeps, purges| LabChange {
        at_seconds,
        spreads_seconds: 60,
        time_to_live_milliseconds: None,
        keeps,
        purges,
    };
    let settings = LabSettings {
        time_to_live_milliseconds: 86_400_000,
        seconds: 7_100,
        people: 300,
        requests_each: 3,
        machines: 3,
        lengths: false,
        changes: vec![change(900, Some(false), true), change(5_000, Some(true), false)],
        ..LabSettings::default()
    };
    let lab = lab(3, &settings);
    let of = |history| score(&lab, &reconstruct(&lab, &CacheFacts { history, ..facts(&settings) }).1);
    let (knows, knows_not) = (of(settings.history()), of(Vec::new()));
    assert_eq!((knows.wrongly_left_out, knows_not.wrongly_left_out), (0, 0));
    assert!(knows.excluded > knows_not.excluded + 50, "{knows:?} {knows_not:?}");
}

#[test]
fn a_history_that_cannot_be_is_told_with_its_place() {
    let change = |spreads_seconds, time_to_live_seconds| CacheChange {
        at: "2023-10-26T02:30:00Z".parse().unwrap(),
        spreads_seconds,
        time_to_live_seconds,
        keeps: None,
        purged: false,
    };
    let check = |history| CacheFacts { history, ..CacheFacts::default() }.check();
    assert_eq!(check(vec![change(0, Some(1)), change(0, None)]), Err(FactsError::NoChange(1)));
    assert_eq!(check(vec![change(86_401, Some(1))]), Err(FactsError::Change(0)));
    assert_eq!(check(vec![change(0, Some(31_536_001))]), Err(FactsError::Change(0)));
    assert_eq!(check(vec![change(0, Some(1)); 101]), Err(FactsError::History(101)));
    assert_eq!(check(vec![change(86_400, Some(31_536_000)); 100]), Ok(()));
}

fn asked(edge: &str, origin: &str, facts: &CacheFacts) -> Reconstruction {
    let mut scan = Scan::new(lab(1, &LabSettings::default()).query()).unwrap();
    let head = "#Fields: date time x-edge-location cs-method cs-uri-stem sc-status cs(Cookie) x-edge-result-type x-edge-request-id time-taken\n";
    assert_eq!(scan.read("edge", (head.to_owned() + edge).as_bytes()).bad.count, 0);
    assert_eq!(scan.read("origin", origin.as_bytes()).bad.count, 0);
    scan.reconstruct(facts).unwrap().1
}

fn edge_line(clock: &str, who: &str, said: &str, id: &str) -> String {
    format!("2023-10-26\t{clock}\tL1\tGET\t/mypage\t200\tsession={who}\t{said}\t{id}\t0.010\n")
}

fn origin_line(clock: &str, who: &str, id: &str) -> String {
    format!(
        "{{\"time\":\"2023-10-26T{clock}Z\",\"event\":\"request\",\"person\":\"{who}\",\"session\":\"{who}\",\"path\":\"/mypage\",\"status\":200,\"edge_request_id\":\"{id}\"}}\n"
    )
}

/// Somebody says that nothing was kept, and a cache gave an answer all the same: then nobody is shown to be out of it.
#[test]
fn a_history_that_the_logs_contradict_shows_nothing() {
    let edge = edge_line("02:10:00", "a", "Miss", "i1")
        + &edge_line("02:30:00", "b", "Miss", "i2")
        + &edge_line("02:31:00", "c", "Hit", "i3");
    let origin = origin_line("02:10:00", "a", "i1")
        + &origin_line("02:30:00", "b", "i2")
        + "{\"time\":\"2023-10-26T02:05:00Z\",\"event\":\"login\",\"person\":\"c\",\"session\":\"c\"}\n";
    let off = CacheChange {
        at: "2023-10-26T02:15:00Z".parse().unwrap(),
        spreads_seconds: 0,
        time_to_live_seconds: None,
        keeps: Some(false),
        purged: false,
    };
    let facts =
        CacheFacts { time_to_live_seconds: 60, tiers: 1, history: vec![off], ..CacheFacts::default() };
    let found = asked(&edge, &origin, &facts);
    let of = |person: &str| found.people.iter().find(|one| one.person == person).unwrap().exposure;
    assert_eq!(
        [of("a"), of("b"), of("c")],
        [Exposure::Possible, Exposure::Possible, Exposure::Indeterminate]
    );
    assert!(found.doubts.contains(&Doubt::UnexplainedAnswers), "{:?}", found.doubts);
}

/// An id that somebody uses again is not the id of a request.
#[test]
fn an_id_that_is_given_twice_hides_no_answer_from_a_cache() {
    let edge = edge_line("02:10:00", "v", "Miss", "r1")
        + &edge_line("02:14:58", "a", "Miss", "i2")
        + &edge_line("02:15:00", "v", "Hit", "r1");
    let origin = origin_line("02:10:00", "v", "r1") + &origin_line("02:14:58", "a", "i2");
    let facts = CacheFacts { time_to_live_seconds: 60, tiers: 1, ..CacheFacts::default() };
    let found = asked(&edge, &origin, &facts);
    let a = found.people.iter().find(|one| one.person == "a").unwrap();
    assert_eq!(a.exposure, Exposure::Possible);
}
