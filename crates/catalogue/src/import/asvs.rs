//! OWASP ASVS 5.0.0 in its JSON forms: `.json` (nested), `.flat.json` (one object a requirement), `.cdx.json` (CycloneDX, which names
//! no levels), and the first two as `.legacy.json`, where each level is a member of its own.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::{Limits, Notes, Read, group_label, item_label};
use crate::error::{ImportError, Place};
use crate::model::{Catalogue, Group, Item, ItemText, Origin};
use crate::reference::Scheme;
use crate::shipped::edition;
use crate::text::{clean, fold, leading_number, shown};

/// Entries of the document: chapters, sections and requirements. ASVS 5.0.0 has 442.
const MAX_ENTRIES: usize = 10_000;

const REMEDY: &str =
    "import OWASP_Application_Security_Verification_Standard_5.0.0 as .json, .flat.json or .cdx.json";

#[derive(Deserialize)]
struct Node {
    #[serde(rename = "Shortcode")]
    id: String,
    #[serde(rename = "Name", default)]
    name: String,
    #[serde(rename = "Description", default)]
    description: String,
    #[serde(rename = "L", default)]
    level: Option<Level>,
    #[serde(rename = "L1", default)]
    level_1: Required,
    #[serde(rename = "L2", default)]
    level_2: Required,
    #[serde(rename = "L3", default)]
    level_3: Required,
    #[serde(rename = "Items", default)]
    items: Vec<Node>,
}

/// A level of the nested legacy form.
#[derive(Deserialize, Default)]
struct Required {
    #[serde(rename = "Required", default)]
    is_required: bool,
}

#[derive(Deserialize)]
struct Row {
    chapter_id: String,
    chapter_name: String,
    section_id: String,
    section_name: String,
    req_id: String,
    req_description: String,
    #[serde(rename = "L", default)]
    level: Option<Level>,
    // The flat legacy form: a tick, or nothing.
    #[serde(default)]
    level1: String,
    #[serde(default)]
    level2: String,
    #[serde(default)]
    level3: String,
}

/// The lowest level that asks for a requirement, of the three members of a legacy form; what `own` says goes first.
fn lowest(own: Option<Level>, asked: [bool; 3]) -> Option<Level> {
    let legacy = || [1, 2, 3].into_iter().zip(asked).find_map(|(level, asked)| asked.then_some(level));
    own.or_else(|| legacy().map(Level::Number))
}

