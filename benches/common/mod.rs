//! A service for benches: its own folder, the vaccine example's system, made-up institutions.

use std::path::Path;
use std::sync::Arc;

use suimon::access::{self, FirstAdmin, NewAccount, NewOperator, NewTenant, Op, Role};
use suimon::app::App;
use suimon::clock::SystemClock;
use suimon::config::{Config, Sources};
use suimon::entropy::Entropy;
use suimon::requirements::{self, ManifestFile, Outcome};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub const SYSTEM: &str = "vaccine-booking";
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
