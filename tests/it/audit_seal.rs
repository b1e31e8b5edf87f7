//! Checkpoints by themselves, and proofs that one continues another.

use std::collections::BTreeMap;

use entity::{audit_checkpoint, audit_head};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, Database, DbBackend, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder,
};
use serde_json::json;
use suimon::access::{Action, Role, act_locally};
use suimon::audit::Event;

use crate::harness::{TestApp, text};
use crate::vault_support::run;

const FINDINGS: &str = "{ findings { nodes { system source summary } } }";

fn ok(app: &TestApp, arguments: &[&str]) -> String {
    let (code, out, error) = run(app, arguments);
    assert_eq!(code, 0, "{arguments:?}: {out}{error}");
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn chains_that_grew_are_sealed_by_themselves_inside_and_outside() {
    let outside = tempfile::tempdir().unwrap();
    let folder = format!("audit.checkpoint_folder={}", outside.path().display());
    let app = TestApp::with(&[&folder]).await;
    let school = app.tenant("school-001").await;
    app.member(&school, Role::TenantAdmin).await;
    let auditor = app.operator_member(Role::Auditor).await;
    let worked = app.run_jobs().await;
    assert_eq!((worked.failed, worked.deferred), (0, 0));
    // Again after an hour: the school's chain has not grown.
    app.clock.advance(3601);
    app.run_jobs().await;
    let query = "query($t: ID!) { auditCheckpoints(tenantId: $t) { nodes { entries at note } } }";
    let answer = auditor.gql_with(query, json!({ "t": school.id })).await;
    let nodes = answer["data"]["auditCheckpoints"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(nodes.len(), 1, "{answer}");
    let operator = app.operator().await;
    let answer = auditor.gql_with(query, json!({ "t": operator.id })).await;
    assert_eq!(answer["data"]["auditCheckpoints"]["nodes"].as_array().unwrap().len(), 2, "{answer}");
    let foreign = app.tenant("school-002").await;
    let foreign = app.member(&foreign, Role::TenantAdmin).await;
    let answer = foreign.gql_with(query, json!({ "t": school.id })).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");

    // What lies outside is what is stored, and proves the database and a copy.
    let database = Database::connect(app.owner_url()).await.unwrap();
    let rows = audit_checkpoint::Entity::find()
        .order_by_asc(audit_checkpoint::Column::Size)
        .all(&database)
        .await
        .unwrap();
    for row in &rows {
        let path = outside.path().join(row.tenant_id.to_string()).join(format!("{:020}.note", row.size));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), row.note);
        ok(&app, &["audit", "verify", "--checkpoint", &path.display().to_string()]);
    }
    let root = app.app.root().unwrap();
    let own: Vec<_> = rows.iter().filter(|row| row.tenant_id == root).collect();
    let path = |name: &str| app.folder().join(name).display().to_string();
    let (older, newer, copy, proof) = (path("older"), path("newer"), path("copy.jsonl"), path("proof"));
    std::fs::write(&older, &own[0].note).unwrap();
    std::fs::write(&newer, &own[1].note).unwrap();
    ok(&app, &["audit", "export", "--output", &copy, "--as", &auditor.login]);
    let key = ok(&app, &["audit", "key", "--as", &auditor.login]).trim().to_owned();
    assert_eq!(ok(&app, &["audit", "checkpoints", "--as", &auditor.login]), own[1].note);
    let proven = ok(&app, &["audit", "prove", "--copy", &copy, "--from", &older, "--to", &newer]);
    std::fs::write(&proof, &proven).unwrap();
    let out = ok(&app, &["audit", "verify", "--proof", &proof, "--key", &key]);
    let expected =
        format!("the {} entries of the older checkpoint are the first of the {}", own[0].size, own[1].size);
    assert!(out.contains(&expected), "{out}");
    // A hash changed, the two exchanged, another key.
    let at = proven.find("\"path\"").unwrap() + 20;
    let mut changed = proven.clone().into_bytes();
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    std::fs::write(&proof, changed).unwrap();
    let (code, out, _) = run(&app, &["audit", "verify", "--proof", &proof, "--key", &key]);
    assert_eq!(code, 3, "{out}");
    let (code, _, error) = run(&app, &["audit", "prove", "--copy", &copy, "--from", &newer, "--to", &older]);
    assert_eq!((code, error.contains("give the older checkpoint first")), (2, true), "{error}");
    std::fs::write(&proof, &proven).unwrap();
    let other = ok(&app, &["audit", "key", "--tenant", "school-001", "--as", &auditor.login]);
    let (code, out, _) = run(&app, &["audit", "verify", "--proof", &proof, "--key", other.trim()]);
    assert_eq!(code, 3, "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_chain_is_not_sealed_and_raises_an_alarm_once() {
    let mut app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    app.run_jobs().await;
    let database = Database::connect(app.owner_url()).await.unwrap();
    let sealed = || async { audit_checkpoint::Entity::find().all(&database).await.unwrap().len() };
    let before = sealed().await;
    assert_eq!(before, 1);
    let root = app.app.root().unwrap();
    app.clock.advance(3601);
    app.damaged = true;
    // An entry behind the checkpoint is changed.
    let size = audit_checkpoint::Entity::find().one(&database).await.unwrap().unwrap().size;
    match database.get_database_backend() {
        DbBackend::Postgres => {
            database.execute_unprepared("ALTER TABLE audit_entry DISABLE TRIGGER ALL").await.unwrap()
        }
        _ => database.execute_unprepared("DROP TRIGGER audit_entry_append_only_UPDATE").await.unwrap(),
    };
    entity::audit_entry::Entity::update_many()
        .col_expr(entity::audit_entry::Column::Action, "nothing.happened".into())
        .filter(entity::audit_entry::Column::TenantId.eq(root))
        .filter(entity::audit_entry::Column::Seq.eq(size + 1))
        .exec(&database)
        .await
        .unwrap();
    for _ in 0..2 {
        app.run_jobs().await;
        app.clock.advance(3601);
    }
    assert_eq!(sealed().await, before, "what is damaged is not sealed");
    let answer = officer.gql(FINDINGS).await;
    let found = answer["data"]["findings"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(found.len(), 1, "one alarm, not one an hour: {answer}");
    assert_eq!((&found[0]["system"], &found[0]["source"]), (&json!("suimon"), &json!("CHECK")));
    let summary = text(&found[0]["summary"]);
    assert!(summary.contains(&format!("changed at entry {}", size + 1)), "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_log_is_verified_by_schedule_and_forged_checkpoints_are_seen() {
    let mut app = TestApp::with(&["audit.checkpoint_minutes=0"]).await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    app.run_jobs().await;
    assert_eq!(officer.gql(FINDINGS).await["data"]["findings"]["nodes"], json!([]));
    let database = Database::connect(app.owner_url()).await.unwrap();
    let forged = audit_checkpoint::Model {
        tenant_id: app.app.root().unwrap(),
        size: 1,
        at: 0,
        note: "suimon/audit/x\n1\nAAAA\n\n— suimon/audit/x AAAA\n".into(),
        tree: vec![0; 32],
    };
    audit_checkpoint::Entity::insert(forged.into_active_model().reset_all())
        .exec_without_returning(&database)
        .await
        .unwrap();
    app.clock.advance(24 * 3600 + 1);
    app.run_jobs().await;
    app.damaged = true;
    let answer = officer.gql(FINDINGS).await;
    assert!(
        text(&answer["data"]["findings"]["nodes"][0]["summary"]).contains("forged_checkpoint"),
        "{answer}"
    );
    // And nobody takes it away again through the service's own connection.
    let gone = audit_checkpoint::Entity::delete_many().exec(&database).await;
    assert!(gone.unwrap_err().to_string().contains("append-only"));
}

/// Cutting the end off by moving the head back must not become good by the next entry.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_head_is_never_authenticated_by_what_comes_after() {
    let mut app = TestApp::new().await;
    let (one, two) = (app.tenant("school-001").await, app.tenant("school-002").await);
    let (member, other) =
        (app.member(&one, Role::TenantAdmin).await, app.member(&two, Role::TenantAdmin).await);
    let database = Database::connect(app.owner_url()).await.unwrap();
    let root = app.app.root().unwrap();
    let heads = audit_head::Entity::find()
        .filter(audit_head::Column::TenantId.ne(root))
        .all(&database)
        .await
        .unwrap();
    let answer = member.gql("{ viewer { tenant { id } } }").await;
    assert_eq!(answer["data"]["viewer"]["tenant"]["id"], one.id.as_str());
    let mut forged = heads.iter().find(|head| global(head.tenant_id) == one.id).expect("a head").clone();
    assert!(forged.seq > 1);
    let before = entity::audit_entry::Entity::find_by_id((forged.tenant_id, forged.seq - 1));
    let before = before.one(&database).await.unwrap().unwrap();
    let damaged_tenant = forged.tenant_id;
    (forged.seq, forged.hash) = (before.seq, before.hash);
    forged.into_active_model().reset_all().update(&database).await.unwrap();
    app.damaged = true;
    let read = |member: crate::harness::Member, tenant: String| async move {
        member
            .gql_with(
                "query($t: ID!) { auditEntries(tenantId: $t) { nodes { seq } } }",
                json!({ "t": tenant }),
            )
            .await
    };
    // Both at once: the damage of one school is not the other's.
    let (answer, good) = tokio::join!(read(member, one.id.clone()), read(other, two.id.clone()));
    assert_eq!(answer["errors"][0]["message"], "internal error", "{answer}");
    assert!(good["errors"].is_null(), "{good}");
    // One request for both chains: who asks is refused, and what the sound chain was told stays told.
    let op = act_locally(&app.app, "admin").await.unwrap();
    let scope = op.permit(Action::Create, "job").await.unwrap();
    let event = || vec![Event::new("test.both", "test")];
    let refused = scope.record_each(BTreeMap::from([(root, event()), (damaged_tenant, event())])).await;
    assert!(refused.is_err());
    let told = entity::audit_entry::Entity::find()
        .filter(entity::audit_entry::Column::Action.eq("test.both"))
        .all(&database)
        .await
        .unwrap();
    assert_eq!(told.iter().map(|entry| entry.tenant_id).collect::<Vec<_>>(), [root]);
    let reports = app.verify_audit().await;
    let damaged: Vec<_> = reports.iter().filter(|report| !report.faults.is_empty()).collect();
    assert_eq!(damaged.len(), 1, "{reports:?}");
    assert_eq!(serde_json::to_value(&damaged[0].faults).unwrap()[0]["kind"], "forged_head");
}

fn global(tenant: uuid::Uuid) -> String {
    crate::notices::fixture::global("Tenant", tenant, tenant)
}
