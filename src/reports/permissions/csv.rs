//! The table for spreadsheets: a line for each role, object and action.

use anyhow::Context;
use law::Lang;

use super::table::Table;
use super::words::say;
use crate::error::Result;

/// Spreadsheets read UTF-8 as something else without it.
const BYTE_ORDER_MARK: char = '\u{feff}';
/// What a spreadsheet takes as the beginning of a formula (OWASP, CSV Injection), in both widths.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A cell that is text, whatever it begins with.
pub fn cell(text: &str) -> String {
    // One line a row, also for programs that split lines before they look for quotes.
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // Blanks before it are skipped by some.
    let first = text.trim_start_matches(' ').chars().next();
    if first.is_some_and(|first| FORMULA.contains(&first)) { format!("'{flat}") } else { flat }
}

/// Head, permissions, roles, sources and bounds: each line says in its first cell what it is.
pub fn write(table: &Table, lang: Lang) -> Result<String> {
    let mut out = ::csv::WriterBuilder::new()
        .flexible(true)
        .terminator(::csv::Terminator::CRLF)
        .quote_style(::csv::QuoteStyle::Always)
        .from_writer(Vec::new());
    let mut line = |cells: &[&str]| -> Result<()> {
        out.write_record(cells.iter().map(|text| cell(text))).context("CSV")?;
        Ok(())
    };
    let (head, permission) = (say(lang, "about", "概要"), say(lang, "permission", "権限"));
    let (role, source) = (say(lang, "role", "役割"), say(lang, "source", "根拠"));
    let bound = say(lang, "bound", "委任の範囲");
    line(&[head, &table.title])?;
    for (name, value) in &table.head {
        line(&[head, name, value])?;
    }
    for note in &table.notes {
        line(&[head, note])?;
    }
    let titles: Vec<&str> = std::iter::once(say(lang, "kind", "種別"))
        .chain(table.columns.iter().map(String::as_str))
        .chain([say(lang, "holders", "人数")])
        .collect();
    line(&titles)?;
    for row in &table.rows {
        let holders = table.roles.iter().find(|known| known.role == row.role);
        let holders = holders.map_or("", |known| &known.holders);
        for action in &row.actions {
            let (conditions, sources) = (row.conditions.join("; "), row.sources.join("; "));
            line(&[
                permission,
                &row.object,
                &row.title,
                &row.role,
                action,
                &row.answer,
                &conditions,
                &sources,
                holders,
            ])?;
        }
    }
    for known in &table.roles {
        line(&[role, &known.role, &known.whose, &known.holders])?;
    }
    for known in &table.sources {
        line(&[source, &known.name, &known.version, &known.text])?;
    }
    for [role, object, action, reason] in &table.bounds {
        line(&[bound, role, object, action, reason])?;
    }
    let bytes = out.into_inner().map_err(|error| anyhow::anyhow!("CSV: {error}"))?;
    let text = String::from_utf8(bytes).context("CSV")?;
    Ok(format!("{BYTE_ORDER_MARK}{text}"))
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn no_cell_is_a_formula() {
        for formula in ["=1", "+1", "-1", "@SUM", "\t=1", "\r=1", "\n=1", "＝1", "＠A", "  =1"] {
            assert!(cell(formula).starts_with('\''), "{formula:?}");
            assert!(!cell(formula).contains(char::is_control), "{formula:?}");
        }
        assert_eq!(cell("a=1"), "a=1");
        assert_eq!(cell(""), "");
    }
}
