//! Six properties that hold for every law, on random records for every shipped pack (`records` says how they are made).
//!
//! (a) more people never lower a duty; (b) encryption with a safe key never creates one; (c) forgetting a fact leads to
//! a person and never to the opposite; (d) a later stage never ends before an earlier one; (e) what becomes known law
//! later changes nothing for an earlier evaluation; (f) the trace alone gives the same answers.

use std::{collections::BTreeMap, sync::LazyLock};

use law::{Decision, Due, EvaluatedAt, Fact, Facts, Outcome, Packs, SHIPPED, Status, Value, evaluate};
use proptest::prelude::*;

use super::records::{Dice, Record, decide, leaves, record_for, regimes, settle, show, smallest};

/// The view of the authority. It is left out of (a) to (c): it answers the very question that the facts leave open, so
/// with it the outcome of an open case is the authority's, whatever the number of persons or the encryption; and a
/// fact that is forgotten opens a case that the authority then settles either way.
const AUTHORITY: &str = "process.authority_view.";

/// A fault of one record, if there is one.
type Test<'t> = &'t dyn Fn(&Record, u64) -> Option<String>;

/// Tries one record for every version in force of every pack; names the smallest record of each pack that fails.
fn all_packs(seed: u64, test: Test<'_>) -> Result<(), TestCaseError> {
    let mut faults = BTreeMap::new();
    for regime in regimes() {
        for version in regime.versions.iter().filter(|v| v.status == Status::InForce) {
            let record = record_for(regime, version, &mut Dice::new(seed));
            if test(&record, seed).is_some() {
                let small = smallest(&record, |r| test(r, seed).is_some());
                let fault = test(&small, seed).unwrap_or_default();
                faults.insert(regime.id, format!("{fault}\n  {}", show(&small)));
            }
        }
    }
    let told: Vec<_> = faults.into_values().collect();
    if told.is_empty() { Ok(()) } else { Err(TestCaseError::fail(told.join("\n"))) }
}

fn without_authority(record: &Record) -> Record {
    let mut record = record.clone();
    record.facts.remove(&format!("{AUTHORITY}{}", record.regime));
    record
}

fn with_facts(record: &Record, facts: Facts) -> Decision {
    decide(&Record { facts, ..record.clone() })
}

/// Outcomes by recipient. What the version does not name is not there.
fn outcomes(d: &Decision) -> BTreeMap<String, Outcome> {
    let mut all = BTreeMap::from([("regulator".into(), d.regulator), ("persons".into(), d.persons)]);
    all.extend(d.others.iter().map(|o| (o.recipient.clone(), o.outcome)));
    all
}

fn strength(o: Outcome) -> u8 {
    match o {
        Outcome::OutOfScope => 0,
        Outcome::NotRequired | Outcome::Exempt => 1,
        Outcome::NeedsReview => 2,
        Outcome::BestEffort | Outcome::Must => 3,
    }
}

/// The first recipient whose two outcomes are not as they should be.
fn compare(a: &Decision, b: &Decision, fine: impl Fn(&str, Outcome, Outcome) -> bool) -> Option<String> {
    let (a, b) = (outcomes(a), outcomes(b));
    let both = a.iter().filter_map(|(who, a)| Some((who, *a, *b.get(who)?)));
    both.into_iter()
        .find(|(who, a, b)| !fine(who, *a, *b))
        .map(|(who, a, b)| format!("{who}: {a:?} became {b:?}"))
}

