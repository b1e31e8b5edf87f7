//! Every field of the API, asked by a stranger and by the staff of a customer tenant with ids of the operator's rows: nothing
//! is answered, or the field stands in a list with its reason. A new field is covered the day it is added.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use suimon::access::Role;
use uuid::Uuid;

use crate::harness::TestApp;

/// What the staff of a tenant may call, and why that is right.
const OPEN_TO_STAFF: &[(&str, &str)] = &[
    ("viewer", "tells only who one is oneself"),
    ("tenants", "lists the own tenant only"),
    ("node", "answers null for what one may not see"),
    (
        "subjects",
        "staff works with the people of its own tenant; a foreign tenant is asked for in vault tests",
    ),
    ("factCatalogue", "names of facts that the law asks for: the same for everybody, and in the source"),
    ("searchSubjects", "finds within the own tenant only"),
];

/// Inputs whose shape is checked before anybody is asked whether the caller may: here they are given in a good shape.
const WELL_SHAPED: &[(&str, &str)] = &[
    ("incident", "(number: 1)"),
    ("settleDuty", "(dutyId: \"<Duty>\", state: DONE, receipt: \"x\")"),
    (
        "recordFact",
        "(input: { incidentId: \"<Incident>\", name: \"counts.principals_total\", value: \"5\", source: \"x\" })",
    ),
    (
        "createNotice",
        "(input: { incidentId: \"<Incident>\", revisionId: \"<Revision>\", audience: PERSONS, \
         template: \"incident_notice_person\", variables: { en: { what_happened: \"x\", data_items: \"x\", cause: \"x\", \
         secondary_damage: \"x\", measures: \"x\", contact_desk: \"x\" } } })",
    ),
    (
        "createRevision",
        "(input: { incidentId: \"<Incident>\", reason: \"x\", method: MANUAL, parameters: {}, inputs: [], last: true, \
         people: [{ tenant: \"school-001\", person: \"ap-1\", kind: \"applicant\", class: POSSIBLE }] })",
    ),
    (
        "correctRevision",
        "(input: { incidentId: \"<Incident>\", baseRevisionId: \"<Revision>\", reason: \"x\", \
         remove: [{ tenant: \"school-001\", person: \"ap-1\", reason: \"x\" }] })",
    ),
];

const INTROSPECTION: &str = "{ __schema {
  queryType { fields { name args { ...argument } type { ...type } } }
  mutationType { fields { name args { ...argument } type { ...type } } }
  types { name kind inputFields { ...argument } enumValues { name } }
} }
fragment argument on __InputValue { name defaultValue type { ...type } }
fragment type on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }";

struct Types(BTreeMap<String, Value>);

impl Types {
    /// A literal of the type that is as right as can be, with ids of rows that belong to the operator.
    fn literal(&self, name: &str, of: &Value, root: Uuid, depth: usize) -> String {
        match of["kind"].as_str().unwrap() {
            "NON_NULL" => self.literal(name, &of["ofType"], root, depth),
            "LIST" => format!("[{}]", self.literal(name, &of["ofType"], root, depth)),
            "ENUM" => {
                self.0[of["name"].as_str().unwrap()]["enumValues"][0]["name"].as_str().unwrap().to_owned()
            }
            "INPUT_OBJECT" => {
                let fields = self.0[of["name"].as_str().unwrap()]["inputFields"].as_array().unwrap();
                let fields: Vec<String> = fields
                    .iter()
                    .filter(|field| field["type"]["kind"] == "NON_NULL")
                    .map(|field| {
                        let name = field["name"].as_str().unwrap();
                        format!("{name}: {}", self.literal(name, &field["type"], root, depth + 1))
                    })
                    .collect();
                format!("{{ {} }}", fields.join(", "))
            }
            _ => match of["name"].as_str().unwrap() {
                "ID" => format!("\"{}\"", row_id(name, root)),
                "Boolean" => "true".to_owned(),
                "Int" | "Float" => "1".to_owned(),
                "Instant" => "\"2023-10-26T11:00:00+09:00\"".to_owned(),
                _ => "\"x\"".to_owned(),
            },
        }
    }
}

