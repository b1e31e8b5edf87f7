//! Made-up texts in every field of personal data go through everything that the real program does, logging as much as it can;
//! then nothing that it left behind, or said in an error, holds one of them in any form.

mod rotation;
mod scan;
mod service;

use std::collections::BTreeMap;
use std::path::PathBuf;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use suimon::access::{Role, issue_token_for};
use suimon::clock::{Clock, SystemClock};

use self::scan::{Canary, Scanner};
use self::service::Service;
use crate::harness::{Member, TestApp, text};
use crate::notices::fixture::Fixture;
use crate::notices::sink::Sink;
use crate::vault_support::program;

const EXAMPLES: [(&str, &str); 2] = [
    ("online-application", include_str!("../../../examples/online-application/manifests/system.yaml")),
    ("vaccine-booking", include_str!("../../../examples/vaccine-booking/manifests/system.yaml")),
];

/// Invents values that stand nowhere else, and remembers them.
#[derive(Default)]
struct Flock {
    canaries: Vec<Canary>,
}

impl Flock {
    fn add(&mut self, name: &str, text: &str) -> String {
        self.canaries.push(Canary { name: name.to_owned(), text: text.to_owned() });
        text.to_owned()
    }

    /// A value of this kind. What is stored in another shape is looked for in that one, too.
    fn value(&mut self, name: &str, kind: &str) -> String {
        let number = self.canaries.len() + 101;
        match kind {
            "mail" => self.add(name, &format!("Kanaria.q{number}z@xq{number}.example")),
            "phone" => {
                self.add(name, &format!("0905{number}77{number}"));
                format!("090-5{number}-77{number}")
            }
            // No date can be unlike all others; this century stands nowhere else.
            "date" => {
                let date = format!("17{:02}-{:02}-{:02}", number % 100, number % 12 + 1, number % 28 + 1);
                self.add(&format!("{name}, digits only"), &date.replace('-', ""));
                self.add(name, &date)
            }
            _ => self.add(name, &format!("金糸雀{number}羽Kanariaq{number}z")),
        }
    }
}

/// A field of a record type: name, kind.
type Fields = Vec<(String, String)>;

struct Scene {
    fixture: Fixture,
    sink: Sink,
    flock: Flock,
    officer: Member,
    /// Bodies of answers that are errors, or hold some.
    refusals: Vec<(String, String)>,
    folder: PathBuf,
    auditor: String,
}

impl Scene {
    async fn new() -> Self {
        let sink = Sink::start(&[]);
        let mut fixture = Fixture::sending_to(&sink, &[]).await;
        fixture.app.tenant("school-001").await;
        let auditor = fixture.app.operator_member(Role::Auditor).await.login;
        // The program has the machine's clock; the test's own goes there, where old tokens have expired.
        let ahead = SystemClock.now().as_second() - fixture.app.now().as_second();
        fixture.app.clock.advance(ahead);
        for member in [&mut fixture.officer, &mut fixture.approver] {
            let issued =
                issue_token_for(&fixture.app.app, &member.login, "test", &suimon::access::every_scope(), 30)
                    .await;
            member.token = issued.expect("a token").secret;
        }
        let (officer, folder) = (fixture.officer.clone(), fixture.app.folder().to_owned());
        Self { fixture, sink, flock: Flock::default(), officer, refusals: Vec::new(), folder, auditor }
    }

    /// Sends a body as it is, and keeps the answer where it refuses something.
    async fn raw(&mut self, what: &str, path: &str, body: String) -> Value {
        let request = self.officer.http.post(format!("{}{path}", self.officer.url));
        let request = request.bearer_auth(&self.officer.token).header("content-type", "application/json");
        let response = request.body(body).send().await.expect("an answer");
        let (status, body) = (response.status(), response.text().await.expect("a body"));
        let answer: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
        if !status.is_success()
            || !answer["errors"].is_null()
            || body.contains("\"Problem\"")
            || body.contains("\"problems\"")
        {
            self.refusals.push((what.to_owned(), body));
        }
        answer
    }

    async fn gql(&mut self, what: &str, query: &str, variables: Value) -> Value {
        self.raw(what, "/graphql", json!({ "query": query, "variables": variables }).to_string()).await
    }

