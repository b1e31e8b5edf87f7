//! Text to paste into a form.

use document::{Block, Column, Field, Language, Rich, Table, Value};

use crate::common::around;
use crate::sample;

#[test]
fn the_report_as_text() {
    for language in [Language::Ja, Language::En] {
        let text = sample::report(language).check().unwrap().text();
        insta::assert_snapshot!(format!("text_{}", language.tag()), text);
    }
}

#[test]
fn each_field_can_be_copied_by_itself_and_says_whether_it_is_open() {
    let sheet = sample::report(Language::Ja).check().unwrap();
    let fields = sheet.fields();
    let open: Vec<_> =
        fields.iter().filter(|field| field.unknown).map(|field| field.number.as_str()).collect();
    assert_eq!(open, ["3(3)", "3(4)"]);
    assert_eq!(fields[0].text, "■ 新規（速報）\n□ 続報\n□ 確報");
    assert_eq!(fields[5].text, "【未確定：外部の調査報告を待っている】");
    let text = sheet.text();
    for field in fields {
        assert!(
            text.contains(&format!("{} {}\n{}\n\n", field.number, field.label, field.text)),
            "{}",
            field.label
        );
    }
}

#[test]
fn no_line_is_wrapped_and_a_link_says_where_it_leads() {
    let long = "長い文".repeat(500);
    let value = Rich::new()
        .text(long.as_str())
        .link("経過", "https://example.jp/a")
        .link("info@example.jp", "mailto:info@example.jp");
    let document = around(Language::Ja, vec![Block::Fields(vec![Field::new("", "概要", value)])]);
    let sheet = document.check().unwrap();
    assert_eq!(sheet.fields()[0].text, format!("{long}経過（https://example.jp/a）info@example.jp"));
    assert!(sheet.text().contains(&format!("\n概要\n{long}")));
}

#[test]
fn unknown_is_said_in_both_languages() {
    for (language, with, without) in
        [(Language::Ja, "【未確定：調査中】", "【未確定】"), (Language::En, "[UNKNOWN: 調査中]", "[UNKNOWN]")]
    {
        let field = |why: &str| Field::new("1", "x", Value::Unknown { why: why.to_owned() });
        let sheet = around(language, vec![Block::Fields(vec![field("調査中"), field(" ")])]).check().unwrap();
        let texts: Vec<_> = sheet.fields().into_iter().map(|field| field.text).collect();
        assert_eq!(texts, [with, without]);
    }
}

#[test]
fn a_cell_stays_in_its_cell() {
    let table = Table {
        caption: None,
        columns: vec![Column::new("a", 1), Column::new("b", 1)],
        rows: vec![vec!["x\ty\nz".into(), "w".into()]],
        row_headers: false,
    };
    let sheet = around(Language::En, vec![Block::Table(table)]).check().unwrap();
    assert!(sheet.text().ends_with("a\tb\nx y z\tw\n"), "{}", sheet.text());
}
