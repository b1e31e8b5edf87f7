//! HTML that anybody can read.

use document::{Block, Column, Inline, Language, Rich, Table};

use crate::common::{around, assert_in_order, parsed, texts};
use crate::sample;

#[test]
fn the_report_as_html() {
    for language in [Language::Ja, Language::En] {
        let html = sample::report(language).check().unwrap().html();
        // The style is looked at in a browser, not here.
        let (head, rest) = html.split_once("<style>").unwrap();
        let (_, body) = rest.split_once("</style>").unwrap();
        insta::assert_snapshot!(format!("html_{}", language.tag()), format!("{head}<style/>{body}"));
    }
}

#[test]
fn everything_is_in_it_and_nothing_is_fetched() {
    for language in [Language::Ja, Language::En] {
        let document = sample::report(language);
        let html = document.clone().check().unwrap().html();
        let (text, elements) = parsed(&html);
        assert_in_order(&text, &texts(&document));
        for (element, attributes) in &elements {
            for (name, value) in attributes {
                assert_ne!(name, "src", "{element}");
                assert!(!name.starts_with("on"), "{element} {name}");
                if name == "href" {
                    assert_eq!(element, "a");
                    assert!(value.starts_with('#') || value.starts_with("https://example."), "{value}");
                }
            }
        }
        assert!(!html.contains("url(") && !html.contains("@import") && !html.contains("<script"));
    }
}

#[test]
fn readers_programs_find_language_headings_and_headers_of_tables() {
    let html = sample::report(Language::Ja).check().unwrap().html();
    let (_, elements) = parsed(&html);
    let attribute = |name: &str, key: &str| -> Vec<Option<String>> {
        let of_name = elements.iter().filter(|(element, _)| element == name);
        of_name
            .map(|(_, all)| all.iter().find(|(own, _)| own == key).map(|(_, value)| value.clone()))
            .collect()
    };
    assert_eq!(attribute("html", "lang"), [Some("ja".to_owned())]);
    assert!(attribute("th", "scope").iter().all(|scope| matches!(scope.as_deref(), Some("col" | "row"))));
    let levels = elements.iter().filter_map(|(name, _)| match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ => None,
    });
    let mut last = 0;
    for level in levels {
        assert!(level <= last + 1, "a heading of level {level} after {last}");
        last = level;
    }
    assert_eq!(elements.iter().filter(|(name, _)| name == "h1").count(), 1);
}

#[test]
fn every_value_is_escaped() {
    let evil = "</td><script>alert('x')</script>\" onload=\"x&amp;\u{202E}";
    let document = around(
        Language::En,
        vec![
            Block::heading(1, evil),
            Block::paragraph(Rich(vec![
                Inline::Text(evil.into()),
                Inline::Strong(evil.into()),
                Inline::Emphasis(evil.into()),
                Inline::Unknown { why: evil.into() },
                Inline::Link { text: evil.into(), href: "https://example.org/?a='b'&c=%22".into() },
            ])),
            Block::Table(Table {
                caption: Some(evil.into()),
                columns: vec![Column::new(evil, 1)],
                rows: vec![vec![evil.into()]],
                row_headers: true,
            }),
        ],
    );
    let html = document.check().unwrap().html();
    let (text, elements) = parsed(&html);
    assert!(!elements.iter().any(|(name, _)| name == "script"));
    assert!(text.contains("</td><script>alert('x')</script>\" onload=\"x&amp;\u{FFFD}"));
    assert!(html.contains("href=\"https://example.org/?a=&#39;b&#39;&amp;c=%22\""));
}

#[test]
fn a_table_without_rows_says_so() {
    for (language, words) in [(Language::Ja, "該当する記載なし"), (Language::En, "No entries")] {
        let table =
            Table { caption: None, columns: vec![Column::new("a", 1); 3], rows: vec![], row_headers: false };
        let sheet = around(language, vec![Block::Table(table), Block::Fields(vec![])]).check().unwrap();
        assert!(sheet.html().contains(&format!("<td colspan=\"3\">{words}</td>")));
        assert!(sheet.text().contains(words));
    }
}