    async fn record_types(&mut self, system: &str) -> Vec<(String, Fields)> {
        let query = "query($name: String!) { system(name: $name) { recordTypes { name fields { name kind protection } } } }";
        let answer = self.gql("system", query, json!({ "name": system })).await;
        let types =
            answer["data"]["system"]["recordTypes"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        let fields = |of: &Value| {
            let all = of["fields"].as_array().unwrap().iter();
            let sealed = all.filter(|field| field["name"] != "language");
            sealed.map(|field| (text(&field["name"]), text(&field["kind"]))).collect()
        };
        types.iter().map(|of| (text(&of["name"]), fields(of))).collect()
    }

    fn row(&mut self, of: &str, line: usize, person: &str, fields: &Fields) -> Value {
        let mut values = Vec::new();
        for (name, kind) in fields {
            values.push(
                json!({ "name": name, "value": self.flock.value(&format!("{of}.{name} of {person}"), kind) }),
            );
        }
        json!({ "line": line, "tenant": "school-001", "externalId": person, "fields": values })
    }

    async fn import(
        &mut self,
        system: &str,
        record_type: &str,
        mode: &str,
        last: bool,
        rows: Vec<Value>,
    ) -> Value {
        let input = json!({
            "system": system, "recordType": record_type, "mode": mode, "rows": rows, "last": last
        });
        let mutation = "mutation($input: ImportSubjectsInput!) { importSubjects(input: $input) { __typename
            ... on ImportProgress { importId state rowsKept rowsRefused problems { line reason } }
            ... on Problem { code message field remedy } } }";
        self.gql("import", mutation, json!({ "input": input })).await["data"]["importSubjects"].clone()
    }

    /// Good rows, wrong rows, a batch that waits for its last one, files of both kinds: of one record type.
    async fn fill(&mut self, system: &str, record_type: &str, fields: &Fields) {
        let of = format!("{system}.{record_type}");
        let good = vec![self.row(&of, 1, "p-1", fields), self.row(&of, 2, "p-2", fields)];
        let answer = self.import(system, record_type, "KEEP_GOOD", true, good).await;
        assert_eq!(answer["rowsKept"], 2, "{answer}");
        // Changed: another value for each field of the first person.
        let changed = vec![self.row(&of, 1, "p-1", fields)];
        self.import(system, record_type, "KEEP_GOOD", true, changed).await;
        let mut wrong = Vec::new();
        for (at, (name, _)) in fields.iter().enumerate() {
            // Each field in turn gets what it refuses, and the row a field whose name is a value.
            let mut row = self.row(&of, at + 1, &format!("w-{at}"), fields);
            let bad = self.flock.value(&format!("{of}.{name}, refused"), "text");
            row["fields"][at]["value"] = json!(format!("{bad}\u{7}"));
            wrong.push(row);
            let mut row = self.row(&of, at + 100, &format!("n-{at}"), fields);
            row["fields"][at]["name"] = json!(self.flock.value(&format!("{of}.{name}, as a name"), "text"));
            wrong.push(row);
        }
        let mut row = self.row(&of, 300, "l-1", fields);
        row["language"] = json!(self.flock.value("a language", "text"));
        wrong.push(row);
        let answer = self.import(system, record_type, "KEEP_GOOD", true, wrong.clone()).await;
        assert_eq!(answer["rowsKept"], 0, "{answer}");
        self.import(system, record_type, "ALL_OR_NOTHING", true, wrong).await;
        let waiting = vec![self.row(&of, 1, "b-1", fields)];
        self.import(system, record_type, "ALL_OR_NOTHING", false, waiting).await;
        self.files(system, record_type, fields);
        self.look(system, record_type, fields).await;
    }

    fn files(&mut self, system: &str, record_type: &str, fields: &Fields) {
        let of = format!("{system}.{record_type} of a file");
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        let mut csv = format!("tenant,external_id,language,{}\n", names.join(","));
        let mut lines = String::new();
        for person in ["f-1", "f-2", "f-3"] {
            let row = self.row(&of, 1, person, fields);
            let mut values: Vec<String> =
                row["fields"].as_array().unwrap().iter().map(|field| text(&field["value"])).collect();
            if person == "f-2" {
                values[0] = format!("\"{}\u{7}", values[0]);
            }
            csv += &format!("school-001,{person},ja,{}\n", values.join(","));
            let members: serde_json::Map<String, Value> =
                names.iter().zip(&values).map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            let line =
                json!({ "tenant": "school-001", "external_id": format!("j{person}"), "fields": members });
            lines += &format!("{line}\n");
            // Cut in the middle of a value, and a value where the object should be.
            lines += &format!("{}\n{}\n", &line.to_string()[..line.to_string().len() - 9], json!(values));
        }
        for (name, content) in
            [("people.csv", csv.clone()), ("people.jsonl", lines), ("people.txt.csv", csv.replace(',', ";"))]
        {
            let path = self.folder.join("inputs").join(name);
            std::fs::write(&path, content).expect("the file");
            let path = path.display().to_string();
            let arguments = ["import", &path, "--system", system, "--record-type", record_type];
            for encoding in ["utf-8", "shift_jis"] {
                let mut command = program(&self.fixture.app, &arguments);
                command.args(["--encoding", encoding, "--set", "log.filter=trace"]);
                let output = tokio::task::block_in_place(|| command.output()).expect("the program runs");
                let said = [output.stdout, output.stderr].concat();
                std::fs::write(
                    self.folder.join("left").join(format!("import-{}.log", self.flock.canaries.len())),
                    said,
                )
                .expect("the log");
            }
            std::fs::remove_file(&path).expect("the input");
        }
    }

    /// Searches, reads and malformed questions.
    async fn look(&mut self, system: &str, record_type: &str, fields: &Fields) {
        let query = "query($system: String!, $type: String!, $field: String!, $value: String!, $purpose: String!) {
            searchSubjects(system: $system, recordType: $type, field: $field, value: $value, purpose: $purpose) {
              id fields(masked: false) { ... on ClearValue { name value } ... on Withheld { name reason } } } }";
        let all: Vec<Canary> = self.flock.canaries.clone();
        for (name, _) in fields {
            let wanted = format!("{system}.{record_type}.{name} of p-2");
            let value =
                all.iter().rfind(|canary| canary.name == wanted).expect("it was imported").text.clone();
            let ask = json!({ "system": system, "type": record_type, "field": name, "value": value, "purpose": "a call" });
            let answer = self.gql("search", query, ask.clone()).await;
            if let Some(id) = answer["data"]["searchSubjects"][0]["id"].as_str() {
                let read = "query($id: ID!) { subject(id: $id, purpose: \"a call\") { fields { ... on MaskedValue { name value } } } }";
                self.gql("masked", read, json!({ "id": id })).await;
            }
            for wrong in ["system", "type", "field"] {
                let mut ask = ask.clone();
                ask[wrong] = json!(value);
                self.gql("a value in the wrong place", query, ask).await;
            }
            let mut ask = ask.clone();
            ask["value"] = json!({ value.clone(): 1 });
            self.gql("a value of the wrong kind", query, ask).await;
            // Literals, cut documents, names that do not exist, bodies that are no JSON, paths.
            let literal = |value: &str| {
                format!(
                    "{{ searchSubjects(system: \"{system}\", recordType: \"{record_type}\", field: \"{name}\", value: {value}, purpose: \"x\") {{ id }} }}"
                )
            };
            self.gql("a literal", &literal(&format!("\"{value}\"")), json!({})).await;
            self.gql("an open literal", &literal(&format!("\"{value}")), json!({})).await;
            self.gql("a list", &literal(&format!("[\"{value}\", 1]")), json!({})).await;
            self.gql("an enum", &literal("kanariaq9z"), json!({})).await;
            self.gql(
                "a field",
                &format!("{{ {} }}", value.replace(|c: char| !c.is_ascii_alphanumeric(), "_")),
                json!({}),
            )
            .await;
            self.gql(
                "an id",
                "query($id: ID!) { subject(id: $id, purpose: \"x\") { id } }",
                json!({ "id": value }),
            )
            .await;
            self.gql(
                "an instant",
                "query($t: Instant!) { systems(at: $t) { nodes { name } } }",
                json!({ "t": value }),
            )
            .await;
            let mut purpose = json!({ "system": system, "type": record_type, "field": name, "value": value });
            purpose["purpose"] = json!(format!("{value}\n"));
            self.gql("a purpose", query, purpose).await;
            self.raw(
                "a cut body",
                "/graphql",
                format!("{{\"query\": \"{{ viewer {{ id }} }}\", \"variables\": {{ \"x\": \"{value}"),
            )
            .await;
            self.raw(
                "an unknown member",
                "/graphql",
                json!({ "query": "{ viewer { login } }", value.clone(): 1 }).to_string(),
            )
            .await;
            self.raw(
                "a password",
                "/auth/sign-in",
                json!({ "login": "admin", "password": value }).to_string(),
            )
            .await;
            self.raw("a login", "/auth/sign-in", json!({ "login": value, "password": "x" }).to_string())
                .await;
            self.raw(
                "a member of a sign-in",
                "/auth/sign-in",
                json!({ "login": "admin", value.clone(): "x" }).to_string(),
            )
            .await;
            self.raw(
                "a number for a login",
                "/auth/sign-in",
                json!({ "login": { value.clone(): 1 } }).to_string(),
            )
            .await;
        }
    }

    /// A notice to two people whose name and address are canaries, and to the school.
    async fn notify(&mut self, number: i32, service: &str) {
        let fields =
            vec![("full_name".to_owned(), "name".to_owned()), ("email".to_owned(), "mail".to_owned())];
        let people = [format!("n{number}-1"), format!("n{number}-2")];
        let rows =
            people.iter().map(|person| self.row("applications.applicant", 1, person, &fields)).collect();
        let answer = self.import("applications", "applicant", "KEEP_GOOD", true, rows).await;
        assert_eq!(answer["rowsKept"], 2, "{answer}");
        let entries: Vec<_> =
            people.iter().map(|person| ("school-001", person.as_str(), "possible")).collect();
        let revision = self.fixture.revision(number, &entries).await;
        let notice = self.fixture.approved(revision).await;
        for _ in 0..600 {
            if self.fixture.standing(&notice).await.starts_with("DONE") {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("{service} sent nothing: {}", self.fixture.standing(&notice).await);
    }

    async fn erase(&mut self) {
        let answer = self
            .gql("find", "query($v: String!) { searchSubjects(system: \"online-application\", recordType: \"applicant\", field: \"email\", value: $v, purpose: \"x\") { id } }",
                json!({ "v": self.flock.canaries.iter().find(|canary| canary.name.ends_with("applicant.email of p-2")).expect("imported").text }))
            .await;
        let id = text(&answer["data"]["searchSubjects"][0]["id"]);
        let erase = "mutation($id: ID!, $reason: String!) { eraseSubject(id: $id, reason: $reason) { __typename ... on Problem { message } } }";
        let answer = self.gql("erase", erase, json!({ "id": id, "reason": "request 2023-118" })).await;
        assert_eq!(answer["data"]["eraseSubject"]["__typename"], "Subject", "{answer}");
        self.gql("erase again", erase, json!({ "id": id, "reason": "request 2023-118" })).await;
    }
}

/// So that PostgreSQL does not compress what is looked for.
async fn store_uncompressed(scene: &Scene) {
    let database = &scene.fixture.database;
    if database.get_database_backend() != DbBackend::Postgres {
        return;
    }
    let columns = "SELECT table_name, column_name FROM information_schema.columns \
                   WHERE table_schema = 'public' AND data_type IN ('text', 'bytea')";
    let rows =
        database.query_all_raw(Statement::from_string(DbBackend::Postgres, columns)).await.expect("columns");
    for row in rows {
        let (table, column): (String, String) = (row.try_get_by(0).unwrap(), row.try_get_by(1).unwrap());
        let change = format!("ALTER TABLE \"{table}\" ALTER COLUMN \"{column}\" SET STORAGE EXTERNAL");
        database.execute_unprepared(&change).await.expect("another storage");
    }
}

/// Where the database lies: the test's own folder, or the server's.
async fn database_folder(app: &TestApp, scene: &Scene) -> PathBuf {
    let database = &scene.fixture.database;
    if database.get_database_backend() != DbBackend::Postgres {
        return app.folder().to_owned();
    }
    database.execute_unprepared("CHECKPOINT").await.expect("all pages are written");
    let asked = Statement::from_string(DbBackend::Postgres, "SHOW data_directory");
    let row = database.query_one_raw(asked).await.expect("an answer").expect("a row");
    let folder = PathBuf::from(row.try_get_by::<String, _>(0).expect("a path"));
    assert!(
        scan::files(&folder).iter().any(|file| file.to_string_lossy().contains("pg_wal")),
        "{} cannot be read: run the server of SUIMON_TEST_POSTGRES on this machine, readable for this user",
        folder.display()
    );
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn no_personal_data_is_left_in_logs_errors_or_files() {
    let mut scene = Scene::new().await;
    for folder in ["inputs", "left", "left/tmp"] {
        std::fs::create_dir(scene.folder.join(folder)).expect("a folder");
    }
    store_uncompressed(&scene).await;
    let left = scene.folder.join("left");
    let smtp = ["mail.transport=smtp".to_owned(), format!("mail.smtp_port={}", scene.sink.port)];
    let mut service = Service::start(&scene.fixture.app, &left, "smtp", &smtp);
    scene.officer.url = service.url.clone();
    for (system, manifest) in EXAMPLES {
        let apply = "mutation($files: [ManifestFile!]!) { applyManifests(files: $files, reason: \"test\") { __typename } }";
        let files = json!([{ "name": "system.yaml", "content": manifest }]);
        let answer = scene.gql("apply", apply, json!({ "files": files })).await;
        assert_eq!(answer["data"]["applyManifests"]["__typename"], "ManifestsApplied", "{answer}");
        for (record_type, fields) in scene.record_types(system).await {
            scene.fill(system, &record_type, &fields).await;
        }
    }
    scene.erase().await;
    scene.notify(1, "SMTP").await;
    assert_eq!(scene.sink.count(), 2);
    service.end();
    let captured = ["mail.transport=captured".to_owned()];
    let mut service = Service::start(&scene.fixture.app, &left, "captured", &captured);
    scene.officer.url = service.url.clone();
    scene.notify(2, "the captured transport").await;
    let mails = "{ capturedMails(purpose: \"x\") { nodes { to subject body } } }";
    let answer = scene.gql("captured", mails, json!({})).await;
    assert!(answer.to_string().contains("Kanaria"), "the mails hold what they must: {answer}");
    for (tenant, file) in [("operator", "left/operator.jsonl"), ("school-001", "left/school.jsonl")] {
        let file = scene.folder.join(file).display().to_string();
        let export = ["audit", "export", "--tenant", tenant, "--output", &file, "--as", &scene.auditor];
        let mut command = program(&scene.fixture.app, &export);
        let status = tokio::task::block_in_place(|| command.status()).expect("the program runs");
        assert!(status.success());
    }
    scene.rotate_tenant_keys().await;
    service.end();
    let keys = [&captured[..], &scene.next_kek()].concat();
    let mut service = Service::start(&scene.fixture.app, &left, "rotated", &keys);
    scene.officer.url = service.url.clone();
    scene.rotate_kek().await;
    service.end();

    // Plain fields are meant to be readable in the database; everything else is not.
    let control = Canary { name: "the control".into(), text: "対照Kontrolleq777z".into() };
    let scratch =
        format!("CREATE TABLE scratch (value text); INSERT INTO scratch VALUES ('{}')", control.text);
    scene.fixture.database.execute_unprepared(&scratch).await.expect("a table of the test's own");
    let mut canaries = scene.flock.canaries.clone();
    canaries.push(control);
    let scanner = Scanner::new(&canaries);
    let mut found = Vec::new();
    for (what, body) in &scene.refusals {
        found.extend(scanner.scan(&format!("the answer to {what}"), body.as_bytes()));
    }
    assert!(scene.refusals.len() > 200, "{} refusals", scene.refusals.len());
    let (in_left, bytes) = scanner.scan_folder(&left);
    let log = std::fs::read_to_string(left.join("serve-smtp.log")).expect("the log");
    assert!(
        bytes > 20_000 && log.contains("listening") && log.contains("jobs"),
        "the program logged only {bytes} bytes: is it at trace?"
    );
    let folder = database_folder(&scene.fixture.app, &scene).await;
    let (in_database, bytes) = scanner.scan_folder(&folder);
    assert!(bytes > 1 << 20, "only {bytes} bytes of database in {}", folder.display());
    let (seen, in_database): (Vec<_>, Vec<_>) =
        in_database.into_iter().partition(|line| line.contains("the control"));
    assert!(!seen.is_empty(), "the control was not found: the scan proves nothing");
    found.extend(in_left);
    found.extend(in_database);
    // Each place with its first finds: many of one kind must not hide another.
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in &found {
        places.entry(line.split(':').next().unwrap_or_default()).or_default().push(line);
    }
    let shown: Vec<&str> = places.values().flat_map(|lines| lines.iter().take(2).copied()).collect();
    assert!(found.is_empty(), "{} finds in {} places:\n{}", found.len(), places.len(), shown.join("\n"));
}
