//! Appends to the audit log by concurrent requests, each of which waits until its entry is on the disk: through the writer that
//! reads go through, and as changes that commit with their entry. Against what the database itself gives in the same run for
//! rows of the same bytes: one insert and one flush each, and inserts that are gathered in the same way, without a chain.
//!
//! `cargo bench --bench audit` on SQLite; `script/bench audit` on PostgreSQL that flushes, too. `SECONDS` (3, of each turn),
//! `TURNS` (3), `SUIMON_BENCH_DATABASE`, `SUIMON_BENCH_OWNER`.

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

#[expect(dead_code, reason = "the names of the example's system are for benches that import people")]
mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use common::setting;
use entity::audit_entry;
use futures::future::BoxFuture;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, Database, DatabaseConnection, DbBackend, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use suimon::access::{Action, Scope};
use suimon::audit::{self, Event};
use suimon::config::Secret;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

const CLIENTS: [usize; 4] = [1, 8, 32, 128];
/// As the audit writer.
const BATCH: usize = 256;
const QUEUE: usize = 1024;

/// The same columns without chain, triggers and row-level security.
mod plain {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "plain_entry")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        pub id: Uuid,
        pub at: i64,
        pub actor: String,
        pub action: String,
        pub object: String,
        pub subject: Option<String>,
        pub fields: Option<String>,
        pub purpose: Option<String>,
        pub decision: String,
        pub request_id: String,
        pub detail: String,
        pub prev: Vec<u8>,
        pub hash: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A read of eight fields of one person.
fn event(subject: Uuid) -> Event {
    let fields = common::worker(0).map(|(name, _)| name);
    Event::new("subject.read", format!("subject:{subject}"))
        .subject(subject.to_string())
        .fields(fields)
        .detail(serde_json::json!({ "clear": fields, "masked": [] }))
}

/// Rows in the plain table.
struct Plain {
    database: DatabaseConnection,
    template: plain::Model,
    seq: AtomicI64,
}

impl Plain {
    /// A table beside the log, and as its row the last entry of the log.
    async fn new(database: DatabaseConnection, owner: &DatabaseConnection, tenant: Uuid) -> Self {
        let create = "CREATE TABLE plain_entry AS SELECT * FROM audit_entry WHERE 1 = 0";
        owner.execute_unprepared(create).await.expect("a table");
        owner
            .execute_unprepared("CREATE UNIQUE INDEX plain_entry_key ON plain_entry (tenant_id, seq)")
            .await
            .expect("its key");
        // The log has a second index, of entries about a person.
        let by_subject = "CREATE INDEX plain_by_subject ON plain_entry (tenant_id, subject, seq) WHERE subject IS NOT NULL";
        owner.execute_unprepared(by_subject).await.expect("its index");
        if owner.get_database_backend() == DbBackend::Postgres {
            owner.execute_unprepared("GRANT ALL ON plain_entry TO PUBLIC").await.expect("rights");
        }
        let last = audit_entry::Entity::find()
            .filter(audit_entry::Column::TenantId.eq(tenant))
            .order_by_desc(audit_entry::Column::Seq)
            .one(owner)
            .await
            .expect("the log")
            .expect("an entry");
        let audit_entry::Model {
            tenant_id,
            seq,
            id,
            at,
            actor,
            action,
            object,
            subject,
            fields,
            purpose,
            decision,
            request_id,
            detail,
            prev,
            hash,
        } = last;
        let template = plain::Model {
            tenant_id,
            seq,
            id,
            at,
            actor,
            action,
            object,
            subject,
            fields,
            purpose,
            decision,
            request_id,
            detail,
            prev,
            hash,
        };
        Self { database, template, seq: AtomicI64::new(0) }
    }

    fn row(&self) -> plain::ActiveModel {
        let seq = self.seq.fetch_add(1, Ordering::Relaxed) + 1;
        plain::Model { seq, ..self.template.clone() }.into_active_model().reset_all()
    }

    async fn insert(&self, rows: Vec<plain::ActiveModel>) {
        let backend = self.database.get_database_backend();
        let sqlite_transaction_mode =
            (backend == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode, ..Default::default() };
        let transaction = self.database.begin_with_options(options).await.expect("a transaction");
        plain::Entity::insert_many(rows).exec_without_returning(&transaction).await.expect("rows");
        transaction.commit().await.expect("on the disk");
    }
}

