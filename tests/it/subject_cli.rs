//! The document for a person, by the command line.

use entity::audit_entry;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::Value;
use suimon::access::Role;

use crate::harness::TestApp;
use crate::notices::fixture::Fixture;
use crate::vault_support::run;

fn arguments<'a>(person: &'a str, login: &'a str, file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let whom = ["subject", "export", person, "--tenant", "school-001", "--system", "applications"];
    let how = ["--record-type", "applicant", "--as", login, "--output", file];
    [&whom[..], &how, more].concat()
}

async fn recorded(fixture: &Fixture, action: &str) -> u64 {
    let entries = audit_entry::Entity::find().filter(audit_entry::Column::Action.eq(action));
    entries.filter(audit_entry::Column::Subject.is_not_null()).count(&fixture.database).await.unwrap()
}

fn path(app: &TestApp, name: &str) -> String {
    app.folder().join(name).display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_written_for_its_owner_only_and_recorded() {
    let fixture = Fixture::captured().await;
    fixture.import("school-001", &[("p-1", "ja"), ("p-2", "ja")]).await;
    let school = fixture.app.tenant("school-001").await;
    let head = fixture.app.member(&school, Role::TenantAdmin).await;
    let file = path(&fixture.app, "p-1.json");
    let purpose = ["--purpose", "request 2023-118"];
    let ask = arguments("p-1", &head.login, &file, &purpose);
    let (code, out, error) = run(&fixture.app, &ask);
    assert_eq!(code, 0, "{out}{error}");
    assert!(!out.contains("p-1@"), "values stand in the file and nowhere else: {out}");
    let text = std::fs::read_to_string(&file).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["format"], "suimon/subject-export/v1");
    assert_eq!(document["fields"][1]["value"], "p-1@school-001.example");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(recorded(&fixture, "subject.export").await, 1);
    // Nothing is overwritten, and a read that has nowhere to go does not happen.
    let reads = recorded(&fixture, "subject.read").await;
    let (code, _, error) = run(&fixture.app, &ask);
    assert_eq!((code, error.contains("--output: cannot create")), (2, true), "{error}");
    assert_eq!(recorded(&fixture, "subject.read").await, reads);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    // The same as a page.
    let page = path(&fixture.app, "p-1.html");
    let more = ["--purpose", "request 2023-118", "--format", "html-ja"];
    let (code, _, error) = run(&fixture.app, &arguments("p-1", &head.login, &page, &more));
    assert_eq!(code, 0, "{error}");
    let page = std::fs::read_to_string(&page).unwrap();
    assert!(page.contains("p-1@school-001.example") && page.contains("ご本人の個人情報"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_gets_no_document_and_no_file() {
    let fixture = Fixture::captured().await;
    fixture.import("school-001", &[("p-1", "ja")]).await;
    let school = fixture.app.tenant("school-001").await;
    let other = fixture.app.tenant("school-002").await;
    let staff = fixture.app.member(&school, Role::TenantStaff).await;
    let foreign = fixture.app.member(&other, Role::TenantAdmin).await;
    let officer = &fixture.officer.login;
    let file = path(&fixture.app, "p-1.json");
    let purpose = ["--purpose", "request 1"];
    for (person, login, more, said) in [
        ("p-1", &staff.login, purpose, "not allowed: export on subject"),
        ("p-1", &foreign.login, purpose, "not found"),
        ("p-9", officer, purpose, "not found"),
        ("p-1", officer, ["--purpose", "p-1@school-001.example"], "must not hold a mail address"),
        ("p-1", officer, ["--purpose", " "], "wants 1 to 200 characters"),
    ] {
        let (code, _, error) = run(&fixture.app, &arguments(person, login, &file, &more));
        assert_eq!((code, error.contains(said)), (2, true), "{login}: {error}");
        assert!(!std::path::Path::new(&file).exists(), "{login} got a file");
    }
    assert_eq!(recorded(&fixture, "subject.export").await, 0);
}
