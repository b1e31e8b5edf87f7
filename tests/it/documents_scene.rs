//! The founding incident with documents, for their tests: through the API, as an officer works.

use std::process::{Command, Stdio};

use serde_json::{Value, json};
use suimon::access::Role;

use crate::duties_scene::Scene;
use crate::harness::{Member, text};
use crate::reports;

/// Every kind that is about one incident and written to nobody in particular.
pub const KINDS: [&str; 7] = [
    "PPC_PRELIMINARY",
    "PPC_FINAL",
    "GDPR_NOTIFICATION",
    "INTERIM_REPORT",
    "FINAL_REPORT",
    "PUBLIC_NOTICE",
    "BOARD_SUMMARY",
];

pub const VERSION: &str = "fragment version on Document {
    id number version kind language state origin sha256 assessmentId revisionId authorId recipientId }";

/// The whole story: lists, facts, an assessment, timeline, team, inquiries, a planned action.
pub async fn founding() -> Scene {
    let scene = Scene::new().await;
    reports::lists(&scene).await;
    scene.officer_facts().await;
    for (name, value) in [
        ("cause.category", json!("misconfiguration")),
        ("cause.target", json!("own")),
        ("data.medium", json!("electronic")),
    ] {
        let recorded = scene.fact(name, value, "CONFIRMED").await;
        assert_eq!(recorded["__typename"], "Fact", "{name}: {recorded}");
    }
    scene.assess().await;
    reports::tell(&scene).await;
    scene
}

/// Asks for a change of a document: the version, or the problem.
pub async fn change(member: &Member, call: &str, variables: Value) -> Value {
    let (head, arguments) = match call {
        "createDocument" => ("$input: CreateDocumentInput!", "input: $input"),
        "setDocumentField" => {
            ("$id: ID!, $field: String!, $text: String", "documentId: $id, field: $field, text: $text")
        }
        _ => ("$id: ID!", "documentId: $id"),
    };
    let query = format!(
        "mutation({head}) {{ answer: {call}({arguments}) {{
            __typename ...version ... on Problem {{ code field message remedy }} }} }} {VERSION}"
    );
    let answer = member.gql_with(&query, variables).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["answer"].clone()
}

/// Makes a document about the scene's incident.
pub async fn make(scene: &Scene, kind: &str, language: &str) -> Value {
    let input = json!({ "incidentId": scene.id, "kind": kind, "language": language });
    let made = change(&scene.officer, "createDocument", json!({ "input": input })).await;
    assert_eq!(made["__typename"], "Document", "{kind}: {made}");
    made
}

/// Makes a notice to a customer.
pub async fn make_for(scene: &Scene, tenant: &str, language: &str) -> Value {
    let input = json!({ "incidentId": scene.id, "kind": "PROCESSOR_NOTICE", "language": language, "recipientId": tenant });
    let made = change(&scene.officer, "createDocument", json!({ "input": input })).await;
    assert_eq!(made["__typename"], "Document", "{made}");
    made
}

/// One field of a document.
pub async fn ask(member: &Member, id: &Value, selection: &str) -> Value {
    let query = format!("query($id: ID!) {{ document(id: $id) {{ {selection} }} }}");
    let answer = member.gql_with(&query, json!({ "id": id })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["document"].clone()
}

/// The document as text, without what differs between runs: digests.
pub async fn told(scene: &Scene, id: &Value) -> String {
    without_digests(&text(&ask(&scene.officer, id, "text").await["text"]))
}

/// `…` in the place of each run of 64 hexadecimal digits.
pub fn without_digests(told: &str) -> String {
    let (mut out, mut run) = (String::new(), String::new());
    for letter in told.chars().chain(['\0']) {
        if letter.is_ascii_hexdigit() {
            run.push(letter);
            continue;
        }
        out.push_str(if run.len() == 64 { "…" } else { &run });
        run.clear();
        if letter != '\0' {
            out.push(letter);
        }
    }
    out
}

/// A file of a document: status, headers, bytes.
pub async fn download(member: &Member, id: &Value, end: &str) -> (u16, reqwest::header::HeaderMap, Vec<u8>) {
    let url = format!("{}/documents/{}.{end}", member.url, text(id));
    let response = member.http.get(url).bearer_auth(&member.token).send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.bytes().await.expect("a body").to_vec())
}

/// The text of a PDF, as another program reads it.
pub fn text_of_pdf(pdf: &[u8]) -> String {
    use std::io::Write;
    let mut child = Command::new("pdftotext")
        .args(["-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("pdftotext comes with poppler-utils, which script/test installs");
    let mut input = child.stdin.take().expect("a pipe");
    let pdf = pdf.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&pdf));
    let output = child.wait_with_output().expect("pdftotext ends");
    writer.join().expect("written").expect("read");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Somebody else of the operator who may approve documents.
pub async fn approver(scene: &Scene) -> Member {
    scene.app.operator_member(Role::Approver).await
}

/// The text of the field with this number.
pub fn field<'f>(fields: &'f Value, number: &str) -> &'f Value {
    let fields = fields["fields"].as_array().unwrap_or_else(|| panic!("no fields: {fields}"));
    fields.iter().find(|field| field["number"] == number).unwrap_or_else(|| panic!("no field {number}"))
}

/// What stands in the place of its number on a notice to one customer, behind the number of the incident.
pub fn mark_of(said: &str) -> String {
    let line = said.lines().nth(1).expect("a line with the number");
    line.rsplit_once("1-").unwrap_or_else(|| panic!("no number: {line}")).1.to_owned()
}
