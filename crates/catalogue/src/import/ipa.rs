//! IPA 「非機能要求グレード活用シート」: one row a metric, the levels and the model systems in columns.

use std::collections::HashMap;

use super::grid::Grid;
use super::{Limits, Notes, Read, group_label, item_label};
use crate::error::ImportError;
use crate::model::{Catalogue, Group, Item, ItemText, Origin};
use crate::reference::Scheme;
use crate::shipped::{alias_pairs, edition};
use crate::text::{fold, shown};

/// Columns of the sheet, from 0.
mod column {
    pub(super) const ID: u32 = 0;
    pub(super) const GROUPS: [u32; 3] = [1, 2, 3];
    pub(super) const DESCRIPTION: u32 = 4;
    pub(super) const METRIC: u32 = 7;
    pub(super) const LEVELS: [u32; 6] = [8, 9, 10, 11, 12, 13];
    /// 備考 stands in one of these, where its heading says so.
    pub(super) const NOTES: [u32; 2] = [14, 15];
    pub(super) const MODELS: [u32; 3] = [16, 19, 22];
}

/// Data begins here (from 0); above are two rows of headings.
const FIRST_ROW: u32 = 2;

pub(super) fn read(grid: &Grid, limits: &Limits) -> Result<Read, ImportError> {
    let notes = Notes::new(limits);
    let heads = |column: &u32| (0..FIRST_ROW).any(|row| fold(grid.get(row, *column)) == "備考");
    let mut sheet = Sheet {
        grid,
        notes,
        note_column: column::NOTES.into_iter().find(heads),
        groups: Vec::new(),
        latest: HashMap::new(),
        items: Vec::new(),
    };
    let mut seen: HashMap<String, u32> = HashMap::new();
    for row in grid.rows().filter(|row| *row >= FIRST_ROW) {
        let Some(id) = sheet.id(row) else { continue };
        if let Some(earlier) = seen.insert(id.clone(), row) {
            return Err(ImportError::new(
                grid.place(row, column::ID),
                format!("the id {id} stands in row {} already", earlier.saturating_add(1)),
                "delete one of the two rows or correct its id",
            ));
        }
        sheet.row(row, id)?;
    }
    let Sheet { notes, groups, items, .. } = sheet;
    if items.is_empty() {
        return Err(ImportError::new(
            grid.place(FIRST_ROW, column::ID),
            "no ids like A.1.1.1 in this column",
            "import IPA's 06_活用シート with its columns where they were: id in A, metric in H, levels in I to N",
        ));
    }
    let scheme = Scheme::IpaNfrg;
    let pairs = alias_pairs(scheme);
    let catalogue = Catalogue::new((scheme, edition(scheme)), Origin::Imported, groups, items, &pairs);
    Ok(Read { catalogue, notes })
}

/// `A.1.1.1` from whatever spelling: full-width, lower case, blanks between.
fn metric_id(text: &str) -> Option<String> {
    let id = fold(text).to_uppercase();
    let (area, numbers) = id.split_once('.')?;
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let is_id = matches!(area.as_bytes(), [b'A'..=b'F'])
        && numbers.split('.').count() == 3
        && numbers.split('.').all(is_number);
    is_id.then_some(id)
}

struct Sheet<'a> {
    grid: &'a Grid,
    notes: Notes,
    note_column: Option<u32>,
    groups: Vec<Group>,
    /// The last group of a number within a group.
    latest: HashMap<(Option<usize>, String), usize>,
    items: Vec<Item>,
}

impl Sheet<'_> {
    /// The id of a row; notes a row that has words but none.
    fn id(&mut self, row: u32) -> Option<String> {
        let text = self.grid.get(row, column::ID);
        let id = metric_id(text);
        if id.is_none() && (!text.is_empty() || !self.grid.get(row, column::METRIC).is_empty()) {
            self.notes.add(
                self.grid.place(row, column::ID),
                format!("`{}` is not an id like A.1.1.1; the row was left out", shown(text)),
            );
        }
        id
    }

    fn row(&mut self, row: u32, id: String) -> Result<(), ImportError> {
        let grid = self.grid;
        let group = self.groups_of(row, &id)?;
        let name = grid.get(row, column::METRIC);
        if name.is_empty() {
            self.notes.add(grid.place(row, column::METRIC), format!("{id} has no metric"));
        }
        let models = column::MODELS.map(|column| self.level(row, column));
        let text = ItemText {
            name: name.to_owned(),
            description: filled(grid.get(row, column::DESCRIPTION)),
            note: self.note_column.and_then(|column| filled(grid.get(row, column))),
            levels: column::LEVELS.map(|column| filled(grid.get(row, column))),
            models,
        };
        self.items.push(Item {
            label: item_label(Scheme::IpaNfrg, &id),
            id,
            important: models.iter().any(Option::is_some),
            group,
            obligation: None,
            level: None,
            text: Some(text),
        });
        Ok(())
    }

    /// The groups of a row, made where they are new; a blank name is that of the row above in the same group.
    fn groups_of(&mut self, row: u32, id: &str) -> Result<usize, ImportError> {
        let mut parent = None;
        let mut end = 0;
        for at in column::GROUPS {
            end = id.get(end + 1..).and_then(|rest| rest.find('.')).map_or(id.len(), |next| end + 1 + next);
            let group_id = id.get(..end).unwrap_or(id);
            let name = self.grid.get(row, at);
            let key = (parent, group_id.to_owned());
            let known = self.latest.get(&key).copied().filter(|known| {
                let same = |group: &Group| group.name.as_deref().is_some_and(|old| fold(old) == fold(name));
                name.is_empty() || self.groups.get(*known).is_some_and(same)
            });
            parent = match known {
                Some(known) => Some(known),
                None if name.is_empty() => {
                    return Err(ImportError::new(
                        self.grid.place(row, at),
                        format!("no name for {group_id}, and none in a row above to take over"),
                        "write the name of the group into its first row",
                    ));
                }
                None => {
                    self.latest.insert(key, self.groups.len());
                    self.groups.push(Group {
                        id: group_id.to_owned(),
                        label: group_label(Scheme::IpaNfrg, group_id, id),
                        name: Some(name.to_owned()),
                        parent,
                    });
                    Some(self.groups.len() - 1)
                }
            };
        }
        // Three columns, so that there is one.
        Ok(parent.unwrap_or_default())
    }

    /// A level of a model system; blanks and dashes are none.
    fn level(&mut self, row: u32, column: u32) -> Option<u8> {
        let text = self.grid.get(row, column);
        let folded = fold(text);
        match folded.as_bytes() {
            [digit @ b'0'..=b'5'] => Some(digit - b'0'),
            [] => None,
            _ if folded.chars().all(|c| matches!(c, '-' | 'ー' | '―' | '–' | '—' | '‐' | '−')) => {
                None
            }
            _ => {
                let text = format!("`{}` is not a level 0 to 5; taken as none", shown(text));
                self.notes.add(self.grid.place(row, column), text);
                None
            }
        }
    }
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_every_spelling() {
        for text in ["A.1.1.1", "Ａ．１．１．１", " a.1.1.1\n", "A. 1. 1. 1"] {
            assert_eq!(metric_id(text).as_deref(), Some("A.1.1.1"), "{text}");
        }
        for text in ["", "A", "G.1.1.1", "A.1.1", "A.1.1.1.1", "A.1.1.1234", "A.1..1", "項番"] {
            assert_eq!(metric_id(text), None, "{text}");
        }
    }
}
