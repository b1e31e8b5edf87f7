//! A database for one test: a copy of a migrated template, of either kind.

use std::path::Path;

use sea_orm::{ConnectionTrait, Database};
use suimon::config::Secret;
use tokio::sync::OnceCell;

static TEMPLATE: OnceCell<Template> = OnceCell::const_new();

enum Template {
    /// The migrated file's bytes.
    Sqlite(Vec<u8>),
    /// URL of the server's maintenance database, the template's name, and the role that the service runs as.
    Postgres { server: String, name: String, role: String },
}

/// A test's own database; dropped with it.
pub struct TestDatabase {
    /// For the service: on PostgreSQL its role owns nothing and stands behind row-level security.
    pub url: String,
    /// For looking into the tables beside the service: the owner, above the wall.
    pub owner_url: String,
    postgres: Option<(String, String)>,
}

impl TestDatabase {
    /// Clones the template, which the first test makes.
    pub async fn create(folder: &Path) -> Self {
        match TEMPLATE.get_or_init(make_template).await {
            Template::Sqlite(bytes) => {
                let file = folder.join("suimon.db");
                std::fs::write(&file, bytes).expect("the database file");
                let url = format!("sqlite://{}", file.display());
                Self { owner_url: url.clone(), url, postgres: None }
            }
            Template::Postgres { server, name: template, role } => {
                let name = super::unique("suimon_test_");
                execute(server, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
                let owner_url = with_database(server, &name);
                Self { url: with_user(&owner_url, role), owner_url, postgres: Some((server.clone(), name)) }
            }
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some((server, name)) = self.postgres.take() else { return };
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current()
                .block_on(execute(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")))
        });
    }
}

async fn make_template() -> Template {
    if let Ok(server) = std::env::var("SUIMON_TEST_POSTGRES") {
        let name = super::unique("suimon_template_");
        let role = "suimon_test_service".to_owned();
        // Several test programs may begin at once.
        let create = format!(
            "DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        );
        execute(&server, &create).await;
        execute(&server, &format!("CREATE DATABASE {name}")).await;
        let owner = with_database(&server, &name);
        migrate(&with_user(&owner, &role), &owner).await;
        return Template::Postgres { server, name, role };
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("template.db");
    migrate(&format!("sqlite://{}", file.display()), "").await;
    Template::Sqlite(std::fs::read(&file).expect("the template"))
}

async fn migrate(url: &str, owner_url: &str) {
    let config = suimon::config::DatabaseConfig {
        url: Secret::new(url.to_owned()),
        url_file: String::new(),
        migrate_url: Secret::new(owner_url.to_owned()),
        migrate_url_file: String::new(),
        require_row_security: true,
        max_connections: 1,
        migrate_at_start: true,
    };
    suimon::storage::migrate_as_owner(&config).await.expect("the template is migrated");
}

async fn execute(url: &str, sql: &str) {
    let database = Database::connect(url).await.expect("the PostgreSQL server of SUIMON_TEST_POSTGRES");
    database.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    database.close().await.expect("closes");
}

fn with_database(server: &str, name: &str) -> String {
    let (base, query) = server.split_once('?').map_or((server, None), |(base, query)| (base, Some(query)));
    let base = base.rsplit_once('/').expect("a URL with a database").0;
    query.map_or_else(|| format!("{base}/{name}"), |query| format!("{base}/{name}?{query}"))
}

fn with_user(url: &str, user: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    format!("{scheme}://{user}@{rest}")
}
