//! Facts that agree, consultations of the authority, duties that were done late, and which decisions are seen first.

use std::fmt::Write;

use serde_json::{Value, json};

use suimon::incidents;

use crate::duties_scene::{Scene, jst};

const RECORD_ALL: &str = "mutation($id: ID!, $facts: [NewFactInput!]!) { recordFacts(incidentId: $id, facts: $facts) {
    __typename ... on RecordedFacts { facts { name value } } ... on Problem { code field message remedy } } }";

fn fact(name: &str, value: Value) -> Value {
    json!({ "name": name, "value": value.to_string(), "source": "memo of the response team" })
}

async fn record_all(scene: &Scene, facts: Value) -> Value {
    let answer = scene.officer.gql_with(RECORD_ALL, json!({ "id": scene.id, "facts": facts })).await;
    answer["data"]["recordFacts"].clone()
}

async fn officers_facts(scene: &Scene) -> usize {
    let query = "query($id: ID!) { facts(incidentId: $id) { automatic } }";
    let answer = scene.officer.gql_with(query, json!({ "id": scene.id })).await;
    answer["data"]["facts"].as_array().unwrap().iter().filter(|fact| fact["automatic"] == false).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_cannot_be_true_together_are_refused() {
    let scene = Scene::new().await;
    // The service's own facts count from now on: the fault began at 11:00 on 26 October.
    scene.assess().await;
    let before = officers_facts(&scene).await;
    let mut told = String::new();
    let early = "2023-10-25T09:00:00+09:00[Asia/Tokyo]";
    let refused = scene.fact("timeline.contained_at", json!(early), "CONFIRMED").await;
    writeln!(told, "one: {refused}").unwrap();
    let several =
        json!([fact("risk.property_damage", json!(false)), fact("timeline.contained_at", json!(early)),]);
    writeln!(told, "of several: {}", record_all(&scene, several).await).unwrap();
    let wrong = json!([
        fact("risk.property_damage", json!(false)),
        fact("counts.principals_total", json!("many")),
        fact("counts.principals", json!(1)),
    ]);
    writeln!(told, "forms: {}", record_all(&scene, wrong).await).unwrap();
    let twice =
        json!([fact("risk.property_damage", json!(false)), fact("risk.property_damage", json!(true))]);
    writeln!(told, "twice: {}", record_all(&scene, twice).await).unwrap();
    let nothing = json!([{ "name": "risk.property_damage", "value": null, "source": "x" }]);
    writeln!(told, "nothing to withdraw: {}", record_all(&scene, nothing).await).unwrap();
    let ahead = scene.fact("timeline.contained_at", json!("2033-10-25T09:00:00Z"), "CONFIRMED").await;
    writeln!(told, "ahead: {ahead}").unwrap();
    writeln!(told, "none: {}", record_all(&scene, json!([])).await).unwrap();
    let many: Vec<Value> = (0..201).map(|_| fact("risk.property_damage", json!(true))).collect();
    writeln!(told, "too many: {}", record_all(&scene, json!(many)).await).unwrap();
    assert_eq!(officers_facts(&scene).await, before, "nothing was stored");

    // Both at once are right; what is only suspected contradicts nothing.
    let both = json!([
        fact("timeline.occurred_from", json!("2023-10-25T08:00:00+09:00[Asia/Tokyo]")),
        fact("timeline.contained_at", json!(early)),
    ]);
    writeln!(told, "both: {}", record_all(&scene, both).await).unwrap();
    let feared =
        scene.fact("timeline.detected_at", json!("2023-10-24T08:00:00+09:00[Asia/Tokyo]"), "SUSPECTED").await;
    writeln!(told, "feared: {}", feared["__typename"]).unwrap();
    insta::assert_snapshot!(told);
}

const CONSULT: &str = "mutation($input: RecordConsultationInput!) { recordConsultation(input: $input) { __typename
    ... on Consultation { regime at withWhom summary view entry } ... on Problem { code field message remedy } } }";

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_was_asked_settles_what_was_open() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    assert_eq!(scene.assess().await["outcomeRegulator"], "NEEDS_REVIEW", "the number is not known");
    let mut told = String::new();
    let input = json!({
        "incidentId": scene.id, "regime": "jp-appi-26", "at": "2023-10-26T15:50:00+09:00",
        "withWhom": "個人情報保護委員会 漏えい等報告窓口", "summary": "Told by telephone what is known.\nAsked whether it is to be reported.",
        "view": "NOT_REPORTABLE",
    });
    for (field, value) in [
        ("regime", json!("xx-none")),
        ("withWhom", json!("")),
        ("summary", json!("x".repeat(5001))),
        ("at", json!("2033-01-01T00:00:00Z")),
        ("view", Value::Null),
        ("view", json!("NOT_REPORTABLE")),
    ] {
        let mut input = input.clone();
        input[field] = value;
        let answer = scene.officer.gql_with(CONSULT, json!({ "input": input })).await;
        let remedy = answer["data"]["recordConsultation"]["remedy"].as_str().unwrap_or_default().to_owned();
        let answer = answer["data"]["recordConsultation"].to_string();
        // The list of rule packs grows.
        writeln!(told, "{field}: {}", answer.replace(&remedy, if field == "regime" { "…" } else { &remedy }))
            .unwrap();
    }
    let decision = scene.assess().await;
    writeln!(told, "assessed: {} {}", decision["outcomeRegulator"], decision["outcomePersons"]).unwrap();
    let query = "query($id: ID!, $number: Int!) {
        consultations(incidentId: $id) { withWhom view entry }
        facts(incidentId: $id, currentOnly: true) { name value source }
        incident(number: $number) { timeline(first: 100) { nodes { seq kind text } } } }";
    let answer = scene.officer.gql_with(query, json!({ "id": scene.id, "number": 1 })).await;
    writeln!(told, "{}", answer["data"]["consultations"]).unwrap();
    let facts = answer["data"]["facts"].as_array().unwrap_or_else(|| panic!("{answer}"));
    for fact in facts.iter().filter(|fact| fact["name"].as_str().unwrap().starts_with("process.")) {
        writeln!(told, "{fact}").unwrap();
    }
    let entries =
        answer["data"]["incident"]["timeline"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"));
    for entry in entries.iter().filter(|entry| entry["kind"] == "AUTHORITY") {
        writeln!(told, "{}", entry["text"].as_str().unwrap()).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_consultation_that_is_recorded_later_overturns_nothing() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    let record = async |at: &str, view: Option<&str>| {
        let input = json!({
            "incidentId": scene.id, "regime": "jp-appi-26", "at": format!("2023-10-26T{at}:00+09:00"),
            "withWhom": "個人情報保護委員会 漏えい等報告窓口", "summary": format!("Called at {at}."), "view": view,
        });
        let answer = scene.officer.gql_with(CONSULT, json!({ "input": input })).await;
        assert_eq!(answer["data"]["recordConsultation"]["__typename"], "Consultation", "{answer}");
    };
    let view = async || {
        let query = "query($id: ID!) { facts(incidentId: $id, currentOnly: true) { name value } }";
        let answer = scene.officer.gql_with(query, json!({ "id": scene.id })).await;
        let facts = answer["data"]["facts"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        let of_view = |fact: &&Value| fact["name"] == "process.authority_view.jp-appi-26";
        facts.iter().find(of_view).map(|fact| fact["value"].clone())
    };
    record("15:50", Some("NOT_REPORTABLE")).await;
    // What was said at 15:30 is filled in later: the authority has said otherwise since.
    record("15:30", Some("REPORTABLE")).await;
    assert_eq!(view().await, Some(json!(r#"{"known":"not_reportable"}"#)));
    assert_eq!(scene.assess().await["outcomeRegulator"], "NOT_REQUIRED");
    // A newer one without a view leaves it as it is, and does not keep an earlier view from counting.
    record("15:58", None).await;
    assert_eq!(view().await, Some(json!(r#"{"known":"not_reportable"}"#)));
    record("15:55", Some("REPORTABLE")).await;
    assert_eq!(view().await, Some(json!(r#"{"known":"reportable"}"#)));
    let query = "query($id: ID!) { consultations(incidentId: $id) { summary view } }";
    let answer = scene.officer.gql_with(query, json!({ "id": scene.id })).await;
    let all = answer["data"]["consultations"].as_array().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(all.len(), 4, "each stands there: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_late_says_why() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    scene.list(1001, 0, 0).await;
    scene.assess().await;
    scene.at("2023-11-25T08:00");
    let query = "query($id: ID!) { duties(incidentId: $id) { id kind } }";
    let officer = scene.app.renewed(&scene.officer).await;
    let answer = officer.gql_with(query, json!({ "id": scene.id })).await;
    let duties = answer["data"]["duties"].as_array().unwrap().clone();
    let id = |kind: &str| duties.iter().find(|duty| duty["kind"] == kind).unwrap()["id"].clone();
    let settle = "mutation($duty: ID!, $late: String, $at: Instant) {
        settleDuty(dutyId: $duty, state: DONE, receipt: \"PPC 2023-1\", lateReason: $late, at: $at) {
          __typename ... on Duty { kind nature state receipt lateReason settledAt } ... on Problem { field message remedy } } }";
    let mut told = String::new();
    for (kind, late, at) in [
        ("regulator.final", None, None),
        ("regulator.final", Some(" "), None),
        ("regulator.preliminary", Some("no reason"), Some("2023-10-28T10:00:00+09:00")),
        ("regulator.final", Some("The number was known only on the 24th."), None),
        ("regulator.preliminary", None, Some("2023-10-28T10:00:00+09:00")),
    ] {
        let variables = json!({ "duty": id(kind), "late": late, "at": at });
        let answer = officer.gql_with(settle, variables).await;
        writeln!(told, "{kind}: {}", answer["data"]["settleDuty"]).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_binds_is_seen_first_and_the_rest_on_request() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    scene.list(850, 0, 0).await;
    scene.assess().await;
    let query = "query($id: ID!) { assessments(incidentId: $id) { outOfScopeCount
        shown: decisions { regime } all: decisions(outOfScope: true) { regime outcomeRegulator }
        one: decisions(regime: \"eu-gdpr\") { regime outcomeRegulator }
        earlyWarnings { regime fact label(language: JA) clause(language: EN) count reachedAt }
        contradictions(language: EN) { facts } } }";
    let answer = scene.officer.gql_with(query, json!({ "id": scene.id })).await;
    let found = &answer["data"]["assessments"][0];
    let regimes = |field: &str| -> Vec<String> {
        let rows = found[field].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
        rows.map(|row| row["regime"].as_str().unwrap().to_owned()).collect()
    };
    let (shown, all) = (regimes("shown"), regimes("all"));
    assert_eq!(shown[0], "jp-appi-26");
    assert!(!shown.contains(&"eu-gdpr".to_owned()), "{shown:?}");
    assert_eq!(all[..shown.len()], shown[..], "what binds comes first");
    assert_eq!(found["outOfScopeCount"].as_u64().unwrap() as usize, all.len() - shown.len());
    assert_eq!(found["one"], json!([{ "regime": "eu-gdpr", "outcomeRegulator": "OUT_OF_SCOPE" }]));
    let warnings: Vec<&Value> = found["earlyWarnings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|warning| warning["regime"] == "jp-appi-26")
        .collect();
    assert_eq!(
        warnings,
        [&json!({
            "regime": "jp-appi-26", "fact": "counts.principals_total", "label": "本人の数", "clause": "Rule 7(iv)",
            "count": 850, "reachedAt": 1001,
        })]
    );
    assert_eq!(found["contradictions"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_processor_tells_the_controller_and_that_is_a_duty_of_its_own() {
    let scene = Scene::new().await;
    scene.list(3, 0, 0).await;
    for (name, value) in [
        ("scope.jurisdictions", json!(["EU"])),
        ("parties.entity_type", json!("private")),
        ("parties.role", json!("processor")),
        ("data.is_personal_data", json!(true)),
        ("event.kinds", json!(["leak"])),
    ] {
        let recorded = scene.fact(name, value, "CONFIRMED").await;
        assert_eq!(recorded["__typename"], "Fact", "{name}: {recorded}");
    }
    scene.assess().await;
    let query =
        "query($id: ID!) { duties(incidentId: $id) { regime recipient kind to(language: EN) nature state } }";
    let answer = scene.officer.gql_with(query, json!({ "id": scene.id })).await;
    let duties = answer["data"]["duties"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
    let of: Vec<&Value> = duties
        .iter()
        .filter(|duty| duty["regime"] == "eu-gdpr" && duty["recipient"] == "controller")
        .collect();
    assert_eq!(of.len(), 1, "{duties:?}");
    assert_eq!((&of[0]["to"], &of[0]["state"]), (&json!("the controller"), &json!("OPEN")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_to_contradict_later_is_shown_and_hides_nothing() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    let noticed = json!("2023-10-26T11:30:00+09:00[Asia/Tokyo]");
    assert_eq!(scene.fact("timeline.discovered_at", noticed, "CONFIRMED").await["__typename"], "Fact");
    // Later it turns out that the fault began only at noon: the service's own fact follows, by itself.
    let times = incidents::Times { occurred_from: Some(jst("2023-10-26T12:00")), ..Default::default() };
    incidents::set_incident_times(&scene.op().await, scene.incident, times)
        .await
        .expect("the start is known better");
    scene.app.run_jobs().await;
    let query = "query($id: ID!) { assessments(incidentId: $id) { number contradictions(language: EN) { facts text } } }";
    let answer = scene.officer.gql_with(query, json!({ "id": scene.id })).await;
    let newest = &answer["data"]["assessments"][0]["contradictions"];
    assert_eq!(newest[0]["facts"], json!(["timeline.occurred_from", "timeline.discovered_at"]), "{answer}");
    // It stands in nobody's way: another fact can be recorded, and so can the correction.
    assert_eq!(scene.fact("risk.property_damage", json!(true), "CONFIRMED").await["__typename"], "Fact");
    let noon = json!("2023-10-26T12:10:00+09:00[Asia/Tokyo]");
    assert_eq!(scene.fact("timeline.discovered_at", noon, "CONFIRMED").await["__typename"], "Fact");
    scene.app.run_jobs().await;
    let answer = scene.officer.gql_with(query, json!({ "id": scene.id })).await;
    assert_eq!(answer["data"]["assessments"][0]["contradictions"], json!([]), "{answer}");
}
