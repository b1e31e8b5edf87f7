//! The life of an incident, from the first complaint to closure, as a client sees it.

use serde_json::{Value, json};
use suimon::access::Role;

use crate::harness::{Member, TestApp, text};

/// Reports two findings as the founding day had them and opens an incident from the first one.
pub async fn open(officer: &Member) -> String {
    let finding =
        report(officer, "自分のマイページを開いたら他の志願者のものが見えた", "2023-10-26T13:15:00+09:00")
            .await;
    let answer = officer
        .gql_with(
            "mutation($findings: [ID!]!) { openIncident(input: {
               system: \"online-application\", title: \"他人の画面が表示された\", zone: \"Asia/Tokyo\", findingIds: $findings
             }) { ... on Incident { id } ... on Problem { code message } } }",
            json!({ "findings": [finding] }),
        )
        .await;
    text(&answer["data"]["openIncident"]["id"])
}

pub async fn report(officer: &Member, summary: &str, at: &str) -> String {
    let answer = officer
        .gql_with(
            "mutation($summary: String!, $at: Instant!) { reportFinding(input: {
               system: \"online-application\", summary: $summary, occurredAt: $at, source: PERSON,
               reporter: \"an applicant, through the school\", requirement: \"APP-CACHE-001\"
             }) { ... on Finding { id } ... on Problem { code message field } } }",
            json!({ "summary": summary, "at": at }),
        )
        .await;
    text(&answer["data"]["reportFinding"]["id"])
}

