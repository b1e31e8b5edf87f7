//! The document of a person as a page to read, in Japanese or English.

use anyhow::Context;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};

use super::export::SubjectDocument;
use crate::error::Result;

const PAGE: &str = include_str!("../../templates/subject_export.html");

/// The document as HTML. `language` is `ja` or `en`.
///
/// # Errors
/// Unexpected ones only.
pub fn as_html(document: &SubjectDocument, language: &str) -> Result<String> {
    let mut environment = Environment::new();
    // Values are what people once typed: each is escaped, whatever the template's name.
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("page", PAGE).context("the template of the export")?;
    let template = environment.get_template("page").context("the template of the export")?;
    let ja = language != "en";
    let page = template
        .render(context! { ja, d => Value::from(Serde(document)) })
        .context("the export as a page")?;
    Ok(page)
}