/// `incidentId` names an Incident of the operator; for a bare `id` the answer itself says which kind it wants.
fn row_id(argument: &str, root: Uuid) -> String {
    let stem = argument.strip_suffix("Ids").or(argument.strip_suffix("Id")).unwrap_or("incident");
    id_of(&format!("{}{}", stem[..1].to_uppercase(), &stem[1..]), root)
}

fn id_of(kind: &str, root: Uuid) -> String {
    let row = if kind == "Tenant" { root } else { Uuid::from_u128(7) };
    URL_SAFE_NO_PAD.encode([format!("{kind}:").as_bytes(), root.as_bytes(), row.as_bytes()].concat())
}

fn selection(of: &Value) -> &'static str {
    match of["kind"].as_str().unwrap() {
        "NON_NULL" | "LIST" => selection(&of["ofType"]),
        "OBJECT" | "INTERFACE" => "{ __typename }",
        "UNION" => "{ __typename ... on Problem { code message } }",
        _ => "",
    }
}

/// The kind of row in "is not the id of a Revision".
fn wanted_kind(answer: &Value) -> Option<String> {
    let text = answer["errors"][0]["message"].as_str().or(answer["data"]["answer"]["message"].as_str())?;
    let rest = text.split("is not the id of a ").nth(1)?;
    Some(rest.chars().take_while(|c| c.is_ascii_alphanumeric()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_refuses_strangers_and_foreign_staff() {
    let app = TestApp::new().await;
    let tenant = app.tenant("school-001").await;
    let staff = app.member(&tenant, Role::TenantStaff).await;
    let root = app.app.root().unwrap();
    let schema = app.admin().gql(INTROSPECTION).await["data"]["__schema"].clone();
    let types = schema["types"].as_array().unwrap().iter();
    let types = Types(types.map(|kind| (kind["name"].as_str().unwrap().to_owned(), kind.clone())).collect());
    let mut asked = 0;
    let mut wrong = Vec::new();
    for (operation, root_type) in [("query", "queryType"), ("mutation", "mutationType")] {
        for field in schema[root_type]["fields"].as_array().unwrap() {
            let name = field["name"].as_str().unwrap();
            let arguments: Vec<String> = field["args"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|argument| argument["type"]["kind"] == "NON_NULL")
                .map(|argument| {
                    let name = argument["name"].as_str().unwrap();
                    format!("{name}: {}", types.literal(name, &argument["type"], root, 0))
                })
                .collect();
            let arguments =
                if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
            let arguments = match WELL_SHAPED.iter().find(|(known, _)| *known == name) {
                Some((_, given)) => {
                    ["Incident", "Revision", "Duty"].iter().fold((*given).to_owned(), |text, kind| {
                        text.replace(&format!("<{kind}>"), &id_of(kind, root))
                    })
                }
                None => arguments,
            };
            let document =
                format!("{operation} {{ answer: {name}{arguments} {} }}", selection(&field["type"]));
            asked += 1;

            let stranger = app
                .http
                .post(format!("{}/graphql", app.url))
                .json(&json!({ "query": document }))
                .send()
                .await
                .unwrap();
            assert_eq!(stranger.status(), 401, "{name} answers strangers");

            let mut answer = staff.gql(&document).await;
            if let Some(kind) = wanted_kind(&answer) {
                let sent = document.split('"').nth(1).expect("an id was sent");
                answer = staff.gql(&document.replace(sent, &id_of(&kind, root))).await;
            }
            let code = answer["errors"][0]["extensions"]["code"].as_str();
            let code = code.or(answer["data"]["answer"]["code"].as_str()).unwrap_or("answered");
            let open = OPEN_TO_STAFF.iter().any(|(open, _)| *open == name);
            if !open && !["FORBIDDEN", "NOT_FOUND"].contains(&code) {
                wrong.push(format!("{name}: {code} for {document}\n    {answer}"));
            }
        }
    }
    assert!(asked > 10, "the schema was not read");
    assert!(wrong.is_empty(), "{} of {asked} fields:\n{}", wrong.len(), wrong.join("\n"));
}
