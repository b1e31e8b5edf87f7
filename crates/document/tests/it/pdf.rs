//! PDF as poppler reads it.

use document::{Block, Column, Field, Language, Rich, Table};

use crate::common::{around, assert_in_order, poppler, texts};
use crate::sample;

#[test]
fn every_text_is_on_the_pages_in_order() {
    for language in [Language::Ja, Language::En] {
        let document = sample::report(language);
        let pdf = document.clone().check().unwrap().pdf().unwrap();
        let found = poppler("pdftotext", &["-raw"], &pdf.bytes);
        let wanted: Vec<_> = texts(&document)
            .into_iter()
            // What the font lacks is shown otherwise; another test looks at it.
            .filter(|text| !text.contains('𠮷'))
            .collect();
        assert_in_order(&found, &wanted);
        // Each page says which document it is of, and which page.
        for (index, page) in found.split_terminator('\u{C}').enumerate() {
            assert!(page.contains(&document.meta.number), "{page}");
            assert!(page.contains(language.state(document.meta.state)));
            assert!(page.contains(&format!("{} / {}", index + 1, pdf.pages)), "{page}");
        }
    }
}

#[test]
fn it_is_tagged_titled_and_has_its_fonts() {
    let document = sample::report(Language::Ja);
    let pdf = document.clone().check().unwrap().pdf().unwrap();
    let info = poppler("pdfinfo", &[], &pdf.bytes);
    for line in [
        "Title: 個人データの漏えい等に関する報告書（速報）",
        "Tagged: yes",
        "Page size: 595.276 x 841.89 pts (A4)",
        "Pages: 4",
    ] {
        let (key, value) = line.split_once(": ").unwrap();
        let has = |line: &str| line.strip_prefix(&format!("{key}:")).is_some_and(|rest| rest.trim() == value);
        assert!(info.lines().any(has), "{line} in {info}");
    }
    assert_eq!(pdf.pages, 4);
    let fonts = poppler("pdffonts", &[], &pdf.bytes);
    let [_, _, font] = fonts.lines().collect::<Vec<_>>()[..] else { panic!("{fonts}") };
    assert!(font.contains("+BIZUDPGothic-Regular"), "a subset: {font}");
    assert!(font.contains("yes yes yes"), "embedded, subset, with Unicode: {font}");
    assert!(pdf.bytes.len() < 300_000, "{} bytes", pdf.bytes.len());

    let metadata = poppler("pdfinfo", &["-meta"], &pdf.bytes);
    for mark in [
        "<pdfuaid:part>1<",
        "<pdfaid:part>2<",
        "<pdfaid:conformance>A<",
        "<rdf:li>ja<",
        "2023-11-02T15:04:05+09:00",
    ] {
        assert!(metadata.contains(mark), "{mark} in {metadata}");
    }
}

#[test]
fn readers_programs_find_the_parts() {
    let pdf = sample::report(Language::En).check().unwrap().pdf().unwrap();
    let tree = poppler("pdfinfo", &["-struct-text"], &pdf.bytes);
    let mut at = 0;
    for part in [
        "H1 \"Notification of a personal data breach\"",
        "Table",
        "TBody",
        "TR",
        "TH",
        "TD",
        "H2 \"1. What happened\"",
        "P (block)",
        "Span (inline)",
        "Link (inline)",
        "Object",
        "H2 \"2. Notification under Article 33\"",
        "Table",
        "THead",
        "TR",
        "TH",
        "TBody",
        "TR",
        "TD",
        "TH",
        "H3",
        "L ",
        "LI",
        "Lbl",
        "LBody",
        "L ",
        "LI",
        "LBody",
        "L ",
        "Table",
        "Caption",
        "THead",
        "TBody",
    ] {
        let found = tree[at..].find(part);
        at += found.unwrap_or_else(|| panic!("{part} after {at} in\n{tree}")) + part.len();
    }
    // A header that is repeated on the next page is read once.
    assert_eq!(tree.matches("\"Entry\"").count(), 1);
}

#[test]
fn the_same_document_has_the_same_bytes() {
    for language in [Language::Ja, Language::En] {
        let render = || sample::report(language).check().unwrap().pdf().unwrap();
        assert_eq!(render(), render());
    }
}

#[test]
fn what_the_font_lacks_is_seen_and_told() {
    let blocks = vec![Block::paragraph("氏名：𠮷田 😀 👩‍👧 👩‍👧 e\u{301} カ\u{3099} 神\u{FA19} ⚠\u{FE0F} שלום")];
    let pdf = around(Language::Ja, blocks).check().unwrap().pdf().unwrap();
    let missing: Vec<_> =
        pdf.missing.iter().map(|entry| (entry.text.as_str(), entry.shown.as_str(), entry.count)).collect();
    assert!(missing.contains(&("👩‍👧", "〓", 2)), "{missing:?}");
    assert!(
        missing.contains(&("😀", "〓", 1))
            && missing.contains(&("𠮷", "〓", 1))
            && missing.contains(&("ש", "〓", 1))
    );
    assert!(
        !missing.iter().any(|(text, _, _)| ["é", "e\u{301}", "カ\u{3099}", "ガ", "\u{FA19}"].contains(text))
    );
    let text = poppler("pdftotext", &["-raw"], &pdf.bytes);
    assert!(text.contains("氏名：〓田 〓 〓 〓 é ガ 神"), "{text}");
    assert!(text.contains("U+20BB7 ×1") && text.contains("U+1F469 U+200D U+1F467 ×2"), "{text}");
}

