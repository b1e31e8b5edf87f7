//! Properties of the engine, and the corners that no worked case shows.

use law::{
    Certainty, DeadlineStatus, Decision, EvaluatedAt, Facts, Grade, Missing, Outcome, Packs, Scope, Truth,
    evaluate,
};
use proptest::prelude::*;

use super::{decide, facts, japan, now, shipped};

thread_local! {
    static PACKS: Packs = shipped();
}

fn with_packs<T>(f: impl FnOnce(&Packs) -> T) -> T {
    PACKS.with(f)
}

#[test]
fn nothing_known_needs_review_everywhere() {
    let assessment = evaluate(&shipped(), &Facts::default(), now());
    assert_eq!(assessment.decisions.len(), 3);
    for d in &assessment.decisions {
        assert_eq!(
            (d.regulator, d.persons, d.scope),
            (Outcome::NeedsReview, Outcome::NeedsReview, Scope::Unknown)
        );
        assert!(d.missing_facts.iter().any(|m| m.fact == "scope.jurisdictions"), "{}", d.regime);
    }
}

#[test]
fn a_law_of_elsewhere_is_out_of_scope_whatever_else_is_missing() {
    let assessment = evaluate(&shipped(), &facts("scope.jurisdictions: [SG]"), now());
    for d in &assessment.decisions {
        assert_eq!((d.regulator, d.persons), (Outcome::OutOfScope, Outcome::OutOfScope), "{}", d.regime);
        assert!(d.missing_facts.is_empty() && d.duties.is_empty());
    }
}

#[test]
fn what_is_missing_is_exactly_what_could_matter() {
    let mut f = japan("counts.principals_total: unknown\ndata.pseudonymised: unknown");
    let d = decide(&shipped(), &f, "jp-appi-26");
    let missing: Vec<_> = d.missing_facts.iter().map(|m| (m.fact.as_str(), m.reason)).collect();
    assert_eq!(
        missing,
        [("counts.principals_total", Missing::Unknown), ("data.pseudonymised", Missing::Unknown)],
        "the key status cannot matter while nothing is encrypted"
    );
    f.set("counts.principals_total", law::Fact::known(law::Value::Count(10))).unwrap();
    assert_eq!(decide(&shipped(), &f, "jp-appi-26").regulator, Outcome::NotRequired);
}

#[test]
fn suspicion_counts_for_the_duty_and_never_against_it() {
    let packs = shipped();
    let outcome = |more: &str| decide(&packs, &japan(more), "jp-appi-26").regulator;
    assert_eq!(outcome("cause.malicious_purpose: {value: true, certainty: suspected}"), Outcome::Must);
    assert_eq!(outcome("cause.malicious_purpose: {value: true, certainty: ruled_out}"), Outcome::NotRequired);
    assert_eq!(
        outcome("cause.malicious_purpose: {value: false, certainty: suspected}"),
        Outcome::NeedsReview
    );
    let big = "counts.principals_total: 5000\nprotection.key_status: safe\n";
    let hoped = format!("{big}protection.encrypted: {{value: listed_cipher, certainty: suspected}}");
    assert_eq!(outcome(&hoped), Outcome::NeedsReview, "a hoped-for encryption relieves nobody");
    assert_eq!(outcome(&format!("{big}protection.encrypted: listed_cipher")), Outcome::NotRequired);
    let feared = format!("{big}protection.encrypted: {{value: none, certainty: suspected}}");
    assert_eq!(outcome(&feared), Outcome::Must);
}

#[test]
fn a_doubtful_sixty_days_does_not_extend_the_thirty() {
    let d = decide(
        &shipped(),
        &japan("counts.principals_total: 5000\ncause.malicious_purpose: unknown"),
        "jp-appi-26",
    );
    assert_eq!(d.regulator, Outcome::Must);
    let last = d.duty("regulator").unwrap().deadlines.iter().find(|l| l.id == "final").unwrap();
    assert_eq!(last.due.as_ref().unwrap().show(), "2025-07-01");
    assert!(last.provisional);
    assert!(
        last.computation.iter().any(|s| s.en.contains("a period of 60 could apply instead (end 2025-07-31)"))
    );
    assert!(d.missing_facts.iter().any(|m| m.fact == "cause.malicious_purpose"));
}

#[test]
fn a_count_that_grows_adds_a_clock_and_keeps_the_first() {
    let f = japan(
        "counts.principals_total: 1001\ntimeline.count_exceeded_at: 2025-06-20T10:00:00+09:00[Asia/Tokyo]",
    );
    let d = decide(&shipped(), &f, "jp-appi-26");
    let due = |id: &str| {
        let l = d.duty("regulator").unwrap().deadlines.iter().find(|l| l.id == id).unwrap();
        (l.due.as_ref().unwrap().show(), l.grade)
    };
    assert_eq!(due("final"), ("2025-07-01".into(), Grade::Verified));
    // 30 days with day 1 on 06-20 end on Saturday 07-19; Monday 07-21 is Marine Day.
    assert_eq!(due("final_from_growth"), ("2025-07-22".into(), Grade::Memory));
}

