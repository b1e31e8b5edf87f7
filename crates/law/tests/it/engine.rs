//! Properties of the engine, and the corners that no worked case shows.

use law::{
    Certainty, DeadlineStatus, Decision, EvaluatedAt, Facts, Grade, Missing, Outcome, Packs, Scope, evaluate,
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
    assert!(assessment.decisions.len() >= 31);
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
    let assessment = evaluate(&shipped(), &facts("scope.jurisdictions: [AQ]"), now());
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

/// A minimal record under one regime, with more lines.
fn due_of(
    regime: &str,
    deadline: (&str, &str),
    record: &str,
) -> (DeadlineStatus, Option<String>, bool, Vec<String>) {
    let d = decide(&shipped(), &facts(record), regime);
    let l = d.duty(deadline.0).unwrap().deadlines.iter().find(|l| l.id == deadline.1).unwrap();
    let missing = d.missing_facts.iter().map(|m| m.fact.clone()).collect();
    (l.status, l.due.as_ref().map(|due| due.show()), l.provisional, missing)
}

const NIS2: &str = "
scope.jurisdictions: [EU, DE]
timeline.occurred_from: 2025-06-03T08:00:00+02:00[Europe/Berlin]
timeline.became_aware_at: 2025-06-03T09:00:00+02:00[Europe/Berlin]
event.severe_disruption: true
event.ongoing: false
";

#[test]
fn a_doubtful_shorter_period_counts_already() {
    let trust =
        "parties.designations: {range: {min: [nis2_essential], max: [nis2_essential, nis2_trust_service]}}";
    let (_, due, provisional, missing) =
        due_of("eu-nis2", ("regulator", "notification"), &format!("{NIS2}{trust}\n"));
    assert_eq!(due.as_deref(), Some("2025-06-04T09:00:00+02:00[Europe/Berlin]"));
    assert!(provisional && missing.contains(&"parties.designations".to_owned()));
}

#[test]
fn only_a_certain_end_of_a_delay_moves_a_date() {
    let texas = |until: &str| {
        let record = format!(
            "
scope.jurisdictions: [US-TX]
parties.role: controller
timeline.determined_at: 2025-03-03T10:00:00-06:00[America/Chicago]
data.name_present: true
data.medium: electronic
data.categories: [gov_id.ssn]
event.confidentiality_level: acquired
event.within_organisation_only: false
protection.encrypted: none
counts.principals_total: 300
counts.by_jurisdiction.US-TX: 300
persons.law_enforcement_delay: true
persons.law_enforcement_delay_until: {until}
"
        );
        let (status, due, _, missing) = due_of("us-tx", ("persons", "notice"), &record);
        (status, due.unwrap(), missing.contains(&"persons.law_enforcement_delay_until".to_owned()))
    };
    let later = "2025-06-01T17:00:00-05:00[America/Chicago]";
    assert_eq!(texas(later), (DeadlineStatus::Suspended, later.to_owned(), false));
    let own = || "2025-05-02".to_owned();
    assert_eq!(texas("unknown"), (DeadlineStatus::Suspended, own(), true));
    let feared = format!("{{value: \"{later}\", certainty: suspected}}");
    assert_eq!(texas(&feared), (DeadlineStatus::Suspended, own(), true));
    let range =
        format!("{{range: {{min: \"{later}\", max: \"2026-04-01T17:00:00-05:00[America/Chicago]\"}}}}");
    assert_eq!(texas(&range), (DeadlineStatus::Suspended, later.to_owned(), false), "the earliest end");
    let past = "2025-03-10T17:00:00-05:00[America/Chicago]";
    assert_eq!(texas(past), (DeadlineStatus::Computed, own(), false), "it ended before the period does");
}

#[test]
fn a_report_that_is_only_feared_leaves_the_end_before_as_the_start() {
    let with = |reported: &str| {
        let record = format!(
            "{NIS2}parties.designations: [nis2_essential]\nprocess.reported_at.eu-nis2: {reported}\n"
        );
        due_of("eu-nis2", ("regulator", "final"), &record)
    };
    let (unknown, feared) = (
        with("unknown"),
        with("{value: \"2025-06-05T09:00:00+02:00[Europe/Berlin]\", certainty: suspected}"),
    );
    assert_eq!((&unknown.1, unknown.2), (&Some("2025-07-06".to_owned()), true));
    assert_eq!((&feared.1, feared.2), (&unknown.1, true));
}

#[test]
fn a_view_of_the_authority_brings_the_deadlines_and_makes_no_duty_of_best_efforts() {
    let before_2022 = japan(
        "
timeline.occurred_from: 2021-06-01T09:00:00+09:00[Asia/Tokyo]
timeline.became_aware_at: 2021-06-02T10:00:00+09:00[Asia/Tokyo]
data.is_personal_data: unknown
process.authority_view.jp-appi-26: reportable
",
    );
    assert_eq!(decide(&shipped(), &before_2022, "jp-appi-26").regulator, Outcome::BestEffort);
    let open = japan("counts.principals_total: unknown\nprocess.authority_view.jp-appi-26: reportable\n");
    let d = decide(&shipped(), &open, "jp-appi-26");
    assert_eq!(d.regulator, Outcome::Must);
    assert!(d.duty("regulator").unwrap().deadlines.iter().any(|l| l.due.is_some()));
    let closed = japan("counts.principals_total: 5000\nprocess.authority_view.jp-appi-26: not_reportable\n");
    let d = decide(&shipped(), &closed, "jp-appi-26");
    assert_eq!(d.regulator, Outcome::Must, "what the facts decide stays");
    assert!(d.notes.iter().any(|n| n.en.contains("view differs")));
}

#[test]
fn what_may_well_be_so_is_no_contradiction() {
    for record in [
        "event.recovered_unread: true\nevent.confidentiality_level: disclosed\n",
        "event.recovered_unread: true\nevent.confidentiality_level: acquired\n",
        "counts.principals_total: 10\ncounts.by_jurisdiction.ES-CT: 10\ncounts.by_jurisdiction.ES-B: 8\n",
    ] {
        assert_eq!(facts(record).contradictions(), [], "{record}");
    }
    for record in [
        "event.recovered_unread: true\nevent.confidentiality_level: accessed\n",
        "counts.principals_total: 10\ncounts.by_jurisdiction.US-TX: 10\ncounts.by_jurisdiction.US-CA: 8\n",
    ] {
        assert!(Facts::from_yaml("facts.yaml", record).is_err(), "{record}");
    }
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

/// A record, unless its facts exclude one another: such a record is refused before anybody evaluates it.
fn record(picks: &[prop::sample::Index], aware: usize) -> Option<Facts> {
    let mut text = format!("timeline.became_aware_at: \"{}\"\n", AWARE[aware]);
    for ((name, values), pick) in CHOICES.iter().zip(picks) {
        let value = values[pick.index(values.len())];
        let value = if value.ends_with("Tokyo]") { format!("\"{value}\"") } else { value.to_owned() };
        text += &format!("{name}: {value}\n");
    }
    Facts::from_yaml("facts.yaml", &text).ok()
}

fn records() -> impl Strategy<Value = Facts> {
    (prop::collection::vec(any::<prop::sample::Index>(), CHOICES.len()), 0..AWARE.len())
        .prop_filter_map("contradicts itself", |(picks, aware)| record(&picks, aware))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

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
            // Where suspicion does not count, the role of the organisation alone may rule a duty out.
            let japan = |d: &&Decision| d.regime.starts_with("jp-appi");
            for d in evaluate(packs, &f, now()).decisions.iter().filter(japan) {
                prop_assert!(d.regulator != Outcome::NotRequired, "{}", d.regime);
            }
            Ok(())
        })?;
    }
}
