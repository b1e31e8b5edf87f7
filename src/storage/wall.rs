//! The second wall: on PostgreSQL row-level security lets a query see and write only the rows of the tenants that its
//! transaction names. The first wall is `Scope` in the code; this one holds when a query forgets it.
//!
//! The service's connections name nothing by themselves, so a query that goes around [`Walled`] sees no row. What the wall does
//! not stop: somebody who runs statements of one's own as the service's database user can name any tenant. SQLite has no such
//! wall; there the database is a file of the service itself.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// For so long a writer waits for the others of this service, as it does for those of others.
const PATIENCE: Duration = Duration::from_secs(15);

/// The service's database. It answers nothing by itself: who asks says how far the answer may reach.
#[derive(Clone)]
pub struct Database {
    connection: DatabaseConnection,
    /// Who writes, on SQLite, where one writes at a time: the next one begins when this one ends. Left to SQLite it would sleep and look
    /// again, for milliseconds each time, with a connection in hand that somebody could read with.
    turn: Option<Arc<Semaphore>>,
}

/// A writing transaction; dropped without a commit, it leaves no trace.
pub struct Writing {
    transaction: DatabaseTransaction,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Writing {
    /// Keeps what was written.
    ///
    /// # Errors
    /// Those of the database; then nothing is kept.
    pub async fn commit(self) -> Result<(), DbErr> {
        self.transaction.commit().await
    }
}

impl Deref for Writing {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.transaction
    }
}

/// Whose rows a connection reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wall {
    /// Every tenant's: the operator's people, work of the service itself, and look-ups that come before it is known who
    /// asks (a login, the hash of a token).
    None,
    /// Those of these tenants.
    Tenants(Arc<[Uuid]>),
}

impl Wall {
    /// One tenant's rows.
    pub fn tenant(tenant: Uuid) -> Self {
        Wall::Tenants(Arc::new([tenant]))
    }

    /// As the transaction names it. Ids and one word: nothing in it needs quoting.
    fn setting(&self) -> String {
        match self {
            Wall::None => "SET LOCAL suimon.reach = 'all'".to_owned(),
            Wall::Tenants(tenants) => {
                let tenants: Vec<String> = tenants.iter().map(Uuid::to_string).collect();
                format!("SET LOCAL suimon.reach = '{}'", tenants.join(","))
            }
        }
    }
}

/// A connection behind a wall.
#[derive(Clone)]
pub struct Walled {
    database: Database,
    wall: Wall,
}

impl Database {
    /// Over an open connection.
    pub fn new(connection: DatabaseConnection) -> Self {
        let is_sqlite = connection.get_database_backend() == DbBackend::Sqlite;
        Self { connection, turn: is_sqlite.then(|| Arc::new(Semaphore::new(1))) }
    }

    /// For questions about the database itself: its version, its schema, whether it answers. Behind it no row is seen.
    pub fn bare(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// For reading and writing rows.
    pub fn behind(&self, wall: Wall) -> Walled {
        Walled { database: self.clone(), wall }
    }

    fn walls(&self) -> bool {
        self.turn.is_none()
    }

    async fn turn(&self) -> Result<Option<OwnedSemaphorePermit>, DbErr> {
        let Some(turn) = &self.turn else { return Ok(None) };
        match tokio::time::timeout(PATIENCE, turn.clone().acquire_owned()).await {
            Ok(Ok(turn)) => Ok(Some(turn)),
            Ok(Err(_)) | Err(_) => {
                Err(DbErr::Custom("the database is locked: another transaction did not end".to_owned()))
            }
        }
    }
}

impl Walled {
    /// Begins a writing transaction. On SQLite it takes the write lock at once: a transaction that reads first and upgrades
    /// later fails with "busy" as soon as another one has written in between, whatever the time-out.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn begin(&self) -> Result<Writing, DbErr> {
        let database = &self.database.connection;
        let turn = self.database.turn().await?;
        let sqlite_transaction_mode = (database.get_database_backend() == DbBackend::Sqlite)
            .then_some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode, ..Default::default() };
        let transaction = database.begin_with_options(options).await?;
        if self.database.walls() {
            transaction.execute_unprepared(&self.wall.setting()).await?;
        }
        Ok(Writing { transaction, _turn: turn })
    }
}

/// Reads need no commit: dropping their transaction ends it after the answer, so nobody waits for that trip.
#[async_trait::async_trait]
impl ConnectionTrait for Walled {
    fn get_database_backend(&self) -> DbBackend {
        self.database.connection.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        if !self.database.walls() {
            return self.database.connection.execute_raw(statement).await;
        }
        let transaction = self.begin().await?;
        let result = transaction.execute_raw(statement).await?;
        transaction.commit().await?;
        Ok(result)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        if !self.database.walls() {
            return self.database.connection.execute_unprepared(sql).await;
        }
        let transaction = self.begin().await?;
        let result = transaction.execute_unprepared(sql).await?;
        transaction.commit().await?;
        Ok(result)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if !self.database.walls() {
            return self.database.connection.query_one_raw(statement).await;
        }
        let reads = reads(&statement);
        let transaction = self.begin().await?;
        let row = transaction.query_one_raw(statement).await?;
        if !reads {
            transaction.commit().await?;
        }
        Ok(row)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if !self.database.walls() {
            return self.database.connection.query_all_raw(statement).await;
        }
        let reads = reads(&statement);
        let transaction = self.begin().await?;
        let rows = transaction.query_all_raw(statement).await?;
        if !reads {
            transaction.commit().await?;
        }
        Ok(rows)
    }
}

/// Whether a statement changes nothing: `INSERT … RETURNING` comes through the same door.
fn reads(statement: &Statement) -> bool {
    statement.sql.trim_start().get(..6).is_some_and(|verb| verb.eq_ignore_ascii_case("select"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};
    use crate::storage::connect;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_writer_waits_for_its_turn_without_a_connection_and_gets_it_when_the_other_gives_up() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("database.url=sqlite://{}", folder.path().join("x.db").display());
        // One for the writer, one for everybody else.
        let flags = vec![url, "database.max_connections=2".to_owned()];
        let config = load(&Sources { flags, ..Sources::default() }).unwrap().database;
        let database = Database::new(connect(&config).await.unwrap());
        database.bare().execute_unprepared("CREATE TABLE t (n INTEGER)").await.unwrap();
        let walled = database.behind(Wall::None);
        let first = walled.begin().await.unwrap();
        first.execute_unprepared("INSERT INTO t VALUES (1)").await.unwrap();
        let waiting = walled.clone();
        let second = tokio::spawn(async move {
            let second = waiting.begin().await?;
            second.execute_unprepared("INSERT INTO t VALUES (2)").await?;
            second.commit().await
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!second.is_finished(), "it is not its turn");
        let count = || async {
            let ask = Statement::from_string(DbBackend::Sqlite, "SELECT COUNT(*) AS n FROM t");
            let read = walled.query_one_raw(ask);
            let row =
                tokio::time::timeout(Duration::from_secs(10), read).await.expect("nobody waits to read");
            row.unwrap().unwrap().try_get::<i64>("", "n").unwrap()
        };
        assert_eq!(count().await, 0);
        drop(first);
        second.await.unwrap().unwrap();
        assert_eq!(count().await, 1, "what the first had begun is nowhere");
    }
}
