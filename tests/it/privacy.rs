//! What is kept how long, and what a person is told about the own data.

use entity::{captured_mail, import_batch, job, subject};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use suimon::access::Role;

use crate::harness::{Member, text};
use crate::notices::fixture::Fixture;
use crate::vault_support::run;

const RETENTION: &str = "\
apiVersion: suimon/v1
kind: Requirement
metadata: { name: RET-1 }
spec:
  system: applications
  statement: { ja: 志願者の情報は1年で消去する。, en: Applicants are erased after a year. }
  target: record:applicant
  metric: records_kept_too_long
  threshold: { op: eq, value: 0, unit: records }
  obligation: MUST
  enforcement: { mode: MODE, mechanism: retention, params: { after: P1Y, action: erase } }
";
const PLAN: &str = "{ retentionPlan { requirement recordType after mode due onHold } }";
const EXPORT: &str = "mutation($id: ID!) { exportSubject(id: $id, purpose: \"request 2023-118\") {
    ... on SubjectExport { json ja: html(language: JA) en: html(language: EN) }
    ... on Problem { code message } } }";

async fn require(fixture: &Fixture, mode: &str) {
    let content = RETENTION.replace("MODE", mode);
    let answer = fixture
        .officer
        .gql_with(
            "mutation($files: [ManifestFile!]!) { applyManifests(files: $files, reason: \"test\") { __typename } }",
            json!({ "files": [{ "name": "ret.yaml", "content": content }] }),
        )
        .await;
    assert_eq!(answer["data"]["applyManifests"]["__typename"], "ManifestsApplied", "{answer}");
}

async fn kept(fixture: &Fixture) -> Vec<String> {
    let rows = subject::Entity::find()
        .filter(subject::Column::ErasedAt.is_null())
        .all(&fixture.database)
        .await
        .unwrap();
    let mut names: Vec<String> = rows.into_iter().map(|row| row.external_id).collect();
    names.sort();
    names
}

async fn close_incident(fixture: &Fixture) {
    entity::incident::Entity::update_many()
        .col_expr(entity::incident::Column::Status, "closed".into())
        .exec(&fixture.database)
        .await
        .unwrap();
}

async fn findings(member: &Member) -> usize {
    member.gql("{ findings { nodes { summary } } }").await["data"]["findings"]["nodes"]
        .as_array()
        .unwrap()
        .len()
}

