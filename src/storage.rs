//! Opening the database: SQLite in WAL mode, embedded, or PostgreSQL.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use migration::MigratorTrait;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

use crate::config::DatabaseConfig;

/// Opens the database named by `config.url` (`sqlite://path` or `postgres://…`).
///
/// # Errors
/// When the database cannot be reached; the text names the kind and the remedy, never the URL (it may hold a password).
pub async fn connect(config: &DatabaseConfig) -> anyhow::Result<DatabaseConnection> {
    let url = config.url.expose();
    let mut options;
    if let Some(path) = url.strip_prefix("sqlite://") {
        let file = path.split('?').next().unwrap_or(path);
        if let Some(folder) = Path::new(file).parent()
            && !folder.as_os_str().is_empty()
        {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create the folder of database.url: {}", folder.display()))?;
        }
        create_private(Path::new(file))?;
        options = ConnectOptions::new(format!("sqlite://{file}?mode=rwc"));
        options.map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .journal_mode(SqliteJournalMode::Wal)
                // With WAL, NORMAL may lose the last commits at a power cut. A commit here may be the record that a mail
                // was accepted, so it must be on the disk when we say so.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(Duration::from_secs(15))
                .foreign_keys(true)
                // What is deleted is overwritten with zeros: a destroyed key must not live on in a free page.
                .pragma("secure_delete", "ON")
                // An import touches thousands of pages in a transaction. With the default cache of 2 MB they are written out
                // and read again several times; this much is used only where there is that much to keep.
                .pragma("cache_size", "-16384")
                // Pages of a log of 64 MB instead of 4 MB go into the file at once, each of them only in its last state.
                .pragma("wal_autocheckpoint", "16384")
        });
    } else {
        options = ConnectOptions::new(url);
    }
    // An embedded database does not go away, and asking it before each use would double the trips to its thread.
    let embedded = url.starts_with("sqlite:");
    options
        .test_before_acquire(!embedded)
        .max_connections(config.max_connections)
        .acquire_timeout(Duration::from_secs(15))
        .connect_timeout(Duration::from_secs(15))
        .sqlx_logging(false);
    Database::connect(options).await.map_err(|error| {
        anyhow::anyhow!(
            "cannot open the database of database.url: {}; check that it exists, is reachable and that the user may connect",
            without_url(&error.to_string())
        )
    })
}

/// Creates the database file for its owner only: it holds pseudonyms, counts and the timeline in clear. SQLite gives its
/// companions (`-wal`, `-shm`) the mode of the file itself.
fn create_private(file: &Path) -> anyhow::Result<()> {
    if file.exists() {
        return Ok(());
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(file).with_context(|| format!("database.url: cannot create {}", file.display()))?;
    Ok(())
}

/// Brings the schema up to date. Returns how many migrations ran.
pub async fn migrate(database: &DatabaseConnection) -> anyhow::Result<usize> {
    let pending = migration::Migrator::get_pending_migrations(database)
        .await
        .context("cannot read the schema version")?;
    migration::Migrator::up(database, None)
        .await
        .context("migration failed; the database is as before it")?;
    Ok(pending.len())
}

/// How many migrations are still to run.
pub async fn pending_migrations(database: &DatabaseConnection) -> anyhow::Result<usize> {
    Ok(migration::Migrator::get_pending_migrations(database)
        .await
        .context("cannot read the schema version")?
        .len())
}

/// Begins a writing transaction. On SQLite it takes the write lock at once: a transaction that reads first and upgrades
/// later fails with "busy" as soon as another one has written in between, whatever the time-out.
pub(crate) async fn begin(database: &DatabaseConnection) -> Result<DatabaseTransaction, sea_orm::DbErr> {
    let sqlite_transaction_mode =
        (database.get_database_backend() == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate);
    database.begin_with_options(TransactionOptions { sqlite_transaction_mode, ..Default::default() }).await
}

fn without_url(text: &str) -> String {
    text.split_whitespace().filter(|word| !word.contains("://")).collect::<Vec<_>>().join(" ")
}
