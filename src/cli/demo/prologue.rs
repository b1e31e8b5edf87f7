//! Before the day: the operator's people, the requirements as they stood, the schools, and their people under encryption.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::client::{number, text};
use super::stage::{ACCOUNTS, Stage};
use crate::cli::Failure;
use crate::cli::example::{MANIFESTS, RecordType, SCHOOLS, SYSTEM, office_of, people_csv};

const VIEWER: &str = "{ viewer { tenant { id nameEn } } }";

pub const CREATE_ACCOUNT: &str = "mutation($tenant: ID!, $login: String!, $name: String!, $roles: [Role!]!) {
    createAccount(tenantId: $tenant, login: $login, displayName: $name, roles: $roles) {
        __typename ... on Account { id roles } ... on Problem { code field message remedy } } }";

pub const APPLY: &str = "mutation($files: [ManifestFile!]!, $reason: String!) {
    applyManifests(files: $files, reason: $reason) {
        __typename ... on ManifestsApplied { changes { kind name change version } }
        ... on ManifestProblems { problems { file line message } }
        ... on Problem { code field message remedy } } }";

const CREATE_TENANTS: &str = "mutation($tenants: [NewTenant!]!) {
    createTenants(tenants: $tenants) {
        __typename ... on TenantsCreated { created } ... on Problem { code field message remedy } } }";

const TENANT: &str = "query($slug: String!) { tenant(slug: $slug) { id } }";

const SET_CONTACT: &str = "mutation($tenant: ID!, $address: String!) {
    setTenantContact(tenantId: $tenant, address: $address) {
        __typename ... on Problem { code field message remedy } } }";

pub const IMPORT: &str = "mutation($input: ImportSubjectsInput!) {
    importSubjects(input: $input) {
        __typename ... on ImportProgress { importId state rowsRead rowsKept rowsRefused }
        ... on Problem { code field message remedy } } }";

const SUBJECTS: &str = "query($tenant: ID!) {
    subjects(tenantId: $tenant, recordType: \"applicant\", first: 1) { nodes { id } } }";

const SUBJECT: &str = "query($id: ID!) {
    subject(id: $id, purpose: \"demonstration\") { fields(names: [\"email\", \"phone\"], masked: false) {
        __typename ... on ClearValue { name } ... on MaskedValue { name } ... on Withheld { name reason } } } }";

/// Rows of one request: some 100 KB.
const BATCH: usize = 200;

pub async fn play(stage: &mut Stage) -> Result<(), Failure> {
    stage.narrator.chapter("Before the day");
    accounts(stage).await?;
    requirements(stage).await?;
    schools(stage).await?;
    people(stage).await?;
    walls(stage).await
}

async fn accounts(stage: &mut Stage) -> Result<(), Failure> {
    let at = stage.at("2023-10-02T09:00")?;
    stage.narrator.scene(
        at,
        "The operator of an application service for schools starts Suimon. Its administrator, who sees no personal data, makes \
         accounts for a compliance officer, an approver and an auditor.",
    );
    let operator = text(&stage.cast.admin.call(VIEWER, json!({})).await?, "/tenant/id")?;
    for (login, role, name) in ACCOUNTS {
        let variables = json!({ "tenant": operator, "login": login, "name": name, "roles": [role] });
        stage.cast.admin.call(CREATE_ACCOUNT, variables).await?;
    }
    stage.cast.officer = stage.client("officer").await?;
    stage.cast.approver = stage.client("approver").await?;
    stage.cast.auditor = stage.client("auditor").await?;
    stage
        .narrator
        .result(&format!("{} accounts with one role each; what no role allows is denied", ACCOUNTS.len()));
    stage.narrator.operation("admin", CREATE_ACCOUNT).await;
    Ok(())
}

async fn requirements(stage: &mut Stage) -> Result<(), Failure> {
    let at = stage.at("2023-10-02T09:10")?;
    stage.narrator.scene(
        at,
        "The system and its requirements are applied as manifests: capacity, availability, access, encryption, retention. A \
         caching rule is not among them; that was the gap.",
    );
    let reason = "the requirements in force before the incident";
    let changes = apply(stage, &MANIFESTS, reason).await?;
    stage.narrator.result(&format!("{changes} manifests stored as version 1"));
    stage.narrator.operation("officer", APPLY).await;
    Ok(())
}

