//! Affected lists: from the logs of the founding day to the approved revision.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use exposure::simulate::{DEFAULT_SEED, Day, LogOptions, founding_day};
use serde_json::{Value, json};
use suimon::access::Role;

use crate::harness::{Member, TestApp, text};
use crate::incidents::open;

/// What a run of the program gave.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the program itself.
pub fn suimon(folder: &Path, arguments: &[&str]) -> Run {
    let output = command(folder).args(arguments).output().expect("the program runs");
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
    command.current_dir(folder).env("RUST_BACKTRACE", "0");
    command
}

/// The program on the test's own database.
fn on(app: &TestApp, arguments: &[&str]) -> Run {
    suimon(app.folder(), &[&settings(app)[..], arguments].concat())
}

fn settings(app: &TestApp) -> Vec<&'static str> {
    let url = format!("database.url={}", app.database_url());
    let key = format!("keys.file={}", app.folder().join("kek.key").display());
    vec!["--set", url.leak(), "--set", key.leak(), "--set", "log.filter=off"]
}

/// Writes the logs of the day, and beside them the documents that are no logs.
fn write_day(day: &Day, folder: &Path) {
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
    clocks      the origin is 222 ms ahead of the edge (1324 requests in both logs)
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
    clocks      the origin is 222 ms ahead of the edge (1324 requests in both logs)
    complete    as far as logs can tell: everybody who was there is on the list
    "#);
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

fn person(tenant: &str, person: &str) -> Value {
    json!({
        "tenant": tenant, "person": person, "kind": "applicant", "class": "POSSIBLE", "requests": 2, "logins": 1,
        "firstAt": "2023-10-26T12:00:00+09:00", "lastAt": "2023-10-26T12:10:00+09:00",
        "evidence": [{ "at": "2023-10-26T12:00:00+09:00", "what": "LOGIN", "input": "login.jsonl", "line": 3 }],
    })
}

fn head(incident: &str) -> Value {
    json!({
        "incidentId": incident, "method": "WINDOW", "reason": "first list",
        "parameters": {
            "from": "2023-10-26T02:00:00Z", "to": "2023-10-26T06:41:00Z", "basis": "logins", "personal_routes": ["/mypage/**"],
        },
        "inputs": [{
            "name": "login.jsonl", "sha256": "ab".repeat(32), "format": "origin_json_lines", "compressed": false, "bytes": 10,
            "lines": 3, "used": 3, "bad": { "count": 0, "samples": [] }, "oversized": 0, "truncated": null,
            "first": null, "last": null, "duplicate_of": null,
        }],
    })
}

async fn create(officer: &Member, head: &Value, people: Vec<Value>, last: bool) -> Value {
    let mut input = head.clone();
    input["people"] = people.into();
    input["last"] = last.into();
    let query = "mutation($input: CreateRevisionInput!) { createRevision(input: $input) {
        ... on RevisionReceived { revisionId received revision { id number state counts { persons tenants countedAgain
          indeterminate unknownTenants byTenant { tenant kind persons } } } }
        ... on Problem { code message field remedy } } }";
    let answer = officer.gql_with(query, json!({ "input": input })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["createRevision"].clone()
}

