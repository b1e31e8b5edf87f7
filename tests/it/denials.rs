//! "Why was this refused?", asked later by the id of the request: who may ask, what is told and what never is, how much is kept.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::denial;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use suimon::access::{self, Role};
use suimon::requirements::{self, ManifestFile, Outcome};

use crate::authzen_scene::{Scene, rule};
use crate::harness::{Member, TestApp, TestTenant, text};
use crate::vault_support::{SYSTEM, applicant, apply_system, batch, database, run};

const DENIALS: &str = "query($request: String, $tenant: ID, $actor: String, $first: Int, $after: String) {
  denials(requestId: $request, tenantId: $tenant, actor: $actor, first: $first, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { at actor action object fields system requestId policyVersion moreInMinute tenantId accountId aboutAccountId
      explanation { allowed because roles allowedRoles outsideTokenScope rules { origin effect holds failing } } } } }";

async fn denials(member: &Member, variables: Value) -> Vec<Value> {
    let answer = member.gql_with(DENIALS, variables).await;
    answer["data"]["denials"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

async fn code(member: &Member, variables: Value) -> Value {
    member.gql_with(DENIALS, variables).await["errors"][0]["extensions"]["code"].clone()
}

/// Asks and returns the id in the header and the whole answer.
async fn ask(member: &Member, query: &str, variables: Value) -> (String, Value) {
    let request = member.http.post(format!("{}/graphql", member.url)).bearer_auth(&member.token);
    let response = request.json(&json!({ "query": query, "variables": variables })).send().await.unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    (id, response.json().await.unwrap())
}

async fn limited(app: &TestApp, member: &Member, scope: &str) -> Member {
    let issued = access::issue_token_for(&app.app, &member.login, "limited", &[scope.to_owned()], 1).await;
    Member { token: issued.unwrap().secret, ..member.clone() }
}

const LOG: &str = "query($id: ID!) { auditEntries(tenantId: $id) { nodes { action } } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_explained_by_the_id_that_its_error_shows() {
    let app = TestApp::new().await;
    let school = app.tenant("school-001").await;
    let (staff, head) =
        (app.member(&school, Role::TenantStaff).await, app.member(&school, Role::TenantAdmin).await);
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let (id, mut refused) = ask(&staff, LOG, json!({ "id": school.id })).await;
    assert_eq!(refused["errors"][0]["extensions"]["requestId"], id, "{refused}");
    refused["errors"][0]["extensions"]["requestId"] = "(the id of the header)".into();
    insta::assert_json_snapshot!(refused["errors"][0], @r#"
    {
      "extensions": {
        "code": "FORBIDDEN",
        "requestId": "(the id of the header)"
      },
      "locations": [
        {
          "column": 19,
          "line": 1
        }
      ],
      "message": "not allowed: read on audit",
      "path": [
        "auditEntries"
      ]
    }
    "#);
    for asker in [&officer, &head] {
        let mut found = denials(asker, json!({ "request": id })).await;
        assert_eq!(found.len(), 1, "{found:?}");
        let denial = found.remove(0);
        assert_eq!((&denial["accountId"], &denial["tenantId"]), (&json!(staff.account), &json!(school.id)));
        assert!(
            denial["actor"].as_str().unwrap().starts_with("token:"),
            "as the audit log names it: {denial}"
        );
        assert!(denial["policyVersion"].as_i64().unwrap() > 0, "{denial}");
        assert_eq!(denial["at"], "2023-10-26T00:00:00Z", "{denial}");
        insta::allow_duplicates! {
            insta::assert_json_snapshot!(json!([denial["action"], denial["object"], denial["explanation"]]), @r#"
            [
              "read",
              "audit",
              {
                "allowed": false,
                "allowedRoles": [
                  "auditor",
                  "compliance_officer",
                  "tenant_admin"
                ],
                "because": "refused: no rule of these roles allows it",
                "outsideTokenScope": false,
                "roles": [
                  "tenant_staff"
                ],
                "rules": []
              }
            ]
            "#);
        }
    }
    // The account finds what its tokens asked, the token finds its own.
    let actor = text(&denials(&officer, json!({ "request": id })).await[0]["actor"]);
    let bytes = URL_SAFE_NO_PAD.decode(&staff.account).unwrap();
    let account = uuid::Uuid::from_slice(&bytes[bytes.len() - 16..]).unwrap();
    for actor in [actor, format!("account:{account}")] {
        assert_eq!(denials(&head, json!({ "actor": actor })).await.len(), 1, "{actor}");
    }
    assert_eq!(denials(&head, json!({ "actor": format!("account:{}", uuid::Uuid::nil()) })).await.len(), 0);
    // That somebody read them is recorded.
    let read = "query($id: ID!) { auditEntries(tenantId: $id, filter: { action: \"denial.read\" }) { nodes { detail } } }";
    let read = head.gql_with(read, json!({ "id": school.id })).await;
    assert_eq!(read["data"]["auditEntries"]["nodes"].as_array().unwrap().len(), 4, "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_sees_its_own_denials_and_nobody_else_s() {
    let app = TestApp::new().await;
    let (school, other) = (app.tenant("school-001").await, app.tenant("school-002").await);
    let staff = app.member(&school, Role::TenantStaff).await;
    let (head, stranger) =
        (app.member(&school, Role::TenantAdmin).await, app.member(&other, Role::TenantAdmin).await);
    let (officer, auditor, centre) = (
        app.operator_member(Role::ComplianceOfficer).await,
        app.operator_member(Role::Auditor).await,
        app.operator_member(Role::CallCentre).await,
    );
    let (id, _) = ask(&staff, LOG, json!({ "id": school.id })).await;
    // The operator's people are refused at a tenant: its own administrator sees that, and why.
    let (of_operator, _) = ask(&centre, LOG, json!({ "id": school.id })).await;
    // Who names another tenant is refused at home: the other one learns nothing of it.
    let (astray, _) = ask(&staff, LOG, json!({ "id": other.id })).await;
    for asker in [&officer, &auditor, &head] {
        for request in [&id, &of_operator, &astray] {
            assert_eq!(denials(asker, json!({ "request": request })).await.len(), 1, "{request}");
        }
        assert_eq!(denials(asker, json!({ "tenant": school.id })).await.len(), 3);
    }
    let found = denials(&head, json!({ "request": astray })).await.remove(0);
    assert_eq!(
        found["explanation"]["because"],
        "refused: the tenant that was named lies outside the reach of who asked"
    );
    assert_eq!(denials(&officer, json!({ "tenant": other.id })).await.len(), 0);
    // A stranger's ids are not found, whatever one knows of them.
    for request in [&id, &of_operator, &astray] {
        assert_eq!(denials(&stranger, json!({ "request": request })).await.len(), 0);
    }
    assert_eq!(code(&stranger, json!({ "tenant": school.id })).await, "NOT_FOUND");
    for nobody in [&staff, &centre] {
        assert_eq!(code(nobody, json!({ "request": id })).await, "FORBIDDEN");
    }
    for wrong in [json!({ "request": "' OR 1=1 --" }), json!({ "request": "" }), json!({ "actor": "\0" })] {
        assert_eq!(code(&officer, wrong.clone()).await, "INVALID", "{wrong}");
    }
    // Page after page, everything once.
    let (mut seen, mut after) = (0, Value::Null);
    loop {
        let page =
            head.gql_with(DENIALS, json!({ "first": 2, "after": after })).await["data"]["denials"].clone();
        seen += page["nodes"].as_array().unwrap().len();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(
        seen, 4,
        "and that staff asked for denials; the stranger's and the call centre's stand at their own tenants"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scope_of_a_token_is_named_as_the_reason() {
    let app = TestApp::new().await;
    let school = app.tenant("school-001").await;
    let head = app.member(&school, Role::TenantAdmin).await;
    let narrow = limited(&app, &head, "read:subject").await;
    let (id, _) = ask(&narrow, LOG, json!({ "id": school.id })).await;
    let denial = denials(&head, json!({ "request": id })).await.remove(0);
    insta::assert_json_snapshot!(denial["explanation"], @r#"
    {
      "allowed": false,
      "allowedRoles": [
        "auditor",
        "compliance_officer",
        "tenant_admin"
      ],
      "because": "refused: the token's scope does not cover this",
      "outsideTokenScope": true,
      "roles": [
        "tenant_admin"
      ],
      "rules": [
        {
          "effect": "ALLOW",
          "failing": [],
          "holds": true,
          "origin": "role template"
        }
      ]
    }
    "#);
    // What the roles do not allow either says both.
    let (id, answer) = ask(&narrow, "{ verifyAudit { entries } }", json!({})).await;
    let denial = denials(&head, json!({ "request": id })).await;
    assert_eq!(
        denial[0]["explanation"]["because"],
        "refused: no rule of these roles allows it; and the token's scope does not cover this",
        "{answer}"
    );
    // The same in advance.
    let tokens = head.gql("{ apiTokens { id label } }").await;
    let token =
        tokens["data"]["apiTokens"].as_array().unwrap().iter().find(|token| token["label"] == "limited");
    let explain = "query($tenant: ID!, $token: ID!, $action: String!, $object: String!) {
        explainDecision(tenantId: $tenant, tokenId: $token, action: $action, object: $object) { allowed because outsideTokenScope } }";
    let explain = async |asker: &Member, object: &str| {
        let token = token.unwrap_or_else(|| panic!("{tokens}"))["id"].clone();
        let variables = json!({ "tenant": school.id, "token": token, "action": "read", "object": object });
        asker.gql_with(explain, variables).await
    };
    insta::assert_json_snapshot!(
        json!([explain(&head, "audit").await["data"], explain(&head, "subject").await["data"]]), @r#"
        [
          {
            "explainDecision": {
              "allowed": false,
              "because": "refused: the token's scope does not cover this",
              "outsideTokenScope": true
            }
          },
          {
            "explainDecision": {
              "allowed": true,
              "because": "allowed by role template",
              "outsideTokenScope": false
            }
          }
        ]
        "#);
    let other = app.tenant("school-002").await;
    let stranger = app.member(&other, Role::TenantAdmin).await;
    assert_eq!(explain(&stranger, "audit").await["errors"][0]["extensions"]["code"], "NOT_FOUND");
}

async fn apply(app: &TestApp, officer: &Member, text: String) {
    let op = access::act_locally(&app.app, &officer.login).await.unwrap();
    let file = ManifestFile { name: "rule.yaml".into(), content: text.into_bytes() };
    let outcome = requirements::apply(&op, vec![file], "a test", false).await.unwrap();
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn withheld_fields_are_explained_without_a_value_of_the_request() {
    let app = TestApp::new().await;
    apply_system(&app).await;
    let school = app.tenant("school-001").await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let (staff, head) =
        (app.member(&school, Role::TenantStaff).await, app.member(&school, Role::TenantAdmin).await);
    let rows = json!([applicant(1, "school-001", "A-1", "水野 花", "hana@example.jp")]);
    batch(&officer, json!({ "rows": rows })).await;
    let people = head
        .gql_with("query($id: ID!) { subjects(tenantId: $id) { nodes { id } } }", json!({ "id": school.id }))
        .await;
    let person = text(&people["data"]["subjects"]["nodes"][0]["id"]);
    let only_for_admission = "{ effect: deny, roles: [tenant_staff], actions: [read, read_masked], objects: [applicant.*], \
        when: [{ attribute: purpose, op: not_in, values: [admission, correction] }] }";
    apply(&app, &officer, rule("R-1", "enforce", SYSTEM, only_for_admission)).await;
    let read = "query($id: ID!) { subject(id: $id, purpose: \"because of Mizuno Hana\") {
        fields(names: [\"full_name\", \"email\"]) { ... on Withheld { reason } } } }";
    let (id, answer) = ask(&staff, read, json!({ "id": person })).await;
    let withheld = json!([{ "reason": "NOT_ALLOWED" }, { "reason": "NOT_ALLOWED" }]);
    assert_eq!(answer["data"]["subject"]["fields"], withheld, "{answer}");
    let denial = denials(&head, json!({ "request": id })).await.remove(0);
    insta::assert_json_snapshot!(
        json!([denial["action"], denial["object"], denial["fields"], denial["system"], denial["explanation"]]), @r#"
        [
          "read_masked",
          "data.applicant.full_name",
          [
            "full_name",
            "email"
          ],
          "online-application",
          {
            "allowed": false,
            "allowedRoles": [
              "call_centre",
              "compliance_officer",
              "tenant_admin"
            ],
            "because": "refused by requirement R-1",
            "outsideTokenScope": false,
            "roles": [
              "tenant_staff"
            ],
            "rules": [
              {
                "effect": "DENY",
                "failing": [],
                "holds": true,
                "origin": "requirement R-1"
              },
              {
                "effect": "ALLOW",
                "failing": [],
                "holds": true,
                "origin": "role template"
              }
            ]
          }
        ]
        "#);
    // What is shown in part is no denial.
    let (id, _) = ask(&head, read, json!({ "id": person })).await;
    assert_eq!(denials(&head, json!({ "request": id })).await.len(), 0);
    let kept = denial::Entity::find().all(&database(&app).await).await.unwrap();
    let kept = format!("{kept:?}");
    assert!(kept.contains("R-1") && !kept.contains("Mizuno Hana") && !kept.contains("水野"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_to_the_protected_system_is_explained_without_its_attributes() {
    let scene = Scene::new().await;
    let head = scene.app.member(&scene.tenant, Role::TenantAdmin).await;
    let question = json!({ "subject": { "type": "user", "id": "alice", "properties": { "birth": "1999-12-31-secret" } },
        "action": { "name": "write" }, "resource": { "type": "record", "id": "record-2" } });
    let reply = scene.post("evaluation", &question).await;
    assert_eq!(reply.json()["decision"], false, "{}", reply.text);
    let id = reply.headers["x-request-id"].to_str().unwrap().to_owned();
    let denial = denials(&head, json!({ "request": id })).await.remove(0);
    assert!(denial["aboutAccountId"].is_string(), "{denial}");
    insta::assert_json_snapshot!(
        json!([denial["action"], denial["object"], denial["system"], denial["explanation"]]), @r#"
        [
          "write",
          "data.record",
          "record-office",
          {
            "allowed": false,
            "allowedRoles": [
              "admin",
              "tenant_admin"
            ],
            "because": "refused by requirement FIX-5",
            "outsideTokenScope": false,
            "roles": [
              "tenant_staff"
            ],
            "rules": [
              {
                "effect": "DENY",
                "failing": [],
                "holds": true,
                "origin": "requirement FIX-5"
              },
              {
                "effect": "ALLOW",
                "failing": [],
                "holds": true,
                "origin": "requirement FIX-2"
              }
            ]
          }
        ]
        "#);
    // Invented names are not written down, nor is what a person of the system is called there.
    let invented = json!({ "subject": { "type": "record", "id": "record-1" }, "action": { "name": "kiss-mizuno" },
        "resource": { "type": "mizuno.hana", "id": "hana@example.jp" } });
    let reply = scene.post("evaluation", &invented).await;
    let id = reply.headers["x-request-id"].to_str().unwrap().to_owned();
    let denial = denials(&head, json!({ "request": id })).await.remove(0);
    assert_eq!(denial["object"], "(another object)", "{denial}");
    let kept = denial::Entity::find().all(&database(&scene.app).await).await.unwrap();
    let kept = format!("{kept:?}");
    for value in ["secret", "mizuno", "hana", "record-1", "record-2", "archived-"] {
        assert!(!kept.contains(value), "{value}: {kept}");
    }
    // A batch of many is one minute's worth of rows, and a number.
    let many: Vec<Value> = (0..50).map(|_| question.clone()).collect();
    let reply = scene.post("evaluations", &json!({ "evaluations": many })).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let found = denials(&head, json!({ "tenant": scene.tenant.id })).await;
    let more: i64 = found.iter().map(|denial| denial["moreInMinute"].as_i64().unwrap()).sum();
    assert_eq!((found.len(), more), (30, 22));
}

async fn refused_often(staff: &Member, school: &TestTenant, times: usize) {
    let asked = (0..times).map(|_| ask(staff, LOG, json!({ "id": school.id })));
    for (_, answer) in futures::future::join_all(asked).await {
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_often_fills_no_disk_and_the_rest_is_counted() {
    let app = TestApp::new().await;
    let school = app.tenant("school-001").await;
    let (staff, head) =
        (app.member(&school, Role::TenantStaff).await, app.member(&school, Role::TenantAdmin).await);
    let second = limited(&app, &staff, "*:*").await;
    let sums = async || {
        let found = head.gql("{ denials(first: 200) { nodes { moreInMinute } } }").await;
        let found = found["data"]["denials"]["nodes"].as_array().unwrap().clone();
        let more: i64 = found.iter().map(|denial| denial["moreInMinute"].as_i64().unwrap()).sum();
        (found.len(), more)
    };
    refused_often(&staff, &school, 35).await;
    assert_eq!(sums().await, (30, 5));
    // Another token of the same account is not another thirty; another account is.
    refused_often(&second, &school, 10).await;
    assert_eq!(sums().await, (30, 15));
    refused_often(&app.member(&school, Role::TenantStaff).await, &school, 1).await;
    assert_eq!(sums().await, (31, 15));
    app.clock.advance(60);
    refused_often(&staff, &school, 31).await;
    assert_eq!(sums().await, (61, 16));
    // Each refusal stands in the audit log all the same.
    let log = "query($id: ID!) { auditEntries(tenantId: $id, filter: { action: \"read\" }, first: 200) { nodes { allowed } } }";
    let log = head.gql_with(log, json!({ "id": school.id })).await;
    assert_eq!(log["data"]["auditEntries"]["nodes"].as_array().unwrap().len(), 77, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn denials_end_with_their_time_and_those_of_the_command_line_are_kept_too() {
    let app = TestApp::with(&["retention.denial_days=30"]).await;
    let school = app.tenant("school-001").await;
    let (staff, head) =
        (app.member(&school, Role::TenantStaff).await, app.member(&school, Role::TenantAdmin).await);
    refused_often(&staff, &school, 1).await;
    let (exit, _, error) = run(&app, &["audit", "checkpoint", "--as", &staff.login]);
    assert_eq!(exit, 2, "{error}");
    let count = async || denial::Entity::find().count(&database(&app).await).await.unwrap();
    assert_eq!(denials(&head, json!({})).await.len(), 2);
    app.clock.advance(29 * 86_400);
    app.run_jobs().await;
    assert_eq!(count().await, 2);
    app.clock.advance(2 * 86_400);
    app.run_jobs().await;
    assert_eq!(count().await, 1, "the program's own clock is the machine's");
}
