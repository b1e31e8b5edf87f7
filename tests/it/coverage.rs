//! Every field of the API, asked by a stranger and by the staff of a customer tenant with ids of rows that exist and belong
//! to the operator, and with forged ids that put those rows under the caller's own tenant: nothing is answered, or the field
//! stands in a list with its reason. A new field is covered the day it is added.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use suimon::access::Role;
use uuid::Uuid;

use crate::duties_scene::Scene;
use crate::harness::text;

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
    ("sessions", "lists one's own only"),
    ("secondFactor", "one's own only"),
    ("calendarFeed", "one's own only, and never its secret"),
    ("searchSubjects", "finds within the own tenant only"),
    ("requestEmergencyAccess", "asks only, for the own tenant; a second person decides"),
    ("emergencyAccess", "what one asked for oneself only"),
];

/// Inputs whose shape is checked before anybody is asked whether the caller may: here they are given in a good shape.
const WELL_SHAPED: &[(&str, &str)] = &[
    ("explainDecision", "(tenantId: \"<Tenant>\", accountId: \"<Account>\", action: \"x\", object: \"x\")"),
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
    ("createDocument", "(input: { incidentId: \"<Incident>\", kind: BOARD_SUMMARY, language: JA })"),
    (
        "createRevision",
        "(input: { incidentId: \"<Incident>\", reason: \"x\", method: MANUAL, parameters: {}, inputs: [], last: true, \
         people: [{ tenant: \"school-001\", person: \"ap-1\", kind: \"applicant\", class: POSSIBLE }] })",
    ),
    (
        "createRevisionFromEnforcementLog",
        "(input: { incidentId: \"<Incident>\", reason: \"x\", from: \"2023-10-26T00:00:00Z\", to: \"2023-10-26T00:01:00Z\" })",
    ),
    (
        "correctRevision",
        "(input: { incidentId: \"<Incident>\", baseRevisionId: \"<Revision>\", reason: \"x\", \
         remove: [{ tenant: \"school-001\", person: \"ap-1\", reason: \"x\" }] })",
    ),
];

/// Operations and their root types.
pub const ROOTS: [(&str, &str); 3] =
    [("query", "queryType"), ("mutation", "mutationType"), ("subscription", "subscriptionType")];

pub const INTROSPECTION: &str = "{ __schema {
  queryType { fields { name args { ...argument } type { ...type } } }
  mutationType { fields { name args { ...argument } type { ...type } } }
  subscriptionType { fields { name args { ...argument } type { ...type } } }
  types { name kind inputFields { ...argument } enumValues { name } }
} }
fragment argument on __InputValue { name defaultValue type { ...type } }
fragment type on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }";

pub struct Types(pub BTreeMap<String, Value>);

impl Types {
    /// A literal of the type that is as right as can be, with ids of rows that belong to the operator.
    fn literal(&self, name: &str, of: &Value, rows: &Rows) -> String {
        match of["kind"].as_str().unwrap() {
            "NON_NULL" => self.literal(name, &of["ofType"], rows),
            "LIST" => format!("[{}]", self.literal(name, &of["ofType"], rows)),
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
                        format!("{name}: {}", self.literal(name, &field["type"], rows))
                    })
                    .collect();
                format!("{{ {} }}", fields.join(", "))
            }
            _ => match of["name"].as_str().unwrap() {
                "ID" => format!("\"{}\"", rows.for_argument(name)),
                "Boolean" => "true".to_owned(),
                "Int" | "Float" => "1".to_owned(),
                "Instant" => "\"2023-10-26T11:00:00+09:00\"".to_owned(),
                "UUID" => "\"018b6947-e000-7000-8000-000000000001\"".to_owned(),
                _ => "\"x\"".to_owned(),
            },
        }
    }
}

/// Rows that exist: kind → row.
pub struct Rows {
    tenant: Uuid,
    pub rows: HashMap<String, Uuid>,
}

