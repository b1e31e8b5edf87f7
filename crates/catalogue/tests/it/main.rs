//! One binary, so that the crate links once.

mod any;
mod asvs;
mod attestations;
mod copies;
mod cover;
mod hostile;
mod keep;
mod objectives;
mod secreq;
mod shipped;
mod table;

use catalogue::coverage::{NotApplicable, Status};
use catalogue::export::{
    Cited, Enforcement, Evidence, Exception, Indicator, Mechanism, Mode, Objective, Op, Requirement, System,
    Text, Threshold, Value,
};
use catalogue::{Obligation, Relation};
use jiff::Timestamp;
use rust_xlsxwriter::{Format, Workbook, Worksheet};

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn cite(reference: &str, relation: Relation, level: Option<u8>) -> Cited {
    Cited {
        reference: reference.parse().unwrap_or_else(|error| panic!("{reference}: {error}")),
        relation,
        level,
    }
}

fn evidence(status: Status, observed: &str, expires: Option<&str>) -> Evidence {
    Evidence {
        status,
        observed: instant(observed),
        expires: expires.map(instant),
        collector: "edge-check".into(),
        digest: format!("sha256:{observed}"),
        fingerprint: "f1".into(),
        outdated: false,
    }
}

/// A requirement that nothing keeps and nothing cites.
fn requirement(name: &str) -> Requirement {
    Requirement {
        name: name.into(),
        statement: Text { ja: format!("{name}を守る。"), en: format!("{name} is kept.") },
        target: "system".into(),
        metric: "something".into(),
        threshold: Threshold { op: Op::Lte, value: Value::Number(1.0), unit: "things".into() },
        obligation: Obligation::Must,
        citations: Vec::new(),
        enforcement: None,
        fingerprint: "f1".into(),
        in_force_from: None,
        evidence: Vec::new(),
        lapsed: false,
        exceptions: Vec::new(),
    }
}

/// The two founding stories as requirements: caching kept, capacity broken, availability and latency as objectives, a log
/// under an exception, a key management that only points at its item.
fn system() -> System {
    let slo = |indicator, share, window: &str| Enforcement {
        mechanism: Mechanism::Slo(Objective { indicator, share, window: window.into() }),
        mode: Mode::Observe,
    };
    let cache = Requirement {
        statement: Text {
            ja: "個人のページを共有キャッシュに残さない。".into(),
            en: "No personal page is cached.".into(),
        },
        target: "routes:personal".into(),
        metric: "shared_cache_stores".into(),
        threshold: Threshold { op: Op::Eq, value: Value::Number(0.0), unit: "responses".into() },
        citations: vec![
            cite("owasp-secreq-ja@4.0:7.9.1", Relation::Satisfies, None),
            cite("asvs@5.0.0:14.3.2", Relation::Satisfies, None),
            cite("asvs@5.0.0:14.2.2", Relation::Partially, None),
        ],
        enforcement: Some(Enforcement { mechanism: Mechanism::Cache, mode: Mode::Enforce }),
        in_force_from: Some(instant("2023-10-01T00:00:00Z")),
        evidence: vec![
            evidence(Status::Fail, "2023-10-26T02:00:00Z", None),
            evidence(Status::Pass, "2023-10-26T07:00:00Z", Some("2023-11-26T07:00:00Z")),
        ],
        ..requirement("NFR-CACHE-001")
    };
    let capacity = Requirement {
        metric: "admitted_rps".into(),
        threshold: Threshold { op: Op::Lte, value: Value::Number(400.0), unit: "req/s".into() },
        citations: vec![
            cite("ipa-nfrg@2018:B.4.3.1", Relation::Satisfies, Some(3)),
            cite("ipa-nfrg@2018:B.1.1.2", Relation::Partially, Some(1)),
        ],
        enforcement: Some(Enforcement { mechanism: Mechanism::Admission, mode: Mode::Enforce }),
        evidence: vec![evidence(Status::Fail, "2023-10-27T00:00:00Z", None)],
        ..requirement("NFR-CAP-001")
    };
    let available = Requirement {
        metric: "availability".into(),
        threshold: Threshold { op: Op::Gte, value: Value::Number(0.999), unit: "ratio".into() },
        citations: vec![cite("ipa-nfrg@2018:A.1.5.1", Relation::Satisfies, Some(3))],
        enforcement: Some(slo(Indicator::Availability, 0.999, "P30D")),
        obligation: Obligation::Should,
        ..requirement("NFR-AVL-001")
    };
    let quick = Requirement {
        metric: "response_time".into(),
        threshold: Threshold { op: Op::Lte, value: Value::Number(2.0), unit: "s".into() },
        citations: vec![cite("ipa-nfrg@2018:B.2.1.1", Relation::Satisfies, Some(4))],
        enforcement: Some(slo(Indicator::Latency, 0.95, "P4W")),
        ..requirement("NFR-LAT-001")
    };
    let log = Requirement {
        citations: vec![cite("ipa-nfrg@2018:E.7.1.1", Relation::Satisfies, Some(1))],
        exceptions: vec![Exception {
            approver: "compliance_officer".into(),
            reason: "=the old system has no log".into(),
            expires: instant("2024-03-31T15:00:00Z"),
        }],
        ..requirement("NFR-LOG-001")
    };
    let keys = Requirement {
        citations: vec![
            cite("ipa-nfrg@2018:E.6.1.3", Relation::DerivedFrom, None),
            cite("ipa-nfrg@2018:C.1.1.1", Relation::Satisfies, Some(5)),
        ],
        ..requirement("NFR-KEY-001")
    };
    System {
        name: "online-application".into(),
        operator: "USS".into(),
        at: instant("2023-10-28T00:00:00Z"),
        requirements: vec![cache, capacity, available, quick, log, keys],
        not_applicable: Vec::new(),
    }
}

/// That an item or a group says nothing about the system.
fn not_applicable(reference: &str) -> NotApplicable {
    NotApplicable {
        reference: reference.parse().unwrap(),
        reason: Text {
            ja: "=音声も映像もない。".into(), en: "There is neither sound nor video.".into()
        },
        approver: Some("security".into()),
    }
}

/// A workbook with one sheet that `fill` writes.
fn workbook(name: &str, fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.set_name(name).unwrap_or_else(|error| panic!("{error}"));
    fill(sheet);
    workbook.save_to_buffer().unwrap_or_else(|error| panic!("{error}"))
}

const IPA_SHEET: &str = "非機能要求グレード活用シート";

/// Writes texts from a row and a column on.
fn write(sheet: &mut Worksheet, row: u32, column: u16, texts: &[&str]) {
    for (at, text) in (column..).zip(texts) {
        if !text.is_empty() {
            sheet.write_string(row, at, *text).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

fn merge(sheet: &mut Worksheet, rows: (u32, u32), column: u16, text: &str) {
    sheet
        .merge_range(rows.0, column, rows.1, column, text, &Format::new())
        .unwrap_or_else(|error| panic!("{error}"));
}