#[test]
fn a_calendar_that_ends_asks_a_person_but_keeps_the_duty() {
    let f = japan(
        "counts.principals_total: 5000
timeline.occurred_from: 2027-12-14T10:00:00+09:00[Asia/Tokyo]
timeline.became_aware_at: 2027-12-15T10:00:00+09:00[Asia/Tokyo]",
    );
    let at = EvaluatedAt("2027-12-16T00:00:00Z".parse().unwrap());
    let d = evaluate(&shipped(), &f, at).regime("jp-appi-26").unwrap().clone();
    assert_eq!(d.regulator, Outcome::Must);
    let last = d.duty("regulator").unwrap().deadlines.iter().find(|l| l.id == "final").unwrap();
    assert_eq!((last.status, last.due.as_ref()), (DeadlineStatus::NeedsReview, None));
    assert_eq!(last.raw_due.as_ref().unwrap().show(), "2028-01-13");
    assert!(d.notes.iter().any(|n| n.en.contains("last compared with the law on 2026-10-09")));
}

#[test]
fn what_was_not_yet_known_law_is_not_applied() {
    let f = japan("counts.principals_total: 5000");
    let early = EvaluatedAt("2020-01-01T00:00:00Z".parse().unwrap());
    let d = evaluate(&shipped(), &f, early).regime("jp-appi-26").unwrap().clone();
    assert_eq!((d.regulator, d.pack_version), (Outcome::NeedsReview, None));
    assert!(d.pending.is_empty(), "the amendment of 2026 was not known in 2020");
    let later = decide(&shipped(), &f, "jp-appi-26");
    assert_eq!(later.pending.len(), 1);
    assert!(later.trace.nodes.iter().all(|n| n.expected.as_deref() != Some("2026-amendment")));
}

