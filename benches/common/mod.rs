//! A service for benches: its own folder, the vaccine example's system, made-up institutions.

use std::path::Path;
use std::sync::Arc;

use suimon::access::{self, FirstAdmin, NewAccount, NewOperator, NewTenant, Op, Role};
use suimon::app::App;
use suimon::clock::SystemClock;
use suimon::config::{Config, Sources};
use suimon::entropy::Entropy;
use suimon::requirements::{self, ManifestFile, Outcome};

pub const SYSTEM: &str = "vaccine-booking";
pub const RECORD_TYPE: &str = "medical_worker";
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/vaccine-booking/manifests/system.yaml");

/// A number from the environment.
pub fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// SQLite in `folder`, or what `SUIMON_BENCH_DATABASE` names (an empty database).
pub fn config(folder: &Path) -> Config {
    let url = std::env::var("SUIMON_BENCH_DATABASE")
        .unwrap_or_else(|_| format!("sqlite://{}", folder.join("bench.db").display()));
    let flags = vec![
        format!("database.url={url}"),
        format!("keys.file={}", folder.join("kek.key").display()),
        "log.filter=error".to_owned(),
    ];
    suimon::config::load(&Sources { flags, ..Default::default() }).expect("a good configuration")
}

/// The service with an operator, the system in force, a compliance officer, and institutions.
/// `change` can state something else in the example's manifest.
pub async fn service(
    config: Config,
    institutions: usize,
    change: impl FnOnce(String) -> String,
) -> (Arc<App>, Op) {
    let app = App::open(config, Arc::new(SystemClock), Entropy::seeded(1)).await.expect("the service opens");
    let operator =
        NewOperator { slug: "operator".into(), name_ja: "運営者".into(), name_en: "Operator".into() };
    let password = Some("a password of the bench".to_owned());
    let admin = FirstAdmin { login: "admin".into(), display_name: "Administrator".into(), password };
    access::initialise(&app, operator, admin).await.expect("an operator");
    let op = access::act_locally(&app, "admin").await.expect("the administrator");
    let officer = NewAccount {
        login: "officer".into(),
        display_name: "Officer".into(),
        roles: vec![Role::ComplianceOfficer],
        password: None,
    };
    access::create_account(&op, app.root().expect("an operator"), officer).await.expect("an officer");
    let all: Vec<usize> = (0..institutions).collect();
    for chunk in all.chunks(1000) {
        let tenants = chunk.iter().map(|number| NewTenant {
            slug: institution(*number),
            name_ja: format!("医療機関{number}"),
            name_en: format!("Institution {number}"),
        });
        access::create_tenants(&op, tenants.collect()).await.expect("institutions");
    }
    let op = access::act_locally(&app, "officer").await.expect("the officer");
    apply(&op, change).await;
    let op = access::act_locally(&app, "officer").await.expect("the officer");
    (app, op)
}

/// Slug of an institution.
pub fn institution(number: usize) -> String {
    format!("clinic-{number:05}")
}

async fn apply(op: &Op, change: impl FnOnce(String) -> String) {
    let content = change(std::fs::read_to_string(MANIFEST).expect("the example")).into_bytes();
    let file = ManifestFile { name: "system.yaml".into(), content };
    let outcome = requirements::apply(op, vec![file], "bench", false).await.expect("the system");
    assert!(matches!(outcome, Outcome::Applied(_)), "the example's manifest is right");
}

/// The values of a made-up worker: as many characters as real ones have.
pub fn worker(number: usize) -> [(&'static str, String); 8] {
    let (year, month, day) = (1955 + number % 45, 1 + number % 12, 1 + number % 28);
    [
        ("full_name", format!("医療 従事者{number}")),
        ("date_of_birth", format!("{year}-{month:02}-{day:02}")),
        ("occupation", ["医師", "看護師", "薬剤師", "臨床検査技師"][number % 4].to_owned()),
        ("ticket_number", format!("{:010}", number * 7 + 3)),
        ("email", format!("worker{number}@clinic.example")),
        ("phone", format!("090-{:04}-{:04}", number / 10_000 % 10_000, number % 10_000)),
        ("language", "ja".to_owned()),
        ("booking_number", format!("B{number:09}")),
    ]
}
