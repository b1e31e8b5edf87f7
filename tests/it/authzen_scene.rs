//! The fixture of the AuthZEN certification scenario (openid/authzen, `certification/authorization-api-1_0-scenario.md`,
//! "Required Fixture"), stated as manifests of a made-up system: alice and bob are accounts, the records are imported.

use serde_json::{Value, json};
use suimon::access::{self, Role, issue_token_for};
use suimon::requirements::{self, ManifestFile, Outcome};

use crate::harness::{Member, PASSWORD, TestApp, TestTenant};

pub const SYSTEM: &str = "record-office";

const MANIFEST: &str = "
apiVersion: suimon/v1
kind: System
metadata: { name: record-office }
spec:
  title: { ja: 記録室, en: Record office }
  operator: { name: { ja: 運営者, en: Operator } }
  timeZone: Asia/Tokyo
  tenantsKind: { ja: 部署, en: department }
  channels: [web, call_centre]
  recordTypes:
    - name: record
      title: { ja: 記録, en: Record }
      externalId: The number of the record
      fields:
        - { name: status, title: { ja: 状態, en: Status }, category: identifier, protection: plain, kind: text, mask: none, retention: P1Y }
        - { name: body, title: { ja: 本文, en: Body }, category: other, protection: encrypted, kind: text, retention: P1Y }
";

/// A requirement of the fixture with these parameters.
pub fn rule(name: &str, mode: &str, system: &str, params: &str) -> String {
    format!(
        "---\napiVersion: suimon/v1\nkind: Requirement\nmetadata: {{ name: {name} }}\nspec:\n  system: {system}\n  \
         statement: {{ ja: 規則, en: A rule }}\n  target: system\n  metric: uses\n  \
         threshold: {{ op: eq, value: 0, unit: uses }}\n  obligation: MUST\n  \
         enforcement:\n    mode: {mode}\n    mechanism: access\n    params: {params}\n  owner: office\n"
    )
}

/// Rules 1 to 8 of the scenario, in its order.
fn rules() -> String {
    [
        ("FIX-1-3", "{ roles: [tenant_staff, tenant_admin], actions: [read], objects: [record] }"),
        ("FIX-2", "{ roles: [tenant_staff], actions: [write], objects: [record] }"),
        (
            "FIX-5",
            "{ effect: deny, roles: [tenant_staff], actions: [write], objects: [record], \
               when: [{ attribute: record.status, op: eq, value: archived }] }",
        ),
        (
            "FIX-6",
            "{ roles: [tenant_admin, admin], actions: [write], objects: [record], \
               when: [{ attribute: record.status, op: eq, value: archived }] }",
        ),
        (
            "FIX-7-8",
            "{ roles: [tenant_staff], actions: [delete], objects: [record], \
               when: [{ attribute: action.soft, op: eq, value: true }] }",
        ),
    ]
    .map(|(name, params)| rule(name, "enforce", SYSTEM, params))
    .concat()
}

/// The fixture, running.
pub struct Scene {
    pub app: TestApp,
    pub officer: Member,
    pub tenant: TestTenant,
    /// Token of the system's program: it may ask, search and state roles.
    pub token: String,
    /// Login of the program's account.
    pub service: String,
}

/// An answer.
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} no JSON: {}", self.status, self.text))
    }
}

impl Scene {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(overrides: &[&str]) -> Self {
        let app = TestApp::with(overrides).await;
        let tenant = app.tenant("office-1").await;
        let officer = app.operator_member(Role::ComplianceOfficer).await;
        let mut scene = Self { token: String::new(), service: String::new(), app, officer, tenant };
        scene.apply(&format!("{MANIFEST}{}", rules())).await;
        for (login, role) in [("alice", "TENANT_STAFF"), ("bob", "TENANT_ADMIN")] {
            scene.account(&scene.tenant, login, role).await;
        }
        let rows = json!([
            { "line": 1, "tenant": "office-1", "externalId": "record-1", "fields": [{ "name": "status", "value": "active" }] },
            { "line": 2, "tenant": "office-1", "externalId": "record-2", "fields": [{ "name": "status", "value": "archived" }] },
        ]);
        scene.import("record", rows).await;
        let service = scene.app.member(&scene.tenant, Role::Service).await;
        scene.service = service.login;
        scene.token = scene.token_of(&scene.service, &["decide:authzen*"]).await;
        scene
    }

    pub async fn token_of(&self, login: &str, scopes: &[&str]) -> String {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        issue_token_for(&self.app.app, login, "decisions", &scopes, 30).await.unwrap().secret
    }

    pub async fn apply(&self, manifests: &str) {
        let op = access::act_locally(&self.app.app, &self.officer.login).await.unwrap();
        let file = ManifestFile { name: "fixture.yaml".into(), content: manifests.as_bytes().to_vec() };
        let outcome = requirements::apply(&op, vec![file], "the fixture", false).await.unwrap();
        assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
    }

    pub async fn account(&self, tenant: &TestTenant, login: &str, role: &str) {
        let create = "mutation($tenant: ID!, $login: String!, $roles: [Role!]!, $password: String!) {
            createAccount(tenantId: $tenant, login: $login, displayName: \"A member\", roles: $roles, password: $password) {
              __typename ... on Problem { message } } }";
        let variables = json!({ "tenant": tenant.id, "login": login, "roles": [role], "password": PASSWORD });
        let answer = self.app.admin().gql_with(create, variables).await;
        assert_eq!(answer["data"]["createAccount"]["__typename"], "Account", "{answer}");
    }

    pub async fn import(&self, record_type: &str, rows: Value) {
        let import = "mutation($input: ImportSubjectsInput!) { importSubjects(input: $input) {
            ... on ImportProgress { rowsKept problems { reason } } ... on Problem { message field } } }";
        let wanted = rows.as_array().unwrap().len();
        let input = json!({ "system": SYSTEM, "recordType": record_type, "mode": "KEEP_GOOD", "last": true, "rows": rows });
        let answer = self.officer.gql_with(import, json!({ "input": input })).await;
        assert_eq!(answer["data"]["importSubjects"]["rowsKept"], wanted, "{answer}");
    }

    /// Asks with a body of bytes and these headers.
    pub async fn send(&self, token: &str, path: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.app.http.post(format!("{}/access/v1/{path}", self.app.url)).body(body);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Reply { status, headers, text: response.text().await.expect("a body") }
    }

    pub async fn post_as(&self, token: &str, path: &str, body: &Value) -> Reply {
        self.send(token, path, body.to_string().into_bytes(), &[("content-type", "application/json")]).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_as(&self.token, path, body).await
    }

    /// The decision of a question that is answered.
    pub async fn decides(&self, body: Value) -> bool {
        let reply = self.post("evaluation", &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["decision"].as_bool().unwrap_or_else(|| panic!("no decision: {}", reply.text))
    }

    /// The decisions of a batch that is answered.
    pub async fn decisions(&self, body: Value) -> Vec<bool> {
        let reply = self.post("evaluations", &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let answers =
            reply.json()["evaluations"].as_array().cloned().unwrap_or_else(|| panic!("{}", reply.text));
        answers.iter().map(|answer| answer["decision"].as_bool().expect("a decision")).collect()
    }

    /// The results of a search that is answered.
    pub async fn finds(&self, what: &str, body: Value) -> Vec<Value> {
        let reply = self.post(&format!("search/{what}"), &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["results"].as_array().cloned().unwrap_or_else(|| panic!("{}", reply.text))
    }
}
