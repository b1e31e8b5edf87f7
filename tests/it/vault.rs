//! People: who sees what of them, search, erasure, and what somebody finds who steals the database.

use entity::{audit_entry, subject};
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use suimon::access::Role;

use crate::harness::{Member, PASSWORD, TestApp, text};
use crate::vault_support::{applicant, apply_system, batch, counts, database, found, run, search};

async fn school_with_hana() -> (TestApp, Member) {
    let app = TestApp::new().await;
    apply_system(&app).await;
    app.tenant("school-001").await;
    app.tenant("school-002").await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let rows = json!([applicant(1, "school-001", "A-1", "水野 花", "hana@example.jp")]);
    let answer = batch(&officer, json!({ "rows": rows })).await;
    assert_eq!(answer["state"], "DONE", "{answer}");
    (app, officer)
}

async fn hana(member: &Member) -> Value {
    let answer = search(member, "email", "hana@example.jp").await;
    answer["data"]["searchSubjects"][0].clone()
}

const READ: &str = "query($id: ID!, $masked: Boolean!) { subject(id: $id, purpose: \"a question by phone\") {
   externalId fields(names: [\"full_name\", \"email\", \"date_of_birth\", \"phone\", \"postal_address\"], masked: $masked) {
     ... on ClearValue { name clear: value } ... on MaskedValue { name masked: value } ... on Withheld { name reason } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn each_role_sees_what_it_may() {
    let (app, officer) = school_with_hana().await;
    let id = text(&hana(&officer).await["id"]);
    let read = async |member: &Member, masked: bool| {
        let answer = member.gql_with(READ, json!({ "id": id, "masked": masked })).await;
        answer["data"]["subject"]["fields"].to_string()
    };
    insta::assert_snapshot!(read(&officer, false).await, @r#"[{"clear":"水野 花","name":"full_name"},{"clear":"hana@example.jp","name":"email"},{"clear":"2005-04-01","name":"date_of_birth"},{"clear":"090-1234-5678","name":"phone"},{"clear":null,"name":"postal_address"}]"#);
    insta::assert_snapshot!(read(&officer, true).await, @r#"[{"masked":"水***","name":"full_name"},{"masked":"h***@example.jp","name":"email"},{"masked":"***","name":"date_of_birth"},{"masked":"***5678","name":"phone"},{"masked":null,"name":"postal_address"}]"#);
    let call_centre = app.operator_member(Role::CallCentre).await;
    assert_eq!(read(&call_centre, false).await, read(&officer, true).await, "masked, whatever was asked for");
    let admin = app.admin();
    insta::assert_snapshot!(read(&admin, false).await, @r#"[{"name":"full_name","reason":"NOT_ALLOWED"},{"name":"email","reason":"NOT_ALLOWED"},{"name":"date_of_birth","reason":"NOT_ALLOWED"},{"name":"phone","reason":"NOT_ALLOWED"},{"name":"postal_address","reason":"NOT_ALLOWED"}]"#);
    let auditor = app.operator_member(Role::Auditor).await;
    let answer = auditor.gql_with(READ, json!({ "id": id, "masked": true })).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_people_do_not_exist() {
    let (app, officer) = school_with_hana().await;
    let id = text(&hana(&officer).await["id"]);
    let other = app.tenant("school-002").await;
    let stranger = app.member(&other, Role::TenantAdmin).await;
    let answer = stranger.gql_with(READ, json!({ "id": id, "masked": true })).await;
    insta::assert_snapshot!(answer["errors"][0]["message"], @r#""subject not found""#);
    let answer = stranger
        .gql_with(
            "mutation($id: ID!) { eraseSubject(id: $id, reason: \"x\") { ... on Problem { code message } } }",
            json!({ "id": id }),
        )
        .await;
    insta::assert_snapshot!(answer["data"]["eraseSubject"], @r#"{"code":"NOT_FOUND","message":"subject not found"}"#);
    assert!(found(&stranger, "email", "hana@example.jp").await.is_empty());
    let own = app.tenant("school-001").await;
    let list = "query($id: ID!) { subjects(tenantId: $id) { nodes { externalId } } }";
    let answer = stranger.gql_with(list, json!({ "id": own.id })).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND", "{answer}");
    // Rows for another tenant are refused like rows for none, and so is another tenant's import.
    let rows = json!([applicant(7, "school-001", "A-2", "水野 空", "sora@example.jp")]);
    let answer = batch(&stranger, json!({ "rows": rows })).await;
    insta::assert_snapshot!(answer["problems"], @r#"[{"line":7,"reason":"the tenant is not known"}]"#);
    let running = batch(&officer, json!({ "rows": rows, "last": false })).await;
    let answer = batch(&stranger, json!({ "rows": rows, "importId": running["importId"] })).await;
    insta::assert_snapshot!(answer["message"], @r#""import not found""#);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_arguments_are_named() {
    let (_app, officer) = school_with_hana().await;
    let id = text(&hana(&officer).await["id"]);
    let mut answers = Vec::new();
    for (arguments, fields) in [
        ("id: \"x\", purpose: \"p\"".to_owned(), "externalId"),
        (format!("id: \"{id}\", purpose: \"  \""), "externalId"),
        (format!("id: \"{id}\", purpose: \"p\""), "fields(names: [\"shoe_size\"]) { __typename }"),
    ] {
        let answer = officer.gql(&format!("{{ subject({arguments}) {{ {fields} }} }}")).await;
        answers.push(text(&answer["errors"][0]["message"]));
    }
    for field in ["phone", "nothing"] {
        answers.push(text(&search(&officer, field, "x").await["errors"][0]["message"]));
    }
    answers.push(text(&search(&officer, "date_of_birth", "31 February").await["errors"][0]["message"]));
    answers.push(text(&search(&officer, "email", " ").await["errors"][0]["message"]));
    insta::assert_snapshot!(answers.join("\n"), @r"
    id: is not the id of a Subject; use an id that this API returned
    purpose: wants 1 to 200 characters on one line; say why the data is needed
    names[0]: is not a field of this record type; see recordTypes of the system's manifest
    field: is not searchable; searchable are: email, date_of_birth
    field: is not searchable; searchable are: email, date_of_birth
    value: the value is not a calendar date: write it as YYYY-MM-DD
    value: wants 1 to 1000 bytes
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_a_purpose_shows_no_values() {
    let (app, officer) = school_with_hana().await;
    let school = app.tenant("school-001").await;
    let query = "query($id: ID!, $purpose: String) { subjects(tenantId: $id, purpose: $purpose) { nodes {
        externalId fields(names: [\"email\"]) { ... on MaskedValue { value } ... on Withheld { reason } } } } }";
    let answer = officer.gql_with(query, json!({ "id": school.id })).await;
    insta::assert_snapshot!(answer["data"]["subjects"]["nodes"], @r#"[{"externalId":"A-1","fields":[{"reason":"NO_PURPOSE"}]}]"#);
    let answer = officer.gql_with(query, json!({ "id": school.id, "purpose": "a check" })).await;
    insta::assert_snapshot!(answer["data"]["subjects"]["nodes"], @r#"[{"externalId":"A-1","fields":[{"value":"h***@example.jp"}]}]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn searching_finds_spellings_in_every_tenant_in_reach() {
    let (app, officer) = school_with_hana().await;
    let rows = json!([
        applicant(1, "school-002", "B-1", "別の人", "HANA@Example.jp"),
        applicant(2, "school-002", "B-2", "もう一人", "other@example.jp"),
    ]);
    batch(&officer, json!({ "rows": rows })).await;
    assert_eq!(found(&officer, "email", " ｈａｎａ＠example.JP ").await, ["A-1", "B-1"]);
    assert_eq!(found(&officer, "date_of_birth", "２００５年4月1日").await, ["A-1", "B-1", "B-2"]);
    assert!(found(&officer, "email", "hana@example.com").await.is_empty());
    let own = app.tenant("school-002").await;
    let staff = app.member(&own, Role::TenantStaff).await;
    assert_eq!(found(&staff, "email", "hana@example.jp").await, ["B-1"]);
    let answer = search(&app.admin(), "email", "hana@example.jp").await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_gone_and_stays_gone() {
    let (app, officer) = school_with_hana().await;
    let before = subject::Entity::find().one(&database(&app).await).await.unwrap().unwrap();
    let id = text(&hana(&officer).await["id"]);
    let erase = "mutation($id: ID!) { eraseSubject(id: $id, reason: \"request 118\") {
        ... on Subject { externalId erasedAt fields(names: [\"email\"]) { ... on Withheld { reason } } }
        ... on Problem { code message } } }";
    let answer = officer.gql_with(erase, json!({ "id": id })).await;
    insta::assert_snapshot!(answer["data"]["eraseSubject"], @r#"{"erasedAt":"2023-10-26T00:00:00Z","externalId":"A-1","fields":[{"reason":"ERASED"}]}"#);
    assert!(found(&officer, "email", "hana@example.jp").await.is_empty());
    assert_eq!(counts(&app).await.1, 0, "no index row is left");
    let answer = officer.gql_with(erase, json!({ "id": id })).await;
    insta::assert_snapshot!(answer["data"]["eraseSubject"], @r#"{"code":"CONFLICT","message":"the subject was erased before"}"#);
    let rows = json!([applicant(1, "school-001", "A-1", "水野 花", "hana@example.jp")]);
    let answer = batch(&officer, json!({ "rows": rows })).await;
    insta::assert_snapshot!(answer["problems"], @r#"[{"line":1,"reason":"the person was erased; an import does not bring a person back"}]"#);
    if let Some(bytes) = sqlite_bytes(&app) {
        let key = before.wrapped_key.expect("a key");
        assert!(!contains(&bytes, &key), "the destroyed key is not left in a free page or in the log");
    }
}

/// Everything that a thief of the database's files gets; none on PostgreSQL.
fn sqlite_bytes(app: &TestApp) -> Option<Vec<u8>> {
    let path = app.database_url().strip_prefix("sqlite://")?;
    let mut bytes = std::fs::read(path).expect("the database");
    bytes.extend(std::fs::read(format!("{path}-wal")).unwrap_or_default());
    Some(bytes)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_database_holds_no_value() {
    let (app, officer) = school_with_hana().await;
    hana(&officer).await;
    // Also batches that wait for the rest of their import.
    let rows = json!([applicant(1, "school-001", "A-9", "水野 空", "sora@example.jp")]);
    let answer = batch(&officer, json!({ "rows": rows, "mode": "ALL_OR_NOTHING", "last": false })).await;
    assert_eq!(answer["state"], "RUNNING");
    assert_eq!(counts(&app).await.3, 1);
    let secrets = [
        // Neither what opens an account.
        officer.token.as_str(),
        PASSWORD,
        "水野 花",
        "水野 空",
        "ミズノ ハナ",
        "hana@example.jp",
        "sora@example.jp",
        "2005-04-01",
        "090-1234-5678",
    ];
    if let Some(bytes) = sqlite_bytes(&app) {
        assert!(contains(&bytes, b"A-1"), "the file is the right one: pseudonyms are in clear");
        for secret in secrets {
            assert!(!contains(&bytes, secret.as_bytes()), "{secret} is in the database file");
        }
        return;
    }
    // On PostgreSQL every column of every table, as a dump would show it.
    let database = database(&app).await;
    let tables = database
        .query_all_raw(sea_orm::Statement::from_string(
            sea_orm::DbBackend::Postgres,
            "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public'",
        ))
        .await
        .unwrap();
    assert!(tables.len() > 20);
    for table in tables {
        let name: String = table.try_get("", "name").unwrap();
        for secret in secrets {
            // As text, and as bytes within bytes.
            let hex = hex::encode(secret);
            let sql = format!(
                "SELECT count(*) AS n FROM {name} t WHERE t::text LIKE '%{secret}%' OR t::text LIKE '%{hex}%'"
            );
            let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql);
            let count: i64 =
                database.query_one_raw(statement).await.unwrap().unwrap().try_get("", "n").unwrap();
            assert_eq!(count, 0, "{secret} is in {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn moved_bytes_do_not_open() {
    let (app, officer) = school_with_hana().await;
    let rows = json!([applicant(1, "school-001", "A-2", "水野 空", "sora@example.jp")]);
    batch(&officer, json!({ "rows": rows })).await;
    let database = database(&app).await;
    let people = subject::Entity::find().all(&database).await.unwrap();
    let (hana, sora) = (&people[0], &people[1]);
    let fields = |row: &subject::Model| (row.wrapped_key.clone(), row.fields.clone());
    // The record of one in the row of the other, with its key and without.
    for (wrapped_key, fields) in [fields(sora), (hana.wrapped_key.clone(), sora.fields.clone())] {
        let changed = subject::Model { wrapped_key, fields, ..hana.clone() };
        changed.into_active_model().reset_all().update(&database).await.unwrap();
        let answer = search(&officer, "email", "hana@example.jp").await;
        let fields = &answer["data"]["searchSubjects"][0]["fields"];
        let reasons: Vec<_> = fields.as_array().unwrap().iter().map(|field| &field["reason"]).collect();
        assert_eq!(reasons[..5], ["DAMAGED"; 5], "{answer}");
        assert!(!answer.to_string().contains("sora@"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_recorded_without_values() {
    let (app, officer) = school_with_hana().await;
    let id = text(&hana(&officer).await["id"]);
    officer.gql_with(READ, json!({ "id": id, "masked": true })).await;
    app.admin().gql_with(READ, json!({ "id": id, "masked": true })).await;
    let entries = audit_entry::Entity::find().all(&database(&app).await).await.unwrap();
    let lines: Vec<String> = entries
        .iter()
        .filter(|entry| entry.action.starts_with("subject.") || entry.action.starts_with("import."))
        .map(|entry| {
            let (fields, purpose) = (entry.fields.as_deref(), entry.purpose.as_deref());
            let object = entry.object.split(':').next().unwrap_or_default();
            let (fields, purpose) = (fields.unwrap_or("-"), purpose.unwrap_or("-"));
            format!("{} {object} {} [{fields}] {purpose} {}", entry.action, entry.decision, entry.detail)
        })
        .collect();
    let mut sorted = lines.clone();
    sorted.sort();
    insta::assert_snapshot!(sorted.join("\n"), @r#"
    import.begin import allowed [-] - {"mode":"keep_good","record_type":"applicant","system":"online-application"}
    import.end import allowed [-] - {"kept":1,"read":1,"refused":0,"state":"done"}
    subject.found subject allowed [email] a call {}
    subject.import import allowed [-] - {"changed":0,"created":1}
    subject.read subject allowed [full_name email date_of_birth phone postal_address] a question by phone {"clear":[],"masked":["full_name","email","date_of_birth","phone","postal_address"],"refused":[]}
    subject.read subject allowed [full_name name_kana email date_of_birth phone postal_address guardian_name choice_of_course] a call {"clear":["full_name","name_kana","email","date_of_birth","phone","postal_address","guardian_name","choice_of_course"],"masked":[],"refused":[]}
    subject.read subject denied [full_name email date_of_birth phone postal_address] a question by phone {"clear":[],"masked":[],"refused":["full_name","email","date_of_birth","phone","postal_address"]}
    subject.search data.applicant.email allowed [email] a call {"matches":1}
    "#);
    for entry in &entries {
        let whole = format!("{entry:?}");
        for value in ["hana@", "水野", "ミズノ", "2005-04", "090-"] {
            assert!(!whole.contains(value), "{value} is in the audit log");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_status_tells_how_things_stand_and_no_key() {
    let (app, _) = school_with_hana().await;
    let (code, output, _) = run(&app, &["keys", "status", "--format", "json"]);
    assert_eq!(code, 0);
    let status: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(status["people"], 1);
    assert_eq!(status["index_rows"], 2);
    assert_eq!(status["tenants"][0]["slug"], "school-001");
    assert_eq!(status["tenants"][0]["state"], "active");
    assert_eq!(status["tenants"][0]["kek_id"], status["kek_id"]);
    let kek = std::fs::read_to_string(app.folder().join("kek.key")).unwrap();
    assert!(!output.contains(kek.trim()));
    let (code, _, error) = run(&app, &["keys", "status", "--as", "nobody"]);
    assert_eq!(
        (code, error.as_str()),
        (2, "suimon: account not found; name an existing account with --as\n")
    );
}