impl Rows {
    /// `incidentId` names an Incident; for a bare `id` the answer itself says which kind it wants.
    fn for_argument(&self, argument: &str) -> String {
        let stem = argument.strip_suffix("Ids").or(argument.strip_suffix("Id")).unwrap_or("incident");
        self.of_kind(&format!("{}{}", stem[..1].to_uppercase(), &stem[1..]))
    }

    pub fn of_kind(&self, kind: &str) -> String {
        // A kind that the scene has no row of still gets a well-formed id.
        let row = self.rows.get(kind).copied().unwrap_or(Uuid::from_u128(7));
        let row = if kind == "Tenant" { self.tenant } else { row };
        URL_SAFE_NO_PAD
            .encode([format!("{kind}:").as_bytes(), self.tenant.as_bytes(), row.as_bytes()].concat())
    }

    /// The same rows under another tenant: what a forger would send.
    pub fn under(&self, tenant: Uuid) -> Self {
        Self { tenant, rows: self.rows.clone() }
    }

    fn remember(&mut self, id: &Value) {
        let bytes = URL_SAFE_NO_PAD.decode(text(id)).expect("a global id");
        let colon = bytes.iter().position(|byte| *byte == b':').expect("a kind");
        let kind = String::from_utf8(bytes[..colon].to_vec()).expect("a kind");
        self.rows.insert(kind, Uuid::from_slice(&bytes[bytes.len() - 16..]).expect("a row"));
    }
}

