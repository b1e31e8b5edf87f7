//! What the advisories of comparable services hand us as negative tests, by their number in that list. The fifth stands in
//! `graphql_limits`; the eighth, permission asked once for a whole subscription, is in
//! `subscriptions`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use suimon::access::Role;
use uuid::Uuid;

use crate::coverage::scene;
use crate::harness::{Member, PASSWORD, TestApp, text};
use crate::vault_support::{applicant, apply_system, batch, search};

fn code(answer: &Value) -> &Value {
    let (error, payload) = (&answer["errors"][0]["extensions"]["code"], &answer["data"]["answer"]["code"]);
    if error.is_null() { payload } else { error }
}

#[tokio::test(flavor = "multi_thread")]
async fn negative_1_node_id_of_a_foreign_tenant() {
    let (scene, rows) = scene().await;
    let school = scene.app.tenant("school-001").await;
    let head = scene.app.member(&school, Role::TenantAdmin).await;
    let own = URL_SAFE_NO_PAD.decode(&school.id).unwrap();
    let forged = rows.under(Uuid::from_slice(&own[own.len() - 16..]).unwrap());
    let node = "query($id: ID!) { node(id: $id) { __typename id } }";
    let mut found_by_its_owner = 0;
    for kind in rows.rows.keys() {
        let real = rows.of_kind(kind);
        let seen = scene.officer.gql_with(node, json!({ "id": real })).await;
        found_by_its_owner += usize::from(seen["data"]["node"]["id"] == real);
        for id in [real, forged.of_kind(kind)] {
            let answer = head.gql_with(node, json!({ "id": id })).await;
            assert!(answer["data"]["node"].is_null() && answer["errors"].is_null(), "{kind}: {answer}");
        }
    }
    assert!(found_by_its_owner >= 2, "the ids of the scene are none");
}

