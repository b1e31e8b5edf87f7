//! Any bytes as a copy of a catalogue, bare or inside a sound container: a copy is read or refused with a place and a remedy.
#![no_main]

use std::io::{Cursor, Write};
use std::sync::Once;

use catalogue::{Catalogue, Limits, import};
use libfuzzer_sys::fuzz_target;

const WORKBOOK: &str = r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="非機能要求グレード活用シート" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
const RELATIONS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;
const PACKAGE: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;

/// A zipped workbook, of whose parts one is `data`.
fn zipped(selector: u8, data: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let parts: [(&str, &[u8]); 6] = [
        ("_rels/.rels", PACKAGE.as_bytes()),
        ("xl/worksheets/sheet1.xml", b"<worksheet><sheetData/></worksheet>"),
        ("xl/sharedStrings.xml", b"<sst/>"),
        ("xl/styles.xml", b"<styleSheet/>"),
        ("xl/workbook.xml", WORKBOOK.as_bytes()),
        ("xl/_rels/workbook.xml.rels", RELATIONS.as_bytes()),
    ];
    for (at, (name, content)) in parts.into_iter().enumerate() {
        let content = if at == 1 + usize::from(selector) % 5 { data } else { content };
        writer.start_file(name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn compound(data: &[u8]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    file.create_stream("/Workbook").unwrap().write_all(data).unwrap();
    file.into_inner().into_inner()
}

/// A panic of the library for .xlsx is caught in the engine; only one that comes as far as this file is a finding.
static HOOK: Once = Once::new();

fuzz_target!(|data: &[u8]| {
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            if info.location().is_none_or(|at| !at.file().contains("calamine")) {
                eprintln!("{info}");
            }
        }))
    });
    let Some((selector, data)) = data.split_first() else { return };
    let bytes = match selector % 8 {
        0..=1 => data.to_vec(),
        2..=3 => compound(data),
        _ => zipped(*selector / 8, data),
    };
    let limits = Limits { unpacked_bytes: 1 << 20, cells: 5_000, rows: 1_000, ..Limits::default() };
    match import(&bytes, &limits) {
        Ok(copy) => {
            assert!(!copy.catalogue.items().is_empty());
            for item in copy.catalogue.items() {
                assert_eq!(copy.catalogue.item(&item.id), Some(item));
                assert!(!copy.catalogue.path(item).is_empty());
            }
            assert!(copy.notes.len() <= limits.notes + 1);
            if let Ok(text) = copy.catalogue.keep() {
                let kept = Catalogue::kept(&text).unwrap();
                assert_eq!(kept.groups(), copy.catalogue.groups());
                assert_eq!(kept.keep().unwrap(), text);
            }
        }
        Err(error) => {
            assert!(!error.remedy.is_empty() && !error.fault.is_empty());
            assert!(error.to_string().len() < 2_000, "{error}");
        }
    }
});
