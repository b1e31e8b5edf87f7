//! The day of a drill: what happened before the fault was ended does not depend on when that was.

use std::collections::BTreeMap;

use exposure::simulate::{DRILL_BEGINS, Day, LogOptions, drill_day};
use jiff::{SignedDuration, Timestamp};

fn at(hours: i64, minutes: i64) -> Timestamp {
    DRILL_BEGINS + SignedDuration::from_mins(60 * (hours - 11) + minutes)
}

fn logs(day: &Day, instant: Timestamp) -> BTreeMap<String, String> {
    let written = day.logs_at(LogOptions { cookies: true, gzip: false }, instant).into_iter().map(|file| {
        let mut bytes = Vec::new();
        file.write_to(&mut bytes).unwrap();
        (file.name().to_owned(), String::from_utf8(bytes).unwrap())
    });
    written.collect()
}

#[test]
fn the_past_stays_what_it_was_when_the_fault_is_ended() {
    for seed in 0..6 {
        let open = drill_day(seed, None);
        let end = at(14, 20);
        let ended = drill_day(seed, Some(end));
        for instant in [at(11, 0), at(13, 0), end] {
            assert_eq!(logs(&open, instant), logs(&ended, instant), "seed {seed}");
        }
        let before = |day: &Day| {
            let sightings = day.truth().sightings.iter().filter(|sighting| sighting.time < end);
            sightings.cloned().collect::<Vec<_>>()
        };
        assert_eq!(before(&open), before(&ended), "seed {seed}");
        assert_eq!(ended.truth().sightings, before(&ended), "nobody is seen afterwards");
        assert_eq!(ended.truth().cache_off, end);
        assert!(open.truth().sightings.len() > before(&open).len(), "the leak goes on where nobody ends it");
        let early = open.truth().complaints.iter().filter(|one| one.reported < at(11, 15)).count();
        assert_eq!(early, 0, "nobody complains at once");
        for complaint in &ended.truth().complaints {
            assert!(open.truth().complaints.contains(complaint), "seed {seed}");
            let id = &complaint.edge_request_ids[0];
            let seen =
                ended.truth().sightings.iter().find(|sighting| sighting.edge_request_id == *id).unwrap();
            assert_eq!(seen.viewer, complaint.reporter);
            assert!(seen.time < complaint.reported);
        }
        assert!(!ended.truth().complaints.is_empty(), "seed {seed}");
    }
}

#[test]
fn logs_show_nothing_that_has_not_happened() {
    let day = drill_day(7, None);
    let noon = logs(&day, at(12, 0));
    for (name, text) in noon.iter().filter(|(name, _)| name.starts_with("origin/")) {
        assert!(text.lines().count() > 20, "{name}");
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let time: Timestamp = line["time"].as_str().unwrap().parse().unwrap();
            // The origin's clock is a little ahead.
            assert!(time < at(12, 1), "{line}");
        }
    }
    let edge = |logs: &BTreeMap<String, String>| {
        logs.keys().filter(|name| name.starts_with("edge/")).cloned().collect::<Vec<_>>()
    };
    let (noon, later) = (edge(&noon), edge(&logs(&day, at(12, 59))));
    assert!(noon.iter().all(|name| name.as_str() < "edge/E2SUIMONEXAMPLE.2023-10-26-03"), "{noon:?}");
    assert_eq!(noon, later, "the file of an hour comes when it is over");
    assert!(edge(&logs(&day, at(13, 0))).len() > later.len());
}
