//! Who may read, plan and apply.

use serde_json::{Value, json};
use suimon::access::Role;

use super::{CACHING, SYSTEM, apply, files};
use crate::harness::{Member, TestApp};

const READS: [&str; 6] = [
    "{ systems { nodes { name } } }",
    "{ system(name: \"shop\") { name } }",
    "{ requirements(system: \"shop\") { nodes { name } } }",
    "{ requirement(name: \"NFR-CACHE\") { name } }",
    "{ manifestVersions(kind: SYSTEM, name: \"shop\") { nodes { version } } }",
    "{ inForce(kind: SYSTEM, name: \"shop\", at: \"2023-10-26T12:00:00+09:00\") { version } }",
];

/// `OK` or the code of the failure, of reading (all the same), planning, applying and withdrawing.
async fn may(member: &Member) -> [String; 4] {
    let mut reads = Vec::new();
    for query in READS {
        reads.push(code(&member.gql(query).await["errors"][0]["extensions"]));
    }
    reads.dedup();
    let set = files(&[("r.yaml", CACHING)]);
    let plan = "query($files: [ManifestFile!]!) { plan(files: $files) { pending } }";
    let planned = member.gql_with(plan, json!({ "files": set })).await;
    let apply = "mutation($files: [ManifestFile!]!) { applyManifests(files: $files, reason: \"x\") { ... on Problem { code } } }";
    let applied = member.gql_with(apply, json!({ "files": set })).await;
    let withdraw = "mutation { withdrawManifest(kind: SYSTEM, name: \"no-such\", reason: \"x\") { ... on Problem { code message } } }";
    let withdrawn = member.gql(withdraw).await;
    let withdrawn = &withdrawn["data"]["withdrawManifest"];
    let withdrawn =
        if withdrawn["message"] == "system not found" { "OK".to_owned() } else { code(withdrawn) };
    [
        reads.join(" "),
        code(&planned["errors"][0]["extensions"]),
        code(&applied["data"]["applyManifests"]),
        withdrawn,
    ]
}

fn code(problem: &Value) -> String {
    problem["code"].as_str().unwrap_or("OK").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_decide() {
    let app = TestApp::new().await;
    apply(&app.admin(), &[("s.yaml", SYSTEM), ("r.yaml", CACHING)], "first", false).await;
    let school = app.tenant("school-001").await;
    let mut table = String::new();
    for role in
        [Role::OperatorAdmin, Role::ComplianceOfficer, Role::Approver, Role::Auditor, Role::CallCentre]
    {
        let member = app.operator_member(role).await;
        table += &format!("operator {role}: {}\n", may(&member).await.join(" | "));
    }
    for role in [Role::TenantAdmin, Role::TenantStaff, Role::Service] {
        let member = app.member(&school, role).await;
        table += &format!("customer {role}: {}\n", may(&member).await.join(" | "));
    }
    insta::assert_snapshot!(table, @"
operator operator_admin: OK | OK | OK | OK
operator compliance_officer: OK | OK | OK | OK
operator approver: OK | FORBIDDEN | FORBIDDEN | FORBIDDEN
operator auditor: OK | FORBIDDEN | FORBIDDEN | FORBIDDEN
operator call_centre: FORBIDDEN | FORBIDDEN | FORBIDDEN | FORBIDDEN
customer tenant_admin: NOT_FOUND | NOT_FOUND | NOT_FOUND | NOT_FOUND
customer tenant_staff: NOT_FOUND | NOT_FOUND | NOT_FOUND | NOT_FOUND
customer service: NOT_FOUND | NOT_FOUND | NOT_FOUND | NOT_FOUND
");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_names_who_applied_it_and_the_audit_log_its_fingerprint() {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    apply(&officer, &[("s.yaml", SYSTEM)], "a reason", false).await;
    let query = "{ system(name: \"shop\") { version { appliedBy reason version fingerprint manifest } } }";
    let answer = officer.gql(query).await;
    let version = &answer["data"]["system"]["version"];
    assert_eq!(version["appliedBy"], officer.account.as_str());
    assert_eq!(version["reason"], "a reason");
    let manifest: Value = serde_json::from_str(version["manifest"].as_str().unwrap()).unwrap();
    let manifest = suimon::requirements::manifest::Manifest::from_json(&manifest).unwrap();
    assert_eq!(version["fingerprint"], manifest.fingerprint().as_str());
    let database = sea_orm::Database::connect(app.owner_url()).await.unwrap();
    let statement = "SELECT object, detail FROM audit_entry WHERE action = 'requirement.create'";
    let rows = sea_orm::ConnectionTrait::query_all_raw(
        &database,
        sea_orm::Statement::from_string(sea_orm::ConnectionTrait::get_database_backend(&database), statement),
    )
    .await
    .unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].try_get::<String>("", "object").unwrap(), "system:shop");
    let detail = rows[0].try_get::<String>("", "detail").unwrap();
    assert!(detail.contains(&manifest.fingerprint()), "{detail}");
    assert!(!detail.contains("a reason"), "free text stays out of the audit log");
}