/// Applies manifests; how many got a new version.
pub async fn apply(stage: &Stage, files: &[(&str, &str)], reason: &str) -> Result<usize, Failure> {
    let files: Vec<_> =
        files.iter().map(|(name, content)| json!({ "name": name, "content": content })).collect();
    let answer = stage.cast.officer.call(APPLY, json!({ "files": files, "reason": reason })).await?;
    let changes = answer["changes"].as_array().context("the manifests of the example were refused")?;
    Ok(changes.iter().filter(|change| change["change"] != "UNCHANGED").count())
}

async fn schools(stage: &mut Stage) -> Result<(), Failure> {
    let at = stage.at("2023-10-02T09:30")?;
    stage.narrator.scene(
        at,
        "The schools become tenants, each with the address of its office, sealed. None of them can read another's people.",
    );
    let rows = csv::Reader::from_reader(SCHOOLS.as_bytes()).into_deserialize::<(String, String, String)>();
    let schools = rows.collect::<Result<Vec<_>, _>>().map_err(anyhow::Error::new)?;
    let created =
        create_tenants(stage, schools.iter().map(|(slug, ja, en)| (slug.as_str(), ja.as_str(), en.as_str())))
            .await?;
    stage.narrator.result(&format!("{created} schools"));
    stage.narrator.operation("admin", CREATE_TENANTS).await;
    Ok(())
}

/// Makes tenants by slug and names in both languages, each with the address of its office; how many.
pub async fn create_tenants<'l>(
    stage: &Stage,
    tenants: impl Iterator<Item = (&'l str, &'l str, &'l str)>,
) -> Result<u64, Failure> {
    let tenants: Vec<_> =
        tenants.map(|(slug, ja, en)| json!({ "slug": slug, "nameJa": ja, "nameEn": en })).collect();
    let answer = stage.cast.admin.call(CREATE_TENANTS, json!({ "tenants": tenants })).await?;
    for tenant in &tenants {
        let slug = text(tenant, "/slug")?;
        let variables = json!({ "tenant": tenant_id(stage, &slug).await?, "address": office_of(&slug) });
        stage.cast.admin.call(SET_CONTACT, variables).await?;
    }
    Ok(number(&answer, "/created")?)
}

/// The id of the tenant that is called so.
pub async fn tenant_id(stage: &Stage, slug: &str) -> anyhow::Result<String> {
    text(&stage.cast.admin.call(TENANT, json!({ "slug": slug })).await?, "/id")
}

async fn people(stage: &mut Stage) -> Result<(), Failure> {
    let at = stage.at("2023-10-02T10:00")?;
    stage.narrator.scene(
        at,
        "Applicants and school administrators are imported. Each field is sealed with AES-256-GCM under the person's own key, \
         that one under the school's, that one under the installation's.",
    );
    let mut kept = [0, 0];
    for (index, record_type) in [RecordType::Applicant, RecordType::SchoolAdmin].into_iter().enumerate() {
        kept[index] = import(stage, record_type).await?;
    }
    stage.narrator.result(&format!(
        "{} applicants and {} administrators (who is with two schools counts twice), 0 rows refused",
        kept[0], kept[1]
    ));
    stage.narrator.operation("officer", IMPORT).await;
    let clear = leaks(stage)?;
    stage.narrator.result(&format!("searched the database files for mail addresses in clear: {clear} found"));
    stage.score.demand("mail addresses in clear on the disk", 0, clear);
    Ok(())
}

/// Imports the example's people of a record type in batches; how many rows were kept.
async fn import(stage: &Stage, record_type: RecordType) -> Result<u64, Failure> {
    let table = people_csv(&stage.day, record_type)?;
    let mut rows = Vec::new();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    for (index, row) in reader.records().enumerate() {
        let row = row.map_err(anyhow::Error::new)?;
        let fields: Vec<Value> = record_type
            .fields()
            .iter()
            .zip(row.iter().skip(3))
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect();
        rows.push(json!({
            "line": index + 2, "tenant": row[0], "externalId": row[1], "language": row[2], "fields": fields,
        }));
    }
    import_rows(stage, SYSTEM, record_type.name(), &rows).await
}

