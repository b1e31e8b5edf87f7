//! Lists of people with their fields: what is read together is decided as if it had been read one by one.

use entity::audit_entry;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use suimon::access::{self, Role};
use suimon::requirements::{self, ManifestFile, Outcome};

use crate::harness::{Member, TestApp, TestTenant};
use crate::vault_support::{applicant, apply_system, batch, database};

const LIST: &str = "query($id: ID!, $first: Int!, $masked: Boolean!) {
  subjects(tenantId: $id, purpose: \"a check\", first: $first) { nodes { id
    fields(names: [\"email\"], masked: $masked) {
      ... on ClearValue { clear: value } ... on MaskedValue { masked: value } ... on Withheld { reason } } } } }";

async fn three_people() -> (TestApp, Member, TestTenant) {
    let app = TestApp::new().await;
    apply_system(&app).await;
    let school = app.tenant("school-001").await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let rows = json!([
        applicant(1, "school-001", "A-1", "水野 花", "hana@example.jp"),
        applicant(2, "school-001", "A-2", "水野 空", "sora@example.jp"),
        applicant(3, "school-001", "A-3", "水野 海", "umi@example.jp"),
    ]);
    let answer = batch(&officer, json!({ "rows": rows })).await;
    assert_eq!(answer["rowsKept"], 3, "{answer}");
    (app, officer, school)
}

async fn list(member: &Member, school: &TestTenant, first: u32, masked: bool) -> Vec<Value> {
    let answer = member.gql_with(LIST, json!({ "id": school.id, "first": first, "masked": masked })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["subjects"]["nodes"].as_array().cloned().unwrap_or_default()
}

/// Whose fields were read, in the order of the chain.
async fn reads(app: &TestApp) -> Vec<audit_entry::Model> {
    let reads = audit_entry::Entity::find().filter(audit_entry::Column::Action.eq("subject.read"));
    let mut reads = reads.all(&database(app).await).await.expect("the audit log");
    reads.sort_by_key(|entry| entry.seq);
    reads
}

/// How many people each of these entries names.
fn named(reads: &[audit_entry::Model]) -> Vec<usize> {
    reads
        .iter()
        .map(|entry| entry.subjects.as_ref().map_or(1, |several| several.split(' ').count()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_entry_of_a_list_names_everybody_on_the_page_and_nobody_else() {
    let (app, officer, school) = three_people().await;
    let people = list(&officer, &school, 2, false).await;
    let clear: Vec<&Value> = people.iter().map(|person| &person["fields"][0]["clear"]).collect();
    assert_eq!(clear.len(), 2, "{people:?}");
    assert!(clear.iter().all(|value| value.is_string()) && clear[0] != clear[1], "{people:?}");
    let reads = reads(&app).await;
    assert_eq!(named(&reads), [2], "the row that only tells of a next page was not read");
    let entry = &reads[0];
    assert_eq!((entry.object.as_str(), &entry.subject), ("subjects:applicant", &None));
    assert_eq!(entry.fields.as_deref(), Some("email"));
    assert_eq!(entry.purpose.as_deref(), Some("a check"));
    assert_eq!(entry.detail, r#"{"clear":["email"],"masked":[],"refused":[]}"#);
    // A list of one is a read of one.
    list(&officer, &school, 1, false).await;
    let reads = self::reads(&app).await;
    assert!(reads[1].subject.is_some() && reads[1].subjects.is_none(), "{reads:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_about_one_person_does_not_reach_the_others_of_the_list() {
    let (app, officer, school) = three_people().await;
    let op = access::act_locally(&app.app, &officer.login).await.expect("the officer");
    let tenant = access::tenant_by_slug(&op, &school.slug).await.expect("the school").id;
    let people = suimon::vault::list_subjects(&op, tenant, None, None, 10).await.expect("people");
    for (place, person) in people.iter().enumerate() {
        let manifest = format!(
            "apiVersion: suimon/v1\nkind: Requirement\nmetadata: {{ name: R-1 }}\nspec:\n  system: online-application\n  \
             statement: {{ ja: 規則, en: A rule }}\n  target: record:applicant\n  metric: reads\n  \
             threshold: {{ op: eq, value: 0, unit: reads }}\n  obligation: MUST\n  enforcement:\n    mode: enforce\n    \
             mechanism: access\n    params: {{ effect: deny, roles: [compliance_officer], actions: [read], \
             objects: [applicant.email], when: [{{ attribute: record.subject, op: eq, value: \"{}\" }}] }}\n  \
             owner: privacy\n",
            person.id
        );
        let file = ManifestFile { name: "rule.yaml".into(), content: manifest.into_bytes() };
        let outcome = requirements::apply(&op, vec![file], "a test", false).await.expect("an answer");
        assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
        let seen = list(&officer, &school, 10, false).await;
        let clear: Vec<bool> = seen.iter().map(|person| person["fields"][0]["clear"].is_string()).collect();
        let expected: Vec<bool> = (0..people.len()).map(|other| other != place).collect();
        assert_eq!(clear, expected, "{seen:?}");
        assert!(seen[place]["fields"][0]["masked"].is_string(), "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_changes_nothing_for_the_others() {
    let (_app, officer, school) = three_people().await;
    let before = list(&officer, &school, 10, true).await;
    let erase = "mutation($id: ID!) { eraseSubject(id: $id, reason: \"a request\") { __typename } }";
    let answer = officer.gql_with(erase, json!({ "id": before[1]["id"] })).await;
    assert_eq!(answer["data"]["eraseSubject"]["__typename"], "Subject", "{answer}");
    let after = list(&officer, &school, 10, true).await;
    assert_eq!(after[1]["fields"], json!([{ "reason": "ERASED" }]));
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_is_refused_once_and_each_refusal_of_a_field_is_recorded() {
    let (app, officer, school) = three_people().await;
    let seen = list(&app.admin(), &school, 10, false).await;
    for person in &seen {
        assert_eq!(person["fields"], json!([{ "reason": "NOT_ALLOWED" }]), "{seen:?}");
    }
    let reads = reads(&app).await;
    assert_eq!(named(&reads), [3]);
    assert!(reads.iter().all(|entry| entry.decision == "denied"), "{reads:?}");
    // Two questions about the same people in one document are two reads; a name that is not declared fails for everybody.
    let twice = "query($id: ID!) { subjects(tenantId: $id, purpose: \"p\") { nodes {
        a: fields(names: [\"email\"]) { ... on MaskedValue { value } }
        b: fields(names: [\"phone\"]) { ... on MaskedValue { value } } } } }";
    let answer = officer.gql_with(twice, json!({ "id": school.id })).await;
    let first = &answer["data"]["subjects"]["nodes"][0];
    assert_eq!(first["b"], json!([{ "value": "***5678" }]), "{answer}");
    assert!(first["a"][0]["value"].as_str().is_some_and(|value| value.ends_with("@example.jp")), "{answer}");
    assert_eq!(named(&self::reads(&app).await), [3, 3, 3]);
    let wrong = "query($id: ID!) { subjects(tenantId: $id, purpose: \"p\") { nodes {
        fields(names: [\"shoe_size\"]) { __typename } } } }";
    let answer = officer.gql_with(wrong, json!({ "id": school.id })).await;
    insta::assert_snapshot!(answer["errors"][0]["message"], @r#""names[0]: is not a field of this record type; see recordTypes of the system's manifest""#);
}
