//! Assessments that make themselves after a change, what officers are told of them, and facts that flow in.

use std::fmt::Write;

use serde_json::{Value, json};
use suimon::access::Role;
use suimon::incidents;
use suimon::incidents::model::Status;

use crate::duties_scene::{Scene, jst};
use crate::harness::{TestApp, text};

const ASSESSMENTS: &str = "query($id: ID!) { assessments(incidentId: $id) { number
    decisions(regime: \"jp-appi-26\") { outcomeRegulator } } }";

async fn outcomes(scene: &Scene) -> Vec<String> {
    let answer = scene.officer.gql_with(ASSESSMENTS, json!({ "id": scene.id })).await;
    let rows = answer["data"]["assessments"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
    let line = |row: &Value| {
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
    // Mails of one instant come in any order.
    scene.app.clock.advance(60);
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

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_assessed_as_soon_as_it_is_opened() {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let report = "mutation { reportFinding(input: { system: \"shop\", summary: \"another's page\", occurredAt: \"2023-10-26T08:50:00+09:00\",
        source: PERSON }) { ... on Finding { id } ... on Problem { message } } }";
    let finding = officer.gql(report).await["data"]["reportFinding"]["id"].clone();
    let open = "mutation($finding: ID!) { openIncident(input: { system: \"shop\", title: \"Pages of others\", zone: \"Asia/Tokyo\",
        findingIds: [$finding] }) { ... on Incident { id } ... on Problem { message } } }";
    let answer = officer.gql_with(open, json!({ "finding": finding })).await;
    let incident = text(&answer["data"]["openIncident"]["id"]);
    let query =
        "query($id: ID!) { assessments(incidentId: $id) { number evaluatedAt facts { name value } } }";
    let assessments = async || {
        let answer = officer.gql_with(query, json!({ "id": incident })).await;
        answer["data"]["assessments"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
    };
    assert_eq!(assessments().await, [] as [Value; 0], "by the jobs, not within the request");
    app.clock.advance(60);
    app.run_jobs().await;
    let first = assessments().await;
    assert_eq!((first.len(), &first[0]["number"]), (1, &json!(1)));
    assert_eq!(first[0]["evaluatedAt"], "2023-10-26T00:01:00Z");
    let facts = first[0]["facts"].to_string();
    assert!(facts.contains("timeline.became_aware_at"), "clocks run from the first sign: {facts}");
    app.clock.advance(3600);
    app.run_jobs().await;
    assert_eq!(assessments().await.len(), 1, "nothing new, nothing stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_while_it_is_closed_counts_after_it_is_opened_again() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    scene.list(339, 0, 0).await;
    scene.app.run_jobs().await;
    let before = outcomes(&scene).await;
    assert_eq!(before, ["1 NOT_REQUIRED"]);
    let become_ = async |status, reason: Option<&str>| {
        let reason = reason.map(str::to_owned);
        let op = scene.op().await;
        incidents::set_incident_status(&op, scene.incident, status, reason).await.expect("it becomes so");
    };
    become_(Status::Resolved, None).await;
    become_(Status::Closed, None).await;
    scene.facts(&[("counts.principals_total", json!(1001))]).await;
    scene.app.run_jobs().await;
    assert_eq!(outcomes(&scene).await, before, "a closed incident is left alone");
    assert_eq!(scene.duties().await, [] as [&str; 0]);
    become_(Status::Resolved, Some("more people were found")).await;
    scene.app.run_jobs().await;
    assert_eq!(outcomes(&scene).await, ["1 NOT_REQUIRED", "2 MUST"]);
    assert!(!scene.duties().await.is_empty());
}

/// The fact when the authority was told under NIS2, as it counts.
async fn told_under_nis2(scene: &Scene) -> Option<Value> {
    let query = "query($id: ID!) { facts(incidentId: $id, currentOnly: true) { name value source } }";
    let answer = scene.officer.gql_with(query, json!({ "id": scene.id })).await;
    let facts = answer["data"]["facts"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
    facts.into_iter().find(|fact| fact["name"] == "process.reported_at.eu-nis2")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_runs_from_the_notification_and_not_from_the_early_warning() {
    let scene = Scene::new().await.another("2025-06-03T16:00").await;
    let times = incidents::Times { occurred_from: Some(jst("2025-06-03T14:00")), ..Default::default() };
    incidents::set_incident_times(&scene.op().await, scene.incident, times).await.expect("the start");
    scene
        .facts(&[
            ("scope.jurisdictions", json!(["EU", "DE"])),
            ("parties.entity_type", json!("private")),
            ("parties.designations", json!(["nis2_essential"])),
            ("event.severe_disruption", json!(true)),
            ("event.considerable_damage", json!(false)),
            ("event.ongoing", json!(false)),
        ])
        .await;
    scene.app.run_jobs().await;
    let nis2 = async || {
        let duties = scene.duties().await.into_iter();
        duties.filter(|duty| duty.starts_with("eu-nis2 regulator")).collect::<Vec<_>>().join("\n")
    };
    let mut told = format!("opened:\n{}\n", nis2().await);
    scene.at("2025-06-04T10:00");
    scene.settle("eu-nis2", "regulator.early_warning", None).await;
    scene.app.run_jobs().await;
    assert_eq!(told_under_nis2(&scene).await, None, "an early warning starts nothing");
    write!(told, "warned:\n{}\n", nis2().await).unwrap();
    scene.at("2025-06-05T09:00");
    scene.settle("eu-nis2", "regulator.notification", None).await;
    scene.app.run_jobs().await;
    write!(told, "notified:\n{}\n", nis2().await).unwrap();
    writeln!(told, "{}", told_under_nis2(&scene).await.expect("the notification counts")).unwrap();
    insta::assert_snapshot!(told);
}
