//! Search by a beginning or a part of an encrypted value, and what happens to it when people or manifests change.

use entity::{audit_entry, blind_index, part_index, subject};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryOrder};
use serde_json::{Value, json};
use suimon::access::{self, Role};
use suimon::requirements::{self, ManifestFile, Outcome};

use crate::harness::{Member, TestApp, text};
use crate::vault_support::{SYSTEM, applicant, apply_system, batch, database};

const MANIFEST: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/examples/online-application/manifests/system.yaml");

/// The example's system with statements of how the applicant's names can be searched.
pub async fn apply(app: &TestApp, full_name: &str, name_kana: &str) {
    let text = std::fs::read_to_string(MANIFEST).expect("the example");
    let stated = |text: String, field: &str, search: &str| match search {
        "" => text,
        search => text.replacen(
            &format!("- name: {field}\n"),
            &format!("- name: {field}\n          search: {search}\n"),
            1,
        ),
    };
    let content = stated(stated(text, "full_name", full_name), "name_kana", name_kana).into_bytes();
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let op = access::act_locally(&app.app, &officer.login).await.expect("the officer");
    let file = ManifestFile { name: "system.yaml".into(), content };
    let outcome = requirements::apply(&op, vec![file], "search", false).await.expect("an answer");
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
}

async fn search(member: &Member, mode: &str, field: &str, value: &str) -> Value {
    member
        .gql_with(
            "query($system: String!, $field: String!, $value: String!, $mode: SearchMode!) {
               searchSubjects(system: $system, recordType: \"applicant\", field: $field, value: $value,
                 mode: $mode, purpose: \"a call\") { id externalId } }",
            json!({ "system": SYSTEM, "field": field, "value": value, "mode": mode }),
        )
        .await
}

fn ids(answer: &Value) -> Vec<String> {
    let list = answer["data"]["searchSubjects"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let mut ids: Vec<String> = list.iter().map(|subject| text(&subject["externalId"])).collect();
    ids.sort();
    ids
}

/// External ids of a complete answer.
pub async fn found(member: &Member, mode: &str, field: &str, value: &str) -> Vec<String> {
    let answer = search(member, mode, field, value).await;
    assert!(answer["errors"].is_null(), "{answer}");
    ids(&answer)
}

async fn refusal(member: &Member, mode: &str, field: &str, value: &str) -> String {
    text(&search(member, mode, field, value).await["errors"][0]["message"])
}

/// Two schools with people whose readings are all the same.
async fn schools(full_name: &str, name_kana: &str) -> (TestApp, Member) {
    let app = TestApp::new().await;
    apply(&app, full_name, name_kana).await;
    app.tenant("school-001").await;
    app.tenant("school-002").await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    people(&officer).await;
    (app, officer)
}

async fn people(officer: &Member) {
    let rows = json!([
        applicant(1, "school-001", "A-1", "水野 花子", "hana@example.jp"),
        applicant(2, "school-001", "A-2", "水野　太郎", "taro@example.jp"),
        applicant(3, "school-001", "A-3", "清水 野花", "nobana@example.jp"),
        applicant(4, "school-002", "B-1", "Anna Mizuno", "anna@example.jp"),
        applicant(5, "school-002", "B-2", "水野 花", "hana2@example.jp"),
    ]);
    let answer = batch(officer, json!({ "rows": rows })).await;
    assert_eq!(answer["state"], "DONE", "{answer}");
}

async fn part_rows(app: &TestApp) -> u64 {
    part_index::Entity::find().count(&database(app).await).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_found_in_every_tenant_in_reach_and_each_finding_is_recorded() {
    let (app, officer) = schools("substring", "prefix").await;
    assert_eq!(found(&officer, "SUBSTRING", "full_name", "水野").await, ["A-1", "A-2", "A-3", "B-2"]);
    assert_eq!(found(&officer, "PREFIX", "full_name", "水野").await, ["A-1", "A-2", "B-2"]);
    assert_eq!(found(&officer, "SUBSTRING", "full_name", "野花").await, ["A-1", "A-3", "B-2"]);
    assert_eq!(found(&officer, "SUBSTRING", "full_name", "ＮＡ　ＭＩＺ").await, ["B-1"]);
    assert_eq!(found(&officer, "PREFIX", "name_kana", "みずの").await, ["A-1", "A-2", "A-3", "B-1", "B-2"]);
    assert_eq!(found(&officer, "EXACT", "full_name", "水野花").await, ["B-2"], "parts include the whole");
    assert!(found(&officer, "SUBSTRING", "full_name", "水花").await.is_empty());
    // Within the tenant, as always.
    let own = app.tenant("school-002").await;
    let staff = app.member(&own, Role::TenantStaff).await;
    assert_eq!(found(&staff, "SUBSTRING", "full_name", "水野").await, ["B-2"]);
    let answer = search(&app.admin(), "SUBSTRING", "full_name", "水野").await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");

    let entries = audit_entry::Entity::find().all(&database(&app).await).await.unwrap();
    let of = |action: &'static str| entries.iter().filter(move |entry| entry.action == action);
    // One entry a search and tenant, which names everybody found there.
    let people = |entry: &audit_entry::Model| match &entry.subjects {
        Some(several) => several.split(' ').count(),
        None => usize::from(entry.subject.is_some()),
    };
    assert_eq!(of("subject.search").count(), 8);
    assert_eq!(of("subject.found").map(people).sum::<usize>(), 4 + 3 + 3 + 1 + 5 + 1 + 1);
    assert_eq!(of("subject.found").count(), 2 + 2 + 2 + 1 + 2 + 1 + 1);
    let detail: Vec<_> =
        entries.iter().filter(|entry| entry.action == "subject.search").map(|e| &e.detail).collect();
    assert!(
        detail.iter().any(|detail| *detail == r#"{"compared":4,"matches":3,"mode":"prefix"}"#),
        "{detail:?}"
    );
    assert!(!format!("{entries:?}").contains("水野"), "what was searched for is not in the audit log");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_searched_for_is_refused_and_says_why() {
    let (_app, officer) = schools("substring", "prefix").await;
    let mut answers = Vec::new();
    for (mode, field, value) in [
        ("SUBSTRING", "full_name", "水"),
        ("PREFIX", "full_name", " 花　"),
        ("SUBSTRING", "name_kana", "ズノ"),
        ("PREFIX", "email", "hana"),
        ("SUBSTRING", "full_name", " "),
        ("SUBSTRING", "full_name", &"水".repeat(65)),
        ("EXACT", "phone", "090-1234-5678"),
    ] {
        answers.push(refusal(&officer, mode, field, value).await);
    }
    insta::assert_snapshot!(answers.join("\n"), @r"
    value: a search by a part of a value wants 2 to 64 characters, not counting spaces and separators
    value: a search by a part of a value wants 2 to 64 characters, not counting spaces and separators
    field: is not searchable by a part; searchable are: full_name
    field: is not searchable by a beginning; searchable are: full_name, name_kana
    value: wants 1 to 1000 bytes
    value: a search by a part of a value wants 2 to 64 characters, not counting spaces and separators
    field: is not searchable; searchable are: full_name, name_kana, email, date_of_birth
    ");
}

/// Whoever reads names masked only could find one out part by part: a requirement can keep that way shut.
#[tokio::test(flavor = "multi_thread")]
async fn a_requirement_can_keep_a_role_from_searching_by_parts() {
    let (app, officer) = schools("substring", "").await;
    let call_centre = app.operator_member(Role::CallCentre).await;
    assert_eq!(found(&call_centre, "SUBSTRING", "full_name", "花子").await, ["A-1"]);
    let rule = "apiVersion: suimon/v1
kind: Requirement
metadata: { name: whole-values-only }
spec:
  system: online-application
  statement: { ja: 電話窓口は部分検索をしない, en: The call centre searches for whole values only }
  target: record:applicant
  metric: searches
  threshold: { op: eq, value: 0, unit: searches }
  obligation: MUST
  enforcement:
    mode: enforce
    mechanism: access
    params: { effect: deny, roles: [call_centre], actions: [search], objects: [applicant.*],
      when: [{ attribute: search.mode, op: ne, value: exact }] }
  owner: privacy
";
    let op = access::act_locally(&app.app, &officer.login).await.unwrap();
    let file = ManifestFile { name: "rule.yaml".into(), content: rule.into() };
    let outcome = requirements::apply(&op, vec![file], "a test", false).await.unwrap();
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
    let answer = search(&call_centre, "SUBSTRING", "full_name", "花子").await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    assert_eq!(found(&call_centre, "EXACT", "full_name", "水野花子").await, ["A-1"]);
    assert_eq!(found(&officer, "SUBSTRING", "full_name", "花子").await, ["A-1"], "another role");
}

/// The index does not know systems: whoever is left out by its limit must not become nobody.
#[tokio::test(flavor = "multi_thread")]
async fn another_system_with_the_same_record_type_hides_nobody() {
    let (app, officer) = schools("", "").await;
    let text = std::fs::read_to_string(MANIFEST).expect("the example");
    let content = text.replacen("name: online-application\n", "name: another-application\n", 1).into_bytes();
    let op = access::act_locally(&app.app, &officer.login).await.expect("the officer");
    let file = ManifestFile { name: "another.yaml".into(), content };
    let outcome = requirements::apply(&op, vec![file], "a test", false).await.expect("an answer");
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
    let rows = |prefix: &str, mail: &str, people: usize| -> Vec<Value> {
        let row =
            |n: usize| applicant(n as u32 + 1, "school-001", &format!("{prefix}-{n}"), "水野 花子", mail);
        (0..people).map(row).collect()
    };
    for (system, prefix, mail, people) in [
        (SYSTEM, "F", "family@example.jp", 2),
        ("another-application", "G", "family@example.jp", 1),
        (SYSTEM, "M", "many@example.jp", 101),
        ("another-application", "N", "many@example.jp", 1),
    ] {
        let answer = batch(&officer, json!({ "system": system, "rows": rows(prefix, mail, people) })).await;
        assert_eq!(answer["rowsRefused"], 0, "{answer}");
    }
    let in_another = async |value: &str| {
        let query = "query($value: String!) { searchSubjects(system: \"another-application\",
            recordType: \"applicant\", field: \"email\", value: $value, purpose: \"a call\") { externalId } }";
        officer.gql_with(query, json!({ "value": value })).await
    };
    assert_eq!(found(&officer, "EXACT", "email", "family@example.jp").await, ["F-0", "F-1"]);
    assert_eq!(ids(&in_another("family@example.jp").await), ["G-0"]);
    let many = refusal(&officer, "EXACT", "email", "many@example.jp").await;
    let answer = in_another("many@example.jp").await;
    assert_eq!(many, "more than 100 people match; search for something more particular");
    assert_eq!(answer["errors"][0]["message"], many, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_matches_and_too_many_candidates_are_refused() {
    let (_app, officer) = schools("substring", "").await;
    for first in [0, 300] {
        let rows: Vec<Value> = (first..first + 300)
            .map(|n| {
                // Pairs that everybody has, in an order that nobody has.
                let name = format!("赤青黄 {}", char::from_u32(0x4E00 + n).unwrap());
                applicant(n + 1, "school-001", &format!("C-{n}"), &name, &format!("c{n}@example.jp"))
            })
            .collect();
        assert_eq!(batch(&officer, json!({ "rows": rows })).await["rowsRefused"], 0);
    }
    let answers = [
        refusal(&officer, "SUBSTRING", "full_name", "赤青").await,
        refusal(&officer, "PREFIX", "full_name", "青黄").await,
    ];
    insta::assert_snapshot!(answers.join("\n"), @r"
    more than 100 people match; search for something more particular
    too many people may match: each of their values would have to be opened; search for something more particular
    ");
    assert_eq!(found(&officer, "SUBSTRING", "full_name", "黄一").await, ["C-0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_and_an_erasure_take_their_rows_along() {
    let (app, officer) = schools("substring", "prefix").await;
    let before = part_rows(&app).await;
    let rows = json!([applicant(1, "school-001", "A-1", "青木 花子", "hana@example.jp")]);
    batch(&officer, json!({ "rows": rows })).await;
    assert_eq!(found(&officer, "SUBSTRING", "full_name", "水野").await, ["A-2", "A-3", "B-2"]);
    assert_eq!(found(&officer, "PREFIX", "full_name", "青木").await, ["A-1"]);
    assert_eq!(part_rows(&app).await, before, "as many pairs as before, and none left over");

    let id = text(&search(&officer, "PREFIX", "full_name", "青木").await["data"]["searchSubjects"][0]["id"]);
    let erase = "mutation($id: ID!) { eraseSubject(id: $id, reason: \"request 118\") { __typename } }";
    officer.gql_with(erase, json!({ "id": id })).await;
    assert!(found(&officer, "PREFIX", "full_name", "青木").await.is_empty());
    let erased = subject::Entity::find().all(&database(&app).await).await.unwrap();
    let erased = erased.into_iter().find(|row| row.erased_at.is_some()).expect("the erased person");
    let rows = part_index::Entity::find().all(&database(&app).await).await.unwrap();
    assert!(rows.iter().all(|row| row.subject_id != erased.id));
    assert_eq!(rows.len() as u64, before - 3 - 4, "three pairs of the name, four beginnings of its reading");
    assert!(rows.iter().all(|row| row.digest.len() == 2 && row.key_version == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_were_there_before_are_indexed_later_and_until_then_the_answer_says_so() {
    let (app, officer) = schools("", "").await;
    assert_eq!(part_rows(&app).await, 0);
    assert_eq!(app.run_jobs().await.failed, 0);
    apply(&app, "substring", "prefix").await;
    // One person comes in by the new manifest.
    let rows = json!([applicant(1, "school-001", "A-9", "水野 空", "sora@example.jp")]);
    batch(&officer, json!({ "rows": rows })).await;
    let answer = search(&officer, "SUBSTRING", "full_name", "水野").await;
    assert_eq!(ids(&answer), ["A-9"]);
    insta::assert_snapshot!(answer["errors"][0], @r#"{"extensions":{"code":"INCOMPLETE"},"locations":[{"column":16,"line":2}],"message":"the index is still being made for some people: they may be missing; search again when the job search.reindex is done","path":["searchSubjects"]}"#);
    let worked = app.run_jobs().await;
    assert_eq!((worked.failed, worked.deferred), (0, 0));
    assert!(worked.done >= 1, "{worked:?}");
    assert_eq!(found(&officer, "SUBSTRING", "full_name", "水野").await, ["A-1", "A-2", "A-3", "A-9", "B-2"]);
    assert_eq!(
        found(&officer, "EXACT", "email", "hana@example.jp").await,
        ["A-1"],
        "what was there is there"
    );

    // The other way round: what is no longer stated leaves no rows.
    apply(&app, "", "prefix").await;
    app.run_jobs().await;
    let rows = part_index::Entity::find().all(&database(&app).await).await.unwrap();
    assert!(!rows.is_empty() && rows.iter().all(|row| row.field == "name_kana"));
    assert!(
        refusal(&officer, "SUBSTRING", "full_name", "水野").await.contains("is not searchable by a part")
    );
}

/// As an installation finds them that was there before: other rules of normalising, no mark.
#[tokio::test(flavor = "multi_thread")]
async fn people_of_an_older_version_are_indexed_anew_by_themselves() {
    let (app, officer) = schools("substring", "").await;
    let database = database(&app).await;
    blind_index::Entity::delete_many().exec(&database).await.unwrap();
    part_index::Entity::delete_many().exec(&database).await.unwrap();
    subject::Entity::update_many()
        .col_expr(subject::Column::IndexMark, Expr::value(0))
        .exec(&database)
        .await
        .unwrap();
    let answer = search(&officer, "EXACT", "email", "hana@example.jp").await;
    assert!(ids(&answer).is_empty());
    assert_eq!(answer["errors"][0]["extensions"]["code"], "INCOMPLETE", "{answer}");
    // One whose record was damaged does not hold up the others.
    let people = subject::Entity::find().all(&database).await.unwrap();
    let damaged = subject::Model { fields: people[1].fields.clone(), ..people[0].clone() };
    let (damaged, whose) = (damaged.external_id.clone(), damaged.into_active_model().reset_all());
    whose.update(&database).await.unwrap();
    let worked = app.run_jobs().await;
    assert_eq!((worked.failed, worked.deferred), (0, 0), "{worked:?}");
    let mut expected = vec!["A-1", "A-2", "A-3", "B-2"];
    expected.retain(|id| *id != damaged);
    assert_eq!(found(&officer, "SUBSTRING", "full_name", "水野").await, expected);
    let entries = audit_entry::Entity::find().all(&database).await.unwrap();
    let entry = entries.iter().find(|entry| entry.action == "search.reindex").expect("an entry");
    assert_eq!(entry.detail, r#"{"damaged":1,"people":5,"record_type":"applicant"}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_changes_nothing_about_search_asks_for_no_work() {
    let (app, officer) = schools("substring", "prefix").await;
    app.run_jobs().await;
    let jobs = |kind: &'static str| {
        let app = &app;
        async move {
            let jobs = entity::job::Entity::find().all(&database(app).await).await.unwrap();
            jobs.into_iter().filter(|job| job.kind == kind).count()
        }
    };
    assert_eq!(jobs("search.reindex").await, 0, "a first version has nobody to index");
    let text = std::fs::read_to_string(MANIFEST).unwrap();
    assert!(text.contains("Asia/Tokyo"));
    apply_system(&app).await;
    assert_eq!(jobs("search.reindex").await, 1);
    app.run_jobs().await;
    apply_system(&app).await;
    assert_eq!(jobs("search.reindex").await, 1);
    assert!(found(&officer, "EXACT", "email", "nobody@example.jp").await.is_empty());
}

/// The pieces are bounded and each is committed with its mark, so that a job goes on where it stood.
#[tokio::test(flavor = "multi_thread")]
async fn many_people_are_indexed_in_pieces() {
    let (app, officer) = schools("", "").await;
    for first in (0..1200).step_by(400) {
        let rows: Vec<Value> = (first..first + 400)
            .map(|n| {
                applicant(
                    n + 1,
                    "school-002",
                    &format!("C-{n}"),
                    &format!("山田 {n}"),
                    &format!("c{n}@example.jp"),
                )
            })
            .collect();
        assert_eq!(batch(&officer, json!({ "rows": rows })).await["rowsRefused"], 0);
    }
    app.run_jobs().await;
    apply(&app, "substring", "").await;
    let worked = app.run_jobs().await;
    // 1,205 people in pieces of 500, and a last look.
    assert_eq!((worked.steps, worked.done, worked.failed), (4, 1, 0));
    assert_eq!(found(&officer, "SUBSTRING", "full_name", "1199").await, ["C-1199"]);
    let entries = audit_entry::Entity::find().order_by_asc(audit_entry::Column::Seq);
    let entries = entries.all(&database(&app).await).await.unwrap();
    let pieces: Vec<_> = entries
        .iter()
        .filter(|entry| entry.action == "search.reindex")
        .map(|entry| entry.detail.as_str())
        .collect();
    insta::assert_snapshot!(pieces.join("\n"), @r#"
    {"damaged":0,"people":500,"record_type":"applicant"}
    {"damaged":0,"people":500,"record_type":"applicant"}
    {"damaged":0,"people":205,"record_type":"applicant"}
    "#);
}
