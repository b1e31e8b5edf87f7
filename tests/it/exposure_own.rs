//! Affected lists from the service's own record of reads. A booking service for medical workers: for some hours a rule lets the desks of the
//! institutions read more than it should; an account in wrong hands reads as well.

use sea_orm::{ConnectionTrait, Database, DbBackend};
use serde_json::{Value, json};
use suimon::access::{self, Action, Role, act_locally};
use suimon::audit::Event;
use suimon::vault;

use crate::audit_trim_scene;
use crate::emergency_access;
use crate::exposure_revisions::revisions;
use crate::harness::{Member, TestApp, TestTenant, text};
use crate::incidents::open;
use crate::requirements::{apply, with};
use crate::vault_support::{batch, run};

const SYSTEM: &str = include_str!("../../examples/vaccine-booking/manifests/system.yaml");
/// What was stated first: whoever sits at a desk reads date of birth and ticket number in clear, whatever for.
const WIDE: &str = "apiVersion: suimon/v1
kind: Requirement
metadata: { name: VAX-ACC-010 }
spec:
  system: vaccine-booking
  statement:
    ja: 窓口の担当者は、生年月日と接種券番号を参照できる。
    en: The desk can read date of birth and ticket number.
  target: record:medical_worker
  metric: refused_reads_at_the_desk
  threshold: { op: eq, value: 0, unit: reads }
  obligation: SHOULD
  enforcement:
    mode: enforce
    mechanism: access
    params:
      effect: allow
      roles: [tenant_staff]
      actions: [read]
      objects: [medical_worker.date_of_birth, medical_worker.ticket_number]
  owner: operations
";
/// What was meant: the date of birth alone, and only to find out who is calling.
const MEANT: (&str, &str) = (
    "[medical_worker.date_of_birth, medical_worker.ticket_number]",
    "[medical_worker.date_of_birth]\n      when: [{ attribute: purpose, op: eq, value: identity check }]",
);
const READ: &str = "query($id: ID!, $purpose: String!, $masked: Boolean!, $names: [String!]) {
  subject(id: $id, purpose: $purpose) { fields(names: $names, masked: $masked) {
    ... on ClearValue { clear: name } ... on MaskedValue { masked: name } ... on Withheld { withheld: name } } } }";
const SHOWN: [&str; 3] = ["full_name", "date_of_birth", "ticket_number"];
const MADE: &str = "mutation($input: CreateRevisionFromEnforcementLogInput!) { answer: createRevisionFromEnforcementLog(input: $input) {
  ... on Problem { code field message remedy }
  ... on Revision { id number method state complete digest intact parameters
    counts { persons tenants confirmed sumOverTenants countedAgain personsInSeveralTenants byTenant { tenant kind persons } }
    inputs { name sha256 lines used }
    reads { system quietChains actors plaintext maskedOnly peopleDigest chains { name from to hash entries used faults archives }
      leftOut { refused byTheService lists allowedNow withoutPerson byUnknownTokens byRecordId }
      judgedBy { requirements policies { tenant version } } }
    people { nodes { tenant person kind class requests firstAt lastAt evidenceTotal evidence { what input line }
      fields { field form times } } }
    statement(language: EN) japanese: statement(language: JA) } } }";

fn worker(line: u32, tenant: &str, id: &str) -> Value {
    json!({ "line": line, "tenant": tenant, "externalId": id, "fields": [
        { "name": "full_name", "value": "汐見 一郎" },
        { "name": "date_of_birth", "value": "1980-02-03" },
        { "name": "occupation", "value": "看護師" },
        { "name": "ticket_number", "value": format!("t-{tenant}-{id}") },
        { "name": "email", "value": format!("{id}@{tenant}.example") },
        { "name": "booking_number", "value": id },
    ] })
}

/// Two institutions; `mw-1` is known to both.
struct Scene {
    app: TestApp,
    clinics: [TestTenant; 2],
    desks: [Member; 2],
    officer: Member,
    /// Ids of records, by institution and pseudonym.
    people: Vec<(&'static str, &'static str, String)>,
}