#[test]
fn a_start_known_only_as_a_range_across_a_change_of_law_needs_review() {
    let d = decide(
        &shipped(),
        &japan(
            "counts.principals_total: 5000
timeline.occurred_from: 2022-03-01T10:00:00+09:00[Asia/Tokyo]
timeline.became_aware_at: {range: {min: \"2022-03-20[Asia/Tokyo]\", max: \"2022-04-05[Asia/Tokyo]\"}}",
        ),
        "jp-appi-26",
    );
    assert_eq!(d.regulator, Outcome::NeedsReview);
    assert_eq!(d.missing_facts[0].fact, "timeline.became_aware_at");
}

#[test]
fn an_unknown_occurrence_needs_review_unless_it_cannot_lie_before() {
    let packs = shipped();
    let outcome = |more: &str| {
        decide(&packs, &japan(&format!("counts.principals_total: 5000\n{more}")), "jp-appi-26").regulator
    };
    assert_eq!(outcome("timeline.occurred_from: unknown"), Outcome::NeedsReview);
    let bounded = "timeline.occurred_from: {range: {min: \"2025-05-01[Asia/Tokyo]\"}}";
    assert_eq!(outcome(bounded), Outcome::Must);
}

#[test]
fn grades_below_verified_are_told() {
    let city = facts(
        "
scope.jurisdictions: [JP]
parties.entity_type: local_gov
timeline.occurred_from: 2024-06-01T09:00:00+09:00[Asia/Tokyo]
timeline.became_aware_at: 2024-06-02T09:00:00+09:00[Asia/Tokyo]
data.is_personal_data: true
data.categories: [special_care.treatment]
data.non_disclosure_information: false
event.kinds: [leak]
event.recovered_unread: false
event.intended_provision: false
protection.encrypted: none
persons.contact_data_available: true
",
    );
    let d = decide(&shipped(), &city, "jp-appi-68");
    assert_eq!((d.regulator, d.persons, d.grade), (Outcome::Must, Outcome::Must, Grade::Memory));
    assert!(d.caveats.iter().any(|c| c.clause.as_ref().is_some_and(|c| &*c.en == "Rule 43(i)")));
}

#[test]
fn the_rounded_hour_is_an_annotation_only() {
    let f = facts(
        "
scope.jurisdictions: [DE]
parties.role: controller
timeline.became_aware_at: 2024-03-29T17:20:00+01:00[Europe/Berlin]
data.is_personal_data: true
event.kinds: [leak]
risk.gdpr_risk: risk
",
    );
    let d = decide(&shipped(), &f, "eu-gdpr");
    let (_, l) = d.deadlines().next().unwrap();
    assert_eq!(l.due.as_ref().unwrap().show(), "2024-04-01T18:20:00+02:00[Europe/Berlin]");
    assert_eq!(l.annotations[0].due.show(), "2024-04-01T19:00:00+02:00[Europe/Berlin]");
    assert_eq!(l.annotations[0].grade, Grade::Secondary);
}

#[test]
fn a_decision_survives_json() {
    let assessment = evaluate(&shipped(), &japan("counts.principals_total: 5000"), now());
    let json = serde_json::to_string(&assessment).unwrap();
    assert_eq!(serde_json::from_str::<law::Assessment>(&json).unwrap(), assessment);
}

// ---- properties -------------------------------------------------------------------------------------------------

/// The facts that the shipped packs read, with values to choose from; the first is always `unknown`.
const CHOICES: &[(&str, &[&str])] = &[
    ("scope.jurisdictions", &["unknown", "[JP]", "[DE]", "[JP, EU]", "[SG]"]),
    ("parties.entity_type", &["unknown", "private", "local_gov", "national_admin"]),
    ("parties.role", &["unknown", "controller", "processor"]),
    ("parties.notified_entrustor", &["unknown", "true", "false"]),
    ("parties.entrustor_bears_duty", &["unknown", "true", "false"]),
    (
        "timeline.occurred_from",
        &[
            "unknown",
            "2021-06-01[Asia/Tokyo]",
            "2022-03-20[Asia/Tokyo]",
            "2023-10-26[Asia/Tokyo]",
            "2025-06-01[Asia/Tokyo]",
        ],
    ),
    ("data.is_personal_data", &["unknown", "true", "false"]),
    ("data.being_acquired", &["unknown", "true", "false"]),
    ("data.planned_for_database", &["unknown", "true", "false"]),
    ("data.pseudonymised", &["unknown", "true", "false"]),
    ("data.non_disclosure_information", &["unknown", "true", "false"]),
    (
        "data.categories",
        &["unknown", "[ordinary]", "[special_care.crime]", "[financial.card]", "[ordinance_special_care]"],
    ),
    (
        "event.kinds",
        &["unknown", "[]", "[leak]", "[loss]", "[damage]", "{value: [leak], certainty: suspected}"],
    ),
    ("event.recovered_unread", &["unknown", "true", "false", "{value: true, certainty: suspected}"]),
    ("event.duplicate_kept", &["unknown", "true", "false"]),
    ("event.intended_provision", &["unknown", "true", "false"]),
    ("event.trivial_misdelivery", &["unknown", "true", "false"]),
    ("cause.malicious_purpose", &["unknown", "true", "false", "{value: true, certainty: suspected}"]),
    ("cause.indicators", &["unknown", "[]", "[c2_contact]"]),
    ("risk.property_damage", &["unknown", "true", "false"]),
    ("risk.gdpr_risk", &["unknown", "unlikely", "risk", "high"]),
    ("risk.high_risk_averted", &["unknown", "true", "false"]),
    ("protection.encrypted", &["unknown", "none", "listed_cipher"]),
    ("protection.key_status", &["unknown", "safe", "compromised"]),
    ("persons.contact_data_available", &["unknown", "true", "false"]),
    ("persons.alternative_measures_taken", &["unknown", "true", "false"]),
    ("persons.disproportionate_effort", &["unknown", "true", "false"]),
    ("counts.principals_total", &["unknown", "1", "100", "101", "1000", "1001", "{range: {min: 5}}"]),
];
const AWARE: &[&str] =
    &["2021-06-02[Asia/Tokyo]", "2022-04-10[Asia/Tokyo]", "2023-10-27[Asia/Tokyo]", "2025-06-02[Asia/Tokyo]"];

fn record(picks: &[prop::sample::Index], aware: usize) -> Facts {
    let mut text = format!("timeline.became_aware_at: \"{}\"\n", AWARE[aware]);
    for ((name, values), pick) in CHOICES.iter().zip(picks) {
        let value = values[pick.index(values.len())];
        let value = if value.ends_with("Tokyo]") { format!("\"{value}\"") } else { value.to_owned() };
        text += &format!("{name}: {value}\n");
    }
    facts(&text)
}

fn records() -> impl Strategy<Value = Facts> {
    (prop::collection::vec(any::<prop::sample::Index>(), CHOICES.len()), 0..AWARE.len())
        .prop_map(|(picks, aware)| record(&picks, aware))
}

fn outcomes(d: &Decision) -> Vec<(String, Outcome)> {
    let mut all = vec![("regulator".into(), d.regulator), ("persons".into(), d.persons)];
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_same_input_gives_the_same_bytes(f in records()) {
        with_packs(|packs| {
            let a = serde_json::to_string(&evaluate(packs, &f, now())).unwrap();
            let again = serde_json::from_str::<Facts>(&serde_json::to_string(&f).unwrap()).unwrap();
            let b = serde_json::to_string(&evaluate(packs, &again, now())).unwrap();
            prop_assert_eq!(a, b);
            Ok(())
        })?;
    }

    /// Forgetting a fact moves an outcome to "needs review" or leaves it; it never turns it into another.
    #[test]
    fn what_becomes_known_never_contradicts_what_was_decided(f in records(), i in 0..CHOICES.len()) {
        with_packs(|packs| {
            let mut less = f.clone();
            less.remove(CHOICES[i].0);
            let (before, after) = (evaluate(packs, &less, now()), evaluate(packs, &f, now()));
            for (b, a) in before.decisions.iter().zip(&after.decisions) {
                for ((who, b), (_, a)) in outcomes(b).iter().zip(outcomes(a)) {
                    // Only a count's lower bound or a transition may still call a person in.
                    prop_assert!(*b == Outcome::NeedsReview || *b == a, "{who} {b:?} became {a:?} by {}", CHOICES[i].0);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn more_people_never_lower_the_duty(f in records(), a in 0u64..3000, b in 0u64..3000) {
        with_packs(|packs| {
            let with = |n: u64| {
                let mut f = f.clone();
                f.set("counts.principals_total", law::Fact::known(law::Value::Count(n))).unwrap();
                evaluate(packs, &f, now())
            };
            let (few, many) = (with(a.min(b)), with(a.max(b)));
            for (few, many) in few.decisions.iter().zip(&many.decisions) {
                prop_assert!(strength(few.persons) <= strength(many.persons), "{few:?} {many:?}");
                // The one exception: a processor whose entrustor bears no duty goes to a person when it passes the threshold.
                if many.regulator != Outcome::NeedsReview {
                    prop_assert!(strength(few.regulator) <= strength(many.regulator));
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn encryption_with_a_safe_key_never_creates_a_duty(f in records()) {
        with_packs(|packs| {
            let mut safe = f.clone();
            safe.set("protection.encrypted", law::Fact::known(law::Value::Word("listed_cipher".into()))).unwrap();
            safe.set("protection.key_status", law::Fact::known(law::Value::Word("safe".into()))).unwrap();
            let (before, after) = (evaluate(packs, &f, now()), evaluate(packs, &safe, now()));
            for (b, a) in before.decisions.iter().zip(&after.decisions) {
                for ((_, b), (_, a)) in outcomes(b).iter().zip(outcomes(a)) {
                    prop_assert!(!(strength(*b) <= 1 && strength(a) == 3));
                }
            }
            Ok(())
        })?;
    }

    /// The trace alone gives the same answers, and "not required" always has a rule that said no.
    #[test]
    fn the_trace_carries_the_outcome(f in records()) {
        with_packs(|packs| {
            for d in &evaluate(packs, &f, now()).decisions {
                for node in &d.trace.nodes {
                    prop_assert_eq!(node.replay(), node.result);
                }
                for duty in &d.duties {
                    let tree = d.trace.nodes.iter().find(|n| n.rule_id == duty.id).unwrap();
                    match duty.outcome {
                        Outcome::Must | Outcome::BestEffort => prop_assert_eq!(tree.result, Truth::T),
                        Outcome::NotRequired | Outcome::Exempt => prop_assert_eq!(tree.result, Truth::F),
                        Outcome::NeedsReview => prop_assert!(!d.missing_facts.is_empty() || !d.notes.is_empty()),
                        Outcome::OutOfScope => prop_assert_eq!(d.scope, Scope::Out),
                    }
                    for l in &duty.deadlines {
                        if let (Some(raw), Some(due)) = (&l.raw_due, &l.due) {
                            prop_assert!(raw.ends_at() <= due.ends_at());
                        }
                    }
                }
            }
            Ok(())
        })?;
    }

    /// A record in which everything is only suspected never says "not required" by silence.
    #[test]
    fn suspected_facts_alone_do_not_rule_a_duty_out(f in records()) {
        with_packs(|packs| {
            let mut text = serde_json::to_value(&f).unwrap();
            for (name, fact) in text.as_object_mut().unwrap() {
                if !name.starts_with("timeline") && !name.starts_with("scope") && !name.starts_with("parties") {
                    fact["certainty"] = "suspected".into();
                }
            }
            let f: Facts = serde_json::from_value(text).unwrap();
            prop_assert!(f.iter().any(|(_, x)| x.certainty == Certainty::Suspected));
            for d in &evaluate(packs, &f, now()).decisions {
                let role_decides = d.regime == "eu-gdpr";
                prop_assert!(role_decides || d.regulator != Outcome::NotRequired, "{}", d.regime);
            }
            Ok(())
        })?;
    }
}
