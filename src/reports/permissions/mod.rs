//! 権限一覧表: who may do what at one tenant with one system, on one page. Every answer is the policy engine's own; what stands
//! beside it (conditions, sources) are the rules that made it so. Numbers of people only, never a name.

mod build;
mod csv;
mod table;
#[cfg(test)]
mod tests;
mod words;

pub use csv::cell as spreadsheet_cell;

use law::Lang;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub(super) use self::table::Table;
use super::render;
use crate::access::{self, Action, Op};
use crate::audit::Event;
use crate::error::Result;
use crate::requirements;

/// Form of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// A line for each role, object and action, for spreadsheets: UTF-8 with a byte order mark, no cell is a formula.
    Csv,
    /// One page that needs nothing else, for printing on A4.
    Html,
    Markdown,
}

impl TableFormat {
    /// The word for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            TableFormat::Csv => "csv",
            TableFormat::Html => "html",
            TableFormat::Markdown => "markdown",
        }
    }
}

/// The table of a tenant and a system as it is now. Its making is recorded with the SHA-256 of the text, so that a copy can be
/// matched.
///
/// # Errors
/// `NOT_FOUND` for a tenant out of reach or an unknown system, and those of permission to read the policy.
pub async fn permission_table(
    op: &Op,
    tenant: Uuid,
    system: &str,
    lang: Lang,
    format: TableFormat,
) -> Result<String> {
    let scope = op.permit_at(tenant, Action::Read, "policy").await?;
    let guarded = requirements::guarded(&scope, Some(system)).await?;
    let root = op.app().root()?;
    let operator = (tenant != root).then_some(access::operator_policy(&scope).await?);
    // How many people the operator has is its own.
    let operator_holders = match op.actor().operator {
        true => Some(access::holders_of(&op.permit(Action::Read, "policy").await?, root).await?),
        false => None,
    };
    let material = build::Material {
        at: op.at(),
        tenant: access::tenant_by_id(op, tenant).await?,
        policy: access::policy_of(&scope, tenant).await?,
        holders: access::holders_of(&scope, tenant).await?,
        operator,
        operator_holders,
        own_rules: access::list_rules(op, tenant).await?,
        bounds: access::list_bounds(op).await?,
        requirements: requirements::requirements_in_force(&scope, system, op.at()).await?,
        guarded,
    };
    let text = render(&material.table(lang), lang, format)?;
    let event = Event::new("policy.table", "policy").detail(json!({
        "system": system, "language": lang, "format": format.as_str(),
        "sha256": hex::encode(Sha256::digest(text.as_bytes())),
    }));
    scope.record(tenant, vec![event]).await?;
    Ok(text)
}

fn render(table: &Table, lang: Lang, format: TableFormat) -> Result<String> {
    match format {
        TableFormat::Csv => csv::write(table, lang),
        TableFormat::Html => render::permissions(table, "permissions.html"),
        TableFormat::Markdown => render::permissions(table, "permissions.md"),
    }
}
