//! The founding incident, set up through the parts' own verbs, for the tests of duties and reports.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};
use suimon::access::{Op, Role, act_locally};
use suimon::incidents::affected::{Class, NewPerson, NewRevision};
use suimon::incidents::model::FindingSource;
use suimon::incidents::{self, NewFinding, NewIncident, Revision, RowId, Times};
use suimon::requirements::{self, ManifestFile};

use crate::harness::{Member, TestApp};

const SYSTEM: &str = include_str!("../../examples/online-application/manifests/system.yaml");

/// A service with an incident.
pub struct Scene {
    pub app: TestApp,
    pub officer: Member,
    pub incident: RowId,
    /// Global id of the incident.
    pub id: String,
}

/// An instant of the day, in Japan's zone.
pub fn jst(text: &str) -> Timestamp {
    format!("{text}:00+09:00").parse().expect("an instant")
}

pub fn global_id(kind: &str, row: RowId) -> String {
    let mut bytes = format!("{kind}:").into_bytes();
    bytes.extend_from_slice(row.tenant.as_bytes());
    bytes.extend_from_slice(row.id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Scene {
    /// The system's manifest is applied at 09:00; the incident is opened at 15:20 with the complaint of 13:15.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same with overrides of the configuration.
    pub async fn with(overrides: &[&str]) -> Self {
        let app = TestApp::with(overrides).await;
        let officer = app.operator_member(Role::ComplianceOfficer).await;
        let op = act_locally(&app.app, &officer.login).await.expect("the officer acts");
        let file = ManifestFile { name: "system.yaml".into(), content: SYSTEM.into() };
        let outcome = requirements::apply(&op, vec![file], "first statement", false).await;
        assert!(matches!(outcome, Ok(requirements::Outcome::Applied(_))), "the manifest is applied");
        app.clock.set(jst("2023-10-26T15:20"));
        let op = act_locally(&app.app, &officer.login).await.expect("the officer acts");
        let finding = NewFinding {
            system: "online-application".into(),
            summary: "own page shows another applicant".into(),
            occurred_at: jst("2023-10-26T13:15"),
            source: FindingSource::Person,
            reporter: Some("an applicant, through the school".into()),
            requirement: None,
        };
        let finding = incidents::report_finding(&op, finding).await.expect("a finding");
        let opened = NewIncident {
            system: "online-application".into(),
            title: "Pages of other people <shown> & seen".into(),
            zone: "Asia/Tokyo".into(),
            findings: vec![RowId { tenant: finding.tenant, id: finding.id }],
        };
        let opened = incidents::open_incident(&op, opened).await.expect("an incident");
        let incident = RowId { tenant: opened.tenant, id: opened.id };
        let scene = Self { id: global_id("Incident", incident), app, officer, incident };
        scene.at("2023-10-26T16:00");
        let op = scene.op().await;
        let times = Times { occurred_from: Some(jst("2023-10-26T11:00")), ..Default::default() };
        incidents::set_incident_times(&op, incident, times).await.expect("the start is known");
        incidents::contain_incident(&op, incident, jst("2023-10-26T15:41"), "caching switched off")
            .await
            .expect("contained");
        scene
    }

    /// Another incident of the same service, opened at an instant of Japan's with a complaint of that instant.
    pub async fn another(self, instant: &str) -> Self {
        self.at(instant);
        let officer = self.app.renewed(&self.officer).await;
        let op = self.op().await;
        let finding = NewFinding {
            system: "online-application".into(),
            summary: "pages do not come".into(),
            occurred_at: jst(instant),
            source: FindingSource::Person,
            reporter: None,
            requirement: None,
        };
        let finding = incidents::report_finding(&op, finding).await.expect("a finding");
        let opened = NewIncident {
            system: "online-application".into(),
            title: "Another incident".into(),
            zone: "Asia/Tokyo".into(),
            findings: vec![RowId { tenant: finding.tenant, id: finding.id }],
        };
        let opened = incidents::open_incident(&op, opened).await.expect("an incident");
        let incident = RowId { tenant: opened.tenant, id: opened.id };
        Self { id: global_id("Incident", incident), officer, incident, app: self.app }
    }

    /// An officer whose login is a mail address: who is told.
    pub async fn officer_with_mail(&self) {
        let create =
            "mutation($tenant: ID!) { answer: createAccount(tenantId: $tenant, login: \"law@example.jp\",
          displayName: \"A member\", roles: [COMPLIANCE_OFFICER]) { __typename } }";
        let tenant = self.app.operator().await.id;
        let answer = self.app.admin().gql_with(create, json!({ "tenant": tenant })).await;
        assert_eq!(answer["data"]["answer"]["__typename"], "Account", "{answer}");
    }

    /// The mails that were kept, the oldest first: subject and text.
    pub async fn mails(&self) -> Vec<(String, String)> {
        let list = "{ capturedMails(purpose: \"a test\", first: 100) { nodes { subject body } } }";
        let officer = self.app.renewed(&self.officer).await;
        let answer = officer.gql(list).await;
        let nodes = answer["data"]["capturedMails"]["nodes"].as_array();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        nodes
            .unwrap_or_else(|| panic!("{answer}"))
            .iter()
            .map(|mail| (text(&mail["subject"]), text(&mail["body"])))
            .collect()
    }

    /// Moves the clock.
    pub fn at(&self, instant: &str) {
        self.app.clock.set(jst(instant));
    }

    /// An operation of the officer, now.
    pub async fn op(&self) -> Op {
        act_locally(&self.app.app, &self.officer.login).await.expect("the officer acts")
    }

    /// Stores an affected list: `applicants` and `admins` at tenants `t-0…`, `indeterminate` people without logs.
    pub async fn list(&self, applicants: usize, admins: usize, indeterminate: usize) -> Revision {
        let op = self.op().await;
        let person = |kind: &str, index: usize, class| NewPerson {
            tenant: Some(format!("t-{}", index % 59)),
            person: format!("{kind}-{class}-{index}"),
            kind: Some(kind.to_owned()),
            class,
            first_at: Some(jst("2023-10-26T11:30")),
            last_at: Some(jst("2023-10-26T12:30")),
            requests: 3,
            logins: 1,
            evidence: Default::default(),
        };
        let mut people: Vec<_> = (0..applicants).map(|i| person("applicant", i, Class::Possible)).collect();
        people.extend((0..admins).map(|i| person("school_admin", i, Class::Possible)));
        people.extend((0..indeterminate).map(|i| person("applicant", i, Class::Indeterminate)));
        let query = serde_json::from_value(json!({
            "from": "2023-10-26T02:00:00Z", "to": "2023-10-26T06:41:00Z", "basis": "logins_and_personal_requests",
            "personal_routes": ["/mypage/**"],
        }))
        .expect("a query");
        let inputs = serde_json::from_value(json!({ "inputs": [{
            "name": "login.jsonl", "sha256": "0".repeat(64), "format": null, "compressed": false, "bytes": 100_000,
            "lines": 1100, "used": 1100, "bad": { "count": 0, "samples": [] }, "oversized": 0, "truncated": null, "first": null, "last": null,
            "duplicate_of": null,
        }] }))
        .expect("the log that the list was made from");
        let new = NewRevision { reason: "everybody who logged in".into(), query, inputs };
        let mut batches: Vec<_> = people.chunks(1000).map(<[NewPerson]>::to_vec).collect();
        let rest = batches.split_off(1);
        let first = batches.remove(0);
        let mut received = incidents::create_revision(&op, self.incident, new, first, rest.is_empty())
            .await
            .expect("a list");
        let last = rest.len();
        for (index, batch) in rest.into_iter().enumerate() {
            received = incidents::receive_people(&op, self.incident, received.id, batch, index + 1 == last)
                .await
                .expect("a batch");
        }
        received.revision.expect("the last batch was sent")
    }

    /// Records a fact.
    pub async fn fact(&self, name: &str, value: Value, certainty: &str) -> Value {
        let input = json!({
            "incidentId": self.id, "name": name, "value": value.to_string(), "certainty": certainty,
            "source": "memo of the response team",
        });
        self.officer.gql_with(RECORD, json!({ "input": input })).await["data"]["recordFact"].clone()
    }

    /// What an officer knows of the founding incident.
    pub async fn officer_facts(&self) {
        for (name, value) in [
            ("scope.jurisdictions", json!(["JP"])),
            ("parties.entity_type", json!("private")),
            ("parties.role", json!("controller")),
            ("data.being_acquired", json!(false)),
            ("data.pseudonymised", json!(false)),
            ("event.recovered_unread", json!(false)),
            ("event.duplicate_kept", json!(true)),
            ("event.intended_provision", json!(false)),
            ("cause.malicious_purpose", json!(false)),
            ("cause.indicators", json!([])),
            ("risk.property_damage", json!(false)),
            ("persons.contact_data_available", json!(true)),
        ] {
            let recorded = self.fact(name, value, "CONFIRMED").await;
            assert_eq!(recorded["__typename"], "Fact", "{name}: {recorded}");
        }
        let kinds = self.fact("event.kinds", json!(["viewable_by_others"]), "SUSPECTED").await;
        assert_eq!(kinds["__typename"], "Fact", "{kinds}");
    }

    /// What makes it a breach under the GDPR that is to be notified within 72 hours of 13:15 on 26 October.
    pub async fn gdpr_facts(&self) {
        self.facts(&[
            ("scope.jurisdictions", json!(["EU"])),
            ("parties.entity_type", json!("private")),
            ("parties.role", json!("controller")),
            ("data.is_personal_data", json!(true)),
            ("event.kinds", json!(["leak"])),
            ("risk.gdpr_risk", json!("risk")),
        ])
        .await;
    }

    /// Records confirmed facts.
    pub async fn facts(&self, facts: &[(&str, Value)]) {
        for (name, value) in facts {
            let recorded = self.fact(name, value.clone(), "CONFIRMED").await;
            assert_eq!(recorded["__typename"], "Fact", "{name}: {recorded}");
        }
    }

    /// Settles a duty as done.
    pub async fn settle(&self, regime: &str, kind: &str, late_reason: Option<&str>) {
        let officer = self.app.renewed(&self.officer).await;
        let query = "query($id: ID!) { duties(incidentId: $id) { id regime kind } }";
        let answer = officer.gql_with(query, json!({ "id": self.id })).await;
        let duties = answer["data"]["duties"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let duty = duties.iter().find(|duty| duty["regime"] == regime && duty["kind"] == kind);
        let duty = duty.unwrap_or_else(|| panic!("no {regime} {kind}: {answer}"));
        let settle = "mutation($duty: ID!, $late: String) {
            settleDuty(dutyId: $duty, state: DONE, receipt: \"no. 1\", lateReason: $late) {
              __typename ... on Problem { field message } } }";
        let answer = officer.gql_with(settle, json!({ "duty": duty["id"], "late": late_reason })).await;
        assert_eq!(answer["data"]["settleDuty"]["__typename"], "Duty", "{answer}");
    }

    /// Assesses and returns the decision under APPI Art. 26.
    pub async fn assess(&self) -> Value {
        let answer = self.officer.gql_with(ASSESS, json!({ "id": self.id })).await;
        let assessment = &answer["data"]["assessIncident"];
        assert_eq!(assessment["__typename"], "Assessment", "{answer}");
        assessment["decisions"][0].clone()
    }

    /// The duties as text: kind, due, state.
    pub async fn duties(&self) -> Vec<String> {
        let query = "query($id: ID!) { duties(incidentId: $id) {
            id regime kind nature dueText(language: EN) state provisional overdue } }";
        let answer = self.officer.gql_with(query, json!({ "id": self.id })).await;
        let rows = answer["data"]["duties"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        rows.iter()
            .map(|row| {
                let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
                let flag = |name: &str| if row[name] == true { format!(" {name}") } else { String::new() };
                format!(
                    "{} {} {} | {} | {}{}{}",
                    text("regime"),
                    text("kind"),
                    text("nature"),
                    text("dueText"),
                    text("state"),
                    flag("provisional"),
                    flag("overdue"),
                )
            })
            .collect()
    }
}

const RECORD: &str = "mutation($input: RecordFactInput!) { recordFact(input: $input) {
    __typename ... on Fact { id name value current source } ... on Problem { code field message remedy } } }";

const ASSESS: &str = "mutation($id: ID!) { assessIncident(incidentId: $id) {
    __typename
    ... on Assessment { number decisions(regime: \"jp-appi-26\") {
        packId outcomeRegulator outcomePersons trace(language: EN) missingFacts { fact reason }
        deadlines { kind due dueAt nature status provisional } } }
    ... on Problem { code message } } }";
