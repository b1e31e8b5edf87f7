//! Documents about an incident. The interim report says in one page what the other parts know: what happened and when, who is
//! affected by which method, what the laws ask for, who was told, what is done next. Counts only, never a person.

mod build;
pub mod documents;
mod exposure;
mod gather;
mod lists;
mod model;
mod permissions;
mod render;
mod words;

pub use self::exposure::exposure_page;
pub use model::Report;
pub use permissions::{TableFormat, permission_table, spreadsheet_cell};
pub use render::escape_markdown;
pub use words::Words;

use law::Lang;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::access::{Action, Op};
use crate::audit::Event;
use crate::error::Result;
use crate::incidents;

/// Form of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One page that needs nothing else.
    Html,
    Markdown,
}

impl Format {
    /// The word for logs and file names.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Html => "html",
            Format::Markdown => "markdown",
        }
    }
}

/// The interim report of an incident. Its making is audited with the SHA-256 of the text, so that a copy can be matched.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn incident_report(
    op: &Op,
    tenant: Uuid,
    incident: Uuid,
    lang: Lang,
    format: Format,
) -> Result<String> {
    let scope =
        incidents::permit(op, Action::Read, "report", "incident").await?.within(tenant, "incident")?;
    op.require_fresh(Action::Read, "report").await?;
    let material = gather::gather(op, &scope, tenant, incident).await?;
    let text = render::render(&build::build(&material, lang), lang, format)?;
    let event = Event::new("report.render", format!("incident:{incident}")).detail(json!({
        "language": lang, "format": format.as_str(), "sha256": hex::encode(Sha256::digest(text.as_bytes())),
    }));
    scope.record(scope.tenant(), vec![event]).await?;
    Ok(text)
}
