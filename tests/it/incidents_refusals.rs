//! What an incident refuses: bad input, ids of others, roles that may not.

use serde_json::{Value, json};
use suimon::access::Role;

use crate::harness::{TestApp, text};
use crate::incidents::{entry, open, report};

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_named() {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let incident = open(&officer).await;
    let at = "2023-10-26T14:00:00+09:00";
    let attachment = |sha256: &str, media: &str| json!({ "attachments": [{ "name": "a.pdf", "sha256": sha256, "mediaType": media, "size": 1 }] });
    let good = "ab".repeat(32);
    let mut problems = Vec::new();
    for (kind, at, more) in [
        ("NOTE", at, json!({ "text": " " })),
        ("NOTE", at, json!({ "text": "あ".repeat(10_001) })),
        ("NOTE", at, json!({ "text": "a\u{0}b" })),
        ("STATUS", at, json!({})),
        ("NOTE", "2032-10-26T14:00:00+09:00", json!({})),
        ("NOTE", "0203-10-26T14:00:00+09:00", json!({})),
        ("MEETING", at, json!({ "occurredUntil": "2023-10-26T13:00:00+09:00" })),
        ("NOTE", at, attachment("xyz", "application/pdf")),
        ("NOTE", at, attachment(&good, "pdf")),
        ("NOTE", at, json!({ "supersedes": incident })),
    ] {
        let problem = entry(&officer, &incident, kind, at, more).await;
        problems.push(format!(
            "{} {}: {}",
            text(&problem["code"]),
            problem["field"],
            text(&problem["message"])
        ));
    }
    assert_eq!(
        entry(&officer, &incident, "NOTE", at, json!({ "text": "あ".repeat(10_000) })).await["seq"],
        3
    );
    let mutation = async |fields: &str| -> String {
        let query = format!("mutation {{ answer: {fields} {{ ... on Problem {{ code message field }} }} }}");
        let problem = officer.gql(&query).await["data"]["answer"].clone();
        format!("{} {}: {}", text(&problem["code"]), problem["field"], text(&problem["message"]))
    };
    for fields in [
        format!("containIncident(incidentId: \"{incident}\", at: \"2023-10-26T14:00:00+09:00\", text: \"\")"),
        format!("setIncidentStatus(incidentId: \"{incident}\", status: RESOLVED)"),
        format!("setIncidentStatus(incidentId: \"{incident}\", status: CONTAINED)"),
        format!("setIncidentStatus(incidentId: \"{incident}\", status: CLOSED)"),
        format!("setIncidentTimes(input: {{ incidentId: \"{incident}\" }})"),
        format!(
            "setIncidentTimes(input: {{ incidentId: \"{incident}\", occurredFrom: \"{at}\", occurredTo: \"2023-10-26T11:00:00+09:00\" }})"
        ),
        format!(
            "assignTeamRole(input: {{ incidentId: \"{incident}\", role: HEAD, name: \"a\\nb\", organisation: \"x\" }})"
        ),
        format!(
            "recordInquiry(input: {{ incidentId: \"{incident}\", direction: INCOMING, partyKind: TENANT, question: \"?\" }})"
        ),
        "openIncident(input: { system: \"a b\", title: \"t\", zone: \"Asia/Tokyo\", findingIds: [] })"
            .to_owned(),
        "openIncident(input: { system: \"a\", title: \"t\", zone: \"Tokyo\", findingIds: [] })".to_owned(),
        "openIncident(input: { system: \"a\", title: \"t\", zone: \"Asia/Tokyo\", findingIds: [] })"
            .to_owned(),
        format!(
            "openIncident(input: {{ system: \"a\", title: \"t\", zone: \"Asia/Tokyo\", findingIds: [\"{incident}\"] }})"
        ),
    ] {
        problems.push(mutation(&fields).await);
    }
    insta::assert_snapshot!(problems.join("\n"), @r#"
    INVALID "text": wants 1 to 10000 characters
    INVALID "text": wants 1 to 10000 characters
    INVALID "text": has control characters
    INVALID "kind": status is written by Suimon itself
    INVALID "occurredAt": lies more than a day in the future
    INVALID "occurredAt": lies before 1990 or after 2199
    INVALID "occurredUntil": ends before it starts
    INVALID "attachments[0].sha256": wants 64 hexadecimal digits
    INVALID "attachments[0].mediaType": wants type/subtype, such as application/pdf
    INVALID "supersedes": is not the id of a TimelineEntry
    INVALID "text": wants 1 to 10000 characters
    CONFLICT null: an incident that is open cannot become resolved
    CONFLICT null: when it was contained is not recorded
    INVALID "reason": is needed from open to closed
    INVALID "times": change nothing
    INVALID "occurredTo": ends before it starts
    INVALID "name": wants one line
    INVALID "party": wants 1 to 200 characters
    INVALID "system": wants 1 to 100 letters, digits or - . _
    INVALID "zone": is not a time zone
    INVALID "findingIds": wants 1 to 100 findings
    INVALID "findingIds": is not the id of a Finding
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_opens_one_incident_only() {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let finding = report(&officer, "x", "2023-10-26T13:15:00+09:00").await;
    let query = "mutation($id: ID!) { openIncident(input: { system: \"online-application\", title: \"t\",
        zone: \"Asia/Tokyo\", findingIds: [$id] }) { ... on Incident { number } ... on Problem { code message } } }";
    let twice =
        futures::future::join_all((0..2).map(|_| officer.gql_with(query, json!({ "id": finding })))).await;
    let mut answers: Vec<String> =
        twice.iter().map(|answer| answer["data"]["openIncident"].to_string()).collect();
    answers.sort();
    insta::assert_snapshot!(answers.join("\n"), @r#"
    {"code":"CONFLICT","message":"a finding belongs to an incident already"}
    {"number":1}
    "#);
    let open = officer.gql("{ findings(open: true) { nodes { id } } }").await;
    assert_eq!(open["data"]["findings"]["nodes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_find_nothing_and_roles_are_kept_apart() {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let approver = app.operator_member(Role::Approver).await;
    let school = app.tenant("school-001").await;
    let incident = open(&officer).await;
    let principal = app.member(&school, Role::TenantAdmin).await;
    let query = "query($id: ID!) { incident(id: $id) { number } }";
    for member in [&principal, &officer, &approver] {
        let answer = member.gql_with(query, json!({ "id": incident })).await;
        let found = answer["data"]["incident"]["number"] == 1;
        assert_eq!(found, member.login != principal.login, "{answer}");
        if !found {
            assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
            assert_eq!(answer["errors"][0]["message"], "incident not found");
        }
    }
    let change =
        "mutation($id: ID!) { answer: setIncidentStatus(incidentId: $id, status: CLOSED, reason: \"x\") {
        ... on Problem { code message } } }";
    insta::assert_snapshot!(approver.gql_with(change, json!({ "id": incident })).await, @r#"{"data":{"answer":{"code":"FORBIDDEN","message":"not allowed: update on incident"}}}"#);
    insta::assert_snapshot!(principal.gql_with(change, json!({ "id": incident })).await, @r#"{"data":{"answer":{"code":"NOT_FOUND","message":"incident not found"}}}"#);

    // The same row under another tenant's name, another type's id, rubbish: each in each argument.
    let ids: Value = json!({ "incident": incident, "school": school.id });
    let forged = forge(&incident, &school.id);
    let mut answers = Vec::new();
    for (name, bad) in [("forged", forged.as_str()), ("other type", school.id.as_str()), ("rubbish", "%%%")] {
        for fields in [
            format!("linkFinding(incidentId: \"{bad}\", findingId: \"{bad}\")"),
            format!("containIncident(incidentId: \"{bad}\", at: \"2023-10-26T14:00:00+09:00\", text: \"x\")"),
            format!("setIncidentStatus(incidentId: \"{bad}\", status: CLOSED, reason: \"x\")"),
            format!("setIncidentTimes(input: {{ incidentId: \"{bad}\" }})"),
            format!(
                "addTimelineEntry(input: {{ incidentId: \"{bad}\", kind: NOTE, occurredAt: \"2023-10-26T14:00:00Z\", text: \"x\" }})"
            ),
            format!(
                "assignTeamRole(input: {{ incidentId: \"{bad}\", role: HEAD, name: \"a\", organisation: \"b\" }})"
            ),
            format!(
                "assignTeamRole(input: {{ incidentId: \"{incident}\", role: HEAD, name: \"a\", organisation: \"b\", accountId: \"{bad}\" }})"
            ),
            format!(
                "recordInquiry(input: {{ incidentId: \"{bad}\", direction: INCOMING, partyKind: PERSON, party: \"a\", question: \"?\" }})"
            ),
            format!("planCorrectiveAction(input: {{ incidentId: \"{bad}\", title: \"t\" }})"),
            format!("answerInquiry(inquiryId: \"{bad}\", text: \"x\")"),
            format!("closeInquiry(inquiryId: \"{bad}\")"),
            format!("completeCorrectiveAction(id: \"{bad}\")"),
            format!("dropCorrectiveAction(id: \"{bad}\", reason: \"x\")"),
            format!("endTeamRole(id: \"{bad}\")"),
            format!("approveRevision(revisionId: \"{bad}\")"),
            format!(
                "correctRevision(input: {{ incidentId: \"{bad}\", baseRevisionId: \"{bad}\", reason: \"x\" }})"
            ),
            format!("createRevision(input: {{ incidentId: \"{bad}\", people: [], last: true }})"),
        ] {
            let query = format!("mutation {{ answer: {fields} {{ ... on Problem {{ code }} }} }}");
            let who = if fields.starts_with("approve") { &approver } else { &officer };
            let answer = who.gql(&query).await["data"]["answer"]["code"].clone();
            if answer != "NOT_FOUND" && answer != "INVALID" {
                answers.push(format!("{name}: {fields}: {answer}"));
            }
        }
    }
    assert!(answers.is_empty(), "{ids}\n{}", answers.join("\n"));
}

/// The id of the incident's row, said to be in another tenant.
fn forge(incident: &str, tenant: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    let (mut row, tenant) = (BASE64.decode(incident).unwrap(), BASE64.decode(tenant).unwrap());
    let (start, other) = ("Incident:".len(), "Tenant:".len());
    row[start..start + 16].copy_from_slice(&tenant[other..other + 16]);
    BASE64.encode(row)
}
