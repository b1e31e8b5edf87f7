//! Break-glass: nobody opens anything alone, what is opened is narrow and ends by itself, and everybody who should hears of it.

use serde_json::{Value, json};
use suimon::access::{self, Role};
use suimon::app::App;
use suimon::entropy::Entropy;
use suimon::requirements::{self, ManifestFile, Outcome};

use crate::harness::{Member, TestApp, TestTenant, text};
use crate::vault_support::{applicant, apply_system, batch};

const ASK: &str = "mutation($input: EmergencyAccessInput!) { answer: requestEmergencyAccess(input: $input) {
  ... on EmergencyAccess { id grant state endsAt } ... on Problem { code message field remedy } } }";
const READ: &str = "query($id: ID!, $purpose: String!) {
  subject(id: $id, purpose: $purpose) { fields(names: [\"full_name\", \"email\"], masked: false) {
    ... on ClearValue { clear: value } ... on MaskedValue { masked: value } ... on Withheld { reason } } } }";
const LIST: &str = "query($state: EmergencyState) { emergencyAccess(state: $state) { nodes {
  id state uses accountId decisionComment reviewComment endedBy firstUsedAt endsAt } } }";

pub struct Scene {
    pub app: TestApp,
    pub school: TestTenant,
    pub officer: Member,
    pub approver: Member,
    pub staff: Member,
    pub people: Vec<String>,
}

pub async fn scene() -> Scene {
    scene_with(&[]).await
}

pub async fn scene_with(overrides: &[&str]) -> Scene {
    let app = TestApp::with(overrides).await;
    apply_system(&app).await;
    let school = app.tenant("school-001").await;
    app.tenant("school-002").await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let approver = app.operator_member(Role::Approver).await;
    let rows = json!([
        applicant(1, "school-001", "A-1", "水野 花", "hana@example.jp"),
        applicant(2, "school-001", "A-2", "水野 空", "sora@example.jp"),
        applicant(3, "school-002", "A-3", "水野 海", "umi@example.jp"),
    ]);
    batch(&officer, json!({ "rows": rows })).await;
    let staff = app.member(&school, Role::TenantStaff).await;
    let mut people = Vec::new();
    for slug in ["school-001", "school-002"] {
        let list = "query($slug: String!) { tenant(slug: $slug) { id } }";
        let id = officer.gql_with(list, json!({ "slug": slug })).await["data"]["tenant"]["id"].clone();
        let list = "query($id: ID!) { subjects(tenantId: $id) { nodes { id externalId } } }";
        let listed = officer.gql_with(list, json!({ "id": id })).await;
        let mut nodes = listed["data"]["subjects"]["nodes"].as_array().unwrap().clone();
        nodes.sort_by_key(|node| node["externalId"].to_string());
        people.extend(nodes.iter().map(|node| text(&node["id"])));
    }
    Scene { app, school, officer, approver, staff, people }
}

pub fn clear_fields(subject: Option<&str>, tenant: Option<&str>, minutes: i32) -> Value {
    json!({ "permissions": [{ "action": "read", "object": "data.applicant.*" }], "subjectId": subject,
            "tenantId": tenant, "reason": "a parent calls from a hospital, ticket 4711", "minutes": minutes })
}

pub async fn ask(member: &Member, input: Value) -> Value {
    member.gql_with(ASK, json!({ "input": input })).await["data"]["answer"].clone()
}

pub async fn change(member: &Member, verb: &str, id: &str) -> Value {
    let comment = if verb == "end" { "" } else { ", comment: \"checked by telephone\"" };
    let document = format!(
        "mutation {{ answer: {verb}EmergencyAccess(emergencyAccessId: \"{id}\"{comment}) {{ \
         ... on EmergencyAccess {{ state endsAt }} ... on Problem {{ code message remedy }} }} }}"
    );
    let answer = member.gql(&document).await;
    if answer["data"]["answer"].is_null() { answer } else { answer["data"]["answer"].clone() }
}

async fn read(member: &Member, person: &str) -> Value {
    let answer = member.gql_with(READ, json!({ "id": person, "purpose": "emergency call" })).await;
    if answer["data"]["subject"].is_null() { answer } else { answer["data"]["subject"]["fields"].clone() }
}

fn masked() -> Value {
    json!([{ "masked": "水***" }, { "masked": "h***@example.jp" }])
}

fn clear() -> Value {
    json!([{ "clear": "水野 花" }, { "clear": "hana@example.jp" }])
}

