//! IPA's sheet, invented: as .xlsx built here, and as an .xls file of Excel 97 that lies in `tests/files`.

use catalogue::{ImportError, Imported, Limits, ModelSystem, Origin, Place, Scheme, import};

use crate::{IPA_SHEET, merge, workbook, write};

fn read(bytes: &[u8]) -> Imported {
    import(bytes, &Limits::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(bytes: &[u8]) -> ImportError {
    import(bytes, &Limits::default()).map(|copy| copy.notes).unwrap_err()
}

fn sheet() -> Vec<u8> {
    workbook(IPA_SHEET, |sheet| {
        write(sheet, 0, 0, &["見本の見出し"]);
        write(
            sheet,
            1,
            0,
            &[
                "項番",
                "大",
                "中",
                "小",
                "説明",
                "",
                "",
                "メトリクス",
                "0",
                "1",
                "2",
                "3",
                "4",
                "5",
                "",
                "備考",
            ],
        );
        merge(sheet, (2, 4), 1, "可の見本");
        merge(sheet, (2, 4), 2, "続の見本");
        merge(sheet, (2, 3), 3, "運用の見本");
        write(
            sheet,
            2,
            0,
            &["A.1.1.1", "", "", "", "見本の説明", "", "", "見本の通常", "無し", "半日", "終日"],
        );
        for (column, level) in [(16, 1.0), (19, 2.0), (22, 5.0)] {
            sheet.write_number(2, column, level).unwrap();
        }
        // The other spellings: full-width, level as text, a dash, a level out of range.
        write(sheet, 3, 0, &["Ａ．１．１．２", "", "", "", "", "", "", "見本の特別"]);
        write(sheet, 3, 15, &["備考の見本", "２", "", "", "－", "", "", "9"]);
        // No merge for the names of this group: taken from above.
        write(sheet, 4, 0, &["A.1.2.1", "", "", "業務の見本", "", "", "", "見本の業務"]);
        write(sheet, 5, 0, &["A.1.2.2", "", "", "", "", "", "", "見本の切替"]);
        write(sheet, 6, 0, &["B.4.1.1", "性の見本", "質の見本", "帯の見本", "", "", "", "見本の帯域"]);
        write(sheet, 7, 0, &["B.4.1.2", "", "", "専の見本", "", "", "", "見本の専有"]);
        write(sheet, 9, 0, &["(c) 見本の権利者"]);
        write(sheet, 10, 7, &["番号のないメトリクス"]);
    })
}

#[test]
fn a_sheet_is_read_with_its_merged_cells_and_variants() {
    let copy = read(&sheet());
    let catalogue = &copy.catalogue;
    assert_eq!(
        (catalogue.scheme(), catalogue.version(), catalogue.origin()),
        (Scheme::IpaNfrg, "2018", Origin::Imported)
    );
    let ids: Vec<&str> = catalogue.items().iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["A.1.1.1", "A.1.1.2", "A.1.2.1", "A.1.2.2", "B.4.1.1", "B.4.1.2"]);
    let names = |id: &str| -> Vec<String> {
        let item = catalogue.item(id).unwrap();
        catalogue.path(item).iter().map(|group| group.name.clone().unwrap()).collect()
    };
    assert_eq!(names("A.1.1.2"), ["可の見本", "続の見本", "運用の見本"]);
    assert_eq!(names("A.1.2.2"), ["可の見本", "続の見本", "業務の見本"]);
    assert_eq!(names("B.4.1.1"), ["性の見本", "質の見本", "帯の見本"]);
    assert_eq!(names("B.4.1.2"), ["性の見本", "質の見本", "専の見本"]);

    let first = catalogue.item("A.1.1.1").unwrap();
    let text = first.text.as_ref().unwrap();
    assert_eq!((text.name.as_str(), text.description.as_deref()), ("見本の通常", Some("見本の説明")));
    assert_eq!(
        text.levels,
        [Some("無し".into()), Some("半日".into()), Some("終日".into()), None, None, None]
    );
    assert_eq!(text.models, [Some(1), Some(2), Some(5)]);
    assert_eq!(text.model_level(ModelSystem::High), Some(5));
    assert!(first.important);
    // Our own words stay beside the copy's.
    assert_eq!(first.label.as_ref().map(|label| label.en.as_str()), Some("Service hours on ordinary days"));

    let second = catalogue.item("A.1.1.2").unwrap().text.as_ref().unwrap();
    assert_eq!((second.models, second.note.as_deref()), ([Some(2), None, None], Some("備考の見本")));
    assert!(!catalogue.item("B.4.1.1").unwrap().important);
    assert_eq!(catalogue.same_as("A.1.1.1"), ["A.1.1.1"], "the other half of the pair is not in this copy");
}

#[test]
fn what_was_left_out_is_said_with_its_place() {
    let notes: Vec<String> = read(&sheet()).notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "sheet `非機能要求グレード活用シート`, row 4, column W: `9` is not a level 0 to 5; taken as none",
            "sheet `非機能要求グレード活用シート`, row 10, column A: `(c) 見本の権利者` is not an id like A.1.1.1; the row was left out",
            "sheet `非機能要求グレード活用シート`, row 11, column A: `` is not an id like A.1.1.1; the row was left out",
        ]
    );
}