/// Takes what has gathered and commits it at once, as the audit writer does, without a chain.
async fn gather(plain: Arc<Plain>, mut requests: mpsc::Receiver<oneshot::Sender<()>>) {
    let mut batch = Vec::with_capacity(BATCH);
    while requests.recv_many(&mut batch, BATCH).await > 0 {
        plain.insert(batch.iter().map(|_| plain.row()).collect()).await;
        for done in batch.drain(..) {
            let _ = done.send(());
        }
    }
}

type Append = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Appends a second by so many clients, each of which waits for its own.
async fn rate(append: &Append, clients: usize, seconds: usize) -> f64 {
    let start = Instant::now();
    let end = start + Duration::from_secs(seconds as u64);
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let append = append.clone();
            tokio::spawn(async move {
                let mut done = 0_u64;
                while Instant::now() < end {
                    append().await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.expect("a client");
    }
    done as f64 / start.elapsed().as_secs_f64()
}

fn append<F: Future<Output = ()> + Send + 'static>(make: impl Fn() -> F + Send + Sync + 'static) -> Append {
    Arc::new(move || Box::pin(make()))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::main]
async fn main() {
    let (seconds, turns) = (setting("SECONDS", 3), setting("TURNS", 3));
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = common::config(folder.path());
    let owner = std::env::var("SUIMON_BENCH_OWNER").ok();
    if let Some(owner) = &owner {
        config.database.migrate_url = Secret::new(owner.clone());
        config.database.require_row_security = true;
    }
    let (app, op) = common::service(config.clone(), 1, |text| text).await;
    let tenant = suimon::access::tenant_by_slug(&op, &common::institution(0)).await.expect("it").id;
    let scope = op.permit_at(tenant, Action::Read, "subject").await.expect("a permission");
    let subject = scope.new_id();
    scope.record(tenant, vec![event(subject)]).await.expect("an entry");
    let own = suimon::storage::connect(&config.database).await.expect("the database");
    let plain = match &owner {
        Some(url) => {
            let owner = Database::connect(url).await.expect("the owner's connection");
            Plain::new(own, &owner, tenant).await
        }
        None => Plain::new(own.clone(), &own, tenant).await,
    };
    let plain = Arc::new(plain);
    let (queue, requests) = mpsc::channel(QUEUE);
    tokio::spawn(gather(plain.clone(), requests));

    let (reading, changing): (Scope, Scope) = (scope.clone(), scope);
    let ways: [(&str, Append); 4] = [
        ("one insert, one flush", {
            let plain = plain.clone();
            append(move || {
                let plain = plain.clone();
                async move { plain.insert(vec![plain.row()]).await }
            })
        }),
        ("gathered, no chain", {
            append(move || {
                let queue = queue.clone();
                async move {
                    let (done, written) = oneshot::channel();
                    queue.send(done).await.expect("the writer");
                    written.await.expect("written");
                }
            })
        }),
        ("audit writer", {
            append(move || {
                let scope = reading.clone();
                async move { scope.record(tenant, vec![event(subject)]).await.expect("an entry") }
            })
        }),
        ("change with its entry", {
            append(move || {
                let scope = changing.clone();
                async move {
                    let tx = scope.begin().await.expect("a transaction");
                    tx.commit(event(subject)).await.expect("an entry");
                }
            })
        }),
    ];
    println!("appends to one chain, {turns} turns of {seconds} s each, {}", kind(&plain.database));
    for clients in CLIENTS {
        let mut rates = vec![Vec::new(); ways.len()];
        for _ in 0..turns {
            for ((_, way), rates) in ways.iter().zip(&mut rates) {
                rates.push(rate(way, clients, seconds).await);
            }
        }
        // Ratios within a turn: what else the machine does meanwhile falls on both.
        let ratio =
            |of: usize, to: usize| median(rates[of].iter().zip(&rates[to]).map(|(of, to)| of / to).collect());
        print!("{clients:>4} clients ");
        for ((name, _), rates) in ways.iter().zip(&rates) {
            print!("  {name} {:>7.0}/s", median(rates.clone()));
        }
        println!();
        println!(
            "             writer to one flush each {:.2}, writer to gathered without a chain {:.2}, change to one flush each {:.2}",
            ratio(2, 0),
            ratio(2, 1),
            ratio(3, 0)
        );
    }
    // What was measured is an audit log.
    let reports = audit::verify_all(&app, &[]).await.expect("the log");
    let sound = reports.iter().all(|report| report.faults.is_empty());
    let entries: i64 = reports.iter().map(|report| report.entries).sum();
    assert!(sound, "{reports:?}");
    println!("{entries} entries, and every chain is sound");
}

fn kind(database: &DatabaseConnection) -> &'static str {
    match database.get_database_backend() {
        DbBackend::Postgres => "PostgreSQL",
        _ => "SQLite",
    }
}