impl Scene {
    async fn new() -> Self {
        let app = TestApp::new().await;
        apply(&app.admin(), &[("system.yaml", SYSTEM)], "ordering", false).await;
        let clinics = [app.tenant("clinic-a").await, app.tenant("clinic-b").await];
        let officer = app.operator_member(Role::ComplianceOfficer).await;
        let places = [("clinic-a", "mw-1"), ("clinic-a", "mw-2"), ("clinic-b", "mw-1"), ("clinic-b", "mw-3")];
        let rows: Vec<Value> =
            (1..).zip(places).map(|(line, (tenant, id))| worker(line, tenant, id)).collect();
        let input = json!({ "system": "vaccine-booking", "recordType": "medical_worker", "rows": rows });
        let imported = batch(&officer, input).await;
        assert_eq!(imported["rowsKept"], 4, "{imported}");
        let mut people = Vec::new();
        for (tenant, id) in places {
            let query = "query($value: String!) { searchSubjects(system: \"vaccine-booking\", recordType: \"medical_worker\",
                field: \"email\", value: $value, purpose: \"set-up\") { id } }";
            let found = officer.gql_with(query, json!({ "value": format!("{id}@{tenant}.example") })).await;
            people.push((tenant, id, text(&found["data"]["searchSubjects"][0]["id"])));
        }
        let desks = [
            app.member(&clinics[0], Role::TenantStaff).await,
            app.member(&clinics[1], Role::TenantStaff).await,
        ];
        app.clock.advance(600);
        Self { app, clinics, desks, officer, people }
    }

    fn id(&self, tenant: &str, person: &str) -> &str {
        let found = self.people.iter().find(|(at, id, _)| (*at, *id) == (tenant, person));
        &found.expect("a worker of the scene").2
    }

    /// Reads a worker's fields and gives their names by form: what is asked for in clear comes as it may.
    async fn read(&self, who: &Member, tenant: &str, person: &str, purpose: &str, masked: bool) -> Value {
        self.app.clock.advance(10);
        let id = self.id(tenant, person);
        let variables = json!({ "id": id, "purpose": purpose, "masked": masked, "names": SHOWN });
        let answer = who.gql_with(READ, variables).await;
        assert!(answer["errors"].is_null(), "{answer}");
        let mut forms = json!({});
        for field in answer["data"]["subject"]["fields"].as_array().expect("fields") {
            let (form, name) = field.as_object().and_then(|field| field.iter().next()).expect("a form");
            forms[text(name)] = json!(form);
        }
        forms
    }

    async fn state(&self, requirement: &str) {
        self.app.clock.advance(60);
        let set = [("system.yaml", SYSTEM), ("desk.yaml", requirement)];
        let applied = apply(&self.app.admin(), &set, "the desk", false).await;
        assert_eq!(applied["__typename"], "ManifestsApplied", "{applied}");
        self.app.clock.advance(60);
    }

    async fn incident(&self) -> String {
        let finding = "mutation($at: Instant!) { reportFinding(input: { system: \"vaccine-booking\", source: PERSON,
            summary: \"窓口で接種券番号が見えた\", occurredAt: $at, requirement: \"VAX-ACC-010\" }) { ... on Finding { id } } }";
        let found = self.officer.gql_with(finding, json!({ "at": self.app.now() })).await;
        let opened = "mutation($findings: [ID!]!) { openIncident(input: { system: \"vaccine-booking\", title: \"参照範囲の誤り\",
            zone: \"Asia/Tokyo\", findingIds: $findings }) { ... on Incident { id } ... on Problem { message } } }";
        let variables = json!({ "findings": [found["data"]["reportFinding"]["id"]] });
        text(&self.officer.gql_with(opened, variables).await["data"]["openIncident"]["id"])
    }
}

