//! Packs, cases and facts are written by people and uploaded by others: no text may panic or hang.
#![no_main]

use std::sync::LazyLock;

use law::{EvaluatedAt, Facts, Lang, Packs, SHIPPED, cases::Cases, evaluate};
use libfuzzer_sys::fuzz_target;

static PACKS: LazyLock<Packs> = LazyLock::new(|| Packs::load(SHIPPED.iter().copied()).unwrap());

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let at = EvaluatedAt("2026-11-22T00:00:00Z".parse().unwrap());
    let _ = Cases::load([("cases.yaml", text)]);
    let _ = Facts::from_json("facts.json", text);
    if let Ok(facts) = Facts::from_yaml("facts.yaml", text) {
        for decision in evaluate(&PACKS, &facts, at).decisions {
            let _ = decision.to_prose(Lang::Ja);
        }
    }
    if let Ok(packs) = Packs::load([("pack.yaml", text)]) {
        evaluate(&packs, &Facts::default(), at);
    }
});
