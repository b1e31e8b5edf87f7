//! Reading the audit log, handing it out, and proving a copy of it.

use entity::{audit_entry, audit_head};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, Database, DbBackend, EntityTrait, IntoActiveModel,
    QueryFilter,
};
use serde_json::{Value, json};
use suimon::access::Role;

use crate::harness::{Member, TestApp, text};
use crate::vault_support::{applicant, apply_system, batch, run, search};

const ENTRIES: &str = "query($tenant: ID!, $filter: AuditFilter, $first: Int, $after: String) {
    auditEntries(tenantId: $tenant, filter: $filter, first: $first, after: $after) {
      edges { node { seq actor action subjectId fields purpose allowed detail } }
      pageInfo { hasNextPage endCursor } } }";

const READ: &str = "query($id: ID!) { subject(id: $id, purpose: \"a question by phone\") {
    fields(names: [\"full_name\", \"email\"]) { __typename } } }";

struct School {
    app: TestApp,
    officer: Member,
    admin: Member,
    tenant: String,
    hana: String,
}

async fn school() -> School {
    let app = TestApp::new().await;
    apply_system(&app).await;
    let tenant = app.tenant("school-001").await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let rows = json!([
        applicant(1, "school-001", "A-1", "水野 花", "hana@example.jp"),
        applicant(2, "school-001", "A-2", "森 空", "sora@example.jp"),
    ]);
    assert_eq!(batch(&officer, json!({ "rows": rows })).await["state"], "DONE");
    let admin = app.member(&tenant, Role::TenantAdmin).await;
    let found = search(&officer, "email", "hana@example.jp").await;
    let hana = text(&found["data"]["searchSubjects"][0]["id"]);
    School { app, officer, admin, tenant: tenant.id, hana }
}

fn nodes(answer: &Value) -> Vec<Value> {
    let edges = answer["data"]["auditEntries"]["edges"].as_array().unwrap_or_else(|| panic!("{answer}"));
    edges.iter().map(|edge| edge["node"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_school_sees_who_read_the_data_of_one_person() {
    let school = school().await;
    let answer = school.officer.gql_with(READ, json!({ "id": school.hana })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    let variables = json!({ "tenant": school.tenant, "filter": { "subjectId": school.hana } });
    let answer = school.admin.gql_with(ENTRIES, variables.clone()).await;
    let read = nodes(&answer);
    let actions: Vec<_> = read.iter().map(|entry| text(&entry["action"])).collect();
    assert_eq!(actions, ["subject.read", "subject.read", "subject.found"], "the search shows fields, too");
    assert_eq!(read[0]["subjectId"], school.hana.as_str());
    assert_eq!(read[0]["fields"], json!(["full_name", "email"]));
    assert_eq!(read[0]["purpose"], "a question by phone");
    assert!(text(&read[0]["actor"]).starts_with("token:"), "{read:?}");
    assert!(!answer.to_string().contains("hana@"), "{answer}");
    // Whoever looks is seen, too.
    let again = nodes(&school.admin.gql_with(ENTRIES, variables).await);
    assert_eq!(text(&again[0]["action"]), "audit.read");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_come_in_pages_and_by_filter() {
    let school = school().await;
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let variables = json!({ "tenant": school.tenant, "first": 2, "after": after, "filter": { "before": "2024-01-01T00:00:00Z" } });
        let answer = school.admin.gql_with(ENTRIES, variables).await;
        seen.extend(nodes(&answer).iter().map(|entry| entry["seq"].as_i64().unwrap()));
        let page = &answer["data"]["auditEntries"]["pageInfo"];
        after = page["endCursor"].clone();
        if page["hasNextPage"] == false {
            break;
        }
    }
    let expected: Vec<i64> = (1..=seen[0]).rev().collect();
    assert_eq!(seen, expected, "every entry once, the newest first");
    let filter = json!({ "action": "subject.import" });
    let imported =
        nodes(&school.admin.gql_with(ENTRIES, json!({ "tenant": school.tenant, "filter": filter })).await);
    assert_eq!(imported.len(), 1);
    assert_eq!(imported[0]["detail"], json!({ "created": 2, "changed": 0 }));
    let filter = json!({ "from": "2024-01-01T00:00:00Z" });
    let later = school.admin.gql_with(ENTRIES, json!({ "tenant": school.tenant, "filter": filter })).await;
    assert!(nodes(&later).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn others_do_not_see_the_log() {
    let school = school().await;
    let other = school.app.tenant("school-002").await;
    let tenant = school.app.tenant("school-001").await;
    let code = async |member: &Member, variables: Value| {
        text(&member.gql_with(ENTRIES, variables).await["errors"][0]["extensions"]["code"])
    };
    let own = json!({ "tenant": school.tenant });
    let staff = school.app.member(&tenant, Role::TenantStaff).await;
    let operator = school.app.operator_member(Role::CallCentre).await;
    for member in [&staff, &operator] {
        assert_eq!(code(member, own.clone()).await, "FORBIDDEN", "{}", member.login);
    }
    let foreign = school.app.member(&other, Role::TenantAdmin).await;
    assert_eq!(code(&foreign, own).await, "NOT_FOUND");
    // The own tenant, but a person of another one.
    let mixed = json!({ "tenant": other.id, "filter": { "subjectId": school.hana } });
    assert_eq!(code(&foreign, mixed).await, "NOT_FOUND");
    assert_eq!(code(&school.app.admin(), json!({ "tenant": school.tenant })).await, "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_proves_itself_without_the_database() {
    let school = school().await;
    let auditor = school.app.operator_member(Role::Auditor).await;
    let file = school.app.folder().join("copy.jsonl");
    let path = file.display().to_string();
    let export = ["audit", "export", "--tenant", "school-001", "--output", &path, "--as", &auditor.login];
    let (code, out, error) = run(&school.app, &export);
    assert_eq!(code, 0, "{error}");
    let end = out.trim().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(end.len(), 64, "{out}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it tells who asked for whom and why");
    }
    // A second export does not overwrite the first one.
    let (code, _, error) = run(&school.app, &export);
    assert_eq!(code, 2);
    assert!(error.contains("cannot create"), "{error}");
    let copy = std::fs::read_to_string(&file).unwrap();
    assert!(!copy.contains("hana@"));

    let verify = |text: &str| {
        std::fs::write(&file, text).unwrap();
        run(&school.app, &["audit", "verify", "--copy", &path])
    };
    let (code, out, _) = verify(&copy);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains(&end), "{out}");

    let lines: Vec<&str> = copy.lines().collect();
    let (code, out, _) = verify(&copy.replacen("subject.found", "subject.other", 1));
    assert_eq!(code, 3);
    assert!(out.contains("was changed"), "{out}");
    let without = [&lines[..1], &lines[2..]].concat().join("\n");
    let (code, out, _) = verify(&without);
    assert_eq!(code, 3);
    assert!(out.contains("entry 3 does not follow"), "{out}");
    // A shorter copy is sound in itself; its end is another one.
    let (code, out, _) = verify(&lines[..lines.len() - 1].join("\n"));
    assert_eq!(code, 0);
    assert!(!out.contains(&end), "{out}");

    let (code, _, error) = verify(&format!("{}\nnonsense\n", lines[0]));
    assert_eq!(code, 2);
    assert!(error.contains("line 2 is no entry of an exported audit log"), "{error}");
    let (code, _, error) = verify("");
    assert_eq!((code, error.contains("the copy is empty")), (2, true), "{error}");
    assert!(school.app.verify_audit().await.iter().all(|chain| chain.faults.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_may_export_do() {
    let school = school().await;
    let path = school.app.folder().join("copy.jsonl").display().to_string();
    let export =
        ["audit", "export", "--tenant", "school-001", "--output", &path, "--as", &school.officer.login];
    let (code, _, error) = run(&school.app, &export);
    assert_ne!(code, 0);
    assert!(error.contains("not allowed: export on audit"), "{error}");
    assert!(!std::path::Path::new(&path).exists(), "half a copy is none");
}

/// Checkpoints that are kept elsewhere convict even somebody who holds database and keys.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_proves_a_copy_one_entry_and_the_database() {
    let school = school().await;
    let auditor = school.app.operator_member(Role::Auditor).await;
    let folder = school.app.folder().to_owned();
    let path = |name: &str| folder.join(name).display().to_string();
    let whose = ["--tenant", "school-001", "--as", &auditor.login];
    let ok = |app: &TestApp, arguments: &[&str]| {
        let (code, out, error) = run(app, arguments);
        assert_eq!(code, 0, "{arguments:?}: {out}{error}");
        out
    };
    let database = Database::connect(school.app.owner_url()).await.unwrap();
    let heads = audit_head::Entity::find().all(&database).await.unwrap();
    let key = ok(&school.app, &[&["audit", "key"], &whose[..]].concat()).trim().to_owned();
    let note = ok(&school.app, &[&["audit", "checkpoint"], &whose[..]].concat());
    assert_eq!(note.lines().count(), 5, "{note}");
    std::fs::write(path("note"), &note).unwrap();
    let (copy, sealed) = (path("copy.jsonl"), path("note"));
    ok(&school.app, &[&["audit", "export", "--output", &copy], &whose[..]].concat());

    let with = ["--checkpoint", &sealed, "--key", &key];
    let out = ok(&school.app, &[&["audit", "verify", "--copy", &copy], &with[..]].concat());
    assert!(out.contains("are those that the checkpoint seals"), "{out}");
    let out = ok(&school.app, &["audit", "verify", "--checkpoint", &sealed]);
    assert!(out.contains("the audit log is sound"), "{out}");

    // One entry, without the others.
    let proof =
        ok(&school.app, &["audit", "prove", "--copy", &copy, "--checkpoint", &sealed, "--entry", "2"]);
    std::fs::write(path("proof"), &proof).unwrap();
    let out = ok(&school.app, &["audit", "verify", "--proof", &path("proof"), "--key", &key]);
    assert!(out.starts_with("proven: entry 2 of "), "{out}");
    let changed = proof.replacen("\"actor\": \"", "\"actor\": \"x", 1);
    assert_ne!(changed, proof);
    std::fs::write(path("proof"), changed).unwrap();
    let (code, out, _) = run(&school.app, &["audit", "verify", "--proof", &path("proof"), "--key", &key]);
    assert_eq!(
        (code, out.trim()),
        (3, "NOT PROVEN: the checkpoint is of another log, or the copy was changed")
    );

    // A copy that ends before the checkpoint, and a checkpoint that somebody else wrote.
    let lines: Vec<String> = std::fs::read_to_string(&copy).unwrap().lines().map(str::to_owned).collect();
    std::fs::write(path("short"), format!("{}\n", lines[..2].join("\n"))).unwrap();
    let (code, out, _) =
        run(&school.app, &[&["audit", "verify", "--copy", &path("short")], &with[..]].concat());
    assert_eq!(code, 3);
    assert!(out.contains("entry 2 is the end, but the checkpoint sealed more"), "{out}");
    std::fs::write(path("forged"), note.replacen("suimon/audit/", "suimon/audit/0", 1)).unwrap();
    let forged = ["--checkpoint", &path("forged"), "--key", &key];
    let (code, _, error) = run(&school.app, &[&["audit", "verify", "--copy", &copy], &forged[..]].concat());
    assert_eq!(code, 2);
    assert!(error.contains("its signature is wrong: the note was changed"), "{error}");

    // Somebody puts the database back to where it was: heads and entries agree, only the checkpoint tells.
    let note = ok(&school.app, &[&["audit", "checkpoint"], &whose[..]].concat());
    std::fs::write(&sealed, note).unwrap();
    put_back(&school.app, heads).await;
    let (code, out, _) = run(&school.app, &["audit", "verify"]);
    assert_eq!(code, 0, "without a checkpoint it is not seen: {out}");
    let (code, out, _) = run(&school.app, &["audit", "verify", "--checkpoint", &sealed]);
    assert_eq!(code, 3);
    assert!(out.contains("the checkpoint sealed more: entries were cut off"), "{out}");
}

/// Cuts every chain where it ended once, and puts the heads of that time back. Without a checkpoint nothing shows it.
async fn put_back(app: &TestApp, heads: Vec<audit_head::Model>) {
    let database = Database::connect(app.owner_url()).await.unwrap();
    match database.get_database_backend() {
        DbBackend::Postgres => {
            database.execute_unprepared("ALTER TABLE audit_entry DISABLE TRIGGER ALL").await.unwrap();
        }
        _ => {
            database.execute_unprepared("DROP TRIGGER audit_entry_append_only_DELETE").await.unwrap();
        }
    }
    for head in heads {
        audit_entry::Entity::delete_many()
            .filter(audit_entry::Column::TenantId.eq(head.tenant_id))
            .filter(audit_entry::Column::Seq.gt(head.seq))
            .exec(&database)
            .await
            .unwrap();
        head.into_active_model().reset_all().update(&database).await.unwrap();
    }
}