async fn make(officer: &Member, input: &Value) -> Value {
    let answer = officer.gql_with(MADE, json!({ "input": input })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["answer"].clone()
}

/// `tenant person class field:form×times …` of everybody on a list.
fn lines(made: &Value) -> Vec<String> {
    let people = made["people"]["nodes"].as_array().unwrap_or_else(|| panic!("no list: {made}"));
    let line = |person: &Value| {
        let fields = person["fields"].as_array().expect("fields").iter();
        let fields = fields.map(|field| {
            let name = text(&field["field"]);
            let bare = name.strip_prefix("medical_worker.").unwrap_or(&name).to_owned();
            format!("{bare}:{}×{}", text(&field["form"]), field["times"])
        });
        let words = [&person["tenant"], &person["person"], &person["class"]].map(text).join(" ");
        format!("{words} {}", fields.collect::<Vec<_>>().join(" "))
    };
    people.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_was_too_wide_gives_the_people_and_fields_beyond_today_s() {
    let scene = Scene::new().await;
    let [a, b] = &scene.desks;
    let call = scene.app.operator_member(Role::CallCentre).await;
    let head = scene.app.member(&scene.clinics[0], Role::TenantAdmin).await;
    let shut = json!({ "full_name": "masked", "date_of_birth": "masked", "ticket_number": "masked" });
    let wide = json!({ "full_name": "masked", "date_of_birth": "clear", "ticket_number": "clear" });
    assert_eq!(scene.read(a, "clinic-a", "mw-1", "a call", false).await, shut);
    let from = scene.app.now();
    scene.state(WIDE).await;
    assert_eq!(scene.read(a, "clinic-a", "mw-1", "a call", false).await, wide);
    assert_eq!(scene.read(a, "clinic-a", "mw-1", "a call", false).await, wide);
    assert_eq!(scene.read(b, "clinic-b", "mw-1", "identity check", false).await, wide);
    assert_eq!(scene.read(b, "clinic-b", "mw-3", "a call", false).await, wide);
    // In order then and now: shortened values, the head of the institution, and a call centre that no rule opens anything to.
    assert_eq!(scene.read(a, "clinic-a", "mw-2", "a call", true).await, shut);
    scene.read(&head, "clinic-a", "mw-2", "a call", false).await;
    assert_eq!(scene.read(&call, "clinic-a", "mw-2", "a call", false).await, shut);
    scene.state(&with(WIDE, MEANT.0, MEANT.1)).await;
    assert_eq!(scene.read(a, "clinic-a", "mw-2", "a call", false).await, shut);
    let checked = scene.read(a, "clinic-a", "mw-2", "identity check", false).await;
    assert_eq!(checked["date_of_birth"], "clear", "what was meant is allowed: {checked}");
    let to = scene.app.now();
    scene.app.clock.advance(120);

    let incident = scene.incident().await;
    let input = json!({ "incidentId": incident, "reason": "接種券番号の参照", "from": from, "to": to, "nowDenied": true });
    let made = make(&scene.officer, &input).await;
    insta::assert_json_snapshot!(lines(&made), @r#"
[
  "clinic-a mw-1 CONFIRMED date_of_birth:PLAINTEXT×2 ticket_number:PLAINTEXT×2",
  "clinic-b mw-1 CONFIRMED ticket_number:PLAINTEXT×1",
  "clinic-b mw-3 CONFIRMED date_of_birth:PLAINTEXT×1 ticket_number:PLAINTEXT×1"
]
"#);
    insta::assert_json_snapshot!(made["counts"], @r#"
{
  "byTenant": [
    {
      "kind": "medical_worker",
      "persons": 1,
      "tenant": "clinic-a"
    },
    {
      "kind": "medical_worker",
      "persons": 2,
      "tenant": "clinic-b"
    }
  ],
  "confirmed": 2,
  "countedAgain": 1,
  "persons": 2,
  "personsInSeveralTenants": 1,
  "sumOverTenants": 3,
  "tenants": 2
}
"#);
    assert_eq!(
        (&made["method"], &made["complete"], &made["intact"]),
        (&json!("ENFORCEMENT_LOG"), &json!(true), &json!(true))
    );
    insta::assert_snapshot!(text(&made["statement"]), @r#"Between 2023-10-26 00:10 +00:00 and 2023-10-26 00:15 +00:00, by this service's own record, data of 2 people was read through it by anybody, as far as the rules in force when this list was made refuse it. Of 2 of them something was shown in clear, of 0 nothing but shortened values. What was read past this service is not in its record."#);
    insta::assert_snapshot!(text(&made["japanese"]), @r#"本サービス自身の記録によれば、2023-10-26 00:10 +00:00から2023-10-26 00:15 +00:00までの間に、本一覧の作成時点の規則では許可されない範囲で2名の情報が閲覧されました。うち2名については平文の項目が、0名についてはマスクされた値のみが表示されました。本サービスを通さない閲覧は、この記録にはありません。"#);
    let reads = &made["reads"];
    assert_eq!(
        (&reads["plaintext"], &reads["maskedOnly"], &reads["actors"]),
        (&json!(2), &json!(0), &json!(2)),
        "{reads}"
    );
    assert_eq!(reads["leftOut"]["allowedNow"], 6, "{reads}");
    assert_eq!(reads["judgedBy"]["policies"].as_array().map(Vec::len), Some(3), "{reads}");

    // Each entry can be opened: it is the read that it is said to be.
    for person in made["people"]["nodes"].as_array().unwrap() {
        let tenant = scene.clinics.iter().find(|clinic| clinic.slug == text(&person["tenant"])).unwrap();
        let query = "query($tenant: ID!) { auditEntries(tenantId: $tenant, first: 100) { nodes { seq action fields subjectId } } }";
        let log = scene.officer.gql_with(query, json!({ "tenant": tenant.id })).await;
        let evidence = person["evidence"].as_array().unwrap();
        assert_eq!(person["evidenceTotal"], evidence.len());
        for line in evidence {
            assert_eq!(line["input"], format!("audit:{}", tenant.slug));
            let entries = log["data"]["auditEntries"]["nodes"].as_array().unwrap().iter();
            let entry = entries.into_iter().find(|entry| entry["seq"] == line["line"]).expect("the entry");
            assert_eq!(entry["action"], line["what"]);
            assert_eq!(entry["subjectId"], scene.id(&tenant.slug, &text(&person["person"])));
        }
    }

    // Asked again: the same people, and the same list to the last byte.
    scene.app.clock.advance(3600);
    let again = make(&scene.officer, &input).await;
    assert_eq!((&again["number"], lines(&again)), (&json!(2), lines(&made)));
    assert_eq!(again["reads"]["peopleDigest"], reads["peopleDigest"]);
    assert_eq!(again["digest"], made["digest"]);
    let query = "query($id: ID!) { revision(id: $id) { difference { addedCount removedCount changedCount unchangedCount } } }";
    let differs = scene.officer.gql_with(query, json!({ "id": again["id"] })).await;
    insta::assert_snapshot!(differs["data"]["revision"]["difference"], @r#"{"addedCount":0,"changedCount":0,"removedCount":0,"unchangedCount":3}"#);

    // Whoever made it does not approve it.
    let approve = "mutation($id: ID!) { answer: approveRevision(revisionId: $id) {
        ... on Revision { state } ... on Problem { code } } }";
    let variables = json!({ "id": again["id"] });
    assert_eq!(
        scene.officer.gql_with(approve, variables.clone()).await["data"]["answer"]["code"],
        "FORBIDDEN"
    );
    let approver = scene.app.operator_member(Role::Approver).await;
    assert_eq!(approver.gql_with(approve, variables).await["data"]["answer"]["state"], "APPROVED");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_in_wrong_hands_gives_what_it_read_from_one_instant_to_another() {
    let scene = Scene::new().await;
    let [a, b] = &scene.desks;
    scene.state(WIDE).await;
    scene.read(a, "clinic-a", "mw-1", "before", false).await;
    scene.app.clock.advance(10);
    let from = scene.app.now();
    // Both ends are inside.
    scene.app.clock.advance(-10);
    scene.read(a, "clinic-a", "mw-1", "a call", false).await;
    assert_eq!(scene.app.now(), from);
    scene.read(a, "clinic-a", "mw-2", "a call", true).await;
    scene.read(b, "clinic-b", "mw-3", "a call", false).await;
    let search = "{ searchSubjects(system: \"vaccine-booking\", recordType: \"medical_worker\", field: \"ticket_number\",
        value: \"t-clinic-a-mw-2\", purpose: \"a call\") { id } }";
    scene.app.clock.advance(10);
    assert_eq!(a.gql(search).await["data"]["searchSubjects"].as_array().map(Vec::len), Some(1));
    let list = "query($tenant: ID!) { subjects(tenantId: $tenant, first: 10) { nodes { externalId } } }";
    a.gql_with(list, json!({ "tenant": scene.clinics[0].id })).await;
    let to = scene.app.now();
    scene.read(a, "clinic-a", "mw-1", "after", false).await;
    // From now on the account can do nothing: what it did stays what it was.
    let disable = "mutation($id: ID!) { disableAccount(accountId: $id) { __typename } }";
    scene.app.admin().gql_with(disable, json!({ "id": a.account })).await;
    scene.app.clock.advance(120);
    let incident = scene.incident().await;
    let input =
        json!({ "incidentId": incident, "reason": "x", "from": from, "to": to, "accountIds": [a.account] });
    let made = make(&scene.officer, &input).await;
    insta::assert_json_snapshot!(lines(&made), @r#"
[
  "clinic-a mw-1 CONFIRMED date_of_birth:PLAINTEXT×1 full_name:MASKED×1 ticket_number:PLAINTEXT×1",
  "clinic-a mw-2 CONFIRMED date_of_birth:MASKED×1 full_name:MASKED×1 ticket_number:PLAINTEXT×1 ticket_number:MASKED×1"
]
"#);
    let reads = &made["reads"];
    assert_eq!(
        (&reads["plaintext"], &reads["maskedOnly"], &reads["leftOut"]["lists"]),
        (&json!(2), &json!(0), &json!(1)),
        "{reads}"
    );
    insta::assert_snapshot!(text(&made["statement"]), @r#"Between 2023-10-26 00:12 +00:00 and 2023-10-26 00:12 +00:00, by this service's own record, data of 2 people was read through it by the accounts in question. Of 2 of them something was shown in clear, of 0 nothing but shortened values. What was read past this service is not in its record."#);
    // By login; for one purpose; of another record type; everybody.
    let but = |more: Value| {
        let mut input = json!({ "incidentId": incident, "reason": "x", "from": from, "to": to });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    assert_eq!(lines(&make(&scene.officer, &but(json!({ "logins": [a.login] }))).await), lines(&made));
    let everybody = make(&scene.officer, &but(json!({}))).await;
    assert_eq!(everybody["counts"]["persons"], 3, "{everybody}");
    let none = make(&scene.officer, &but(json!({ "purposes": ["before"] }))).await;
    assert_eq!(none["counts"]["persons"], 0, "the time counts as well: {none}");
    assert_eq!(make(&scene.officer, &but(json!({ "recordTypes": ["other"] }))).await["counts"]["persons"], 0);

    // The same from a shell of the service's machine.
    let (from, to) = (from.to_string(), to.to_string());
    let own = ["exposure", "own", "--incident", "1", "--from", &from, "--to", &to, "--account", &a.login];
    let (code, out, error) =
        run(&scene.app, &[&own[..], &["--reason", "again", "--as", &scene.officer.login]].concat());
    assert_eq!(code, 0, "{error}");
    insta::assert_snapshot!(out, @r#"
revision 6 of incident 1: 2 persons at 1 tenants
  medical_worker            2 persons at 1 tenants
  2 persons in clear, 0 masked only
  since revision 5: 2 persons added, 0 removed
"#);
    assert_eq!(revisions(&scene.officer, &incident).await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_got_another_role_since_is_judged_by_that_of_then() {
    let scene = Scene::new().await;
    let [a, b] = &scene.desks;
    let from = scene.app.now();
    scene.state(WIDE).await;
    // One of the desk is promoted later; the head of the other institution goes to the desk.
    let head = scene.app.member(&scene.clinics[1], Role::TenantAdmin).await;
    scene.read(a, "clinic-a", "mw-1", "a call", false).await;
    scene.read(&head, "clinic-b", "mw-3", "a call", false).await;
    scene.read(b, "clinic-b", "mw-1", "identity check", true).await;
    let to = scene.app.now();
    scene.state(&with(WIDE, MEANT.0, MEANT.1)).await;
    let roles = "mutation($id: ID!, $roles: [Role!]!) { setAccountRoles(accountId: $id, roles: $roles) { __typename } }";
    for (member, role) in [(a, "TENANT_ADMIN"), (&head, "TENANT_STAFF")] {
        let variables = json!({ "id": member.account, "roles": [role] });
        let set = scene.app.admin().gql_with(roles, variables).await;
        assert_ne!(set["data"]["setAccountRoles"]["__typename"], "Problem", "{set}");
    }
    scene.app.clock.advance(120);
    let incident = scene.incident().await;
    let input = json!({ "incidentId": incident, "reason": "x", "from": from, "to": to, "nowDenied": true });
    insta::assert_json_snapshot!(lines(&make(&scene.officer, &input).await), @r#"
[
  "clinic-a mw-1 CONFIRMED date_of_birth:PLAINTEXT×1 ticket_number:PLAINTEXT×1",
  "clinic-b mw-3 POSSIBLE date_of_birth:PLAINTEXT×1 full_name:PLAINTEXT×1 ticket_number:PLAINTEXT×1"
]
"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_vanishes_because_a_record_or_a_part_of_the_log_is_gone() {
    let mut scene = Scene::new().await;
    let a = scene.desks[0].clone();
    let from = scene.app.now();
    for person in ["mw-1", "mw-2"] {
        scene.read(&a, "clinic-a", person, "a call", true).await;
    }
    // Refused: it showed nothing.
    let operator = scene.app.admin();
    scene.read(&operator, "clinic-b", "mw-3", "a look", false).await;
    let to = scene.app.now();
    scene.app.clock.advance(120);
    let erase = "mutation($id: ID!) { eraseSubject(id: $id, reason: \"request 1\") { ... on Subject { erasedAt } ... on Problem { message } } }";
    let erased = scene.officer.gql_with(erase, json!({ "id": scene.id("clinic-a", "mw-1") })).await;
    assert!(erased["data"]["eraseSubject"]["erasedAt"].is_string(), "{erased}");
    let database = Database::connect(scene.app.owner_url()).await.unwrap();
    database.execute_unprepared("DELETE FROM subject WHERE external_id = 'mw-2'").await.unwrap();
    let incident = scene.incident().await;
    let input = json!({ "incidentId": incident, "reason": "x", "from": from, "to": to });
    let made = make(&scene.officer, &input).await;
    let people = lines(&made);
    assert_eq!(people.len(), 2, "{people:?}");
    assert_eq!(
        people[1],
        "clinic-a mw-1 CONFIRMED date_of_birth:MASKED×1 full_name:MASKED×1 ticket_number:MASKED×1"
    );
    assert!(
        people[0].ends_with("CONFIRMED date_of_birth:MASKED×1 full_name:MASKED×1 ticket_number:MASKED×1"),
        "{people:?}"
    );
    let left_out = &made["reads"]["leftOut"];
    assert_eq!((&left_out["byRecordId"], &left_out["refused"]), (&json!(1), &json!(1)), "{made}");
    assert_eq!(made["complete"], true);
    assert_eq!((&made["reads"]["plaintext"], &made["reads"]["maskedOnly"]), (&json!(0), &json!(2)), "{made}");

    // The tokens of the account are removed: nobody can say any more that it read, nor that it did not.
    let theirs =
        json!({ "incidentId": incident, "reason": "x", "from": from, "to": to, "accountIds": [a.account] });
    assert_eq!(make(&scene.officer, &theirs).await["counts"]["persons"], 2);
    let forget = "DELETE FROM api_token WHERE account_id IN (SELECT id FROM account WHERE login = '";
    database.execute_unprepared(&format!("{forget}{}')", a.login)).await.unwrap();
    let forgotten = make(&scene.officer, &theirs).await;
    assert_eq!(
        (&forgotten["complete"], &forgotten["counts"]["persons"]),
        (&json!(false), &json!(0)),
        "{forgotten}"
    );
    assert_eq!(forgotten["reads"]["leftOut"]["byUnknownTokens"], 2, "{forgotten}");

    // Somebody with the database's rights changes what was read.
    scene.app.damaged = true;
    let triggers = match database.get_database_backend() {
        DbBackend::Postgres => "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
        _ => "DROP TRIGGER audit_entry_append_only_UPDATE",
    };
    database.execute_unprepared(triggers).await.unwrap();
    let forge = "UPDATE audit_entry SET actor = 'account:nobody' WHERE action = 'subject.read' AND purpose = 'a call'";
    database.execute_unprepared(forge).await.unwrap();
    let damaged = make(&scene.officer, &input).await;
    assert_eq!((&damaged["complete"], lines(&damaged).len()), (&json!(false), 2), "{damaged}");
    let chains = damaged["reads"]["chains"].as_array().unwrap();
    let chain = chains.iter().find(|chain| chain["name"] == "audit:clinic-a").expect("the chain");
    assert!(text(&chain["faults"][0]).starts_with("changed at "), "{chain}");
    assert!(text(&damaged["statement"]).contains("may lack people"), "{damaged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_does_not_say_is_taken_at_its_worst_and_is_not_certain() {
    let scene = Scene::new().await;
    let from = scene.app.now();
    // As whoever looks at a kept mail is recorded: whose it was, and nothing of what stood in it.
    let op = act_locally(&scene.app.app, &scene.officer.login).await.expect("the officer");
    let op = op.for_purpose("a look at the mails").expect("a purpose");
    let clinic = access::tenant_by_slug(&op, "clinic-b").await.expect("the tenant").id;
    let scope = op.permit_at(clinic, Action::Read, "captured_mail").await.expect("an officer may");
    let found = vault::find_by_external_id(&scope, "vaccine-booking", "medical_worker", "mw-3").await;
    let worker = found.expect("an answer").expect("the worker");
    let event = Event::new("captured_mail.read", "captured_mail:1").subject(worker.id.to_string());
    scope.record(clinic, vec![event]).await.expect("it is recorded");
    let to = scene.app.now();
    scene.app.clock.advance(120);
    let incident = scene.incident().await;
    let mut input = json!({ "incidentId": incident, "reason": "x", "from": from, "to": to });
    let made = make(&scene.officer, &input).await;
    let all = "booking_number date_of_birth email full_name language occupation phone ticket_number";
    let all: Vec<String> = all.split(' ').map(|field| format!("{field}:PLAINTEXT×1")).collect();
    assert_eq!(lines(&made), [format!("clinic-b mw-3 POSSIBLE {}", all.join(" "))]);
    assert!(
        text(&made["statement"]).contains("Of 1 of these people the record does not say for certain"),
        "{made}"
    );
    // Whoever looked may look today as well.
    input["nowDenied"] = json!(true);
    let beyond = make(&scene.officer, &input).await;
    assert_eq!((lines(&beyond).len(), &beyond["reads"]["leftOut"]["allowedNow"]), (0, &json!(1)), "{beyond}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_for_an_emergency_is_beyond_today_s_policy_and_may_have_been_in_order() {
    let scene = emergency_access::scene().await;
    let (staff, person) = (&scene.staff, &scene.people[0]);
    let asked = emergency_access::ask(staff, emergency_access::clear_fields(Some(person), None, 30)).await;
    let granted = emergency_access::change(&scene.approver, "approve", &text(&asked["id"])).await;
    assert_eq!(granted["state"], "ACTIVE", "{granted}");
    scene.app.clock.advance(60);
    let from = scene.app.now();
    let variables = json!({ "id": person, "purpose": "emergency call", "masked": false, "names": ["full_name", "email"] });
    let read = staff.gql_with(READ, variables).await;
    assert_eq!(read["data"]["subject"]["fields"], json!([{ "clear": "full_name" }, { "clear": "email" }]));
    let to = scene.app.now();
    scene.app.clock.advance(3600);
    let incident = open(&scene.officer).await;
    let mut input = json!({ "incidentId": incident, "reason": "x", "from": from, "to": to });
    let shown = "applicant.email:PLAINTEXT×1 applicant.full_name:PLAINTEXT×1";
    for (beyond, class) in [(false, "CONFIRMED"), (true, "POSSIBLE")] {
        input["nowDenied"] = json!(beyond);
        let made = make(&scene.officer, &input).await;
        assert_eq!(lines(&made), [format!("school-001 A-1 {class} {shown}")], "{made}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_trimmed_is_said_to_be_missing() {
    let scene = audit_trim_scene::Scene::new().await;
    let incident_at = scene.app.now();
    scene.after_days(0).await;
    scene.read().await;
    scene.app.clock.advance(3601);
    scene.after_days(0).await;
    let to = scene.app.now();
    scene.app.clock.advance(9 * audit_trim_scene::DAY);
    scene.read().await;
    scene.after_days(2).await;
    assert_eq!(scene.files().await.len(), 1);
    let officer = scene.app.renewed(&scene.officer).await;
    let incident = open(&officer).await;
    let input = json!({ "incidentId": incident, "reason": "x", "from": incident_at, "to": to });
    let made = make(&officer, &input).await;
    assert_eq!(made["complete"], false, "{made}");
    let chains = made["reads"]["chains"].as_array().unwrap();
    let chain = chains.iter().find(|chain| chain["name"] == "audit:school-001").expect("the chain");
    assert_eq!(
        (chain["archives"].as_array().map(Vec::len), &chain["faults"]),
        (Some(1), &json!([])),
        "{chain}"
    );
    // What is still there is verified from a checkpoint, and whole.
    let input = json!({ "incidentId": incident, "reason": "x", "from": scene.app.now() - jiff::SignedDuration::from_hours(72),
        "to": scene.app.now() - jiff::SignedDuration::from_mins(2) });
    let later = make(&officer, &input).await;
    assert_eq!((&later["complete"], &later["counts"]["persons"]), (&json!(true), &json!(1)), "{later}");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_cannot_be_answered_are_refused_with_a_remedy() {
    let scene = Scene::new().await;
    let incident = scene.incident().await;
    let now = scene.app.now();
    let input = |from: Value, to: Value, more: Value| {
        let mut input = json!({ "incidentId": incident, "reason": "x", "from": from, "to": to });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let hours = |hours: i64| json!(now - jiff::SignedDuration::from_hours(hours));
    let cases = [
        input(hours(1), json!(now), json!({})),
        input(hours(1), hours(2), json!({})),
        input(hours(2), hours(1), json!({ "logins": ["nobody"] })),
        input(hours(2), hours(1), json!({ "purposes": ["two\nlines"] })),
        input(hours(2), hours(1), json!({ "accountIds": [incident] })),
    ];
    let mut answers = Vec::new();
    for case in cases {
        answers.push(make(&scene.officer, &case).await);
    }
    insta::assert_json_snapshot!(answers, @r#"
[
  {
    "code": "INVALID",
    "field": "to",
    "message": "lies less than a minute ago, or ahead",
    "remedy": "what is still being read is written by then: ask for a time that is over"
  },
  {
    "code": "INVALID",
    "field": "to",
    "message": "ends before it starts",
    "remedy": null
  },
  {
    "code": "INVALID",
    "field": "accounts",
    "message": "names an account that does not exist",
    "remedy": "see the list of accounts"
  },
  {
    "code": "INVALID",
    "field": "purposes[0]",
    "message": "wants one line",
    "remedy": null
  },
  {
    "code": "INVALID",
    "field": "accountIds",
    "message": "is not the id of a Account",
    "remedy": "use an id that this API returned"
  }
]
"#);
    let question = input(hours(2), hours(1), json!({}));
    let approver = scene.app.operator_member(Role::Approver).await;
    assert_eq!(make(&approver, &question).await["code"], "FORBIDDEN");
    assert_eq!(make(&scene.desks[0], &question).await["code"], "NOT_FOUND");
    assert!(revisions(&scene.officer, &incident).await.is_empty());
}
