//! A log that is trimmed: one school with one person, archives, and the program with the settings of the service.

use std::path::{Path, PathBuf};

use entity::audit_entry;
use sea_orm::{ColumnTrait, Database, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;
use suimon::access::{Role, act_locally};
use suimon::audit::FaultKind;
use uuid::Uuid;

use crate::harness::{Member, TestApp, TestTenant, text};
use crate::vault_support::{applicant, apply_system, batch, run, search};

pub const DAY: i64 = 24 * 3600;
const READ: &str =
    "query($id: ID!) { subject(id: $id, purpose: \"a call\") { fields(names: [\"email\"]) { __typename } } }";
const FINDINGS: &str = "{ findings { nodes { system summary } } }";
pub const ENTRIES: &str = "query($t: ID!, $f: AuditFilter) { auditEntries(tenantId: $t, filter: $f) {
    nodes { seq action purpose } archives { fromSeq toSeq latest file } } }";

/// A school with one person, whose data was read on the first day; the log is kept ten days.
pub struct Scene {
    pub app: TestApp,
    pub archives: PathBuf,
    pub school: TestTenant,
    pub officer: Member,
    pub head: Member,
    pub auditor: Member,
    pub hana: String,
    _folder: tempfile::TempDir,
}

impl Scene {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let archives = folder.path().join("archives");
        let app = TestApp::with(&[
            "audit.keep_days=10",
            &format!("audit.archive_folder={}", archives.display()),
            // Its own schedule would only repeat what is tested here.
            "audit.verify_hours=0",
        ])
        .await;
        apply_system(&app).await;
        let school = app.tenant("school-001").await;
        let officer = app.operator_member(Role::ComplianceOfficer).await;
        let rows = json!([applicant(1, "school-001", "A-1", "水野 花", "hana@example.jp")]);
        assert_eq!(batch(&officer, json!({ "rows": rows })).await["state"], "DONE");
        let head = app.member(&school, Role::TenantAdmin).await;
        let auditor = app.operator_member(Role::Auditor).await;
        let found = search(&officer, "email", "hana@example.jp").await;
        let hana = text(&found["data"]["searchSubjects"][0]["id"]);
        Self { app, archives, school, officer, head, auditor, hana, _folder: folder }
    }

    pub async fn read(&self) {
        let answer = self.officer.gql_with(READ, json!({ "id": self.hana })).await;
        assert!(answer["errors"].is_null(), "{answer}");
    }

    /// Everything that is due, now and after so many days.
    pub async fn after_days(&self, days: i64) {
        self.app.clock.advance(days * DAY);
        let worked = self.app.run_jobs().await;
        assert_eq!((worked.failed, worked.deferred), (0, 0), "{worked:?}");
    }

    pub async fn tenant(&self) -> Uuid {
        let op = act_locally(&self.app.app, "admin").await.unwrap();
        suimon::access::tenant_by_slug(&op, &self.school.slug).await.unwrap().id
    }

    pub async fn database(&self) -> DatabaseConnection {
        Database::connect(self.app.owner_url()).await.unwrap()
    }

    pub async fn entries(&self) -> Vec<audit_entry::Model> {
        let of = audit_entry::Entity::find().filter(audit_entry::Column::TenantId.eq(self.tenant().await));
        of.order_by_asc(audit_entry::Column::Seq).all(&self.database().await).await.unwrap()
    }

    /// The archives of the school, the oldest first.
    pub async fn files(&self) -> Vec<PathBuf> {
        files(&self.archives.join(self.tenant().await.to_string()))
    }

    /// The program, with the same settings as the service.
    pub fn suimon(&self, arguments: &[&str]) -> (i32, String, String) {
        let folder = format!("audit.archive_folder={}", self.archives.display());
        run(&self.app, &[arguments, &["--set", "audit.keep_days=10", "--set", &folder]].concat())
    }

    pub fn ok(&self, arguments: &[&str]) -> String {
        let (code, out, error) = self.suimon(arguments);
        assert_eq!(code, 0, "{arguments:?}: {out}{error}");
        out
    }

    pub fn path(&self, name: &str) -> String {
        self.app.folder().join(name).display().to_string()
    }

    pub async fn findings(&self) -> Vec<String> {
        let answer = self.officer.gql(FINDINGS).await;
        let nodes = answer["data"]["findings"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"));
        nodes.iter().map(|finding| text(&finding["summary"])).collect()
    }

    pub async fn faults(&self) -> Vec<FaultKind> {
        let reports = self.app.verify_audit().await;
        reports.into_iter().flat_map(|report| report.faults).map(|fault| fault.kind).collect()
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

pub fn show(path: &Path) -> String {
    path.display().to_string()
}
