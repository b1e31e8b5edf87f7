//! What a hostile but signed-in client tries.

use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::json;
use suimon::access::{Role, issue_token_for};

use crate::harness::{Member, PASSWORD, TestApp};

async fn limited(app: &TestApp, member: &Member, scope: &str) -> Member {
    let secret =
        issue_token_for(&app.app, &member.login, "limited", &[scope.to_owned()], 1).await.unwrap().secret;
    Member { token: secret, ..member.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_token_cannot_make_itself_more() {
    let app = TestApp::new().await;
    let admin = app.operator_member(Role::OperatorAdmin).await;
    let token = limited(&app, &admin, "*:account").await;
    let set =
        "mutation($id: ID!, $password: String!) { setAccountPassword(accountId: $id, password: $password) {
                 ... on Problem { code message } } }";
    let answer = token.gql_with(set, json!({ "id": admin.account, "password": "a password of mine" })).await;
    insta::assert_snapshot!(answer, @r#"{"data":{"setAccountPassword":{"code":"FORBIDDEN","message":"not allowed: update on account"}}}"#);
    let issue = token
        .gql("mutation { issueToken(label: \"x\", scopes: [\"*:*\"], days: 1) { ... on Problem { code } } }")
        .await;
    insta::assert_snapshot!(issue, @r#"{"data":{"issueToken":{"code":"FORBIDDEN"}}}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_raises_oneself_and_roles_stay_on_their_side() {
    let app = TestApp::new().await;
    let admin = app.operator_member(Role::OperatorAdmin).await;
    let roles = "mutation($id: ID!) { setAccountRoles(accountId: $id, roles: [COMPLIANCE_OFFICER]) { ... on Problem { message remedy } } }";
    let own = admin.gql_with(roles, json!({ "id": admin.account })).await;
    insta::assert_snapshot!(own, @r#"{"data":{"setAccountRoles":{"message":"you cannot change your own roles","remedy":"ask another administrator"}}}"#);
    let operator = app.operator().await;
    let school = app.tenant("school-001").await;
    let head = app.member(&school, Role::TenantAdmin).await;
    let create = "mutation($tenant: ID!, $roles: [Role!]!) { createAccount(tenantId: $tenant, login: \"x\", displayName: \"X\", roles: $roles) {
                    __typename ... on Problem { message } } }";
    let mut answers = Vec::new();
    for (member, tenant, role) in
        [(&admin, &operator, "TENANT_ADMIN"), (&head, &school, "AUDITOR"), (&head, &school, "APPROVER")]
    {
        let answer = member.gql_with(create, json!({ "tenant": tenant.id, "roles": [role] })).await;
        answers.push(answer["data"]["createAccount"]["message"].to_string());
    }
    let twice = head.gql_with(create, json!({ "tenant": school.id, "roles": ["SERVICE", "SERVICE"] })).await;
    answers.push(twice["data"]["createAccount"]["message"].to_string());
    insta::assert_snapshot!(answers.join("\n"), @r#"
    "tenant_admin belongs to customers"
    "auditor belongs to the operator"
    "approver belongs to the operator"
    "service is named twice"
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_reset_ends_sessions_and_tokens() {
    let app = TestApp::new().await;
    let member = app.operator_member(Role::Auditor).await;
    assert!(member.gql("{ viewer { tenant { slug } } }").await["errors"].is_null());
    app.admin()
        .gql_with(
            "mutation($id: ID!, $password: String!) { setAccountPassword(accountId: $id, password: $password) { __typename } }",
            json!({ "id": member.account, "password": format!("{PASSWORD} again") }),
        )
        .await;
    let answer = member.gql("{ viewer { tenant { slug } } }").await;
    assert_eq!(answer["error"]["code"], "UNAUTHENTICATED", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_in_the_wrong_place_never_reaches_the_audit_log() {
    let app = TestApp::new().await;
    crate::vault_support::apply_system(&app).await;
    let auditor = app.operator_member(Role::Auditor).await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let search = "query($field: String!, $purpose: String!) {
        searchSubjects(system: \"online-application\", recordType: \"applicant\", field: $field, value: \"email\", purpose: $purpose) { id } }";
    for (member, field) in
        [(&auditor, "yui.sato@mail.example"), (&officer, "佐藤ゆい"), (&officer, &"a".repeat(5000))]
    {
        let answer = member.gql_with(search, json!({ "field": field, "purpose": "a test" })).await;
        assert!(answer["errors"].is_array(), "{answer}");
        assert!(!answer.to_string().contains(field), "the answer repeats it: {answer}");
    }
    let answer = officer.gql_with(search, json!({ "field": "email", "purpose": "a\u{0}b" })).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "INVALID", "{answer}");
    let database = Database::connect(app.owner_url()).await.unwrap();
    let sql = "SELECT object FROM audit_entry WHERE decision = 'denied' ORDER BY seq";
    let rows =
        database.query_all_raw(Statement::from_string(database.get_database_backend(), sql)).await.unwrap();
    let objects: Vec<String> = rows.iter().map(|row| row.try_get("", "object").unwrap()).collect();
    // The auditor may not see who is there at all; the officer's inventions are refused without being written down.
    assert_eq!(objects, ["subject", "(not an object)", "(not an object)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn costly_documents_are_refused_before_they_run() {
    let app = TestApp::new().await;
    let repeated = "verifyAudit { entries } ".repeat(100);
    let nested = "incidents(first: 200) { nodes { findings(first: 200) { nodes { id } } } }";
    let many = "verifyAudit { entries } a: verifyAudit { entries }";
    let mut answers = Vec::new();
    for document in [repeated.as_str(), nested, many] {
        let answer = app.admin().gql(&format!("{{ {document} }}")).await;
        answers.push(format!(
            "{} {}",
            answer["errors"][0]["extensions"]["code"], answer["errors"][0]["message"]
        ));
    }
    insta::assert_snapshot!(answers.join("\n"), @r#"
    "LIMIT_EXCEEDED" "the document has 99 aliases and repeated fields; at most 15 are answered"
    "LIMIT_EXCEEDED" "the document costs too much; at most 4000 is answered"
    "LIMIT_EXCEEDED" "the document costs too much; at most 4000 is answered"
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused_with_a_code() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let mut answers = Vec::new();
    for body in
        ["garbage", "[{\"query\":\"{ __typename }\"}]", "{\"query\":\"{ nothing }\"}", "{\"query\":\"{\"}"]
    {
        let send = |signed_in: bool| {
            let request =
                app.http.post(format!("{}/graphql", app.url)).header("content-type", "application/json");
            let request = if signed_in { request.bearer_auth(&admin.token) } else { request };
            request.body(body.to_owned()).send()
        };
        assert_eq!(send(false).await.unwrap().status(), 401, "a stranger learns nothing from {body}");
        let answer = send(true).await.unwrap();
        let status = answer.status().as_u16();
        let answer: serde_json::Value = answer.json().await.unwrap();
        let code = &answer["errors"][0]["extensions"]["code"];
        let code = if code.is_null() { &answer["error"]["code"] } else { code };
        answers.push(format!("{status} {code}"));
    }
    insta::assert_snapshot!(answers.join("\n"), @r#"
    400 "INVALID"
    400 "INVALID"
    200 "GRAPHQL_INVALID"
    200 "GRAPHQL_INVALID"
    "#);
}
