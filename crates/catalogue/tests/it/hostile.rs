//! Files made to harm, and files that are merely broken.

use std::io::{Cursor, Write};

use catalogue::{ImportError, Limits, import};

use crate::{IPA_SHEET, workbook, write};

fn refused(bytes: &[u8], limits: &Limits) -> ImportError {
    import(bytes, limits).map(|copy| copy.notes).unwrap_err()
}

fn sheet() -> Vec<u8> {
    workbook(IPA_SHEET, |sheet| write(sheet, 2, 0, &["A.1.1.1", "大", "中", "小", "", "", "", "見本"]))
}

fn zip(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A sound workbook around the given XML of its sheet.
fn around(sheet: &str) -> Vec<u8> {
    let book = format!(
        "<workbook xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets>\
         <sheet name=\"{IPA_SHEET}\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
    );
    let relation = |kind: &str, target: &str| {
        format!(
            "<Relationships><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/\
             relationships/{kind}\" Target=\"{target}\"/></Relationships>"
        )
    };
    zip(&[
        ("_rels/.rels", relation("officeDocument", "xl/workbook.xml").as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relation("worksheet", "worksheets/sheet1.xml").as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

#[test]
fn what_is_no_copy_is_told_so() {
    for bytes in [&b""[..], b"hello", b"%PDF-1.7", b"\xEF\xBB\xBF", b"   "] {
        let error = refused(bytes, &Limits::default());
        assert_eq!(error.fault, "neither a workbook nor JSON", "{bytes:?}");
        assert!(error.remedy.contains("06_活用シート"));
    }
    let large = refused(&[b' '; 65], &Limits { file_bytes: 64, ..Limits::default() });
    assert_eq!(
        large.to_string(),
        "file: 65 bytes, more than 64; import the publisher's own file without pictures or other sheets"
    );
}

/// 80 MB of blanks in a file of 80 kB.
#[test]
fn a_zip_bomb_is_refused_before_it_is_read() {
    let bomb = zip(&[("xl/worksheets/sheet1.xml", &vec![b' '; 80 << 20])]);
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let error = refused(&bomb, &Limits::default());
    assert_eq!(error.fault, "the workbook unpacks to more than 67108864 bytes");
    // A size that lies: the central directory and the local header say one byte.
    let mut lying = bomb;
    let size = (80_u32 << 20).to_le_bytes();
    while let Some(at) = lying.windows(4).position(|window| window == size) {
        lying[at..at + 4].copy_from_slice(&1_u32.to_le_bytes());
    }
    let fault = refused(&lying, &Limits::default()).fault;
    assert!(fault.contains("unpacks to more") || fault.contains("not a readable .xlsx"), "{fault}");
    let many: Vec<(String, &[u8])> = (0..30).map(|at| (format!("{at}"), &b"x"[..])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(name, content)| (name.as_str(), *content)).collect();
    let error = refused(&zip(&many), &Limits { entries: 20, ..Limits::default() });
    assert_eq!(error.fault, "30 files within the workbook, more than 20");
}

/// Two cells at the far corners: laid out as a table they would need hundreds of gigabytes.
#[test]
fn far_apart_cells_cost_nothing() {
    let bytes = around(
        "<worksheet><sheetData><row r=\"1\"><c r=\"A1\"><v>1</v></c></row>\
         <row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row></sheetData></worksheet>",
    );
    assert!(
        refused(&bytes, &Limits::default()).fault.contains("no ids"),
        "a column beyond the sheet is passed over"
    );
    let bytes = around(
        "<worksheet><sheetData><row r=\"1048576\"><c r=\"A1048576\"><v>1</v></c></row></sheetData></worksheet>",
    );
    let error = refused(&bytes, &Limits::default()).to_string();
    assert_eq!(
        error,
        "sheet `非機能要求グレード活用シート`, row 1048576: a filled cell below row 10000; delete what stands below the table"
    );
}

/// Merged regions that together cover more than a sheet may have.
#[test]
fn merged_cells_are_limited() {
    let rows: String =
        (1..=300).map(|row| format!("<row r=\"{row}\"><c r=\"A{row}\"><v>1</v></c></row>")).collect();
    let merges = "<mergeCell ref=\"A1:BL300\"/>".repeat(100);
    let bytes = around(&format!(
        "<worksheet><sheetData>{rows}</sheetData><mergeCells>{merges}</mergeCells></worksheet>"
    ));
    assert!(refused(&bytes, &Limits::default()).fault.contains("more than 200000 filled or merged cells"));
}

/// The library for .xlsx panics on it; here it is a damaged file.
#[test]
fn a_dimension_that_ends_before_it_begins_is_an_error_or_nothing() {
    let bytes = around("<worksheet><dimension ref=\"C9:A1\"/><sheetData/></worksheet>");
    let error = refused(&bytes, &Limits::default()).to_string();
    assert!(error.contains("not a readable .xlsx") || error.contains("no ids"), "{error}");
}

#[test]
fn a_password_is_named() {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    file.create_stream("/EncryptedPackage").unwrap().write_all(b"x").unwrap();
    let error = refused(&file.into_inner().into_inner(), &Limits::default());
    assert_eq!(error.to_string(), "file: the workbook has a password; save it without one and import that");
}

fn xls(records: &[(u16, &[u8])]) -> Vec<u8> {
    let mut stream = Vec::new();
    for (kind, data) in records {
        stream.extend(kind.to_le_bytes());
        stream.extend(u16::try_from(data.len()).unwrap().to_le_bytes());
        stream.extend(*data);
    }
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    file.create_stream("/Workbook").unwrap().write_all(&stream).unwrap();
    file.into_inner().into_inner()
}

#[test]
fn old_locked_and_torn_xls_files_are_named() {
    let bof: (u16, &[u8]) = (0x0809, &[0, 6, 5, 0]);
    let limits = Limits::default();
    assert_eq!(refused(&xls(&[(0x0809, &[0, 5, 5, 0])]), &limits).fault, "a workbook of Excel 95 or older");
    assert_eq!(refused(&xls(&[bof, (0x2F, &[1, 0])]), &limits).fault, "the workbook has a password");
    assert_eq!(refused(&xls(&[]), &limits).fault, "no workbook within the file");
    assert!(
        refused(&xls(&[bof, (0x0A, &[])]), &limits).fault.starts_with("no sheet that is known; there are 0")
    );
    // A sheet that begins far behind the end of the file.
    let mut sheet = vec![0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 5, 1];
    sheet.extend("活用シート".encode_utf16().flat_map(u16::to_le_bytes));
    let error = refused(&xls(&[bof, (0x85, &sheet), (0x0A, &[])]), &limits);
    assert_eq!(error.fault, "the sheet lies outside the file");
    assert_eq!(refused(&xls(&[bof]), &limits).fault, "the workbook ends in the middle");
    let fixture = include_bytes!("../files/invented-ipa-sheet.xls");
    for length in (0..fixture.len()).step_by(997) {
        assert!(import(&fixture[..length], &limits).is_err(), "{length}");
    }
}

/// A sheet of an .xls file with these records between its beginning and its end.
fn xls_sheet(shared: &[u8], records: &[(u16, &[u8])]) -> Vec<u8> {
    let bof: (u16, &[u8]) = (0x0809, &[0, 6, 5, 0]);
    let name: Vec<u8> = "活用シート".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let sheet_at = u32::try_from(3 * 4 + 4 + bof.1.len() + 8 + name.len() + shared.len()).unwrap();
    let bound = [&sheet_at.to_le_bytes()[..], &[0, 0, 5, 1], &name].concat();
    let mut all = vec![bof, (0x85, &bound), (0xFC, shared), (0x0A, &[][..]), bof];
    all.extend(records);
    xls(&all)
}

#[test]
fn a_torn_xls_sheet_is_not_read_in_part() {
    let limits = Limits::default();
    let id: (u16, &[u8]) = (0x0204, b"\x02\0\0\0\0\0\x07\0\0A.1.1.1");
    let end: (u16, &[u8]) = (0x0A, &[]);
    let place = |error: ImportError| error.to_string();
    assert!(
        place(refused(&xls_sheet(&[], &[id, end]), &limits))
            .starts_with("sheet `活用シート`, row 3, column B: no name for A")
    );
    assert!(
        place(refused(&xls_sheet(&[], &[id]), &limits))
            .starts_with("sheet `活用シート`: the sheet ends in the middle")
    );
    let lost: (u16, &[u8]) = (0xFD, &[2, 0, 1, 0, 0, 0, 9, 0, 0, 0]);
    let error = place(refused(&xls_sheet(&[], &[id, lost, end]), &limits));
    assert!(
        error.starts_with("sheet `活用シート`, row 3, column B: its text is not in the file; open"),
        "{error}"
    );
    let short: (u16, &[u8]) = (0x0203, &[2, 0, 1, 0, 0, 0, 9]);
    let error = place(refused(&xls_sheet(&[], &[short, end]), &limits));
    assert!(error.contains("column B: the cell ends in the middle"), "{error}");
}

/// A text of 60 kB that 20,000 cells of 14 bytes name: over a gigabyte, were each of them kept.
#[test]
fn one_long_text_in_many_cells_is_refused() {
    let mut shared = vec![1, 0, 0, 0, 1, 0, 0, 0, 0x60, 0xEA, 0];
    shared.extend(vec![b' '; 60_000]);
    let cells: Vec<[u8; 10]> = (0..20_000_u16)
        .map(|cell| {
            let [low, high] = (cell / 64).to_le_bytes();
            [low, high, (cell % 64) as u8, 0, 0, 0, 0, 0, 0, 0]
        })
        .collect();
    let mut records: Vec<(u16, &[u8])> = cells.iter().map(|cell| (0xFD, &cell[..])).collect();
    records.push((0x0A, &[]));
    let error = refused(&xls_sheet(&shared, &records), &Limits::default());
    assert_eq!(error.fault, "more than 16777216 bytes of text, merged cells counted each time");
}

#[test]
fn torn_workbooks_and_documents_are_errors() {
    let whole = sheet();
    for length in (0..whole.len()).step_by(97) {
        assert!(import(&whole[..length], &Limits::default()).is_err(), "{length}");
    }
    let deep = format!("{{\"Requirements\":[{}", "{\"Shortcode\":\"V1\",\"Items\":[".repeat(100_000));
    assert!(refused(deep.as_bytes(), &Limits::default()).fault.contains("recursion limit"));
}

/// An error repeats little of a file, and nothing that could end a line of a log.
#[test]
fn errors_are_short_and_of_one_line() {
    let name = "x".repeat(31);
    let bytes = workbook(&name, |sheet| write(sheet, 0, 0, &["x"]));
    assert!(refused(&bytes, &Limits::default()).to_string().len() < 400);
    let id = format!("V1\n{}", "9".repeat(5_000));
    let document =
        serde_json::json!({ "Version": "5.0.0", "Requirements": [{ "Shortcode": id, "Name": "x" }] });
    let error = refused(document.to_string().as_bytes(), &Limits::default()).to_string();
    assert!(error.len() < 300 && !error.contains('\n'), "{error}");
}