/// Tokens of the harness live thirty days, and the clock here goes on by years.
async fn renew(fixture: &mut Fixture) {
    let scopes = ["*:*".to_owned()];
    for member in [&mut fixture.officer, &mut fixture.approver] {
        let issued = suimon::access::issue_token_for(&fixture.app.app, &member.login, "test", &scopes, 30);
        member.token = issued.await.expect("a token").secret;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_whose_time_is_over_are_erased_and_those_on_a_list_are_kept() {
    let mut fixture = Fixture::captured().await;
    let names: Vec<String> = (0..450).map(|n| format!("p-{n:03}")).collect();
    let people: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "ja")).collect();
    fixture.import("school-001", &people).await;
    fixture.revision(1, &[("school-001", "p-007", "possible"), ("school-001", "p-449", "excluded")]).await;
    require(&fixture, "observe").await;
    fixture.app.clock.advance(364 * 24 * 3600);
    renew(&mut fixture).await;
    assert_eq!(fixture.officer.gql(PLAN).await["data"]["retentionPlan"][0]["due"], 0);
    // Those who changed meanwhile begin anew.
    let changed = json!({ "system": "applications", "recordType": "applicant", "mode": "KEEP_GOOD", "last": true, "rows": [
        { "line": 1, "tenant": "school-001", "externalId": "p-100", "fields": [{ "name": "full_name", "value": "山田 改" }] } ] });
    fixture
        .officer
        .gql_with(
            "mutation($input: ImportSubjectsInput!) { importSubjects(input: $input) { __typename } }",
            json!({ "input": changed }),
        )
        .await;
    fixture.app.clock.advance(3 * 24 * 3600);
    let plan = fixture.officer.gql(PLAN).await;
    assert_eq!(
        plan["data"]["retentionPlan"][0],
        json!({
            "requirement": "RET-1", "recordType": "applicant", "after": "P1Y", "mode": "observe", "due": 449, "onHold": 2
        }),
        "{plan}"
    );
    let (code, out, error) = run(&fixture.app, &["retention", "plan", "--format", "json"]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("\"requirement\": \"RET-1\""), "{out}");
    fixture.app.run_jobs().await;
    assert_eq!(kept(&fixture).await.len(), 450, "observed only");

    require(&fixture, "audit").await;
    fixture.app.clock.advance(25 * 3600);
    fixture.app.run_jobs().await;
    assert_eq!((kept(&fixture).await.len(), findings(&fixture.officer).await), (450, 1));

    require(&fixture, "enforce").await;
    fixture.app.clock.advance(25 * 3600);
    let worked = fixture.app.run_jobs().await;
    assert_eq!((worked.failed, worked.deferred), (0, 0));
    assert_eq!(kept(&fixture).await, ["p-007", "p-100", "p-449"]);
    let entries = |action: &'static str| {
        let found =
            entity::audit_entry::Entity::find().filter(entity::audit_entry::Column::Action.eq(action));
        let database = fixture.database.clone();
        async move { found.count(&database).await.unwrap() }
    };
    assert_eq!(entries("subject.erase").await, 447, "each erasure stands in the chain of the school");
    assert!(entries("retention.hold").await >= 1);
    // The incident is closed: nothing holds them any more.
    close_incident(&fixture).await;
    fixture.app.clock.advance(25 * 3600);
    fixture.app.run_jobs().await;
    assert_eq!(kept(&fixture).await, ["p-100"]);
}

