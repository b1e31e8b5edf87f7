//! One incident against all shipped packs, and what loading the packs costs.

use divan::{Bencher, black_box};
use law::{EvaluatedAt, Facts, Lang, Packs, SHIPPED, SHIPPED_CASES, cases::Cases, evaluate};

fn main() {
    divan::main();
}

fn packs() -> Packs {
    Packs::load(SHIPPED.iter().copied()).expect("the shipped packs load: a test says so")
}

fn incident(id: &str) -> (Facts, EvaluatedAt) {
    let cases = Cases::load(SHIPPED_CASES.iter().copied()).expect("the shipped cases load: a test says so");
    let case = cases.cases.into_iter().find(|c| c.id == id).expect("the case is shipped");
    (case.facts, case.evaluated_at)
}

#[divan::bench(args = ["JP-01", "JP-14", "EU-02"])]
fn all_packs(bencher: Bencher<'_, '_>, id: &str) {
    let (packs, (facts, at)) = (packs(), incident(id));
    bencher.bench(|| evaluate(black_box(&packs), black_box(&facts), at));
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

#[divan::bench]
fn read_facts(bencher: Bencher<'_, '_>) {
    let json = serde_json::to_string(&incident("JP-14").0).expect("facts serialise");
    bencher.bench(|| Facts::from_json("facts.json", black_box(&json)));
}
