//! An incident with made-up people, ready to be told.

use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::{incident, revision, revision_person};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Database, DatabaseConnection, EntityTrait, IntoActiveModel, QueryFilter,
};
use serde_json::{Value, json};
use suimon::access::Role;
use suimon::notices::worker::{SentCounts, run_once};
use uuid::Uuid;

use super::sink::Sink;
use crate::harness::{Member, TestApp, text};

const SYSTEM: &str = "\
apiVersion: suimon/v1
kind: System
metadata: { name: applications }
spec:
  title: { ja: 出願システム, en: Application system }
  operator: { name: { ja: みほん出願サービス, en: Mihon Applications } }
  timeZone: Asia/Tokyo
  tenantsKind: { ja: 学校, en: school }
  channels: [web]
  recordTypes:
    - name: applicant
      title: { ja: 志願者, en: Applicant }
      externalId: Application number
      contactField: email
      postalField: home
      phoneField: phone
      fields:
        - { name: full_name, title: { ja: 氏名, en: Name }, category: name, protection: encrypted, kind: name, retention: P1Y }
        - { name: email, title: { ja: メール, en: Mail }, category: contact, protection: encrypted, kind: mail, retention: P1Y }
        - { name: home, title: { ja: 住所, en: Address }, category: contact, protection: encrypted, kind: text, retention: P1Y }
        - { name: phone, title: { ja: 電話, en: Telephone }, category: contact, protection: encrypted, kind: phone, retention: P1Y }
  routes:
    - { name: mypage, pattern: /mypage/**, personal: true, shows: [{ recordType: applicant }] }
";

/// Fast and small, so that tests need not wait.
const QUICK: [&str; 4] = [
    "outbox.backoff_seconds=60",
    "mail.smtp_timeout_seconds=5",
    "outbox.lease_seconds=20",
    "mail.from_name=みほん出願サービス",
];

pub struct Fixture {
    pub app: TestApp,
    /// Writes notices.
    pub officer: Member,
    /// Approves them.
    pub approver: Member,
    pub root: Uuid,
    pub incident: Uuid,
    pub database: DatabaseConnection,
}

/// Somebody of the affected list: short name of the school, pseudonym, class.
pub type Entry<'a> = (&'a str, &'a str, &'a str);

impl Fixture {
    /// Mail is captured.
    pub async fn captured() -> Self {
        Self::with(&[]).await
    }

    /// Mail goes to `sink`.
    pub async fn sending_to(sink: &Sink, overrides: &[&str]) -> Self {
        let port = format!("mail.smtp_port={}", sink.port);
        let mut all = vec!["mail.transport=smtp", "mail.smtp_tls=none", port.as_str()];
        all.extend(overrides);
        Self::with(&all).await
    }

    pub async fn with(overrides: &[&str]) -> Self {
        let mut all: Vec<&str> = QUICK.to_vec();
        all.extend(overrides);
        let app = TestApp::with(&all).await;
        let answer = app.admin().gql("{ viewer { tenant { slug } } }").await;
        assert_eq!(answer["data"]["viewer"]["tenant"]["slug"], "operator");
        let officer = app.operator_member(Role::ComplianceOfficer).await;
        let approver = app.operator_member(Role::Approver).await;
        let answer = officer
            .gql_with(
                "mutation($files: [ManifestFile!]!) { applyManifests(files: $files, reason: \"test\") { __typename } }",
                json!({ "files": [{ "name": "system.yaml", "content": SYSTEM }] }),
            )
            .await;
        assert_eq!(answer["data"]["applyManifests"]["__typename"], "ManifestsApplied", "{answer}");
        let database = Database::connect(app.owner_url()).await.expect("the database");
        let root = app.app.root().expect("an operator");
        let incident = app.app.entropy().id(app.now());
        let row = incident::Model {
            tenant_id: root,
            id: incident,
            number: 1,
            title: "Pages served to others".into(),
            system: "applications".into(),
            status: "contained".into(),
            zone: "Asia/Tokyo".into(),
            opened_at: app.now().as_microsecond(),
            opened_by: Uuid::nil(),
            occurred_from: Some(micros("2023-10-26T11:00:00+09:00")),
            occurred_to: Some(micros("2023-10-26T15:41:00+09:00")),
            detected_at: None,
            aware_at: None,
            contained_at: None,
            closed_at: None,
        };
        incident::Entity::insert(row.into_active_model().reset_all())
            .exec_without_returning(&database)
            .await
            .expect("an incident");
        Self { app, officer, approver, root, incident, database }
    }

    /// Imports `people` (pseudonym, wished language) at a school: name `山田 <pseudonym>`, address `<pseudonym>@<school>.example`.
    pub async fn import(&self, school: &str, people: &[(&str, &str)]) {
        let people: Vec<_> = people.iter().map(|(person, language)| (*person, *language, None)).collect();
        self.import_with_homes(school, &people).await;
    }

    /// The same with a postal address, and a telephone number, where one is given.
    pub async fn import_with_homes(&self, school: &str, people: &[(&str, &str, Option<&str>)]) {
        self.app.tenant(school).await;
        let rows: Vec<Value> = people
            .iter()
            .enumerate()
            .map(|(index, (person, language, home))| {
                let mut fields = vec![
                    json!({ "name": "full_name", "value": format!("山田 {person}") }),
                    json!({ "name": "email", "value": format!("{person}@{school}.example") }),
                ];
                if let Some(home) = home {
                    fields.push(json!({ "name": "home", "value": home }));
                    fields.push(json!({ "name": "phone", "value": "03-0000-0001" }));
                }
                json!({ "line": index + 1, "tenant": school, "externalId": person, "language": language, "fields": fields })
            })
            .collect();
        let input = json!({
            "system": "applications", "recordType": "applicant", "mode": "ALL_OR_NOTHING", "rows": rows, "last": true
        });
        let answer = self
            .officer
            .gql_with(
                "mutation($input: ImportSubjectsInput!) { importSubjects(input: $input) {
                   __typename ... on Problem { message } } }",
                json!({ "input": input }),
            )
            .await;
        assert_ne!(answer["data"]["importSubjects"]["__typename"], "Problem", "{answer}");
        assert!(answer["errors"].is_null(), "{answer}");
    }

    /// An approved revision; the approved one before it is superseded.
    pub async fn revision(&self, number: i32, people: &[Entry<'_>]) -> Uuid {
        self.revision_in("approved", number, people).await
    }

    pub async fn revision_in(&self, state: &str, number: i32, people: &[Entry<'_>]) -> Uuid {
        revision::Entity::update_many()
            .col_expr(revision::Column::State, Expr::value("superseded"))
            .filter(revision::Column::State.eq("approved"))
            .exec(&self.database)
            .await
            .expect("superseded");
        let (id, at) = (self.app.app.entropy().id(self.app.now()), self.app.now().as_microsecond());
        let row = revision::Model {
            tenant_id: self.root,
            id,
            incident_id: self.incident,
            number: Some(number),
            method: "manual".into(),
            state: state.into(),
            reason: "test".into(),
            parameters: "{}".into(),
            inputs: r#"{"inputs":[]}"#.into(),
            counts: serde_json::to_string(&suimon::incidents::affected::Counts::default()).expect("JSON"),
            digest: String::new(),
            created_at: at,
            created_by: Uuid::nil(),
            approved_at: Some(at),
            approved_by: Some(Uuid::nil()),
        };
        revision::Entity::insert(row.into_active_model().reset_all())
            .exec_without_returning(&self.database)
            .await
            .expect("a revision");
        let tenants = entity::tenant::Entity::find().all(&self.database).await.expect("tenants");
        let row = |(school, person, class): &Entry<'_>| {
            revision_person::Model {
                tenant_id: self.root,
                revision_id: id,
                tenant_slug: (*school).into(),
                person: (*person).into(),
                person_kind: "applicant".into(),
                person_tenant: tenants.iter().find(|tenant| tenant.slug == *school).map(|tenant| tenant.id),
                class: (*class).into(),
                first_at: None,
                last_at: None,
                requests: 1,
                logins: 1,
                origin: "logs".into(),
                reason: None,
                evidence: "[]".into(),
            }
            .into_active_model()
            .reset_all()
        };
        for people in people.chunks(500) {
            revision_person::Entity::insert_many(people.iter().map(row))
                .exec_without_returning(&self.database)
                .await
                .expect("people");
        }
        id
    }

    /// A school `school-001` with `count` people `p-000…`, all on an approved revision.
    pub async fn people(&self, count: usize) -> Uuid {
        let names: Vec<String> = (0..count).map(|n| format!("p-{n:03}")).collect();
        let people: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "ja")).collect();
        for people in people.chunks(500) {
            self.import("school-001", people).await;
        }
        let entries: Vec<Entry<'_>> =
            names.iter().map(|name| ("school-001", name.as_str(), "possible")).collect();
        self.revision(1, &entries).await
    }

    /// Global id of the incident.
    pub fn incident_id(&self) -> String {
        global("Incident", self.root, self.incident)
    }

    /// Global id of a revision.
    pub fn revision_id(&self, revision: Uuid) -> String {
        global("Revision", self.root, revision)
    }

    /// Writes a notice to persons and returns the payload.
    pub async fn create(&self, member: &Member, revision: Uuid, audience: &str, variables: Value) -> Value {
        let template =
            if audience == "PERSONS" { "incident_notice_person" } else { "incident_notice_tenant" };
        let input = json!({
            "incidentId": self.incident_id(), "revisionId": self.revision_id(revision), "audience": audience,
            "template": template, "variables": variables
        });
        let answer = member
            .gql_with(
                "mutation($input: CreateNoticeInput!) { createNotice(input: $input) {
                   __typename ... on Notice { id state } ... on Problem { code field message remedy } } }",
                json!({ "input": input }),
            )
            .await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"]["createNotice"].clone()
    }

    /// A draft of the officer.
    pub async fn draft(&self, revision: Uuid, audience: &str) -> String {
        text(&self.create(&self.officer, revision, audience, texts()).await["id"])
    }

    /// `verb(noticeId)` by `member`: the payload.
    pub async fn act(&self, member: &Member, verb: &str, notice: &str) -> Value {
        let mutation = format!(
            "mutation($id: ID!) {{ {verb}(noticeId: $id) {{
               __typename ... on Notice {{ state }} ... on Problem {{ code message remedy }} }} }}"
        );
        let answer = member.gql_with(&mutation, json!({ "id": notice })).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"][verb].clone()
    }

    /// An approved notice to the people of a revision.
    pub async fn approved(&self, revision: Uuid) -> String {
        let notice = self.draft(revision, "PERSONS").await;
        let answer = self.act(&self.approver, "approveNotice", &notice).await;
        assert_eq!(answer["state"], "APPROVED", "{answer}");
        notice
    }

    /// The program, on the database of the test.
    pub fn suimon(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_suimon"))
            .args(arguments)
            .args(["--set", &format!("database.url={}", self.app.database_url())])
            .args(["--set", &format!("keys.file={}", self.app.folder().join("kek.key").display())])
            .args(["--set", "log.filter=error"])
            .env_clear()
            .env("RUST_BACKTRACE", "0")
            .output()
            .expect("the program runs")
    }

    /// `suimon notices …` as somebody: exit code, what it prints, what it complains of.
    pub fn notices(&self, login: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = self.suimon(&[&["notices"], arguments, &["--as", login]].concat());
        let [told, complained] =
            [output.stdout, output.stderr].map(|said| String::from_utf8(said).expect("UTF-8"));
        (output.status.code(), told, complained)
    }

    /// Sends what is due at the test's instant.
    pub async fn send(&self) -> SentCounts {
        run_once(&self.app.app).await.expect("a pass of the worker")
    }

    /// State and counts of a notice: `DONE 0 0 3 0 1` (queued, sending, accepted, deferred, failed).
    pub async fn standing(&self, notice: &str) -> String {
        let answer = self
            .officer
            .gql_with(
                "query($id: ID!) { notice(id: $id) { state counts { queued sending accepted deferred failed } } }",
                json!({ "id": notice }),
            )
            .await;
        let (notice, counts) = (&answer["data"]["notice"], &answer["data"]["notice"]["counts"]);
        let state = notice["state"].as_str().unwrap_or_else(|| panic!("{answer}"));
        let number = |name: &str| counts[name].to_string();
        format!(
            "{state} {} {} {} {} {}",
            number("queued"),
            number("sending"),
            number("accepted"),
            number("deferred"),
            number("failed")
        )
    }

    /// `recipient state code reason attempts` of each message, by recipient.
    pub async fn messages(&self, notice: &str) -> Vec<String> {
        let answer = self
            .officer
            .gql_with(
                "query($id: ID!) { notice(id: $id) { messages(first: 200) {
                   nodes { recipient state replyCode reason attempts } } } }",
                json!({ "id": notice }),
            )
            .await;
        let nodes = answer["data"]["notice"]["messages"]["nodes"].as_array().cloned();
        let mut lines: Vec<String> = nodes
            .unwrap_or_else(|| panic!("{answer}"))
            .iter()
            .map(|node| {
                format!(
                    "{} {} {} {} {}",
                    text(&node["recipient"]),
                    text(&node["state"]),
                    node["replyCode"],
                    node["reason"],
                    node["attempts"]
                )
            })
            .collect();
        lines.sort();
        lines
    }
}

/// What an author writes.
pub fn texts() -> Value {
    let of = |texts: [&'static str; 6]| {
        let names = ["what_happened", "data_items", "cause", "secondary_damage", "measures", "contact_desk"];
        names.into_iter().zip(texts).collect::<std::collections::BTreeMap<_, _>>()
    };
    json!({
        "ja": of([
            "10月26日、他の方のページが表示されました。", "氏名、メールアドレス", "配信設定の誤り",
            "現時点で確認されていません。", "設定を戻し、再発防止策を行いました。", "お問い合わせ: 03-0000-0000"
        ]),
        "en": of([
            "On 26 October pages were shown to others.", "Name, mail address", "A wrong setting of the delivery network",
            "None is known.", "The setting was undone.", "Please call +81-3-0000-0000."
        ]),
    })
}

/// A global id.
pub fn global(kind: &str, tenant: Uuid, id: Uuid) -> String {
    let bytes = [kind.as_bytes(), b":", tenant.as_bytes(), id.as_bytes()].concat();
    URL_SAFE_NO_PAD.encode(bytes)
}

fn micros(instant: &str) -> i64 {
    instant.parse::<jiff::Timestamp>().expect("an instant").as_microsecond()
}
