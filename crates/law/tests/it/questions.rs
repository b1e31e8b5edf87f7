//! Which fact to find out next.

use law::{Fact, FactKind, Facts, Knowledge, Outcome, Question, Value, evaluate, questions};

use crate::{facts, japan, now, shipped};

fn names(found: &[Question]) -> Vec<&str> {
    found.iter().map(|question| question.fact.as_str()).collect()
}

/// The record with every combination of plain answers to these facts, as far as that is not too many.
fn every_way(record: &Facts, names: &[&str]) -> Vec<Facts> {
    let mut ways = vec![record.clone()];
    for name in names.iter().filter(|name| !name.contains('*')) {
        let values = match law::find_fact(name).unwrap().kind {
            FactKind::Flag => vec![Value::Flag(true), Value::Flag(false)],
            FactKind::Count => [0, 339, 100_000].map(Value::Count).to_vec(),
            FactKind::Moment => vec![known_moment()],
            FactKind::Choice(words) => words.iter().map(|word| Value::Word((*word).to_owned())).collect(),
            _ => Vec::new(),
        };
        let each = |way: &Facts| {
            let with = |value: &Value| {
                let mut way = way.clone();
                way.set(name, Fact::known(value.clone())).unwrap();
                way
            };
            values.iter().map(with).collect::<Vec<_>>()
        };
        if !values.is_empty() && ways.len() * values.len() <= 128 {
            ways = ways.iter().flat_map(each).collect();
        }
    }
    ways
}

fn known_moment() -> Value {
    Value::Moment(law::Moment::parse("2025-06-02T10:00:00+09:00[Asia/Tokyo]").unwrap())
}

/// One answer to a question, as plain as its type allows.
fn answer(facts: &mut Facts, question: &Question) {
    let value = match question.kind {
        FactKind::Flag => Value::Flag(false),
        FactKind::Count => Value::Count(339),
        FactKind::Moment => known_moment(),
        FactKind::Choice(words) => Value::Word(words[0].to_owned()),
        FactKind::Set(_) => Value::Words(Vec::new()),
        FactKind::Codes => Value::Words(vec!["JP".to_owned()]),
        FactKind::Text => Value::Word("none".to_owned()),
    };
    facts.set(&question.fact, Fact::known(value)).unwrap();
}

#[test]
fn nothing_is_asked_when_nothing_can_change() {
    let packs = shipped();
    let record = japan("data.medium: electronic");
    for question in questions(&packs, &record, now()) {
        assert!(
            question.outcomes.iter().all(|open| open.may_become != [Outcome::NeedsReview]),
            "{} is asked and settles nothing",
            question.fact
        );
    }
    // Everything that the law of Japan asks for is known: no outcome of it hangs on anything.
    let asked = questions(&packs, &record, now());
    assert!(
        asked.iter().all(|q| q
            .outcomes
            .iter()
            .all(|open| open.regime != "jp-appi-26" || open.recipient != "regulator")),
        "{:?}",
        names(&asked)
    );
}

#[test]
fn the_number_is_asked_around_what_decides() {
    let packs = shipped();
    let mut record = japan("data.medium: electronic");
    record.set("counts.principals_total", Fact::unknown()).unwrap();
    let asked = questions(&packs, &record, now());
    let first = asked.iter().find(|q| q.fact == "counts.principals_total").expect("the number is asked for");
    let open =
        first.outcomes.iter().find(|o| o.regime == "jp-appi-26" && o.recipient == "regulator").unwrap();
    assert_eq!(open.may_become, [Outcome::Must, Outcome::NotRequired]);
    // Between 200 and 900 no number decides otherwise.
    let range = Knowledge::Range { min: Some(Value::Count(200)), max: Some(Value::Count(900)) };
    record.set("counts.principals_total", Fact { value: range, ..Fact::unknown() }).unwrap();
    let asked = questions(&packs, &record, now());
    let still = asked.iter().find(|q| q.fact == "counts.principals_total");
    let japan = still.is_some_and(|q| q.outcomes.iter().any(|o| o.regime == "jp-appi-26"));
    assert!(!japan, "{:?}", names(&asked));
}

#[test]
fn what_more_hangs_on_comes_first_and_the_same_record_asks_the_same() {
    let packs = shipped();
    let record = facts("scope.jurisdictions: [JP]\nparties.entity_type: private\n");
    let asked = questions(&packs, &record, now());
    assert!(asked.windows(2).all(|pair| pair[0].weight >= pair[1].weight));
    assert_eq!(asked, questions(&packs, &record, now()));
}

#[test]
fn what_was_answered_is_not_asked_again_and_it_ends() {
    let packs = shipped();
    for begun in
        ["{}", "scope.jurisdictions: [JP]\nparties.entity_type: private\n", "scope.jurisdictions: [EU, JP]\n"]
    {
        let mut record = facts(begun);
        let mut told = Vec::new();
        loop {
            let asked = questions(&packs, &record, now());
            assert!(asked.iter().all(|q| !told.contains(&q.fact)), "asked again: {:?}", names(&asked));
            let Some(next) = asked.first() else { break };
            answer(&mut record, next);
            told.push(next.fact.clone());
            assert!(told.len() <= law::FACTS.len() + 50, "it does not end: {told:?}");
        }
        assert!(!told.is_empty());
        for decision in evaluate(&packs, &record, now()).decisions {
            let missing: Vec<&str> =
                decision.missing_facts.iter().map(|missing| missing.fact.as_str()).collect();
            for together in every_way(&record, &missing) {
                let then = evaluate(&packs, &together, now());
                let then = then.regime(&decision.regime).unwrap();
                assert_eq!(
                    (then.regulator, then.persons),
                    (decision.regulator, decision.persons),
                    "{begun}: {} hangs on {missing:?} and nobody asks",
                    decision.regime
                );
            }
        }
    }
}
