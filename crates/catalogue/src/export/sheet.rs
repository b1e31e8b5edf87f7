//! CSV with the columns of IPA's 活用シート, for people who keep the sheet: its 25 columns where they were, ours behind them.

use std::collections::HashMap;

use super::{ExportError, Requirement, System};
use crate::coverage::{Answers, ItemCoverage, NotApplicable, Standing, coverage};
use crate::model::{Catalogue, Group, Item, ItemText, ModelSystem};
use crate::reference::Relation;

/// Columns of IPA's sheet.
const SHEET_COLUMNS: usize = 25;

/// Headings of the columns that are filled, by position.
const HEADINGS: [(usize, &str); 15] = [
    (0, "項番"),
    (1, "大項目"),
    (2, "中項目"),
    (3, "小項目"),
    (4, "小項目説明"),
    (7, "メトリクス"),
    (8, "レベル0"),
    (9, "レベル1"),
    (10, "レベル2"),
    (11, "レベル3"),
    (12, "レベル4"),
    (13, "レベル5"),
    (16, "モデル1の選択レベル"),
    (19, "モデル2の選択レベル"),
    (22, "モデル3の選択レベル"),
];

/// Headings behind the sheet's own columns.
const OWN_HEADINGS: [&str; 20] = [
    "備考",
    "重要項目",
    "同じ項目",
    "充足",
    "確認済み",
    "選択レベル",
    "要件",
    "関係",
    "要件文(日)",
    "要件文(英)",
    "対象",
    "指標",
    "しきい値",
    "義務",
    "仕組み",
    "状態",
    "最新の証跡",
    "例外",
    "適用開始",
    "対象外の理由",
];

/// A table in UTF-8 with a byte order mark, which Excel needs to see that it is UTF-8; RFC 4180 otherwise. Two rows of headings,
/// then a row for each item; several requirements of one item stand in lines within the cells, in one order in all columns.
///
/// Names, descriptions and levels are those of an imported copy; with the shipped catalogue our labels stand for the names and
/// the rest is empty.
///
/// A cell that a spreadsheet would run, or could after trimming it (its first visible character is `=`, `+`, `-`, `@` or one of
/// their full-width forms, or it begins with a tab or a line end), gets a single quote in front (ASVS 5.0.0 V1.2.10); so does a
/// cell that has such a quote already, so that taking one quote off gives the text back. Control characters other than line ends
/// become U+FFFD.
///
/// # Errors
/// Two requirements with one name, or an empty name.
pub fn sheet_csv(
    system: &System,
    catalogue: &Catalogue,
    model: Option<ModelSystem>,
) -> Result<Vec<u8>, ExportError> {
    system.check()?;
    let citations = system.citations();
    let answered = Answers { citations: &citations, not_applicable: &system.not_applicable };
    let covered = coverage(catalogue, answered, model);
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(b"\xEF\xBB\xBF".to_vec());
    let mut write = |row: Vec<String>| {
        let harmless: Vec<String> = row.iter().map(|cell| harmless(cell)).collect();
        writer.write_record(&harmless).map_err(|error| ExportError::Write(error.to_string()))
    };
    let mut title = vec![String::new(); SHEET_COLUMNS + OWN_HEADINGS.len()];
    if let Some(first) = title.first_mut() {
        *first = format!("{} ({}) {}", catalogue.scheme().title(), catalogue.version(), system.name);
    }
    write(title)?;
    let mut headings = vec![String::new(); SHEET_COLUMNS];
    for (at, heading) in HEADINGS {
        if let Some(cell) = headings.get_mut(at) {
            heading.clone_into(cell);
        }
    }
    headings.extend(OWN_HEADINGS.map(str::to_owned));
    write(headings)?;
    let covered: HashMap<&str, &ItemCoverage> =
        covered.items.iter().flat_map(|one| one.ids.iter().map(move |id| (id.as_str(), one))).collect();
    let answers = answers(system, catalogue);
    for item in catalogue.items() {
        let table =
            Table { system, catalogue, covered: covered.get(item.id.as_str()).copied(), answers: &answers };
        write(table.row(item))?;
    }
    writer.into_inner().map_err(|error| ExportError::Write(error.to_string()))
}

type Answering<'a> = HashMap<&'a str, Vec<(&'a Requirement, Relation)>>;

/// What cites each id of this edition, in the order of the requirements.
fn answers<'a>(system: &'a System, catalogue: &Catalogue) -> Answering<'a> {
    let mut answers: Answering<'a> = HashMap::new();
    for requirement in &system.requirements {
        for cited in &requirement.citations {
            let reference = &cited.reference;
            if reference.scheme == catalogue.scheme() && reference.version == catalogue.version() {
                answers.entry(reference.id.as_str()).or_default().push((requirement, cited.relation));
            }
        }
    }
    answers
}

/// What the row of one item is made of.
struct Table<'a> {
    system: &'a System,
    catalogue: &'a Catalogue,
    covered: Option<&'a ItemCoverage>,
    answers: &'a Answering<'a>,
}

