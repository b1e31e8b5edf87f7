//! Affected lists through the API: batches, corrections with reasons, approval, bad input.

use serde_json::{Value, json};
use suimon::access::Role;

use crate::harness::{Member, TestApp, text};
use crate::incidents::open;

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

pub async fn revisions(officer: &Member, incident: &str) -> Vec<Value> {
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
        "question": {
          "basis": "logins",
          "from": "2023-10-26T02:00:00Z",
          "include_failed_logins": false,
          "limits": {
            "bad_samples": 10,
            "evidence": 20,
            "max_line_bytes": 1048576
          },
          "margin_after_seconds": 0,
          "margin_before_seconds": 0,
          "personal_routes": [
            "/mypage/**"
          ],
          "session_cookie": null,
          "to": "2023-10-26T06:41:00Z"
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
    let database = sea_orm::Database::connect(app.owner_url()).await.unwrap();
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
    INVALID "people[0].evidence": wants at most 50 lines and answers and 100 routes
    INVALID "people[1]": is in the batch twice, with the same tenant
    INVALID "people": has one person with two kinds
    INVALID "people": wants 1 to 1000 in a batch
    "#);
    assert_eq!(revisions(&officer, &incident).await, Vec::<Value>::new());
    assert_eq!(create(&approver, &good, few(), true).await["code"], "FORBIDDEN");
}
