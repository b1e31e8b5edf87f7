//! Any document as JSON, and any text in every place of one: what passes the check is written in every form, twice alike.
#![no_main]

use document::{Block, Column, Document, Field, Language, Meta, Note, NoteKind, Rich, State, Table, Value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(document) = serde_json::from_slice::<Document>(data) {
        write(document);
    }
    write(around(&String::from_utf8_lossy(data)));
});

fn write(document: Document) {
    let Ok(sheet) = document.check() else { return };
    sheet.html();
    sheet.text();
    sheet.fields();
    assert_eq!(sheet.docx(), sheet.docx());
    let pdf = sheet.pdf().expect("what passes the check can be written");
    assert_eq!(Ok(pdf), sheet.pdf());
}

fn around(text: &str) -> Document {
    let mut lines = text.split('\u{1}');
    let mut next = || lines.next().unwrap_or("x");
    let meta = Meta {
        number: next().to_owned(),
        version: next().to_owned(),
        state: State::Draft,
        generated_at: "2023-11-02T15:04:05+09:00".parse().expect("an instant"),
        source_digest: next().to_owned(),
    };
    let width = u16::try_from(text.len()).unwrap_or(u16::MAX).max(1);
    let rich = Rich::new().text(next()).strong(next()).emphasis(next()).unknown(next()).link(next(), next());
    let blocks = vec![
        Block::heading(1, next()),
        Block::Paragraph(rich.clone()),
        Block::bullets([rich.clone()]),
        Block::numbered([rich.clone()]),
        Block::Note(Note { kind: NoteKind::Warning, body: vec![rich.clone()] }),
        Block::Fields(vec![Field::new(next(), next(), Value::Unknown { why: next().to_owned() })]),
        Block::Table(Table {
            caption: Some(next().to_owned()),
            columns: vec![Column::new(next(), width), Column::number(next(), 1)],
            rows: vec![vec![rich.clone(), next().into()], vec![next().into(), rich]],
            row_headers: true,
        }),
    ];
    let language = if text.len() % 2 == 0 { Language::Ja } else { Language::En };
    Document { title: next().to_owned(), language, meta, blocks }
}
