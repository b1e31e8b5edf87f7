//! Any texts and times in requirements: each export can be read again, is the same twice, and holds no formula.
#![no_main]

use catalogue::coverage::{NotApplicable, Status};
use catalogue::export::{
    Cited, Enforcement, Evidence, Exception, Indicator, Mechanism, Mode, Objective, Op, Requirement, System,
    Text, Threshold, Value, cyclonedx, openslo, sheet_csv,
};
use catalogue::{Obligation, Relation, Scheme, shipped};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

const STATUS: [Status; 7] = [
    Status::Pass,
    Status::Warn,
    Status::Unchecked,
    Status::Skip,
    Status::Error,
    Status::Fail,
    Status::Excepted,
];
const RELATION: [Relation; 4] =
    [Relation::Satisfies, Relation::Partially, Relation::DerivedFrom, Relation::Alias];
const ITEMS: [&str; 4] = [
    "ipa-nfrg@2018:B.4.3.1",
    "iso25010@2023:performance-efficiency/capacity",
    "asvs@5.0.0:14.3.2",
    "nist-pf@1.0:CT.DM-P5",
];

fn at(byte: u8) -> Timestamp {
    Timestamp::from_second(i64::from(byte) * 10_000_000).unwrap()
}

fn requirement(line: &[u8]) -> Option<Requirement> {
    let (head, text) = line.split_at_checked(4)?;
    let text = String::from_utf8_lossy(text).into_owned();
    let mut words = text.splitn(4, '\u{1}').map(str::to_owned);
    let name = words.next()?;
    let [a, b, c, d] = *head else { return None };
    let metric = words.next().unwrap_or_default();
    let objective = Objective {
        indicator: if a & 1 == 0 { Indicator::Availability } else { Indicator::Latency },
        share: f64::from(b) / 200.0,
        window: words.next().unwrap_or_else(|| "P30D".to_owned()),
    };
    let evidence = Evidence {
        status: STATUS[usize::from(c) % 7],
        observed: at(c),
        expires: (d & 1 == 0).then(|| at(d)),
        collector: metric.clone(),
        digest: text.clone(),
        fingerprint: "f".to_owned(),
        outdated: d & 2 == 0,
    };
    Some(Requirement {
        name: name.clone(),
        statement: Text { ja: text.clone(), en: text.clone() },
        target: metric.clone(),
        metric: metric.clone(),
        threshold: Threshold {
            op: if a & 2 == 0 { Op::Lte } else { Op::Gte },
            value: Value::Number(f64::from(b)),
            unit: metric.clone(),
        },
        obligation: Obligation::Must,
        citations: vec![Cited {
            reference: ITEMS[usize::from(a) % 4].parse().unwrap(),
            relation: RELATION[usize::from(b) % 4],
            level: Some(c % 6),
        }],
        enforcement: (a & 4 == 0)
            .then_some(Enforcement { mechanism: Mechanism::Slo(objective), mode: Mode::Audit }),
        fingerprint: "f".to_owned(),
        in_force_from: Some(at(d)),
        evidence: vec![evidence.clone(), evidence],
        lapsed: d & 4 == 0,
        exceptions: vec![Exception { approver: name, reason: text.clone(), expires: at(b) }],
    })
}

fuzz_target!(|data: &[u8]| {
    let requirements: Vec<Requirement> =
        data.split(|byte| *byte == 0).take(8).filter_map(requirement).collect();
    let exempt = |requirement: &Requirement| NotApplicable {
        reference: "iso25010@2023:safety".parse().unwrap(),
        reason: requirement.statement.clone(),
        approver: Some(requirement.metric.clone()),
    };
    let not_applicable = requirements.iter().map(exempt).take(1).collect();
    let system =
        System { name: "s".to_owned(), operator: "o".to_owned(), at: at(100), requirements, not_applicable };
    let Ok(exported) = cyclonedx(&system) else { return };
    assert_eq!(exported, cyclonedx(&system).unwrap());
    let _: serde_json::Value = serde_json::from_str(&exported).unwrap();
    let slo = openslo(&system).unwrap();
    let json: Vec<serde_json::Value> = serde_json::from_str(&slo.to_json().unwrap()).unwrap();
    let yaml: Vec<serde_json::Value> = serde_saphyr::from_multiple(&slo.to_yaml().unwrap()).unwrap();
    assert_eq!(json, yaml);
    // The smallest catalogue: each run writes a row for each of its items.
    let table = sheet_csv(&system, shipped(Scheme::Iso25010).unwrap(), None).unwrap();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&table[3..]);
    let mut rows = 0;
    for record in reader.records() {
        for cell in &record.unwrap() {
            assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']), "{cell}");
        }
        rows += 1;
    }
    assert_eq!(rows, 42);
});