/// Imports rows in batches, all or none; how many were kept.
pub async fn import_rows(
    stage: &Stage,
    system: &str,
    record_type: &str,
    rows: &[Value],
) -> Result<u64, Failure> {
    let (mut run, mut answer) = (Value::Null, Value::Null);
    let batches = rows.chunks(BATCH).collect::<Vec<_>>();
    for (index, batch) in batches.iter().enumerate() {
        let input = json!({
            "system": system, "recordType": record_type, "mode": "ALL_OR_NOTHING", "importId": run,
            "rows": batch, "last": index + 1 == batches.len(),
        });
        answer = stage.cast.officer.call(IMPORT, json!({ "input": input })).await?;
        run = answer["importId"].clone();
    }
    let kept = number(&answer, "/rowsKept")?;
    ensure_all(&answer, kept, rows.len())?;
    Ok(kept)
}

fn ensure_all(answer: &Value, kept: u64, rows: usize) -> anyhow::Result<()> {
    let (state, refused) = (text(answer, "/state")?, number(answer, "/rowsRefused")?);
    let sound = state == "DONE" && refused == 0 && kept == rows as u64;
    ensure!(sound, "the import is {state}: kept {kept} of {rows} rows, refused {refused}");
    Ok(())
}

/// How often the domains of the example's people stand in the database's files in clear.
fn leaks(stage: &Stage) -> anyhow::Result<usize> {
    let mut found = 0;
    for name in ["suimon.db", "suimon.db-wal"] {
        let path = stage.folder.join(name);
        if !path.exists() {
            continue;
        }
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let length = "@mail.example".len();
        found += bytes.windows(length).filter(|window| *window == b"@mail.example").count();
        // `@school-017.example`, whole: a random key that ends in the byte of `@` may well stand before a school's slug.
        let length = "@school-017.example".len();
        let is_address = |window: &&[u8]| window.starts_with(b"@school-") && window.ends_with(b".example");
        found += bytes.windows(length).filter(is_address).count();
    }
    Ok(found)
}

/// What happened on 26 October, tried here on purpose: a school's administrator asks for another school's applicant.
async fn walls(stage: &mut Stage) -> Result<(), Failure> {
    let at = stage.at("2023-10-02T10:30")?;
    stage.narrator.scene(
        at,
        "A school's administrator asks for an applicant of the own school, then for one of another school.",
    );
    let population = stage.day.population();
    let schools: Vec<String> = population
        .schools
        .iter()
        .filter(|school| {
            population.people.iter().any(|one| one.kind == "applicant" && one.tenants[0] == school.id)
        })
        .take(2)
        .map(|school| school.id.clone())
        .collect();
    let mut people = Vec::new();
    for slug in &schools {
        let tenant = tenant_id(stage, slug).await?;
        let subjects = stage.cast.officer.call(SUBJECTS, json!({ "tenant": tenant })).await?;
        people.push((tenant, text(&subjects, "/nodes/0/id")?));
    }
    let [(own_school, own), (_, foreign)] = &people[..] else {
        return Err(anyhow::anyhow!("a population with fewer than two schools").into());
    };
    let login = format!("head.{}", schools[0]);
    let variables = json!({ "tenant": own_school, "login": login, "name": "Head of a school", "roles": ["TENANT_ADMIN"] });
    stage.cast.admin.call(CREATE_ACCOUNT, variables).await?;
    let head = stage.client(&login).await?;
    let seen = |answer: &Value| {
        let fields = answer["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
        fields.iter().filter(|field| field["__typename"] == "ClearValue").count()
    };
    let mine = seen(&head.call(SUBJECT, json!({ "id": own })).await?);
    let theirs = match head.call(SUBJECT, json!({ "id": foreign })).await {
        Ok(answer) if answer.is_null() => "NOT_FOUND".to_owned(),
        Ok(answer) => format!("{} fields", seen(&answer)),
        Err(error) if error.to_string().contains("not found") => "NOT_FOUND".to_owned(),
        Err(error) => return Err(error.into()),
    };
    let auditor = stage.cast.auditor.call(SUBJECT, json!({ "id": own })).await;
    let auditor = auditor.map_or_else(|_| 0, |answer| seen(&answer));
    stage.narrator.result(&format!(
        "own school: {mine} fields in clear; another school: {theirs}; the auditor: {auditor} fields. Each question is in the \
         audit log."
    ));
    stage.score.demand("another school's applicant, asked for by one", "NOT_FOUND", theirs);
    stage.score.demand("fields that the auditor sees", 0, auditor);
    stage.narrator.operation("a school", SUBJECT).await;
    Ok(())
}
