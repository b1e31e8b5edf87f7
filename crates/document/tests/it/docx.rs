//! DOCX that word processors open without repair.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use document::{Block, Language};

use crate::common::{Element, around, assert_in_order, parsed, texts};
use crate::sample;

fn parts(docx: &[u8]) -> BTreeMap<String, String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(docx)).unwrap();
    let mut parts = BTreeMap::new();
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).unwrap();
        let mut content = String::new();
        part.read_to_string(&mut content).unwrap();
        parts.insert(part.name().unwrap().into_owned(), content);
    }
    parts
}

#[test]
fn every_part_is_well_formed_named_and_found() {
    for language in [Language::Ja, Language::En] {
        let parts = parts(&sample::report(language).check().unwrap().docx());
        let types = &parts["[Content_Types].xml"];
        for (name, content) in &parts {
            parsed(content);
            assert!(
                name.ends_with(".rels") || name.starts_with('[') || types.contains(&format!("\"/{name}\"")),
                "{name}"
            );
        }
        let (_, relationships) = parsed(&parts["word/_rels/document.xml.rels"]);
        let of = |key: &str| {
            let attributes = relationships.iter().flat_map(|(_, attributes)| attributes);
            attributes.filter(|(name, _)| name == key).map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        for target in of("Target") {
            assert!(
                target.starts_with("https://") || parts.contains_key(&format!("word/{target}")),
                "{target}"
            );
        }
        // Every id, style and list that is used is there.
        let (_, elements) = parsed(&parts["word/document.xml"]);
        let (_, styles) = parsed(&parts["word/styles.xml"]);
        let (_, lists) = parsed(&parts["word/numbering.xml"]);
        let has = |all: &[Element], key: &str, wanted: &str| {
            all.iter()
                .flat_map(|(_, attributes)| attributes)
                .any(|(name, value)| name == key && value == wanted)
        };
        for (element, attributes) in &elements {
            for (name, value) in attributes {
                match (element.as_str(), name.as_str()) {
                    (_, "r:id") => assert!(of("Id").contains(value), "{value}"),
                    ("w:pStyle" | "w:rStyle" | "w:tblStyle", _) => {
                        assert!(has(&styles, "w:styleId", value), "{value}")
                    }
                    ("w:numId", _) => assert!(has(&lists, "w:numId", value), "{value}"),
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn every_text_is_in_it_in_order_and_what_is_unknown_is_highlighted() {
    for language in [Language::Ja, Language::En] {
        let document = sample::report(language);
        let parts = parts(&document.clone().check().unwrap().docx());
        let (text, elements) = parsed(&parts["word/document.xml"]);
        assert_in_order(&text, &texts(&document));
        let count = |name: &str| elements.iter().filter(|(element, _)| element == name).count();
        let unknown = texts(&document).iter().filter(|text| text.starts_with(['【', '['])).count();
        assert_eq!(count("w:highlight"), unknown);
        assert_eq!(count("w:tbl"), 3);
        assert_eq!(count("w:tblHeader"), 2);
        assert!(parts["word/header1.xml"].contains(&document.meta.number));
        assert!(parts["word/header1.xml"].contains(language.state(document.meta.state)));
    }
}

#[test]
fn the_same_document_has_the_same_bytes() {
    let document = sample::report(Language::Ja);
    assert_eq!(document.clone().check().unwrap().docx(), document.check().unwrap().docx());
}

#[test]
fn lists_count_for_themselves_and_pages_break() {
    let blocks = vec![Block::numbered(["a", "b"]), Block::PageBreak, Block::numbered(["c"])];
    let parts = parts(&around(Language::En, blocks).check().unwrap().docx());
    let body = &parts["word/document.xml"];
    assert!(body.contains("<w:numId w:val=\"1\"/>") && body.contains("<w:numId w:val=\"2\"/>"));
    assert!(body.contains("<w:br w:type=\"page\"/>"));
    assert_eq!(parts["word/numbering.xml"].matches("<w:num ").count(), 2);
}