/// (a)
fn more_people(record: &Record, seed: u64) -> Option<String> {
    let record = without_authority(record);
    let dice = &mut Dice::new(seed ^ 0xa);
    let regime = regimes().iter().find(|r| r.id == record.regime)?;
    let all: Vec<_> = regime.versions.iter().flat_map(|v| leaves(regime, v)).collect();
    let counts: Vec<_> = all.iter().filter(|l| l.fact.starts_with("counts.")).collect();
    let name = dice.pick(&counts).map_or("counts.principals_total", |l| l.fact).replace('*', "CA");
    let asked: Vec<u64> = counts.iter().flat_map(|l| law::view::values(l)).filter_map(count).collect();
    let number = |dice: &mut Dice| match dice.pick(&asked) {
        Some(n) if dice.chance(80) => *n,
        _ => dice.below(3000) as u64,
    };
    let (one, other) = (number(dice), number(dice));
    let with = |n: u64| {
        let mut facts = record.facts.clone();
        // No other count may contradict this one, and both records have to be the same beside it.
        for (other, _) in record.facts.iter().filter(|(n, _)| n.starts_with("counts.") && **n != name) {
            facts.remove(other);
        }
        facts.remove("persons.unreachable");
        facts.set(&name, Fact::known(Value::Count(n))).expect("a count");
        facts
    };
    let (few, many) = (with(one.min(other)), with(one.max(other)));
    // A rule that calls a person in may itself ask for the number; it then takes nothing away from the persons.
    let asks_person = regime.versions.iter().any(|v| {
        let duties = v.duties.iter().flat_map(|d| &d.review);
        v.review.iter().chain(duties).flat_map(law::view::Ask::leaves).any(|l| l.fact.starts_with("counts."))
    });
    let fault = compare(&with_facts(&record, few), &with_facts(&record, many), |_, few, many| {
        strength(few) <= strength(many)
            || (asks_person && many == Outcome::NeedsReview)
            // The number decided that there would be a duty, were it not for the exemption.
            || (few == Outcome::NeedsReview && many == Outcome::Exempt)
    });
    fault.map(|f| format!("(a) {name} {} to {}: {f}", one.min(other), one.max(other)))
}

fn count(value: Value) -> Option<u64> {
    match value {
        Value::Count(n) => Some(n),
        _ => None,
    }
}

/// (b)
fn safe_encryption(record: &Record, _: u64) -> Option<String> {
    let record = without_authority(record);
    let mut facts = record.facts.clone();
    let word = |w: &str| Fact::known(Value::Word(w.into()));
    facts.set("protection.encrypted", word("listed_cipher")).expect("a word");
    facts.set("protection.key_status", word("safe")).expect("a word");
    if !facts.contradictions().is_empty() {
        return None;
    }
    let fault = compare(&decide(&record), &with_facts(&record, facts), |_, before, after| {
        !(strength(before) <= 1 && strength(after) == 3)
    });
    fault.map(|f| format!("(b) with a listed cipher and a safe key {f}"))
}

/// (c)
fn forgetting(record: &Record, _: u64) -> Option<String> {
    let record = without_authority(record);
    let before = decide(&record);
    let regime = regimes().iter().find(|r| r.id == record.regime)?;
    record.facts.iter().find_map(|(name, _)| {
        // The moments that choose the version are no evidence for or against a duty: the earliest one known chooses, so
        // without it another version may be the right one.
        if regime.versions.iter().any(|v| v.basis.iter().any(|b| b == name)) {
            return None;
        }
        let mut facts = record.facts.clone();
        facts.remove(name);
        let after = with_facts(&record, facts);
        let fault =
            compare(&before, &after, |_, before, after| after == before || after == Outcome::NeedsReview);
        let duties = before.duties.iter().find_map(|b| {
            let a = after.duty(&b.id)?.outcome;
            (a != b.outcome && a != Outcome::NeedsReview)
                .then(|| format!("{}: {:?} became {a:?}", b.id, b.outcome))
        });
        fault.or(duties).map(|f| format!("(c) without {name} {f}"))
    })
}

/// How late a stage comes, by the first word of its id; other deadlines are no stages of one another.
fn stage(id: &str) -> Option<u8> {
    const STAGES: &[(&str, u8)] = &[
        ("early_warning", 0),
        ("preliminary", 0),
        ("notification", 1),
        ("intermediate", 2),
        ("full_report", 3),
        ("supplement", 3),
        ("summary", 3),
        ("final", 3),
    ];
    STAGES.iter().find(|(name, _)| id.starts_with(name)).map(|(_, rank)| *rank)
}

