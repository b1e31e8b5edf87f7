//! Any document that passes the check can be written in every form, and any letter that passes it can be printed.

use document::{
    Align, Block, Choice, Column, Document, Field, Inline, Item, Language, Letter, Letters, LettersError,
    List, ListKind, Meta, Note, NoteKind, Rich, State, Table, Value,
};
use proptest::prelude::*;

use crate::common::parsed;

/// Letters of many scripts, emoji, control characters, white space, and anything else.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,40}",
        "[ぁ-んァ-ヶ一-龠、。「」（）ー…]{0,60}",
        "[א-ת ء-ي\u{200F}\u{202E}]{0,20}",
        "[\u{0}-\u{1F}\u{7F}-\u{9F}\u{FFFE}\u{FEFF}\u{2028}\u{E000}]{0,10}",
        "(👩‍👧|🇯🇵|👍🏽|e\u{301}|葛\u{E0100}|\u{1F468}\u{200D}|𠮷){0,8}",
        "[a-z]{200,400}",
        Just("z\u{300}\u{301}\u{302}\u{303}".repeat(80)),
    ]
}

fn line() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.chars().take(250).collect::<String>() + "x")
}

fn rich() -> impl Strategy<Value = Rich> {
    let inline = prop_oneof![
        4 => text().prop_map(Inline::Text),
        1 => text().prop_map(Inline::Strong),
        1 => text().prop_map(Inline::Emphasis),
        1 => text().prop_map(|why| Inline::Unknown { why }),
        1 => (line(), "[a-z0-9/?=&.]{0,30}").prop_map(|(text, path)| Inline::Link { text, href: format!("https://example.org/{path}") }),
    ];
    prop::collection::vec(inline, 0..4).prop_map(Rich)
}

fn list(depth: u32) -> BoxedStrategy<List> {
    let nested =
        if depth == 0 { Just(None).boxed() } else { prop::option::weighted(0.3, list(depth - 1)).boxed() };
    let item = (rich(), nested).prop_map(|(text, nested)| Item { text, nested });
    let kind = prop_oneof![Just(ListKind::Bullet), Just(ListKind::Number)];
    (kind, prop::collection::vec(item, 0..4)).prop_map(|(kind, items)| List { kind, items }).boxed()
}

fn table() -> impl Strategy<Value = Table> {
    (1_usize..=12).prop_flat_map(|count| {
        let align = prop_oneof![Just(Align::Start), Just(Align::End)];
        let column =
            (line(), 1_u16.., align).prop_map(|(header, width, align)| Column { header, width, align });
        let columns = prop::collection::vec(column, count);
        let rows = prop::collection::vec(prop::collection::vec(rich(), count), 0..4);
        (prop::option::of(line()), columns, rows, any::<bool>())
            .prop_map(|(caption, columns, rows, row_headers)| Table { caption, columns, rows, row_headers })
    })
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        rich().prop_map(|rich| Value::Known(rich.text("x"))),
        text().prop_map(|why| Value::Unknown { why }),
        prop::collection::vec((line(), any::<bool>()), 1..4).prop_map(|choices| Value::Choices(
            choices.into_iter().map(|(label, chosen)| Choice { label, chosen }).collect()
        )),
    ]
}

fn block() -> impl Strategy<Value = Block> {
    let kind = prop_oneof![Just(NoteKind::Info), Just(NoteKind::Warning)];
    prop_oneof![
        line().prop_map(|text| Block::heading(1, text)),
        rich().prop_map(Block::Paragraph),
        list(3).prop_map(Block::List),
        table().prop_map(Block::Table),
        prop::collection::vec(
            (text().prop_map(|text| text.chars().take(100).collect::<String>()), line(), value()),
            0..4
        )
        .prop_map(|fields| Block::Fields(
            fields.into_iter().map(|(number, label, value)| Field { number, label, value }).collect()
        )),
        (kind, prop::collection::vec(rich(), 0..3)).prop_map(|(kind, body)| Block::Note(Note { kind, body })),
        Just(Block::PageBreak),
    ]
}

prop_compose! {
    fn document()(
        title in line(), number in line(), version in line(), source_digest in line(),
        ja in any::<bool>(), draft in any::<bool>(), blocks in prop::collection::vec(block(), 0..8),
    ) -> Document {
        let generated_at = "2023-11-02T15:04:05+09:00".parse().unwrap();
        let state = if draft { State::Draft } else { State::Final };
        let language = if ja { Language::Ja } else { Language::En };
        Document { title, language, meta: Meta { number, version, state, generated_at, source_digest }, blocks }
    }
}

/// Lines of a letter: most of them as people have them.
fn letter_line() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[ -~ぁ-ん一-龠（）ー]{1,60}", 1 => text()]
}

/// What a letter is made of; one itself cannot be shown when a case fails.
type Parts = (Vec<String>, Vec<String>, [String; 3], Vec<String>, usize);

fn letter_parts() -> impl Strategy<Value = Parts> {
    let lines = |count| prop::collection::vec(letter_line(), count);
    let single = prop::array::uniform3(letter_line());
    (lines(0..7), lines(0..5), single, prop::collection::vec(text(), 1..5), 1_usize..60)
}

fn letter((address, sender, [date, reference, subject], paragraphs, times): Parts) -> Letter {
    let paragraphs = paragraphs.into_iter().map(|text| text.repeat(times)).collect();
    Letter { address, sender, date, reference, subject, paragraphs }
}

proptest! {
    // Each case is a PDF twice.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_document_is_written_in_every_form(document in document()) {
        let sheet = match document.check() {
            Ok(sheet) => sheet,
            Err(faults) => return Err(TestCaseError::fail(faults.to_string())),
        };
        let (text, _) = parsed(&sheet.html());
        prop_assert!(text.contains(&sheet.document().title));
        prop_assert!(sheet.text().starts_with(&sheet.document().title));
        prop_assert_eq!(sheet.docx(), sheet.docx());
        let pdf = sheet.pdf().map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(pdf.pages >= 1 && pdf.bytes.starts_with(b"%PDF-1.7"));
        prop_assert_eq!(pdf, sheet.pdf().unwrap());
    }

    #[test]
    fn a_checked_document_holds_no_control_characters(text in any::<String>()) {
        let blocks = vec![Block::paragraph(text.as_str())];
        let sheet = crate::common::around(Language::En, blocks).check().unwrap();
        let html = sheet.html();
        prop_assert!(!html.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\t'));
    }
    #[test]
    fn any_letters_are_printed_or_have_faults(
        parts in prop::collection::vec(letter_parts(), 1..6), ja in any::<bool>(), duplex in any::<bool>(),
    ) {
        let mut letters = Letters {
            language: if ja { Language::Ja } else { Language::En },
            generated_at: "2023-11-02T15:04:05+09:00".parse().unwrap(),
            duplex,
            letters: parts.into_iter().map(letter).collect(),
        };
        if let Err(LettersError::Letters(faults)) = letters.check() {
            for index in faults.keys().rev() {
                letters.letters.remove(*index);
            }
        }
        match letters.pdf() {
            Ok(pdf) => prop_assert!(pdf.pages >= letters.letters.len() && (!duplex || pdf.pages % 2 == 0)),
            Err(error) => prop_assert!(letters.letters.is_empty(), "{error}"),
        }
    }
}
