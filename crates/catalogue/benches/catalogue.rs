//! Reading a copy, comparing, exporting. `cargo bench -p catalogue`.

use catalogue::coverage::{Citation, Status, coverage};
use catalogue::export::{
    Cited, Evidence, Op, Requirement, System, Text, Threshold, Value, cyclonedx, sheet_csv,
};
use catalogue::{Catalogue, Limits, Obligation, Relation, Scheme, import, shipped};
use divan::{Bencher, black_box};
use jiff::Timestamp;
use rust_xlsxwriter::Workbook;

#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

fn ipa() -> &'static Catalogue {
    shipped(Scheme::IpaNfrg).expect("the IPA grade is shipped")
}

/// A sheet as large as IPA's: 238 rows with texts of the length that its levels have.
fn sheet() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.set_name("非機能要求グレード活用シート").expect("a name of 14 characters");
    for (row, item) in (2..).zip(ipa().items()) {
        let texts = [item.id.as_str(), "大", "中", "小"]
            .into_iter()
            .zip(0..)
            .chain((4..16).map(|column| ("見本の文。", column)));
        for (text, column) in texts {
            sheet
                .write_string(row, column, text.repeat(if column > 3 { 8 } else { 1 }))
                .expect("within the sheet");
        }
        sheet.write_number(row, 16, 2.0).expect("within the sheet");
    }
    workbook.save_to_buffer().expect("a workbook of plain cells")
}

/// Requirements that cite three items each.
fn system(count: usize) -> System {
    let at = Timestamp::from_second(1_700_000_000).expect("within range");
    let requirements = (0..count).map(|number| Requirement {
        name: format!("NFR-{number:04}"),
        statement: Text { ja: "見本の要件を守る。".into(), en: "The sample is kept.".into() },
        target: "system".into(),
        metric: "something".into(),
        threshold: Threshold { op: Op::Lte, value: Value::Number(1.0), unit: "s".into() },
        obligation: Obligation::Must,
        citations: (0..3)
            .map(|step| Cited {
                reference: ipa().reference(&ipa().items()[(number * 7 + step) % 238].id),
                relation: Relation::Satisfies,
                level: Some(2),
            })
            .collect(),
        enforcement: None,
        fingerprint: "f".into(),
        in_force_from: None,
        evidence: vec![Evidence {
            status: Status::Pass,
            observed: at,
            expires: None,
            collector: "check".into(),
            digest: format!("sha256:{number}"),
            fingerprint: "f".into(),
            outdated: false,
        }],
        lapsed: false,
        exceptions: Vec::new(),
    });
    System {
        name: "s".into(),
        operator: "o".into(),
        at,
        requirements: requirements.collect(),
        not_applicable: Vec::new(),
    }
}

#[divan::bench]
fn import_xlsx(bencher: Bencher<'_, '_>) {
    let bytes = sheet();
    bencher.bench(|| import(black_box(&bytes), &Limits::default()).map(|copy| copy.catalogue.items().len()));
}

#[divan::bench]
fn import_xls(bencher: Bencher<'_, '_>) {
    let bytes = include_bytes!("../tests/files/invented-ipa-sheet.xls");
    bencher.bench(|| import(black_box(bytes), &Limits::default()).map(|copy| copy.catalogue.items().len()));
}

#[divan::bench(args = [20, 500])]
fn covered(bencher: Bencher<'_, '_>, count: usize) {
    let citations: Vec<Citation> = system(count).citations();
    bencher.bench(|| coverage(ipa(), black_box(&citations[..]).into(), None));
}

#[divan::bench(args = [20, 500])]
fn attestations(bencher: Bencher<'_, '_>, count: usize) {
    let system = system(count);
    bencher.bench(|| cyclonedx(black_box(&system)));
}

#[divan::bench(args = [20, 500])]
fn table(bencher: Bencher<'_, '_>, count: usize) {
    let system = system(count);
    bencher.bench(|| sheet_csv(black_box(&system), ipa(), None));
}
