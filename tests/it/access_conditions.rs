//! Access requirements in force decide on reads and searches: with their conditions, from the moment they are applied, on
//! every node, and not longer than they are in force.

use serde_json::{Value, json};
use suimon::access::{self, Role};
use suimon::app::App;
use suimon::entropy::Entropy;
use suimon::requirements::{self, ManifestFile, Outcome};

use crate::harness::{Member, TestApp, text};
use crate::vault_support::{applicant, apply_system, batch};

const READ: &str = "query($id: ID!, $purpose: String!, $masked: Boolean!) {
  subject(id: $id, purpose: $purpose) { fields(names: [\"full_name\", \"email\"], masked: $masked) {
    ... on ClearValue { clear: value } ... on MaskedValue { masked: value } ... on Withheld { reason } } } }";

fn rule(name: &str, mode: &str, params: &str) -> String {
    format!(
        "apiVersion: suimon/v1\nkind: Requirement\nmetadata: {{ name: {name} }}\nspec:\n  system: online-application\n  \
         statement: {{ ja: 規則, en: A rule }}\n  target: record:applicant\n  metric: reads\n  \
         threshold: {{ op: eq, value: 0, unit: reads }}\n  obligation: MUST\n  \
         enforcement:\n    mode: {mode}\n    mechanism: access\n    params: {params}\n  owner: privacy\n"
    )
}

async fn apply(app: &TestApp, officer: &Member, text: String) {
    let op = access::act_locally(&app.app, &officer.login).await.unwrap();
    let file = ManifestFile { name: "rule.yaml".into(), content: text.into_bytes() };
    let outcome = requirements::apply(&op, vec![file], "a test", false).await.unwrap();
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
}

struct Scene {
    app: TestApp,
    officer: Member,
    /// Staff and administrator of the person's school.
    staff: Member,
    admin: Member,
    person: String,
}

async fn scene() -> Scene {
    let app = TestApp::new().await;
    apply_system(&app).await;
    let school = app.tenant("school-001").await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let rows = json!([applicant(1, "school-001", "A-1", "水野 花", "hana@example.jp")]);
    batch(&officer, json!({ "rows": rows })).await;
    let (staff, admin) =
        (app.member(&school, Role::TenantStaff).await, app.member(&school, Role::TenantAdmin).await);
    let list = "query($id: ID!) { subjects(tenantId: $id) { nodes { id } } }";
    let listed = admin.gql_with(list, json!({ "id": school.id })).await;
    let person = text(&listed["data"]["subjects"]["nodes"][0]["id"]);
    Scene { app, officer, staff, admin, person }
}

