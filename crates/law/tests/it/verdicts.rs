//! Outcomes without reasons are those of the path that explains itself: on every worked case under every pack, and on random
//! records.

use std::sync::LazyLock;

use law::{Assessment, DutyVerdict, Packs, Prepared, Scope, Verdict, cases::Cases, evaluate};
use proptest::prelude::*;

use super::{
    now,
    records::{Record, pack_of, record, show, smallest},
    shipped,
};

static PACKS: LazyLock<Packs> = LazyLock::new(shipped);
static PREPARED: LazyLock<Prepared<'static>> = LazyLock::new(|| Prepared::new(&PACKS));

/// What an assessment says, in the shape of verdicts.
fn told(assessment: &Assessment) -> Vec<Verdict<'_>> {
    let decisions = assessment.decisions.iter();
    let verdicts = decisions.map(|d| Verdict {
        regime: &d.regime,
        // Whom a law does not concern needs no version of it; both leave the rest of the trace away then.
        version: d.pack_version.as_deref().filter(|_| d.scope != Scope::Out || d.trace.nodes.len() > 1),
        scope: d.scope,
        regulator: d.regulator,
        persons: d.persons,
        duties: d
            .duties
            .iter()
            .map(|duty| DutyVerdict {
                id: &duty.id,
                recipient: &duty.recipient,
                outcome: duty.outcome,
                ends: duty
                    .deadlines
                    .iter()
                    .map(|l| (l.id.as_str(), l.due.as_ref().map(|due| due.ends_at())))
                    .collect(),
            })
            .collect(),
    });
    verdicts.collect()
}

#[test]
fn every_worked_case_comes_to_the_same_under_every_pack() {
    let cases = Cases::load(law::SHIPPED_CASES.iter().copied()).unwrap().cases;
    let (mut bound, mut with_end) = (0, 0);
    for case in cases {
        let assessment = evaluate(&PACKS, &case.facts, case.evaluated_at);
        let verdicts = PREPARED.verdicts(&case.facts, case.evaluated_at);
        assert_eq!(verdicts, told(&assessment), "{}", case.id);
        for verdict in &verdicts {
            bound += usize::from(verdict.scope == Scope::In);
            with_end += verdict.duties.iter().flat_map(|d| &d.ends).filter(|(_, end)| end.is_some()).count();
        }
    }
    assert!(bound > 400 && with_end > 400, "{bound} bind, {with_end} ends: the cases decide something");
}

#[test]
fn the_outcome_for_a_recipient_is_the_strongest_of_its_duties() {
    let facts = super::japan("parties.role: processor");
    let verdict = PREPARED.verdict_of("jp-appi-26", &facts, now()).unwrap();
    let decision = super::decide(&PACKS, &facts, "jp-appi-26");
    for recipient in verdict.duties.iter().map(|d| d.recipient).chain(["regulator", "persons", "nobody"]) {
        assert_eq!(verdict.outcome_for(recipient), decision.outcome_for(recipient), "{recipient}");
    }
    assert_eq!(verdict.outcome_for("nobody"), None);
    assert!(PREPARED.verdict_of("no-such", &facts, now()).is_none());
}

/// The first difference, in words.
fn difference(record: &Record) -> Option<String> {
    let packs = pack_of(&record.regime);
    let assessment = evaluate(packs, &record.facts, record.at);
    let ours = PREPARED.verdict_of(&record.regime, &record.facts, record.at)?;
    let theirs = told(&assessment).remove(0);
    (ours != theirs).then(|| format!("without reasons: {ours:?}\nwith reasons:    {theirs:?}"))
}

fn agree(record: &Record) -> Result<(), TestCaseError> {
    if difference(record).is_none() {
        return Ok(());
    }
    let small = smallest(record, |r| difference(r).is_some());
    Err(TestCaseError::fail(format!("{}\n{}", difference(&small).unwrap_or_default(), show(&small))))
}

fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases * 4, max_shrink_iters: 0, failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn random_records_come_to_the_same(seed: u64) {
        agree(&record(seed))?;
    }
}