/// An incident with a row of nearly every kind.
pub async fn scene() -> (Scene, Rows) {
    let scene = Scene::new().await;
    let mut rows = Rows { tenant: scene.app.app.root().unwrap(), rows: HashMap::new() };
    scene.list(2, 1, 0).await;
    scene.officer_facts().await;
    rows.remember(&json!(scene.id));
    let incident = &scene.id;
    for document in [
        format!(
            "mutation {{ row: assignTeamRole(input: {{ incidentId: \"{incident}\", role: HEAD, name: \"H\", organisation: \"O\" }}) {{ ... on TeamMember {{ id }} }} }}"
        ),
        format!(
            "mutation {{ row: recordInquiry(input: {{ incidentId: \"{incident}\", direction: INCOMING, partyKind: VENDOR, party: \"V\", question: \"Q\" }}) {{ ... on Inquiry {{ id }} }} }}"
        ),
        format!(
            "mutation {{ row: planCorrectiveAction(input: {{ incidentId: \"{incident}\", title: \"T\" }}) {{ ... on CorrectiveAction {{ id }} }} }}"
        ),
        format!(
            "mutation {{ row: addTimelineEntry(input: {{ incidentId: \"{incident}\", kind: NOTE, occurredAt: \"2023-10-26T15:30:00+09:00\", text: \"x\" }}) {{ ... on TimelineEntry {{ id }} }} }}"
        ),
        format!(
            "mutation {{ row: assessIncident(incidentId: \"{incident}\") {{ ... on Assessment {{ id }} }} }}"
        ),
        format!(
            "mutation {{ row: createDocument(input: {{ incidentId: \"{incident}\", kind: PPC_FINAL, language: JA }}) {{ ... on Document {{ id }} }} }}"
        ),
        format!(
            "mutation {{ row: recordVoluntaryReport(input: {{ incidentId: \"{incident}\", regime: \"jp-appi-26\", recipient: \"regulator\", receipt: \"r\", title: \"t\", filedAt: \"2023-10-26T15:50:00+09:00\" }}) {{ ... on Duty {{ id }} }} }}"
        ),
    ] {
        let answer = scene.officer.gql(&document).await;
        assert!(answer["data"]["row"]["id"].is_string(), "{document}: {answer}");
        rows.remember(&answer["data"]["row"]["id"]);
    }
    let nested =
        format!("{{ incident(id: \"{incident}\") {{ findings {{ nodes {{ id }} }} revisions {{ id }} }} }}");
    let nested = scene.officer.gql(&nested).await["data"]["incident"].clone();
    rows.remember(&nested["findings"]["nodes"][0]["id"]);
    rows.remember(&nested["revisions"][0]["id"]);
    (scene, rows)
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
pub fn wanted_kind(answer: &Value) -> Option<String> {
    let text = answer["errors"][0]["message"].as_str().or(answer["data"]["answer"]["message"].as_str())?;
    let rest = text.split("is not the id of a ").nth(1)?;
    Some(rest.chars().take_while(|c| c.is_ascii_alphanumeric()).collect())
}

pub fn document(operation: &str, field: &Value, types: &Types, rows: &Rows) -> String {
    let name = field["name"].as_str().unwrap();
    let needed = field["args"].as_array().unwrap().iter().filter(|argument| {
        // Needed ones, and every id: also one that may be left out.
        let kind = &argument["type"];
        kind["kind"] == "NON_NULL" || kind["name"] == "ID"
    });
    let arguments: Vec<String> = needed
        .map(|argument| {
            let name = argument["name"].as_str().unwrap();
            format!("{name}: {}", types.literal(name, &argument["type"], rows))
        })
        .collect();
    let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
    let arguments = match WELL_SHAPED.iter().find(|(known, _)| *known == name) {
        Some((_, given)) => ["Incident", "Revision", "Duty", "Tenant", "Account"]
            .iter()
            .fold((*given).to_owned(), |text, kind| text.replace(&format!("<{kind}>"), &rows.of_kind(kind))),
        None => arguments,
    };
    format!("{operation} {{ answer: {name}{arguments} {} }}", selection(&field["type"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_refuses_strangers_and_foreign_staff() {
    let (scene, rows) = scene().await;
    assert!(rows.rows.len() >= 9, "the scene has too few kinds of rows: {:?}", rows.rows.keys());
    let app = &scene.app;
    let tenant = app.tenant("school-001").await;
    let staff = app.member(&tenant, Role::TenantStaff).await;
    let own = URL_SAFE_NO_PAD.decode(&tenant.id).unwrap();
    let forged = rows.under(Uuid::from_slice(&own[own.len() - 16..]).unwrap());
    let schema = app.admin().gql(INTROSPECTION).await["data"]["__schema"].clone();
    let types = schema["types"].as_array().unwrap().iter();
    let types = Types(types.map(|kind| (kind["name"].as_str().unwrap().to_owned(), kind.clone())).collect());
    let mut asked = 0;
    let mut wrong = Vec::new();
    for (operation, root_type) in ROOTS {
        for field in schema[root_type]["fields"].as_array().unwrap() {
            let name = field["name"].as_str().unwrap();
            let open = OPEN_TO_STAFF.iter().any(|(open, _)| *open == name);
            let first = document(operation, field, &types, &rows);
            let stranger = app.http.post(format!("{}/graphql", app.url)).json(&json!({ "query": first }));
            assert_eq!(stranger.send().await.unwrap().status(), 401, "{name} answers strangers");
            for rows in [&rows, &forged] {
                asked += 1;
                let document = document(operation, field, &types, rows);
                let mut answer = staff.gql(&document).await;
                if let Some(kind) = wanted_kind(&answer) {
                    let sent = document.split('"').nth(1).expect("an id was sent");
                    answer = staff.gql(&document.replace(sent, &rows.of_kind(&kind))).await;
                }
                let code = answer["errors"][0]["extensions"]["code"].as_str();
                let code = code.or(answer["data"]["answer"]["code"].as_str()).unwrap_or("answered");
                if !open && !["FORBIDDEN", "NOT_FOUND"].contains(&code) {
                    wrong.push(format!("{name}: {code} for {document}\n    {answer}"));
                }
            }
        }
    }
    assert!(asked > 100, "the schema was not read");
    assert!(wrong.is_empty(), "{} of {asked} questions:\n{}", wrong.len(), wrong.join("\n"));
}
