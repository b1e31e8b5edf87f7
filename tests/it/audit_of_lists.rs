//! An entry that is about several people is found by each of them, is proven like any other, and leaves like any other.

use entity::{audit_entry_subject, subject};
use sea_orm::{
    ConnectionTrait, Database, DatabaseConnection, DbBackend, EntityTrait, PaginatorTrait, QueryOrder,
};
use serde_json::{Value, json};
use suimon::access::Role;
use suimon::audit::FaultKind;

use crate::audit_trim_scene::{DAY, Scene};
use crate::harness::{Member, TestApp, TestTenant, text};
use crate::vault_support::{applicant, apply_system, batch};

const LIST: &str = "query($id: ID!) { subjects(tenantId: $id, purpose: \"a check\") { nodes { id
    fields(names: [\"email\"]) { __typename } } } }";
const ABOUT: &str = "query($t: ID!, $s: ID!) { auditEntries(tenantId: $t, filter: { subjectId: $s, action: \"subject.read\" }) {
    nodes { seq subjectId subjectIds } } }";
const EXPORT: &str = "mutation($id: ID!) { exportSubject(id: $id, purpose: \"a request\") {
    ... on SubjectExport { json } ... on Problem { code message } } }";

struct School {
    app: TestApp,
    tenant: TestTenant,
    head: Member,
    /// As the list gives them, in the order of their ids.
    people: Vec<String>,
}