/// (d) A later stage of a duty with the same start ends later, and a window opens before it ends.
fn stages(record: &Record, _: u64) -> Option<String> {
    let decision = decide(record);
    let over = |due: &Option<Due>| due.as_ref().map(Due::ends_at);
    let regime = regimes().iter().find(|r| r.id == record.regime)?;
    let version = regime.versions.iter().find(|v| Some(v.id) == decision.pack_version.as_deref())?;
    for (duty, deadline) in decision.deadlines() {
        let place = format!("(d) {}/{}", duty.id, deadline.id);
        if let (Some(raw), Some(due)) = (over(&deadline.raw_due), over(&deadline.due))
            && raw > due
        {
            return Some(format!("{place} ends before it was moved"));
        }
        if let (Some(opens), Some(due)) = (over(&deadline.window_opens), over(&deadline.due))
            && opens > due
        {
            return Some(format!("{place} opens after it ends"));
        }
        let later = duty
            .deadlines
            .iter()
            .filter(|l| stage(&deadline.id).zip(stage(&l.id)).is_some_and(|(first, second)| first < second));
        for next in later.filter(|l| l.start_at == deadline.start_at && l.start_at.is_some()) {
            if let (Some(first), Some(second)) = (over(&deadline.due), over(&next.due))
                && first > second
            {
                return Some(format!("{place} ends after {}", next.id));
            }
        }
        // One that follows another and was counted from its end.
        let own = version
            .duties
            .iter()
            .find(|d| d.id == duty.id)?
            .deadlines
            .iter()
            .find(|l| l.id == deadline.id)?;
        if let (Some((after_duty, after)), None) = (own.after, &deadline.start_fact) {
            let before = decision.duty(after_duty).and_then(|d| d.deadlines.iter().find(|l| l.id == after));
            if let (Some(first), Some(second)) = (before.and_then(|b| over(&b.due)), over(&deadline.due))
                && first > second
            {
                return Some(format!("{place} ends before {after_duty}/{after}, which it follows"));
            }
        }
    }
    None
}