#[derive(Deserialize)]
struct CdxRequirement {
    identifier: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct CdxStandard {
    #[serde(default)]
    version: String,
    requirements: Vec<CdxRequirement>,
}

#[derive(Deserialize, Default)]
struct Standards {
    #[serde(default)]
    standards: Vec<CdxStandard>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Level {
    Text(String),
    Number(u8),
}

/// The members that tell the forms apart; everything else is passed over.
#[derive(Deserialize)]
struct Document {
    #[serde(rename = "Version")]
    version: Option<String>,
    #[serde(rename = "Requirements")]
    nested: Option<Vec<Node>>,
    requirements: Option<Vec<Row>>,
    // ASVS puts its standard here; CycloneDX 1.6 as released has `definitions`.
    declarations: Option<Standards>,
    definitions: Option<Standards>,
}

/// One chapter, section or requirement, whichever form it came from.
struct Entry {
    id: String,
    words: String,
    level: Option<Level>,
    at: String,
}

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Read, ImportError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let is_list = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let parsed = if is_list {
        serde_json::from_slice(bytes).map(flat)
    } else {
        serde_json::from_slice::<Document>(bytes).map(document)
    };
    let (version, entries) = parsed.map_err(|error| {
        let cause: String = error.to_string().chars().take(160).flat_map(char::escape_debug).collect();
        ImportError::new(Place::Json(String::new()), cause, REMEDY)
    })?;
    let mut notes = Notes::new(limits);
    match version.as_deref().map(|text| fold(text).trim_start_matches('v').to_owned()) {
        Some(version) if version == edition(Scheme::Asvs) => {}
        Some(other) => {
            let fault = format!("version `{}` of ASVS", shown(&other));
            return Err(ImportError::new(Place::Json(String::new()), fault, REMEDY));
        }
        None => notes.add(Place::File, "this form names no version; taken as 5.0.0"),
    }
    build(entries, notes, limits)
}

fn document(document: Document) -> (Option<String>, Vec<Entry>) {
    let Document { version, nested, requirements, declarations, definitions } = document;
    if let Some(nested) = nested {
        let mut entries = Vec::new();
        for (at, node) in nested.into_iter().enumerate() {
            unfold(node, &format!("/Requirements/{at}"), &mut entries);
        }
        return (Some(version.unwrap_or_default()), entries);
    }
    if let Some(rows) = requirements {
        return flat(rows);
    }
    let mut all = Vec::new();
    for (part, standards) in [("declarations", declarations), ("definitions", definitions)] {
        for (at, standard) in standards.unwrap_or_default().standards.into_iter().enumerate() {
            all.push((format!("/{part}/standards/{at}"), standard));
        }
    }
    match all.into_iter().next() {
        Some((place, standard)) => (Some(standard.version), cdx(standard.requirements, &place)),
        None => (None, Vec::new()),
    }
}

fn cdx(requirements: Vec<CdxRequirement>, place: &str) -> Vec<Entry> {
    let entries = requirements.into_iter().take(MAX_ENTRIES + 1).enumerate().map(|(at, requirement)| {
        let CdxRequirement { identifier, title, text } = requirement;
        let words = if text.is_empty() { title } else { text };
        Entry { id: identifier, words, level: None, at: format!("{place}/requirements/{at}") }
    });
    entries.collect()
}

fn flat(rows: Vec<Row>) -> (Option<String>, Vec<Entry>) {
    let mut entries: Vec<Entry> = Vec::new();
    let mut named = HashSet::new();
    for (at, row) in rows.into_iter().take(MAX_ENTRIES + 1).enumerate() {
        let Row { chapter_id, chapter_name, section_id, section_name, req_id, req_description, .. } = row;
        let level =
            lowest(row.level, [row.level1, row.level2, row.level3].map(|tick| !fold(&tick).is_empty()));
        let at = format!("/requirements/{at}");
        for (id, words) in [(chapter_id, chapter_name), (section_id, section_name)] {
            if named.insert(id.clone()) {
                entries.push(Entry { id, words, level: None, at: at.clone() });
            }
        }
        entries.push(Entry { id: req_id, words: req_description, level, at });
    }
    (None, entries)
}

/// Depth is bounded by serde_json, which stops at 128.
fn unfold(node: Node, at: &str, entries: &mut Vec<Entry>) {
    if entries.len() > MAX_ENTRIES {
        return;
    }
    let Node { id, name, description, level, level_1, level_2, level_3, items } = node;
    let level = lowest(level, [level_1, level_2, level_3].map(|level| level.is_required));
    let words = if description.is_empty() { name } else { description };
    entries.push(Entry { id, words, level, at: at.to_owned() });
    for (index, item) in items.into_iter().enumerate() {
        unfold(item, &format!("{at}/Items/{index}"), entries);
    }
}

fn build(entries: Vec<Entry>, mut notes: Notes, limits: &Limits) -> Result<Read, ImportError> {
    if entries.len() > MAX_ENTRIES {
        let fault = format!("more than {MAX_ENTRIES} chapters, sections and requirements");
        return Err(ImportError::new(Place::Json(String::new()), fault, REMEDY));
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut items: Vec<Item> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut group_at: HashMap<String, usize> = HashMap::new();
    for Entry { id, words, level, at } in entries {
        let place = Place::Json(at);
        let folded = fold(&id);
        let number = leading_number(folded.trim_start_matches('v'))
            .filter(|(number, _)| number.len() == folded.trim_start_matches('v').len());
        let Some((number, depth)) = number else {
            let fault = format!("`{}` is not a number like V14.3.2", shown(&id));
            return Err(ImportError::new(place, fault, REMEDY));
        };
        if !seen.insert(number.clone()) {
            return Err(ImportError::new(place, format!("V{number} stands in the file already"), REMEDY));
        }
        let parent = number.rsplit_once('.').and_then(|(up, _)| group_at.get(up).copied());
        if depth > 1 && parent.is_none() {
            let fault = format!("V{number} comes before its chapter and section");
            return Err(ImportError::new(place, fault, REMEDY));
        }
        let words = clean(&words, limits.text_chars);
        match (depth, parent) {
            (3, Some(group)) => {
                let level = level_of(level, &place, &mut notes);
                let text = Some(ItemText { name: words, ..ItemText::default() });
                let label = item_label(Scheme::Asvs, &number);
                items.push(Item {
                    id: number,
                    label,
                    important: false,
                    group,
                    obligation: None,
                    level,
                    text,
                });
            }
            _ => {
                let label = group_label(Scheme::Asvs, &number, "");
                group_at.insert(number.clone(), groups.len());
                groups.push(Group { id: number, label, name: Some(words), parent });
            }
        }
    }
    if items.is_empty() {
        return Err(ImportError::new(Place::Json(String::new()), "no requirements of ASVS", REMEDY));
    }
    let edition = (Scheme::Asvs, edition(Scheme::Asvs));
    Ok(Read { catalogue: Catalogue::new(edition, Origin::Imported, groups, items, &[]), notes })
}

fn level_of(level: Option<Level>, place: &Place, notes: &mut Notes) -> Option<u8> {
    let text = match level {
        None => return None,
        Some(Level::Number(number)) => number.to_string(),
        Some(Level::Text(text)) => text,
    };
    match fold(&text).as_str() {
        "1" => Some(1),
        "2" => Some(2),
        "3" => Some(3),
        _ => {
            notes.add(place.clone(), format!("`{}` is not a level 1 to 3; taken as none", shown(&text)));
            None
        }
    }
}
