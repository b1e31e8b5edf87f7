//! 権限一覧表: who may do what at one tenant with one system, from the engine's own answers, in three forms.

use serde_json::{Value, json};
use suimon::access::{self, Role};
use suimon::requirements::{self, ManifestFile, Outcome};

use crate::harness::{Member, TestApp, TestTenant, text};
use crate::vault_support::run;

const TABLE: &str =
    "query($tenant: ID!, $system: String!, $format: PermissionTableFormat!, $language: Language!) {
  permissionTable(tenantId: $tenant, system: $system, format: $format, language: $language) }";

async fn table(member: &Member, tenant: &TestTenant, format: &str, language: &str) -> Value {
    let variables =
        json!({ "tenant": tenant.id, "system": "vaccine-booking", "format": format, "language": language });
    member.gql_with(TABLE, variables).await
}

async fn shown(member: &Member, tenant: &TestTenant, format: &str, language: &str) -> String {
    let answer = table(member, tenant, format, language).await;
    answer["data"]["permissionTable"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

struct Scene {
    app: TestApp,
    clinic: TestTenant,
    officer: Member,
    head: Member,
}

/// The example's vaccine booking, a clinic with a rule of its own, and a bound.
async fn scene() -> Scene {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let op = access::act_locally(&app.app, &officer.login).await.unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/vaccine-booking/manifests/");
    let file = |name: &str| ManifestFile {
        name: name.into(),
        content: std::fs::read(format!("{folder}{name}")).expect("the example"),
    };
    let files = vec![file("system.yaml"), file("requirements.yaml")];
    let outcome = requirements::apply(&op, files, "a test", false).await.unwrap();
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
    let clinic = app.tenant("clinic-001").await;
    let head = app.member(&clinic, Role::TenantAdmin).await;
    for _ in 0..2 {
        app.member(&clinic, Role::TenantStaff).await;
    }
    let add = "mutation($tenant: ID!, $rule: NewAccessRule!) { addTenantRule(tenantId: $tenant, rule: $rule) { __typename } }";
    let rule = json!({ "role": "TENANT_STAFF", "object": "data.medical_worker.ticket_number", "action": "*",
        "effect": "DENY", "reason": "=HYPERLINK(\"https://evil.example\") <script>alert(1)</script>" });
    let answer = head.gql_with(add, json!({ "tenant": clinic.id, "rule": rule })).await;
    assert_eq!(answer["data"]["addTenantRule"]["__typename"], "AccessRule", "{answer}");
    let bound = "mutation { addGrantBound(rule: { role: TENANT_STAFF, object: \"data.medical_worker.*\", action: \"read\",
        effect: ALLOW, reason: \"@clinics may\" }) { __typename } }";
    let answer = app.admin().gql(bound).await;
    assert_eq!(answer["data"]["addGrantBound"]["__typename"], "AccessRule", "{answer}");
    Scene { app, clinic, officer, head }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_form_says_the_same_of_the_vaccine_booking() {
    let Scene { app, clinic, officer, head } = scene().await;
    let csv = shown(&officer, &clinic, "CSV", "JA").await;
    insta::assert_snapshot!("permission_table_csv_ja", csv.replace(['\r', '\u{feff}'], ""));
    insta::assert_snapshot!("permission_table_markdown_en", shown(&officer, &clinic, "MARKDOWN", "EN").await);
    let page = shown(&officer, &clinic, "HTML", "JA").await;
    let body = page.split("<body>").nth(1).expect("a body");
    insta::assert_snapshot!("permission_table_html_ja", body);
    assert!(!page.contains("<script"), "{page}");
    assert!(csv.starts_with('\u{feff}'));
    for line in ["\"権限\",\"app.slot\",\"\",\"call_centre\",\"book\",\"△ 条件付き\"", "\"'@clinics may\""]
    {
        assert!(csv.contains(line), "{line}");
    }
    // How many people the operator has, a tenant does not learn.
    let own = shown(&head, &clinic, "CSV", "EN").await;
    assert!(own.contains("\"role\",\"call_centre\",\"operator\",\"not told\""), "{own}");
    assert!(own.contains("\"role\",\"tenant_staff\",\"tenant\",\"2\""), "{own}");
    // The operator's own table, by the program.
    let operator = app.operator().await;
    let by_program = run(
        &app,
        &[
            "audit",
            "permissions",
            "--as",
            &officer.login,
            "--system",
            "vaccine-booking",
            "--format",
            "csv",
            "--language",
            "en",
        ],
    );
    assert_eq!(by_program.0, 0, "{}", by_program.2);
    let rows = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with("\"permission\"")).map(str::to_owned).collect()
    };
    assert_eq!(rows(&by_program.1), rows(&shown(&officer, &operator, "CSV", "EN").await));
    assert!(rows(&by_program.1).len() > 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_says_what_the_engine_says_and_to_nobody_else() {
    let Scene { app, clinic, officer, head } = scene().await;
    let csv = shown(&head, &clinic, "CSV", "EN").await;
    let says = |role: &str, object: &str, action: &str| {
        let begin = format!("\"permission\",\"{object}\",");
        let line = csv
            .lines()
            .find(|line| line.starts_with(&begin) && line.contains(&format!(",\"{role}\",\"{action}\",")));
        line.map_or("", |line| {
            ["allowed", "under conditions", "refused by a rule", "no rule allows it"]
                .into_iter()
                .find(|answer| line.contains(&format!(",\"{action}\",\"{answer}\",")))
                .unwrap_or("?")
        })
    };
    let explain = "query($tenant: ID!, $roles: [String!], $action: String!, $object: String!, $system: String, $attributes: JSON) {
        explainDecision(tenantId: $tenant, roles: $roles, action: $action, object: $object, system: $system, attributes: $attributes) { allowed } }";
    for role in ["tenant_admin", "tenant_staff", "service", "data_subject"] {
        for (object, action) in [
            ("medical_worker.ticket_number", "read"),
            ("medical_worker.ticket_number", "read_masked"),
            ("medical_worker.full_name", "read_masked"),
            ("medical_worker.full_name", "search"),
            ("slot", "book"),
        ] {
            let asked = async |attributes: Value| {
                let variables = json!({ "tenant": clinic.id, "roles": [role], "action": action, "object": object,
                    "system": "vaccine-booking", "attributes": attributes });
                let answer = officer.gql_with(explain, variables).await;
                answer["data"]["explainDecision"]["allowed"].as_bool().unwrap_or_else(|| panic!("{answer}"))
            };
            let best = json!({ "slot.accepts_bookings": true, "record.subject": "p", "actor.subject": "p" });
            let (best, worst) = (asked(best).await, asked(json!({})).await);
            let name = if object == "slot" { "app.slot".to_owned() } else { format!("data.{object}") };
            let expected: &[&str] = match (best, worst) {
                (true, true) => &["allowed"],
                (true, false) => &["under conditions"],
                _ => &["", "refused by a rule", "no rule allows it"],
            };
            assert!(
                expected.contains(&says(role, &name, action)),
                "{role} {name} {action}: {}",
                says(role, &name, action)
            );
        }
    }
    assert_eq!(says("tenant_staff", "data.medical_worker.ticket_number", "read_masked"), "refused by a rule");
    let staff = app.member(&clinic, Role::TenantStaff).await;
    let other = app.tenant("clinic-002").await;
    let stranger = app.member(&other, Role::TenantAdmin).await;
    let code = |answer: Value| text(&answer["errors"][0]["extensions"]["code"]);
    assert_eq!(code(table(&staff, &clinic, "CSV", "EN").await), "FORBIDDEN");
    assert_eq!(code(table(&stranger, &clinic, "CSV", "EN").await), "NOT_FOUND");
    let unknown = json!({ "tenant": clinic.id, "system": "nothing", "format": "CSV", "language": "EN" });
    assert_eq!(code(head.gql_with(TABLE, unknown).await), "NOT_FOUND");
}
