//! The sheet as CSV: columns where IPA has them, no cell that a spreadsheet would run.

use catalogue::export::{System, sheet_csv};
use catalogue::{Catalogue, Limits, ModelSystem, Scheme, import, shipped};

use crate::{IPA_SHEET, not_applicable, system, workbook, write};

fn table(system: &System, catalogue: &Catalogue) -> Vec<Vec<String>> {
    let bytes = sheet_csv(system, catalogue, None).unwrap();
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").expect("the mark that Excel looks for");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text);
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn every_item_has_its_row_and_every_row_its_columns() {
    let ipa = shipped(Scheme::IpaNfrg).unwrap();
    let rows = table(&system(), ipa);
    assert_eq!(rows.len(), 240);
    assert!(rows.iter().all(|row| row.len() == 45));
    let ids: Vec<&str> = rows[2..].iter().map(|row| row[0].as_str()).collect();
    assert_eq!(ids, ipa.items().iter().map(|item| item.id.as_str()).collect::<Vec<_>>());
    assert_eq!(
        (rows[1][0].as_str(), rows[1][7].as_str(), rows[1][16].as_str()),
        ("項番", "メトリクス", "モデル1の選択レベル")
    );
    let row = |id: &str| rows.iter().find(|row| row[0] == id).unwrap();
    let of = |id: &str, heading: &str| {
        let column = rows[1].iter().position(|name| name == heading).unwrap();
        row(id)[column].as_str()
    };
    assert_eq!(&row("B.4.3.1")[1..4], ["性能・拡張性", "性能の保証", "急な負荷への対応"]);
    assert_eq!(
        (of("B.4.3.1", "充足"), of("B.4.3.1", "状態"), of("B.4.3.1", "要件")),
        ("不適合", "fail", "NFR-CAP-001")
    );
    assert_eq!(
        (of("A.1.1.1", "同じ項目"), of("A.1.1.1", "選択レベル"), of("A.1.1.1", "重要項目")),
        ("C.1.1.1", "5", "○")
    );
    assert_eq!(of("C.1.1.1", "要件"), "NFR-KEY-001");
    assert_eq!((of("E.7.1.1", "充足"), of("E.7.1.1", "状態")), ("例外中", "excepted"));
    assert_eq!(of("E.6.1.3", "充足"), "参照のみ");
    assert_eq!((of("D.1.1.1", "充足"), of("D.1.1.1", "要件")), ("要件なし", ""));
    assert_eq!(
        of("E.7.1.1", "例外"),
        "2024-03-31T15:00:00Z: =the old system has no log (compliance_officer)"
    );
}

#[test]
fn why_an_item_does_not_apply_stands_in_its_row() {
    let mut system = system();
    system.not_applicable = vec![not_applicable("ipa-nfrg@2018:F.3")];
    let rows = table(&system, shipped(Scheme::IpaNfrg).unwrap());
    let of = |id: &str, heading: &str| {
        let column = rows[1].iter().position(|name| name == heading).unwrap();
        rows.iter().find(|row| row[0] == id).unwrap()[column].clone()
    };
    assert_eq!(of("F.3.1.1", "充足"), "対象外");
    assert_eq!(
        of("F.3.1.1", "対象外の理由"),
        "'=音声も映像もない。\nThere is neither sound nor video.\nipa-nfrg@2018:F.3 (security)"
    );
    assert_eq!(
        (of("D.1.1.1", "充足"), of("D.1.1.1", "対象外の理由")),
        ("要件なし".to_owned(), String::new())
    );
}

#[test]
fn lines_of_several_requirements_stay_in_order() {
    let mut system = system();
    let mut second = system.requirements[1].clone();
    second.name = "NFR-CAP-002".into();
    second.statement.ja = "二行の\r\n文".into();
    second.evidence.clear();
    system.requirements.push(second);
    let rows = table(&system, shipped(Scheme::IpaNfrg).unwrap());
    let row = rows.iter().find(|row| row[0] == "B.4.3.1").unwrap();
    let lines = |heading: &str| -> Vec<String> {
        let column = rows[1].iter().position(|name| name == heading).unwrap();
        row[column].split('\n').map(str::to_owned).collect()
    };
    assert_eq!(lines("要件"), ["NFR-CAP-001", "NFR-CAP-002"]);
    assert_eq!(lines("要件文(日)"), ["NFR-CAP-001を守る。", "二行の 文"]);
    assert_eq!(lines("状態"), ["fail", "unchecked"]);
    assert_eq!(lines("最新の証跡"), ["2023-10-27T00:00:00Z", "—"]);
    assert_eq!(lines("例外"), [""]);
}

#[test]
fn formulas_are_quoted_and_bytes_are_rfc_4180() {
    let mut system = system();
    system.requirements[1].name = "=HYPERLINK(\"http://x\",\"y\"),z".into();
    system.requirements[1].metric = "＋1".into();
    let ipa = shipped(Scheme::IpaNfrg).unwrap();
    let rows = table(&system, ipa);
    let row = rows.iter().find(|row| row[0] == "B.4.3.1").unwrap();
    assert!(row.contains(&"'=HYPERLINK(\"http://x\",\"y\"),z".to_owned()));
    assert!(row.contains(&"'＋1".to_owned()));
    let text = String::from_utf8(sheet_csv(&system, ipa, None).unwrap()).unwrap();
    assert!(text.contains(",\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\"),z\","));
    assert!(text.ends_with("\r\n"));
}

/// What was imported goes out in the columns it came from.
#[test]
fn an_imported_copy_keeps_its_words_and_places() {
    let bytes = workbook(IPA_SHEET, |sheet| {
        write(sheet, 1, 15, &["備考"]);
        write(
            sheet,
            2,
            0,
            &[
                "A.1.5.1",
                "大",
                "中",
                "小",
                "見本の説明",
                "",
                "",
                "-見本",
                "零",
                "一",
                "",
                "",
                "",
                "五",
                "",
                "備考",
            ],
        );
        for (column, level) in [(16, 2.0), (19, 4.0), (22, 5.0)] {
            sheet.write_number(2, column, level).unwrap();
        }
    });
    let copy = import(&bytes, &Limits::default()).unwrap().catalogue;
    let rows = table(&system(), &copy);
    assert_eq!(rows.len(), 3);
    assert_eq!(
        rows[2][..25],
        [
            "A.1.5.1",
            "大",
            "中",
            "小",
            "見本の説明",
            "",
            "",
            "'-見本",
            "零",
            "一",
            "",
            "",
            "",
            "五",
            "",
            "",
            "2",
            "",
            "",
            "4",
            "",
            "",
            "5",
            "",
            ""
        ]
    );
    assert_eq!(rows[2][25], "備考");
    let middle = sheet_csv(&system(), &copy, Some(ModelSystem::Middle)).unwrap();
    assert!(String::from_utf8(middle).unwrap().contains(",一部,"));
}
