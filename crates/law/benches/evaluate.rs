//! One incident against all shipped packs, many incidents on one core, and what loading the packs costs.

use divan::{Bencher, black_box, counter::ItemsCount};
use law::{
    EvaluatedAt, Fact, Facts, Lang, Packs, Prepared, SHIPPED, SHIPPED_CASES, Value,
    cases::{Case, Cases},
    evaluate,
};

fn main() {
    divan::main();
}

fn packs() -> Packs {
    Packs::load(SHIPPED.iter().copied()).expect("the shipped packs load: a test says so")
}

fn cases() -> Vec<Case> {
    Cases::load(SHIPPED_CASES.iter().copied()).expect("the shipped cases load: a test says so").cases
}

fn incident(id: &str) -> (Facts, EvaluatedAt) {
    let case = cases().into_iter().find(|c| c.id == id).expect("the case is shipped");
    (case.facts, case.evaluated_at)
}

/// The target is less than a millisecond.
#[divan::bench(args = ["JP-01", "JP-14", "EU-02", "US-01"])]
fn all_packs(bencher: Bencher<'_, '_>, id: &str) {
    let (packs, (facts, at)) = (packs(), incident(id));
    bencher.bench(|| evaluate(black_box(&packs), black_box(&facts), at));
}

/// An incident that concerns every jurisdiction at once: no regime is out of scope by its place.
#[divan::bench]
fn all_packs_everywhere(bencher: Bencher<'_, '_>) {
    let (packs, (mut facts, at)) = (packs(), incident("JP-14"));
    let codes = packs.regimes().map(|r| r.jurisdiction.to_owned()).collect();
    facts.set("scope.jurisdictions", Fact::known(Value::Words(codes))).expect("codes");
    bencher.bench(|| evaluate(black_box(&packs), black_box(&facts), at));
}

/// Synthetic incidents: every worked case with several numbers of persons. The counter shows incidents a second.
fn incidents() -> Vec<(Facts, EvaluatedAt)> {
    let counts = [1, 99, 500, 1_001, 250_000];
    let with = |case: &Case, n: u64| {
        let mut facts = case.facts.clone();
        facts.set("counts.principals_total", Fact::known(Value::Count(n))).expect("a count");
        (facts, case.evaluated_at)
    };
    cases().iter().flat_map(|case| counts.map(|n| with(case, n))).collect()
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn many_incidents_against_all_packs(bencher: Bencher<'_, '_>) {
    let (packs, incidents) = (packs(), incidents());
    bencher.counter(ItemsCount::new(incidents.len())).bench(|| {
        for (facts, at) in &incidents {
            black_box(evaluate(black_box(&packs), black_box(facts), *at));
        }
    });
}

/// The same without reasons: outcomes and ends of deadlines. The target is 100,000 a second.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn many_incidents_without_reasons(bencher: Bencher<'_, '_>) {
    let (packs, incidents) = (packs(), incidents());
    let prepared = Prepared::new(&packs);
    bencher.counter(ItemsCount::new(incidents.len())).bench(|| {
        for (facts, at) in &incidents {
            black_box(prepared.verdicts(black_box(facts), *at));
        }
    });
}

/// The questionnaire: every answer to every open fact is tried.
#[divan::bench(args = ["JP-01", "EU-02"])]
fn questions(bencher: Bencher<'_, '_>, id: &str) {
    let (packs, (mut facts, at)) = (packs(), incident(id));
    for open in ["cause.malicious_purpose", "data.categories", "counts.principals_total"] {
        facts.set(open, Fact::unknown()).expect("a fact");
    }
    bencher.bench(|| law::questions(black_box(&packs), black_box(&facts), at));
}

/// What preparing costs.
#[divan::bench]
fn prepare(bencher: Bencher<'_, '_>) {
    let packs = packs();
    bencher.bench(|| Prepared::new(black_box(&packs)));
}

#[divan::bench]
fn prose(bencher: Bencher<'_, '_>) {
    let (packs, (facts, at)) = (packs(), incident("JP-14"));
    let assessment = evaluate(&packs, &facts, at);
    bencher.bench(|| assessment.decisions.iter().map(|d| d.to_prose(Lang::Ja).len()).sum::<usize>());
}

#[divan::bench]
fn load_packs() -> Packs {
    packs()
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn lint_packs(bencher: Bencher<'_, '_>) {
    let packs = packs();
    bencher.bench(|| law::lint(black_box(&packs), None, None));
}

#[divan::bench]
fn read_facts(bencher: Bencher<'_, '_>) {
    let json = serde_json::to_string(&incident("JP-14").0).expect("facts serialise");
    bencher.bench(|| Facts::from_json("facts.json", black_box(&json)));
}
