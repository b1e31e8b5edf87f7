//! Affected lists: from the logs of the founding day to the approved revision.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use exposure::simulate::{DEFAULT_SEED, Day, LogOptions, founding_day};
use serde_json::{Value, json};
use suimon::access::Role;

use crate::exposure_revisions::revisions;
use crate::harness::{TestApp, text};
use crate::incidents::open;

/// What a run of the program gave.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the program itself.
pub fn suimon(folder: &Path, arguments: &[&str]) -> Run {
    Run::of(command(folder).args(arguments).output().expect("the program runs"))
}

impl Run {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
    command.current_dir(folder).env("RUST_BACKTRACE", "0");
    command
}

/// The program on the test's own database.
pub fn on(app: &TestApp, arguments: &[&str]) -> Run {
    suimon(app.folder(), &[&settings(app)[..], arguments].concat())
}

fn settings(app: &TestApp) -> Vec<&'static str> {
    let url = format!("database.url={}", app.database_url());
    let key = format!("keys.file={}", app.folder().join("kek.key").display());
    vec!["--set", url.leak(), "--set", key.leak(), "--set", "log.filter=off"]
}

/// The same with an environment of its own.
pub fn on_with(app: &TestApp, environment: &[(&str, &str)], arguments: &[&str]) -> Run {
    let arguments = [&settings(app)[..], arguments].concat();
    let output = command(app.folder()).args(arguments).envs(environment.iter().copied()).output();
    Run::of(output.expect("the program runs"))
}

/// Writes the logs of the day, and beside them the documents that are no logs.
pub fn write_day(day: &Day, folder: &Path) {
    for file in day.files(LogOptions::default()) {
        let path: PathBuf = folder.join(file.name());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        file.write_to(std::fs::File::create(path).unwrap()).unwrap();
    }
}

const FIRST: &[&str] = &[
    "exposure",
    "scan",
    "logs",
    "--from",
    "2023-10-26T11:00:00+09:00",
    "--to",
    "2023-10-26T15:41:00+09:00",
    "--margin-before",
    "1800",
    "--margin-after",
    "1800",
    "--basis",
    "logins",
    "--include-failed",
    "--personal",
    "/mypage/**",
    "--personal",
    "/admin/**",
    "--out",
    "first.json",
];
const REVISED: &[&str] = &[
    "exposure",
    "scan",
    "logs",
    "--from",
    "2023-10-26T11:00:00+09:00",
    "--to",
    "2023-10-26T15:41:00+09:00",
    "--personal",
    "/mypage/**",
    "--personal",
    "/admin/**",
    "--session-cookie",
    "session",
    "--out",
    "revised.json",
];