/// The packs as they may look after a revision that becomes known in 2027: what is in force is known until then;
/// afterwards the same law is known to end in 2034, and to be followed by one that asks for nothing.
fn revised(pack: &serde_json::Value, calendars: &[(String, String)]) -> Option<(Packs, String)> {
    let mut pack = pack.clone();
    let versions = pack["versions"].as_array_mut()?;
    let open = |period: &serde_json::Value| period.get("to").is_none();
    let last = versions
        .iter_mut()
        .rfind(|v| v["status"] == "in_force" && open(&v["effective"]) && open(&v["known"]))?;
    let id = last["id"].as_str()?.to_owned();
    let mut bounded = last.clone();
    last["known"]["to"] = "2026-12-31".into();
    bounded["id"] = "same-as-known-later".into();
    bounded["effective"]["to"] = "2034-12-31".into();
    bounded["effective"].as_object_mut()?.remove("assured_to");
    bounded["known"] = serde_json::json!({ "from": "2027-01-01" });
    let mut other = bounded.clone();
    other["id"] = "later-law".into();
    other["effective"]["from"] = "2035-01-01".into();
    other["effective"].as_object_mut()?.remove("to");
    other["effect"] = "out_of_scope".into();
    versions.extend([bounded, other]);
    let files = calendars.iter().cloned().chain([(String::from("revised.yaml"), pack.to_string())]);
    let packs = Packs::load(files).unwrap_or_else(|faults| {
        panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    Some((packs, id))
}

static REVISED: LazyLock<BTreeMap<String, (Packs, String)>> = LazyLock::new(|| {
    let parse = |text: &str| {
        let options = serde_saphyr::options! { strict_booleans: true };
        serde_saphyr::from_str_with_options::<serde_json::Value>(text, options).expect("it loads")
    };
    let (calendars, packs): (Vec<_>, Vec<_>) = SHIPPED
        .iter()
        .map(|(name, text)| ((*name).to_owned(), parse(text)))
        .partition(|(_, value)| value["kind"] == "Calendar");
    let calendars: Vec<_> = calendars.into_iter().map(|(name, value)| (name, value.to_string())).collect();
    let packs = packs.iter().map(|(_, pack)| pack);
    packs.filter_map(|pack| Some((pack["id"].as_str()?.to_owned(), revised(pack, &calendars)?))).collect()
});

/// (e)
fn revision(record: &Record, _: u64) -> Option<String> {
    let (packs, revised) = REVISED.get(&record.regime)?;
    let before = decide(record);
    let now = evaluate(packs, &record.facts, record.at).decisions.into_iter().next()?;
    if now != before {
        return Some(String::from("(e) a revision that was not known yet changes the decision"));
    }
    // Seen from later, law that was the same then gives the same answers for the same event.
    let later = EvaluatedAt("2027-06-01T00:00:00Z".parse().expect("an instant"));
    let then = evaluate(packs, &record.facts, later).decisions.into_iter().next()?;
    let due = |d: &Decision| d.deadlines().map(|(_, l)| l.due.clone()).collect::<Vec<_>>();
    let same = outcomes(&then) == outcomes(&before) && due(&then) == due(&before);
    let repeated = then.pack_version.as_deref() == Some("same-as-known-later")
        && before.pack_version.as_deref() == Some(revised);
    (repeated && !same).then(|| String::from("(e) the same law known again gives another answer"))
}

/// (f)
fn replay(record: &Record, _: u64) -> Option<String> {
    let decision = decide(record);
    let text = serde_json::to_string(&decision.trace).expect("a trace serialises");
    let trace: law::Trace = serde_json::from_str(&text).expect("and reads back");
    if let Some(node) = trace.nodes.iter().find(|n| n.replay() != n.result) {
        return Some(format!("(f) {} replays to {:?}, not {:?}", node.rule_id, node.replay(), node.result));
    }
    let settled = |id: &str| trace.nodes.iter().any(|n| n.rule_id == format!("{id}/authority_view"));
    decision.duties.iter().filter(|d| !settled(&d.id)).find_map(|duty| {
        let tree = trace.nodes.iter().find(|n| n.rule_id == duty.id)?;
        let fits = match duty.outcome {
            Outcome::Must | Outcome::BestEffort => tree.replay() == law::Truth::T,
            Outcome::NotRequired | Outcome::Exempt => tree.replay() == law::Truth::F,
            Outcome::NeedsReview => !decision.missing_facts.is_empty() || !decision.notes.is_empty(),
            Outcome::OutOfScope => decision.scope == law::Scope::Out,
        };
        (!fits).then(|| format!("(f) {} is {:?}, its trace says {:?}", duty.id, duty.outcome, tree.replay()))
    })
}

/// Every case is a record for each version of each pack, so a few are plenty.
/// `PROPTEST_CASES=16000` searches long.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    let cases = (usual.cases / 32).max(1);
    ProptestConfig { cases, max_shrink_iters: 0, failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_more_people_never_lower_a_duty(seed in any::<u64>()) {
        all_packs(seed, &more_people)?;
    }

    #[test]
    fn b_safe_encryption_never_creates_a_duty(seed in any::<u64>()) {
        all_packs(seed, &safe_encryption)?;
    }

    #[test]
    fn c_forgetting_a_fact_leads_to_a_person(seed in any::<u64>()) {
        all_packs(seed, &forgetting)?;
    }

    #[test]
    fn d_later_stages_end_later(seed in any::<u64>()) {
        all_packs(seed, &stages)?;
    }

    #[test]
    fn e_law_known_later_changes_nothing_before(seed in any::<u64>()) {
        all_packs(seed, &revision)?;
    }

    #[test]
    fn f_the_trace_alone_gives_the_same_answers(seed in any::<u64>()) {
        all_packs(seed, &replay)?;
    }

    /// Written down, read again, evaluated again.
    #[test]
    fn the_same_record_gives_the_same_bytes(seed in any::<u64>()) {
        all_packs(seed, &|record, _| {
            let again: Facts = serde_json::from_str(&serde_json::to_string(&record.facts).ok()?).ok()?;
            let bytes = |d: Decision| serde_json::to_string(&d).expect("a decision serialises");
            let same = bytes(decide(record)) == bytes(with_facts(record, again));
            (!same).then(|| String::from("two evaluations differ"))
        })?;
    }
}

/// Found by (c): with 249 feared in Texas the case was open, with nothing known of Texas it was not required, although
/// 2 persons in all decide both.
#[test]
fn what_is_feared_of_a_part_takes_nothing_from_the_bound_of_the_whole() {
    let decide = |texas: &str| {
        let facts = super::facts(&format!(
            "
scope.jurisdictions: [US-TX]
timeline.determined_at: 2025-04-21[America/Chicago]
counts.principals_total: 2
counts.by_jurisdiction.US-TX: {texas}
"
        ));
        evaluate(&super::shipped(), &facts, super::now()).regime("us-tx").map(|d| d.regulator)
    };
    assert_eq!(decide("unknown"), Some(Outcome::NotRequired));
    assert_eq!(decide("{value: 249, certainty: suspected}"), Some(Outcome::NotRequired));
    assert_eq!(
        decide("{value: {range: {min: 1, max: 300}}, certainty: suspected}"),
        Some(Outcome::NotRequired)
    );
}

/// A record is settled before it is used: nothing in it contradicts anything else.
#[test]
fn the_records_do_not_contradict_themselves() {
    for seed in 0..200 {
        let mut record = super::records::record(seed);
        let before = record.facts.clone();
        settle(&mut record.facts);
        assert_eq!(before, record.facts);
    }
}
