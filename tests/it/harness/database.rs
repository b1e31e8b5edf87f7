//! A database for one test: a copy of a migrated template, of either kind.

use std::path::Path;

use sea_orm::{ConnectionTrait, Database};
use suimon::config::Secret;
use tokio::sync::OnceCell;

static TEMPLATE: OnceCell<Template> = OnceCell::const_new();

enum Template {
    /// The migrated file's bytes.
    Sqlite(Vec<u8>),
    /// URL of the server's maintenance database, and the template's name.
    Postgres { server: String, name: String },
}

/// A test's own database; dropped with it.
pub struct TestDatabase {
    pub url: String,
    postgres: Option<(String, String)>,
}

impl TestDatabase {
    /// Clones the template, which the first test makes.
    pub async fn create(folder: &Path) -> Self {
        match TEMPLATE.get_or_init(make_template).await {
            Template::Sqlite(bytes) => {
                let file = folder.join("suimon.db");
                std::fs::write(&file, bytes).expect("the database file");
                Self { url: format!("sqlite://{}", file.display()), postgres: None }
            }
            Template::Postgres { server, name: template } => {
                let name = super::unique("suimon_test_");
                execute(server, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
                Self { url: with_database(server, &name), postgres: Some((server.clone(), name)) }
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
        execute(&server, &format!("CREATE DATABASE {name}")).await;
        migrate(&with_database(&server, &name)).await;
        return Template::Postgres { server, name };
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("template.db");
    migrate(&format!("sqlite://{}", file.display())).await;
    Template::Sqlite(std::fs::read(&file).expect("the template"))
}

async fn migrate(url: &str) {
    let config = suimon::config::DatabaseConfig {
        url: Secret::new(url.to_owned()),
        url_file: String::new(),
        max_connections: 1,
        migrate_at_start: true,
    };
    let database = suimon::storage::connect(&config).await.expect("the template opens");
    suimon::storage::migrate(&database).await.expect("the template is migrated");
    database.close().await.expect("the template closes");
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