impl Scene {
    async fn read(&self, member: &Member, purpose: &str, masked: bool) -> Value {
        let variables = json!({ "id": self.person, "purpose": purpose, "masked": masked });
        let answer = member.gql_with(READ, variables).await;
        let fields = answer["data"]["subject"]["fields"].clone();
        assert!(fields.is_array(), "{answer}");
        fields
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_decides_and_holds_with_the_next_request() {
    let scene = scene().await;
    let clear = json!([{ "clear": "水野 花" }, { "clear": "hana@example.jp" }]);
    assert_eq!(scene.read(&scene.admin, "selection", false).await, clear);
    let only_for_admission = "{ effect: deny, roles: [tenant_admin], actions: [read], objects: [applicant.email], \
        when: [{ attribute: purpose, op: not_in, values: [admission, correction] }] }";
    apply(&scene.app, &scene.officer, rule("R-1", "enforce", only_for_admission)).await;
    // What may not be seen in clear is shown as far as it may be.
    let shortened = json!([{ "clear": "水野 花" }, { "masked": "h***@example.jp" }]);
    assert_eq!(scene.read(&scene.admin, "selection", false).await, shortened);
    assert_eq!(scene.read(&scene.admin, "admission", false).await, clear);
    // The officer has another role: the rule does not speak of it.
    assert_eq!(scene.read(&scene.officer, "selection", false).await, clear);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_holds_on_every_node_and_at_its_hours() {
    let scene = scene().await;
    // A second node on the same database, which has read its rules already.
    let mut config = scene.app.app.config().clone();
    config.database.max_connections = 2;
    let other = App::open(config, scene.app.clock.clone(), Entropy::seeded(8)).await.unwrap();
    let staff_reads = async |app: &std::sync::Arc<App>| {
        let op = access::act_locally(app, &scene.staff.login).await.unwrap().for_purpose("a call").unwrap();
        let tenant = op.actor().tenant;
        let people = suimon::vault::list_subjects(&op, tenant, None, None, 1).await.unwrap();
        let fields =
            suimon::vault::read_fields(&op, &people[0], Some(&["email".into()]), true).await.unwrap();
        matches!(fields[0].shown, suimon::vault::Shown::Masked(_))
    };
    assert!(staff_reads(&other).await && staff_reads(&scene.app.app).await);
    let office_hours = "{ effect: deny, roles: [tenant_staff], actions: [read_masked], objects: [applicant.*], \
        when: [{ attribute: time.clock, op: gte, value: \"17:00\" }] }";
    apply(&scene.app, &scene.officer, rule("R-2", "enforce", office_hours)).await;
    assert!(staff_reads(&other).await, "09:00 in Tokyo");
    scene.app.clock.set("2023-10-26T16:59:59+09:00".parse().unwrap());
    assert!(staff_reads(&other).await && staff_reads(&scene.app.app).await);
    scene.app.clock.set("2023-10-26T17:00:00+09:00".parse().unwrap());
    assert!(!staff_reads(&other).await && !staff_reads(&scene.app.app).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_s_rules_keep_schools_apart_and_staff_masked() {
    let scene = scene().await;
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/online-application/manifests/access.yaml");
    apply(&scene.app, &scene.officer, std::fs::read_to_string(manifest).unwrap()).await;
    let masked = json!([{ "masked": "水***" }, { "masked": "h***@example.jp" }]);
    assert_eq!(scene.read(&scene.staff, "a call", false).await, masked);
    let clear = json!([{ "clear": "水野 花" }, { "clear": "hana@example.jp" }]);
    assert_eq!(scene.read(&scene.admin, "a call", false).await, clear);
    let search = "query { searchSubjects(system: \"online-application\", recordType: \"applicant\", field: \"email\", \
        value: \"hana@example.jp\", purpose: \"a call\") { externalId } }";
    let found = scene.admin.gql(search).await;
    assert_eq!(found["data"]["searchSubjects"], json!([{ "externalId": "A-1" }]), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_rule_refuses_nothing_and_says_what_it_would_have_refused() {
    let scene = scene().await;
    let never = "{ effect: deny, roles: [tenant_staff], actions: [read_masked], objects: [applicant.email] }";
    apply(&scene.app, &scene.officer, rule("R-3", "audit", never)).await;
    let masked = json!([{ "masked": "水***" }, { "masked": "h***@example.jp" }]);
    assert_eq!(scene.read(&scene.staff, "a call", true).await, masked);
    let log = "query($id: ID!) { auditEntries(tenantId: $id, filter: { action: \"subject.read\" }) { nodes { detail } } }";
    let tenant =
        scene.admin.gql("{ viewer { tenant { id } } }").await["data"]["viewer"]["tenant"]["id"].clone();
    let answer = scene.admin.gql_with(log, json!({ "id": tenant })).await;
    assert_eq!(answer["data"]["auditEntries"]["nodes"][0]["detail"]["watched"], json!(["R-3"]), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_cannot_speak_of_suimon_s_own_objects() {
    let scene = scene().await;
    let grants = "{ effect: allow, roles: [tenant_staff], actions: [\"read\"], objects: [incident, audit, account, data.applicant.email] }";
    apply(&scene.app, &scene.officer, rule("R-4", "enforce", grants)).await;
    let tenant =
        scene.staff.gql("{ viewer { tenant { id } } }").await["data"]["viewer"]["tenant"]["id"].clone();
    let log = "query($id: ID!) { auditEntries(tenantId: $id) { nodes { action } } }";
    let refused = scene.staff.gql_with(log, json!({ "id": tenant })).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
    let masked = json!([{ "masked": "水***" }, { "masked": "h***@example.jp" }]);
    assert_eq!(
        scene.read(&scene.staff, "a call", false).await,
        masked,
        "`data.` in a manifest names an object of the system"
    );
}
