//! OWASP Japan secreq 4.0, sheet 「Ver.4.0」: 項目 › 見出し › 要件 · 備考 · 必須可否, each with its number in front.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use super::grid::Grid;
use super::{Limits, Notes, Read, group_label, item_label};
use crate::error::ImportError;
use crate::model::{Catalogue, Group, Item, ItemText, Obligation, Origin};
use crate::reference::Scheme;
use crate::shipped::edition;
use crate::text::{fold, leading_number, shown};

/// Rows from the top in which the headings are looked for.
const HEADING_ROWS: u32 = 50;

/// Where each column begins; a column ends where the next begins, so that a number may have a column of its own.
struct Columns {
    category: (u32, u32),
    heading: (u32, u32),
    requirement: (u32, u32),
    note: Option<(u32, u32)>,
    obligation: Option<(u32, u32)>,
}

pub(super) fn read(grid: &Grid, limits: &Limits) -> Result<Read, ImportError> {
    let (first, columns) = columns(grid)?;
    let mut notes = Notes::new(limits);
    let mut groups: Vec<Group> = Vec::new();
    let mut items: Vec<Item> = Vec::new();
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut group_at: HashMap<String, usize> = HashMap::new();
    for row in grid.rows().filter(|row| *row > first) {
        // Groups of this row first: a requirement stands beside the heading that it opens.
        for (span, depth) in [(columns.category, 1), (columns.heading, 2)] {
            if let Some((id, name)) = numbered(grid, row, span, depth)
                && !group_at.contains_key(&id)
            {
                let parent = id.split_once('.').and_then(|(up, _)| group_at.get(up).copied());
                let label = group_label(Scheme::OwaspSecreqJa, &id, "");
                group_at.insert(id.clone(), groups.len());
                groups.push(Group { id, label, name: Some(name), parent });
            }
        }
        let text = joined(grid, row, columns.requirement);
        if text.is_empty() {
            continue;
        }
        let at = grid.place(row, columns.requirement.0);
        let Some((id, name)) = numbered(grid, row, columns.requirement, 3) else {
            notes.add(at, format!("`{}` does not begin with a number like 7.9.1; left out", shown(&text)));
            continue;
        };
        if let Some(earlier) = seen.insert(id.clone(), row) {
            return Err(ImportError::new(
                at,
                format!("the number {id} stands in row {} already", earlier.saturating_add(1)),
                "delete one of the two rows or correct its number",
            ));
        }
        let heading = id.rsplit_once('.').map_or("", |(heading, _)| heading);
        let Some(group) = group_at.get(heading).copied() else {
            return Err(ImportError::new(
                grid.place(row, columns.heading.0),
                format!("no heading {heading} in this row or above"),
                "write number and words of the heading into its first row",
            ));
        };
        let obligation = columns.obligation.and_then(|span| obligation(grid, row, span, &mut notes));
        let note = columns.note.map(|span| joined(grid, row, span)).filter(|note| !note.is_empty());
        items.push(Item {
            label: item_label(Scheme::OwaspSecreqJa, &id),
            id,
            important: false,
            group,
            obligation,
            level: None,
            text: Some(ItemText { name, note, ..ItemText::default() }),
        });
    }
    if items.is_empty() {
        return Err(ImportError::new(
            grid.row_place(first),
            "no requirements below the headings",
            "import the publisher's own file; each requirement begins with its number, like 7.9.1",
        ));
    }
    let edition = (Scheme::OwaspSecreqJa, edition(Scheme::OwaspSecreqJa));
    let catalogue = Catalogue::new(edition, Origin::Imported, groups, items, &[]);
    Ok(Read { catalogue, notes })
}

/// The row of the headings, and what stands below which.
fn columns(grid: &Grid) -> Result<(u32, Columns), ImportError> {
    for row in grid.rows().take_while(|row| *row < HEADING_ROWS) {
        let mut starts: Vec<(u32, &'static str)> = Vec::new();
        for (column, text) in grid.row(row) {
            let folded = fold(text);
            let known = ["項目", "見出し", "要件", "備考", "必須可否"]
                .into_iter()
                .find(|word| folded == *word || (*word == "必須可否" && folded.starts_with("必須")));
            if let Some(word) = known
                && !starts.iter().any(|(_, other)| *other == word)
            {
                starts.push((column, word));
            }
        }
        let span = |wanted: &str| {
            let start = starts.iter().find(|(_, word)| *word == wanted)?.0;
            let end = starts.iter().map(|(start, _)| *start).filter(|other| *other > start).min();
            Some((start, end.unwrap_or(start + 1)))
        };
        if let (Some(category), Some(heading), Some(requirement)) =
            (span("項目"), span("見出し"), span("要件"))
        {
            let (note, obligation) = (span("備考"), span("必須可否"));
            return Ok((row, Columns { category, heading, requirement, note, obligation }));
        }
    }
    Err(ImportError::new(
        grid.row_place(0),
        format!("no row with 項目, 見出し and 要件 within the first {HEADING_ROWS}"),
        "leave the headings of the sheet as they were",
    ))
}

/// The texts of the cells of a span, each once: merged cells repeat theirs.
fn joined(grid: &Grid, row: u32, (start, end): (u32, u32)) -> String {
    let mut parts: Vec<&str> = (start..end).map(|column| grid.get(row, column)).collect();
    parts.retain(|part| !part.is_empty());
    parts.dedup();
    parts.join(" ")
}

/// Number of the wanted depth and the words behind it.
fn numbered(grid: &Grid, row: u32, span: (u32, u32), depth: usize) -> Option<(String, String)> {
    let text = joined(grid, row, span);
    let text = text.trim_start();
    // With its blanks: what follows the number may begin with a digit as well.
    let (number, found) = leading_number(&text.nfkc().collect::<String>())?;
    // Each full-width digit is one character, as is the plain one.
    let words: String = text.chars().skip(number.len()).collect();
    let words = words.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '.' | '．'));
    (found == depth).then(|| (number, words.to_owned()))
}

fn obligation(grid: &Grid, row: u32, span: (u32, u32), notes: &mut Notes) -> Option<Obligation> {
    let text = joined(grid, row, span);
    match fold(&text).as_str() {
        "必須" => Some(Obligation::Must),
        "推奨" => Some(Obligation::Should),
        "" => None,
        _ => {
            let text = format!("`{}` is neither 必須 nor 推奨; taken as neither", shown(&text));
            notes.add(grid.place(row, span.0), text);
            None
        }
    }
}