#[test]
fn the_copy_is_compared_with_the_edition() {
    let comparison = read(&sheet()).comparison;
    assert_eq!(comparison.missing.len(), 232);
    assert_eq!(comparison.missing[0], "A.1.1.3");
    assert!(comparison.unknown.is_empty());
    assert_eq!(comparison.importance, ["A.1.2.1", "A.1.2.2"]);
    let added = workbook(IPA_SHEET, |sheet| {
        write(sheet, 2, 0, &["F.9.9.9", "大", "中", "小", "", "", "", "見本"]);
    });
    assert_eq!(read(&added).comparison.unknown, ["F.9.9.9"]);
}

/// Excel 97 to 2003, with shared strings that run on over several records, numbers, merged cells and a second sheet.
#[test]
fn an_xls_is_read_alike() {
    let copy = read(include_bytes!("../files/invented-ipa-sheet.xls"));
    let catalogue = &copy.catalogue;
    let ids: Vec<&str> = catalogue.items().iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["A.1.1.1", "A.1.1.2", "A.1.2.1", "B.4.3.1"]);
    let text = |id: &str| catalogue.item(id).unwrap().text.clone().unwrap();
    assert_eq!(text("A.1.1.1").models, [Some(1), Some(2), Some(2)]);
    assert_eq!(text("A.1.1.2").models, [Some(0), Some(1), Some(1)]);
    assert_eq!(text("A.1.2.1").models, [None, Some(2), Some(3)]);
    assert_eq!(text("A.1.1.2").levels[..3], [Some("無し".into()), Some("一日".into()), None]);
    assert_eq!(text("A.1.1.2").description.map(|text| text.chars().count()), Some(10_000));
    assert_eq!(text("B.4.3.1").levels[3].as_deref(), Some("別の機械"));
    let names: Vec<_> =
        catalogue.path(&catalogue.items()[1]).iter().map(|group| group.name.clone().unwrap()).collect();
    assert_eq!(names, ["可の見本", "続の見本", "運用の見本"]);
    assert_eq!(copy.notes.len(), 1, "{:?}", copy.notes);
}

#[test]
fn a_sheet_whose_name_differs_a_little_is_found() {
    for name in ["活用シート", "非機能要求グレード 活用シート", "改_非機能要求グレード活用シート"]
    {
        let bytes =
            workbook(name, |sheet| write(sheet, 2, 0, &["A.1.1.1", "大", "中", "小", "", "", "", "見本"]));
        assert_eq!(read(&bytes).catalogue.items().len(), 1, "{name}");
    }
}

#[test]
fn errors_name_sheet_row_column_and_remedy() {
    let other = refused(&workbook("表紙", |sheet| write(sheet, 0, 0, &["x"])));
    assert_eq!(other.place, Place::File);
    assert_eq!(
        other.to_string(),
        "file: no sheet that is known; there are 1 sheets: 表紙; the sheet is called 「非機能要求グレード活用シート」 in IPA's \
         file and 「Ver.4.0」 in secreq 4.0; give it that name"
    );

    let empty = refused(&workbook(IPA_SHEET, |sheet| write(sheet, 1, 0, &["項番"])));
    let place = Place::Cell { sheet: IPA_SHEET.into(), row: 3, column: 0 };
    assert_eq!((empty.place, empty.fault.as_str()), (place, "no ids like A.1.1.1 in this column"));

    let nameless = refused(&workbook(IPA_SHEET, |sheet| {
        write(sheet, 2, 0, &["A.1.1.1", "大", "", "小", "", "", "", "見本"]);
    }));
    assert_eq!(
        nameless.to_string(),
        "sheet `非機能要求グレード活用シート`, row 3, column C: no name for A.1, and none in a row above to take over; write the \
         name of the group into its first row"
    );

    let twice = refused(&workbook(IPA_SHEET, |sheet| {
        for row in [2, 5] {
            write(sheet, row, 0, &["A.1.1.1", "大", "中", "小", "", "", "", "見本"]);
        }
    }));
    assert_eq!(
        twice.to_string(),
        "sheet `非機能要求グレード活用シート`, row 6, column A: the id A.1.1.1 stands in row 3 already; delete one of the two rows or \
         correct its id"
    );
}
