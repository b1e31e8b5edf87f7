//! Before the day: the operator's people, the requirements as they stood, the schools, and their people under encryption.

use serde_json::json;

use super::client::{number, text};
use super::stage::{ACCOUNTS, Stage};
use crate::cli::Failure;
use crate::cli::example::{MANIFESTS, RecordType, SCHOOLS, SYSTEM, people_csv};

const VIEWER: &str = "{ viewer { tenant { id nameEn } } }";

const CREATE_ACCOUNT: &str = "mutation($tenant: ID!, $login: String!, $name: String!, $roles: [Role!]!) {
    createAccount(tenantId: $tenant, login: $login, displayName: $name, roles: $roles) {
        __typename ... on Account { id roles } ... on Problem { code field message remedy } } }";

const CREATE_TENANTS: &str = "mutation($tenants: [NewTenant!]!) {
    createTenants(tenants: $tenants) {
        __typename ... on TenantsCreated { created } ... on Problem { code field message remedy } } }";

pub async fn play(stage: &mut Stage) -> Result<(), Failure> {
    stage.narrator.chapter("Before the day");
    accounts(stage).await?;
    requirements(stage).await?;
    schools(stage).await?;
    Ok(())
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
    stage.narrator.result("3 accounts, each with one role, default deny");
    stage.narrator.operation("admin", CREATE_ACCOUNT).await;
    Ok(())
}

async fn requirements(_stage: &mut Stage) -> Result<(), Failure> {
    let _ = (MANIFESTS, SYSTEM);
    Ok(())
}

async fn schools(stage: &mut Stage) -> Result<(), Failure> {
    let at = stage.at("2023-10-02T09:30")?;
    stage.narrator.scene(at, "The schools become tenants: none of them can read another's people.");
    let mut tenants = Vec::new();
    for row in csv::Reader::from_reader(SCHOOLS.as_bytes()).deserialize::<(String, String, String)>() {
        let (slug, name_ja, name_en) = row.map_err(anyhow::Error::new)?;
        tenants.push(json!({ "slug": slug, "nameJa": name_ja, "nameEn": name_en }));
    }
    let answer = stage.cast.admin.call(CREATE_TENANTS, json!({ "tenants": tenants })).await?;
    stage.narrator.result(&format!("{} schools", number(&answer, "/created")?));
    stage.narrator.operation("admin", CREATE_TENANTS).await;
    let _ = people_csv(&stage.day, RecordType::Applicant)?;
    Ok(())
}
