//! Boundaries taken from the packs themselves: both sides of every threshold, of every day on which a version begins or
//! ends, and of every end of a period. A new pack is tested here without a line of Rust.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use law::{
    Due, EvaluatedAt, Fact, Facts, Moment, Packs, Status, Truth, Value,
    clock::{self, Clock, FirstDay, From, Roll, Unit},
    evaluate,
    view::{self, Leaf, Question, Regime, Version},
};

use super::{records::leaves, shipped};

fn known(name: &str, value: Value) -> Facts {
    let mut facts = Facts::default();
    facts.set(name, Fact::known(value)).unwrap_or_else(|e| panic!("{name}: {e}"));
    facts
}

/// `US-*` is asked through one member, with nobody elsewhere.
fn count_of(leaf: &Leaf<'_>, n: u64) -> Facts {
    match leaf.fact.strip_suffix('*') {
        Some(prefix) => known(&format!("{prefix}CA"), Value::Count(n))
            .overlaid(known("counts.principals_total", Value::Count(n))),
        None => known(leaf.fact, Value::Count(n)),
    }
}

#[test]
fn every_threshold_holds_on_its_own_side_alone() {
    let packs = shipped();
    let mut asked = 0;
    for regime in view::regimes(&packs) {
        for version in &regime.versions {
            for leaf in leaves(&regime, version) {
                let first = match leaf.question {
                    Question::MoreThan(n) => n + 1,
                    Question::AtLeast(n) => n,
                    _ => continue,
                };
                asked += 1;
                let place = format!("{} {} {} {:?}", regime.id, version.id, leaf.fact, leaf.question);
                for (n, expected) in
                    [(0, Truth::F), (first - 1, Truth::F), (first, Truth::T), (first + 1, Truth::T)]
                {
                    // A threshold of one has no number between it and nothing.
                    let expected = if n >= first { Truth::T } else { expected };
                    assert_eq!(leaf.answer(&count_of(leaf, n)), expected, "{place} at {n}");
                }
                assert_eq!(leaf.answer(&Facts::default()), Truth::Unknown, "{place}: nothing is known");
            }
        }
    }
    assert!(asked > 0);
}

/// The same through the whole engine: the answer in the trace of a decision.
#[test]
fn every_threshold_of_a_trigger_reads_so_in_the_trace() {
    let packs = shipped();
    for regime in view::regimes(&packs) {
        for version in regime.versions.iter().filter(|v| v.status == Status::InForce) {
            let (place, at) = placed(&regime, version);
            for leaf in version.duties.iter().flat_map(|d| d.when.leaves()) {
                let (sign, first) = match leaf.question {
                    Question::MoreThan(n) => (">", n + 1),
                    Question::AtLeast(n) => (">=", n),
                    _ => continue,
                };
                for (n, expected) in [(first - 1, Truth::F), (first, Truth::T)] {
                    let decision = decide(&packs, &place.clone().overlaid(count_of(leaf, n)), at, regime.id);
                    let threshold = first - u64::from(sign == ">");
                    let found = decision.trace.nodes.iter().any(|node| {
                        contains(node, &|n| {
                            serde_json::to_value(n.op).is_ok_and(|op| op == sign)
                                && n.expected.as_deref() == Some(&threshold.to_string())
                                && n.result == expected
                                && n.operands
                                    .iter()
                                    .any(|o| o.fact.starts_with(leaf.fact.trim_end_matches('*')))
                        })
                    });
                    assert!(found, "{} {}: {} {sign} {threshold} at {n}", regime.id, version.id, leaf.fact);
                }
            }
        }
    }
}

fn contains(node: &law::TraceNode, is: &impl Fn(&law::TraceNode) -> bool) -> bool {
    is(node) || node.children.iter().any(|c| contains(c, is))
}

/// Facts that put an incident under this version, with an instant at which the version was known.
fn placed(regime: &Regime<'_>, version: &Version<'_>) -> (Facts, EvaluatedAt) {
    let mut goals = vec![(&regime.scope, true)];
    goals.extend(version.scope.iter().map(|s| (s, true)));
    let view::Answer::Found(facts) = view::search(&goals, &mut |_| 0) else {
        panic!("{} {}: the scope can be met", regime.id, version.id)
    };
    let day = version.effective.0.or(version.effective.1).unwrap_or(jiff::civil::date(2025, 6, 2));
    let moment = Moment::parse(&format!("{day}[{}]", zone_name(regime.zone))).unwrap();
    (facts.overlaid(known(&version.basis[0], Value::Moment(moment))), known_at(version))
}

