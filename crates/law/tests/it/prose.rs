//! What a person reads.

use law::Lang;

use super::{decide, japan, shipped};

#[test]
fn the_trace_reads_as_clauses() {
    let d = decide(&shipped(), &japan("counts.principals_total: 339"), "jp-appi-26");
    let en = d.trace.to_prose(Lang::En);
    assert!(en.contains("Rule 7(iv): number of principals 339 > 1000 → not met"), "{en}");
    let ja = d.trace.to_prose(Lang::Ja);
    assert!(ja.contains("規則7条4号：本人の数 339 > 1000 → 該当しない"), "{ja}");
}

#[test]
fn a_whole_decision_in_english() {
    let d =
        decide(&shipped(), &japan("counts.principals_total: {range: {min: 200, max: 1200}}"), "jp-appi-26");
    insta::assert_snapshot!(d.to_prose(Lang::En));
}

#[test]
fn a_whole_decision_in_japanese() {
    let d = decide(
        &shipped(),
        &japan(
            "event.kinds: {value: [leak], certainty: suspected}\ncounts.principals_total: {range: {min: 200}}",
        ),
        "jp-appi-26",
    );
    insta::assert_snapshot!(d.to_prose(Lang::Ja));
}
