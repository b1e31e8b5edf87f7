//! Assessments that make themselves after a change, what officers are told of them, and facts that flow in.

use std::fmt::Write;

use serde_json::json;

use crate::duties_scene::Scene;

const ASSESSMENTS: &str = "query($id: ID!) { assessments(incidentId: $id) { number
    decisions(regime: \"jp-appi-26\") { outcomeRegulator } } }";

async fn outcomes(scene: &Scene) -> Vec<String> {
    let answer = scene.officer.gql_with(ASSESSMENTS, json!({ "id": scene.id })).await;
    let rows = answer["data"]["assessments"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
    let line = |row: &serde_json::Value| {
        format!("{} {}", row["number"], row["decisions"][0]["outcomeRegulator"].as_str().unwrap_or_default())
    };
    rows.iter().rev().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_assessed_by_itself_and_what_is_stricter_is_told() {
    let scene = Scene::new().await;
    scene.officer_with_mail().await;
    scene.officer_facts().await;
    scene.app.run_jobs().await;
    assert_eq!(outcomes(&scene).await, ["1 NEEDS_REVIEW"], "one for all facts that were there");
    scene.app.clock.advance(600);
    scene.app.run_jobs().await;
    assert_eq!(outcomes(&scene).await.len(), 1, "nothing new, nothing stored");
    scene.list(339, 0, 0).await;
    scene.app.run_jobs().await;
    assert_eq!(scene.mails().await, [], "less than before wakes nobody");
    scene.list(850, 0, 0).await;
    scene.app.run_jobs().await;
    let near = scene.mails().await;
    assert_eq!(near.len(), 1, "{near:?}");
    scene.fact("counts.principals_total", json!(860), "CONFIRMED").await;
    scene.app.run_jobs().await;
    assert_eq!(scene.mails().await.len(), 1, "the same warning is not told again");
    scene.fact("counts.principals_total", json!(1001), "CONFIRMED").await;
    scene.app.run_jobs().await;
    scene.app.run_jobs().await;
    assert_eq!(
        outcomes(&scene).await,
        ["1 NEEDS_REVIEW", "2 NOT_REQUIRED", "3 NOT_REQUIRED", "4 NOT_REQUIRED", "5 MUST"]
    );
    let mut told = String::new();
    for (subject, body) in scene.mails().await {
        writeln!(told, "{subject}\n{}", body.replace(&scene.app.app.config().server.public_url, "URL"))
            .unwrap();
    }
    let query =
        "query($number: Int!) { incident(number: $number) { timeline(first: 100) { nodes { kind text } } } }";
    let answer = scene.officer.gql_with(query, json!({ "number": 1 })).await;
    for entry in
        answer["data"]["incident"]["timeline"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"))
    {
        if entry["kind"] == "ASSESSMENT" {
            writeln!(told, "{}\n", entry["text"].as_str().unwrap()).unwrap();
        }
    }
    insta::assert_snapshot!(told.replace("\r\n", "\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_knows_flows_in_with_its_source() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    scene.list(1003, 0, 5).await;
    scene.app.run_jobs().await;
    let query = "query($id: ID!) { duties(incidentId: $id) { id kind } }";
    let answer = scene.officer.gql_with(query, json!({ "id": scene.id })).await;
    let duties = answer["data"]["duties"].as_array().unwrap().clone();
    let duty = &duties.iter().find(|duty| duty["kind"] == "regulator.preliminary").unwrap()["id"];
    scene.at("2023-10-28T10:00");
    let settle = "mutation($duty: ID!) { settleDuty(dutyId: $duty, state: DONE, receipt: \"PPC 2023-1\") { __typename } }";
    scene.officer.gql_with(settle, json!({ "duty": duty })).await;
    scene.app.run_jobs().await;
    let query = "query($id: ID!) { facts(incidentId: $id, currentOnly: true) { name label(language: JA) value source } }";
    let answer = scene.officer.gql_with(query, json!({ "id": scene.id })).await;
    let mut told = String::new();
    let mut tenants = 0;
    for fact in answer["data"]["facts"].as_array().unwrap() {
        let name = fact["name"].as_str().unwrap();
        tenants += usize::from(name.starts_with("counts.by_entrustor."));
        if ["process.reported_at.jp-appi-26", "counts.by_entrustor.t-0", "counts.principals_total"]
            .contains(&name)
        {
            writeln!(told, "{fact}").unwrap();
        }
    }
    assert_eq!(tenants, 59);
    insta::assert_snapshot!(told);
}
