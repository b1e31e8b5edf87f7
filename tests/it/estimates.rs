//! Estimates of capacity: by the program without a database, and through the API once they are applied.

use serde_json::{Value, json};
use suimon::access::Role;

use crate::harness::{TestApp, text};
use crate::requirements::{apply, lines};
use crate::vault_support::run;

const MANIFESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/vaccine-booking/manifests");
const SYSTEM: &str = include_str!("../../examples/vaccine-booking/manifests/system.yaml");
const ESTIMATE: &str = include_str!("../../examples/vaccine-booking/manifests/estimate.yaml");
const QUERY: &str = "query($name: String!) { estimate(name: $name) { name system scenario { ja en } figures
    chart(language: JA) version { version fingerprint } } }";

fn door(figures: &Value) -> (f64, f64) {
    let all = figures["prior"]["quantities"].as_array().expect("quantities");
    let door = all.iter().find(|row| row["quantity"] == "frontDoorRate").expect("the front door");
    (door["p5"].as_f64().unwrap(), door["p95"].as_f64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_says_what_will_come_and_that_it_is_too_much() {
    let app = TestApp::new().await;
    let chart = app.folder().join("chart.svg").display().to_string();
    let (code, out, error) = run(&app, &["estimate", MANIFESTS, "--chart", &chart]);
    assert_eq!(code, 3, "what was ordered does not suffice: {out}{error}");
    insta::assert_snapshot!(out);
    let picture = std::fs::read_to_string(&chart).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("270,000 medical workers"), "{picture}");
    let (code, _, error) = run(&app, &["estimate", MANIFESTS, "--chart", &chart]);
    assert_eq!((code, error.contains("--chart: cannot create")), (2, true), "{error}");
    let (code, out, _) = run(&app, &["estimate", MANIFESTS, "--language", "ja"]);
    assert_eq!((code, out.contains("待合室（400 件/秒）")), (3, true), "{out}");
    let (code, out, _) = run(&app, &["estimate", MANIFESTS, "--format", "json"]);
    let (p5, p95) = door(&serde_json::from_str::<Value>(&out).unwrap()["EST-OPENING-DAY"]);
    assert!(code == 3 && p5 < 1_500.0 && p95 > 29_000.0, "{p5} {p95}");
    let (code, _, error) = run(&app, &["estimate", MANIFESTS, "--name", "EST-2"]);
    assert_eq!(code, 2);
    assert!(error.contains("there is no manifest of kind Estimate with the name EST-2"), "{error}");
    // A larger purchase suffices.
    let enough = app.folder().join("enough.yaml");
    std::fs::write(&enough, ESTIMATE.replace("atMost: 1000 /s", "atMost: 900000 /s")).unwrap();
    let (code, out, error) = run(&app, &["estimate", &enough.display().to_string()]);
    assert_eq!(code, 0, "{out}{error}");
    std::fs::write(&enough, ESTIMATE.replace("burstTime: 3..20 min", "burstTime: soon")).unwrap();
    let (code, out, _) = run(&app, &["estimate", &enough.display().to_string()]);
    assert!(code == 2 && out.contains("enough.yaml:17:16: spec.inputs.burstTime: "), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_applied_estimate_has_versions_figures_and_a_picture() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let both = [("system.yaml", SYSTEM), ("estimate.yaml", ESTIMATE)];
    let applied = apply(&admin, &both, "ordering", false).await;
    assert_eq!(lines(&applied), ["SYSTEM vaccine-booking CREATE 1", "ESTIMATE EST-OPENING-DAY CREATE 1"]);
    let answer = admin.gql_with(QUERY, json!({ "name": "EST-OPENING-DAY" })).await;
    let estimate = &answer["data"]["estimate"];
    assert_eq!(estimate["system"], "vaccine-booking", "{answer}");
    assert_eq!(estimate["version"]["version"], 1);
    let (p5, p95) = door(&estimate["figures"]);
    assert!(p5 < 1_500.0 && p95 > 29_000.0, "{p5} {p95}");
    assert!(text(&estimate["chart"]).contains("医療従事者"), "{answer}");
    // Asked again, the figures are the same to the last digit; with another assumption they are others.
    let again = admin.gql_with(QUERY, json!({ "name": "EST-OPENING-DAY" })).await;
    assert_eq!(again, answer);
    let fewer = ESTIMATE.replace("population: 270000", "population: 27000");
    let applied = apply(&admin, &[("estimate.yaml", &fewer)], "fewer come", false).await;
    assert_eq!(lines(&applied), ["ESTIMATE EST-OPENING-DAY UPDATE 2"]);
    let fewer = admin.gql_with(QUERY, json!({ "name": "EST-OPENING-DAY" })).await;
    assert_eq!(fewer["data"]["estimate"]["version"]["version"], 2);
    assert!(door(&fewer["data"]["estimate"]["figures"]).1 < p95 / 9.0, "{fewer}");
    let list = "query($system: String) { estimates(system: $system) { nodes { name } } }";
    let answer = admin.gql_with(list, json!({ "system": "vaccine-booking" })).await;
    assert_eq!(answer["data"]["estimates"]["nodes"], json!([{ "name": "EST-OPENING-DAY" }]));
    let answer = admin.gql_with(list, json!({ "system": "another" })).await;
    assert_eq!(answer["data"]["estimates"]["nodes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_is_not_withdrawn_from_under_its_estimate_and_pruning_takes_it_along() {
    let app = TestApp::new().await;
    let admin = app.admin();
    apply(&admin, &[("system.yaml", SYSTEM), ("estimate.yaml", ESTIMATE)], "ordering", false).await;
    let withdraw = "mutation($kind: ManifestKind!, $name: String!) { withdrawManifest(kind: $kind, name: $name, reason: \"r\") {
        ... on ManifestChange { change } ... on Problem { code message } } }";
    let answer = admin.gql_with(withdraw, json!({ "kind": "SYSTEM", "name": "vaccine-booking" })).await;
    assert_eq!(answer["data"]["withdrawManifest"]["code"], "CONFLICT", "{answer}");
    assert!(answer.to_string().contains("estimate EST-OPENING-DAY refers to this system"), "{answer}");
    let pruned = apply(&admin, &[("system.yaml", SYSTEM)], "gone", true).await;
    assert!(lines(&pruned).contains(&"ESTIMATE EST-OPENING-DAY WITHDRAW 2".to_owned()), "{pruned}");
    let answer = admin.gql_with(QUERY, json!({ "name": "EST-OPENING-DAY" })).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_school_s_people_do_not_see_estimates() {
    let app = TestApp::new().await;
    apply(&app.admin(), &[("system.yaml", SYSTEM), ("estimate.yaml", ESTIMATE)], "ordering", false).await;
    let school = app.tenant("school-001").await;
    let head = app.member(&school, Role::TenantAdmin).await;
    let answer = head.gql_with(QUERY, json!({ "name": "EST-OPENING-DAY" })).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND", "{answer}");
    assert!(answer["data"].is_null() || answer["data"]["estimate"].is_null());
}