/// Three people, who were read as one list.
async fn school() -> School {
    let app = TestApp::new().await;
    apply_system(&app).await;
    let tenant = app.tenant("school-001").await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let rows = json!([
        applicant(1, "school-001", "A-1", "水野 花", "hana@example.jp"),
        applicant(2, "school-001", "A-2", "水野 空", "sora@example.jp"),
        applicant(3, "school-001", "A-3", "水野 海", "umi@example.jp"),
    ]);
    assert_eq!(batch(&officer, json!({ "rows": rows })).await["rowsKept"], 3);
    let head = app.member(&tenant, Role::TenantAdmin).await;
    let answer = officer.gql_with(LIST, json!({ "id": tenant.id })).await;
    let nodes = answer["data"]["subjects"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let people = nodes.iter().map(|person| text(&person["id"])).collect();
    School { app, tenant, head, people }
}

impl School {
    async fn reads_of(&self, person: &str) -> Vec<Value> {
        let answer = self.head.gql_with(ABOUT, json!({ "t": self.tenant.id, "s": person })).await;
        answer["data"]["auditEntries"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
    }

    async fn faults(&self) -> Vec<FaultKind> {
        let reports = self.app.verify_audit().await;
        reports.into_iter().flat_map(|report| report.faults).map(|fault| fault.kind).collect()
    }

    /// Somebody with the owner's access to the database, who switches the triggers off first.
    async fn hostile(&mut self) -> DatabaseConnection {
        self.app.damaged = true;
        let database = Database::connect(self.app.owner_url()).await.unwrap();
        let off = match database.get_database_backend() {
            DbBackend::Postgres => "ALTER TABLE audit_entry_subject DISABLE TRIGGER ALL",
            _ => "DROP TRIGGER audit_entry_subject_append_only_DELETE",
        };
        database.execute_unprepared(off).await.unwrap();
        database
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_person_of_a_list_finds_its_read_and_nobody_else_s() {
    let school = school().await;
    let mut numbers = Vec::new();
    for person in &school.people {
        let reads = school.reads_of(person).await;
        assert_eq!(reads.len(), 1, "{reads:?}");
        assert_eq!(reads[0]["subjectId"], json!(person));
        assert_eq!(reads[0]["subjectIds"], json!(school.people));
        numbers.push(reads[0]["seq"].clone());
    }
    numbers.dedup();
    assert_eq!(numbers.len(), 1, "one entry for the whole list");
    // A shorter list is not about those whom it left out.
    let officer = school.app.operator_member(Role::ComplianceOfficer).await;
    let two = LIST.replace("purpose:", "first: 2, purpose:");
    let answer = officer.gql_with(&two, json!({ "id": school.tenant.id })).await;
    assert_eq!(answer["data"]["subjects"]["nodes"].as_array().map(Vec::len), Some(2), "{answer}");
    assert_eq!(school.reads_of(&school.people[0]).await.len(), 2);
    assert_eq!(school.reads_of(&school.people[2]).await.len(), 1);
    // What a person is told of the own data says nothing of the others.
    let answer = school.head.gql_with(EXPORT, json!({ "id": school.people[1] })).await;
    let reads = answer["data"]["exportSubject"]["json"]["reads"].to_string();
    assert!(reads.contains("a check"), "{answer}");
    assert!(![0, 2].iter().any(|other| answer.to_string().contains(&school.people[*other])), "{answer}");
    let people = subject::Entity::find().order_by_asc(subject::Column::Id);
    let people = people.all(&Database::connect(school.app.owner_url()).await.unwrap()).await.unwrap();
    let named: Vec<bool> =
        people.iter().map(|person| answer.to_string().contains(&person.id.to_string())).collect();
    assert!(!named[0] && !named[2], "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_beside_an_entry_are_append_only() {
    let school = school().await;
    let database = Database::connect(school.app.owner_url()).await.unwrap();
    for sql in ["DELETE FROM audit_entry_subject", "UPDATE audit_entry_subject SET seq = seq + 1"] {
        let error = database.execute_unprepared(sql).await.unwrap_err().to_string();
        assert!(error.contains("table audit_entry_subject is append-only"), "{sql}: {error}");
    }
    if database.get_database_backend() == DbBackend::Postgres {
        let service = Database::connect(school.app.database_url()).await.unwrap();
        assert_eq!(audit_entry_subject::Entity::find().count(&service).await.unwrap(), 0, "behind the wall");
        let error = service.execute_unprepared("DELETE FROM audit_entry_subject").await.unwrap_err();
        assert!(error.to_string().contains("permission denied"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_no_longer_found_is_damage() {
    let mut school = school().await;
    assert!(school.faults().await.is_empty());
    let database = school.hostile().await;
    let rows = audit_entry_subject::Entity::find().all(&database).await.unwrap();
    assert_eq!(rows.len(), 3);
    audit_entry_subject::Entity::delete_by_id((rows[0].tenant_id, rows[0].subject, rows[0].seq))
        .exec(&database)
        .await
        .unwrap();
    assert_eq!(school.faults().await, [FaultKind::Unlisted]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whom_the_entry_does_not_name_is_not_shown_it() {
    let school = school().await;
    let database = Database::connect(school.app.owner_url()).await.unwrap();
    let rows = audit_entry_subject::Entity::find().all(&database).await.unwrap();
    // The number of an entry about something else, put beside a person.
    let (tenant, person, seq) = (rows[0].tenant_id, rows[0].subject, 1);
    let row = format!(
        "INSERT INTO audit_entry_subject (tenant_id, subject, seq) SELECT tenant_id, subject, {seq} FROM audit_entry_subject"
    );
    database.execute_unprepared(&row).await.unwrap();
    let planted =
        audit_entry_subject::Entity::find_by_id((tenant, person, seq)).one(&database).await.unwrap();
    assert!(planted.is_some());
    // And far more of them than a page has, newer than the real one: numbers of entries about others, and of some to come.
    for _ in 0..30 {
        let log = "query($t: ID!) { auditEntries(tenantId: $t) { nodes { seq } } }";
        let answer = school.head.gql_with(log, json!({ "t": school.tenant.id })).await;
        assert!(answer["errors"].is_null(), "{answer}");
    }
    let real = rows[0].seq;
    for seq in real + 1..real + 60 {
        let row = format!(
            "INSERT INTO audit_entry_subject (tenant_id, subject, seq)
             SELECT tenant_id, subject, {seq} FROM audit_entry_subject WHERE seq = {real}"
        );
        database.execute_unprepared(&row).await.unwrap();
    }
    for person in &school.people {
        let answer = school
            .head
            .gql_with(
                "query($t: ID!, $s: ID!) { auditEntries(tenantId: $t, first: 5,
                   filter: { subjectId: $s, action: \"subject.read\" }) { nodes { seq } } }",
                json!({ "t": school.tenant.id, "s": person }),
            )
            .await;
        let nodes = answer["data"]["auditEntries"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"));
        assert_eq!(nodes, &[json!({ "seq": real })], "the real one is not crowded out");
    }
    // Nor does a planted row keep the next list from being recorded.
    let officer = school.app.operator_member(Role::ComplianceOfficer).await;
    let answer = officer.gql_with(LIST, json!({ "id": school.tenant.id })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    assert_eq!(school.reads_of(&school.people[0]).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_leave_with_their_entries_and_the_archive_names_the_people() {
    let scene = Scene::new().await;
    let rows = json!([applicant(1, "school-001", "A-2", "水野 空", "sora@example.jp")]);
    assert_eq!(batch(&scene.officer, json!({ "rows": rows })).await["state"], "DONE");
    let list = async || {
        let answer = scene.officer.gql_with(LIST, json!({ "id": scene.school.id })).await;
        assert_eq!(answer["data"]["subjects"]["nodes"].as_array().map(Vec::len), Some(2), "{answer}");
    };
    list().await;
    scene.after_days(0).await;
    scene.app.clock.advance(9 * DAY);
    list().await;
    let database = scene.database().await;
    assert_eq!(audit_entry_subject::Entity::find().count(&database).await.unwrap(), 4);
    scene.after_days(2).await;
    assert_eq!(audit_entry_subject::Entity::find().count(&database).await.unwrap(), 2, "of the later list");
    assert!(scene.faults().await.is_empty());
    let files = scene.files().await;
    let archive = std::fs::read_to_string(&files[0]).unwrap();
    let line = archive.lines().find(|line| line.contains("\"subjects:applicant\"")).expect("the list");
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(text(&line["subjects"]).split(' ').count(), 2, "{line}");
    // The copy proves whom the entry names.
    let path = files[0].display().to_string();
    let out = scene.ok(&["audit", "verify", "--copy", &path]);
    let forged = scene.path("forged.jsonl");
    let (first, _) =
        text(&line["subjects"]).split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    std::fs::write(&forged, archive.replace(&format!("{first} "), "")).unwrap();
    let (code, forged, _) = scene.suimon(&["audit", "verify", "--copy", &forged]);
    assert_eq!((code, forged.contains("was changed")), (3, true), "{out}{forged}");
}
