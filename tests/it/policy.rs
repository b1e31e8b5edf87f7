//! A tenant's own rules within the operator's bounds, why a decision is what it is, and the rule of the vaccine booking.

use serde_json::{Value, json};
use suimon::access::{self, Role};
use suimon::app::App;
use suimon::entropy::Entropy;
use suimon::requirements::{self, ManifestFile, Outcome};

use crate::harness::{Member, TestApp, TestTenant, text};

const ADD: &str =
    "mutation($tenant: ID!, $rule: NewAccessRule!) { answer: addTenantRule(tenantId: $tenant, rule: $rule) {
  ... on AccessRule { id } ... on Problem { code message remedy } } }";
const BOUND: &str = "mutation($rule: NewAccessRule!) { answer: addGrantBound(rule: $rule) {
  ... on AccessRule { id } ... on Problem { code message } } }";

fn rule(role: &str, object: &str, action: &str, effect: &str) -> Value {
    json!({ "role": role, "object": object, "action": action, "effect": effect, "reason": "a decision of the board" })
}

async fn add(member: &Member, tenant: &TestTenant, rule: Value) -> Value {
    member.gql_with(ADD, json!({ "tenant": tenant.id, "rule": rule })).await["data"]["answer"].clone()
}

/// Whether this node lets the account read the clear value of a field.
async fn may_read(app: &std::sync::Arc<App>, login: &str) -> bool {
    access::act_locally(app, login).await.unwrap().allows(access::Action::Read, "data.applicant.email")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_refuses_at_will_and_grants_within_bounds_on_every_node() {
    let app = TestApp::new().await;
    let (school, other) = (app.tenant("school-001").await, app.tenant("school-002").await);
    let admin = app.member(&school, Role::TenantAdmin).await;
    let staff = app.member(&school, Role::TenantStaff).await;
    let stranger = app.member(&other, Role::TenantStaff).await;
    let mut config = app.app.config().clone();
    config.database.max_connections = 2;
    let node = App::open(config, app.clock.clone(), Entropy::seeded(8)).await.unwrap();
    assert!(!may_read(&app.app, &staff.login).await && !may_read(&node, &staff.login).await);

    let grant = || rule("TENANT_STAFF", "data.applicant.*", "read", "ALLOW");
    insta::assert_json_snapshot!(add(&admin, &school, grant()).await, @r#"
    {
      "code": "FORBIDDEN",
      "message": "not allowed: grant on data.applicant.*",
      "remedy": "the operator says what a tenant may grant; a rule that refuses is always allowed"
    }
    "#);
    // Who is bound does not set the bounds.
    let refused = admin.gql_with(BOUND, json!({ "rule": grant() })).await;
    assert_eq!(refused["data"]["answer"]["code"], "FORBIDDEN", "{refused}");
    let bound = app.admin().gql_with(BOUND, json!({ "rule": grant() })).await;
    let bound = text(&bound["data"]["answer"]["id"]);
    // More than the bound, in each direction.
    for wider in [
        rule("TENANT_STAFF", "data.*", "read", "ALLOW"),
        rule("TENANT_STAFF", "data.applicant.*", "*", "ALLOW"),
        rule("TENANT_STAFF", "*", "read", "ALLOW"),
        rule("SERVICE", "data.applicant.*", "read", "ALLOW"),
    ] {
        let code = add(&admin, &school, wider.clone()).await["code"].clone();
        assert!(["FORBIDDEN", "INVALID"].contains(&code.as_str().unwrap_or_default()), "{wider}: {code}");
    }
    assert!(add(&admin, &school, grant()).await["id"].is_string());
    assert!(may_read(&app.app, &staff.login).await && may_read(&node, &staff.login).await);
    assert!(!may_read(&app.app, &stranger.login).await, "another tenant's people");

    // A refusal wins, and ends when it is ended.
    let deny = add(&admin, &school, rule("TENANT_STAFF", "data.applicant.email", "*", "DENY")).await;
    assert!(!may_read(&app.app, &staff.login).await && !may_read(&node, &staff.login).await);
    let end = "mutation($id: ID!) { answer: endTenantRule(ruleId: $id) { ... on RuleEnded { id } ... on Problem { code } } }";
    let by_staff = staff.gql_with(end, json!({ "id": deny["id"] })).await;
    assert_eq!(by_staff["data"]["answer"]["code"], "FORBIDDEN");
    let by_foreigner = app.member(&other, Role::TenantAdmin).await;
    assert_eq!(
        by_foreigner.gql_with(end, json!({ "id": deny["id"] })).await["data"]["answer"]["code"],
        "NOT_FOUND"
    );
    assert!(admin.gql_with(end, json!({ "id": deny["id"] })).await["data"]["answer"]["id"].is_string());
    assert!(may_read(&app.app, &staff.login).await && may_read(&node, &staff.login).await);

    // A bound that ends takes the grants under it along, on every node.
    let end = "mutation($id: ID!) { answer: endGrantBound(boundId: $id) { ... on RuleEnded { id } ... on Problem { code } } }";
    assert!(app.admin().gql_with(end, json!({ "id": bound })).await["data"]["answer"]["id"].is_string());
    assert!(!may_read(&app.app, &staff.login).await && !may_read(&node, &staff.login).await);
    let listed = admin
        .gql_with(
            "query($id: ID!) { tenantRules(tenantId: $id) { role effect object } grantBounds { id } }",
            json!({ "id": school.id }),
        )
        .await;
    assert_eq!(listed["data"]["tenantRules"][0]["effect"], "ALLOW", "{listed}");
    assert_eq!(listed["data"]["grantBounds"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_lock_a_policy_or_the_operator_s_duties() {
    let app = TestApp::new().await;
    let school = app.tenant("school-001").await;
    let admin = app.member(&school, Role::TenantAdmin).await;
    for wrong in [
        rule("TENANT_ADMIN", "*", "*", "DENY"),
        rule("TENANT_ADMIN", "policy", "*", "DENY"),
        rule("TENANT_ADMIN", "pol*", "*", "DENY"),
        rule("COMPLIANCE_OFFICER", "data.*", "read", "ALLOW"),
        rule("COMPLIANCE_OFFICER", "incident", "read", "DENY"),
        rule("TENANT_STAFF", "data.*.email", "read", "DENY"),
        rule("TENANT_STAFF", "水野", "read", "DENY"),
    ] {
        assert_eq!(add(&admin, &school, wrong.clone()).await["code"], "INVALID", "{wrong}");
    }
    let operator = app.operator().await;
    assert_eq!(
        add(&admin, &operator, rule("TENANT_STAFF", "data.*", "read", "DENY")).await["code"],
        "NOT_FOUND"
    );
}

const EXPLAIN: &str = "query($tenant: ID!, $account: ID, $roles: [String!], $action: String!, $object: String!, $system: String, $attributes: JSON) {
  answer: explainDecision(tenantId: $tenant, accountId: $account, roles: $roles, action: $action, object: $object, system: $system, attributes: $attributes) {
    allowed because roles allowedRoles rules { origin effect holds failing } } }";

async fn vaccine_booking(app: &TestApp) {
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
}

#[tokio::test(flavor = "multi_thread")]
async fn no_booking_of_a_closed_slot_by_the_call_centre() {
    let app = TestApp::new().await;
    vaccine_booking(&app).await;
    let operator = app.operator().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let call_centre = app.operator_member(Role::CallCentre).await;
    let ask = async |attributes: Value| {
        let variables = json!({ "tenant": operator.id, "account": call_centre.account, "action": "book", "object": "slot",
            "system": "vaccine-booking", "attributes": attributes });
        let answer = officer.gql_with(EXPLAIN, variables).await;
        assert!(answer["data"]["answer"]["allowed"].is_boolean(), "{answer}");
        answer["data"]["answer"].clone()
    };
    // The 1,023 bookings of 2021, each of another slot.
    for slot in 0..1_023 {
        let answer = ask(json!({ "slot.accepts_bookings": false, "slot.id": format!("slot-{slot}") })).await;
        assert_eq!(answer["allowed"], false, "{answer}");
    }
    let open = ask(json!({ "slot.accepts_bookings": true })).await;
    assert_eq!(open["allowed"], true, "{open}");
    // What is not known, and what only looks like a yes, does not help.
    for unclear in
        [json!({}), json!({ "slot.accepts_bookings": "true" }), json!({ "slot.accepts_bookings": 1 })]
    {
        assert_eq!(ask(unclear.clone()).await["allowed"], false, "{unclear}");
    }
    let closed = ask(json!({ "slot.accepts_bookings": false })).await;
    assert_eq!(
        closed["because"].as_str().unwrap().split(" VAX").next(),
        Some("refused by requirement"),
        "{closed}"
    );
    assert_eq!(closed["allowedRoles"], json!([]), "{closed}");
    assert_eq!(open["because"], "allowed by requirement VAX-ACC-003", "{open}");
    assert_eq!(open["allowedRoles"], json!(["call_centre", "data_subject"]), "{open}");
}

#[tokio::test(flavor = "multi_thread")]
async fn officers_learn_why_and_others_do_not() {
    let app = TestApp::new().await;
    vaccine_booking(&app).await;
    let operator = app.operator().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    // A person of the protected system has a role for decisions and no account.
    let own = |other: &str| {
        json!({ "tenant": operator.id, "roles": ["data_subject"], "action": "read", "object": "medical_worker.full_name",
            "system": "vaccine-booking", "attributes": { "record.subject": "p-1", "actor.subject": other } })
    };
    let refused = officer.gql_with(EXPLAIN, own("p-2")).await["data"]["answer"].clone();
    assert_eq!(refused["because"], "refused by requirement VAX-ACC-002", "{refused}");
    assert!(!refused.to_string().contains("p-2"), "no value of the request is shown: {refused}");
    let own = officer.gql_with(EXPLAIN, own("p-1")).await["data"]["answer"].clone();
    let rule = own["rules"].as_array().unwrap().iter().find(|rule| rule["effect"] == "DENY").unwrap();
    assert_eq!(rule["failing"], json!(["record.subject ≠ actor.subject"]), "{own}");

    let school = app.tenant("school-001").await;
    let staff = app.member(&school, Role::TenantStaff).await;
    let about =
        json!({ "tenant": school.id, "account": staff.account, "action": "erase", "object": "subject" });
    let answer = officer.gql_with(EXPLAIN, about.clone()).await;
    insta::assert_json_snapshot!(answer["data"]["answer"], @r#"
    {
      "allowed": false,
      "allowedRoles": [
        "compliance_officer",
        "tenant_admin"
      ],
      "because": "refused: no rule of these roles allows it",
      "roles": [
        "tenant_staff"
      ],
      "rules": []
    }
    "#);
    let asked_by_staff = staff.gql_with(EXPLAIN, about.clone()).await;
    assert_eq!(asked_by_staff["errors"][0]["extensions"]["code"], "FORBIDDEN", "{asked_by_staff}");
    let other = app.tenant("school-002").await;
    let foreign = app.member(&other, Role::TenantAdmin).await.gql_with(EXPLAIN, about).await;
    assert_eq!(foreign["errors"][0]["extensions"]["code"], "NOT_FOUND", "{foreign}");
}