async fn schools(app: &TestApp, day: &Day) {
    let tenants: Vec<Value> = day
        .population()
        .schools
        .iter()
        .map(|school| json!({ "slug": school.id, "nameJa": format!("学校 {}", school.id), "nameEn": school.id }))
        .collect();
    let query = "mutation($tenants: [NewTenant!]!) { createTenants(tenants: $tenants) { __typename } }";
    let answer = app.admin().gql_with(query, json!({ "tenants": tenants })).await;
    assert!(answer["errors"].is_null(), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lists_of_the_founding_report_come_out_of_its_logs() {
    let app = TestApp::new().await;
    let day = founding_day(DEFAULT_SEED);
    write_day(&day, &app.folder().join("logs"));
    schools(&app, &day).await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let approver = app.operator_member(Role::Approver).await;
    open(&officer).await;

    let scan = suimon(app.folder(), FIRST);
    assert_eq!(scan.code, 0, "{}", scan.stderr);
    insta::assert_snapshot!(scan.stderr, @r#"
    suimon: left out: logs/population.json
    suimon: left out: logs/truth.json
    "#);
    insta::assert_snapshot!(scan.stdout, @r#"
    window      2023-10-26T02:00:00Z to 2023-10-26T06:41:00Z
    margins     1800 s before, 1800 s after
    affected    358 persons at 70 tenants
      applicant               292 persons at 60 tenants
      school_admin             66 persons at 60 tenants
    reconciled  364 entries over tenants - 6 counted again = 358 persons
    logs        74 files, 22292 lines, 22292 understood
    clocks      the origin is 225 ms ahead of the edge (1346 requests in both logs)
    complete    as far as logs can tell: everybody who was there is on the list
    "#);
    let scan = suimon(app.folder(), REVISED);
    assert_eq!(scan.code, 0, "{}", scan.stderr);
    insta::assert_snapshot!(scan.stdout, @r#"
    window      2023-10-26T02:00:00Z to 2023-10-26T06:41:00Z
    affected    339 persons at 68 tenants
      applicant               291 persons at 59 tenants
      school_admin             48 persons at 41 tenants
    reconciled  345 entries over tenants - 6 counted again = 339 persons
    logs        74 files, 22292 lines, 22292 understood
    clocks      the origin is 225 ms ahead of the edge (1346 requests in both logs)
    complete    as far as logs can tell: everybody who was there is on the list
    "#);
    // The manifest says which routes are personal; the list is the same.
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/online-application/manifests/system.yaml");
    let arguments =
        [&REVISED[..7], &["--manifest", manifest, "--session-cookie", "session", "--threads", "1"]].concat();
    assert_eq!(suimon(app.folder(), &arguments).stdout, scan.stdout);
    let diff = suimon(app.folder(), &["exposure", "diff", "first.json", "revised.json"]);
    insta::assert_snapshot!(format!("{} {}", diff.code, diff.stdout), @r#"
    3 13 added, 32 removed, 332 changed, 0 unchanged (persons at tenants)
      + applicant                11
      + school_admin              2
      - applicant                12
      - school_admin             20
    "#);
    let same = suimon(app.folder(), &["exposure", "diff", "first.json", "first.json"]);
    assert_eq!(same.code, 0);

    for (file, reason) in [("first.json", "事故直後の一覧"), ("revised.json", "ログイン状況を考慮")]
    {
        let arguments = [
            "exposure",
            "store",
            "--incident",
            "1",
            "--from",
            file,
            "--reason",
            reason,
            "--as",
            &officer.login,
        ];
        let stored = on(&app, &arguments);
        assert_eq!(stored.code, 0, "{}", stored.stderr);
        if file == "first.json" {
            insta::assert_snapshot!(stored.stdout, @r#"
            revision 1 of incident 1: 358 persons at 70 tenants
              applicant               292 persons at 60 tenants
              school_admin             66 persons at 60 tenants
            "#);
        } else {
            insta::assert_snapshot!(stored.stdout, @r#"
            revision 2 of incident 1: 339 persons at 68 tenants
              applicant               291 persons at 59 tenants
              school_admin             48 persons at 41 tenants
              since revision 1: 13 persons added, 32 removed
            "#);
        }
    }
    let query = "{ incident(number: 1) { revisions { id number method state complete intact unknown: counts { unknownTenants }
        counts { persons tenants byKind { kind persons tenants } sumOverTenants countedAgain personsInSeveralTenants } } } }";
    let answer = approver.gql(query).await;
    let revisions = answer["data"]["incident"]["revisions"].as_array().unwrap();
    let lines: Vec<String> = revisions
        .iter()
        .map(|revision| {
            let mut revision = revision.clone();
            revision.as_object_mut().unwrap().remove("id");
            revision.to_string()
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"complete":true,"counts":{"byKind":[{"kind":"applicant","persons":292,"tenants":60},{"kind":"school_admin","persons":66,"tenants":60}],"countedAgain":6,"persons":358,"personsInSeveralTenants":6,"sumOverTenants":364,"tenants":70},"intact":true,"method":"WINDOW","number":1,"state":"DRAFT","unknown":{"unknownTenants":[]}}
    {"complete":true,"counts":{"byKind":[{"kind":"applicant","persons":291,"tenants":59},{"kind":"school_admin","persons":48,"tenants":41}],"countedAgain":6,"persons":339,"personsInSeveralTenants":6,"sumOverTenants":345,"tenants":68},"intact":true,"method":"WINDOW","number":2,"state":"DRAFT","unknown":{"unknownTenants":[]}}
    "#);

    let last = &revisions[1]["id"];
    let query = "query($id: ID!) { revision(id: $id) { difference { from to addedCount removedCount personsAdded personsRemoved
        byKind { name added removed } byTenant { added removed } added(first: 2) { person } } } }";
    let mut answer = approver.gql_with(query, json!({ "id": last })).await;
    let difference = &mut answer["data"]["revision"]["difference"];
    let by_tenant = difference["byTenant"].take();
    let sum = |field: &str| {
        by_tenant.as_array().unwrap().iter().map(|row| row[field].as_i64().unwrap()).sum::<i64>()
    };
    assert_eq!((sum("added"), sum("removed")), (13, 32));
    insta::assert_snapshot!(difference, @r#"{"added":[{"person":"ap-00422"},{"person":"ap-00264"}],"addedCount":13,"byKind":[{"added":11,"name":"applicant","removed":12},{"added":2,"name":"school_admin","removed":20}],"byTenant":null,"from":1,"personsAdded":13,"personsRemoved":32,"removedCount":32,"to":2}"#);

    // The page of people: in order, each with the log lines that say so.
    let mut people = Vec::new();
    let mut after = Value::Null;
    while people.is_empty() || !after.is_null() {
        let query =
            "query($id: ID!, $after: String) { revision(id: $id) { people(first: 200, after: $after) {
            nodes { tenant person tenantId evidenceTotal } pageInfo { hasNextPage endCursor } } } }";
        let page = approver.gql_with(query, json!({ "id": last, "after": after })).await;
        let page = &page["data"]["revision"]["people"];
        people.extend(page["nodes"].as_array().unwrap().clone());
        let more = page["pageInfo"]["hasNextPage"].as_bool().unwrap();
        after = if more { page["pageInfo"]["endCursor"].clone() } else { Value::Null };
    }
    assert_eq!(people.len(), 291 + 48 + 6);
    assert!(people.is_sorted_by_key(|row| (text(&row["tenant"]), text(&row["person"]))));
    assert!(
        people.iter().all(|row| row["tenantId"].is_string() && row["evidenceTotal"].as_u64().unwrap() > 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_was_changed_is_refused_and_roles_decide_on_the_command_line() {
    let app = TestApp::new().await;
    let day = founding_day(7);
    write_day(&day, &app.folder().join("logs"));
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    open(&officer).await;
    assert_eq!(suimon(app.folder(), FIRST).code, 0);
    let file = app.folder().join("first.json");
    let mut result: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    result["people"].as_array_mut().unwrap().pop();
    std::fs::write(app.folder().join("changed.json"), result.to_string()).unwrap();
    std::fs::write(app.folder().join("rubbish.json"), "{\"people\": \"someone@school.example\"}").unwrap();
    let store = |file: &str, incident: &str, login: &str| {
        let run = on(
            &app,
            &["exposure", "store", "--incident", incident, "--from", file, "--reason", "x", "--as", login],
        );
        format!("{} {}{}", run.code, run.stdout, run.stderr)
    };
    let answers = [
        store("changed.json", "1", &officer.login),
        store("rubbish.json", "1", &officer.login),
        store("nowhere.json", "1", &officer.login),
        store("first.json", "2", &officer.login),
        store("first.json", "1", "nobody"),
        store("first.json", "1", "admin"),
    ];
    insta::assert_snapshot!(answers.join(""), @r#"
    2 suimon: result: its counts are not those of its people; it was changed after the scan; scan the logs again
    2 suimon: rubbish.json is not the result of a scan (line 1, column 35); give the file that `suimon exposure scan --out` or `reconstruct --out` wrote
    2 suimon: cannot read nowhere.json: No such file or directory (os error 2)
    2 suimon: incident not found
    2 suimon: account not found; name an existing account with --as
    2 suimon: not allowed: create on revision
    "#);
    // The schools are not known here: they are counted, and the officer is told.
    insta::assert_snapshot!(store("first.json", "1", &officer.login), @r#"
    0 revision 1 of incident 1: 358 persons at 69 tenants
      applicant               292 persons at 60 tenants
      school_admin             66 persons at 60 tenants
      69 tenants are not known here, no notice can reach them: create them with these short names
    "#);
    let show = on(&app, &["incident", "show", "1", "--as", &officer.login]);
    insta::assert_snapshot!(show.stdout, @r#"
       1  open       online-application  他人の画面が表示された
          detected       2023-10-26 13:15:00 JST
          aware          2023-10-26 13:15:00 JST
       2  2023-10-26 09:00:00 JST  status
          → open
       1  2023-10-26 13:15:00 JST  report
          自分のマイページを開いたら他の志願者のものが見えた
          (an applicant, through the school)
    revision 1 (window, draft): 358 persons at 69 tenants
    "#);
    let list = on(&app, &["incident", "list"]);
    insta::assert_snapshot!(list.stdout, @"   1  open       online-application  他人の画面が表示された");
    let arguments = [
        "incident",
        "open",
        "--system",
        "s",
        "--title",
        "t",
        "--summary",
        "x",
        "--occurred-at",
        "2023-10-26T13:15:00+09:00",
    ];
    let refused = on(&app, &arguments);
    insta::assert_snapshot!(format!("{} {}", refused.code, refused.stderr), @"2 suimon: not allowed: create on incident");
    let opened = on(&app, &[&arguments[..], &["--as", &officer.login]].concat());
    insta::assert_snapshot!(opened.stdout, @"incident 2 is open");
    let arguments = [
        "incident",
        "entry",
        "2",
        "--kind",
        "decision",
        "--occurred-at",
        "2023-10-26T13:20:00+09:00",
        "--text",
        "y",
        "--as",
        &officer.login,
    ];
    let entry = on(&app, &arguments);
    insta::assert_snapshot!(entry.stdout, @"entry 3 of incident 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_killed_leaves_nothing_half() {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let incident = open(&officer).await;
    // Many people, so that there is something to be killed in.
    let mut logins = String::new();
    for number in 0..8_000 {
        logins.push_str(&format!(
            "{{\"time\":\"2023-10-26T12:00:{:02}+09:00\",\"event\":\"login\",\"person\":\"ap-{number}\",\"kind\":\"applicant\",\"tenant\":\"school-001\"}}\n",
            number % 60
        ));
    }
    std::fs::create_dir(app.folder().join("logs")).unwrap();
    std::fs::write(app.folder().join("logs/login.jsonl"), logins).unwrap();
    // One hour of five has lines: exit code 3, and the result is written all the same.
    assert_eq!(suimon(app.folder(), FIRST).code, 3);
    let arguments = [
        "exposure",
        "store",
        "--incident",
        "1",
        "--from",
        "first.json",
        "--reason",
        "x",
        "--as",
        &officer.login,
    ];
    let whole = std::time::Instant::now();
    let stored = on(&app, &arguments);
    assert_eq!(stored.code, 0, "{}", stored.stderr);
    let whole = whole.elapsed();
    for part in 1..=6 {
        let mut child =
            command(app.folder()).args(settings(&app)).args(arguments).stdout(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(whole * part / 7).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let complete = revisions(&officer, &incident).await;
    for (index, revision) in complete.iter().enumerate() {
        assert_eq!(revision["number"], index + 1);
        let query = "query($id: ID!) { revision(id: $id) { intact counts { persons } } }";
        let answer = officer.gql_with(query, json!({ "id": revision["id"] })).await;
        assert_eq!(answer["data"]["revision"], json!({ "intact": true, "counts": { "persons": 8_000 } }));
    }
    let database = sea_orm::Database::connect(app.owner_url()).await.unwrap();
    let sql = "SELECT count(*) AS n FROM revision_person";
    let statement =
        sea_orm::Statement::from_string(sea_orm::ConnectionTrait::get_database_backend(&database), sql);
    let row = sea_orm::ConnectionTrait::query_one_raw(&database, statement).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64>("", "n").unwrap(), 8_000 * complete.len() as i64);
}
