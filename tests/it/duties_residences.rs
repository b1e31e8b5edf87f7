//! Where the people of a list live: counted from the field that the manifest names, and nobody's value is kept or shown.

use serde_json::{Value, json};
use suimon::access::{Role, act_locally};
use suimon::incidents::affected::{Class, NewPerson, NewRevision};
use suimon::incidents::model::FindingSource;
use suimon::incidents::{self, NewFinding, NewIncident, RowId};

use crate::duties_scene::{global_id, jst};
use crate::harness::{Member, TestApp};

const SYSTEM: &str = "\
apiVersion: suimon/v1
kind: System
metadata: { name: abroad }
spec:
  title: { ja: 海外出願, en: Applications from abroad }
  operator: { name: { ja: みほん出願サービス, en: Mihon Applications } }
  timeZone: Asia/Tokyo
  tenantsKind: { ja: 学校, en: school }
  channels: [web]
  recordTypes:
    - name: applicant
      title: { ja: 志願者, en: Applicant }
      externalId: Application number
      residenceField: home
      fields:
        - { name: home, title: { ja: 居住地, en: Home }, category: contact, protection: encrypted, kind: text, retention: P1Y }
    - name: teacher
      title: { ja: 教員, en: Teacher }
      externalId: Staff number
      fields:
        - { name: room, title: { ja: 部屋, en: Room }, category: other, protection: encrypted, kind: text, retention: P1Y }
  routes:
    - { name: mypage, pattern: /mypage/**, personal: true, shows: [{ recordType: applicant }] }
";

struct Scene {
    app: TestApp,
    officer: Member,
    incident: RowId,
}

impl Scene {
    async fn new(system: &str) -> Self {
        let app = TestApp::with(&[]).await;
        app.clock.set(jst("2023-10-26T09:00"));
        let officer = app.operator_member(Role::ComplianceOfficer).await;
        let apply = "mutation($files: [ManifestFile!]!) { applyManifests(files: $files, reason: \"test\") { __typename } }";
        let files = json!({ "files": [{ "name": "system.yaml", "content": system }] });
        let answer = officer.gql_with(apply, files).await;
        assert_eq!(answer["data"]["applyManifests"]["__typename"], "ManifestsApplied", "{answer}");
        app.clock.set(jst("2023-10-26T15:20"));
        let op = act_locally(&app.app, &officer.login).await.expect("the officer acts");
        let finding = NewFinding {
            system: "abroad".into(),
            summary: "own page shows another applicant".into(),
            occurred_at: jst("2023-10-26T13:15"),
            source: FindingSource::Person,
            reporter: None,
            requirement: None,
        };
        let finding = incidents::report_finding(&op, finding).await.expect("a finding");
        let opened = NewIncident {
            system: "abroad".into(),
            title: "Pages of other people".into(),
            zone: "Asia/Tokyo".into(),
            findings: vec![RowId { tenant: finding.tenant, id: finding.id }],
        };
        let opened = incidents::open_incident(&op, opened).await.expect("an incident");
        Self { app, officer, incident: RowId { tenant: opened.tenant, id: opened.id } }
    }

    /// Imports applicants of a school with where they live.
    async fn import(&self, school: &str, people: &[(&str, &str)]) {
        self.app.tenant(school).await;
        let row = |(index, (person, home)): (usize, &(&str, &str))| json!({ "line": index + 1, "tenant": school, "externalId": person, "fields": [{ "name": "home", "value": home }] });
        let rows: Vec<Value> = people.iter().enumerate().map(row).collect();
        let input = json!({
            "system": "abroad", "recordType": "applicant", "mode": "ALL_OR_NOTHING", "rows": rows, "last": true
        });
        let import = "mutation($input: ImportSubjectsInput!) { importSubjects(input: $input) {
            __typename ... on Problem { message } } }";
        let answer = self.officer.gql_with(import, json!({ "input": input })).await;
        assert_ne!(answer["data"]["importSubjects"]["__typename"], "Problem", "{answer}");
    }

    async fn list(&self, people: &[(&str, &str, &str, Class)]) {
        let person = |(school, person, kind, class): &(&str, &str, &str, Class)| NewPerson {
            tenant: Some((*school).to_owned()),
            person: (*person).to_owned(),
            kind: Some((*kind).to_owned()),
            class: *class,
            first_at: Some(jst("2023-10-26T11:30")),
            last_at: Some(jst("2023-10-26T12:30")),
            requests: 1,
            logins: 1,
            evidence: Default::default(),
        };
        let query = serde_json::from_value(json!({
            "from": "2023-10-26T02:00:00Z", "to": "2023-10-26T06:41:00Z", "basis": "logins_and_personal_requests",
            "personal_routes": ["/mypage/**"],
        }))
        .expect("a query");
        let inputs = serde_json::from_value(json!({ "inputs": [{
            "name": "login.jsonl", "sha256": "0".repeat(64), "format": null, "compressed": false, "bytes": 100,
            "lines": 10, "used": 10, "bad": { "count": 0, "samples": [] }, "oversized": 0, "truncated": null,
            "first": null, "last": null, "duplicate_of": null,
        }] }))
        .expect("a log");
        let new = NewRevision { reason: "everybody who logged in".into(), query, inputs };
        let op = act_locally(&self.app.app, &self.officer.login).await.expect("the officer acts");
        let people = people.iter().map(person).collect();
        incidents::create_revision(&op, self.incident, new, people, true).await.expect("a list");
    }

    /// The facts about numbers that the service knows by itself.
    async fn counts(&self) -> Vec<String> {
        self.app.run_jobs().await;
        let query = "query($id: ID!) { facts(incidentId: $id) { name value source current automatic } }";
        let id = global_id("Incident", self.incident);
        let answer = self.officer.gql_with(query, json!({ "id": id })).await;
        let facts = answer["data"]["facts"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let mut lines: Vec<String> = facts
            .iter()
            .filter(|fact| fact["current"] == true && fact["automatic"] == true)
            .filter(|fact| {
                fact["name"].as_str().is_some_and(|name| name.starts_with("counts.by_jurisdiction"))
            })
            .map(|fact| format!("{} = {} ({})", fact["name"], fact["value"], fact["source"]).replace('"', ""))
            .collect();
        lines.sort();
        lines
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn residences_are_counted_from_the_field_that_the_manifest_names() {
    let scene = Scene::new(SYSTEM).await;
    scene.import("t-1", &[("ap-1", "us-ca"), ("ap-2", "US-CA"), ("ap-3", "JP"), ("ap-9", "FR")]).await;
    // The same person at two schools; an identifier that is somebody else's at another school.
    scene.import("t-2", &[("ap-1", "US-CA"), ("ap-4", "DE"), ("ap-9", "US-NY")]).await;
    let possible = |school, person| (school, person, "applicant", Class::Possible);
    scene
        .list(&[
            possible("t-1", "ap-1"),
            possible("t-1", "ap-2"),
            possible("t-1", "ap-3"),
            possible("t-2", "ap-1"),
            possible("t-2", "ap-4"),
            possible("t-2", "ap-9"),
        ])
        .await;
    insta::assert_snapshot!(scene.counts().await.join("\n").replace('\\', ""));
    // Nothing of a person's value is in what was recorded; each read of it is.
    let school = scene.app.tenant("t-1").await.id;
    let entries = "query($tenant: ID!) { auditEntries(tenantId: $tenant, first: 50, filter: { action: \"subject.count\" }) {
        nodes { object fields detail actor purpose subjectIds } } }";
    let audit =
        scene.app.operator_member(Role::Auditor).await.gql_with(entries, json!({ "tenant": school })).await;
    let nodes = &audit["data"]["auditEntries"]["nodes"];
    let people: Vec<usize> = nodes
        .as_array()
        .unwrap_or_else(|| panic!("{audit}"))
        .iter()
        .map(|node| node["subjectIds"].as_array().map_or(0, Vec::len))
        .collect();
    assert_eq!(
        (people, &nodes[0]["fields"]),
        (vec![3], &json!(["home"])),
        "one entry names all of a tenant who were opened"
    );
    assert!(!audit.to_string().contains("US-CA"), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_residence_is_not_known_may_live_anywhere() {
    let scene = Scene::new(SYSTEM).await;
    scene.import("t-1", &[("ap-1", "US-CA"), ("ap-2", "東京都"), ("ap-3", "")]).await;
    scene
        .list(&[
            ("t-1", "ap-1", "applicant", Class::Confirmed),
            ("t-1", "ap-2", "applicant", Class::Possible),
            ("t-1", "ap-3", "applicant", Class::Possible),
            ("t-1", "ap-4", "applicant", Class::Possible),
            ("t-1", "st-1", "teacher", Class::Possible),
            ("t-1", "ap-8", "applicant", Class::Indeterminate),
        ])
        .await;
    insta::assert_snapshot!(scene.counts().await.join("\n").replace('\\', ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_such_a_field_nothing_is_counted() {
    let scene = Scene::new(&SYSTEM.replace("      residenceField: home\n", "")).await;
    scene.import("t-1", &[("ap-1", "US-CA")]).await;
    scene.list(&[("t-1", "ap-1", "applicant", Class::Possible)]).await;
    assert_eq!(scene.counts().await, [""; 0]);
    let wrong = SYSTEM.replace("residenceField: home", "residenceField: house");
    let apply = "mutation($files: [ManifestFile!]!) { applyManifests(files: $files, reason: \"test\") {
        __typename ... on Problem { message remedy } ... on ManifestProblems { problems { path message remedy } } } }";
    let files = json!({ "files": [{ "name": "system.yaml", "content": wrong }] });
    let answer = scene.officer.gql_with(apply, files).await;
    assert!(answer.to_string().contains("`applicant` has no field `house`"), "{answer}");
}