fn decide(packs: &Packs, facts: &Facts, at: EvaluatedAt, regime: &str) -> law::Decision {
    evaluate(packs, facts, at).regime(regime).unwrap().clone()
}

fn zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().expect("packs name their zone")
}

/// An instant at which the version is known law: late, unless its knowledge ended.
fn known_at(version: &Version<'_>) -> EvaluatedAt {
    let late = "2026-11-22T00:00:00Z".parse::<Timestamp>().unwrap();
    let last = version.known.1.map(|d| noon(d, &TimeZone::UTC));
    let first = version.known.0.map(|d| noon(d, &TimeZone::UTC));
    EvaluatedAt(last.unwrap_or(late).min(late).max(first.unwrap_or(Timestamp::MIN)))
}

fn noon(day: Date, zone: &TimeZone) -> Timestamp {
    day.at(12, 0, 0, 0).to_zoned(zone.clone()).unwrap().timestamp()
}

/// What the dates of the pack say, and nothing else.
fn by_the_dates<'v>(regime: &'v Regime<'_>, day: Date, today: Date) -> Option<&'v str> {
    let within = |(from, to): (Option<Date>, Option<Date>), day: Date| {
        from.is_none_or(|f| f <= day) && to.is_none_or(|t| day <= t)
    };
    let all: Vec<_> = regime
        .versions
        .iter()
        .filter(|v| v.status == Status::InForce && within(v.effective, day) && within(v.known, today))
        .filter(|v| v.assured_to.is_none_or(|t| day <= t))
        .collect();
    assert!(all.len() < 2, "{}: several versions on {day}", regime.id);
    all.first().map(|v| v.id)
}

#[test]
fn every_version_begins_and_ends_on_its_days() {
    let packs = shipped();
    for regime in view::regimes(&packs) {
        let zone = zone_name(regime.zone);
        for version in regime.versions.iter().filter(|v| v.status == Status::InForce) {
            let at = known_at(version);
            let today = at.0.to_zoned(regime.zone.clone()).date();
            let (place, _) = placed(&regime, version);
            let edges = [version.effective.0, version.effective.1, version.assured_to];
            for edge in edges.into_iter().flatten() {
                for day in [edge.yesterday().unwrap(), edge, edge.tomorrow().unwrap()] {
                    for moment in [
                        format!("{day}[{zone}]"),
                        format!("{day}T00:00:00[{zone}]"),
                        format!("{day}T23:59:59[{zone}]"),
                    ] {
                        let basis = Value::Moment(Moment::parse(&moment).unwrap());
                        let facts = place.clone().overlaid(known(&version.basis[0], basis));
                        let decision = decide(&packs, &facts, at, regime.id);
                        // Another version takes this day only when it asks the same fact.
                        let expected = by_the_dates(&regime, day, today).filter(|id| {
                            let v = regime.versions.iter().find(|v| v.id == *id).unwrap();
                            v.basis.contains(&version.basis[0])
                        });
                        assert_eq!(decision.pack_version.as_deref(), expected, "{} on {moment}", regime.id);
                    }
                }
            }
        }
    }
}

#[test]
fn every_version_is_known_on_its_days() {
    let packs = shipped();
    for regime in view::regimes(&packs) {
        for version in regime.versions.iter().filter(|v| v.status == Status::InForce) {
            let (facts, _) = placed(&regime, version);
            let day = version.effective.0.or(version.effective.1).unwrap_or(jiff::civil::date(2025, 6, 2));
            for edge in [version.known.0, version.known.1].into_iter().flatten() {
                for today in [edge.yesterday().unwrap(), edge, edge.tomorrow().unwrap()] {
                    let at = EvaluatedAt(noon(today, regime.zone));
                    let decision = decide(&packs, &facts, at, regime.id);
                    let expected = by_the_dates(&regime, day, today);
                    assert_eq!(
                        decision.pack_version.as_deref(),
                        expected,
                        "{} as known on {today}",
                        regime.id
                    );
                }
            }
        }
    }
}

/// Starts at which counting goes wrong most easily.
const STARTS: &[&str] = &[
    "2024-02-28T23:30:00",
    "2024-03-29T17:20:00",
    "2025-01-31T00:00:00",
    "2025-03-08T20:00:00",
    "2025-06-02T10:00:00",
    "2025-10-24T12:00:00",
    "2025-12-30T08:00:00",
];

