//! Secreq 4.0, invented: numbers in front of the words, or in a column of their own.

use catalogue::{Imported, Limits, Obligation, Scheme, import};
use rust_xlsxwriter::Format;

use crate::{merge, workbook, write};

fn read(bytes: &[u8]) -> Imported {
    import(bytes, &Limits::default()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn requirements_stand_under_their_headings() {
    let copy = read(&workbook("Ver.4.0", |sheet| {
        write(sheet, 0, 0, &["見本の題"]);
        write(sheet, 2, 0, &["項目", "見出し", "要件", "備考", "必須可否"]);
        merge(sheet, (3, 5), 0, "7 その他の見本");
        merge(sheet, (3, 4), 1, "7.9 見本の制御");
        write(sheet, 3, 2, &["7.9.1 見本の要件", "見本の備考", "必須"]);
        write(sheet, 4, 2, &["７．９．２　見本の要件", "", "推　奨"]);
        write(sheet, 5, 1, &["7.10 見本の設定", "7.10.1見本", "", "任意"]);
        write(sheet, 6, 2, &["番号なし"]);
    }));
    let catalogue = &copy.catalogue;
    assert_eq!((catalogue.scheme(), catalogue.version()), (Scheme::OwaspSecreqJa, "4.0"));
    let seen: Vec<_> = catalogue
        .items()
        .iter()
        .map(|item| {
            let text = item.text.as_ref().unwrap();
            let path: Vec<&str> = catalogue.path(item).iter().map(|group| group.id.as_str()).collect();
            (item.id.as_str(), text.name.as_str(), text.note.as_deref(), item.obligation, path.join(" "))
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("7.9.1", "見本の要件", Some("見本の備考"), Some(Obligation::Must), "7 7.9".to_owned()),
            ("7.9.2", "見本の要件", None, Some(Obligation::Should), "7 7.9".to_owned()),
            ("7.10.1", "見本", None, None, "7 7.10".to_owned()),
        ]
    );
    assert_eq!(catalogue.item("7.9.1").unwrap().label.as_ref().unwrap().en, "Personal data is not cached");
    assert!(catalogue.item("7.9.2").unwrap().label.is_none());
    let notes: Vec<String> = copy.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "sheet `Ver.4.0`, row 6, column E: `任意` is neither 必須 nor 推奨; taken as neither",
            "sheet `Ver.4.0`, row 7, column C: `番号なし` does not begin with a number like 7.9.1; left out",
        ]
    );
    assert!(copy.comparison.unknown.is_empty(), "the shipped ids are not all there are");
    assert!(copy.comparison.missing.contains(&"8.1.3".to_owned()));
}

/// A requirement may begin with a digit, which is not its number's.
#[test]
fn digits_after_the_number_are_words() {
    let copy = read(&workbook("Ver.4.0", |sheet| {
        write(sheet, 0, 0, &["項目", "見出し", "要件"]);
        write(sheet, 1, 0, &["1 見本", "1.3 見本", "1.3.1 8文字の見本"]);
        write(sheet, 2, 2, &["１．３．２．　９文字の見本"]);
    }));
    let seen: Vec<_> = copy
        .catalogue
        .items()
        .iter()
        .map(|item| (item.id.as_str(), item.text.as_ref().unwrap().name.as_str()))
        .collect();
    assert_eq!(seen, [("1.3.1", "8文字の見本"), ("1.3.2", "９文字の見本")]);
}

#[test]
fn a_number_may_have_a_column_of_its_own() {
    let copy = read(&workbook("Ver.4.0", |sheet| {
        sheet.merge_range(0, 0, 0, 1, "項目", &Format::new()).unwrap();
        sheet.merge_range(0, 2, 0, 3, "見出し", &Format::new()).unwrap();
        sheet.merge_range(0, 4, 0, 5, "要件", &Format::new()).unwrap();
        write(sheet, 0, 6, &["備考", "必須可否"]);
        write(sheet, 1, 0, &["1", "見本の項目", "1.1", "見本の見出し", "1.1.1", "見本の要件", "", "必須"]);
    }));
    let item = &copy.catalogue.items()[0];
    assert_eq!((item.id.as_str(), item.text.as_ref().unwrap().name.as_str()), ("1.1.1", "見本の要件"));
    assert_eq!(copy.catalogue.groups()[1].name.as_deref(), Some("見本の見出し"));
}

#[test]
fn errors_name_the_place_and_the_remedy() {
    let refused = |fill: &dyn Fn(&mut rust_xlsxwriter::Worksheet)| {
        let bytes = workbook("Ver.4.0", |sheet| fill(sheet));
        import(&bytes, &Limits::default()).map(|copy| copy.notes).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&|sheet| write(sheet, 0, 0, &["項目", "見出し"])),
        "sheet `Ver.4.0`, row 1: no row with 項目, 見出し and 要件 within the first 50; leave the headings of the sheet as they were"
    );
    assert_eq!(
        refused(&|sheet| write(sheet, 0, 0, &["項目", "見出し", "要件"])),
        "sheet `Ver.4.0`, row 1: no requirements below the headings; import the publisher's own file; each requirement begins with \
         its number, like 7.9.1"
    );
    assert_eq!(
        refused(&|sheet| {
            write(sheet, 0, 0, &["項目", "見出し", "要件"]);
            write(sheet, 1, 0, &["1 x", "1.1 y", "1.2.1 z"]);
        }),
        "sheet `Ver.4.0`, row 2, column B: no heading 1.2 in this row or above; write number and words of the heading into its first \
         row"
    );
    assert_eq!(
        refused(&|sheet| {
            write(sheet, 0, 0, &["項目", "見出し", "要件"]);
            write(sheet, 1, 0, &["1 x", "1.1 y", "1.1.1 z"]);
            write(sheet, 2, 2, &["1.1.1 z"]);
        }),
        "sheet `Ver.4.0`, row 3, column C: the number 1.1.1 stands in row 2 already; delete one of the two rows or correct its number"
    );
}
