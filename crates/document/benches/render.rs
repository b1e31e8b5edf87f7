//! What a document costs in each form: a report of four pages, a table of 10,000 rows, and letters.

use divan::{Bencher, black_box};
use document::{Block, Column, Document, Language, Sheet, Table};

#[path = "../tests/it/sample.rs"]
mod sample;

fn main() {
    divan::main();
}

fn report() -> Sheet {
    sample::report(Language::Ja).check().expect("a test checks it too")
}

fn table(rows: usize) -> Sheet {
    let row = |index: usize| {
        vec![
            format!("{index}").into(),
            "2023年10月26日 21:59".into(),
            "担当者が設定の変更履歴を確認し、元に戻した。".into(),
        ]
    };
    let table = Table {
        caption: None,
        columns: vec![Column::number("番号", 10), Column::new("日時", 30), Column::new("内容", 60)],
        rows: (0..rows).map(row).collect(),
        row_headers: false,
    };
    let document = Document { blocks: vec![Block::Table(table)], ..sample::report(Language::Ja) };
    document.check().expect("within the limits")
}

#[divan::bench]
fn check_report(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| sample::report(Language::Ja)).bench_values(|document| black_box(document.check()));
}

#[divan::bench]
fn html_of_report(bencher: Bencher<'_, '_>) {
    let sheet = report();
    bencher.bench(|| black_box(&sheet).html());
}

#[divan::bench]
fn text_of_report(bencher: Bencher<'_, '_>) {
    let sheet = report();
    bencher.bench(|| black_box(&sheet).text());
}

#[divan::bench]
fn docx_of_report(bencher: Bencher<'_, '_>) {
    let sheet = report();
    bencher.bench(|| black_box(&sheet).docx());
}

#[divan::bench]
fn pdf_of_report(bencher: Bencher<'_, '_>) {
    let sheet = report();
    bencher.bench(|| black_box(&sheet).pdf());
}

#[divan::bench(args = [1_000, 10_000], sample_count = 5)]
fn pdf_of_table(bencher: Bencher<'_, '_>, rows: usize) {
    let sheet = table(rows);
    bencher.bench(|| black_box(&sheet).pdf());
}

#[divan::bench(args = [1_000, 10_000], sample_count = 5)]
fn docx_of_table(bencher: Bencher<'_, '_>, rows: usize) {
    let sheet = table(rows);
    bencher.bench(|| black_box(&sheet).docx());
}

#[divan::bench(args = [1_000, 10_000], sample_count = 5)]
fn pdf_of_letters(bencher: Bencher<'_, '_>, count: usize) {
    let letters = sample::letters(Language::Ja, count);
    bencher.bench(|| black_box(&letters).pdf().expect("they can be printed"));
}

#[divan::bench(sample_count = 5)]
fn check_of_letters(bencher: Bencher<'_, '_>) {
    let letters = sample::letters(Language::Ja, 1_000);
    bencher.bench(|| black_box(&letters).check().expect("they can be printed"));
}
