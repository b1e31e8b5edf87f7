//! Tenants' keys are replaced while the service works, and destroyed: what they sealed opens for nobody any more, from an old
//! backup neither.

use std::sync::atomic::{AtomicBool, Ordering};

use entity::{blind_index, captured_mail, part_index, subject, tenant_key};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseConnection, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
};
use serde_json::{Value, json};
use suimon::access::{Role, act_locally};
use suimon::app::App;
use suimon::entropy::Entropy;
use suimon::jobs::{Job, JobState};
use suimon::{background, vault};
use uuid::Uuid;

use crate::harness::{Member, TestApp, TestTenant, text};
use crate::key_rotation::{backup, reads, with_new_key};
use crate::search::{apply, found};
use crate::vault_support::{applicant, batch, database, run, search};

/// Longer than any wait of the job.
const LONG: i64 = 3600;

pub struct Scene {
    pub app: TestApp,
    pub officer: Member,
    pub school: TestTenant,
    pub tenant: Uuid,
}

impl Scene {
    /// A school with so many people, and a second one with one.
    pub async fn with(people: u32) -> Self {
        let app = TestApp::new().await;
        apply(&app, "substring", "prefix").await;
        let school = app.tenant("school-001").await;
        app.tenant("school-002").await;
        let officer = app.operator_member(Role::ComplianceOfficer).await;
        let admin = act_locally(&app.app, "admin").await.unwrap();
        let tenant = suimon::access::tenant_by_slug(&admin, "school-001").await.unwrap().id;
        let scene = Self { app, officer, school, tenant };
        scene.add(0..people).await;
        let other = json!([applicant(1, "school-002", "Z-1", "水野 空", "sora@example.jp")]);
        batch(&scene.officer, json!({ "rows": other })).await;
        scene
    }

    pub async fn add(&self, numbers: std::ops::Range<u32>) {
        let rows: Vec<Value> = numbers.map(person).collect();
        for rows in rows.chunks(500) {
            let answer = batch(&self.officer, json!({ "rows": rows })).await;
            assert_eq!(answer["rowsRefused"], 0, "{answer}");
        }
    }

    pub async fn database(&self) -> DatabaseConnection {
        database(&self.app).await
    }

    pub async fn rotate(&self, fields: bool) -> Job {
        let admin = act_locally(&self.app.app, "admin").await.unwrap();
        let jobs = vault::rotate_tenant_keys(&admin, Some(&[self.tenant]), fields).await.unwrap();
        let [job] = <[Job; 1]>::try_from(jobs).unwrap();
        job
    }

    pub async fn job(&self, job: &Job) -> Job {
        let admin = act_locally(&self.app.app, "admin").await.unwrap();
        suimon::jobs::job(&admin, job.tenant, job.id).await.unwrap()
    }

    /// Works until the job is over, through its waits.
    pub async fn work_off(&self, job: &Job) -> Job {
        for _ in 0..6 {
            self.app.run_jobs().await;
            let now = self.job(job).await;
            if matches!(now.state, JobState::Done | JobState::Failed) {
                return now;
            }
            self.app.clock.advance(LONG);
        }
        panic!("the job does not end: {:?}", self.job(job).await)
    }

    pub async fn keys(&self) -> Vec<(i32, String, bool)> {
        let rows = tenant_key::Entity::find()
            .filter(tenant_key::Column::TenantId.eq(self.tenant))
            .order_by_asc(tenant_key::Column::Version)
            .all(&self.database().await)
            .await
            .unwrap();
        rows.into_iter().map(|row| (row.version, row.state, row.wrapped.is_some())).collect()
    }

    pub async fn people(&self) -> Vec<subject::Model> {
        subject::Entity::find()
            .filter(subject::Column::TenantId.eq(self.tenant))
            .order_by_asc(subject::Column::ExternalId)
            .all(&self.database().await)
            .await
            .unwrap()
    }