#[test]
fn nothing_is_told_where_nothing_is_missing() {
    let pdf = around(Language::En, vec![Block::paragraph("Plain text – “quoted”.\u{200B}\u{AD}\u{FEFF}")])
        .check()
        .unwrap()
        .pdf()
        .unwrap();
    assert_eq!(pdf.missing, []);
    assert_eq!(pdf.pages, 1);
}

fn table(rows: usize, cell: &str) -> Table {
    let row = |index: usize| -> Vec<Rich> { vec![format!("row{index}").into(), cell.into()] };
    Table {
        caption: Some("caption".to_owned()),
        columns: vec![Column::new("first-header", 1), Column::number("second-header", 3)],
        rows: (0..rows).map(row).collect(),
        row_headers: false,
    }
}

#[test]
fn a_table_repeats_its_header_on_each_page() {
    let pdf = around(Language::En, vec![Block::Table(table(200, "x"))]).check().unwrap().pdf().unwrap();
    let text = poppler("pdftotext", &["-raw"], &pdf.bytes);
    assert!(pdf.pages > 4);
    assert_eq!(text.matches("first-header").count(), pdf.pages);
}

#[test]
fn a_header_never_stands_alone() {
    for filled in 20..60 {
        let mut blocks: Vec<_> = (0..filled).map(|index| Block::paragraph(format!("p{index}"))).collect();
        blocks.push(Block::Table(table(2, &"word ".repeat(90))));
        let pdf = around(Language::En, blocks).check().unwrap().pdf().unwrap();
        let text = poppler("pdftotext", &["-raw"], &pdf.bytes);
        for page in text.split_terminator('\u{C}').filter(|page| page.contains("first-header")) {
            assert!(page.contains("word word"), "{filled} paragraphs before it: {page}");
        }
    }
}

#[test]
fn a_row_that_is_longer_than_a_page_goes_on() {
    let words: String = (0..3_000).map(|index| format!("w{index} ")).collect();
    let pdf = around(Language::En, vec![Block::Table(table(3, &words))]).check().unwrap().pdf().unwrap();
    let text = poppler("pdftotext", &["-raw"], &pdf.bytes);
    let wanted: Vec<_> = (0..3).flat_map(|_| (0..3_000).map(|index| format!("w{index}\n"))).collect();
    // Words of three digits would be found within those of four, were the order wrong; in order each is found.
    assert_in_order(&text, &wanted);
    assert!(pdf.pages > 6, "{}", pdf.pages);
}

#[test]
fn pages_break_where_they_must_and_headings_stay_with_their_text() {
    let mut blocks =
        vec![Block::paragraph("one"), Block::PageBreak, Block::PageBreak, Block::paragraph("two")];
    for index in 0..40 {
        blocks.push(Block::heading(1, format!("Heading{index}")));
        blocks.push(Block::paragraph(format!("Text{index} ").repeat(60)));
    }
    let pdf = around(Language::En, blocks).check().unwrap().pdf().unwrap();
    let text = poppler("pdftotext", &["-raw"], &pdf.bytes);
    let pages: Vec<_> = text.split_terminator('\u{C}').collect();
    assert!(pages[0].contains("one") && pages[1].contains("two"), "two breaks in a row make one");
    for index in 0..40 {
        let page = pages.iter().find(|page| page.contains(&format!("Heading{index}\n"))).unwrap();
        assert!(page.contains(&format!("Text{index} ")), "{page}");
    }
}

#[test]
fn ten_thousand_rows_are_written() {
    let pdf = around(Language::Ja, vec![Block::Table(table(10_000, "担当者が確認した。"))])
        .check()
        .unwrap()
        .pdf()
        .unwrap();
    assert!(pdf.pages > 250, "{}", pdf.pages);
    assert!(pdf.bytes.len() < 20_000_000, "{}", pdf.bytes.len());
    // How long it takes is the bench's to say: on a machine that others use, a test could not.
}

#[test]
fn fields_of_any_length_are_shown() {
    let fields = vec![
        Field::new("", "label ".repeat(40).as_str(), "value ".repeat(4_000).as_str()),
        Field::new("n".repeat(200), "l", "v"),
    ];
    let pdf = around(Language::En, vec![Block::Fields(fields)]).check().unwrap().pdf().unwrap();
    let text = poppler("pdftotext", &["-raw"], &pdf.bytes);
    assert_eq!(text.matches("value").count(), 4_000);
}
