//! What several tests look at.

use std::process::Command;

use document::{Block, Document, Inline, Item, Language, List, Note, Rich, Value};
use quick_xml::Reader;
use quick_xml::events::Event;

/// A small document around some blocks.
pub fn around(language: Language, blocks: Vec<Block>) -> Document {
    Document { blocks, ..crate::sample::report(language) }
}

/// Every text that a reader must find, in order.
pub fn texts(document: &Document) -> Vec<String> {
    let mut out =
        vec![document.title.clone(), document.meta.number.clone(), document.meta.source_digest.clone()];
    for block in &document.blocks {
        match block {
            Block::Heading { text, .. } => out.push(text.clone()),
            Block::Paragraph(rich) => pieces(&mut out, rich, document.language),
            Block::List(list) => list_pieces(&mut out, list, document.language),
            Block::Note(Note { body, .. }) => {
                body.iter().for_each(|rich| pieces(&mut out, rich, document.language))
            }
            Block::Fields(fields) => {
                for field in fields {
                    out.extend([field.number.clone(), field.label.clone()]);
                    match &field.value {
                        Value::Choices(choices) => {
                            out.extend(choices.iter().map(|choice| choice.label.clone()))
                        }
                        value => pieces(&mut out, &value.to_rich(), document.language),
                    }
                }
            }
            Block::Table(table) => {
                out.extend(table.caption.clone());
                out.extend(table.columns.iter().map(|column| column.header.clone()));
                table.rows.iter().flatten().for_each(|cell| pieces(&mut out, cell, document.language));
            }
            Block::PageBreak => {}
        }
    }
    out
}

fn pieces(out: &mut Vec<String>, rich: &Rich, language: Language) {
    for inline in &rich.0 {
        match inline {
            Inline::Text(text)
            | Inline::Strong(text)
            | Inline::Emphasis(text)
            | Inline::Link { text, .. } => {
                out.push(text.clone());
            }
            Inline::Unknown { why } => out.push(language.unknown(why)),
        }
    }
}

fn list_pieces(out: &mut Vec<String>, list: &List, language: Language) {
    for Item { text, nested } in &list.items {
        pieces(out, text, language);
        if let Some(nested) = nested {
            list_pieces(out, nested, language);
        }
    }
}

/// Without white space, which forms may set as they need.
pub fn squeezed(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

/// Each text is found after the one before it.
pub fn assert_in_order(found: &str, wanted: &[String]) {
    let found = squeezed(found);
    let mut at = 0;
    for text in wanted {
        let text = squeezed(text);
        match found[at..].find(&text) {
            Some(offset) => at += offset + text.len(),
            None => panic!(
                "not found after byte {at}: {text}\nthere: {}",
                &found[at..].chars().take(200).collect::<String>()
            ),
        }
    }
}

/// An element with its attributes.
pub type Element = (String, Vec<(String, String)>);

/// Texts of the leaves of an XML document, and its elements by name with their attributes. Panics when it is not well-formed.
pub fn parsed(xml: &str) -> (String, Vec<Element>) {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let (mut text, mut elements, mut depth) = (String::new(), Vec::new(), 0);
    loop {
        let event =
            reader.read_event().unwrap_or_else(|error| panic!("{error} at {}", reader.error_position()));
        let start = match event {
            Event::Eof => break,
            Event::Start(start) => {
                depth += 1;
                start
            }
            Event::Empty(start) => start,
            Event::End(_) => {
                depth -= 1;
                continue;
            }
            Event::Text(piece) => {
                text.push_str(&piece);
                continue;
            }
            Event::GeneralRef(reference) => {
                let resolved = match &*reference {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "#39" => '\'',
                    other => panic!("an entity that nobody wrote: {other}"),
                };
                text.push(resolved);
                continue;
            }
            _ => continue,
        };
        let name = start.name().as_ref().to_owned();
        let attributes = start.attributes().map(|attribute| {
            let attribute = attribute.unwrap();
            (attribute.key.as_ref().to_owned(), attribute.value.into_owned())
        });
        elements.push((name, attributes.collect()));
    }
    assert_eq!(depth, 0, "elements that do not end");
    (text, elements)
}

/// What a program of poppler says of a PDF.
pub fn poppler(program: &str, arguments: &[&str], pdf: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pdf).unwrap();
    let mut command = Command::new(program);
    command.args(arguments).arg(file.path());
    if program == "pdftotext" {
        command.arg("-");
    }
    let output = command.output().unwrap_or_else(|error| {
        panic!("{program}: {error}; it comes with poppler-utils, which script/test installs")
    });
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
