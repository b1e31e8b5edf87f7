//! Packs, cases and facts are written by people and uploaded by others: no text may panic or hang, and the answers without reasons are
//! those with reasons.
#![no_main]

use std::sync::LazyLock;

use law::{Decision, EvaluatedAt, Facts, Lang, Packs, Prepared, SHIPPED, Verdict, cases::Cases, evaluate};
use libfuzzer_sys::fuzz_target;

static PACKS: LazyLock<Packs> = LazyLock::new(|| Packs::load(SHIPPED.iter().copied()).unwrap());

static PREPARED: LazyLock<Prepared<'static>> = LazyLock::new(|| Prepared::new(&PACKS));

fn same(decision: &Decision, verdict: &Verdict<'_>) {
    assert_eq!((decision.regulator, decision.persons), (verdict.regulator, verdict.persons), "{}", decision.regime);
    assert_eq!(decision.duties.len(), verdict.duties.len(), "{}", decision.regime);
    for (with, without) in decision.duties.iter().zip(&verdict.duties) {
        assert_eq!(with.outcome, without.outcome, "{}/{}", decision.regime, with.id);
        let ends = with.deadlines.iter().map(|line| line.due.as_ref().map(law::Due::ends_at));
        assert!(ends.eq(without.ends.iter().map(|(_, end)| *end)), "{}/{}", decision.regime, with.id);
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let at = EvaluatedAt("2026-11-22T00:00:00Z".parse().unwrap());
    let _ = Cases::load([("cases.yaml", text)]);
    let _ = Facts::from_json("facts.json", text);
    if let Ok(facts) = Facts::from_yaml("facts.yaml", text) {
        let decisions = evaluate(&PACKS, &facts, at).decisions;
        for (decision, verdict) in decisions.iter().zip(PREPARED.verdicts(&facts, at)) {
            same(decision, &verdict);
            let _ = decision.to_prose(Lang::Ja);
        }
    }
    if let Ok(packs) = Packs::load([("pack.yaml", text)]) {
        let decisions = evaluate(&packs, &Facts::default(), at).decisions;
        for (decision, verdict) in decisions.iter().zip(Prepared::new(&packs).verdicts(&Facts::default(), at)) {
            same(decision, &verdict);
        }
    }
});