async fn subject_id(fixture: &Fixture, person: &str) -> String {
    let row = subject::Entity::find()
        .filter(subject::Column::ExternalId.eq(person))
        .one(&fixture.database)
        .await
        .unwrap()
        .unwrap();
    crate::notices::fixture::global("Subject", row.tenant_id, row.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_gets_all_fields_all_reads_and_all_notices() {
    let fixture = Fixture::captured().await;
    fixture.import("school-001", &[("p-1", "ja"), ("p-2", "ja")]).await;
    let revision =
        fixture.revision(1, &[("school-001", "p-1", "possible"), ("school-001", "p-2", "possible")]).await;
    fixture.approved(revision).await;
    fixture.send().await;
    let school = fixture.app.tenant("school-001").await;
    let (staff, head) = (
        fixture.app.member(&school, Role::TenantStaff).await,
        fixture.app.member(&school, Role::TenantAdmin).await,
    );
    let id = subject_id(&fixture, "p-1").await;
    let read = "query($id: ID!) { subject(id: $id, purpose: \"a <b>call</b>\") { fields(names: [\"full_name\"]) { __typename } } }";
    staff.gql_with(read, json!({ "id": id })).await;
    for member in [&fixture.officer, &head] {
        let answer = member.gql_with(EXPORT, json!({ "id": id })).await;
        let export = &answer["data"]["exportSubject"];
        let document: &Value = &export["json"];
        assert_eq!(document["format"], "suimon/subject-export/v1", "{answer}");
        assert_eq!(document["fields"][0]["value"], "山田 p-1");
        assert_eq!(document["fields"][1]["value"], "p-1@school-001.example");
        let reads = document["reads"].as_array().unwrap();
        let by_staff = reads
            .iter()
            .find(|read| read["purpose"] == "a <b>call</b>")
            .unwrap_or_else(|| panic!("{document}"));
        assert_eq!(by_staff["reader"]["roles"], json!(["tenant_staff"]));
        assert_eq!(by_staff["reader"]["organisation_en"], "School school-001");
        assert_eq!((&by_staff["masked"], &by_staff["clear"]), (&json!(["full_name"]), &json!([])));
        assert!(!document.to_string().contains(&staff.login), "no name of an employee");
        assert!(
            reads.iter().any(|read| read["reader"]["automatic"] == true),
            "the sender of notices read the address"
        );
        assert_eq!(document["notices"][0]["state"], "accepted");
        let (ja, en) = (text(&export["ja"]), text(&export["en"]));
        assert!(ja.contains("誰が閲覧したか") && en.contains("Who read it"));
        assert!(ja.contains("a &lt;b&gt;call") && !ja.contains("<b>call"), "escaped");
    }
    // The export itself is seen, by the next one too.
    let answer = head.gql_with(EXPORT, json!({ "id": id })).await;
    assert!(
        answer["data"]["exportSubject"]["json"]["reads"]
            .as_array()
            .unwrap()
            .iter()
            .any(|read| read["action"] == "subject.export")
    );
    let answer = staff.gql_with(EXPORT, json!({ "id": id })).await;
    assert_eq!(answer["data"]["exportSubject"]["code"], "FORBIDDEN", "{answer}");
    let other = fixture.app.tenant("school-002").await;
    let foreign = fixture.app.member(&other, Role::TenantAdmin).await;
    let answer = foreign.gql_with(EXPORT, json!({ "id": id })).await;
    assert_eq!(answer["data"]["exportSubject"]["code"], "NOT_FOUND", "{answer}");

    // Erased, also by the school's own: the mail that was kept of this person goes, the other's stays.
    assert_eq!(captured_mail::Entity::find().count(&fixture.database).await.unwrap(), 2);
    let erase = "mutation($id: ID!) { eraseSubject(id: $id, reason: \"request 2023-118\") { __typename } }";
    let answer = head.gql_with(erase, json!({ "id": id })).await;
    assert_eq!(answer["data"]["eraseSubject"]["__typename"], "Subject", "{answer}");
    assert_eq!(captured_mail::Entity::find().count(&fixture.database).await.unwrap(), 1);
    let answer = head.gql_with(EXPORT, json!({ "id": id })).await;
    assert_eq!(answer["data"]["exportSubject"]["json"]["fields"][0]["withheld"], "erased", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_keeps_of_its_own_goes_in_its_time() {
    let mut fixture = Fixture::captured().await;
    let revision = fixture.people(3).await;
    fixture.approved(revision).await;
    fixture.send().await;
    let waiting = json!({ "system": "applications", "recordType": "applicant", "mode": "ALL_OR_NOTHING", "last": false, "rows": [
        { "line": 1, "tenant": "school-001", "externalId": "w-1", "fields": [{ "name": "full_name", "value": "山田 待" }] } ] });
    fixture
        .officer
        .gql_with(
            "mutation($input: ImportSubjectsInput!) { importSubjects(input: $input) { __typename } }",
            json!({ "input": waiting }),
        )
        .await;
    let counts = |fixture: &Fixture| {
        let database = fixture.database.clone();
        async move {
            (
                captured_mail::Entity::find().count(&database).await.unwrap(),
                import_batch::Entity::find().count(&database).await.unwrap(),
                entity::api_token::Entity::find().count(&database).await.unwrap(),
            )
        }
    };
    fixture.app.run_jobs().await;
    let (mails, batches, tokens) = counts(&fixture).await;
    assert_eq!((mails, batches), (3, 1));
    fixture.app.clock.advance(8 * 24 * 3600);
    fixture.app.run_jobs().await;
    assert_eq!(counts(&fixture).await, (3, 0, tokens), "a batch that nobody finished goes after a week");
    fixture.app.clock.advance(90 * 24 * 3600);
    fixture.app.run_jobs().await;
    assert_eq!(counts(&fixture).await, (0, 0, tokens));
    fixture.app.clock.advance(40 * 24 * 3600);
    renew(&mut fixture).await;
    fixture.app.run_jobs().await;
    assert_eq!(counts(&fixture).await.2, 2, "only the new ones are left");
    assert!(job::Entity::find().count(&fixture.database).await.unwrap() > 0, "schedules go on");
}