pub async fn entry(officer: &Member, incident: &str, kind: &str, at: &str, more: Value) -> Value {
    let mut input = json!({ "incidentId": incident, "kind": kind, "occurredAt": at, "text": "テスト" });
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    let answer = officer
        .gql_with(
            "mutation($input: AddTimelineEntryInput!) { addTimelineEntry(input: $input) {
               ... on TimelineEntry { id seq } ... on Problem { code message field remedy } } }",
            json!({ "input": input }),
        )
        .await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["addTimelineEntry"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_life_of_an_incident() {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    app.clock.set("2023-10-26T13:20:00+09:00".parse().unwrap());
    let incident = open(&officer).await;
    let run = async |query: &str, more: Value| -> Value {
        let mut variables = json!({ "incident": incident });
        for (key, value) in more.as_object().unwrap() {
            variables[key] = value.clone();
        }
        let answer = officer.gql_with(query, variables).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"]["answer"].clone()
    };

    app.clock.set("2023-10-26T15:20:00+09:00".parse().unwrap());
    let second = report(&officer, "他校の管理画面が見えた", "2023-10-26T15:15:00+09:00").await;
    let linked = run(
        "mutation($incident: ID!, $finding: ID!) { answer: linkFinding(incidentId: $incident, findingId: $finding) {
           ... on TimelineEntry { kind seq occurredAt recordedAt text } ... on Problem { code message } } }",
        json!({ "finding": second }),
    )
    .await;
    insta::assert_snapshot!(linked, @r#"{"kind":"REPORT","occurredAt":"2023-10-26T06:15:00Z","recordedAt":"2023-10-26T06:20:00Z","seq":3,"text":"他校の管理画面が見えた\n(an applicant, through the school)"}"#);

    for (role, name, organisation) in [
        ("HEAD", "水野 太郎", "出願サービス運営会社"),
        ("DEPUTY_HEAD", "堤 花子", "保守会社"),
        ("PUBLIC_CONTACT", "受付窓口", "出願サービス運営会社"),
    ] {
        run(
            "mutation($incident: ID!, $role: TeamRole!, $name: String!, $organisation: String!, $account: ID) {
               answer: assignTeamRole(input: { incidentId: $incident, role: $role, name: $name, organisation: $organisation,
                 contact: \"06-0000-0000\", accountId: $account }) { ... on TeamMember { id } ... on Problem { message } } }",
            json!({ "role": role, "name": name, "organisation": organisation, "account": officer.account }),
        )
        .await;
        app.clock.advance(1);
    }

    app.clock.set("2023-10-26T16:00:00+09:00".parse().unwrap());
    let contained = run(
        "mutation($incident: ID!) { answer: containIncident(incidentId: $incident, at: \"2023-10-26T15:41:00+09:00\",
           text: \"キャッシュを無効に設定した\") { ... on Incident { status containedAt occurredTo } ... on Problem { message } } }",
        json!({}),
    )
    .await;
    insta::assert_snapshot!(contained, @r#"{"containedAt":"2023-10-26T06:41:00Z","occurredTo":"2023-10-26T06:41:00Z","status":"CONTAINED"}"#);
    let times = run(
        "mutation($incident: ID!) { answer: setIncidentTimes(input: { incidentId: $incident,
           occurredFrom: \"2023-10-26T11:00:00+09:00\", reason: \"保守作業の開始時刻\" }) {
           ... on Incident { occurredFrom occurredTo detectedAt awareAt } ... on Problem { message } } }",
        json!({}),
    )
    .await;
    insta::assert_snapshot!(times, @r#"{"awareAt":"2023-10-26T04:15:00Z","detectedAt":"2023-10-26T04:15:00Z","occurredFrom":"2023-10-26T02:00:00Z","occurredTo":"2023-10-26T06:41:00Z"}"#);

    app.clock.set("2023-10-27T10:05:00+09:00".parse().unwrap());
    let meeting = json!({
        "occurredUntil": "2023-10-27T10:00:00+09:00", "text": "第1回会議",
        "attachments": [{ "name": "議事録.pdf", "sha256": "AB".repeat(32), "mediaType": "application/pdf", "size": 12 }],
    });
    let meeting = entry(&officer, &incident, "MEETING", "2023-10-27T09:00:00+09:00", meeting).await;
    let corrected = json!({
        "supersedes": meeting["id"], "text": "第1回会議（参加者を訂正）", "occurredUntil": "2023-10-27T10:00:00+09:00",
    });
    entry(&officer, &incident, "CORRECTION", "2023-10-27T09:00:00+09:00", corrected).await;
    entry(
        &officer,
        &incident,
        "AUTHORITY",
        "2023-10-27T00:00:00+09:00",
        json!({ "precision": "DAY", "text": "初期報告" }),
    )
    .await;

    let inquiry = run(
        "mutation($incident: ID!) { answer: recordInquiry(input: { incidentId: $incident, direction: OUTGOING,
           partyKind: VENDOR, party: \"CDN の事業者\", channel: \"support case\", question: \"誰が誰の情報を見たか追跡できますか\",
           askedAt: \"2023-10-27T09:32:00+09:00\" }) { ... on Inquiry { id state } ... on Problem { message } } }",
        json!({}),
    )
    .await;
    let id = json!({ "id": inquiry["id"] });
    let answered = run(
        "mutation($id: ID!) { answer: answerInquiry(inquiryId: $id, text: \"有効な手段はありません\",
           at: \"2023-10-27T10:04:00+09:00\") { ... on Inquiry { state answers { text answeredAt } } ... on Problem { message } } }",
        id.clone(),
    )
    .await;
    insta::assert_snapshot!(answered, @r#"{"answers":[{"answeredAt":"2023-10-27T01:04:00Z","text":"有効な手段はありません"}],"state":"ANSWERED"}"#);

    let close = "mutation($id: ID!) { answer: closeInquiry(inquiryId: $id) {
        ... on Inquiry { state answers { text } } ... on Problem { code message remedy } } }";
    insta::assert_snapshot!(run(close, id.clone()).await, @r#"{"answers":[{"text":"有効な手段はありません"}],"state":"CLOSED"}"#);
    let late = "mutation($id: ID!) { answer: answerInquiry(inquiryId: $id, text: \"x\") { ... on Problem { code message remedy } } }";
    insta::assert_snapshot!(run(late, id).await, @r#"{"code":"CONFLICT","message":"the inquiry is closed","remedy":"record a new one"}"#);
    let team =
        run("query($incident: ID!) { answer: incident(id: $incident) { team { id } } }", json!({})).await;
    let deputy = json!({ "id": team["team"][1]["id"] });
    let end = "mutation($id: ID!) { answer: endTeamRole(id: $id) { ... on TeamMember { role until } ... on Problem { message } } }";
    insta::assert_snapshot!(run(end, deputy.clone()).await, @r#"{"role":"DEPUTY_HEAD","until":"2023-10-27T01:05:00Z"}"#);
    insta::assert_snapshot!(run(end, deputy).await, @r#"{"message":"this role has ended already"}"#);

    let action = run(
        "mutation($incident: ID!) { answer: planCorrectiveAction(input: { incidentId: $incident, title: \"お詫びの品を送る\",
           owner: \"対策本部\", startsAt: \"2023-11-20T00:00:00+09:00\" }) { ... on CorrectiveAction { id state } ... on Problem { message } } }",
        json!({}),
    )
    .await;
    app.clock.advance(1);
    let promised = run(
        "mutation($incident: ID!) { answer: planCorrectiveAction(input: { incidentId: $incident, title: \"キャッシュ要件を加える\",
           requirement: \"APP-CACHE-001\" }) { ... on CorrectiveAction { id state } ... on Problem { message } } }",
        json!({}),
    )
    .await;

    let status = "mutation($incident: ID!, $status: IncidentStatus!, $reason: String) {
        answer: setIncidentStatus(incidentId: $incident, status: $status, reason: $reason) {
          ... on Incident { status closedAt } ... on Problem { code message field remedy } } }";
    run(status, json!({ "status": "RESOLVED" })).await;
    let early = run(status, json!({ "status": "CLOSED" })).await;
    insta::assert_snapshot!(early, @r#"{"code":"CONFLICT","field":null,"message":"0 inquiries are open and 2 corrective actions are planned","remedy":"answer or close the inquiries, complete or drop the actions"}"#);

    let complete = "mutation($id: ID!) { answer: completeCorrectiveAction(id: $id) {
        ... on CorrectiveAction { state doneAt } ... on Problem { code message remedy } } }";
    let not_yet = run(complete, json!({ "id": promised["id"] })).await;
    insta::assert_snapshot!(not_yet, @r#"{"code":"CONFLICT","message":"the requirement APP-CACHE-001 is not in force","remedy":"apply its manifest first, or drop this action with a reason"}"#);
    let done = run(complete, json!({ "id": action["id"] })).await;
    insta::assert_snapshot!(done, @r#"{"doneAt":"2023-10-27T01:05:01Z","state":"DONE"}"#);
    let again = run(complete, json!({ "id": action["id"] })).await;
    insta::assert_snapshot!(again, @r#"{"code":"CONFLICT","message":"this action is done already","remedy":null}"#);
    let dropped = run(
        "mutation($id: ID!) { answer: dropCorrectiveAction(id: $id, reason: \"別の要件に含まれる\") {
           ... on CorrectiveAction { state } ... on Problem { message } } }",
        json!({ "id": promised["id"] }),
    )
    .await;
    insta::assert_snapshot!(dropped, @r#"{"state":"DROPPED"}"#);
    let closed = run(status, json!({ "status": "CLOSED" })).await;
    insta::assert_snapshot!(closed, @r#"{"closedAt":"2023-10-27T01:05:01Z","status":"CLOSED"}"#);
    let back = run(status, json!({ "status": "RESOLVED" })).await;
    insta::assert_snapshot!(back, @r#"{"code":"INVALID","field":"reason","message":"is needed from closed to resolved","remedy":"say why"}"#);

    let whole = run(
        "query($incident: ID!) { answer: incident(id: $incident) {
           number title system status zone findings { nodes { summary reporter requirement } }
           team { role name organisation contact until }
           inquiries { nodes { direction partyKind party channel state } } correctiveActions { title requirement state } } }",
        json!({}),
    )
    .await;
    insta::assert_json_snapshot!(whole, @r#"
    {
      "correctiveActions": [
        {
          "requirement": null,
          "state": "DONE",
          "title": "お詫びの品を送る"
        },
        {
          "requirement": "APP-CACHE-001",
          "state": "DROPPED",
          "title": "キャッシュ要件を加える"
        }
      ],
      "findings": {
        "nodes": [
          {
            "reporter": "an applicant, through the school",
            "requirement": "APP-CACHE-001",
            "summary": "自分のマイページを開いたら他の志願者のものが見えた"
          },
          {
            "reporter": "an applicant, through the school",
            "requirement": "APP-CACHE-001",
            "summary": "他校の管理画面が見えた"
          }
        ]
      },
      "inquiries": {
        "nodes": [
          {
            "channel": "support case",
            "direction": "OUTGOING",
            "party": "CDN の事業者",
            "partyKind": "VENDOR",
            "state": "CLOSED"
          }
        ]
      },
      "number": 1,
      "status": "CLOSED",
      "system": "online-application",
      "team": [
        {
          "contact": "06-0000-0000",
          "name": "水野 太郎",
          "organisation": "出願サービス運営会社",
          "role": "HEAD",
          "until": null
        },
        {
          "contact": "06-0000-0000",
          "name": "堤 花子",
          "organisation": "保守会社",
          "role": "DEPUTY_HEAD",
          "until": "2023-10-27T01:05:00Z"
        },
        {
          "contact": "06-0000-0000",
          "name": "受付窓口",
          "organisation": "出願サービス運営会社",
          "role": "PUBLIC_CONTACT",
          "until": null
        }
      ],
      "title": "他人の画面が表示された",
      "zone": "Asia/Tokyo"
    }
    "#);
    let timeline = run(
        "query($incident: ID!) { answer: incident(id: $incident) { timeline {
           nodes { seq kind occurredAt precision recordedAt text supersedes supersededBy } } } }",
        json!({}),
    )
    .await;
    let lines: Vec<String> = timeline["timeline"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            let marks = [("supersedes", " (supersedes)"), ("supersededBy", " (superseded)")];
            let marks: String =
                marks.iter().filter(|(key, _)| node[*key].is_string()).map(|(_, mark)| *mark).collect();
            format!(
                "{} {} {} {} [{}] {}{marks}",
                node["occurredAt"].as_str().unwrap(),
                node["precision"].as_str().unwrap(),
                node["seq"],
                node["kind"].as_str().unwrap(),
                node["recordedAt"].as_str().unwrap(),
                node["text"].as_str().unwrap().replace('\n', " / ")
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    2023-10-26T04:15:00Z EXACT 1 REPORT [2023-10-26T04:20:00Z] 自分のマイページを開いたら他の志願者のものが見えた / (an applicant, through the school)
    2023-10-26T04:20:00Z EXACT 2 STATUS [2023-10-26T04:20:00Z] → open
    2023-10-26T06:15:00Z EXACT 3 REPORT [2023-10-26T06:20:00Z] 他校の管理画面が見えた / (an applicant, through the school)
    2023-10-26T06:41:00Z EXACT 4 CONTAINMENT [2023-10-26T07:00:00Z] キャッシュを無効に設定した
    2023-10-26T07:00:00Z EXACT 5 STATUS [2023-10-26T07:00:00Z] open → contained
    2023-10-26T07:00:00Z EXACT 6 TIMES [2023-10-26T07:00:00Z] occurredFrom: – → 2023-10-26T02:00:00Z / 保守作業の開始時刻
    2023-10-26T15:00:00Z DAY 9 AUTHORITY [2023-10-27T01:05:00Z] 初期報告
    2023-10-27T00:00:00Z EXACT 7 MEETING [2023-10-27T01:05:00Z] 第1回会議 (superseded)
    2023-10-27T00:00:00Z EXACT 8 CORRECTION [2023-10-27T01:05:00Z] 第1回会議（参加者を訂正） (supersedes)
    2023-10-27T01:05:01Z EXACT 10 STATUS [2023-10-27T01:05:01Z] contained → resolved
    2023-10-27T01:05:01Z EXACT 11 MEASURE [2023-10-27T01:05:01Z] キャッシュ要件を加える / → dropped: 別の要件に含まれる
    2023-10-27T01:05:01Z EXACT 12 STATUS [2023-10-27T01:05:01Z] resolved → closed
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_cannot_be_changed() {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let incident = open(&officer).await;
    let first = entry(&officer, &incident, "NOTE", "2023-10-26T14:00:00+09:00", json!({})).await;
    let correction = json!({ "supersedes": first["id"] });
    entry(&officer, &incident, "CORRECTION", "2023-10-26T14:00:00+09:00", correction.clone()).await;
    let twice = entry(&officer, &incident, "CORRECTION", "2023-10-26T14:00:00+09:00", correction).await;
    insta::assert_snapshot!(twice, @r#"{"code":"CONFLICT","field":null,"message":"this entry is superseded already","remedy":"supersede the entry that took its place"}"#);
    let other = open(&officer).await;
    let elsewhere = json!({ "supersedes": first["id"] });
    let elsewhere = entry(&officer, &other, "CORRECTION", "2023-10-26T14:00:00+09:00", elsewhere).await;
    insta::assert_snapshot!(elsewhere, @r#"{"code":"NOT_FOUND","field":null,"message":"entry to supersede not found","remedy":"name an entry of the same incident"}"#);

    // Not even by whoever reaches the database.
    let database = sea_orm::Database::connect(app.owner_url()).await.unwrap();
    for change in ["UPDATE incident_entry SET text = 'changed'", "DELETE FROM incident_entry"] {
        let error = sea_orm::ConnectionTrait::execute_unprepared(&database, change).await.unwrap_err();
        assert!(error.to_string().contains("table incident_entry is append-only"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn officers_who_write_at_the_same_moment_get_numbers_of_their_own() {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let incident = open(&officer).await;
    let entries = (0..24).map(|_| entry(&officer, &incident, "NOTE", "2023-10-26T14:00:00+09:00", json!({})));
    let entries = futures::future::join_all(entries).await;
    let mut numbers: Vec<i64> = entries.iter().map(|entry| entry["seq"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (3..27).collect::<Vec<i64>>());
    futures::future::join_all((0..6).map(|_| open(&officer))).await;
    let answer = officer.gql("{ incidents { nodes { number } } }").await;
    insta::assert_snapshot!(answer, @r#"{"data":{"incidents":{"nodes":[{"number":7},{"number":6},{"number":5},{"number":4},{"number":3},{"number":2},{"number":1}]}}}"#);
    let page =
        officer.gql("{ incidents(first: 2) { nodes { number } pageInfo { endCursor hasNextPage } } }").await;
    let cursor = &page["data"]["incidents"]["pageInfo"]["endCursor"];
    let next = officer
        .gql_with(
            "query($after: String!) { incidents(first: 2, after: $after) { nodes { number } } }",
            json!({ "after": cursor }),
        )
        .await;
    insta::assert_snapshot!(next, @r#"{"data":{"incidents":{"nodes":[{"number":5},{"number":4}]}}}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_is_read_by_pages_in_the_order_of_events() {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let incident = open(&officer).await;
    for minute in [9, 3, 7, 3, 1] {
        entry(&officer, &incident, "NOTE", &format!("2023-10-26T14:0{minute}:00+09:00"), json!({})).await;
    }
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = officer
            .gql_with(
                "query($id: ID!, $after: String) { incident(id: $id) { timeline(first: 2, after: $after) {
                   nodes { seq } pageInfo { hasNextPage endCursor } } } }",
                json!({ "id": incident, "after": after }),
            )
            .await;
        let page = &page["data"]["incident"]["timeline"];
        seen.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["seq"].as_i64().unwrap()));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    // The status entry is from nine in the morning, when this test's clock stands still; then the report; then by minute.
    assert_eq!(seen, [2, 1, 7, 4, 6, 5, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_is_done_when_the_requirement_that_it_names_is_in_force() {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let incident = open(&officer).await;
    let plan = "mutation($id: ID!) { answer: planCorrectiveAction(input: { incidentId: $id, title: \"t\",
        requirement: \"NFR-CACHE-001\" }) { ... on CorrectiveAction { id } } }";
    let action = officer.gql_with(plan, json!({ "id": incident })).await["data"]["answer"]["id"].clone();
    let complete = async || {
        let complete = "mutation($id: ID!) { answer: completeCorrectiveAction(id: $id) { __typename } }";
        text(&officer.gql_with(complete, json!({ "id": action })).await["data"]["answer"]["__typename"])
    };
    assert_eq!(complete().await, "Problem");
    let apply =
        "mutation($files: [ManifestFile!]!) { applyManifests(files: $files, reason: \"after the incident\") {
        __typename ... on Problem { message } } }";
    let system = include_str!("../../examples/online-application/manifests/system.yaml");
    let requirement = include_str!("../../examples/online-application/corrective/NFR-CACHE-001.yaml");
    let files = json!([
        { "name": "system.yaml", "content": system },
        { "name": "NFR-CACHE-001.yaml", "content": requirement },
    ]);
    let applied = officer.gql_with(apply, json!({ "files": files })).await;
    assert_ne!(applied["data"]["applyManifests"]["__typename"], "Problem", "{applied}");
    assert_eq!(complete().await, "CorrectiveAction");
}
