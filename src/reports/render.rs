//! Templates: HTML with HTML's escaping, Markdown with Markdown's. Embedded in the program.

use std::borrow::Cow;
use std::sync::OnceLock;

use law::Lang;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, Value};

use super::Format;
use super::model::Report;
use super::permissions::Table;
use crate::error::Result;

/// Templates by name. The ending decides how values are escaped.
const TEMPLATES: &[(&str, &str)] = &[
    ("interim.ja.html", include_str!("../../templates/report/interim.ja.html")),
    ("interim.en.html", include_str!("../../templates/report/interim.en.html")),
    ("interim.ja.md", include_str!("../../templates/report/interim.ja.md")),
    ("interim.en.md", include_str!("../../templates/report/interim.en.md")),
    ("exposure.html", include_str!("../../templates/report/exposure.html")),
    ("permissions.html", include_str!("../../templates/report/permissions.html")),
    ("permissions.md", include_str!("../../templates/report/permissions.md")),
    ("style.css", include_str!("../../templates/report/style.css")),
];

/// Name of the escaping of Markdown.
const MARKDOWN: &str = "markdown";

/// Renders a report.
///
/// # Errors
/// Unexpected ones only: the templates are part of the program.
pub fn render(report: &Report, lang: Lang, format: Format) -> Result<String> {
    let name = match (lang, format) {
        (Lang::Ja, Format::Html) => "interim.ja.html",
        (Lang::En, Format::Html) => "interim.en.html",
        (Lang::Ja, Format::Markdown) => "interim.ja.md",
        (Lang::En, Format::Markdown) => "interim.en.md",
    };
    let template = environment()?.get_template(name).map_err(anyhow::Error::from)?;
    Ok(template.render(Value::from(Serde(report))).map_err(anyhow::Error::from)?)
}

/// Renders any page by its template.
///
/// # Errors
/// Unexpected ones only.
pub fn page(template: &str, content: &impl serde::Serialize) -> Result<String> {
    let template = environment()?.get_template(template).map_err(anyhow::Error::from)?;
    Ok(template.render(Value::from(Serde(content))).map_err(anyhow::Error::from)?)
}

/// Renders the table of permissions by a template.
///
/// # Errors
/// Unexpected ones only.
pub fn permissions(table: &Table, template: &str) -> Result<String> {
    let template = environment()?.get_template(template).map_err(anyhow::Error::from)?;
    Ok(template.render(Value::from(Serde(table))).map_err(anyhow::Error::from)?)
}

fn environment() -> Result<&'static Environment<'static>> {
    static ENVIRONMENT: OnceLock<std::result::Result<Environment<'static>, String>> = OnceLock::new();
    ENVIRONMENT
        .get_or_init(|| build().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|error| anyhow::anyhow!("a report template does not read: {error}").into())
}

fn build() -> std::result::Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    // A misspelt name in a template is an error, not an empty place in a report.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    environment.set_syntax(syntax);
    environment.set_auto_escape_callback(|name| match name.rsplit('.').next() {
        Some("html") => AutoEscape::Html,
        Some("md") => AutoEscape::Custom(MARKDOWN.into()),
        _ => AutoEscape::None,
    });
    environment.set_formatter(format_value);
    environment.add_filter("code_block", code_block);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

fn format_value(
    out: &mut Output,
    state: &mut State,
    value: &Value,
) -> std::result::Result<(), minijinja::Error> {
    if !matches!(state.auto_escape(), AutoEscape::Custom(name) if name == MARKDOWN) || value.is_safe() {
        return minijinja::escape_formatter(out, state, value);
    }
    let text = match value.as_str() {
        Some(text) => escape_markdown(text),
        None => value.to_string(),
    };
    out.write_str(&text).map_err(minijinja::Error::from)
}

/// For Markdown a lone carriage return ends a line too (CommonMark 0.31, 2.1), for `str::lines` it does not.
fn plain_line_ends(text: &str) -> Cow<'_, str> {
    match text.contains('\r') {
        true => Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")),
        false => Cow::Borrowed(text),
    }
}

/// Lines as a code block by indentation: there is no fence that a line could close.
fn code_block(text: &str) -> Value {
    let text = plain_line_ends(text);
    Value::from_safe_string(text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n"))
}

/// A text of somebody as Markdown that shows exactly that text: no markup, no HTML, no second line that would leave a list or
/// a table cell.
pub fn escape_markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for (index, line) in plain_line_ends(text).lines().enumerate() {
        if index > 0 {
            out.push_str("<br>");
        }
        let line = line.trim_end();
        // Only at the beginning of a block do these begin a heading, a list, a quotation or a rule; a value may stand there.
        let mut digits_only = true;
        for (position, letter) in line.chars().enumerate() {
            match letter {
                '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => {
                    out.push('\\');
                    out.push(letter);
                }
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '&' => out.push_str("&amp;"),
                '#' | '+' | '-' | '=' if position == 0 => {
                    out.push('\\');
                    out.push(letter);
                }
                '.' | ')' if digits_only && position > 0 => {
                    out.push('\\');
                    out.push(letter);
                }
                '\t' => out.push(' '),
                letter => out.push(letter),
            }
            digits_only &= letter.is_ascii_digit();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_of_line_end_begins_a_line_of_markdown() {
        assert_eq!(
            escape_markdown("a\r# b\r\n- c\n1. d\r\r> e"),
            "a<br>\\# b<br>\\- c<br>1\\. d<br><br>&gt; e"
        );
        assert_eq!(code_block("a\r# b\r\n- c").to_string(), "    a\n    # b\n    - c");
    }
}
