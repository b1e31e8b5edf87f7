//! What a tenant refuses the operator's people about its own data: with the next request, at that tenant alone, past no grant,
//! and never what the operator owes.

use serde_json::{Value, json};
use suimon::access::{self, Role};
use suimon::app::App;
use suimon::entropy::Entropy;

use crate::harness::{Member, TestApp, TestTenant, text};
use crate::vault_support::{applicant, apply_system, batch, found};

const ADD: &str =
    "mutation($tenant: ID!, $rule: NewAccessRule!) { answer: addTenantRule(tenantId: $tenant, rule: $rule) {
  ... on AccessRule { id } ... on Problem { code field message remedy } } }";
const READ: &str = "query($id: ID!) { subject(id: $id, purpose: \"a call\") {
  fields(names: [\"full_name\", \"email\"], masked: false) {
    ... on ClearValue { clear: value } ... on MaskedValue { masked: value } ... on Withheld { reason } } } }";

struct Scene {
    app: TestApp,
    school: TestTenant,
    head: Member,
    officer: Member,
    /// One at the school, one at another.
    people: Vec<String>,
}

async fn scene() -> Scene {
    let app = TestApp::new().await;
    apply_system(&app).await;
    let school = app.tenant("school-001").await;
    app.tenant("school-002").await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let rows = json!([
        applicant(1, "school-001", "A-1", "水野 花", "hana@example.jp"),
        applicant(2, "school-002", "A-2", "水野 花", "hana@example.jp"),
    ]);
    batch(&officer, json!({ "rows": rows })).await;
    let search =
        "{ searchSubjects(system: \"online-application\", recordType: \"applicant\", field: \"email\",
        value: \"hana@example.jp\", purpose: \"a call\") { id externalId } }";
    let answer = officer.gql(search).await;
    let mut rows = answer["data"]["searchSubjects"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
    rows.sort_by_key(|row| row["externalId"].to_string());
    let people = rows.iter().map(|row| text(&row["id"])).collect();
    let head = app.member(&school, Role::TenantAdmin).await;
    Scene { app, school, head, officer, people }
}

impl Scene {
    async fn add(&self, role: &str, object: &str, action: &str, effect: &str) -> Value {
        let rule = json!({ "role": role, "object": object, "action": action, "effect": effect,
            "reason": "a decision of the board" });
        self.head.gql_with(ADD, json!({ "tenant": self.school.id, "rule": rule })).await["data"]["answer"]
            .clone()
    }
}

async fn read(member: &Member, person: &str) -> Value {
    let answer = member.gql_with(READ, json!({ "id": person })).await;
    let fields = answer["data"]["subject"]["fields"].clone();
    assert!(fields.is_array(), "{answer}");
    fields
}

fn clear() -> Value {
    json!([{ "clear": "水野 花" }, { "clear": "hana@example.jp" }])
}

/// What another node lets the officer see of the address.
async fn on(node: &std::sync::Arc<App>, officer: &Member, at: &str) -> bool {
    let op = access::act_locally(node, &officer.login).await.unwrap().for_purpose("a call").unwrap();
    let tenant = access::tenant_by_slug(&op, at).await.unwrap().id;
    let people = suimon::vault::list_subjects(&op, tenant, None, None, 1).await.unwrap();
    let fields = suimon::vault::read_fields(&op, &people[0], Some(&["email".into()]), false).await.unwrap();
    matches!(fields[0].shown, suimon::vault::Shown::Clear(_))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_keeps_the_operator_s_people_from_a_field_of_its_own() {
    let scene = scene().await;
    let (here, there) = (&scene.people[0], &scene.people[1]);
    let mut config = scene.app.app.config().clone();
    config.database.max_connections = 2;
    let node = App::open(config, scene.app.clock.clone(), Entropy::seeded(8)).await.unwrap();
    assert_eq!(read(&scene.officer, here).await, clear());
    assert!(on(&node, &scene.officer, "school-001").await);
    let rule = scene.add("COMPLIANCE_OFFICER", "data.applicant.email", "*", "DENY").await;
    assert!(rule["id"].is_string(), "{rule}");
    // With the next request, on every node, of that tenant's people only; what else the role may is as it was.
    assert_eq!(
        read(&scene.officer, here).await,
        json!([{ "clear": "水野 花" }, { "reason": "NOT_ALLOWED" }])
    );
    assert!(!on(&node, &scene.officer, "school-001").await && on(&node, &scene.officer, "school-002").await);
    assert_eq!(read(&scene.officer, there).await, clear());
    assert_eq!(read(&scene.head, here).await, clear(), "the rule names another role");
    // Nor is anybody found there by that field: being found tells the value.
    assert_eq!(found(&scene.officer, "email", "hana@example.jp").await, ["A-2"]);
    assert_eq!(found(&scene.officer, "date_of_birth", "2005-04-01").await, ["A-1", "A-2"]);
    assert_eq!(found(&scene.head, "email", "hana@example.jp").await, ["A-1"]);
    // Many in one answer: each tenant's rules for its own.
    let both = "query($a: ID!, $b: ID!) { a: subject(id: $a, purpose: \"a call\") { fields(names: [\"email\"], masked: false) { __typename } }
        b: subject(id: $b, purpose: \"a call\") { fields(names: [\"email\"], masked: false) { __typename } } }";
    let both = scene.officer.gql_with(both, json!({ "a": here, "b": there })).await;
    assert_eq!(both["data"]["a"]["fields"][0]["__typename"], "Withheld", "{both}");
    assert_eq!(both["data"]["b"]["fields"][0]["__typename"], "ClearValue", "{both}");
    let end = "mutation($id: ID!) { answer: endTenantRule(ruleId: $id) { ... on RuleEnded { id } ... on Problem { message } } }";
    let ended = scene.head.gql_with(end, json!({ "id": rule["id"] })).await;
    assert!(ended["data"]["answer"]["id"].is_string(), "{ended}");
    assert_eq!(read(&scene.officer, here).await, clear());
    assert!(on(&node, &scene.officer, "school-001").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_does_not_pass_over_it_and_the_denial_says_why() {
    let scene = scene().await;
    let centre = scene.app.operator_member(Role::CallCentre).await;
    let approver = scene.app.operator_member(Role::Approver).await;
    let ask = json!({ "permissions": [{ "action": "read", "object": "data.applicant.*" }], "tenantId": scene.school.id,
        "reason": "a parent calls from a hospital, ticket 4711", "minutes": 60 });
    let request = "mutation($input: EmergencyAccessInput!) { answer: requestEmergencyAccess(input: $input) { ... on EmergencyAccess { id } ... on Problem { message } } }";
    let asked = centre.gql_with(request, json!({ "input": ask })).await;
    let grant = text(&asked["data"]["answer"]["id"]);
    let approve = "mutation($id: ID!) { answer: approveEmergencyAccess(emergencyAccessId: $id, comment: \"checked\") { ... on EmergencyAccess { state } ... on Problem { message } } }";
    let approved = approver.gql_with(approve, json!({ "id": grant })).await;
    assert_eq!(approved["data"]["answer"]["state"], "ACTIVE", "{approved}");
    assert_eq!(read(&centre, &scene.people[0]).await, clear(), "the grant opens it");
    let rule = scene.add("CALL_CENTRE", "data.applicant.*", "*", "DENY").await;
    assert!(rule["id"].is_string(), "{rule}");
    let withheld = json!([{ "reason": "NOT_ALLOWED" }, { "reason": "NOT_ALLOWED" }]);
    assert_eq!(read(&centre, &scene.people[0]).await, withheld);
    let masked = json!([{ "masked": "水***" }, { "masked": "h***@example.jp" }]);
    assert_eq!(read(&centre, &scene.people[1]).await, masked);
    let denials = "{ denials(first: 1) { nodes { object explanation { because rules { origin effect holds failing } } } } }";
    let denials = scene.head.gql(denials).await;
    insta::assert_json_snapshot!(denials["data"]["denials"]["nodes"][0]["explanation"]["because"], @r#""refused by rule of the tenant""#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_gives_the_operator_s_people_nothing_and_stops_none_of_their_duties() {
    let scene = scene().await;
    let mut told = Vec::new();
    for (object, action, effect) in [
        ("data.applicant.email", "read", "ALLOW"),
        ("incident*", "*", "DENY"),
        ("notice", "create", "DENY"),
        ("policy", "*", "DENY"),
        ("data*", "*", "DENY"),
        ("*", "*", "DENY"),
    ] {
        let answer = scene.add("COMPLIANCE_OFFICER", object, action, effect).await;
        told.push(format!("{effect} {action} {object}: {answer}"));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    ALLOW read data.applicant.email: {"code":"INVALID","field":"role","message":"compliance_officer belongs to the operator","remedy":"grants speak of tenant_admin, tenant_staff and service; of the operator's roles a tenant's rule may refuse"}
    DENY * incident*: {"code":"INVALID","field":"object","message":"must begin with data. or app. in a rule about a role of the operator","remedy":"name fields, such as data.applicant.*; incidents, notices and the policy are the operator's duty"}
    DENY create notice: {"code":"INVALID","field":"object","message":"must begin with data. or app. in a rule about a role of the operator","remedy":"name fields, such as data.applicant.*; incidents, notices and the policy are the operator's duty"}
    DENY * policy: {"code":"INVALID","field":"object","message":"must begin with data. or app. in a rule about a role of the operator","remedy":"name fields, such as data.applicant.*; incidents, notices and the policy are the operator's duty"}
    DENY * data*: {"code":"INVALID","field":"object","message":"must begin with data. or app. in a rule about a role of the operator","remedy":"name fields, such as data.applicant.*; incidents, notices and the policy are the operator's duty"}
    DENY * *: {"code":"INVALID","field":"object","message":"must begin with data. or app. in a rule about a role of the operator","remedy":"name fields, such as data.applicant.*; incidents, notices and the policy are the operator's duty"}
    "#);
    let bound = "mutation($rule: NewAccessRule!) { answer: addGrantBound(rule: $rule) { ... on Problem { code field } } }";
    let rule = json!({ "role": "CALL_CENTRE", "object": "data.*", "action": "read", "effect": "ALLOW", "reason": "x" });
    let answer = scene.app.admin().gql_with(bound, json!({ "rule": rule })).await;
    assert_eq!(answer["data"]["answer"], json!({ "code": "INVALID", "field": "role" }), "{answer}");
    // The most that a tenant can refuse: the operator ends it where it must, which the tenant's own log shows.
    let rule = scene.add("COMPLIANCE_OFFICER", "data.*", "*", "DENY").await;
    let (incident, list) = (
        "mutation { answer: reportFinding(input: { occurredAt: \"2023-10-26T09:00:00+09:00\", source: PERSON, summary: \"x\",
            system: \"online-application\" }) { __typename } }",
        "query($id: ID!) { subjects(tenantId: $id) { nodes { externalId } } }",
    );
    assert_eq!(scene.officer.gql(incident).await["data"]["answer"]["__typename"], "Finding");
    let listed = scene.officer.gql_with(list, json!({ "id": scene.school.id })).await;
    assert_eq!(listed["data"]["subjects"]["nodes"], json!([{ "externalId": "A-1" }]), "{listed}");
    let end = "mutation($id: ID!) { answer: endTenantRule(ruleId: $id) { ... on RuleEnded { id } ... on Problem { message } } }";
    let ended = scene.app.admin().gql_with(end, json!({ "id": rule["id"] })).await;
    assert!(ended["data"]["answer"]["id"].is_string(), "{ended}");
    let log = "query($id: ID!) { auditEntries(tenantId: $id, filter: { action: \"policy.end\" }) { nodes { action } } }";
    let log = scene.head.gql_with(log, json!({ "id": scene.school.id })).await;
    assert_eq!(log["data"]["auditEntries"]["nodes"].as_array().unwrap().len(), 1, "{log}");
    assert_eq!(read(&scene.officer, &scene.people[0]).await, clear());
}
