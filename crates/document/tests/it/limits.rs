//! What is refused, and how it is said.

use document::{
    Block, Choice, Column, Document, Field, Item, Language, List, ListKind, Meta, Rich, State, Table, Value,
    limits,
};
use sha2::{Digest, Sha256};

use crate::common::around;

fn faults(blocks: Vec<Block>) -> String {
    around(Language::En, blocks).check().unwrap_err().to_string()
}

fn table(columns: usize, rows: Vec<Vec<Rich>>) -> Block {
    Block::Table(Table {
        caption: None,
        columns: vec![Column::new("c", 1); columns],
        rows,
        row_headers: false,
    })
}

#[test]
fn each_fault_has_its_place_and_what_would_be_right() {
    let mut deep = List { kind: ListKind::Bullet, items: vec![Item::new("x")] };
    for _ in 0..limits::DEPTH {
        deep = List { kind: ListKind::Bullet, items: vec![Item::with("x", deep)] };
    }
    let link = |href: &str| Block::paragraph(Rich::new().link("x", href));
    insta::assert_snapshot!(faults(vec![
        Block::heading(2, "too deep"),
        Block::heading(1, " \n "),
        Block::heading(3, "skips one"),
        Block::List(deep),
        table(0, vec![]),
        table(2, vec![vec!["only one".into()]]),
        table(13, vec![]),
        Block::Fields(vec![Field::new("1", "", " \n\t"), Field::new("2", "x", Value::Choices(vec![])), Field::new("3", "x", Value::Choices(vec![Choice::new("", true)]))]),
        link("javascript:alert(1)"),
        link("https://example.org/ä b"),
        link("https://user@example.org/"),
        link("https:///x"),
        link("https://example.org/%zz"),
        Block::paragraph(Rich::new().link(" ", "https://example.org")),
        Block::paragraph("x".repeat(limits::TEXT + 1)),
        Block::paragraph(Rich(vec![document::Inline::Text("x".into()); limits::PIECES + 1])),
        Block::Table(Table { caption: None, columns: vec![Column::new("c", 0)], rows: vec![], row_headers: false }),
    ]), @r#"
blocks[0]: a heading of level 2 where at most 1 may follow
blocks[1]: must not be empty
blocks[2]: a heading of level 3 where at most 2 may follow
blocks[3].items[0].items[0].items[0].items[0]: 5 lists below each other, of which there may be 4
blocks[4]: a table without columns
blocks[5].rows[0]: 1 cells in a table of 2 columns
blocks[6]: 13 columns, of which there may be 12
blocks[7].fields[0]: must not be empty
blocks[7].fields[0]: a blank value: say that it is unknown, or say in words that there is nothing
blocks[7].fields[1]: choices without one to choose
blocks[7].fields[2]: must not be empty
blocks[8][0]: a link leads to https:, http:, mailto: or tel:
blocks[9][0]: the target of a link holds a character that must be encoded there (as %20)
blocks[10][0]: the target of a link names no host
blocks[11][0]: the target of a link names no host
blocks[12][0]: the target of a link holds a character that must be encoded there (as %20)
blocks[13][0]: a link must have a text
blocks[14]: 50001 characters, of which there may be 50000
blocks[15]: 2001 pieces of text, of which there may be 2000
blocks[16].columns[0]: a column without width
"#);
}

#[test]
fn there_are_not_more_faults_than_somebody_reads() {
    let count = around(Language::En, vec![Block::heading(9, ""); 100]).check().unwrap_err().0.len();
    assert_eq!(count, limits::FAULTS);
}

#[test]
fn sizes_are_bounded() {
    assert!(
        faults(vec![Block::PageBreak; limits::BLOCKS + 1])
            .contains("blocks: 10001 blocks, of which there may be 10000")
    );
    assert!(
        faults(vec![table(1, vec![vec![Rich::new()]; limits::ROWS + 1])]).contains("blocks[0]: 50001 rows")
    );
    let cells = table(6, vec![vec![Rich::new(); 6]; limits::ROWS]);
    assert!(faults(vec![cells]).contains("300000 cells in all tables"));
    let text = Block::paragraph("x".repeat(limits::TEXT));
    assert!(faults(vec![text; limits::CHARACTERS / limits::TEXT + 1]).contains("characters in all"));
    assert!(faults(vec![Block::bullets(vec!["x"; limits::ITEMS + 1])]).contains("5001 items"));
    assert!(
        faults(vec![Block::Fields(vec![Field::new("1", "x", "y"); limits::ITEMS + 1])])
            .contains("5001 fields")
    );
}

#[test]
fn what_identifies_a_document_must_be_there() {
    let meta = Meta {
        number: String::new(),
        version: "\n".to_owned(),
        state: State::Draft,
        generated_at: "2023-11-02T15:04:05Z".parse().unwrap(),
        source_digest: "x".repeat(301),
    };
    let document = Document { title: "\u{85}".to_owned(), language: Language::Ja, meta, blocks: vec![] };
    insta::assert_snapshot!(document.check().unwrap_err(), @r#"
title: must not be empty
meta.number: must not be empty
meta.version: must not be empty
meta.source_digest: 301 characters, of which there may be 300
"#);
}

#[test]
fn a_document_survives_json() {
    let document = crate::sample::report(Language::Ja);
    let json = serde_json::to_string(&document).unwrap();
    assert_eq!(serde_json::from_str::<Document>(&json).unwrap(), document);
    assert!(json.contains(r#""generated_at":"2023-11-02T15:04:05+09:00""#));
}

#[test]
fn the_font_is_the_one_that_the_assets_name() {
    let font = include_bytes!("../../assets/BIZUDPGothic-Regular.ttf");
    let digest: String = Sha256::digest(font).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(include_str!("../../assets/README.md").contains(&digest), "{digest}");
    assert!(include_str!("../../assets/OFL.txt").contains("SIL OPEN FONT LICENSE Version 1.1"));
}