#[test]
fn every_period_ends_exactly_after_its_amount() {
    let packs = shipped();
    for regime in view::regimes(&packs) {
        let deadlines = regime.versions.iter().flat_map(|v| &v.duties).flat_map(|d| &d.deadlines);
        for deadline in deadlines {
            let window = deadline.window.iter().flat_map(|(first, last)| [*first, *last]);
            for clock in deadline.clocks.iter().map(|(_, c)| *c).chain(window) {
                for start in STARTS {
                    exact(&packs, &regime, clock, &format!("{start}[{}]", zone_name(regime.zone)));
                }
            }
        }
    }
}

fn exact(packs: &Packs, regime: &Regime<'_>, clock: &Clock, start: &str) {
    let moment = Moment::parse(start).unwrap();
    let run = clock::run(clock, &moment, regime.zone, regime.zone, packs.calendars());
    let place = format!("{} {clock:?} from {start}", regime.id);
    let Some(raw) = run.raw_due else {
        assert!(run.problem.is_some() && clock.calendar.is_some(), "{place}");
        return;
    };
    let date = match (clock.unit, raw) {
        (Unit::Hour, Due::Instant { at, .. }) => {
            assert_eq!(
                at.as_second() - moment.timestamp().as_second(),
                3600 * i64::from(clock.amount),
                "{place}"
            );
            return;
        }
        (_, Due::Date { date, ends_at, .. }) => {
            let midnight = date.tomorrow().unwrap().to_zoned(regime.zone.clone()).unwrap().timestamp();
            assert_eq!(ends_at, midnight, "{place}: until the end of the day");
            date
        }
        (unit, due) => panic!("{place}: {unit:?} ends in {due:?}"),
    };
    let own = moment.date_in(regime.zone);
    let first = match clock.from {
        From::Start => own,
        From::YearEnd => jiff::civil::date(own.year(), 12, 31),
    };
    let counted = match clock.unit {
        Unit::Hour => panic!("{place}: hours end in an instant"),
        Unit::Day => days_between(first, date, |_| true),
        Unit::BusinessDay => {
            let calendar = &packs.calendars()[clock.calendar.as_ref().unwrap()];
            assert_eq!(calendar.closed(date), Ok(None), "{place}: ends on an open day");
            days_between(first, date, |d| calendar.closed(d) == Ok(None))
        }
        Unit::Month => {
            // One day earlier lies in the month, one day later beyond it.
            let end = if clock.first_day == FirstDay::Include { date.tomorrow().unwrap() } else { date };
            let months = i64::from(end.year() - first.year()) * 12 + i64::from(end.month() - first.month());
            assert_eq!(months, i64::from(clock.amount), "{place}");
            assert!(
                end.day() == first.day() || (end.day() < first.day() && end == end.last_of_month()),
                "{place}"
            );
            return;
        }
    };
    let open_start = clock.unit == Unit::Day
        || packs
            .calendars()
            .get(clock.calendar.as_deref().unwrap_or(""))
            .is_some_and(|c| c.closed(first) == Ok(None));
    let day_one = u32::from(clock.first_day == FirstDay::Include && open_start);
    assert_eq!(counted + day_one, clock.amount, "{place}");
    match (clock.roll, run.due) {
        (Roll::None, Some(Due::Date { date: due, .. })) => assert_eq!(due, date, "{place}"),
        (Roll::NextOpenDay, Some(Due::Date { date: due, .. })) => {
            let calendar = &packs.calendars()[clock.calendar.as_ref().unwrap()];
            assert_eq!(calendar.closed(due), Ok(None), "{place}: rolls to an open day");
            let mut day = date;
            while day < due {
                assert_ne!(calendar.closed(day), Ok(None), "{place}: {day} was open already");
                day = day.checked_add(1.day()).unwrap();
            }
        }
        (_, due) => assert!(due.is_none() && run.problem.is_some(), "{place}: {due:?}"),
    }
}

/// Days after `first` up to and including `last` that count.
fn days_between(first: Date, last: Date, counts: impl Fn(Date) -> bool) -> u32 {
    let (mut day, mut n) = (first, 0);
    while day < last {
        day = day.checked_add(1.day()).unwrap();
        n += u32::from(counts(day));
    }
    n
}
