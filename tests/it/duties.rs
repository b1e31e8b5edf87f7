//! Facts, assessments and duties of an incident.

use serde_json::{Value, json};
use suimon::access::Role;

use crate::duties_scene::{Scene, global_id, jst};

fn missing(decision: &Value) -> Vec<String> {
    let list = decision["missingFacts"].as_array().expect("a list");
    list.iter()
        .map(|m| format!("{} {}", m["fact"].as_str().unwrap(), m["reason"].as_str().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_founding_incident_is_not_reportable_and_says_by_which_clause() {
    let scene = Scene::new().await;
    scene.list(291, 48, 0).await;
    scene.officer_facts().await;
    let decision = scene.assess().await;
    assert_eq!(decision["packId"], "jp-appi-26@2022-04-01");
    assert_eq!(decision["outcomeRegulator"], "NOT_REQUIRED", "{decision}");
    assert_eq!(decision["outcomePersons"], "NOT_REQUIRED");
    let trace = decision["trace"].as_str().unwrap();
    let clause = trace.lines().rfind(|line| line.contains("Rule 7(iv)")).unwrap().trim();
    insta::assert_snapshot!(clause, @"Rule 7(iv): number of principals 339 > 1000 → not met");
    assert!(scene.duties().await.is_empty(), "nothing is required, so there is no duty");

    let query =
        "query($id: ID!) { facts(incidentId: $id, currentOnly: true) { name value source automatic } }";
    let answer = scene.officer.gql_with(query, json!({ "id": scene.id })).await;
    let own: Vec<String> = answer["data"]["facts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|fact| fact["automatic"] == true)
        // Of each of its tenants there is one more: see `duties_flow`.
        .filter(|fact| !fact["name"].as_str().unwrap().starts_with("counts.by_entrustor."))
        .map(|fact| {
            let text = |name: &str| fact[name].as_str().unwrap().to_owned();
            format!("{} = {} [{}]", text("name"), text("value"), text("source"))
        })
        .collect();
    insta::assert_snapshot!(own.join("\n"), @r#"
    counts.principals_total = {"known":339} [suimon:revision/1 (draft, window)]
    data.categories = {"range":{"max":["contact","date_of_birth","education","ordinary"]}} [suimon:system/online-application (in force at 2023-10-26T02:00:00Z)]
    data.is_personal_data = {"known":true} [suimon:system/online-application (in force at 2023-10-26T02:00:00Z)]
    protection.encrypted = {"known":"none"} [suimon:revision/1 (draft, window)]
    timeline.became_aware_at = {"known":"2023-10-26T13:15:00+09:00[Asia/Tokyo]"} [suimon:incident/1]
    timeline.contained_at = {"known":"2023-10-26T15:41:00+09:00[Asia/Tokyo]"} [suimon:incident/1]
    timeline.detected_at = {"known":"2023-10-26T13:15:00+09:00[Asia/Tokyo]"} [suimon:incident/1]
    timeline.occurred_from = {"known":"2023-10-26T11:00:00+09:00[Asia/Tokyo]"} [suimon:incident/1]
    timeline.occurred_to = {"known":"2023-10-26T15:41:00+09:00[Asia/Tokyo]"} [suimon:incident/1]
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_a_thousand_the_duty_begins_with_its_days() {
    let scene = Scene::new().await;
    scene.list(1001, 0, 0).await;
    scene.officer_facts().await;
    let decision = scene.assess().await;
    assert_eq!(decision["outcomeRegulator"], "MUST", "{decision}");
    let last =
        decision["deadlines"].as_array().unwrap().iter().find(|d| d["kind"] == "regulator.final").unwrap();
    assert_eq!((&last["due"], &last["dueAt"]), (&json!("2023-11-24"), &json!("2023-11-24T15:00:00Z")));
    insta::assert_snapshot!(scene.duties().await.join("\n"), @r#"
    jp-appi-26 persons.notice OPEN_TEXTURED | promptly; the text gives no number of days | OPEN
    jp-appi-26 regulator.final STATUTE | by the end of 2023-11-24 (Asia/Tokyo) | OPEN
    jp-appi-26 regulator.preliminary GUIDANCE | from 2023-10-28 to 2023-10-30 | OPEN
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_number_never_becomes_no_duty() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    let decision = scene.assess().await;
    assert_eq!(decision["outcomeRegulator"], "NEEDS_REVIEW");
    insta::assert_snapshot!(missing(&decision).join("\n"), @r#"
    counts.principals_total UNKNOWN
    protection.encrypted UNKNOWN
    protection.key_status UNKNOWN
    "#);
    // 900 people are on the list and the logs cannot tell of 200 more: at most 1,100, and the most counts.
    scene.list(900, 0, 200).await;
    let decision = scene.assess().await;
    assert_eq!(decision["outcomeRegulator"], "MUST", "{decision}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_known_then_can_be_assessed_again() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    scene.fact("counts.principals_total", json!({ "range": { "min": 0, "max": 358 } }), "CONFIRMED").await;
    scene.fact("protection.encrypted", json!("none"), "CONFIRMED").await;
    let first = scene.assess().await;
    assert_eq!(first["outcomeRegulator"], "NOT_REQUIRED", "{first}");
    scene.at("2023-10-30T09:00");
    scene.fact("counts.principals_total", json!(1200), "CONFIRMED").await;
    let second = scene.assess().await;
    assert_eq!(second["outcomeRegulator"], "MUST");

    let query = "query($id: ID!, $at: Instant!) { assessmentAsKnown(incidentId: $id, knownAt: $at) {
        facts { name value } decisions(regime: \"jp-appi-26\") { outcomeRegulator trace(language: EN) } } }";
    let answer =
        scene.officer.gql_with(query, json!({ "id": scene.id, "at": "2023-10-27T09:00:00+09:00" })).await;
    let then = &answer["data"]["assessmentAsKnown"];
    assert_eq!(then["decisions"][0]["outcomeRegulator"], "NOT_REQUIRED", "{answer}");
    assert_eq!(then["decisions"][0]["trace"], first["trace"], "the replay says what was said then");
    let answer =
        scene.officer.gql_with(query, json!({ "id": scene.id, "at": "2023-10-31T09:00:00+09:00" })).await;
    assert_eq!(answer["errors"][0]["message"], "knownAt: lies in the future");

    // Both assessments stay as they were, with the facts that they used.
    let stored = "query($id: ID!) { assessments(incidentId: $id) { number digest facts { name value }
        decisions(regime: \"jp-appi-26\") { outcomeRegulator } } }";
    let answer = scene.officer.gql_with(stored, json!({ "id": scene.id })).await;
    let told: Vec<String> = answer["data"]["assessments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| {
            let facts = a["facts"].as_array().unwrap();
            let count = facts.iter().find(|f| f["name"] == "counts.principals_total").unwrap();
            format!("{} {} {}", a["number"], count["value"], a["decisions"][0]["outcomeRegulator"])
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    2 "1200" "MUST"
    1 "0..358" "NOT_REQUIRED"
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officers_fact_wins_until_it_is_withdrawn() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    scene.list(291, 48, 0).await;
    scene.fact("counts.principals_total", json!(2000), "CONFIRMED").await;
    assert_eq!(scene.assess().await["outcomeRegulator"], "MUST");
    let withdraw = "mutation($id: ID!) { withdrawFact(incidentId: $id, name: \"counts.principals_total\",
        source: \"counted twice\") { __typename ... on Fact { value } ... on Problem { code message } } }";
    let answer = scene.officer.gql_with(withdraw, json!({ "id": scene.id })).await;
    assert_eq!(answer["data"]["withdrawFact"], json!({ "__typename": "Fact", "value": "null" }), "{answer}");
    assert_eq!(scene.assess().await["outcomeRegulator"], "NOT_REQUIRED");
    let again = scene.officer.gql_with(withdraw, json!({ "id": scene.id })).await;
    assert_eq!(again["data"]["withdrawFact"]["code"], "CONFLICT");
    // What the first assessment asked for is no longer asked for, and stays visible as such.
    insta::assert_snapshot!(scene.duties().await.join("\n"), @r#"
    jp-appi-26 persons.notice OPEN_TEXTURED | promptly; the text gives no number of days | SUPERSEDED
    jp-appi-26 regulator.final STATUTE | by the end of 2023-11-24 (Asia/Tokyo) | SUPERSEDED
    jp-appi-26 regulator.preliminary GUIDANCE | from 2023-10-28 to 2023-10-30 | SUPERSEDED
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duty_is_settled_once_and_stays_settled() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    scene.list(1001, 0, 0).await;
    scene.assess().await;
    let ids = "query($id: ID!) { duties(incidentId: $id) { id kind } }";
    let answer = scene.officer.gql_with(ids, json!({ "id": scene.id })).await;
    let id = |kind: &str| {
        let rows = answer["data"]["duties"].as_array().unwrap();
        rows.iter().find(|row| row["kind"] == kind).unwrap()["id"].clone()
    };
    let settle = "mutation($duty: ID!, $state: DutySettlement!, $receipt: String, $reason: String) {
        settleDuty(dutyId: $duty, state: $state, receipt: $receipt, reason: $reason) {
          __typename ... on Duty { state receipt reason } ... on Problem { code field message } } }";
    let send = |duty: Value, state: &str, receipt: Option<&str>, reason: Option<&str>| {
        let variables = json!({ "duty": duty, "state": state, "receipt": receipt, "reason": reason });
        let officer = scene.officer.clone();
        async move { officer.gql_with(settle, variables).await["data"]["settleDuty"].to_string() }
    };
    let preliminary = id("regulator.preliminary");
    insta::assert_snapshot!(send(preliminary.clone(), "DONE", None, None).await, @r#"{"__typename":"Problem","code":"INVALID","field":"receipt","message":"DONE wants a receipt and no reason"}"#);
    insta::assert_snapshot!(send(preliminary.clone(), "DONE", Some("PPC 2023-1234"), None).await, @r#"{"__typename":"Duty","reason":null,"receipt":"PPC 2023-1234","state":"DONE"}"#);
    insta::assert_snapshot!(send(preliminary, "WAIVED", None, Some("no")).await, @r#"{"__typename":"Problem","code":"CONFLICT","field":null,"message":"the duty is already done"}"#);
    insta::assert_snapshot!(send(id("persons.notice"), "WAIVED", None, Some("told on 30 October")).await, @r#"{"__typename":"Duty","reason":"told on 30 October","receipt":null,"state":"WAIVED"}"#);

    // With 339 persons nothing is required any more: open duties end, settled ones stay.
    scene.fact("counts.principals_total", json!(339), "CONFIRMED").await;
    scene.assess().await;
    insta::assert_snapshot!(scene.duties().await.join("\n"), @r#"
    jp-appi-26 persons.notice OPEN_TEXTURED | promptly; the text gives no number of days | WAIVED
    jp-appi-26 regulator.final STATUTE | by the end of 2023-11-24 (Asia/Tokyo) | SUPERSEDED
    jp-appi-26 regulator.preliminary GUIDANCE | from 2023-10-28 to 2023-10-30 | DONE
    "#);
    insta::assert_snapshot!(send(id("regulator.final"), "DONE", Some("late"), None).await, @r#"{"__typename":"Problem","code":"CONFLICT","field":null,"message":"the latest assessment no longer asks for this duty"}"#);
    // Asked for again, and its last day is over.
    scene.at("2023-11-25T08:00");
    scene.fact("counts.principals_total", json!(1001), "CONFIRMED").await;
    scene.assess().await;
    insta::assert_snapshot!(scene.duties().await.join("\n"), @r#"
    jp-appi-26 persons.notice OPEN_TEXTURED | promptly; the text gives no number of days | WAIVED
    jp-appi-26 regulator.final STATUTE | by the end of 2023-11-24 (Asia/Tokyo) | OPEN overdue
    jp-appi-26 regulator.preliminary GUIDANCE | from 2023-10-28 to 2023-10-30 | DONE
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_no_law_asked_for_has_its_place() {
    let scene = Scene::new().await;
    let report = "mutation($input: VoluntaryReportInput!) { recordVoluntaryReport(input: $input) {
        __typename ... on Duty { kind nature state receipt settledAt } ... on Problem { code field message remedy } } }";
    let mut input = json!({
        "incidentId": scene.id, "regime": "jp-appi-26", "recipient": "regulator", "title": "Early report",
        "receipt": "filed by the maintainer", "filedAt": "2023-10-26T15:30:00+09:00",
    });
    let early = scene.officer.gql_with(report, json!({ "input": input })).await;
    assert_eq!(early["data"]["recordVoluntaryReport"]["code"], "CONFLICT", "not assessed yet: {early}");
    scene.assess().await;
    let answer = scene.officer.gql_with(report, json!({ "input": input })).await;
    insta::assert_snapshot!(answer["data"]["recordVoluntaryReport"], @r#"{"__typename":"Duty","kind":"voluntary.1","nature":"INTERNAL","receipt":"filed by the maintainer","settledAt":"2023-10-26T06:30:00Z","state":"DONE"}"#);
    input["regime"] = json!("xx-none");
    let wrong = scene.officer.gql_with(report, json!({ "input": input })).await;
    let wrong = &wrong["data"]["recordVoluntaryReport"];
    assert_eq!(
        (&wrong["field"], &wrong["message"]),
        (&json!("regime"), &json!("is not a rule pack of this installation"))
    );
    assert!(wrong["remedy"].as_str().unwrap().contains("eu-gdpr"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_facts_are_refused_with_their_place() {
    let scene = Scene::new().await;
    let mut told = Vec::new();
    for (name, value) in [
        ("counts.principals", json!(1)),
        ("counts.principals_total", json!("many")),
        ("counts.principals_total", json!(-1)),
        ("counts.principals_total", json!({ "range": { "min": 5, "max": 4 } })),
        ("timeline.became_aware_at", json!("2023-10-26T13:15:00")),
        ("parties.entity_type", json!("company")),
        ("parties.entity_type", json!({ "known": "private", "range": {} })),
    ] {
        let problem = scene.fact(name, value, "CONFIRMED").await;
        told.push(format!("{} {}: {}", problem["code"], problem["field"], problem["message"]));
    }
    let problem = scene.fact("counts.principals_total", json!(5), "RULED_OUT").await;
    told.push(format!("{} {}: {}", problem["code"], problem["field"], problem["message"]));
    insta::assert_snapshot!(told.join("\n"), @r#"
    "INVALID" "name": "counts.principals: \"counts.principals\" is not a fact of the catalogue"
    "INVALID" "value": "counts.principals_total.value: expected a whole number from 0, found text"
    "INVALID" "value": "counts.principals_total.value: the number is negative or too large"
    "INVALID" "value": "counts.principals_total.value.range: the range is upside down: min lies above max"
    "INVALID" "value": "timeline.became_aware_at.value: a local time needs its offset or zone, such as 2023-10-26T13:15:00+09:00 or 2023-10-26[Asia/Tokyo]"
    "INVALID" "value": "parties.entity_type.value: expected one of private, jp_art58, national_admin, incorporated_agency, local_gov, local_incorporated_agency, public_agency"
    "INVALID" "value": "parties.entity_type.value: expected either known or range"
    "INVALID" "value": "counts.principals_total: only a known word, set or flag can be ruled out; record what is known instead"
    "#);
    for (change, field) in [
        (json!({ "value": "not json" }), "value"),
        (json!({ "source": "" }), "source"),
        (json!({ "source": "suimon:revision/1" }), "source"),
        (json!({ "source": "x".repeat(301) }), "source"),
        (json!({ "validAt": "2033-01-01T00:00:00Z" }), "validAt"),
    ] {
        let mut input = json!({
            "incidentId": scene.id, "name": "risk.property_damage", "value": "true", "source": "memo",
        });
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let query = "mutation($input: RecordFactInput!) { recordFact(input: $input) { ... on Problem { code field } } }";
        let answer = scene.officer.gql_with(query, json!({ "input": input })).await;
        assert_eq!(answer["data"]["recordFact"], json!({ "code": "INVALID", "field": field }), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_finds_or_does_anything() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    scene.list(1001, 0, 0).await;
    scene.assess().await;
    let school = scene.app.tenant("school-001").await;
    let foreign = scene.app.member(&school, Role::TenantAdmin).await;
    let approver = scene.app.operator_member(Role::Approver).await;
    let centre = scene.app.operator_member(Role::CallCentre).await;
    let elsewhere = global_id(
        "Incident",
        suimon::incidents::RowId {
            tenant: scene.app.app.entropy().id(jst("2023-10-26T09:00")),
            ..scene.incident
        },
    );
    let ids = scene
        .officer
        .gql_with("query($id: ID!) { duties(incidentId: $id) { id } }", json!({ "id": scene.id }));
    let duty = ids.await["data"]["duties"][0]["id"].clone();
    let record = |incident: &str| {
        format!(
            "mutation {{ recordFact(input: {{ incidentId: \"{incident}\", name: \"risk.property_damage\",
               value: \"true\", source: \"memo\" }}) {{ ... on Problem {{ code }} }} }}"
        )
    };
    let operations = |incident: &str| {
        vec![
            record(incident),
            format!("mutation {{ withdrawFact(incidentId: \"{incident}\", name: \"risk.property_damage\", source: \"x\")
                {{ ... on Problem {{ code }} }} }}"),
            format!("mutation {{ assessIncident(incidentId: \"{incident}\") {{ ... on Problem {{ code }} }} }}"),
            format!("mutation {{ settleDuty(dutyId: {duty}, state: DONE, receipt: \"x\") {{ ... on Problem {{ code }} }} }}"),
            format!("mutation {{ recordVoluntaryReport(input: {{ incidentId: \"{incident}\", regime: \"jp-appi-26\",
                recipient: \"regulator\", title: \"x\", receipt: \"x\", filedAt: \"2023-10-26T09:00:00+09:00\" }})
                {{ ... on Problem {{ code }} }} }}"),
            format!("{{ facts(incidentId: \"{incident}\") {{ name }} }}"),
            format!("{{ assessments(incidentId: \"{incident}\") {{ number }} }}"),
            format!("{{ assessmentAsKnown(incidentId: \"{incident}\", knownAt: \"2023-10-26T09:00:00+09:00\") {{ facts {{ name }} }} }}"),
            format!("{{ duties(incidentId: \"{incident}\") {{ id }} }}"),
        ]
    };
    let code = |answer: &Value| {
        let data = answer["data"]
            .as_object()
            .and_then(|data| data.values().next())
            .map(|value| value["code"].clone());
        let error = answer["errors"][0]["extensions"]["code"].clone();
        data.filter(|code| !code.is_null()).unwrap_or(error).as_str().unwrap_or("allowed").to_owned()
    };
    for operation in operations(&scene.id) {
        assert_eq!(code(&foreign.gql(&operation).await), "NOT_FOUND", "a school: {operation}");
        assert_eq!(code(&centre.gql(&operation).await), "FORBIDDEN", "the call centre: {operation}");
        let expected = if operation.starts_with("mutation") { "FORBIDDEN" } else { "allowed" };
        assert_eq!(code(&approver.gql(&operation).await), expected, "the approver: {operation}");
    }
    for operation in operations(&elsewhere).into_iter().filter(|operation| !operation.contains("settleDuty"))
    {
        assert_eq!(code(&scene.officer.gql(&operation).await), "NOT_FOUND", "another tenant: {operation}");
    }
    let wrong = scene.officer.gql("{ duties(incidentId: \"nonsense\") { id } }").await;
    assert_eq!(
        wrong["errors"][0]["message"],
        "incidentId: is not the id of a Incident; use an id that this API returned"
    );
}
