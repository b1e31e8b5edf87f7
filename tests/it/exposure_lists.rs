//! Lists by reconstruction beside those of the window: stored from files, read, corrected, refused.

use std::collections::BTreeSet;
use std::io::Read;

use exposure::simulate::{DEFAULT_SEED, founding_day};
use serde_json::{Value, json};
use suimon::access::Role;

use crate::exposure::{on, suimon, write_day};
use crate::harness::{Member, TestApp, text};
use crate::incidents::open;

const LOGS: &[&str] = &[
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
];

const PEOPLE: &str = "query($id: ID!, $after: String) { revision(id: $id) { people(first: 100, after: $after) {
    nodes { tenant person kind class routes origin reason
      answers { says at route viewers candidates input line } fields { field form times } fieldsOfOthers { field } }
    pageInfo { hasNextPage endCursor } } } }";

async fn people(officer: &Member, revision: &Value) -> Vec<Value> {
    let mut people = Vec::new();
    let mut after = Value::Null;
    loop {
        let answer = officer.gql_with(PEOPLE, json!({ "id": revision, "after": after })).await;
        let page = &answer["data"]["revision"]["people"];
        people.extend(page["nodes"].as_array().unwrap_or_else(|| panic!("{answer}")).clone());
        if page["pageInfo"]["hasNextPage"] == false {
            return people;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

async fn revisions(officer: &Member) -> Vec<Value> {
    let query = "{ incident(number: 1) { revisions { id number method state intact
        statement(language: EN, timeZone: \"Asia/Tokyo\") } } }";
    let answer = officer.gql(query).await;
    answer["data"]["incident"]["revisions"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_methods_stand_side_by_side_with_what_may_be_said() {
    let app = TestApp::new().await;
    let day = founding_day(DEFAULT_SEED);
    write_day(&day, &app.folder().join("logs"));
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let approver = app.operator_member(Role::Approver).await;
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/online-application/manifests/system.yaml");
    let applied = on(&app, &["apply", manifest, "--reason", "the system as it was", "--as", "admin"]);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    open(&officer).await;
    for (method, more, file) in [
        ("scan", &[][..], "window.json"),
        ("reconstruct", &["--time-to-live", "1", "--tiers", "1"][..], "both.json"),
    ] {
        let run = suimon(app.folder(), &[&["exposure", method], LOGS, more, &["--out", file]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let store = [
            "exposure",
            "store",
            "--incident",
            "1",
            "--from",
            file,
            "--reason",
            method,
            "--as",
            &officer.login,
        ];
        let stored = on(&app, &store);
        assert_eq!(stored.code, 0, "{}", stored.stderr);
        insta::assert_snapshot!(format!("stored_{method}"), stored.stdout);
    }

    let lists = revisions(&officer).await;
    assert_eq!(lists[1]["method"], "RECONSTRUCTION");
    assert_eq!(lists[1]["intact"], true);
    insta::assert_snapshot!("statement_of_the_window_en", text(&lists[0]["statement"]));
    insta::assert_snapshot!("statement_of_both_en", text(&lists[1]["statement"]));
    let second = &lists[1]["id"];
    let query = "query($id: ID!) { revision(id: $id) {
        ja: statement(language: JA, timeZone: \"Asia/Tokyo\")
        counts { persons confirmed selfOnly indeterminate excluded tenants byTenant { tenant kind persons confirmed } }
        reconstruction { cache { timeToLiveSeconds tiers singleCopy originLogComplete } joinedBy
          counts { confirmed possible indeterminate selfOnly excluded }
          answers { own kept unsure exposing unexplained viewerUnknown }
          residual { originRequests withoutEdgeLine expectedUnseenThousandths } thinHours { from } premises wouldHelp }
        shown { system routes { pattern fields } }
        difference { addedCount removedCount changedCount removed(first: 1000) { person cause } } } }";
    let answer = officer.gql_with(query, json!({ "id": second })).await;
    let list = &answer["data"]["revision"];
    insta::assert_snapshot!("statement_of_both_ja", text(&list["ja"]));
    insta::assert_json_snapshot!("what_it_rests_on", list["reconstruction"]);
    let truth: BTreeSet<String> = day.truth().exposed.iter().cloned().collect();
    assert_eq!(list["counts"]["persons"], truth.len());
    assert_eq!(list["counts"]["confirmed"], truth.len());
    let cells = list["counts"]["byTenant"].as_array().unwrap();
    assert!(cells.iter().all(|cell| cell["persons"] == cell["confirmed"]));
    let removed = list["difference"]["removed"].as_array().unwrap();
    assert!(!removed.is_empty() && removed.iter().all(|entry| entry["cause"] == "EXCLUDED_BY_EVIDENCE"));

    let rows = people(&officer, second).await;
    let of = |class: &str| rows.iter().filter(|row| row["class"] == class).collect::<Vec<_>>();
    let confirmed: BTreeSet<String> = of("CONFIRMED").iter().map(|row| text(&row["person"])).collect();
    assert_eq!(confirmed, truth);
    for row in of("CONFIRMED") {
        let answers = row["answers"].as_array().unwrap();
        let told = answers.iter().filter(|answer| answer["says"] == "CONFIRMED");
        assert!(told.clone().count() > 0, "{row}");
        // Who got it is somebody else, and the line is where it is said to be.
        for answer in told {
            assert_ne!(answer["viewers"], json!([row["person"]]));
            let mut log = String::new();
            let file = std::fs::File::open(app.folder().join(text(&answer["input"]))).unwrap();
            flate2::read::MultiGzDecoder::new(file).read_to_string(&mut log).unwrap();
            let line = log.lines().nth(answer["line"].as_u64().unwrap() as usize - 1).unwrap();
            assert!(line.contains(text(&answer["route"]).trim_end_matches("/**")), "{line}");
        }
        let fields: Vec<String> =
            row["fields"].as_array().unwrap().iter().map(|field| text(&field["field"])).collect();
        assert!(!fields.is_empty());
        assert!(fields.iter().all(|field| field.starts_with(&format!("{}.", text(&row["kind"])))), "{row}");
    }
    // An administrator's page shows applicants, too: whose they were the logs do not say.
    let admin = rows.iter().find(|row| row["kind"] == "school_admin" && row["class"] == "CONFIRMED");
    if let Some(admin) = admin {
        assert!(admin["fieldsOfOthers"].to_string().contains("applicant.full_name"), "{admin}");
    }
    for row in of("EXCLUDED") {
        assert_eq!((&row["fields"], &row["routes"]), (&json!([]), &json!([])), "{row}");
        assert_eq!((&row["origin"], &row["reason"]), (&json!("LOGS"), &Value::Null));
    }

    // An officer knows of one more, and that another was the operator's own test.
    let (one, more) = (&of("CONFIRMED")[0], &of("EXCLUDED")[0]);
    let incident = officer.gql("{ incident(number: 1) { id } }").await["data"]["incident"]["id"].clone();
    let correct = "mutation($input: CorrectRevisionInput!) { correctRevision(input: $input) {
        ... on Revision { id method statement(language: EN, timeZone: \"Asia/Tokyo\") reconstruction { joinedBy }
          difference { added { person cause reason } removed { person cause reason } } }
        ... on Problem { code field message } } }";
    let input = json!({
        "incidentId": incident, "baseRevisionId": second, "reason": "two telephone calls",
        "remove": [{ "tenant": one["tenant"], "person": one["person"], "reason": "a test account" }],
        "add": [{ "tenant": more["tenant"], "person": more["person"], "kind": more["kind"], "reason": "sent a photograph" }],
    });
    let corrected = officer.gql_with(correct, json!({ "input": input })).await;
    let corrected = &corrected["data"]["correctRevision"];
    let mut shown = corrected.clone();
    shown.as_object_mut().unwrap().remove("id");
    insta::assert_json_snapshot!("corrected", shown);

    let approve = "mutation($id: ID!) { approveRevision(revisionId: $id) { ... on Revision { state } ... on Problem { message } } }";
    let approved = approver.gql_with(approve, json!({ "id": corrected["id"] })).await;
    assert_eq!(approved["data"]["approveRevision"]["state"], "APPROVED", "{approved}");
    let report = on(&app, &["report", "1", "--lang", "en", "--format", "markdown", "--as", &officer.login]);
    assert!(
        report.stdout.contains("of these people reached somebody else"),
        "{}{}",
        report.stdout,
        report.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconstruction_that_is_sent_says_what_it_rests_on_or_is_refused() {
    let app = TestApp::new().await;
    let day = founding_day(7);
    write_day(&day, &app.folder().join("logs"));
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let incident = open(&officer).await;
    let more = ["--time-to-live", "1", "--tiers", "1", "--format", "json"];
    let run = suimon(app.folder(), &[&["exposure", "reconstruct"], LOGS, &more].concat());
    let both: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
    let mut basis = both["reconstruction"].clone();
    basis.as_object_mut().unwrap().remove("people");
    let window = &both["window"];
    let person =
        json!({ "tenant": "school-001", "person": "ap-1", "kind": "applicant", "class": "EXCLUDED" });
    let head = json!({
        "incidentId": incident, "reason": "x", "method": "RECONSTRUCTION", "parameters": window["query"],
        "inputs": window["inputs"], "reconstruction": basis, "people": [person], "last": true,
    });
    let send = async |changes: Value| {
        let mut input = head.clone();
        for (field, value) in changes.as_object().unwrap() {
            input[field] = value.clone();
        }
        let query = "mutation($input: CreateRevisionInput!) { createRevision(input: $input) {
            ... on RevisionReceived { revision { method counts { persons excluded } } }
            ... on Problem { code field message remedy } } }";
        let answer = officer.gql_with(query, json!({ "input": input })).await;
        answer["data"]["createRevision"].to_string()
    };
    let mut wrong = basis.clone();
    wrong["cache"]["tiers"] = 4.into();
    let named = json!([{ "says": "POSSIBLE", "at": "2023-10-26T12:00:00+09:00", "route": "/mypage/**",
        "viewers": ["Hana Sato"], "candidates": 1, "input": "edge.log", "line": 1 }]);
    let mut viewed = person.clone();
    viewed["answers"] = named;
    let answers = [
        send(json!({})).await,
        send(json!({ "reconstruction": null })).await,
        send(json!({ "method": "WINDOW" })).await,
        send(json!({ "method": "ENFORCEMENT_LOG" })).await,
        send(json!({ "reconstruction": { "joined_by": "nothing" } })).await,
        send(json!({ "reconstruction": wrong })).await,
        send(json!({ "people": [viewed] })).await,
    ];
    insta::assert_snapshot!(answers.join("\n"));

    // A result that was changed after the scan is refused: one who was excluded is gone.
    let mut changed = both.clone();
    changed["reconstruction"]["people"].as_array_mut().unwrap().pop();
    let mut counted = both.clone();
    counted["reconstruction"]["counts"]["excluded"] = 0.into();
    let mut refused = String::new();
    for (name, result) in [("changed.json", changed), ("counted.json", counted)] {
        // As the program writes it: the window first.
        let text =
            format!("{{\"window\":{},\"reconstruction\":{}}}", result["window"], result["reconstruction"]);
        std::fs::write(app.folder().join(name), text).unwrap();
        let arguments =
            ["exposure", "store", "--incident", "1", "--from", name, "--reason", "x", "--as", &officer.login];
        refused.push_str(&on(&app, &arguments).stderr);
    }
    insta::assert_snapshot!("refused_files", refused);
}
