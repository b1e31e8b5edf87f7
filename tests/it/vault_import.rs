//! Imports: good rows, bad rows, foreign encodings, kills.

use std::fmt::Write;
use std::process::Stdio;
use std::time::Duration;

use entity::{import_run, subject};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use suimon::access::Role;

use crate::harness::TestApp;
use crate::vault_support::{
    SYSTEM, applicant, apply_system, batch, counts, database, found, import, program, run,
};

const HEADER: &str =
    "tenant,external_id,language,full_name,name_kana,email,date_of_birth,phone,choice_of_course";

async fn app_with_schools() -> TestApp {
    let app = TestApp::new().await;
    apply_system(&app).await;
    app.tenant("school-001").await;
    app.tenant("school-002").await;
    app
}

fn good(tenant: &str, external_id: &str, mail: &str) -> String {
    format!("{tenant},{external_id},ja,水野 花,ミズノ ハナ,{mail},2005/4/1,090-1234-5678,普通科")
}

fn csv(rows: &[String]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_named_by_line_and_good_ones_are_kept() {
    let app = app_with_schools().await;
    let row = |from: &str, to: &str| good("school-001", "X", "hana@example.jp").replace(from, to);
    let file = csv(&[
        good("school-001", "A-1", "hana@example.jp"),
        good("school-009", "A-2", "sora@example.jp"),
        good("school-001", "A-1", "other@example.jp"),
        row("hana@example.jp", "hana at example.jp"),
        row("2005/4/1", "2005/2/30"),
        row("090-1234-5678", "call me"),
        row("水野 花", ""),
        row(",ja,", ",fr,"),
        row("school-001", ""),
        row(",X,", ",,"),
        row("普通科", &"長".repeat(4001)),
        row("水野 花", "水野\u{7}花"),
        row(",普通科", ""),
        row("普通科", "\"a note\nin two lines\""),
        row(",X,", &format!(",{},", "9".repeat(201))),
    ]);
    let (code, output, error) = import(&app, "people.csv", file.as_bytes(), &[]);
    assert_eq!((code, error.as_str()), (3, ""));
    insta::assert_snapshot!(output, @r"
    line 3: the tenant is not known
    line 4: the same tenant and external_id as in line 2
    line 5: email: is not a mail address
    line 6: date_of_birth: is not a calendar date; write YYYY-MM-DD
    line 7: phone: is not a telephone number
    line 8: full_name is missing
    line 9: language wants ja or en
    line 10: tenant is missing
    line 11: external_id is missing
    line 12: choice_of_course: is longer than 4000 characters
    line 13: full_name: has control characters
    line 14: has 8 columns, the header has 9
    line 17: external_id wants at most 200 characters, none of them control
    15 rows read: 2 created, 0 changed, 0 as they were, 13 refused
    ");
    assert_eq!(counts(&app).await, (2, 4, 1, 0));
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    assert_eq!(found(&officer, "email", "hana@example.jp").await, ["A-1", "X"]);
    for value in ["hana", "水野", "call me", "2005"] {
        assert!(!output.contains(value), "{value} is quoted");
    }
    let run = import_run::Entity::find().one(&database(&app).await).await.unwrap().unwrap();
    assert_eq!((run.state.as_str(), run.rows_read, run.rows_kept, run.rows_refused), ("done", 15, 2, 13));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_again_changes_nothing_and_another_one_what_differs() {
    let app = app_with_schools().await;
    let mut rows =
        vec![good("school-001", "A-1", "hana@example.jp"), good("school-002", "A-1", "sora@example.jp")];
    import(&app, "people.csv", csv(&rows).as_bytes(), &[]);
    let before = subject::Entity::find().all(&database(&app).await).await.unwrap();
    let (code, output, _) = import(&app, "people.csv", csv(&rows).as_bytes(), &[]);
    assert_eq!(
        (code, output.as_str()),
        (0, "2 rows read: 0 created, 0 changed, 2 as they were, 0 refused\n")
    );
    assert_eq!(subject::Entity::find().all(&database(&app).await).await.unwrap(), before);
    rows[1] = good("school-002", "A-1", "new@example.jp");
    let (_, output, _) = import(&app, "people.csv", csv(&rows).as_bytes(), &[]);
    assert_eq!(output, "2 rows read: 0 created, 1 changed, 1 as they were, 0 refused\n");
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    assert!(found(&officer, "email", "sora@example.jp").await.is_empty());
    assert_eq!(found(&officer, "email", "new@example.jp").await, ["A-1"]);
    assert_eq!(counts(&app).await, (2, 4, 3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_or_nothing_keeps_nothing_when_one_row_is_wrong() {
    let app = app_with_schools().await;
    let mut rows: Vec<String> =
        (0..1500).map(|n| good("school-001", &format!("A-{n}"), &format!("a{n}@example.jp"))).collect();
    rows.push(good("school-001", "A-1", "again@example.jp"));
    let all_or_nothing = &["--mode", "all-or-nothing"];
    let (code, output, _) = import(&app, "people.csv", csv(&rows).as_bytes(), all_or_nothing);
    assert_eq!(code, 3);
    insta::assert_snapshot!(output, @r"
    line 1502: the same tenant and external_id as in line 3
    1501 rows read: 0 created, 0 changed, 0 as they were, 1 refused
    nothing was kept: correct the rows above and import the file again
    ");
    assert_eq!(counts(&app).await, (0, 0, 1, 0));
    rows.pop();
    let (code, output, _) = import(&app, "people.csv", csv(&rows).as_bytes(), all_or_nothing);
    assert_eq!(
        (code, output.as_str()),
        (0, "1500 rows read: 1500 created, 0 changed, 0 as they were, 0 refused\n")
    );
    assert_eq!(counts(&app).await, (1500, 3000, 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_encodings_are_recognised() {
    let app = app_with_schools().await;
    let file = csv(&[good("school-001", "A-1", "hana@example.jp")]);
    let (shift_jis, _, _) = encoding_rs::SHIFT_JIS.encode(&file);
    let (code, _, error) = import(&app, "people.csv", &shift_jis, &[]);
    insta::assert_snapshot!(format!("{code} {error}"), @"2 suimon: file: line 2 is not UTF-8; it looks like Shift_JIS; add --encoding shift_jis");
    assert_eq!(counts(&app).await, (0, 0, 0, 0), "no trace");
    let (code, output, _) = import(&app, "people.csv", &shift_jis, &["--encoding", "shift_jis"]);
    assert_eq!(
        (code, output.as_str()),
        (0, "1 rows read: 1 created, 0 changed, 0 as they were, 0 refused\n")
    );
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let answer = crate::vault_support::search(&officer, "email", "hana@example.jp").await;
    assert_eq!(answer["data"]["searchSubjects"][0]["fields"][0]["clear"], "水野 花");

    let with_mark =
        [b"\xEF\xBB\xBF", csv(&[good("school-001", "A-2", "sora@example.jp")]).as_bytes()].concat();
    let (code, output, error) = import(&app, "people.csv", &with_mark, &[]);
    assert_eq!((code, error.as_str()), (0, ""), "{output}");

    let utf16: Vec<u8> = [0xFEFF].into_iter().chain(file.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let (code, _, error) = import(&app, "people.csv", &utf16, &[]);
    insta::assert_snapshot!(format!("{code} {error}"), @"2 suimon: file: line 1: the file is UTF-16; save it as UTF-8");

    // One damaged line in a file that is UTF-8 beyond doubt is that line's problem.
    let mut damaged = csv(&[good("school-001", "A-3", "c@example.jp")]).into_bytes();
    damaged.extend_from_slice(b"school-001,A-4,ja,\x96\xec,x,d@example.jp,2005-04-01,,\n");
    let (code, output, _) = import(&app, "people.csv", &damaged, &[]);
    insta::assert_snapshot!(format!("{code} {output}"), @r"
    3 line 3: is not valid UTF-8
    2 rows read: 1 created, 0 changed, 0 as they were, 1 refused
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_lines_survive_what_is_in_them() {
    let app = app_with_schools().await;
    let person = |id: &str| {
        json!({ "tenant": "school-001", "external_id": id, "fields": {
            "full_name": "水野 花", "name_kana": "ミズノ ハナ", "email": "hana@example.jp", "date_of_birth": "20050401",
        } })
    };
    let mut right = person("A-1");
    right["fields"]["date_of_birth"] = json!("2005-04-01");
    let mut misplaced = person("A-2");
    misplaced["fields"]["hana@example.jp"] = json!("email");
    let mut number = person("A-3");
    number["fields"]["phone"] = json!(9012345678_i64);
    let mut file = String::new();
    for line in [right.to_string(), person("A-9").to_string(), misplaced.to_string(), number.to_string()] {
        writeln!(file, "{line}").unwrap();
    }
    file.push_str("\n[1]\n{\"tenant\": \"school-001\", \"hana\"\n");
    writeln!(file, "{{\"tenant\":\"{}\"}}", "x".repeat(2_000_000)).unwrap();
    let mut last = right.clone();
    last["external_id"] = json!("A-5");
    file.push_str(&last.to_string());
    let (code, output, _) = import(&app, "people.jsonl", file.as_bytes(), &[]);
    insta::assert_snapshot!(format!("{code}\n{output}"), @r"
    3
    line 3: a field is not one of this record type
    line 4: a value in fields is not text
    line 6: is not a JSON object
    line 7: is not JSON (column 31)
    line 8: is longer than 1 MiB
    8 rows read: 3 created, 0 changed, 0 as they were, 5 refused
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_read_say_why() {
    let app = app_with_schools().await;
    let mut answers = Vec::new();
    let mut try_file = |content: &[u8]| {
        let (code, output, error) = import(&app, "people.csv", content, &[]);
        answers.push(format!("{code} {output}{}", error.trim_end()));
    };
    try_file(b"");
    try_file(b"external_id,full_name\n");
    try_file(b"tenant,external_id,shoe_size\n");
    try_file("tenant,external_id,水野 花\n".as_bytes());
    try_file(b"tenant,tenant,external_id\n");
    let endless = format!(
        "{HEADER}\n{}\nschool-001,A-2,ja,\"{}",
        good("school-001", "A-1", "a@example.jp"),
        "x".repeat(3_000_000)
    );
    try_file(endless.as_bytes());
    let (code, _, error) =
        run(&app, &["import", "no-such.csv", "--system", SYSTEM, "--record-type", "applicant"]);
    answers.push(format!("{code} {}", error.trim_end()));
    let path = app.folder().join("people.csv").display().to_string();
    for (system, record_type) in [("other", "applicant"), (SYSTEM, "teacher")] {
        let (code, _, error) =
            run(&app, &["import", &path, "--system", system, "--record-type", record_type]);
        answers.push(format!("{code} {}", error.trim_end()));
    }
    insta::assert_snapshot!(answers.join("\n"), @r"
    2 suimon: file: the header is missing: the file is empty; the header is: tenant,external_id,language,<field names>
    2 suimon: file: the header has no column tenant; the header is: tenant,external_id,language,<field names>
    2 suimon: file: the header column 3: shoe_size is not a field of this record type; the header is: tenant,external_id,language,<field names>
    2 suimon: file: the header column 3: a field is not one of this record type; the header is: tenant,external_id,language,<field names>
    2 suimon: file: the header has tenant twice; the header is: tenant,external_id,language,<field names>
    2 1 rows read: 1 created, 0 changed, 0 as they were, 0 refused
    suimon: line 3: a record is longer than 1 MiB; a quote that is not closed?; correct the file and import it again
    2 suimon: cannot read no-such.csv (No such file or directory (os error 2))
    2 suimon: system not found; name a system whose manifest is applied and in force
    2 suimon: record type not found; the system declares applicant, school_admin
    ");
    assert_eq!(counts(&app).await.0, 1, "the row before the endless one is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_count_as_a_whole_are_seen_when_the_last_has_come() {
    let app = app_with_schools().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let rows = |from: u32, to: u32| -> Value {
        (from..to)
            .map(|n| applicant(n, "school-001", &format!("A-{n}"), "水野 花", &format!("a{n}@example.jp")))
            .collect()
    };
    let whole = |input: Value| {
        let mut input = input;
        input["mode"] = json!("ALL_OR_NOTHING");
        input
    };
    let first = batch(&officer, whole(json!({ "rows": rows(1, 4), "last": false }))).await;
    let id = &first["importId"];
    assert_eq!(counts(&app).await, (0, 0, 1, 1));
    assert!(found(&officer, "email", "a1@example.jp").await.is_empty());
    // The same batch again, as after a lost answer, counts once.
    let again = batch(&officer, whole(json!({ "rows": rows(1, 4), "last": false, "importId": id }))).await;
    assert_eq!((&again["rowsRead"], &again["state"]), (&json!(3), &json!("RUNNING")));
    // Other rows under a line that is taken are not that batch: a client that numbers each batch from 1 must hear of it.
    let mut from_one = rows(4, 6);
    from_one[0]["line"] = json!(1);
    let other_rows = batch(&officer, whole(json!({ "rows": from_one, "last": false, "importId": id }))).await;
    insta::assert_snapshot!(other_rows, @r#"{"code":"CONFLICT","field":null,"message":"another batch of this import begins with line 1 too, and has other rows","remedy":"number the lines through all batches of an import, not from 1 in each"}"#);
    assert_eq!(counts(&app).await, (0, 0, 1, 1));
    let other_mode = batch(&officer, json!({ "rows": rows(4, 6), "importId": id })).await;
    insta::assert_snapshot!(other_mode["message"], @r#""belongs to an import of another system, record type or mode""#);
    let last = batch(&officer, whole(json!({ "rows": rows(4, 6), "importId": id }))).await;
    assert_eq!((&last["state"], &last["rowsKept"]), (&json!("DONE"), &json!(5)), "{last}");
    assert_eq!(counts(&app).await, (5, 10, 1, 0));
    let ended = batch(&officer, whole(json!({ "rows": rows(6, 7), "importId": id }))).await;
    insta::assert_snapshot!(ended["message"], @r#""this import has ended""#);

    // A wrong row in the second of three batches: nothing of them is kept, and what waited is deleted at once.
    let first = batch(&officer, whole(json!({ "rows": rows(10, 12), "last": false }))).await;
    let id = &first["importId"];
    let mut wrong = rows(12, 14);
    wrong[1]["fields"][2]["value"] = json!("no address");
    let second = batch(&officer, whole(json!({ "rows": wrong, "last": false, "importId": id }))).await;
    insta::assert_snapshot!(second["problems"], @r#"[{"line":13,"reason":"email: is not a mail address"}]"#);
    assert_eq!(counts(&app).await.3, 0);
    let third = batch(&officer, whole(json!({ "rows": rows(14, 16), "importId": id }))).await;
    assert_eq!(
        (&third["state"], &third["rowsKept"], &third["rowsRefused"]),
        (&json!("UNDONE"), &json!(0), &json!(1))
    );
    // Twice the same person in different batches is found when all are there.
    let first = batch(&officer, whole(json!({ "rows": rows(20, 22), "last": false }))).await;
    let mut twice = rows(22, 24);
    twice[0]["externalId"] = json!("A-20");
    let last = batch(&officer, whole(json!({ "rows": twice, "importId": first["importId"] }))).await;
    insta::assert_snapshot!(last["problems"], @r#"[{"line":22,"reason":"the same tenant and external_id as in line 20"}]"#);
    assert_eq!(counts(&app).await, (5, 10, 3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_import_is_cleaned_away() {
    let app = app_with_schools().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let rows = json!([applicant(1, "school-001", "A-1", "水野 花", "hana@example.jp")]);
    batch(&officer, json!({ "rows": rows, "mode": "ALL_OR_NOTHING", "last": false })).await;
    app.clock.advance(25 * 3600);
    assert_eq!(counts(&app).await.3, 1);
    batch(&officer, json!({ "rows": rows })).await;
    assert_eq!(counts(&app).await.3, 0);
    let runs = import_run::Entity::find().all(&database(&app).await).await.unwrap();
    let mut states: Vec<_> = runs.iter().map(|run| run.state.as_str()).collect();
    states.sort_unstable();
    assert_eq!(states, ["done", "undone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_have_limits_and_need_a_role() {
    let app = app_with_schools().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let row = applicant(1, "school-001", "A-1", "水野 花", "hana@example.jp");
    let mut answers = Vec::new();
    for input in [
        json!({ "rows": vec![row.clone(); 501] }),
        json!({ "rows": [], "last": false }),
        json!({ "rows": [row], "system": "other" }),
    ] {
        answers.push(batch(&officer, input).await.to_string());
    }
    let auditor = app.operator_member(Role::Auditor).await;
    answers.push(batch(&auditor, json!({ "rows": [row] })).await.to_string());
    insta::assert_snapshot!(answers.join("\n"), @r#"
    {"code":"INVALID","field":"rows","message":"wants 1 to 500 rows","remedy":"send smaller batches"}
    {"code":"INVALID","field":"rows","message":"wants 1 to 500 rows","remedy":"send smaller batches"}
    {"code":"NOT_FOUND","field":null,"message":"system not found","remedy":"name a system whose manifest is applied and in force"}
    {"code":"FORBIDDEN","field":null,"message":"not allowed: create on import","remedy":null}
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_import_is_run_again_and_nothing_is_doubled() {
    const ROWS: usize = 20_000;
    let app = app_with_schools().await;
    let rows: Vec<String> = (0..ROWS)
        .map(|n| good(["school-001", "school-002"][n % 2], &format!("A-{n}"), &format!("a{n}@example.jp")))
        .collect();
    let path = app.folder().join("people.csv");
    std::fs::write(&path, csv(&rows)).unwrap();
    let path = path.display().to_string();
    let arguments = |mode| {
        vec!["import", path.as_str(), "--system", SYSTEM, "--record-type", "applicant", "--mode", mode]
    };

    // Killed while the one transaction is open: nothing is there.
    let database = database(&app).await;
    let mut child = program(&app, &arguments("all-or-nothing")).stdout(Stdio::null()).spawn().unwrap();
    while import_run::Entity::find().count(&database).await.unwrap() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(subject::Entity::find().count(&database).await.unwrap(), 0);

    // Killed between two chunks: some are there; again: all, once.
    let mut child = program(&app, &arguments("keep-good")).stdout(Stdio::null()).spawn().unwrap();
    while subject::Entity::find().count(&database).await.unwrap() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let (people, index, _, _) = counts(&app).await;
    assert!(people > 0 && people < ROWS as u64, "{people}");
    assert_eq!(index, 2 * people, "people and their index rows come together");
    let (code, output, _) = run(&app, &arguments("keep-good"));
    let created = ROWS as u64 - people;
    assert_eq!(code, 0);
    assert_eq!(
        output,
        format!("{ROWS} rows read: {created} created, 0 changed, {people} as they were, 0 refused\n")
    );
    assert_eq!(counts(&app).await, (ROWS as u64, 2 * ROWS as u64, 3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_come_from_a_file() {
    let app = TestApp::new().await;
    let mut answers = Vec::new();
    for content in [
        "slug,name_ja,name_en,contact\nschool-001,学校一,School 1,office@example.jp\nschool-002,学校二,School 2,\n",
        "slug,name_ja,name_en\nschool-001,学校一,School 1\nschool-003,学校三,School 3\n",
        "slug,name_ja,name_en,contact\nschool-004,学校四,School 4,office\n",
        "slug,name_ja\nschool-004,学校四\n",
        "slug,name_ja,name_en\nSchool 4,学校四,School 4\n",
        "slug,name_ja,name_en\nschool-004,学校四\n",
    ] {
        let path = app.folder().join("schools.csv");
        std::fs::write(&path, content).unwrap();
        let (code, output, error) = run(&app, &["import", &path.display().to_string(), "--tenants"]);
        answers.push(format!("{code} {output}{error}"));
    }
    insta::assert_snapshot!(answers.concat(), @r"
    0 2 tenants read: 2 created; 1 contacts set
    0 2 tenants read: 1 created; 0 contacts set
    2 suimon: line 2: contact is not a mail address
    2 suimon: line 2: wants the columns slug, name_ja, name_en and optionally contact
    2 suimon: tenants[0].slug: wants 1 to 63 lower-case letters, digits or -
    2 suimon: line 2: has 2 columns, the header has 3
    ");
    let bytes: Vec<u8> = entity::tenant::Entity::find()
        .all(&database(&app).await)
        .await
        .unwrap()
        .into_iter()
        .filter_map(|tenant| tenant.contact)
        .flatten()
        .collect();
    assert!(!bytes.is_empty() && !String::from_utf8_lossy(&bytes).contains("office"));
}