impl Table<'_> {
    fn row(&self, item: &Item) -> Vec<String> {
        let empty = ItemText::default();
        let text = item.text.as_ref().unwrap_or(&empty);
        let ItemText { name, description, note, levels, models } = text;
        let mut row = vec![String::new(); SHEET_COLUMNS];
        let mut put = |at: usize, text: String| {
            if let Some(cell) = row.get_mut(at) {
                *cell = text;
            }
        };
        put(0, item.id.clone());
        for (at, group) in self.catalogue.path(item).into_iter().take(3).enumerate() {
            put(1 + at, group_name(group));
        }
        put(4, description.clone().unwrap_or_default());
        let label = || item.label.as_ref().map_or_else(String::new, |label| label.ja.clone());
        put(7, if name.is_empty() { label() } else { name.clone() });
        for (at, level) in levels.iter().enumerate() {
            put(8 + at, level.clone().unwrap_or_default());
        }
        for (at, level) in models.iter().enumerate() {
            put(16 + 3 * at, number(*level));
        }
        row.extend(self.own_columns(item, note.as_deref()));
        row
    }

    fn own_columns(&self, item: &Item, note: Option<&str>) -> [String; OWN_HEADINGS.len()] {
        let at = self.system.at;
        let same = self.catalogue.same_as(&item.id);
        let answers: Vec<_> = same.iter().filter_map(|id| self.answers.get(id)).flatten().collect();
        let lines = |of: &dyn Fn(&Requirement, Relation) -> String| {
            lines(answers.iter().map(|(requirement, relation)| of(requirement, *relation)))
        };
        let latest = |requirement: &Requirement| {
            let observed = requirement.current(at).into_iter().map(|evidence| evidence.observed);
            observed.max().map_or_else(String::new, |latest| latest.to_string())
        };
        let exception = |requirement: &Requirement| {
            let in_force = requirement.exceptions.iter().filter(|exception| exception.expires > at);
            let last = in_force.max_by_key(|exception| exception.expires);
            last.map_or_else(String::new, |last| {
                format!("{}: {} ({})", last.expires, last.reason, last.approver)
            })
        };
        let kept = |requirement: &Requirement| match &requirement.enforcement {
            Some(kept) => format!("{} ({})", kept.mechanism.as_str(), kept.mode.as_str()),
            None => String::new(),
        };
        let since = |requirement: &Requirement| {
            requirement.in_force_from.map_or_else(String::new, |from| from.to_string())
        };
        [
            note.unwrap_or_default().to_owned(),
            mark(item.important),
            same.iter().skip(1).copied().collect::<Vec<_>>().join(" "),
            self.covered.map_or_else(String::new, |covered| standing(covered.standing).to_owned()),
            mark(self.covered.is_some_and(|covered| covered.checked)),
            number(self.covered.and_then(|covered| covered.level)),
            lines(&|requirement, _| requirement.name.clone()),
            lines(&|_, relation| relation.as_str().to_owned()),
            lines(&|requirement, _| requirement.statement.ja.clone()),
            lines(&|requirement, _| requirement.statement.en.clone()),
            lines(&|requirement, _| requirement.target.clone()),
            lines(&|requirement, _| requirement.metric.clone()),
            lines(&|requirement, _| requirement.threshold.to_string()),
            lines(&|requirement, _| requirement.obligation.as_str().to_owned()),
            lines(&|requirement, _| kept(requirement)),
            lines(&|requirement, _| requirement.status(at).as_str().to_owned()),
            lines(&|requirement, _| latest(requirement)),
            lines(&|requirement, _| exception(requirement)),
            lines(&|requirement, _| since(requirement)),
            self.covered.and_then(|covered| covered.not_applicable.as_ref()).map_or_else(String::new, why),
        ]
    }
}

/// Why an item does not apply, in both languages, and who answers for that.
fn why(stated: &NotApplicable) -> String {
    let NotApplicable { reference, reason, approver } = stated;
    let by = approver.as_ref().map_or_else(String::new, |approver| format!(" ({approver})"));
    format!("{}\n{}\n{reference}{by}", one_line(&reason.ja), one_line(&reason.en))
}

fn group_name(group: &Group) -> String {
    match (&group.name, &group.label) {
        (Some(name), _) => name.clone(),
        (None, Some(label)) => label.ja.clone(),
        (None, None) => String::new(),
    }
}

fn mark(is_so: bool) -> String {
    if is_so { "○".to_owned() } else { String::new() }
}

fn number(level: Option<u8>) -> String {
    level.map_or_else(String::new, |level| level.to_string())
}

/// One line for each requirement, a dash where one has nothing; nothing at all where none has anything.
fn lines(texts: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = texts.map(|text| one_line(&text)).collect();
    if lines.iter().all(String::is_empty) {
        return String::new();
    }
    let lines: Vec<&str> = lines.iter().map(|line| if line.is_empty() { "—" } else { line }).collect();
    lines.join("\n")
}

/// A line end within a text would shift it against the other columns.
fn one_line(text: &str) -> String {
    text.split(['\r', '\n']).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Failing => "不適合",
        Standing::NotCovered => "要件なし",
        Standing::DerivedOnly => "参照のみ",
        Standing::Partial => "一部",
        Standing::Excepted => "例外中",
        Standing::Satisfied => "充足",
        Standing::NotApplicable => "対象外",
    }
}

/// The text as a cell that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    let clean = |c: char| if c.is_control() && c != '\n' && c != '\r' && c != '\t' { '\u{FFFD}' } else { c };
    let cleaned: String = text.chars().map(clean).collect();
    // Byte order marks and blanks in front are what some programs drop before they look.
    let seen = cleaned.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}' || c == '\u{200B}');
    let runs = seen.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '−', '\'']);
    if runs || cleaned.starts_with(['\t', '\r', '\n']) { format!("'{cleaned}") } else { cleaned }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_texts() {
        for formula in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "＝１",
            "＠x",
            " =1",
            "\u{FEFF}=1",
            "\t=1",
            "\r=1",
            "\n=1",
            "'=1",
        ] {
            assert_eq!(harmless(formula), format!("'{formula}"), "{formula:?}");
        }
        for text in ["A.1.1.1", "可用性", "1-2", "", "a=b"] {
            assert_eq!(harmless(text), text);
        }
        assert_eq!(harmless("a\u{0}b\u{7}"), "a\u{FFFD}b\u{FFFD}");
    }
}
