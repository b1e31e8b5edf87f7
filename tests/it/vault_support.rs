//! What the tests of the vault share: the example's system, people, and the program itself.

use std::process::{Command, Output};

use entity::{blind_index, import_batch, import_run, subject};
use sea_orm::{Database, DatabaseConnection, EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use suimon::access::{self, Role};
use suimon::requirements::{self, ManifestFile, Outcome};

use crate::harness::{Member, TestApp};

pub const SYSTEM: &str = "online-application";
const MANIFEST: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/examples/online-application/manifests/system.yaml");

/// The test's database, beside the service.
pub async fn database(app: &TestApp) -> DatabaseConnection {
    Database::connect(app.owner_url()).await.expect("the test's database")
}

/// Puts the example's system in force.
pub async fn apply_system(app: &TestApp) {
    let content = std::fs::read(MANIFEST).expect("the example");
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let op = access::act_locally(&app.app, &officer.login).await.expect("the officer");
    let file = ManifestFile { name: "system.yaml".into(), content };
    let outcome = requirements::apply(&op, vec![file], "first statement", false).await.expect("an answer");
    assert!(matches!(outcome, Outcome::Applied(_)), "the example's manifest is right");
}

/// Rows of people, index, imports and kept batches.
pub async fn counts(app: &TestApp) -> (u64, u64, u64, u64) {
    let database = database(app).await;
    (
        subject::Entity::find().count(&database).await.expect("subjects"),
        blind_index::Entity::find().count(&database).await.expect("index"),
        import_run::Entity::find().count(&database).await.expect("imports"),
        import_batch::Entity::find().count(&database).await.expect("batches"),
    )
}

/// Runs the program on the test's database.
pub fn program(app: &TestApp, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
    command
        .args(arguments)
        .args(["--set", &format!("database.url={}", app.database_url())])
        .args(["--set", &format!("keys.file={}", app.folder().join("kek.key").display())])
        .args(["--set", "log.filter=warn"])
        .env("RUST_BACKTRACE", "0");
    command
}

/// Runs it to its end: exit code, standard output, standard error.
pub fn run(app: &TestApp, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        tokio::task::block_in_place(|| program(app, arguments).output()).expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// Writes a file into the test's folder and imports it as applicants.
pub fn import(app: &TestApp, name: &str, content: &[u8], more: &[&str]) -> (i32, String, String) {
    let path = app.folder().join(name);
    std::fs::write(&path, content).expect("the file");
    let path = path.display().to_string();
    let mut arguments = vec!["import", &path, "--system", SYSTEM, "--record-type", "applicant"];
    arguments.extend(more);
    run(app, &arguments)
}

/// An applicant as a row of the API.
pub fn applicant(line: u32, tenant: &str, external_id: &str, name: &str, mail: &str) -> Value {
    json!({
        "line": line, "tenant": tenant, "externalId": external_id,
        "fields": [
            { "name": "full_name", "value": name },
            { "name": "name_kana", "value": "ミズノ ハナ" },
            { "name": "email", "value": mail },
            { "name": "date_of_birth", "value": "2005-04-01" },
            { "name": "phone", "value": "090-1234-5678" },
        ],
    })
}

/// Imports a batch and returns `importSubjects` of the answer.
pub async fn batch(member: &Member, input: Value) -> Value {
    let mut whole = json!({ "system": SYSTEM, "recordType": "applicant", "mode": "KEEP_GOOD", "last": true });
    whole.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    let answer = member
        .gql_with(
            "mutation($input: ImportSubjectsInput!) { importSubjects(input: $input) {
               ... on ImportProgress { importId state rowsRead rowsKept rowsRefused problems { line reason } }
               ... on Problem { code message field remedy } } }",
            json!({ "input": whole }),
        )
        .await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["importSubjects"].clone()
}

/// Searches and returns the whole answer with all fields, in clear where allowed.
pub async fn search(member: &Member, field: &str, value: &str) -> Value {
    member
        .gql_with(
            "query($system: String!, $field: String!, $value: String!) {
               searchSubjects(system: $system, recordType: \"applicant\", field: $field, value: $value, purpose: \"a call\") {
                 id externalId erasedAt
                 fields(masked: false) {
                   ... on ClearValue { name clear: value }
                   ... on MaskedValue { name masked: value }
                   ... on Withheld { name reason }
                 } } }",
            json!({ "system": SYSTEM, "field": field, "value": value }),
        )
        .await
}

/// External ids that a search finds.
pub async fn found(member: &Member, field: &str, value: &str) -> Vec<String> {
    let answer = search(member, field, value).await;
    let list = answer["data"]["searchSubjects"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let mut ids: Vec<String> =
        list.iter().map(|subject| subject["externalId"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}