async fn revisions(officer: &Member, incident: &str) -> Vec<Value> {
    let query = "query($id: ID!) { incident(id: $id) { revisions { id number state } } }";
    let answer = officer.gql_with(query, json!({ "id": incident })).await;
    answer["data"]["incident"]["revisions"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_comes_in_by_batches_is_none_until_its_last() {
    let app = TestApp::new().await;
    app.tenant("school-001").await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let colleague = app.operator_member(Role::ComplianceOfficer).await;
    let incident = open(&officer).await;
    let first = create(
        &officer,
        &head(&incident),
        vec![person("school-001", "ap-1"), person("school-002", "ap-1")],
        false,
    )
    .await;
    assert_eq!((&first["received"], &first["revision"]), (&json!(2), &Value::Null));
    let next = json!({ "incidentId": incident, "revisionId": first["revisionId"] });

    // Nobody sees it, by whichever way.
    assert_eq!(revisions(&officer, &incident).await, Vec::<Value>::new());
    let by_id = officer
        .gql_with("query($id: ID!) { revision(id: $id) { number } }", json!({ "id": first["revisionId"] }))
        .await;
    assert_eq!(by_id["errors"][0]["extensions"]["code"], "NOT_FOUND");
    let approver = app.operator_member(Role::Approver).await;
    insta::assert_snapshot!(approve(&approver, &first["revisionId"]).await, @r#"{"code":"NOT_FOUND","message":"revision not found","remedy":null}"#);
    let correct = json!({ "incidentId": incident, "baseRevisionId": first["revisionId"], "reason": "x",
        "remove": [{ "tenant": "school-001", "person": "ap-1", "reason": "x" }] });
    assert_eq!(correct_revision(&officer, correct).await["code"], "NOT_FOUND");

    // The answer was lost, so the same batch comes again; then it comes with other values, or from somebody else.
    let again = create(&officer, &next, vec![person("school-001", "ap-1")], false).await;
    assert_eq!(again["received"], 2);
    let mut changed = person("school-001", "ap-1");
    changed["logins"] = json!(9);
    insta::assert_snapshot!(create(&officer, &next, vec![changed], false).await["message"], @r#""a person of this batch came before, with other values""#);
    insta::assert_snapshot!(create(&colleague, &next, vec![person("school-001", "ap-2")], true).await["code"], @r#""FORBIDDEN""#);
    let mut unclear = person("school-001", "ap-3");
    unclear["class"] = json!("INDETERMINATE");
    let done = create(&officer, &next, vec![unclear.clone()], true).await;
    insta::assert_snapshot!(done["revision"]["counts"], @r#"{"byTenant":[{"kind":"applicant","persons":1,"tenant":"school-001"},{"kind":"applicant","persons":1,"tenant":"school-002"}],"countedAgain":1,"indeterminate":1,"persons":1,"tenants":2,"unknownTenants":["school-002"]}"#);
    let number = |answer: &Value| answer["revision"]["number"].clone();
    assert_eq!((number(&done), done["revision"]["state"].clone()), (json!(1), json!("DRAFT")));
    assert_eq!(
        number(&create(&officer, &next, vec![unclear], true).await),
        1,
        "the last batch may come again"
    );
    insta::assert_snapshot!(create(&officer, &next, vec![person("school-001", "ap-4")], true).await["message"], @r#""this list is complete""#);
    assert_eq!(revisions(&officer, &incident).await.len(), 1);
}

async fn approve(member: &Member, id: &Value) -> Value {
    let query = "mutation($id: ID!) { answer: approveRevision(revisionId: $id) {
        ... on Revision { number state approvedAt } ... on Problem { code message remedy } } }";
    member.gql_with(query, json!({ "id": id })).await["data"]["answer"].clone()
}

async fn correct_revision(member: &Member, input: Value) -> Value {
    let query = "mutation($input: CorrectRevisionInput!) { answer: correctRevision(input: $input) {
        ... on Revision { id number method state reason parameters counts { persons excluded }
          people { nodes { tenant person class origin reason logins } }
          difference { from to added { tenant person reason } removed { tenant person reason } changed { person fields } } }
        ... on Problem { code message field remedy } } }";
    let answer = member.gql_with(query, json!({ "input": input })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["answer"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn corrections_give_reasons_and_approval_freezes() {
    let app = TestApp::new().await;
    for school in ["school-001", "school-002"] {
        app.tenant(school).await;
    }
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let approver = app.operator_member(Role::Approver).await;
    let incident = open(&officer).await;
    let people =
        vec![person("school-001", "ap-1"), person("school-001", "ap-2"), person("school-002", "ap-1")];
    let first = create(&officer, &head(&incident), people, true).await["revision"].clone();
    assert_eq!(first["counts"]["persons"], 2);
    app.clock.set("2023-10-30T10:00:00+09:00".parse().unwrap());

    let correction = |add: Value, remove: Value| json!({ "incidentId": incident, "baseRevisionId": first["id"], "reason": "サポートへの申告", "add": add, "remove": remove });
    let add =
        json!([{ "tenant": "school-002", "person": "ap-3", "kind": "applicant", "reason": "電話で申告" }]);
    let remove = json!([{ "tenant": "school-001", "person": "ap-2", "reason": "テスト用の利用者" }]);
    let mut second = correct_revision(&officer, correction(add.clone(), remove.clone())).await;
    let second_id = second["id"].take();
    second["parameters"]["base"]["digest"] = json!("[digest]");
    insta::assert_json_snapshot!(second, @r#"
    {
      "counts": {
        "excluded": 1,
        "persons": 2
      },
      "difference": {
        "added": [
          {
            "person": "ap-3",
            "reason": "電話で申告",
            "tenant": "school-002"
          }
        ],
        "changed": [],
        "from": 1,
        "removed": [
          {
            "person": "ap-2",
            "reason": "テスト用の利用者",
            "tenant": "school-001"
          }
        ],
        "to": 2
      },
      "id": null,
      "method": "MANUAL",
      "number": 2,
      "parameters": {
        "added": 1,
        "base": {
          "digest": "[digest]",
          "number": 1
        },
        "removed": 1
      },
      "people": {
        "nodes": [
          {
            "class": "POSSIBLE",
            "logins": 1,
            "origin": "LOGS",
            "person": "ap-1",
            "reason": null,
            "tenant": "school-001"
          },
          {
            "class": "EXCLUDED",
            "logins": 1,
            "origin": "MANUAL",
            "person": "ap-2",
            "reason": "テスト用の利用者",
            "tenant": "school-001"
          },
          {
            "class": "POSSIBLE",
            "logins": 1,
            "origin": "LOGS",
            "person": "ap-1",
            "reason": null,
            "tenant": "school-002"
          },
          {
            "class": "POSSIBLE",
            "logins": 0,
            "origin": "MANUAL",
            "person": "ap-3",
            "reason": "電話で申告",
            "tenant": "school-002"
          }
        ]
      },
      "reason": "サポートへの申告",
      "state": "DRAFT"
    }
    "#);

    let mut problems = Vec::new();
    let one = |tenant: &str, person: &str, kind: &str, reason: &str| json!([{ "tenant": tenant, "person": person, "kind": kind, "reason": reason }]);
    for (add, remove) in [
        (json!([]), json!([])),
        (one("school-001", "ap-1", "applicant", "x"), json!([])),
        (one("school-009", "ap-9", "applicant", "x"), json!([])),
        (one("school-001", "someone@school.example", "applicant", "x"), json!([])),
        (one("school-001", "ap-9", "applicant", " "), json!([])),
        (one("school-002", "ap-2", "school_admin", "x"), json!([])),
        (json!([]), json!([{ "tenant": "school-002", "person": "ap-2", "reason": "x" }])),
    ] {
        let problem = correct_revision(&officer, correction(add, remove)).await;
        problems.push(format!(
            "{} {}: {}",
            text(&problem["code"]),
            problem["field"],
            text(&problem["message"])
        ));
    }
    insta::assert_snapshot!(problems.join("\n"), @r#"
    INVALID "add": wants 1 to 1000 people to add or remove
    INVALID "add[0]": is on the list already
    INVALID "add[0].tenant": is not a tenant
    INVALID "add[0].person": looks like an address or a name
    INVALID "add[0].reason": wants 1 to 1000 characters
    INVALID "people": has one person with two kinds
    INVALID "remove[0]": is not on the list
    "#);
    assert_eq!(revisions(&officer, &incident).await.len(), 2, "what was refused left nothing");

    insta::assert_snapshot!(approve(&officer, &first["id"]).await, @r#"{"code":"FORBIDDEN","message":"not allowed: approve on revision","remedy":null}"#);
    // Even with both roles one does not approve one's own list.
    let roles = "mutation($id: ID!) { setAccountRoles(accountId: $id, roles: [COMPLIANCE_OFFICER, APPROVER]) { __typename } }";
    app.admin().gql_with(roles, json!({ "id": officer.account })).await;
    insta::assert_snapshot!(approve(&officer, &first["id"]).await, @r#"{"code":"FORBIDDEN","message":"not allowed: approve on revision","remedy":"whoever made a list cannot approve it; ask another approver"}"#);
    insta::assert_snapshot!(approve(&approver, &second_id).await, @r#"{"approvedAt":"2023-10-30T01:00:00Z","number":2,"state":"APPROVED"}"#);
    insta::assert_snapshot!(approve(&approver, &second_id).await, @r#"{"code":"CONFLICT","message":"this revision is approved already","remedy":null}"#);
    insta::assert_snapshot!(approve(&approver, &first["id"]).await, @r#"{"code":"CONFLICT","message":"a later revision is approved","remedy":"correct that one instead"}"#);

    // A third one from the approved one; its approval supersedes it.
    let back =
        json!([{ "tenant": "school-001", "person": "ap-2", "kind": "applicant", "reason": "本人だった" }]);
    let mut third = correction(back, json!([]));
    third["baseRevisionId"] = second_id.clone();
    let third = correct_revision(&officer, third).await;
    insta::assert_snapshot!(third["difference"], @r#"{"added":[{"person":"ap-2","reason":"本人だった","tenant":"school-001"}],"changed":[],"from":2,"removed":[],"to":3}"#);
    assert_eq!(approve(&approver, &third["id"]).await["state"], "APPROVED");
    let states: Vec<String> = revisions(&officer, &incident)
        .await
        .iter()
        .map(|row| format!("{} {}", row["number"], row["state"]))
        .collect();
    insta::assert_snapshot!(states.join(", "), @r#"1 "DRAFT", 2 "SUPERSEDED", 3 "APPROVED""#);
    // Any two can be compared; those of another incident cannot.
    let query = "query($id: ID!, $from: ID!) { revision(id: $id) { difference(from: $from) { from to addedCount removedCount } } }";
    let pair = json!({ "id": third["id"], "from": first["id"] });
    insta::assert_snapshot!(officer.gql_with(query, pair).await["data"]["revision"]["difference"], @r#"{"addedCount":1,"from":1,"removedCount":0,"to":3}"#);
    let other = open(&officer).await;
    let elsewhere = create(&officer, &head(&other), vec![person("school-001", "ap-1")], true).await;
    let pair = json!({ "id": third["id"], "from": elsewhere["revision"]["id"] });
    insta::assert_snapshot!(officer.gql_with(query, pair).await["errors"][0]["message"], @r#""revision to compare with not found""#);
    assert_eq!(elsewhere["revision"]["number"], 1, "each incident counts from one");

    // The people of a revision cannot be changed in the database; a person who is slipped in is seen.
    let database = sea_orm::Database::connect(app.database_url()).await.unwrap();
    let run = async |sql: &str| sea_orm::ConnectionTrait::execute_unprepared(&database, sql).await;
    for change in ["UPDATE revision_person SET class = 'excluded'", "DELETE FROM revision_person"] {
        let error = run(change).await.unwrap_err();
        assert!(error.to_string().contains("table revision_person is append-only"), "{error}");
    }
    run("INSERT INTO revision_person SELECT tenant_id, revision_id, tenant_slug, 'ap-99', person_kind, person_tenant, class, \
         first_at, last_at, requests, logins, origin, reason, evidence FROM revision_person WHERE person = 'ap-1'")
        .await
        .unwrap();
    let query = "query($id: ID!) { revision(id: $id) { intact } }";
    let answer = officer.gql_with(query, json!({ "id": third["id"] })).await;
    assert_eq!(answer["data"]["revision"]["intact"], false);
    insta::assert_snapshot!(approve(&approver, &elsewhere["revision"]["id"]).await, @r#"{"code":"CONFLICT","message":"the list is not what it was when it was made","remedy":"verify the database and its backups; make the list again from the logs"}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lists_are_named() {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let approver = app.operator_member(Role::Approver).await;
    let incident = open(&officer).await;
    let good = head(&incident);
    let with = |key: &str, value: Value| {
        let mut head = good.clone();
        head[key] = value;
        head
    };
    let one = |key: &str, value: Value| {
        let mut one = person("school-001", "ap-1");
        one[key] = value;
        vec![one]
    };
    let few = || vec![person("school-001", "ap-1")];
    let mut reversed = good["parameters"].clone();
    reversed["to"] = json!("2020-01-01T00:00:00Z");
    let two_kinds = vec![person("a", "ap-1"), one("kind", json!("school_admin")).remove(0)];
    let cases = [
        (with("reason", json!("")), few()),
        (with("method", json!("MANUAL")), few()),
        (with("parameters", json!({ "from": "yesterday" })), few()),
        (with("parameters", reversed), few()),
        (with("inputs", json!([])), few()),
        (with("inputs", json!("x")), few()),
        (with("completeness", json!({})), few()),
        (with("revisionId", json!(incident)), few()),
        (good.clone(), one("person", json!("taro@school.example"))),
        (good.clone(), one("person", json!("水野 太郎"))),
        (good.clone(), one("person", json!(""))),
        (good.clone(), one("tenant", json!("a\u{0}"))),
        (good.clone(), one("class", json!("EXCLUDED"))),
        (good.clone(), one("logins", json!(-1))),
        (good.clone(), one("lastAt", json!("2023-10-26T11:00:00+09:00"))),
        (good.clone(), one("evidence", json!(vec![person("a", "b")["evidence"][0].clone(); 51]))),
        (good.clone(), vec![person("school-001", "ap-1"); 2]),
        (good.clone(), two_kinds),
        (good.clone(), vec![json!({ "person": "p", "class": "POSSIBLE" }); 1001]),
    ];
    let mut problems = Vec::new();
    for (head, people) in cases {
        let problem = create(&officer, &head, people, true).await;
        problems.push(format!(
            "{} {}: {}",
            text(&problem["code"]),
            problem["field"],
            text(&problem["message"])
        ));
    }
    insta::assert_snapshot!(problems.join("\n"), @r#"
    INVALID "reason": wants 1 to 2000 characters
    INVALID "method": cannot be MANUAL here
    INVALID "parameters": is not what a scan gives
    INVALID "parameters": the window ends (2020-01-01T00:00:00Z) before it starts (2023-10-26T02:00:00Z); swap `from` and `to`
    INVALID "inputs": wants 1 to 100000 inputs
    INVALID "inputs": is not what a scan gives
    INVALID "completeness": is not what a scan gives
    INVALID "revisionId": names a list whose head was sent already
    INVALID "people[0].person": looks like an address or a name
    INVALID "people[0].person": looks like an address or a name
    INVALID "people[0].person": wants 1 to 256 bytes without control characters
    INVALID "people[0].tenant": wants 1 to 256 bytes without control characters
    INVALID "people[0].class": cannot come from logs by the window method
    INVALID "people[0]": has a negative number of requests or logins
    INVALID "people[0].lastAt": ends before it starts
    INVALID "people[0].evidence": wants at most 50 lines and 100 routes
    INVALID "people[1]": is in the batch twice, with the same tenant
    INVALID "people": has one person with two kinds
    INVALID "people": wants 1 to 1000 in a batch
    "#);
    assert_eq!(revisions(&officer, &incident).await, Vec::<Value>::new());
    assert_eq!(create(&approver, &good, few(), true).await["code"], "FORBIDDEN");
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
    2 suimon: rubbish.json is not the result of a scan (line 1, column 35); give the file that `suimon exposure scan --out` wrote
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
    let database = sea_orm::Database::connect(app.database_url()).await.unwrap();
    let sql = "SELECT count(*) AS n FROM revision_person";
    let statement =
        sea_orm::Statement::from_string(sea_orm::ConnectionTrait::get_database_backend(&database), sql);
    let row = sea_orm::ConnectionTrait::query_one_raw(&database, statement).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64>("", "n").unwrap(), 8_000 * complete.len() as i64);
}