    pub async fn index_rows(&self) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let database = self.database().await;
        let whole = blind_index::Entity::find().filter(blind_index::Column::TenantId.eq(self.tenant));
        let parts = part_index::Entity::find().filter(part_index::Column::TenantId.eq(self.tenant));
        (
            whole.all(&database).await.unwrap().into_iter().map(|row| row.digest).collect(),
            parts.all(&database).await.unwrap().into_iter().map(|row| row.digest).collect(),
        )
    }

    pub async fn finds(&self, number: u32) {
        let (id, mail) = (external(number), mail(number));
        assert_eq!(found(&self.officer, "EXACT", "email", &mail).await, [id.as_str()], "whole value");
        let name = name(number);
        assert_eq!(found(&self.officer, "SUBSTRING", "full_name", &name).await, [id.as_str()], "part");
    }
}

fn external(number: u32) -> String {
    format!("A-{number:05}")
}

pub fn mail(number: u32) -> String {
    format!("p{number}@example.jp")
}

/// Two characters that nobody else has.
fn name(number: u32) -> String {
    [0, 1].map(|more| char::from_u32(0x4E00 + 2 * number + more).unwrap()).into_iter().collect()
}

fn person(number: u32) -> Value {
    let name = format!("水野 {}", name(number));
    applicant(number % 500 + 1, "school-001", &external(number), &name, &mail(number))
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_moves_under_a_new_key_and_the_old_one_is_destroyed() {
    let scene = Scene::with(3).await;
    let (before, index) = (scene.people().await, scene.index_rows().await);
    let job = scene.rotate(false).await;
    scene.app.run_jobs().await;
    assert_eq!(
        scene.keys().await,
        [(1, "retired".into(), true), (2, "active".into(), true)],
        "both are there, nobody has moved"
    );
    scene.finds(1).await;
    // Who comes now comes under the new key, and is found beside those who wait under the old one.
    scene.add(3..4).await;
    scene.finds(3).await;
    let done = scene.work_off(&job).await;
    assert_eq!((done.state, done.done, done.total), (JobState::Done, 3, Some(3)), "{done:?}");
    assert_eq!(scene.keys().await, [(1, "destroyed".into(), false), (2, "active".into(), true)]);
    for number in 0..4 {
        scene.finds(number).await;
    }
    let after = scene.people().await;
    let digests = scene.index_rows().await;
    assert!(!index.0.is_empty() && !index.1.is_empty());
    assert!(index.0.iter().all(|old| !digests.0.contains(old)), "no digest of the old key is left");
    assert!(index.1.iter().all(|old| !digests.1.contains(old)), "no part's digest of the old key is left");
    for (old, new) in before.iter().zip(&after) {
        assert_eq!((new.key_version, &new.fields, new.updated_at), (2, &old.fields, old.updated_at));
        assert_ne!(old.wrapped_key, new.wrapped_key);
    }
    // The other school is as it was, and a rotation follows a rotation, now with all fields.
    let job = scene.rotate(true).await;
    let done = scene.work_off(&job).await;
    assert_eq!(done.state, JobState::Done, "{done:?}");
    for (old, new) in after.iter().zip(&scene.people().await) {
        assert_eq!(new.key_version, 3);
        assert_ne!(old.fields, new.fields, "sealed anew");
    }
    for number in 0..4 {
        scene.finds(number).await;
    }
    assert_eq!(found(&scene.officer, "EXACT", "email", "sora@example.jp").await, ["Z-1"]);
    let (_, status, _) = run(&scene.app, &["keys", "status"]);
    let school = status.lines().filter(|line| line.starts_with("school-001"));
    let school: Vec<String> =
        school.map(|line| line.split_whitespace().take(5).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        school,
        [
            "school-001 version 1 destroyed 0",
            "school-001 version 2 destroyed 0",
            "school-001 version 3 active 4"
        ]
        .map(str::to_owned)
    );
    for chain in scene.app.verify_audit().await {
        assert!(chain.faults.is_empty(), "{chain:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_writes_and_searches_go_on_meanwhile() {
    const PEOPLE: u32 = 1800;
    let scene = Scene::with(PEOPLE).await;
    let job = scene.rotate(true).await;
    scene.app.run_jobs().await;
    scene.app.clock.advance(LONG);
    let over = AtomicBool::new(false);
    let work = async {
        let done = scene.work_off(&job).await;
        over.store(true, Ordering::SeqCst);
        done
    };
    let look = async {
        let (mut looked, mut written, mut beside) = (0, PEOPLE, 0);
        while !over.load(Ordering::SeqCst) {
            // People of all pages, those at the borders too.
            scene.finds(looked * 37 % PEOPLE).await;
            let fresh = batch(&scene.officer, json!({ "rows": [person(written)] })).await;
            assert_eq!(fresh["rowsKept"], 1, "{fresh}");
            scene.finds(written).await;
            // A change of somebody who is being moved: sent again when the move was faster, as the answer says.
            let mut changed = person(looked * 53 % PEOPLE);
            changed["fields"][4]["value"] = json!(format!("090-0000-{:04}", looked));
            loop {
                let answer = batch(&scene.officer, json!({ "rows": [changed.clone()] })).await;
                match answer["code"].as_str() {
                    Some("CONFLICT") => continue,
                    _ => assert_eq!(answer["rowsRefused"], 0, "{answer}"),
                }
                break;
            }
            (looked, written) = (looked + 1, written + 1);
            beside += u32::from(!over.load(Ordering::SeqCst));
        }
        (written, beside)
    };
    let (done, (written, beside)) = tokio::join!(work, look);
    assert_eq!(done.state, JobState::Done, "{done:?}");
    // How many more there are is a matter of the machine.
    assert!(beside > 0, "no round ended before the job");
    assert_eq!(scene.keys().await, [(1, "destroyed".into(), false), (2, "active".into(), true)]);
    let people = scene.people().await;
    assert_eq!(people.len(), written as usize);
    assert!(people.iter().all(|row| row.key_version == 2));
    for number in (0..written).step_by(97) {
        scene.finds(number).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_that_breaks_off_anywhere_goes_on() {
    let scene = Scene::with(700).await;
    let job = scene.rotate(true).await;
    for milliseconds in [5, 20, 35, 50, 65, 80, 95, 110] {
        // The worker is dropped wherever it stands then; the next one takes over when the lease has ended.
        let worker = background::worker(scene.app.app.clone());
        let _ = tokio::time::timeout(std::time::Duration::from_millis(milliseconds), worker.run_due()).await;
        scene.app.clock.advance(LONG);
    }
    let done = scene.work_off(&job).await;
    assert_eq!((done.state, done.done), (JobState::Done, 700), "each person was moved once: {done:?}");
    assert_eq!(scene.keys().await, [(1, "destroyed".into(), false), (2, "active".into(), true)]);
    for number in [0, 299, 300, 301, 599, 600, 699] {
        scene.finds(number).await;
    }
}

/// Puts a person's row and keys of the old database into the present one, as somebody with both would.
async fn graft(scene: &Scene, old: &str, id: Uuid) {
    let (old, new) = (sea_orm::Database::connect(old).await.unwrap(), scene.database().await);
    let tenant = scene.tenant;
    let row = subject::Entity::find_by_id((tenant, id)).one(&old).await.unwrap().unwrap();
    subject::Entity::delete_by_id((tenant, id)).exec(&new).await.unwrap();
    subject::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(&new).await.unwrap();
    let digests = blind_index::Entity::find().filter(blind_index::Column::SubjectId.eq(id));
    for row in digests.all(&old).await.unwrap() {
        blind_index::Entity::insert(row.into_active_model().reset_all())
            .exec_without_returning(&new)
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_backup_does_not_bring_an_erased_person_back_by_the_present_keys() {
    let scene = Scene::with(2).await;
    let saved = backup(&scene.app).await;
    let id = text(&search(&scene.officer, "email", &mail(1)).await["data"]["searchSubjects"][0]["id"]);
    let row = scene.people().await[1].id;
    let erase = "mutation($id: ID!) { eraseSubject(id: $id, reason: \"request 1\") { __typename } }";
    scene.officer.gql_with(erase, json!({ "id": id })).await;
    let login = &scene.officer.login;
    assert_eq!(reads(&scene.app.app, login, &mail(1)).await, "nobody");

    // Control: while the tenant's key is that of the backup, the old row opens in the present database.
    graft(&scene, &saved, row).await;
    assert_eq!(reads(&scene.app.app, login, &mail(1)).await, mail(1));
    scene.officer.gql_with(erase, json!({ "id": id })).await;
    assert_eq!(reads(&scene.app.app, login, &mail(1)).await, "nobody");

    // The tenant's key is replaced, then the key-encryption key, and the old file is destroyed.
    let job = scene.rotate(false).await;
    assert_eq!(scene.work_off(&job).await.state, JobState::Done);
    let node =
        App::open(with_new_key(&scene.app, true), scene.app.clock.clone(), Entropy::seeded(9)).await.unwrap();
    let admin = act_locally(&node, "admin").await.unwrap();
    vault::rotate_kek(&admin).await.unwrap();
    background::worker(node.clone()).run_due().await.unwrap();
    vault::retire_kek(&admin, scene.app.app.master().id()).await.unwrap();
    std::fs::remove_file(&scene.app.app.config().keys.file).unwrap();
    drop(node);

    // With backup, present database and present key the person stays erased; who was not erased is there.
    graft(&scene, &saved, row).await;
    let alone =
        App::open(with_new_key(&scene.app, false), scene.app.clock.clone(), Entropy::seeded(10)).await;
    let alone = alone.unwrap();
    assert_eq!(reads(&alone, login, &mail(0)).await, mail(0));
    assert_eq!(
        reads(&alone, login, &mail(1)).await,
        "nobody",
        "the old digests belong to a key that is gone"
    );
    // The same with the old tenant key's row: its key-encryption key is gone.
    let old = sea_orm::Database::connect(&saved).await.unwrap();
    let key = tenant_key::Entity::find_by_id((scene.tenant, 1)).one(&old).await.unwrap().unwrap();
    let database = scene.database().await;
    tenant_key::Entity::delete_by_id((scene.tenant, 1)).exec(&database).await.unwrap();
    tenant_key::Entity::insert(key.into_active_model().reset_all())
        .exec_without_returning(&database)
        .await
        .unwrap();
    let op = act_locally(&alone, login).await.unwrap().for_purpose("a test").unwrap();
    let refused = vault::search_subjects(
        &op,
        "online-application",
        "applicant",
        "email",
        &mail(1),
        vault::SearchMode::Exact,
    )
    .await;
    assert!(refused.is_err(), "a key that does not open is an error, and shows nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_do_not_open_keep_the_old_key_until_they_are_gone() {
    let scene = Scene::with(3).await;
    let broken = scene.people().await[1].clone();
    let mut wrapped = broken.wrapped_key.clone().unwrap();
    *wrapped.last_mut().unwrap() ^= 1;
    let database = scene.database().await;
    subject::Entity::update_many()
        .col_expr(subject::Column::WrappedKey, sea_orm::sea_query::Expr::value(wrapped))
        .filter(subject::Column::Id.eq(broken.id))
        .exec(&database)
        .await
        .unwrap();
    let job = scene.rotate(false).await;
    let failed = scene.work_off(&job).await;
    assert_eq!(failed.state, JobState::Failed);
    insta::assert_snapshot!(failed.problem.unwrap(), @"records of people (1) do not open: the earlier key was not destroyed; restore them from a backup or erase them, then retry the job");
    assert_eq!(scene.keys().await, [(1, "retired".into(), true), (2, "active".into(), true)]);
    scene.finds(0).await;
    scene.finds(2).await;
    // Restored: the job goes on and ends.
    subject::Entity::update_many()
        .col_expr(
            subject::Column::WrappedKey,
            sea_orm::sea_query::Expr::value(broken.wrapped_key.clone().unwrap()),
        )
        .filter(subject::Column::Id.eq(broken.id))
        .exec(&database)
        .await
        .unwrap();
    let admin = act_locally(&scene.app.app, "admin").await.unwrap();
    suimon::jobs::retry(&admin, job.tenant, job.id).await.unwrap();
    assert_eq!(scene.work_off(&job).await.state, JobState::Done);
    assert_eq!(scene.keys().await, [(1, "destroyed".into(), false), (2, "active".into(), true)]);
    scene.finds(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_and_kept_batches_move_too() {
    let scene = Scene::with(1).await;
    let contact = "mutation($id: ID!) { setTenantContact(tenantId: $id, address: \"office@school.example\") { __typename } }";
    let answer = scene.app.admin().gql_with(contact, json!({ "id": scene.school.id })).await;
    assert_eq!(answer["data"]["setTenantContact"]["__typename"], "ContactSet", "{answer}");
    // An import by the school's own admin that counts as a whole and is not at its end.
    let importer = scene.app.member(&scene.school, Role::TenantAdmin).await;
    let rows = json!([person(7)]);
    let kept = batch(&importer, json!({ "rows": rows, "mode": "ALL_OR_NOTHING", "last": false })).await;
    let import = text(&kept["importId"]);
    let job = scene.rotate(false).await;
    let done = scene.work_off(&job).await;
    assert_eq!(done.state, JobState::Done, "{done:?}");
    let rows = json!([person(8)]);
    let last =
        batch(&importer, json!({ "rows": rows, "mode": "ALL_OR_NOTHING", "importId": import, "last": true }))
            .await;
    assert_eq!((&last["state"], &last["rowsKept"]), (&json!("DONE"), &json!(2)), "{last}");
    scene.finds(7).await;
    scene.finds(8).await;
    let admin = act_locally(&scene.app.app, "admin").await.unwrap();
    let scope = admin.permit_at(scene.tenant, suimon::access::Action::Update, "tenant").await.unwrap();
    let address = vault::open_tenant_contact(&scope, scene.tenant).await.unwrap().unwrap();
    assert_eq!(address.expose(), "office@school.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_a_tenant_whose_key_was_destroyed() {
    let scene = Scene::with(3).await;
    let saved = backup(&scene.app).await;
    let slip = run(
        &scene.app,
        &[
            "keys",
            "destroy",
            "--tenant",
            "school-001",
            "--reason",
            "contract ended",
            "--confirm",
            "school-002",
        ],
    );
    assert_eq!(slip.0, 2, "{slip:?}");
    insta::assert_snapshot!(slip.2.trim(), @"suimon: --confirm: is not the tenant's short name");
    scene.finds(1).await;
    let admin = act_locally(&scene.app.app, "admin").await.unwrap();
    let scope = admin.permit(suimon::access::Action::Rotate, "key").await.unwrap();
    let begun = vault::succeed(&scope, scene.tenant).await.unwrap();
    let destroyed = run(
        &scene.app,
        &[
            "keys",
            "destroy",
            "--tenant",
            "school-001",
            "--reason",
            "contract ended",
            "--confirm",
            "school-001",
        ],
    );
    assert_eq!(destroyed.0, 0, "{destroyed:?}");
    let login = &scene.officer.login;
    for number in 0..3 {
        assert_eq!(reads(&scene.app.app, login, &mail(number)).await, "nobody");
    }
    assert_eq!(
        reads(&scene.app.app, login, "sora@example.jp").await,
        "sora@example.jp",
        "others are as they were"
    );
    assert_eq!(scene.keys().await, [(1, "destroyed".into(), false)]);
    assert_eq!(scene.index_rows().await, (Vec::new(), Vec::new()));
    assert!(scene.people().await.iter().all(|row| row.fields.is_none() && row.erased_at.is_some()));
    let mails = captured_mail::Entity::find().all(&scene.database().await).await.unwrap();
    assert!(mails.is_empty());
    // It gets no new key, and nobody comes back by an import.
    let answer = batch(&scene.officer, json!({ "rows": [person(1)] })).await;
    assert_eq!(answer["problems"], json!([{ "line": 2, "reason": "the key of this tenant was destroyed" }]));
    // Nor by a file, in either way of importing one.
    let file = scene.app.folder().join("people.csv");
    let row = "school-001,A-000001,水野 空,ミズノ ソラ,sora@example.jp,2005-04-01,090-1234-5678";
    let head = "tenant,external_id,full_name,name_kana,email,date_of_birth,phone";
    std::fs::write(&file, format!("{head}\n{row}\n")).unwrap();
    for mode in ["all-or-nothing", "keep-good"] {
        let officer = act_locally(&scene.app.app, &scene.officer.login).await.unwrap();
        let imported = vault::ImportFile {
            path: file.clone(),
            kind: vault::FileKind::Csv,
            encoding: vault::Encoding::Utf8,
            system: crate::vault_support::SYSTEM.to_owned(),
            record_type: "applicant".to_owned(),
            mode: if mode == "keep-good" { vault::Mode::KeepGood } else { vault::Mode::AllOrNothing },
        };
        let report = vault::import_file(&officer, imported, &mut |_| {}).await.unwrap();
        let problem = report.problems.first().map(|problem| problem.reason.to_string());
        assert_eq!(problem.as_deref(), Some("the key of this tenant was destroyed"), "{mode}");
        assert_eq!((report.created, report.rows_refused), (0, 1), "{mode}");
    }
    let admin = act_locally(&scene.app.app, "admin").await.unwrap();
    let again = vault::rotate_tenant_keys(&admin, Some(&[scene.tenant]), false).await.unwrap_err();
    // Nor by a replacement that had begun before.
    let scope = admin.permit(suimon::access::Action::Rotate, "key").await.unwrap();
    let tx = scope.begin().await.unwrap();
    let late = begun.write(&tx).await.unwrap_err().to_string();
    insta::assert_snapshot!(late, @"the tenant's key was destroyed or replaced meanwhile");
    drop(tx);
    let again = again.to_string().replace(&scene.tenant.to_string(), "…");
    insta::assert_snapshot!(again, @"the tenant … has no key; a key is made with the first record; a destroyed one has no successor");
    // An old row in the present database opens for nobody: the key is gone here, and wrapped by the present key nowhere.
    let row = scene.people().await[1].id;
    graft(&scene, &saved, row).await;
    assert_eq!(reads(&scene.app.app, login, &mail(1)).await, "nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_operators_admins_replace_and_destroy_keys() {
    let scene = Scene::with(1).await;
    let rotate = "mutation($ids: [ID!]) { rotateTenantKeys(tenantIds: $ids) {
        ... on AskedJobs { jobs { kind state } } ... on Problem { code message remedy } } }";
    let destroy = "mutation($id: ID!) { destroyTenantData(tenantId: $id, reason: \"x\") {
        ... on DestroyedTenantData { tenantId } ... on Problem { code message remedy } } }";
    let school = &scene.school.id;
    for member in [&scene.officer, &scene.app.member(&scene.school, Role::TenantAdmin).await] {
        let answer = member.gql_with(rotate, json!({ "ids": [school] })).await;
        assert_ne!(answer["data"]["rotateTenantKeys"]["code"], Value::Null, "{answer}");
        let answer = member.gql_with(destroy, json!({ "id": school })).await;
        assert_ne!(answer["data"]["destroyTenantData"]["code"], Value::Null, "{answer}");
    }
    let answer = scene.app.admin().gql_with(rotate, json!({ "ids": [school] })).await;
    assert_eq!(
        answer["data"]["rotateTenantKeys"],
        json!({ "jobs": [{ "kind": "keys.rekey", "state": "QUEUED" }] })
    );
    let root = scene.app.operator().await.id;
    let answer = scene.app.admin().gql_with(destroy, json!({ "id": root })).await;
    let problem = json!({
        "code": "CONFLICT",
        "message": "the operator's own key cannot be destroyed",
        "remedy": "it seals what the service keeps for all tenants",
    });
    assert_eq!(answer["data"]["destroyTenantData"], problem);
}