#[tokio::test(flavor = "multi_thread")]
async fn negative_2_a_child_of_another_parent() {
    let (scene, rows) = scene().await;
    let report = "mutation { answer: reportFinding(input: { occurredAt: \"2023-10-26T15:00:00+09:00\", source: PERSON, summary: \"x\", system: \"online-application\" }) { ... on Finding { id } } }";
    let finding = text(&scene.officer.gql(report).await["data"]["answer"]["id"]);
    let open =
        "mutation($finding: ID!) { answer: openIncident(input: { title: \"another\", zone: \"Asia/Tokyo\",
        system: \"online-application\", findingIds: [$finding] }) { ... on Incident { id } } }";
    let answer = scene.officer.gql_with(open, json!({ "finding": finding })).await;
    let other = text(&answer["data"]["answer"]["id"]);
    let approver = scene.app.operator_member(Role::Approver).await;
    let revision = rows.of_kind("Revision");
    let approve = "mutation($id: ID!) { answer: approveRevision(revisionId: $id) { __typename } }";
    let answer = approver.gql_with(approve, json!({ "id": revision })).await;
    assert_eq!(answer["data"]["answer"]["__typename"], "Revision", "{answer}");
    let notice = "mutation($incident: ID!, $revision: ID!) { answer: createNotice(input: { incidentId: $incident, revisionId: $revision,
        audience: PERSONS, template: \"incident_notice_person\", variables: { en: { what_happened: \"x\", data_items: \"x\", cause: \"x\",
        secondary_damage: \"x\", measures: \"x\", contact_desk: \"x\" } } }) { __typename ... on Problem { code message } } }";
    let correct = "mutation($incident: ID!, $revision: ID!) { answer: correctRevision(input: { incidentId: $incident, baseRevisionId: $revision,
        reason: \"x\", remove: [{ tenant: \"t-0\", person: \"applicant-possible-0\", reason: \"x\" }] }) { __typename ... on Problem { code message } } }";
    let mut answers = Vec::new();
    for document in [notice, correct] {
        for incident in [&other, &scene.id] {
            let variables = json!({ "incident": incident, "revision": revision });
            answers.push(scene.officer.gql_with(document, variables).await["data"]["answer"].to_string());
        }
    }
    // The same question with the parent of the child is answered.
    insta::assert_snapshot!(answers.join("\n"), @r#"
    {"__typename":"Problem","code":"NOT_FOUND","message":"revision not found"}
    {"__typename":"Notice"}
    {"__typename":"Problem","code":"NOT_FOUND","message":"revision not found"}
    {"__typename":"Revision"}
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn negative_4_a_create_path_is_not_weaker_than_its_update_twin() {
    let app = TestApp::new().await;
    let (school, other) = (app.tenant("school-001").await, app.tenant("school-002").await);
    let head = app.member(&school, Role::TenantAdmin).await;
    let theirs = app.member(&other, Role::TenantStaff).await;
    let create = "mutation($tenant: ID!) { answer: createAccount(tenantId: $tenant, login: \"x\", displayName: \"X\", roles: [TENANT_STAFF]) { __typename ... on Problem { code } } }";
    let created = head.gql_with(create, json!({ "tenant": other.id })).await;
    let update = "mutation($id: ID!) { answer: setAccountRoles(accountId: $id, roles: [TENANT_STAFF]) { __typename ... on Problem { code } } }";
    let updated = head.gql_with(update, json!({ "id": theirs.account })).await;
    assert_eq!((code(&created), code(&updated)), (&json!("NOT_FOUND"), &json!("NOT_FOUND")));
    // A higher role is given neither at the beginning nor later.
    let create = create.replace("TENANT_STAFF", "OPERATOR_ADMIN");
    let created = head.gql_with(&create, json!({ "tenant": school.id })).await;
    let mine = app.member(&school, Role::TenantStaff).await;
    let update = update.replace("TENANT_STAFF", "OPERATOR_ADMIN");
    let updated = head.gql_with(&update, json!({ "id": mine.account })).await;
    assert_eq!(created["data"]["answer"]["__typename"], "Problem", "{created}");
    assert_eq!(updated["data"]["answer"]["__typename"], "Problem", "{updated}");
}

#[tokio::test(flavor = "multi_thread")]
async fn negative_6_a_change_of_password_or_roles_ends_sessions() {
    let app = TestApp::new().await;
    for change in [
        "mutation($id: ID!) { setAccountRoles(accountId: $id, roles: [AUDITOR, COMPLIANCE_OFFICER]) { ... on Problem { message } } }",
        "mutation($id: ID!) { setAccountPassword(accountId: $id, password: \"another long password\") { ... on Problem { message } } }",
    ] {
        let member = app.operator_member(Role::Auditor).await;
        let sign_in = json!({ "login": member.login, "password": PASSWORD });
        let response =
            app.http.post(format!("{}/auth/sign-in", app.url)).json(&sign_in).send().await.unwrap();
        let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let csrf = text(&response.json::<Value>().await.unwrap()["csrfToken"]);
        let ask = async || {
            let request = app.http.post(format!("{}/graphql", app.url)).header("cookie", &cookie);
            let request = request.header("x-suimon-csrf", &csrf).json(&json!({ "query": "{ __typename }" }));
            request.send().await.unwrap().status().as_u16()
        };
        assert_eq!(ask().await, 200);
        let changed = app.admin().gql_with(change, json!({ "id": member.account })).await;
        assert!(!changed.to_string().contains("message"), "{changed}");
        assert_eq!(ask().await, 401, "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn negative_7_who_shares_a_look_up_shares_no_answer() {
    let app = TestApp::new().await;
    apply_system(&app).await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let mut heads: Vec<Member> = Vec::new();
    let mut ids = Vec::new();
    for (line, slug) in [(1, "school-001"), (2, "school-002")] {
        let school = app.tenant(slug).await;
        heads.push(app.member(&school, Role::TenantAdmin).await);
        let mail = format!("a{line}@example.jp");
        let rows = json!([applicant(line, slug, &format!("A-{line}"), "水野 花", &mail)]);
        let answer = batch(&officer, json!({ "rows": rows })).await;
        assert_eq!(answer["state"], "DONE", "{answer}");
        ids.push(text(&search(&officer, "email", &mail).await["data"]["searchSubjects"][0]["id"]));
    }
    let read = "query($id: ID!) { subject(id: $id, purpose: \"a test\") { externalId } }";
    // All at once, so that the look-ups of both gather in the same trips to the database.
    let asked = (0..80).map(|n| {
        let (head, id) = (heads[n % 2].clone(), ids[n / 2 % 2].clone());
        let own = n % 2 == n / 2 % 2;
        async move { (own, head.gql_with(read, json!({ "id": id })).await) }
    });
    for (own, answer) in futures::future::join_all(asked).await {
        let found = answer["data"]["subject"]["externalId"].is_string();
        assert_eq!(found, own, "{answer}");
        assert!(own || *code(&answer) == "NOT_FOUND", "{answer}");
    }
}

const TRUSTED: &str = "query Log { verifyAudit { entries } }";

fn trusted(folder: &std::path::Path) -> (String, String) {
    let path = folder.join("documents.json");
    let digest = hex::encode(Sha256::digest(TRUSTED));
    std::fs::write(&path, json!({ format!("sha256:{digest}"): TRUSTED }).to_string()).unwrap();
    (format!("graphql.trusted_documents_path={}", path.display()), digest)
}

async fn ask(app: &TestApp, member: &Member, body: &Value) -> Value {
    let request = app.http.post(format!("{}/graphql", app.url)).bearer_auth(&member.token);
    request.json(body).send().await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn negative_9_a_trusted_document_is_permitted_when_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (path, digest) = trusted(folder.path());
    let app = TestApp::with(&["graphql.trusted_documents=only", &path]).await;
    let auditor = suimon::access::NewAccount {
        login: "auditor".into(),
        display_name: "Auditor".into(),
        roles: vec![Role::Auditor],
        password: None,
    };
    let admin = suimon::access::act_locally(&app.app, "admin").await.unwrap();
    suimon::access::create_account(&admin, app.app.root().unwrap(), auditor).await.unwrap();
    let secret = suimon::access::issue_token_for(&app.app, "auditor", "t", &["*:*".to_owned()], 1)
        .await
        .unwrap()
        .secret;
    let limited = suimon::access::issue_token_for(&app.app, "auditor", "t", &["read:incident".to_owned()], 1)
        .await
        .unwrap()
        .secret;
    let auditor = Member { token: secret, ..app.admin() };
    let limited = Member { token: limited, ..app.admin() };
    let by_id = json!({ "documentId": format!("sha256:{digest}") });
    let persisted = json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": digest } } });
    for body in [&by_id, &persisted, &json!({ "query": TRUSTED })] {
        let answer = ask(&app, &auditor, body).await;
        assert!(answer["data"]["verifyAudit"][0]["entries"].is_number(), "{answer}");
        let answer = ask(&app, &limited, body).await;
        assert_eq!(*code(&answer), "FORBIDDEN", "{answer}");
        let stranger = app.http.post(format!("{}/graphql", app.url)).json(body).send().await.unwrap();
        assert_eq!(stranger.status(), 401);
    }
    let mut answers = Vec::new();
    let unknown = "0".repeat(64);
    for body in [
        json!({ "query": "{ __typename }" }),
        json!({ "query": format!("{TRUSTED} ") }),
        json!({ "documentId": format!("sha256:{unknown}") }),
        json!({ "documentId": "../../etc/passwd" }),
        json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": unknown } } }),
        json!({ "query": "{ __typename }", "extensions": { "persistedQuery": { "version": 1, "sha256Hash": digest } } }),
    ] {
        answers.push(code(&ask(&app, &auditor, &body).await).to_string());
    }
    insta::assert_snapshot!(answers.join(" "), @r#""DOCUMENT_NOT_TRUSTED" "DOCUMENT_NOT_TRUSTED" "DOCUMENT_NOT_FOUND" "DOCUMENT_NOT_FOUND" "PERSISTED_QUERY_NOT_FOUND" "GRAPHQL_INVALID""#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_lies_about_a_digest_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("documents.json");
    std::fs::write(&path, json!({ format!("sha256:{}", "0".repeat(64)): TRUSTED }).to_string()).unwrap();
    let flag = format!("graphql.trusted_documents_path={}", path.display());
    let flags = vec!["graphql.trusted_documents=allow".to_owned(), flag];
    let config =
        suimon::config::load(&suimon::config::Sources { flags, ..Default::default() }).unwrap().graphql;
    let error = suimon::graphql::check_documents(&config).unwrap_err();
    assert!(format!("{error:#}").contains("is not the SHA-256 of its text"), "{error:#}");
}