fn withheld() -> Value {
    json!([{ "reason": "NOT_ALLOWED" }, { "reason": "NOT_ALLOWED" }])
}

impl Scene {
    async fn granted(&self, member: &Member, input: Value) -> (String, String) {
        let asked = ask(member, input).await;
        assert_eq!(asked["state"], "REQUESTED", "{asked}");
        let id = text(&asked["id"]);
        let approved = change(&self.approver, "approve", &id).await;
        assert_eq!(approved["state"], "ACTIVE", "{approved}");
        (id, text(&asked["grant"]))
    }

    pub async fn audit(&self, tenant: &str, action: &str) -> Vec<Value> {
        let auditor = self.app.operator_member(Role::Auditor).await;
        let log =
            "query($id: ID!, $action: String!) { auditEntries(tenantId: $id, filter: { action: $action }) {
          nodes { action object allowed subjectId detail actor } } }";
        let answer = auditor.gql_with(log, json!({ "id": tenant, "action": action })).await;
        answer["data"]["auditEntries"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_person_opens_one_person_s_fields_for_one_account_until_the_instant() {
    let scene = scene().await;
    let colleague = scene.app.member(&scene.school, Role::TenantStaff).await;
    assert_eq!(read(&scene.staff, &scene.people[0]).await, masked());
    let asked = ask(&scene.staff, clear_fields(Some(&scene.people[0]), None, 30)).await;
    assert_eq!(read(&scene.staff, &scene.people[0]).await, masked(), "asking opens nothing");
    assert_eq!(change(&scene.staff, "approve", &text(&asked["id"])).await["code"], "FORBIDDEN");
    let approved = change(&scene.approver, "approve", &text(&asked["id"])).await;
    assert_eq!(approved, json!({ "state": "ACTIVE", "endsAt": "2023-10-26T00:30:00Z" }));
    assert_eq!(read(&scene.staff, &scene.people[0]).await, clear());
    // Just that person, just that account.
    let other = json!([{ "masked": "水***" }, { "masked": "s***@example.jp" }]);
    assert_eq!(read(&scene.staff, &scene.people[1]).await, other);
    assert_eq!(read(&colleague, &scene.people[0]).await, masked());
    let foreign = read(&scene.staff, &scene.people[2]).await;
    assert_eq!(foreign["errors"][0]["extensions"]["code"], "NOT_FOUND", "{foreign}");
    scene.app.clock.advance(30 * 60 - 1);
    assert_eq!(read(&scene.staff, &scene.people[0]).await, clear());
    scene.app.clock.advance(1);
    assert_eq!(read(&scene.staff, &scene.people[0]).await, masked(), "at the instant it is over");
    let uses = scene.audit(&scene.school.id, "emergency_access.use").await;
    assert_eq!(uses.len(), 2, "{uses:?}");
    assert!(
        uses.iter().all(|entry| entry["detail"]["grant"] == asked["grant"]
            && entry["subjectId"] == json!(scene.people[0]))
    );
    let reads = scene.audit(&scene.school.id, "subject.read").await;
    let named = reads.iter().filter(|entry| entry["detail"]["emergency"] == json!([asked["grant"]]));
    assert_eq!(named.count(), 2, "{reads:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_s_administrator_reads_at_the_named_tenant_only() {
    let scene = scene().await;
    let admin = scene.app.operator_member(Role::OperatorAdmin).await;
    assert_eq!(read(&admin, &scene.people[0]).await, withheld());
    scene.granted(&admin, clear_fields(None, Some(&scene.school.id), 10)).await;
    assert_eq!(read(&admin, &scene.people[0]).await, clear());
    assert_eq!(read(&admin, &scene.people[2]).await, withheld(), "another school");
    let masked_only = "query($id: ID!) { subject(id: $id, purpose: \"a call\") { fields(names: [\"email\"]) {
      ... on MaskedValue { masked: value } ... on Withheld { reason } } } }";
    let answer = admin.gql_with(masked_only, json!({ "id": scene.people[0] })).await;
    let expected = json!([{ "reason": "NOT_ALLOWED" }]);
    assert_eq!(answer["data"]["subject"]["fields"], expected, "read was granted, read_masked was not");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_approves_or_reviews_what_is_one_s_own() {
    let scene = scene().await;
    let asked = ask(&scene.officer, clear_fields(None, Some(&scene.school.id), 5)).await;
    let id = text(&asked["id"]);
    let own = change(&scene.officer, "approve", &id).await;
    assert_eq!(own["code"], "FORBIDDEN", "{own}");
    assert_eq!(own["remedy"], "a second person decides, never who asked");
    let denied = scene.audit(&scene.school.id, "emergency_access.approve").await;
    assert_eq!(denied[0]["allowed"], false, "{denied:?}");
    let second = scene.app.operator_member(Role::ComplianceOfficer).await;
    assert_eq!(change(&second, "approve", &id).await["state"], "ACTIVE");
    assert_eq!(change(&second, "approve", &id).await["code"], "CONFLICT", "once only");
    assert_eq!(change(&second, "refuse", &id).await["code"], "CONFLICT");
    let third = scene.app.operator_member(Role::ComplianceOfficer).await;
    assert_eq!(change(&third, "review", &id).await["code"], "CONFLICT", "it is still in force");
    scene.app.clock.advance(5 * 60);
    let due = third.gql_with(LIST, json!({ "state": "TO_REVIEW" })).await;
    assert_eq!(due["data"]["emergencyAccess"]["nodes"][0]["id"], json!(id), "{due}");
    for own in [&scene.officer, &second] {
        assert_eq!(change(own, "review", &id).await["code"], "FORBIDDEN");
    }
    assert_eq!(change(&third, "review", &id).await["state"], "REVIEWED");
    assert_eq!(change(&third, "review", &id).await["code"], "CONFLICT");
    let left = third.gql_with(LIST, json!({ "state": "TO_REVIEW" })).await;
    assert_eq!(left["data"]["emergencyAccess"]["nodes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_effect_and_is_ended_on_every_node_with_the_next_request() {
    let scene = scene().await;
    let mut config = scene.app.app.config().clone();
    config.database.max_connections = 2;
    let other = App::open(config, scene.app.clock.clone(), Entropy::seeded(8)).await.unwrap();
    let in_clear = async || {
        let op =
            access::act_locally(&other, &scene.staff.login).await.unwrap().for_purpose("a call").unwrap();
        let tenant = op.actor().tenant;
        let people = suimon::vault::list_subjects(&op, tenant, None, None, 1).await.unwrap();
        let fields =
            suimon::vault::read_fields(&op, &people[0], Some(&["email".into()]), false).await.unwrap();
        matches!(fields[0].shown, suimon::vault::Shown::Clear(_))
    };
    assert!(!in_clear().await);
    let (id, _) = scene.granted(&scene.staff, clear_fields(None, None, 60)).await;
    assert!(in_clear().await, "the other node");
    let school_admin = scene.app.member(&scene.school, Role::TenantAdmin).await;
    assert_eq!(change(&school_admin, "end", &id).await["state"], "TO_REVIEW");
    assert!(!in_clear().await, "ended on the other node");
    assert_eq!(read(&scene.staff, &scene.people[0]).await, masked());
    assert_eq!(change(&school_admin, "end", &id).await["code"], "CONFLICT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requirement_in_force_and_a_rule_of_the_tenant_are_not_passed_over() {
    let scene = scene().await;
    scene.granted(&scene.staff, clear_fields(None, None, 60)).await;
    assert_eq!(read(&scene.staff, &scene.people[0]).await, clear());
    let rule = "apiVersion: suimon/v1\nkind: Requirement\nmetadata: { name: LAW-1 }\nspec:\n  system: online-application\n  \
        statement: { ja: 規則, en: A rule }\n  target: record:applicant\n  metric: reads\n  \
        threshold: { op: eq, value: 0, unit: reads }\n  obligation: MUST\n  enforcement:\n    mode: enforce\n    \
        mechanism: access\n    params: { effect: deny, roles: [tenant_staff], actions: [read], objects: [applicant.email] }\n  \
        owner: privacy\n";
    let op = access::act_locally(&scene.app.app, &scene.officer.login).await.unwrap();
    let file = ManifestFile { name: "rule.yaml".into(), content: rule.into() };
    let outcome = requirements::apply(&op, vec![file], "a test", false).await.unwrap();
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
    let but_mail = json!([{ "clear": "水野 花" }, { "masked": "h***@example.jp" }]);
    assert_eq!(read(&scene.staff, &scene.people[0]).await, but_mail);
    let school_admin = scene.app.member(&scene.school, Role::TenantAdmin).await;
    let refuse = "mutation($tenant: ID!) { answer: addTenantRule(tenantId: $tenant, rule: { role: TENANT_STAFF,
      object: \"data.applicant.full_name\", action: \"read\", effect: DENY, reason: \"never\" }) { __typename } }";
    let answer = school_admin.gql_with(refuse, json!({ "tenant": scene.school.id })).await;
    assert_eq!(answer["data"]["answer"]["__typename"], "AccessRule", "{answer}");
    assert_eq!(read(&scene.staff, &scene.people[0]).await, masked());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_explanation_names_the_grant() {
    let scene = scene().await;
    let explain = "query($tenant: ID!, $account: ID!, $attributes: JSON) { explainDecision(tenantId: $tenant,
      accountId: $account, action: \"read\", object: \"applicant.email\", system: \"online-application\",
      attributes: $attributes) { allowed because rules { origin holds failing } } }";
    let school_admin = scene.app.member(&scene.school, Role::TenantAdmin).await;
    let variables = json!({ "tenant": scene.school.id, "account": scene.staff.account });
    let before = school_admin.gql_with(explain, variables.clone()).await["data"]["explainDecision"].clone();
    assert_eq!(before["allowed"], false, "{before}");
    let (_, grant) = scene.granted(&scene.staff, clear_fields(None, None, 60)).await;
    let during = school_admin.gql_with(explain, variables.clone()).await["data"]["explainDecision"].clone();
    assert_eq!(during["allowed"], true, "{during}");
    assert_eq!(during["because"], format!("allowed by break-glass grant {grant}"));
    scene.app.clock.advance(3600);
    let after = school_admin.gql_with(explain, variables).await["data"]["explainDecision"].clone();
    assert_eq!(after["allowed"], false, "{after}");
    assert_eq!(after["rules"].as_array().unwrap().last().unwrap()["failing"], json!(["its time is over"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_may_decide_is_told_at_the_request_the_approval_and_the_first_use() {
    let scene = scene().await;
    let operator = scene.app.operator().await;
    for (login, role, tenant) in [
        ("night.officer@example.jp", "COMPLIANCE_OFFICER", &operator.id),
        ("second@example.jp", "APPROVER", &operator.id),
        ("root@example.jp", "OPERATOR_ADMIN", &operator.id),
        ("auditor@example.jp", "AUDITOR", &operator.id),
        ("head@school.example.jp", "TENANT_ADMIN", &scene.school.id),
    ] {
        let create = "mutation($tenant: ID!, $login: String!, $roles: [Role!]!) { answer: createAccount(tenantId: $tenant,
          login: $login, displayName: \"A member\", roles: $roles) { __typename } }";
        let variables = json!({ "tenant": tenant, "login": login, "roles": [role] });
        let made = scene.app.admin().gql_with(create, variables).await;
        assert_eq!(made["data"]["answer"]["__typename"], "Account", "{made}");
    }
    let mails = async || {
        scene.app.run_jobs().await;
        let list = "{ capturedMails(purpose: \"a test\", first: 100) { nodes { to subject body } } }";
        let answer = scene.officer.gql(list).await;
        answer["data"]["capturedMails"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
    };
    let asked = ask(&scene.staff, clear_fields(Some(&scene.people[0]), None, 30)).await;
    let told = mails().await;
    let mut to: Vec<&str> = told.iter().map(|mail| mail["to"].as_str().unwrap()).collect();
    to.sort_unstable();
    let everybody =
        ["head@school.example.jp", "night.officer@example.jp", "root@example.jp", "second@example.jp"];
    assert_eq!(to, everybody);
    let grant = text(&asked["grant"]);
    for mail in &told {
        let body = text(&mail["body"]);
        assert!(body.contains(&grant) && body.contains("Reason: 記録あり"), "{body}");
        for secret in ["hospital", "水野", "hana@example.jp", "4711", &scene.people[0]] {
            assert!(!body.contains(secret) && !text(&mail["subject"]).contains(secret), "{secret} in {mail}");
        }
    }
    assert_eq!(change(&scene.approver, "approve", &text(&asked["id"])).await["state"], "ACTIVE");
    assert_eq!(mails().await.len(), 8);
    for _ in 0..3 {
        assert_eq!(read(&scene.staff, &scene.people[0]).await, clear());
    }
    let told = mails().await;
    assert_eq!(told.len(), 12, "the first use only");
    assert!(text(&told[11]["subject"]).contains("used"));
    let rung = scene.audit(&operator.id, "emergency_access.alarm").await;
    assert_eq!(rung.len(), 12);
    let list = scene.officer.gql_with(LIST, json!({ "state": "ACTIVE" })).await;
    assert_eq!(list["data"]["emergencyAccess"]["nodes"][0]["uses"], 3, "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_asked_for_is_bounded() {
    let scene = scene().await;
    let good = || clear_fields(None, None, 30);
    let with = |key: &str, value: Value| {
        let mut input = good();
        input[key] = value;
        input
    };
    let permission = |action: &str, object: &str| json!([{ "action": action, "object": object }]);
    for (input, field) in [
        (with("minutes", json!(61)), "minutes"),
        (with("minutes", json!(0)), "minutes"),
        (with("reason", json!(" ")), "reason"),
        (with("reason", json!("x".repeat(501))), "reason"),
        (with("reason", json!("call hana@example.jp")), "reason"),
        (with("permissions", json!([])), "permissions"),
        (with("permissions", permission("erase", "subject")), "permissions"),
        (with("permissions", permission("read", "*")), "permissions"),
        (with("permissions", permission("read", "policy")), "permissions"),
        (with("permissions", permission("*", "data.applicant.email")), "permissions"),
        (with("permissions", permission("search", "data.applicant.email")), "permissions"),
        (with("permissions", permission("read", "data.*.email")), "permissions"),
    ] {
        let answer = ask(&scene.staff, input.clone()).await;
        assert_eq!((&answer["code"], &answer["field"]), (&json!("INVALID"), &json!(field)), "{input}");
    }
    let foreign = clear_fields(Some(&scene.people[2]), None, 30);
    assert_eq!(ask(&scene.staff, foreign).await["code"], "NOT_FOUND", "a person of another school");
    for _ in 0..3 {
        assert_eq!(ask(&scene.staff, good()).await["state"], "REQUESTED");
    }
    let fourth = ask(&scene.staff, good()).await;
    assert_eq!(fourth["code"], "LIMIT_EXCEEDED", "{fourth}");
    let colleague = scene.app.member(&scene.school, Role::TenantStaff).await;
    assert_eq!(ask(&colleague, good()).await["state"], "REQUESTED", "counted by account");
    let own = colleague.gql_with(LIST, json!({})).await;
    let nodes = own["data"]["emergencyAccess"]["nodes"].as_array().unwrap();
    assert!(nodes.len() == 1 && nodes[0]["accountId"] == json!(colleague.account), "one's own only: {own}");
    // What nobody decides on lapses, and can no longer be approved.
    let id = text(&nodes[0]["id"]);
    scene.app.clock.advance(12 * 3600);
    assert_eq!(change(&scene.approver, "approve", &id).await["code"], "CONFLICT");
    assert_eq!(ask(&scene.staff, good()).await["state"], "REQUESTED", "lapsed ones are not counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_wants_fresh_proof_and_a_foreign_school_sees_nothing() {
    let scene = scene().await;
    let asked = ask(&scene.staff, clear_fields(None, None, 30)).await;
    let id = text(&asked["id"]);
    let all = ["*:*".to_owned()];
    let secret = access::issue_token_for(&scene.app.app, &scene.approver.login, "wide", &all, 30)
        .await
        .unwrap()
        .secret;
    let wide = Member { token: secret, ..scene.approver.clone() };
    let answer = change(&wide, "approve", &id).await;
    assert_eq!(answer["code"], "FORBIDDEN", "a token that does not name it: {answer}");
    let other = TestTenant { id: String::new(), slug: "school-002".into() };
    let list = "query($slug: String!) { tenant(slug: $slug) { id } }";
    let id_of =
        scene.officer.gql_with(list, json!({ "slug": other.slug })).await["data"]["tenant"]["id"].clone();
    let other = TestTenant { id: text(&id_of), ..other };
    let stranger = scene.app.member(&other, Role::TenantAdmin).await;
    for verb in ["approve", "refuse", "end"] {
        let answer = change(&stranger, verb, &id).await;
        assert_eq!(answer["code"], "NOT_FOUND", "{verb}: {answer}");
    }
    let seen = stranger.gql_with(LIST, json!({})).await;
    assert_eq!(seen["data"]["emergencyAccess"]["nodes"], json!([]), "{seen}");
    assert_eq!(change(&scene.approver, "refuse", &id).await["state"], "REFUSED");
    assert_eq!(read(&scene.staff, &scene.people[0]).await, masked());
}
