//! Opening the database: SQLite in WAL mode, embedded, or PostgreSQL.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use migration::MigratorTrait;
use sea_orm::sea_query::{Condition, Query};
use sea_orm::sqlx::Connection as _;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ColumnTrait, ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait, QueryFilter, Statement, TransactionTrait,
};

use crate::config::DatabaseConfig;

mod wall;

pub use wall::{Database, Wall, Walled, Writing};

/// Deletes rows that fit, at most `limit`; how many. `key` tells rows apart. A DELETE has no limit of its own in PostgreSQL; the
/// condition stands in it a second time, because a row may have changed since it was chosen.
///
/// # Errors
/// Unexpected ones only.
pub(crate) async fn delete_some<E: EntityTrait>(
    transaction: &DatabaseTransaction,
    key: E::Column,
    fitting: Condition,
    limit: u64,
) -> Result<u64, DbErr> {
    let chosen =
        Query::select().column(key).from(E::default()).cond_where(fitting.clone()).limit(limit).to_owned();
    let deleted = E::delete_many().filter(fitting).filter(key.in_subquery(chosen));
    Ok(deleted.exec(transaction).await?.rows_affected)
}

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
        // Where a disk is full or a write fails, SQLite ends the transaction by itself. sqlx's ROLLBACK is refused then, and it counts one
        // transaction too many on this connection for ever: the next ones would be savepoints within each other, said to be committed and
        // never on the disk, and hold the write lock against everybody else. Such a connection is closed.
        options.map_sqlx_sqlite_before_acquire(|connection, _| {
            let is_sound = !connection.is_in_transaction();
            if !is_sound {
                tracing::warn!(
                    "a connection to the database is closed: a transaction on it ended with an error"
                );
            }
            Box::pin(std::future::ready(Ok(is_sound)))
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
    sea_orm::Database::connect(options).await.map_err(|error| {
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

/// Oldest PostgreSQL that the tests run on.
const OLDEST_POSTGRES: i32 = 150_000;

/// Looks at a PostgreSQL before anything is done with it: its version, and whether the service's user stands behind the wall of
/// row-level security. Nothing on SQLite.
///
/// # Errors
/// When it is too old, or when `database.require_row_security` asks for the wall and the user is above it.
pub async fn inspect(database: &DatabaseConnection, config: &DatabaseConfig) -> anyhow::Result<()> {
    if database.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let ask = "SELECT current_setting('server_version_num')::int AS version, rolsuper OR rolbypassrls AS above \
               FROM pg_roles WHERE rolname = current_user";
    let row = database
        .query_one_raw(Statement::from_string(DbBackend::Postgres, ask))
        .await
        .context("cannot ask PostgreSQL for its version")?
        .context("PostgreSQL does not know the current user")?;
    let version: i32 = row.try_get("", "version")?;
    if version < OLDEST_POSTGRES {
        anyhow::bail!(
            "database.url: PostgreSQL {}.{} is too old; 15 or newer is needed",
            version / 10_000,
            version % 10_000
        );
    }
    if row.try_get("", "above")? {
        const REMEDY: &str = "connect as a user without SUPERUSER and BYPASSRLS, and give the owner of the tables as \
                              database.migrate_url";
        if config.require_row_security {
            anyhow::bail!("database.url: this user stands above row-level security; {REMEDY}");
        }
        tracing::warn!(
            "the database user stands above row-level security: the second wall does not hold; {REMEDY}"
        );
    }
    Ok(())
}

/// Brings the schema up to date as the owner of the tables (`database.migrate_url`, or `database.url` where that is empty), raises
/// the walls, and lets the service's user work on the tables. Returns how many migrations ran.
///
/// # Errors
/// With the place and the remedy.
pub async fn migrate_as_owner(config: &DatabaseConfig) -> anyhow::Result<usize> {
    let owner = config.migrate_url.expose();
    if owner.is_empty() {
        return migrate(&connect(config).await?).await;
    }
    let as_owner = DatabaseConfig { url: config.migrate_url.clone(), ..config.clone() };
    let database = connect(&as_owner).await.context("database.migrate_url")?;
    let ran = migrate(&database).await?;
    if let Some(user) = user_of(config.url.expose()).filter(|user| Some(user) != user_of(owner).as_ref()) {
        let transaction = database.begin().await?;
        migration::walls::grant(&transaction, &user).await.with_context(|| {
            format!("database.url: the user {user} cannot be given its rights; create it first")
        })?;
        transaction.commit().await?;
    }
    database.close().await?;
    Ok(ran)
}

/// The user that a PostgreSQL URL names.
fn user_of(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    let (user, _) = rest.split_once('@')?;
    let user = user.split_once(':').map_or(user, |(user, _)| user);
    // The few names that need it are written with percent signs, as everywhere in URLs.
    let mut bytes = Vec::with_capacity(user.len());
    let mut rest = user.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'%').then(|| after.get(..2)).flatten();
        match code.and_then(|code| hex::decode(code).ok()) {
            Some(decoded) => {
                bytes.extend(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok().filter(|user| !user.is_empty())
}

/// Brings the schema up to date and raises the walls. Returns how many migrations ran.
///
/// # Errors
/// When the database cannot be changed; then it is as before.
pub async fn migrate(database: &DatabaseConnection) -> anyhow::Result<usize> {
    let pending = pending_migrations(database).await?;
    if pending > 0 {
        migration::Migrator::up(database, None)
            .await
            .context("migration failed; the database is as before it")?;
        migration::walls::raise(database)
            .await
            .context("row-level security cannot be raised; the owner of the tables may")?;
    }
    Ok(pending)
}

/// How many migrations are still to run. Only reads: the service's user need not be able to create tables.
///
/// # Errors
/// When the database cannot be asked.
pub async fn pending_migrations(database: &DatabaseConnection) -> anyhow::Result<usize> {
    const TABLE: &str = "seaql_migrations";
    let backend = database.get_database_backend();
    let exists = match backend {
        DbBackend::Postgres => format!("SELECT 1 WHERE to_regclass('{TABLE}') IS NOT NULL"),
        _ => format!("SELECT 1 FROM sqlite_master WHERE name = '{TABLE}'"),
    };
    let asked = async {
        if database.query_one_raw(Statement::from_string(backend, exists)).await?.is_none() {
            return Ok(Vec::new());
        }
        let versions = Statement::from_string(backend, format!("SELECT version FROM {TABLE}"));
        let rows = database.query_all_raw(versions).await?;
        rows.iter().map(|row| row.try_get_by_index::<String>(0)).collect::<Result<_, sea_orm::DbErr>>()
    };
    let applied: Vec<String> = asked.await.context("cannot read the schema version")?;
    let known = migration::Migrator::migrations();
    Ok(known.iter().filter(|migration| !applied.iter().any(|applied| applied == migration.name())).count())
}

fn without_url(text: &str) -> String {
    text.split_whitespace().filter(|word| !word.contains("://")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};

    #[tokio::test]
    async fn what_is_said_to_be_committed_after_the_disk_was_full_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("database.url=sqlite://{}", folder.path().join("x.db").display());
        let flags = vec![url, "database.max_connections=1".to_owned()];
        let config = load(&Sources { flags, ..Sources::default() }).unwrap().database;
        let (database, other) = (connect(&config).await.unwrap(), connect(&config).await.unwrap());
        // As on a full disk: of this connection alone, and SQLite rolls back by itself.
        let full = "CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB); PRAGMA max_page_count = 4";
        database.execute_unprepared(full).await.unwrap();
        for refused in
            ["INSERT INTO t VALUES (1, zeroblob(100000))", "INSERT INTO t VALUES (2, x''), (2, x'')"]
        {
            let transaction = database.begin().await.unwrap();
            assert!(transaction.execute_unprepared(refused).await.is_err(), "{refused}");
        }
        let transaction = database.begin().await.unwrap();
        transaction.execute_unprepared("INSERT INTO t VALUES (3, x'')").await.unwrap();
        transaction.commit().await.unwrap();
        let ask = Statement::from_string(DbBackend::Sqlite, "SELECT n FROM t");
        assert!(other.query_one_raw(ask).await.unwrap().is_some(), "another connection sees it");
    }
}
